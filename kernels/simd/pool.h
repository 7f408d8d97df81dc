/* SPDX-License-Identifier: MIT
 * Pooling on vectors: channels are vertical, windows are cut to the image once per pixel. Full 2x2 windows, the common case, are
 * unrolled. */
#ifndef SIMD_POOL_H
#define SIMD_POOL_H

#include "../kernels.h"

/* One window, taps [r0, r1) x [s0, s1) inside the image; x points at the window's tap (0, 0), which may lie outside. */
struct window { int r0, r1, s0, s1; };

/* What is left of a window's extent when its first tap stands at `first`. */
static inline void window_cut(int first, int extent, int size, int *from, int *to)
{
    *from = first < 0 ? -first : 0;
    *to = size - first < extent ? size - first : extent;
}

INLINE void max_pixel(const struct pool *p, struct window n, const float *x, float *y, uint8_t *which, const int S)
{
    ptrdiff_t column = (ptrdiff_t)p->c * LANES, row = p->w * column;
    for (ptrdiff_t i = 0; i < column; i += V) {
        vf best = v_load(x + n.r0 * row + n.s0 * column + i), index = v_set((float)(n.r0 * S + n.s0));
        for (int r = n.r0; r < n.r1; r++) {
            for (int s = n.s0; s < n.s1; s++) {
                vf a = v_load(x + r * row + s * column + i);
                vm more = v_gt(a, best);
                best = v_select(more, a, best);
                index = v_select(more, v_set((float)(r * S + s)), index);
            }
        }
        v_store(y + i, best);
        if (which) v_store_u8(which + i, index);
    }
}

/* The same for a whole 2x2 window, without loops over taps. */
INLINE void max_pixel_2x2(const struct pool *p, const float *x, float *y, uint8_t *which)
{
    ptrdiff_t column = (ptrdiff_t)p->c * LANES, row = p->w * column;
    for (ptrdiff_t i = 0; i < column; i += V) {
        vf best = v_load(x + i), index = v_zero();
        const float *taps[4] = { x, x + column, x + row, x + row + column };
        UNROLL for (int t = 1; t < 4; t++) {
            vf a = v_load(taps[t] + i);
            vm more = v_gt(a, best);
            best = v_select(more, a, best);
            index = v_select(more, v_set((float)t), index);
        }
        v_store(y + i, best);
        if (which) v_store_u8(which + i, index);
    }
}

static inline float pool_count(const struct pool *p, struct window n)
{
    return (float)(p->count_pad ? p->r * p->s : (n.r1 - n.r0) * (n.s1 - n.s0));
}

INLINE void avg_pixel(const struct pool *p, struct window n, const float *x, float *y)
{
    ptrdiff_t column = (ptrdiff_t)p->c * LANES, row = p->w * column;
    const vf count = v_set(pool_count(p, n));
    for (ptrdiff_t i = 0; i < column; i += V) {
        vf sum = v_zero();
        for (int r = n.r0; r < n.r1; r++) {
            for (int s = n.s0; s < n.s1; s++) sum = v_add(sum, v_load(x + r * row + s * column + i));
        }
        v_store(y + i, v_div(sum, count));
    }
}

static void pool_fwd(const struct pool *p, struct span rows, const float *x, float *y, uint8_t *which)
{
    ptrdiff_t column = (ptrdiff_t)p->c * LANES;
    for (int row = rows.begin; row < rows.end; row++) {
        int block = row / p->p, h = row % p->p * p->step - p->top;
        struct window n;
        window_cut(h, p->r, p->h, &n.r0, &n.r1);
        for (int q = 0; q < p->q; q++) {
            int w = q * p->step - p->left;
            window_cut(w, p->s, p->w, &n.s0, &n.s1);
            const float *from = x + (((ptrdiff_t)block * p->h + h) * p->w + w) * column;
            ptrdiff_t to = ((ptrdiff_t)row * p->q + q) * column;
            bool whole = n.r0 == 0 && n.s0 == 0 && n.r1 == 2 && n.s1 == 2 && p->r == 2 && p->s == 2;
            if (p->kind == POOL_AVG) avg_pixel(p, n, from, y + to);
            else if (whole) max_pixel_2x2(p, from, y + to, which ? which + to : NULL);
            else max_pixel(p, n, from, y + to, which ? which + to : NULL, p->s);
        }
    }
}

/* Windows along one axis that cover input i: [*from, *to). */
static inline void covering(int i, int pad, int extent, int step, int out, int *from, int *to)
{
    int first = i + pad - extent + 1;
    *from = first > 0 ? (first + step - 1) / step : 0;
    *to = (i + pad) / step + 1 < out ? (i + pad) / step + 1 : out;
}

/* What one window gives one input pixel, all channels: stored for the first window that covers it, added for later ones. `dy` and
 * `which` point at the window's first channel; `tap` is the pixel's place in it, `count` the divisor of an average. */
INLINE void pool_give(const struct pool *p, enum pool_kind kind, bool first, const float *dy, const uint8_t *which, float tap,
                      float count, float *dx)
{
    for (ptrdiff_t i = 0; i < (ptrdiff_t)p->c * LANES; i += V) {
        vf d = v_load(dy + i);
        d = kind == POOL_MAX ? v_keep(v_eq(v_load_u8(which + i), v_set(tap)), d) : v_div(d, v_set(count));
        v_store(dx + i, first ? d : v_add(v_load(dx + i), d));
    }
}

/* The gradient that windows [r0, r1) x [s0, s1) give input pixel (h, w) of a block. */
static inline void pool_gather(const struct pool *p, int block, int h, int w, struct window n, const float *dy,
                               const uint8_t *which, float *dx)
{
    ptrdiff_t column = (ptrdiff_t)p->c * LANES;
    bool first = true;
    for (int r = n.r0; r < n.r1; r++) {
        for (int s = n.s0; s < n.s1; s++, first = false) {
            ptrdiff_t at = (((ptrdiff_t)block * p->p + r) * p->q + s) * column;
            int first_h = r * p->step - p->top, first_w = s * p->step - p->left;
            if (p->kind == POOL_MAX) {
                float tap = (float)((h - first_h) * p->s + w - first_w);
                if (first) pool_give(p, POOL_MAX, true, dy + at, which + at, tap, 0, dx);
                else pool_give(p, POOL_MAX, false, dy + at, which + at, tap, 0, dx);
            } else {
                struct window inside;
                window_cut(first_h, p->r, p->h, &inside.r0, &inside.r1);
                window_cut(first_w, p->s, p->w, &inside.s0, &inside.s1);
                pool_give(p, POOL_AVG, first, dy + at, NULL, 0, pool_count(p, inside), dx);
            }
        }
    }
    if (first) memset(dx, 0, (size_t)column * sizeof *dx);
}

static void pool_bwd(const struct pool *p, struct span rows, const float *dy, const uint8_t *which, float *dx)
{
    ptrdiff_t column = (ptrdiff_t)p->c * LANES;
    for (int row = rows.begin; row < rows.end; row++) {
        int block = row / p->h, h = row % p->h;
        struct window n;
        covering(h, p->top, p->r, p->step, p->p, &n.r0, &n.r1);
        for (int w = 0; w < p->w; w++) {
            covering(w, p->left, p->s, p->step, p->q, &n.s0, &n.s1);
            pool_gather(p, block, h, w, n, dy, which, dx + ((ptrdiff_t)row * p->w + w) * column);
        }
    }
}

#endif
