/* SPDX-License-Identifier: MIT
 * Means, differences, shares and corrections against figures from R, or by numerical integration. */
#include <criterion/criterion.h>
#include <math.h>
#include "../../ablations/driver/driver.h"

static void near(double got, double want, double within) { cr_assert(fabs(got - want) <= within, "got %.9g, want %.9g", got, want); }

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
    for (int df = 1; df < 200; df++) cr_assert(student_t975(df) > student_t975(df + 1), "at %d degrees of freedom", df);
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
    one_more(&s, &low, &high); /* mean -+ qt(0.975, 3) * sd * sqrt(1 + 1/4) */
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

/* 2 * pt(-2.5, 7), 2 * pt(-1, 3.7), 2 * pt(-30, 29) */
Test(stats, p_of_student)
{
    near(student_p(2.5, 7), 0.04099222, 1e-7);
    near(student_p(-2.5, 7), 0.04099222, 1e-7);
    near(student_p(0, 4), 1, 1e-12);
    near(student_p(INFINITY, 4), 0, 0);
    near(student_p(student_t975(3.7), 3.7), 0.05, 1e-9);
}

/* t.test(a, b, paired = TRUE) and t.test(a, b) */
Test(stats, differences)
{
    const double a[] = { 99.1, 99.3, 99.2, 99.4 }, b[] = { 99.0, 99.1, 99.2, 99.0 }, d[] = { 0.1, 0.2, 0, 0.4 };
    struct effect paired = effect_paired(d, 4), welch = effect_welch(a, 4, b, 4);
    cr_assert(paired.n == 4 && welch.n == 4 && welch.than_n == 4);
    near(paired.mean, 0.175, 1e-12);
    near(paired.p, 0.13284, 1e-5);
    near(welch.mean, 0.175, 1e-12);
    near(welch.low, -0.025731, 1e-6);
    near(welch.high, 0.375731, 1e-6);
    near(welch.p, 0.07611, 1e-5);
    const double same[] = { 0, 0, 0 }, apart[] = { 1, 1, 1 };
    near(effect_paired(same, 3).p, 1, 0);
    near(effect_paired(apart, 3).p, 0, 0);
    cr_assert(isnan(effect_welch(a, 1, b, 4).p) && isnan(effect_paired(d, 1).p), "too few is not known");
}

/* prop.test's Wilson interval without continuity correction; fisher.test; binom.test */
Test(stats, shares)
{
    double low, high;
    wilson(8, 12, &low, &high);
    near(low, 0.39062, 1e-4);
    near(high, 0.86187, 1e-4);
    wilson(0, 20, &low, &high);
    near(low, 0, 0);
    near(high, 0.16113, 1e-4);
    wilson(0, 0, &low, &high);
    cr_assert(low == 0 && high == 1);
    struct effect e = effect_shares(8, 12, 2, 12);
    near(e.mean, 0.5, 1e-12);
    near(e.p, 0.03607, 1e-4);
    cr_assert(e.low > 0.09 && e.low < 0.13 && e.high > 0.70 && e.high < 0.74, "Newcombe's interval: %g %g", e.low, e.high);
    near(effect_shares(5, 10, 5, 10).p, 1, 1e-9);
    near(effect_share(9, 10, 0.5).p, 0.02148, 1e-5);
    near(effect_share(10, 10, 1).p, 1, 0);
    cr_assert(isnan(effect_shares(0, 0, 1, 2).p));
}

/* p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm"); what is no test is left out */
Test(stats, holm_correction)
{
    double p[] = { 0.01, 0.04, NAN, 0.03, 0.005 };
    holm(p, 5);
    near(p[0], 0.03, 1e-12);
    near(p[1], 0.06, 1e-12);
    cr_assert(isnan(p[2]));
    near(p[3], 0.06, 1e-12);
    near(p[4], 0.02, 1e-12);
}

Test(stats, verdicts)
{
    const struct claim more = { .relation = MORE, .than_cell = "b" }, by_two = { .relation = MORE, .than_cell = "b", .margin = 2 },
                       less = { .relation = LESS, .than_cell = "b" }, same = { .relation = SAME, .than_cell = "b", .margin = 0.5 };
    const struct effect up = { 10, 10, 0.3, 0.1, 0.5, 0.01 }, wide = { 10, 10, 0.3, -1, 1.6, 0.6 }, tiny = { 10, 10, 0.1, -0.2, 0.4, 0.6 };
    cr_assert_eq(claim_verdict(&more, &up, 0.01), HOLDS);
    cr_assert_eq(claim_verdict(&more, &up, 0.06), NOT_SEPARABLE);
    cr_assert_eq(claim_verdict(&less, &up, 0.01), HOLDS_NOT);
    cr_assert_eq(claim_verdict(&by_two, &up, 0.01), HOLDS_NOT, "surely smaller than claimed");
    cr_assert_eq(claim_verdict(&same, &tiny, NAN), HOLDS);
    cr_assert_eq(claim_verdict(&same, &wide, NAN), NOT_SEPARABLE);
    const struct claim no_more = { .relation = NOT_MORE, .than_cell = "b", .margin = 0.5 };
    const struct claim hardly_more = { .relation = NOT_MORE, .than_cell = "b", .margin = 0.05 };
    const struct claim no_less = { .relation = NOT_LESS, .than_cell = "b", .margin = 0.5 };
    cr_assert_eq(claim_verdict(&no_less, &up, NAN), HOLDS, "better is no worse");
    cr_assert_eq(claim_verdict(&hardly_more, &up, NAN), HOLDS_NOT);
    cr_assert_eq(claim_verdict(&no_more, &tiny, NAN), HOLDS);
    cr_assert_eq(claim_verdict(&no_more, &wide, NAN), NOT_SEPARABLE);
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
