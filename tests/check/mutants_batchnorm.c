/* SPDX-License-Identifier: MIT
 * Wrong batch normalisation: the reference's row, tampered with before or after the call. */
#include "mutants.h"

#include <math.h>

static const struct batchnorm_variant *good(void) { return kernels_of(ISA_SCALAR)->batchnorm; }

static size_t pixels(const struct batchnorm *p, int rows) { return (size_t)rows * (size_t)p->w * (size_t)p->c * LANES; }

static void stats_right(const struct batchnorm *p, struct span s, const float *x, float *mean, float *m2)
{
    good()->stats(p, s, x, mean, m2);
}

static void apply_right(const struct batchnorm *p, struct span s, const float *x, const float *scale, const float *shift, float *y)
{
    good()->apply(p, s, x, scale, shift, y);
}

static void sums_right(const struct batchnorm *p, struct span s, const float *x, const float *dy, const float *mean, float *sum_dy,
                       float *sum_dyx)
{
    good()->bwd_stats(p, s, x, dy, mean, sum_dy, sum_dyx);
}

static void back_right(const struct batchnorm *p, struct span s, const float *x, const float *dy, const struct batchnorm_back *back,
                       float *dx)
{
    good()->bwd_apply(p, s, x, dy, back, dx);
}

static void stats_dead(const struct batchnorm *p, struct span s, const float *x, float *mean, float *m2)
{
    struct batchnorm all = *p;
    all.n = image_blocks(p->n) * LANES;
    good()->stats(&all, s, x, mean, m2);
}

/* Sums of a channel's live values and of their squares, from zero on. Their count. */
static int sum_live(const struct batchnorm *p, struct span s, const float *x, int c, float *sum, float *squares)
{
    int count = 0;
    *sum = *squares = 0;
    for (int row = s.begin; row < s.end; row++)
        for (int w = 0; w < p->w; w++)
            for (int l = 0; l < LANES && row / p->h * LANES + l < p->n; l++, count++) {
                const float in = x[pixels(p, row) + (size_t)(w * p->c + c) * LANES + (size_t)l];
                *sum += in;
                *squares += in * in;
            }
    return count;
}

/* The one-pass formula, in float. */
static void stats_one_pass(const struct batchnorm *p, struct span s, const float *x, float *mean, float *m2)
{
    float sum, squares;
    good()->stats(p, s, x, mean, m2);
    for (int c = 0; c < p->c; c++) {
        const int count = sum_live(p, s, x, c, &sum, &squares);
        m2[c] = squares - (float)count * mean[c] * mean[c];
    }
}

/* Sums from zero on, which round as the values' size has it. */
static void stats_from_zero(const struct batchnorm *p, struct span s, const float *x, float *mean, float *m2)
{
    float sum, squares;
    good()->stats(p, s, x, mean, m2);
    for (int c = 0; c < p->c; c++) {
        const int count = sum_live(p, s, x, c, &sum, &squares);
        mean[c] = sum / (float)count;
    }
}

static void stats_begin(const struct batchnorm *p, struct span s, const float *x, float *mean, float *m2)
{
    good()->stats(p, (struct span){ s.begin - s.begin % p->h, s.end }, x, mean, m2);
}

static void stats_channel(const struct batchnorm *p, struct span s, const float *x, float *mean, float *m2)
{
    good()->stats(p, s, x, mean, m2);
    if (p->c % 4 == 1 && p->c > 1) m2[p->c - 1] = m2[p->c - 2];
}

static void apply_unfused(const struct batchnorm *p, struct span s, const float *x, const float *scale, const float *shift, float *y)
{
    for (size_t i = pixels(p, s.begin); i < pixels(p, s.end); i++) {
        const volatile float product = x[i] * scale[i / LANES % (size_t)p->c];
        y[i] = product + shift[i / LANES % (size_t)p->c];
    }
}

static void apply_past(const struct batchnorm *p, struct span s, const float *x, const float *scale, const float *shift, float *y)
{
    good()->apply(p, s, x, scale, shift, y);
    if (s.end > s.begin) y[pixels(p, s.end)] = 1;
}

static void apply_dead(const struct batchnorm *p, struct span s, const float *x, const float *scale, const float *shift, float *y)
{
    good()->apply(p, s, x, scale, shift, y);
    for (size_t i = pixels(p, s.begin); i < pixels(p, s.end); i++)
        if ((int)(i / pixels(p, p->h)) * LANES + (int)(i % LANES) >= p->n) y[i] = NAN;
}

static void sums_not_centred(const struct batchnorm *p, struct span s, const float *x, const float *dy, const float *mean, float *sum_dy,
                             float *sum_dyx)
{
    good()->bwd_stats(p, s, x, dy, mean, sum_dy, sum_dyx);
    for (int c = 0; c < p->c; c++) sum_dyx[c] += mean[c] * sum_dy[c];
}

static void sums_add(const struct batchnorm *p, struct span s, const float *x, const float *dy, const float *mean, float *sum_dy,
                     float *sum_dyx)
{
    const float old = sum_dy[0];
    good()->bwd_stats(p, s, x, dy, mean, sum_dy, sum_dyx);
    sum_dy[0] += old;
}

static void sums_all_pass(const struct batchnorm *p, struct span s, const float *x, const float *dy, const float *mean, float *sum_dy,
                          float *sum_dyx)
{
    struct batchnorm bare = *p;
    bare.through = NULL;
    good()->bwd_stats(&bare, s, x, dy, mean, sum_dy, sum_dyx);
}

static void back_all_pass(const struct batchnorm *p, struct span s, const float *x, const float *dy, const struct batchnorm_back *back,
                          float *dx)
{
    struct batchnorm bare = *p;
    bare.through = NULL;
    good()->bwd_apply(&bare, s, x, dy, back, dx);
}

static void apply_open(const struct batchnorm *p, struct span s, const float *x, const float *scale, const float *shift, float *y)
{
    struct batchnorm open = *p;
    open.relu = false;
    good()->apply(&open, s, x, scale, shift, y);
}

static void back_open(const struct batchnorm *p, struct span s, const float *x, const float *dy, const struct batchnorm_back *back,
                      float *dx)
{
    struct batchnorm open = *p;
    open.gated = false;
    good()->bwd_apply(&open, s, x, dy, back, dx);
}

static void back_dead(const struct batchnorm *p, struct span s, const float *x, const float *dy, const struct batchnorm_back *back,
                      float *dx)
{
    struct batchnorm all = *p;
    all.n = image_blocks(p->n) * LANES;
    good()->bwd_apply(&all, s, x, dy, back, dx);
}

static void back_not_in_place(const struct batchnorm *p, struct span s, const float *x, const float *dy, const struct batchnorm_back *back,
                              float *dx)
{
    for (size_t i = pixels(p, s.begin); i < pixels(p, s.end); i++) dx[i] = 0;
    good()->bwd_apply(p, s, x, dy, back, dx);
}

static void back_no_d(const struct batchnorm *p, struct span s, const float *x, const float *dy, const struct batchnorm_back *back,
                      float *dx)
{
    good()->bwd_apply(p, s, x, dy, back, dx);
    if (s.end > s.begin) dx[pixels(p, s.begin)] -= back->d[0];
}

/* ---- wrong with lines, right with floats: over the portable row, since the reference takes none ---- */

enum { LINES_TOO = SAME_BITS_OVER_SPANS | TAKES_LINES };

static const struct batchnorm_variant *lined(void) { return kernels_of(ISA_PORTABLE)->batchnorm; }

static void lines_stats(const struct batchnorm *p, struct span s, const float *x, float *mean, float *m2)
{
    lined()->stats(p, s, x, mean, m2);
}

static void lines_apply(const struct batchnorm *p, struct span s, const float *x, const float *scale, const float *shift, float *y)
{
    lined()->apply(p, s, x, scale, shift, y);
}

static void lines_sums(const struct batchnorm *p, struct span s, const float *x, const float *dy, const float *mean, float *sum_dy,
                       float *sum_dyx)
{
    lined()->bwd_stats(p, s, x, dy, mean, sum_dy, sum_dyx);
}

static void lines_back(const struct batchnorm *p, struct span s, const float *x, const float *dy, const struct batchnorm_back *back,
                       float *dx)
{
    lined()->bwd_apply(p, s, x, dy, back, dx);
}

/* The members of a pair change places. */
static void lines_swapped(const struct batchnorm *p, struct span s, const float *x, float *mean, float *m2)
{
    lined()->stats(p, s, x, mean, m2);
    if (!p->lines || p->c < 2) return;
    const float first = mean[0];
    mean[0] = mean[1];
    mean[1] = first;
}

static void lines_sums_alike(const struct batchnorm *p, struct span s, const float *x, const float *dy, const float *mean, float *sum_dy,
                             float *sum_dyx)
{
    struct bf16_operands wrong;
    struct batchnorm other = *p;
    if (p->lines) wrong = *p->lines, wrong.dy = wrong.x, other.lines = &wrong;
    lined()->bwd_stats(&other, s, x, dy, mean, sum_dy, sum_dyx);
}

static void lines_ungated(const struct batchnorm *p, struct span s, const float *x, const float *scale, const float *shift, float *y)
{
    struct bf16_operands wrong;
    struct batchnorm other = *p;
    if (p->lines) wrong = *p->lines, wrong.gate = NULL, other.lines = &wrong;
    lined()->apply(&other, s, x, scale, shift, y);
}

/* Cut off where it should be rounded: what was rounded up is one less. */
static void lines_cut_off(const struct batchnorm *p, struct span s, const float *x, const float *dy, const struct batchnorm_back *back,
                          float *dx)
{
    lined()->bwd_apply(p, s, x, dy, back, dx);
    if (!p->lines || s.end == s.begin) return;
    const struct bf16_map *m = &p->lines->made;
    const size_t row = (size_t)(s.begin / p->h * bf16_map_rows(m) + m->top + s.begin % p->h) * (size_t)bf16_map_pitch(m);
    bf16 *at = (bf16 *)(void *)dx + (row + (size_t)(m->left * bf16_lines(m->c))) * LINE;
    at[0]--;
}

/* The frame is for others to clear. */
static void lines_frame(const struct batchnorm *p, struct span s, const float *x, const float *scale, const float *shift, float *y)
{
    lined()->apply(p, s, x, scale, shift, y);
    if (p->lines && s.begin == 0 && p->lines->made.top > 0) ((bf16 *)(void *)y)[0] = 0;
}

#define MUTANT(NAME, STATS, APPLY, SUMS, BACK) \
    { \
        NAME, &(const struct batchnorm_variant){ { "wrong", ISA_SCALAR, SAME_BITS_OVER_SPANS }, STATS, APPLY, SUMS, BACK }.head \
    }

#define LINES_MUTANT(NAME, STATS, APPLY, SUMS, BACK) \
    { \
        NAME, &(const struct batchnorm_variant){ { "wrong", ISA_PORTABLE, LINES_TOO }, STATS, APPLY, SUMS, BACK }.head \
    }

static const struct mutant mutants[] = {
    MUTANT("right", stats_right, apply_right, sums_right, back_right),
    MUTANT("stats hear dead lanes", stats_dead, apply_right, sums_right, back_right),
    MUTANT("stats take E[x^2] - E[x]^2", stats_one_pass, apply_right, sums_right, back_right),
    MUTANT("stats sum from zero on", stats_from_zero, apply_right, sums_right, back_right),
    MUTANT("stats begin at the block, not at the span", stats_begin, apply_right, sums_right, back_right),
    MUTANT("stats skip the last channel of a tail of one", stats_channel, apply_right, sums_right, back_right),
    MUTANT("apply rounds the product", stats_right, apply_unfused, sums_right, back_right),
    MUTANT("apply writes past its span", stats_right, apply_past, sums_right, back_right),
    MUTANT("apply leaves NaN in dead lanes", stats_right, apply_dead, sums_right, back_right),
    MUTANT("bwd_stats forget to centre x", stats_right, apply_right, sums_not_centred, back_right),
    MUTANT("bwd_stats add to what was there", stats_right, apply_right, sums_add, back_right),
    MUTANT("bwd_stats sum what ReLU held back", stats_right, apply_right, sums_all_pass, back_right),
    MUTANT("bwd_apply leaves gradients in dead lanes", stats_right, apply_right, sums_right, back_dead),
    MUTANT("bwd_apply cannot work in place", stats_right, apply_right, sums_right, back_not_in_place),
    MUTANT("bwd_apply lets all of dy pass", stats_right, apply_right, sums_right, back_all_pass),
    MUTANT("apply stores what ReLU holds back", stats_right, apply_open, sums_right, back_right),
    MUTANT("bwd_apply stores what ReLU holds back", stats_right, apply_right, sums_right, back_open),
    MUTANT("bwd_apply drops its constant once a span", stats_right, apply_right, sums_right, back_no_d),
    LINES_MUTANT("stats of lines take one channel for the other", lines_swapped, lines_apply, lines_sums, lines_back),
    LINES_MUTANT("bwd_stats take dy's lines to lie as x's", lines_stats, lines_apply, lines_sums_alike, lines_back),
    LINES_MUTANT("apply on lines forgets the gate", lines_stats, lines_ungated, lines_sums, lines_back),
    LINES_MUTANT("apply on lines clears the frame", lines_stats, lines_frame, lines_sums, lines_back),
    LINES_MUTANT("bwd_apply on lines is off by one", lines_stats, lines_apply, lines_sums, lines_cut_off),
};

const struct mutant *batchnorm_mutants(int *count)
{
    *count = (int)(sizeof mutants / sizeof *mutants);
    return mutants;
}
