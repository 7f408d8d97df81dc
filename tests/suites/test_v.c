/* SPDX-License-Identifier: MIT
 * The vector contract of every ISA that can run here, and that the comparison misses no function: one broken on purpose is always found. */
#include <criterion/criterion.h>
#include <string.h>
#include "../check/v_api.h"

static enum v_fn broken;

/* The portable functions, but one has a wrong bit in its last lane that matters. */
static void run_broken(enum v_fn fn, const struct v_args *in, union lanes *out)
{
    v_portable.run(fn, in, out);
    if (fn != broken) return;
    const bool mask = fn == V_GT || fn == V_EQ || fn == V_BITS || fn == VU_LT;
    if (mask) out->u[0] ^= 1u << (LANES - 1);
    else out->u[LANES - 1] ^= 0x400000;
}

static void broken_load_n(const float *from, int n, float *to)
{
    v_portable.load_n(from, n, to);
    if (n < LANES) to[n] = 1;
}

static void greedy_load_n(const float *from, int n, float *to)
{
    const volatile float *past = from;
    (void)past[n];
    v_portable.load_n(from, n, to);
}

static void greedy_store_n(float *to, const float *from, int n) { v_portable.store_n(to, from, n + 1); }

static void broken_sum4(const float *a, float *out)
{
    v_portable.sum4(a, out);
    out[3] = 0;
    for (int i = 0; i < LANES; i++) out[3] += a[3 * LANES + i]; /* one after the other: other bits than the tree's */
}

static void broken_sum16(const float *a, float *out)
{
    v_portable.sum16(a, out);
    out[LANES - 1] = 0;
    for (int i = 0; i < LANES; i++) out[LANES - 1] += a[(LANES - 1) * LANES + i];
}

Test(v, every_isa_agrees_with_plain_c)
{
    char text[256];
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        const struct v_api *api = v_api_of((enum isa)isa);
        if (!api || !(cpu_detect() >> isa & 1)) continue;
        const long made = v_compare(api, 2000, 7, text, sizeof text);
        cr_assert(made > 2000L * V_FUNCTIONS, "%s: %s", isa_name((enum isa)isa), text);
    }
}

Test(v, the_comparison_misses_no_function)
{
    char text[256];
    struct v_api wrong = v_portable;
    wrong.run = run_broken;
    for (int fn = 0; fn < V_FUNCTIONS; fn++) {
        broken = (enum v_fn)fn;
        cr_assert_eq(v_compare(&wrong, 50, 7, text, sizeof text), -1L, "a broken %s was not found", v_name(broken));
        cr_assert_eq(strncmp(text, v_name(broken), strlen(v_name(broken))), 0, "blamed %s instead of %s", text, v_name(broken));
    }
}

Test(v, the_comparison_sees_memory)
{
    char text[256];
    struct v_api wrong = v_portable;
    wrong.load_n = broken_load_n;
    cr_assert_eq(v_compare(&wrong, 1, 7, text, sizeof text), -1L, "a lane that is not zero");
    wrong.load_n = greedy_load_n;
    cr_assert_eq(v_compare(&wrong, 1, 7, text, sizeof text), -1L, "a load past the end");
    wrong = v_portable;
    wrong.store_n = greedy_store_n;
    cr_assert_eq(v_compare(&wrong, 1, 7, text, sizeof text), -1L, "a store past the end");
    wrong = v_portable;
    wrong.sum4 = broken_sum4;
    cr_assert_eq(v_compare(&wrong, 50, 7, text, sizeof text), -1L, "a sum in another order");
    wrong = v_portable;
    wrong.sum16 = broken_sum16;
    cr_assert_eq(v_compare(&wrong, 50, 7, text, sizeof text), -1L, "one of sixteen sums in another order");
}
