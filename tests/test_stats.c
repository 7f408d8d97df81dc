/* SPDX-License-Identifier: MIT
 * Means with intervals against figures worked out by R. */
#include <criterion/criterion.h>
#include <math.h>
#include "../ablations/driver.h"

static void near(double got, double want, double within)
{
    cr_assert(fabs(got - want) <= within, "got %.9g, want %.9g", got, want);
}

/* qt(0.975, df) */
Test(stats, student)
{
    near(student_t975(1), 12.7062047, 1e-5);
    near(student_t975(2), 4.3026527, 1e-5);
    near(student_t975(9), 2.2621572, 1e-5);
    near(student_t975(30), 2.0422725, 1e-5);
    near(student_t975(31), 2.0395134, 1e-5);
    near(student_t975(60), 2.0002978, 1e-5);
    near(student_t975(1000), 1.9623391, 1e-5);
    for (int df = 1; df < 200; df++)
        cr_assert(student_t975(df) > student_t975(df + 1), "at %d degrees of freedom", df);
}

/* t.test(c(99.1, 99.3, 99.2, 99.4)) */
Test(stats, interval)
{
    const double values[] = { 99.1, 99.3, 99.2, 99.4 };
    struct summary s = summarize(values, 4);
    cr_assert(s.n == 4);
    near(s.mean, 99.25, 1e-12);
    near(s.sd, 0.1290994, 1e-7);
    near(s.low, 99.04457, 1e-5);
    near(s.high, 99.45543, 1e-5);
    double low, high;
    one_more(&s, &low, &high);          /* mean -+ qt(0.975, 3) * sd * sqrt(1 + 1/4) */
    near(low, 98.79065, 1e-5);
    near(high, 99.70935, 1e-5);
}

Test(stats, too_few)
{
    const double values[] = { 99.1, NAN, INFINITY };
    struct summary none = summarize(values, 0), one = summarize(values, 3);
    cr_assert(none.n == 0 && isnan(none.mean));
    cr_assert(one.n == 1 && one.mean == 99.1 && isnan(one.sd) && isnan(one.low), "what is not finite is left out");
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
