/* SPDX-License-Identifier: MIT
 * Batch normalisation on vectors: two channels at a time, lane chains down the rows of a span, one fixed tree per channel at its end. */
#ifndef SIMD_BATCHNORM_H
#define SIMD_BATCHNORM_H

#include "../kernels.h"

/* Lanes of a block that hold images, as bits. */
static inline unsigned batchnorm_alive(const struct batchnorm *p, int block)
{
    int live = p->n - block * LANES;
    return live >= LANES ? 0xffffu : (1u << live) - 1;
}

/* Sums over live lanes, two channels at a time so that both passes' accumulators fit 16 registers: pass MEAN sums x; SQUARE (x - mean)^2;
 * BACK dy and dy * (x - mean) at once. */
enum moment { MOMENT_MEAN, MOMENT_SQUARE, MOMENT_BACK };

INLINE void moment_pixel(enum moment kind, vf *first, vf *second, vf x, vf dy, vf mean, bool whole, vm alive)
{
    vf away = v_sub(x, mean), a, b = *second;
    if (kind == MOMENT_MEAN) a = v_add(*first, x);
    if (kind == MOMENT_SQUARE) a = v_fma(away, away, *first);
    if (kind == MOMENT_BACK) {
        a = v_add(*first, dy);
        b = v_fma(dy, away, *second);
    }
    *first = whole ? a : v_select(alive, a, *first);
    if (kind == MOMENT_BACK) *second = whole ? b : v_select(alive, b, *second);
}

/* CT channels from c on: sums over the rows into first[CT] and (BACK) second[CT]. */
INLINE void moment_sums(const struct batchnorm *p, enum moment kind, struct span rows, const float *x, const float *dy,
                        const float *mean, int c,
                        const int CT, float *first, float *second)
{
    float acc[4 * LANES] = { 0 }, out[4];
    ptrdiff_t row_floats = (ptrdiff_t)p->w * p->c * LANES;
    vf a[2][PARTS], b[2][PARTS], m[2];
    UNROLL for (int j = 0; j < CT; j++) {
        m[j] = kind == MOMENT_MEAN ? v_zero() : v_set(mean[c + j]);
        UNROLL for (int part = 0; part < PARTS; part++) a[j][part] = b[j][part] = v_zero();
    }
    for (int row = rows.begin; row < rows.end; row++) {
        unsigned alive = batchnorm_alive(p, row / p->h);
        ptrdiff_t at = row * row_floats + (ptrdiff_t)c * LANES;
        for (int q = 0; q < p->w; q++, at += (ptrdiff_t)p->c * LANES) {
            UNROLL for (int j = 0; j < CT; j++) {
                UNROLL for (int part = 0; part < PARTS; part++) {
                    ptrdiff_t i = at + j * LANES + part * V;
                    vf ds = kind == MOMENT_BACK ? v_load(dy + i) : v_zero();
                    if (alive == 0xffffu) moment_pixel(kind, &a[j][part], &b[j][part], v_load(x + i), ds, m[j], true, v_mask(0));
                    else moment_pixel(kind, &a[j][part], &b[j][part], v_load(x + i), ds, m[j], false, v_mask(alive >> (part * V)));
                }
            }
        }
    }
    UNROLL for (int j = 0; j < CT; j++) {
        UNROLL for (int part = 0; part < PARTS; part++) {
            v_store(acc + j * LANES + part * V, a[j][part]);
            v_store(acc + (2 + j) * LANES + part * V, b[j][part]);
        }
    }
    v_sum4(acc, out);
    for (int j = 0; j < CT; j++) first[c + j] = out[j];
    for (int j = 0; j < CT && kind == MOMENT_BACK; j++) second[c + j] = out[2 + j];
}

INLINE void moment_all(const struct batchnorm *p, enum moment kind, struct span rows, const float *x, const float *dy,
                       const float *mean, float *first,
                       float *second)
{
    int c = 0;
    for (; c + 2 <= p->c; c += 2) moment_sums(p, kind, rows, x, dy, mean, c, 2, first, second);
    if (c < p->c) moment_sums(p, kind, rows, x, dy, mean, c, 1, first, second);
}

static void batchnorm_stats(const struct batchnorm *p, struct span rows, const float *x, float *mean, float *m2)
{
    int count = 0;
    for (int row = rows.begin; row < rows.end; row++) {
        int live = p->n - row / p->h * LANES;
        count += (live < LANES ? live : LANES) * p->w;
    }
    moment_all(p, MOMENT_MEAN, rows, x, NULL, NULL, mean, NULL);
    for (int c = 0; c < p->c; c++) mean[c] = mean[c] / (float)count;
    moment_all(p, MOMENT_SQUARE, rows, x, NULL, mean, m2, NULL);
}

static void batchnorm_bwd_stats(const struct batchnorm *p, struct span rows, const float *x, const float *dy, const float *mean,
                                float *sum_dy,
                                float *sum_dyx)
{
    moment_all(p, MOMENT_BACK, rows, x, dy, mean, sum_dy, sum_dyx);
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

static void batchnorm_bwd_apply(const struct batchnorm *p, struct span rows, const float *x, const float *dy, const float *mean,
                                const float *a,
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
