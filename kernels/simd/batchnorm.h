/* SPDX-License-Identifier: MIT
 * Batch normalisation on vectors: four channels at a time, lane chains down the rows of a span, one fixed tree per channel at its end. */
#ifndef SIMD_BATCHNORM_H
#define SIMD_BATCHNORM_H

#include "../kernels.h"

/* Lanes of a block that hold images, as bits. */
static inline unsigned batchnorm_alive(const struct batchnorm *p, int block)
{
    int live = p->n - block * LANES;
    return live >= LANES ? 0xffffu : (1u << live) - 1;
}

/* What is summed over live lanes: x; (x - mean)^2; dy; dy * (x - mean). */
enum moment { MOMENT_X, MOMENT_SQUARE, MOMENT_DY, MOMENT_DYX };

INLINE vf moment_term(enum moment kind, vf acc, vf x, vf dy, vf mean)
{
    vf away = v_sub(x, mean);
    switch (kind) {
    case MOMENT_X: return v_add(acc, x);
    case MOMENT_SQUARE: return v_fma(away, away, acc);
    case MOMENT_DY: return v_add(acc, dy);
    case MOMENT_DYX: return v_fma(dy, away, acc);
    }
    return acc;
}

/* CT channels from c on: sums of one kind over the rows into sum[CT]. x or dy may be NULL where the kind does not read it. */
INLINE void moment_sums(const struct batchnorm *p, enum moment kind, struct span rows, const float *x, const float *dy, const float *mean, int c,
                        const int CT, float *sum)
{
    float acc[4 * LANES] = { 0 }, out[4];
    ptrdiff_t row_floats = (ptrdiff_t)p->w * p->c * LANES;
    for (int part = 0; part < PARTS; part++) {
        vf a[4], m[4];
        UNROLL for (int j = 0; j < CT; j++) {
            a[j] = v_zero();
            m[j] = mean ? v_set(mean[c + j]) : v_zero();
        }
        for (int row = rows.begin; row < rows.end; row++) {
            const vm alive = v_mask(batchnorm_alive(p, row / p->h) >> (part * V));
            ptrdiff_t at = row * row_floats + (ptrdiff_t)c * LANES + part * V;
            for (int q = 0; q < p->w; q++, at += (ptrdiff_t)p->c * LANES) {
                UNROLL for (int j = 0; j < CT; j++) {
                    vf xs = x ? v_load(x + at + j * LANES) : v_zero(), ds = dy ? v_load(dy + at + j * LANES) : v_zero();
                    a[j] = v_select(alive, moment_term(kind, a[j], xs, ds, m[j]), a[j]);
                }
            }
        }
        UNROLL for (int j = 0; j < CT; j++) v_store(acc + j * LANES + part * V, a[j]);
    }
    v_sum4(acc, out);
    for (int j = 0; j < CT; j++) sum[j] = out[j];
}

INLINE void moment_all(const struct batchnorm *p, enum moment kind, struct span rows, const float *x, const float *dy, const float *mean, float *sum)
{
    int c = 0;
    for (; c + 4 <= p->c; c += 4) moment_sums(p, kind, rows, x, dy, mean, c, 4, sum + c);
    for (; c < p->c; c++) moment_sums(p, kind, rows, x, dy, mean, c, 1, sum + c);
}

static void batchnorm_stats(const struct batchnorm *p, struct span rows, const float *x, float *mean, float *m2)
{
    int count = 0;
    for (int row = rows.begin; row < rows.end; row++) {
        int live = p->n - row / p->h * LANES;
        count += (live < LANES ? live : LANES) * p->w;
    }
    moment_all(p, MOMENT_X, rows, x, NULL, NULL, mean);
    for (int c = 0; c < p->c; c++) mean[c] = mean[c] / (float)count;
    moment_all(p, MOMENT_SQUARE, rows, x, NULL, mean, m2);
}

static void batchnorm_bwd_stats(const struct batchnorm *p, struct span rows, const float *x, const float *dy, const float *mean, float *sum_dy,
                                float *sum_dyx)
{
    moment_all(p, MOMENT_DY, rows, NULL, dy, NULL, sum_dy);
    moment_all(p, MOMENT_DYX, rows, x, dy, mean, sum_dyx);
}

static void batchnorm_apply(const struct batchnorm *p, struct span rows, const float *x, const float *scale, const float *shift, float *y)
{
    ptrdiff_t pixels = (ptrdiff_t)(rows.end - rows.begin) * p->w, at = (ptrdiff_t)rows.begin * p->w * p->c * LANES;
    for (ptrdiff_t i = 0; i < pixels; i++) {
        for (int c = 0; c < p->c; c++, at += LANES) {
            vf a = v_set(scale[c]), b = v_set(shift[c]);
            UNROLL for (int part = 0; part < PARTS; part++) v_store(y + at + part * V, v_fma(v_load(x + at + part * V), a, b));
        }
    }
}

static void batchnorm_bwd_apply(const struct batchnorm *p, struct span rows, const float *x, const float *dy, const float *mean, const float *a,
                                const float *b, const float *d, float *dx)
{
    for (int row = rows.begin; row < rows.end; row++) {
        unsigned alive = batchnorm_alive(p, row / p->h);
        ptrdiff_t at = (ptrdiff_t)row * p->w * p->c * LANES;
        for (int q = 0; q < p->w; q++) {
            for (int c = 0; c < p->c; c++, at += LANES) {
                vf va = v_set(a[c]), vb = v_set(b[c]), vd = v_set(d[c]), vmean = v_set(mean[c]);
                UNROLL for (int part = 0; part < PARTS; part++) {
                    vf away = v_sub(v_load(x + at + part * V), vmean);
                    vf got = v_fma(va, v_load(dy + at + part * V), v_fma(vb, away, vd));
                    v_store(dx + at + part * V, v_keep(v_mask(alive >> (part * V)), got));
                }
            }
        }
    }
}

#endif
