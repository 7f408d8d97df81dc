/* SPDX-License-Identifier: MIT
 * The tile contract of every implementation that can run here, and that the comparison sees what twins get wrong first. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include "../check/t_api.h"

Test(t, every_implementation_has_the_bits_of_the_definition)
{
    char text[256];
    for (int i = 0; t_apis[i]; i++) {
        if (!t_apis[i]->runs()) continue;
        const long made = t_compare(t_apis[i], 300, 7, text, sizeof text);
        cr_assert(made > 300L * 640, "%s: %s", t_apis[i]->name, text);
    }
}

Test(t, bf16_rounds_to_nearest_even)
{
    char text[256];
    const char *wrong = bf16_compare(text, sizeof text);
    cr_assert_null(wrong, "%s", wrong);
}

/* How a twin may go wrong: the flush, the order, the rounding of its last step. */
enum wrong {
    IEEE_DENORMALS,
    FLUSHES_BEFORE_ROUNDING,
    KEEPS_DENORMAL_INPUTS,
    ONE_CHAIN,
    PAIR_BY_PAIR,
    ODD_FIRST,
    SEPARATE_ROUNDING,
    SUMS_ONTO_C,
    WRONGS
};
static enum wrong wrong;

static float flushed(float a) { return fabsf(a) < 0x1p-126f ? copysignf(0, a) : a; }

static float step(float a, float b, float c)
{
    if (wrong != KEEPS_DENORMAL_INPUTS) a = flushed(a), b = flushed(b);
    if (wrong == SEPARATE_ROUNDING) return flushed(flushed(a * b) + c);
    const float sum = fmaf(a, b, c), large = fmaf(a * 0x1p64f, b, c * 0x1p64f);
    if (wrong == IEEE_DENORMALS || !(fabsf(sum) <= 0x1p-126f)) return sum;
    const bool below = (double)fabsf(large) < 0x1p-62 ||
                       (wrong == FLUSHES_BEFORE_ROUNDING && fabs((double)a * 0x1p64 * (double)b + (double)c * 0x1p64) < 0x1p-62);
    return below ? copysignf(0, sum) : sum;
}

static void one(struct t_case *t, float (*c)[20], const bf16 (*a)[40], const bf16 (*b)[48])
{
    for (int m = 0; m < t->rows; m++)
        for (int n = 0; n < 16; n++) {
            float sum[2] = { wrong == SUMS_ONTO_C || wrong == ONE_CHAIN ? flushed(c[m][n]) : 0, 0 };
            for (int k = 0; k < 2 * t->pairs; k++) {
                const int at = wrong == ONE_CHAIN ? 0 : k % 2;
                if (wrong == PAIR_BY_PAIR && !at) sum[0] += sum[1], sum[1] = 0;
                sum[at] = step(bf16_value(a[m][k]), bf16_value(b[k / 2][2 * n + k % 2]), sum[at]);
            }
            if (wrong == SUMS_ONTO_C || wrong == ONE_CHAIN) c[m][n] = flushed(sum[0] + sum[1]);
            else if (wrong == ODD_FIRST) c[m][n] = flushed(flushed(flushed(c[m][n]) + sum[1]) + sum[0]);
            else if (wrong == IEEE_DENORMALS) c[m][n] += sum[0] + sum[1];
            else c[m][n] = flushed(flushed(c[m][n]) + flushed(sum[0] + sum[1]));
        }
}

static void wrong_products(struct t_case *t)
{
    for (int m = 0; m < t->rows && t->zero; m++) memset(t->c[1][m], 0, 16 * sizeof(float));
    one(t, t->c[0], t->a[0], t->b[0]);
    one(t, t->c[1], t->a[0], t->b[1]);
    one(t, t->c[0], t->a[1], t->b[1]);
    one(t, t->c[1], t->a[1], t->b[0]);
}

Test(t, the_comparison_finds_wrong_twins)
{
    char text[256];
    struct t_api twin = t_portable;
    twin.products = wrong_products;
    wrong = WRONGS;
    cr_assert(t_compare(&twin, 200, 7, text, sizeof text) > 0, "right, but: %s", text);
    for (int i = 0; i < WRONGS; i++) {
        wrong = (enum wrong)i;
        cr_assert_eq(t_compare(&twin, 200, 7, text, sizeof text), -1L, "wrong twin %d was not found", i);
    }
}
