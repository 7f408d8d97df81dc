/* SPDX-License-Identifier: MIT
 * conv "fft16", backward-weights, and what the row says. See conv_fft.h. */
#ifndef SIMD_CONV_FFT_WEIGHTS_H
#define SIMD_CONV_FFT_WEIGHTS_H

#include "conv_fft.h"

/* Where everything of one go of `blocks` blocks stands in scratch; in floats. */
struct fft_sums {
    int blocks, row;                     /* row: C rounded up to 16 */
    struct fft_walk x, dy, w;            /* columns of both sides, and of the sums back */
    float *at;                           /* the scratch; the rest are offsets */
    ptrdiff_t zx, zdy, v, d, m, zw, end; /* it begins with a row of turned pixels */
};

static inline struct fft_sums fft_sums(const struct conv *p, int blocks, float *scratch)
{
    const int row = whole_lanes(p->c);
    const ptrdiff_t x = (ptrdiff_t)blocks * LANES * row, dy = (ptrdiff_t)blocks * p->k * LANES, w = (ptrdiff_t)p->k * row;
    struct fft_sums s = { .blocks = blocks,
                          .row = row,
                          .x = { fft_slot(p->h, x), x, V, x + LANES, V, x / V },
                          .dy = { fft_slot(p->p, dy), dy, V, dy + LANES, V, dy / V },
                          .w = { fft_slot(p->r, w), w, V, w + LANES, V, w / V },
                          .at = scratch };
    s.zx = p->w * x;
    s.zdy = s.zx + FFT_SLOTS * s.x.slot;
    s.v = s.zdy + FFT_SLOTS * s.dy.slot;
    s.d = s.v + FFT_PLANES * s.x.plane;
    s.m = s.d + FFT_PLANES * s.dy.plane;
    s.zw = s.m + FFT_PLANES * s.w.plane;
    s.end = s.zw + FFT_SLOTS * s.w.slot;
    return s;
}

/* One pixel of one block, [C][16 images], to [16 images][C rounded up]. */
static inline void fft_turn_pixel(const float *x, int c, float *to, int row)
{
    for (int first = 0; first < c; first += LANES) outer_turn(x + (ptrdiff_t)first * LANES, least(c - first, LANES), to + first, row);
}

/* Rows of x, turned, and rows of dy, those outside the span as zeros; blocks from `block` on. */
static inline void fft_sum_rows(const struct conv *p, const struct fft_sums *s, bool extra, int block, struct span rows, const float *dy,
                                const float *x)
{
    for (int h = 0; h < p->h; h++) {
        for (int i = 0; i < p->w * s->blocks; i++) {
            const int w = i / s->blocks, b = i % s->blocks;
            fft_turn_pixel(x + (((ptrdiff_t)(block + b) * p->h + h) * p->w + w) * p->c * LANES, p->c,
                           s->at + w * s->x.row + (ptrdiff_t)b * LANES * s->row, s->row);
        }
        fft_rows(s->at, s->x.row, p->w, s->x.row, extra, s->at + s->zx + h * s->x.row, s->x.slot, false);
    }
    const ptrdiff_t floats = (ptrdiff_t)p->k * LANES, pixel = (ptrdiff_t)p->pitch * LANES;
    for (int i = 0; i < p->p * s->blocks; i++) {
        const int row = (block + i % s->blocks) * p->p + i / s->blocks;
        float *z = s->at + s->zdy + i * floats;
        if (row >= rows.begin && row < rows.end) {
            fft_rows(dy + row * p->q * pixel, pixel, p->q, floats, extra, z, s->dy.slot, true);
        } else {
            for (int slot = 0; slot < FFT_SLOTS; slot++) memset(z + slot * s->dy.slot, 0, sizeof *z * (size_t)floats);
        }
    }
}

static inline void fft_sum_group(const struct conv *p, const struct fft_sums *s, bool extra, struct fft_group g)
{
    fft_columns(&s->x, g, s->at + s->zx, p->h, extra, s->at + s->v);
    fft_columns_conjugate(&s->dy, g, s->at + s->zdy, p->p, extra, s->at + s->d);
    struct outer o = {
        .n = s->blocks * LANES, .k = p->k, .c = p->c, .d_block = (ptrdiff_t)p->k * LANES, .x_row = s->row, .out_row = s->row
    };
    for (int plane = 0; plane < g.planes; plane++) {
        o.d = s->at + s->d + plane * s->dy.plane;
        o.x = s->at + s->v + plane * s->x.plane;
        o.out = s->at + s->m + plane * s->w.plane;
        outer_sums(&o);
    }
    fft_columns_back(&s->w, g, s->at + s->m, extra, (struct fft_wanted){ p->r, p->top }, true, s->at + s->zw);
}

/* Rows back: the taps, over or onto dw. */
static inline void fft_sum_taps(const struct conv *p, const struct fft_sums *s, bool extra, bool add, float *dw)
{
    float line[16 * V];
    for (int r = 0; r < p->r; r++) {
        for (int k = 0; k < p->k; k++) {
            for (int c = 0; c < p->c; c += V) {
                const int lanes = least(p->c - c, V);
                fft_row_back(s->at + s->zw + r * s->w.row + (ptrdiff_t)k * s->row + c, s->w.slot, extra,
                             (struct fft_wanted){ p->s, p->left }, true, line);
                for (int t = 0; t < p->s; t++) {
                    float *to = dw + (((ptrdiff_t)k * p->r + r) * p->s + t) * p->c + c;
                    vf sum = v_load(line + t * V);
                    if (add) sum = v_add(lanes == V ? v_load(to) : v_load_n(to, lanes), sum);
                    if (lanes == V) v_store(to, sum);
                    else v_store_n(to, sum, lanes);
                }
            }
        }
    }
}

static void fft_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, float *dw, float *db, float *scratch)
{
    const bool extra = fft_forward(p).extra;
    const int first = rows.begin / p->p, end = rows.begin < rows.end ? (rows.end - 1) / p->p + 1 : first;
    if (first == end) memset(dw, 0, sizeof *dw * (size_t)p->k * (size_t)p->r * (size_t)p->s * (size_t)p->c);
    for (int block = first; block < end; block += FFT_BLOCKS) {
        const struct fft_sums s = fft_sums(p, least(FFT_BLOCKS, end - block), scratch);
        fft_sum_rows(p, &s, extra, block, rows, dy, x);
        for (int i = 0; i < fft_groups(extra); i++) fft_sum_group(p, &s, extra, fft_group(extra, i));
        fft_sum_taps(p, &s, extra, block > first, dw);
    }
    if (db) direct_bias(p, rows, dy, db);
}

/* ---- what the row says ---- */

static inline bool fft_supports(const struct conv *p)
{
    const int reach[4] = { p->h + p->top, p->h + p->bottom, p->w + p->left, p->w + p->right };
    bool fits = true, wraps_once = p->h <= 16 && p->w <= 16; /* 17 pixels without padding are no image of 16 */
    for (int i = 0; i < 4; i++) {
        fits = fits && reach[i] <= 16;
        wraps_once = wraps_once && reach[i] == 17;
    }
    return p->r == p->s && p->r >= 3 && p->r <= 7 && p->step == 1 && p->c >= 4 && p->k >= 4 && p->h >= FFT_SMALLEST &&
           p->w >= FFT_SMALLEST && (fits || wraps_once);
}

static inline int fft_grain(const struct conv *p, enum conv_direction direction) { return direction == CONV_FWD ? p->p : p->h; }

static inline size_t fft_packed_bytes(const struct conv *p, enum conv_direction direction)
{
    const struct fft_sweep s = direction == CONV_FWD ? fft_forward(p) : fft_backward(p);
    return sizeof(float) * (size_t)planes_u_floats(fft_packed_planes(&s), p->c, p->k);
}

static inline size_t fft_scratch_bytes(const struct conv *p)
{
    const int tall = largest(p->h, p->p), widest = largest(p->c, p->k);
    const ptrdiff_t rows = 2 * FFT_SLOTS * fft_slot(tall, (ptrdiff_t)FFT_BLOCKS * widest * LANES) +
                           planes_v_floats(FFT_PLANES, widest, FFT_BLOCKS * PARTS) + planes_m_floats(FFT_PLANES) +
                           planes_u_floats(FFT_PLANES, widest + LANES, PLANES_CHANNELS);
    const ptrdiff_t weights = fft_sums(p, FFT_BLOCKS, NULL).end;
    return sizeof(float) * (size_t)(rows > weights ? rows : weights);
}

#endif
