/* SPDX-License-Identifier: MIT
 * Means and deviations against values from R; durations as a person reads them. */
#include <criterion/criterion.h>
#include <math.h>
#include "../../ablations/driver/driver.h"

static void near(double got, double want, double within) { cr_assert(fabs(got - want) <= within, "got %.9g, want %.9g", got, want); }

/* mean and sd of c(99.1, 99.3, 99.2, 99.4) */
Test(stats, mean_and_deviation)
{
    const double values[] = { 99.1, 99.3, 99.2, 99.4 };
    struct summary s = summarize(values, 4);
    cr_assert(s.n == 4);
    near(s.mean, 99.25, 1e-12);
    near(s.sd, 0.1290994, 1e-7);
}

Test(stats, too_few)
{
    const double values[] = { 99.1, NAN, INFINITY };
    struct summary none = summarize(values, 0), one = summarize(values, 3);
    cr_assert(none.n == 0 && isnan(none.mean));
    cr_assert(one.n == 1 && one.mean == 99.1 && isnan(one.sd), "what is not finite is left out");
}

Test(stats, durations)
{
    char text[32];
    cr_assert_str_eq(duration(0.25, text), "0.2 s");
    cr_assert_str_eq(duration(45.4, text), "45 s");
    cr_assert_str_eq(duration(750, text), "12 min");
    cr_assert_str_eq(duration(12000, text), "3 h 20 min");
    cr_assert_str_eq(duration(NAN, text), "?");
}
