/* SPDX-License-Identifier: MIT
 * Batch normalisation on vectors: per channel lane chains down the rows of a span, one fixed tree at its end. */
#ifndef SIMD_BATCHNORM_H
#define SIMD_BATCHNORM_H

#include "../kernels.h"

/* Lanes of a block that hold images, as bits. */
static inline unsigned batchnorm_alive(const struct batchnorm *p, int block)
{
    int live = p->n - block * LANES;
    return live >= LANES ? 0xffffu : (1u << live) - 1;
}

/* Sums over live lanes: pass AWAY sums x - centre; SQUARE its square; BACK dy and dy * (x - centre) at once. */
enum moment { MOMENT_AWAY, MOMENT_SQUARE, MOMENT_BACK };

INLINE void moment_pixel(enum moment kind, vf *first, vf *second, vf x, vf dy, vf centre, bool whole, vm alive)
{
    vf away = v_sub(x, centre), a, b = *second;
    if (kind == MOMENT_AWAY) a = v_add(*first, away);
    if (kind == MOMENT_SQUARE) a = v_fma(away, away, *first);
    if (kind == MOMENT_BACK) {
        a = v_add(*first, dy);
        b = v_fma(dy, away, *second);
    }
    *first = whole ? a : v_select(alive, a, *first);
    if (kind == MOMENT_BACK) *second = whole ? b : v_select(alive, b, *second);
}

/* Up to MOMENT_CHANNELS channels' sums on their way: from where, and the chains that they are added to. */
struct moments {
    int channels;
    ptrdiff_t pixel; /* floats from one to the next */
    const float *x, *dy, *centre;
    float *first, *second; /* [channels][16] */
};

enum { MOMENT_CHANNELS = 32, MOMENT_PIXELS = 4, MOMENT_NEAR = 1 << 16 }; /* the last in floats of a tensor */

/* P neighbouring pixels' channels onto their lane chains, which lie in memory: one load and store of a chain per P pixels. Going through
 * P pixels side by side is no order that the hardware foresees, so what lies far away (not in L2) is asked for P pixels ahead. */
INLINE void moment_pixels(enum moment kind, const struct moments *m, ptrdiff_t from, const int P, bool whole, bool far, unsigned alive)
{
    const ptrdiff_t pixel = m->pixel;
    const float *x = m->x + from, *dy = m->dy + from;
    float *first = m->first, *second = m->second;
    for (int c = 0; c < m->channels; c++) {
        const vf centre = v_set(m->centre[c]);
        if (far) {
            UNROLL_FOR (int i = 0; i < P; i++) {
                v_prefetch(x + (P + i) * pixel + c * LANES);
                if (kind == MOMENT_BACK) v_prefetch(dy + (P + i) * pixel + c * LANES);
            }
        }
        UNROLL_FOR (int part = 0; part < PARTS; part++) {
            const ptrdiff_t at = c * LANES + part * V;
            vf a = v_load(first + at), b = kind == MOMENT_BACK ? v_load(second + at) : v_zero();
            UNROLL_FOR (int i = 0; i < P; i++) {
                const vf ds = kind == MOMENT_BACK ? v_load(dy + i * pixel + at) : v_zero();
                moment_pixel(kind, &a, &b, v_load(x + i * pixel + at), ds, centre, whole, v_mask(alive >> (part * V)));
            }
            v_store(first + at, a);
            if (kind == MOMENT_BACK) v_store(second + at, b);
        }
    }
}

/* The rows' lane chains. */
INLINE void moment_chains(const struct batchnorm *p, enum moment kind, const struct moments *m, struct span rows)
{
    const bool far = m->pixel * image_blocks(p->n) * p->h * p->w > MOMENT_NEAR;
    for (int row = rows.begin; row < rows.end; row++) {
        const unsigned alive = batchnorm_alive(p, row / p->h);
        ptrdiff_t at = row * p->w * m->pixel;
        int q = 0;
        for (; q + MOMENT_PIXELS <= p->w && alive == 0xffffu; q += MOMENT_PIXELS, at += MOMENT_PIXELS * m->pixel)
            moment_pixels(kind, m, at, MOMENT_PIXELS, true, far, alive);
        for (; q < p->w; q++, at += m->pixel) moment_pixels(kind, m, at, 1, false, false, alive);
    }
}

/* Sums over the rows into first[C] and (BACK) second[C]. */
INLINE void moment_all(const struct batchnorm *p, enum moment kind, struct span rows, const float *x, const float *dy, const float *centre,
                       float *first, float *second)
{
    float chains[2][MOMENT_CHANNELS * LANES], out[4];
    for (int c = 0; c < p->c; c += MOMENT_CHANNELS) {
        const int channels = p->c - c < MOMENT_CHANNELS ? p->c - c : MOMENT_CHANNELS;
        const size_t used = sizeof(float) * (size_t)((channels + 3) / 4 * 4 * LANES);
        memset(chains[0], 0, used);
        memset(chains[1], 0, used);
        const ptrdiff_t at = (ptrdiff_t)c * LANES;
        const struct moments m = { channels, (ptrdiff_t)p->c * LANES, x + at, dy + at, centre + c, chains[0], chains[1] };
        moment_chains(p, kind, &m, rows);
        for (int i = 0; i < channels; i += 4) {
            const size_t some = sizeof(float) * (size_t)(channels - i < 4 ? channels - i : 4);
            v_sum4(chains[0] + i * LANES, out);
            memcpy(first + c + i, out, some);
            if (kind != MOMENT_BACK) continue;
            v_sum4(chains[1] + i * LANES, out);
            memcpy(second + c + i, out, some);
        }
    }
}

/* The mean is found from the first value on: sums of distances to it grow with the spread, not with the values' size, and a constant
 * channel's mean is exact. An outlier does no harm as a start, since with it the spread is as large as its distance. */
static void batchnorm_stats(const struct batchnorm *p, struct span rows, const float *x, float *mean, float *m2)
{
    const float *some = x + (ptrdiff_t)rows.begin * p->w * p->c * LANES;
    int count = 0;
    for (int row = rows.begin; row < rows.end; row++) {
        int live = p->n - row / p->h * LANES;
        count += (live < LANES ? live : LANES) * p->w;
    }
    for (int c = 0; c < p->c; c++) mean[c] = some[c * LANES];
    moment_all(p, MOMENT_AWAY, rows, x, x, mean, m2, NULL);
    for (int c = 0; c < p->c; c++) mean[c] = mean[c] + m2[c] / (float)count;
    moment_all(p, MOMENT_SQUARE, rows, x, x, mean, m2, NULL);
}

static void batchnorm_bwd_stats(const struct batchnorm *p, struct span rows, const float *x, const float *dy, const float *mean,
                                float *sum_dy, float *sum_dyx)
{
    moment_all(p, MOMENT_BACK, rows, x, dy, mean, sum_dy, sum_dyx);
}

static void batchnorm_apply(const struct batchnorm *p, struct span rows, const float *x, const float *scale, const float *shift, float *y)
{
    ptrdiff_t pixels = (ptrdiff_t)(rows.end - rows.begin) * p->w, at = (ptrdiff_t)rows.begin * p->w * p->c * LANES;
    for (ptrdiff_t i = 0; i < pixels; i++) {
        for (int c = 0; c < p->c; c++, at += LANES) {
            vf a = v_set(scale[c]), b = v_set(shift[c]);
            UNROLL_FOR (int part = 0; part < PARTS; part++) v_store(y + at + part * V, v_fma(v_load(x + at + part * V), a, b));
        }
    }
}

static void batchnorm_bwd_apply(const struct batchnorm *p, struct span rows, const float *x, const float *dy,
                                const struct batchnorm_back *back, float *dx)
{
    for (int row = rows.begin; row < rows.end; row++) {
        unsigned alive = batchnorm_alive(p, row / p->h);
        ptrdiff_t at = (ptrdiff_t)row * p->w * p->c * LANES;
        for (int q = 0; q < p->w; q++) {
            for (int c = 0; c < p->c; c++, at += LANES) {
                vf va = v_set(back->a[c]), vb = v_set(back->b[c]), vd = v_set(back->d[c]), vmean = v_set(back->mean[c]);
                UNROLL_FOR (int part = 0; part < PARTS; part++) {
                    vf away = v_sub(v_load(x + at + part * V), vmean);
                    vf got = v_fma(va, v_load(dy + at + part * V), v_fma(vb, away, vd));
                    v_store(dx + at + part * V, v_keep(v_mask(alive >> (part * V)), got));
                }
            }
        }
    }
}

#endif
