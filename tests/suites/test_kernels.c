/* SPDX-License-Identifier: MIT
 * The cases of kernelcheck, one Criterion test per op, on drawn problems alone; what lies between the kernels (batch norm's
 * merge and folds); and the checker itself: mutants, reproducibility, filters that match nothing. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/sums.h"
#include "../check/check.h"

struct findings {
    char text[400];
    long trials[CHECK_ROWS]; /* of the first op that was reported, by row */
    double worst;
};

static void collect(const struct check *c, void *context)
{
    struct findings *f = context;
    for (int i = 0; i < c->rows; i++)
        for (int d = 0; d < CHECK_DIRECTIONS; d++) {
            const struct check_row *r = &c->row[i];
            const struct check_line *l = &r->line[d];
            if (!r->mutant) f->trials[i] += l->trials;
            if (!r->mutant && l->worst > f->worst) f->worst = l->worst;
            if (!r->mutant && l->failures && !f->text[0])
                snprintf(f->text, sizeof f->text, "%s.%s %s/%s %s: %s", op_name(c->cases->op), c->cases->directions[d],
                         isa_name(r->variant->isa), r->variant->algo, l->failed_problem, l->failure);
        }
    for (int i = 1; i < c->rows && c->row[0].mutant; i++) {
        bool dead = false;
        for (int d = 0; d < CHECK_DIRECTIONS; d++) dead = dead || c->row[i].line[d].failures;
        if (!dead && !f->text[0]) snprintf(f->text, sizeof f->text, "survived: %s", c->row[i].mutant);
    }
}

static struct check_options options(int op, int cases)
{
    unsigned isas = cpu_detect() & kernels_built();
    return (struct check_options){ .op = op, .isas = isas, .cases = cases, .seed = 20, .drawn_only = true, .mutants = true };
}

static void op_is_right(enum op op)
{
    const struct check_options o = options((int)op, 25);
    struct check_total total;
    struct findings f = { "", { 0 }, 0 };
    cr_assert_null(check_walk(&o, collect, &f, &total));
    cr_assert_eq(total.failures, 0L, "%s", f.text);
    cr_assert(total.lines > 0 && total.trials > 100);
    cr_assert(total.mutants > 0 && total.killed == total.mutants);
}

#define OP_TEST(NAME, name) \
    Test(kernels, name) { op_is_right(OP_##NAME); }
OPS(OP_TEST)
#undef OP_TEST

/* ---- between the kernels ---- */

static float *taken[16];
static int taken_count;

/* Random numbers in memory that release() frees. */
static float *floats(struct rng *r, size_t count, float scale, float offset)
{
    float *to = aligned_alloc(64, (count * sizeof *to + 63) / 64 * 64);
    cr_assert(to && taken_count < 16);
    taken[taken_count++] = to;
    for (size_t i = 0; i < count; i++) to[i] = (float)(rng_uniform(r) - 0.5) * scale + offset;
    return to;
}

static void release(void)
{
    while (taken_count > 0) free(taken[--taken_count]);
}

/* Chunks and their merge against all live values at once, and the running statistics that follow. */
Test(between, batchnorm_statistics_merge)
{
    static const struct batchnorm problems[] = { { .n = 17, .c = 3, .h = 6, .w = 5 },
                                                 { .n = 64, .c = 19, .h = 14, .w = 14 },
                                                 { .n = 1, .c = 1, .h = 1, .w = 1 },
                                                 { .n = 100, .c = 2, .h = 3, .w = 3 } };
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        const struct batchnorm *p = &problems[i];
        struct rng r = rng_start(rng_stream_key(5, STREAM_TEST, 1, (uint32_t)i));
        const int chunks = batchnorm_chunks(p);
        const size_t channels = (size_t)p->c, count = (size_t)image_blocks(p->n) * LANES * (size_t)p->h * (size_t)p->w * channels;
        float *x = floats(&r, count, 2, 100), *mean = floats(&r, channels * (size_t)chunks, 1, 0),
              *m2 = floats(&r, channels * (size_t)chunks, 1, 0);
        float *all = floats(&r, channels, 1, 0), *variance = floats(&r, channels, 1, 0), *tracked = floats(&r, channels, 1, 0);
        float *spread = floats(&r, channels, 1, 1), *old_mean = floats(&r, channels, 1, 0), *old_spread = floats(&r, channels, 1, 0);
        for (int k = 0; k < chunks; k++)
            kernels_of(ISA_SCALAR)->batchnorm->stats(p, batchnorm_chunk(p, k), x, mean + (size_t)k * channels, m2 + (size_t)k * channels);
        batchnorm_merge(p, mean, m2, all, variance); /* NOLINT(readability-suspicious-call-argument) */
        memcpy(old_mean, tracked, channels * sizeof *tracked);
        memcpy(old_spread, spread, channels * sizeof *spread);
        batchnorm_track(p, 0.1f, all, variance, tracked, spread);
        const double values = (double)p->n * p->h * p->w;
        for (size_t c = 0; c < channels; c++) {
            double sum = 0, squares = 0;
            for (int pass = 0; pass < 2; pass++)
                for (size_t at = c * LANES; at < count; at += channels * LANES)
                    for (size_t l = 0; l < LANES; l++) {
                        const bool live = (int)(at / (count / (size_t)image_blocks(p->n)) * LANES + l) < p->n;
                        const double value = (double)x[at + l];
                        if (live && pass == 0) sum += value / values;
                        if (live && pass == 1) squares += (value - sum) * (value - sum) / values;
                    }
            const double unbiased = values > 1 ? squares * values / (values - 1) : 0;
            cr_assert_float_eq((double)all[c], sum, 1e-3);
            cr_assert_float_eq((double)variance[c], squares, 1e-4 * squares + 1e-6);
            cr_assert_float_eq((double)tracked[c], 0.9 * (double)old_mean[c] + 0.1 * sum, 1e-3);
            cr_assert_float_eq((double)spread[c], 0.9 * (double)old_spread[c] + 0.1 * unbiased, 1e-4);
        }
        release();
    }
}

/* Five chunks: ((a + b) + (c + d)) + e, over what was there or onto it, and nothing past the count. */
Test(between, chunks_are_added_by_the_fixed_tree)
{
    enum { CHUNKS = 5, STRIDE = 3008, COUNT = 3000 };
    struct rng r = rng_start(rng_stream_key(5, STREAM_TEST, 3, 0));
    for (int add = 0; add < 2; add++) {
        float *from = floats(&r, (size_t)CHUNKS * STRIDE, 2, 0), *to = floats(&r, STRIDE, 2, 0), *want = floats(&r, STRIDE, 2, 0);
        memcpy(want, to, STRIDE * sizeof *to);
        for (int i = 0; i < COUNT; i++) {
            const float *x = from + i;
            const float sum = ((x[0] + x[STRIDE]) + (x[2 * STRIDE] + x[3 * STRIDE])) + x[4 * STRIDE];
            want[i] = add ? want[i] + sum : sum;
        }
        const struct chunk_sums sums = { from, to, CHUNKS, STRIDE, COUNT, .add = add };
        for (int i = 0; i < chunk_sums_strips(&sums); i++) chunk_sums_merge(&sums, (struct span){ i, i + 1 });
        cr_assert_arr_eq(to, want, STRIDE * sizeof *to);
        release();
    }
}

/* scale and shift normalise; the backward coefficients make dx orthogonal to ones and to x - mean, which is what the gradient of a
 * normalisation must be. */
Test(between, batchnorm_folds)
{
    const struct batchnorm p = { .n = 16, .c = 2, .h = 4, .w = 4 };
    struct rng r = rng_start(rng_stream_key(6, STREAM_TEST, 2, 0));
    const size_t count = (size_t)p.h * (size_t)p.w * (size_t)p.c * LANES;
    const struct span rows = { 0, p.h };
    float *x = floats(&r, count, 4, 3), *dy = floats(&r, count, 2, 0.3f), *y = floats(&r, count, 1, 0), *dx = floats(&r, count, 1, 0);
    float mean[2], m2[2], variance[2], scale[2], shift[2], sum_dy[2], sum_dyx[2], dgamma[2], dbeta[2], a[2], b[2], d[2];
    const float gamma[] = { 1.5f, -0.5f }, beta[] = { 0.25f, 2 }, eps = 1e-5f;
    const struct batchnorm_variant *v = kernels_of(ISA_SCALAR)->batchnorm;
    v->stats(&p, rows, x, mean, m2);
    for (int c = 0; c < 2; c++) variance[c] = m2[c] / (float)(p.n * p.h * p.w);
    batchnorm_fold(p.c, eps, mean, variance, gamma, beta, scale, shift);
    v->apply(&p, rows, x, scale, shift, y);
    v->bwd_stats(&p, rows, x, dy, mean, sum_dy, sum_dyx);
    batchnorm_bwd_fold(&p, eps, variance, gamma, sum_dy, sum_dyx, &(struct batchnorm_folded){ dgamma, dbeta, a, b, d });
    v->bwd_apply(&p, rows, x, dy, &(struct batchnorm_back){ mean, a, b, d }, dx);
    for (size_t c = 0; c < 2; c++) {
        const double sd = sqrt((double)variance[c] + (double)eps);
        double y_mean = 0, ones = 0, along = 0, through_y = 0;
        for (size_t at = c * LANES; at < count; at += 2 * LANES)
            for (size_t l = 0; l < LANES; l++) {
                const double centred = (double)x[at + l] - (double)mean[c];
                y_mean += (double)y[at + l] / 256;
                ones += (double)dx[at + l];
                along += (double)dx[at + l] * centred;
                through_y += (double)dy[at + l] * centred / sd;
                cr_assert_float_eq((double)y[at + l], centred / sd * (double)gamma[c] + (double)beta[c], 1e-5);
            }
        cr_assert_float_eq(y_mean, (double)beta[c], 1e-5);
        cr_assert_float_eq(ones, 0, 1e-3);
        cr_assert_float_eq(along, 0, 1e-2); /* exact up to eps / variance */
        cr_assert_float_eq((double)dgamma[c], through_y, 1e-3);
        cr_assert_float_eq((double)dbeta[c], (double)sum_dy[c], 1e-6);
    }
    release();
}

/* ---- the checker itself ---- */

Test(checker, the_same_seed_gives_the_same_run)
{
    struct check_options o = options(OP_POOL, 10);
    struct check_total total[2];
    struct findings f[2] = { { "", { 0 }, 0 }, { "", { 0 }, 0 } };
    for (int i = 0; i < 2; i++) cr_assert_null(check_walk(&o, collect, &f[i], &total[i]));
    cr_assert_eq(total[0].trials, total[1].trials);
    cr_assert_eq(f[0].worst, f[1].worst);
    cr_assert_arr_eq(f[0].trials, f[1].trials, sizeof f[0].trials);
}

Test(checker, a_filter_can_match_nothing)
{
    struct check_options o = options(OP_CONV, 1);
    struct check_total total;
    struct findings f = { "", { 0 }, 0 };
    o.mutants = false;
    o.algo = "no such";
    cr_assert_null(check_walk(&o, collect, &f, &total));
    cr_assert_eq(total.lines, 0);
}

Test(checker, a_problem_of_no_op_is_refused)
{
    struct check_options o = options(-1, 1);
    struct check_total total;
    struct findings f = { "", { 0 }, 0 };
    o.problem = "n0c1h1k1r1pad0";
    cr_assert_not_null(check_walk(&o, collect, &f, &total));
    o.mutants = false;
    o.problem = "max:n3c2h5r2pad0";
    cr_assert_null(check_walk(&o, collect, &f, &total));
    cr_assert(total.lines > 0);
}

Test(checker, one_row_on_one_problem)
{
    char text[200];
    cr_assert_null(check_one(variant_at(OP_CONV, ISA_SCALAR, 0), OP_CONV, "n16c2h5k3r3pad1", 1, text, sizeof text), "%s", text);
    cr_assert_not_null(check_one(variant_at(OP_CONV, ISA_SCALAR, 0), OP_CONV, "n16c2h5k3r7pad0", 1, text, sizeof text));
    int count;
    const struct mutant *wrong = check_cases[OP_CONV]->mutants(&count);
    cr_assert_not_null(check_one(wrong[1].variant, OP_CONV, "n16c2h5k3r3pad1", 1, text, sizeof text));
    cr_assert_not_null(strstr(text, "conv."), "%s", text);
}
