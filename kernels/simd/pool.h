/* SPDX-License-Identifier: MIT
 * Pooling on vectors: channels are vertical, windows are cut to the image once per pixel. Full 2x2 windows, the common case, are
 * unrolled. */
#ifndef SIMD_POOL_H
#define SIMD_POOL_H

#include "../kernels.h"
#include "convert_bf16.h"

/* One window, taps [r0, r1) x [s0, s1) inside the image; x points at the window's tap (0, 0), which may lie outside. */
struct window {
    int r0, r1, s0, s1;
};

/* What is left of a window's extent when its first tap stands at `first`. */
static inline void window_cut(int first, int extent, int size, int *from, int *to)
{
    *from = first < 0 ? -first : 0;
    *to = size - first < extent ? size - first : extent;
}

INLINE void max_pixel(const struct pool *p, struct window n, const float *x, float *y, uint8_t *argmax, const int S)
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
        if (argmax) v_store_u8(argmax + i, index);
    }
}

/* Whole 2x2 windows side by side, `step` columns apart: no loops over taps. Where windows overlap fully in memory (step 1) the row is one
 * run of vectors, else every window's channels are. Without `argmax` the taps' maxima are all there is to do. */
INLINE void max_run_2x2(ptrdiff_t column, ptrdiff_t row, ptrdiff_t floats, const float *x, float *y, uint8_t *argmax, bool wanted)
{
    for (ptrdiff_t i = 0; i < floats; i += V) {
        const float *taps[4] = { x + i, x + column + i, x + row + i, x + row + column + i };
        vf best = v_load(taps[0]), index = v_zero();
        UNROLL_FOR (int t = 1; t < 4; t++) {
            vf a = v_load(taps[t]);
            if (wanted) index = v_select(v_gt(a, best), v_set((float)t), index);
            best = v_max(a, best);
        }
        v_store(y + i, best);
        if (wanted) v_store_u8(argmax + i, index);
    }
}

static void max_windows_2x2(const struct pool *p, int windows, const float *x, float *y, uint8_t *argmax)
{
    const ptrdiff_t column = (ptrdiff_t)p->c * LANES, row = p->w * column, run = p->step == 1 ? windows * column : column;
    for (ptrdiff_t done = 0; done < windows * column; done += run, x += p->step * run) {
        if (argmax) max_run_2x2(column, row, run, x, y + done, argmax + done, true);
        else max_run_2x2(column, row, run, x, y + done, NULL, false);
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

/* Is this the common case, maxima over 2x2 windows? */
static inline bool is_max_2x2(const struct pool *p) { return p->kind == POOL_MAX && p->r == 2 && p->s == 2 && p->step <= 2; }

/* Windows [begin, end) of a row of q that lie inside w columns whole, for windows of 2. */
static inline struct span whole_windows(const struct pool *p)
{
    const int begin = (p->left + p->step - 1) / p->step, room = p->w + p->left - 2, end = room < 0 ? 0 : room / p->step + 1;
    return (struct span){ begin, end < begin ? begin : end < p->q ? end : p->q };
}

/* ---- maxima of lines: two channels at a time ---------------------------------------------------------------------------------------- */

INLINE void line_max(const struct pool *p, struct window n, ptrdiff_t row, const bf16 *x, enum gate gate, bf16 *y, uint8_t *argmax,
                     const int S)
{
    const ptrdiff_t pixel = (ptrdiff_t)bf16_lines(p->c) * LINE;
    for (int c = 0; c < p->c; c += 2) {
        const bf16 *first = x + n.r0 * row + n.s0 * pixel + c * LANES;
        UNROLL_FOR (int part = 0; part < PARTS; part++) {
            const vu start = convert_load(first, part);
            vf best[2] = { convert_first(start), convert_second(start) }, index[2];
            index[0] = index[1] = v_set((float)(n.r0 * S + n.s0));
            for (int r = n.r0; r < n.r1; r++)
                for (int s = n.s0; s < n.s1; s++) {
                    const vu words = convert_load(x + r * row + s * pixel + c * LANES, part);
                    const vf a[2] = { convert_first(words), convert_second(words) }, tap = v_set((float)(r * S + s));
                    UNROLL_FOR (int i = 0; i < 2; i++) {
                        const vm more = v_gt(a[i], best[i]);
                        best[i] = v_select(more, a[i], best[i]);
                        index[i] = v_select(more, tap, index[i]);
                    }
                }
            convert_made(best, true, true, gate, NULL, y + c * LANES, part);
            if (argmax) v_store_u8(argmax + c * LANES + part * V, index[0]);
            if (argmax && c + 1 < p->c) v_store_u8(argmax + (c + 1) * LANES + part * V, index[1]);
        }
    }
}

INLINE void line_max_rows(const struct pool *p, struct span rows, const bf16 *x, enum gate gate, bf16 *y, uint8_t *argmax)
{
    const struct bf16_operands *o = p->lines;
    const ptrdiff_t pixel = (ptrdiff_t)bf16_lines(p->c) * LINE, pitch = (ptrdiff_t)bf16_map_pitch(&o->x) * LINE;
    for (int row = rows.begin; row < rows.end; row++) {
        const int block = row / p->p, h = row % p->p * p->step - p->top;
        const bf16 *from = x + convert_at(&o->x, block, h);
        bf16 *to = y + convert_at(&o->made, block, row % p->p);
        struct window n;
        window_cut(h, p->r, p->h, &n.r0, &n.r1);
        for (int q = 0; q < p->q; q++, to += pixel) {
            const int w = q * p->step - p->left;
            uint8_t *taken = argmax ? argmax + ((ptrdiff_t)row * p->q + q) * p->c * LANES : NULL;
            window_cut(w, p->s, p->w, &n.s0, &n.s1);
            const bool whole = p->r == 2 && p->s == 2 && n.r1 - n.r0 == 2 && n.s1 - n.s0 == 2;
            if (whole) line_max(p, (struct window){ 0, 2, 0, 2 }, pitch, from + w * pixel, gate, to, taken, 2);
            else line_max(p, n, pitch, from + w * pixel, gate, to, taken, p->s);
        }
    }
}

static void pool_fwd(const struct pool *p, struct span rows, const float *x, float *y, uint8_t *argmax)
{
    if (p->lines) {
        bf16 *to = (bf16 *)(void *)y;
        if (p->lines->gate) line_max_rows(p, rows, convert_lines_at(x), GATE_SELF, to, argmax);
        else line_max_rows(p, rows, convert_lines_at(x), GATE_NONE, to, argmax);
        return;
    }
    ptrdiff_t column = (ptrdiff_t)p->c * LANES;
    for (int row = rows.begin; row < rows.end; row++) {
        int block = row / p->p, h = row % p->p * p->step - p->top;
        struct window n;
        window_cut(h, p->r, p->h, &n.r0, &n.r1);
        const struct span whole = is_max_2x2(p) && n.r0 == 0 && n.r1 == 2 ? whole_windows(p) : (struct span){ 0, 0 };
        for (int q = 0; q < p->q; q++) {
            int w = q * p->step - p->left;
            const float *from = x + (((ptrdiff_t)block * p->h + h) * p->w + w) * column;
            ptrdiff_t to = ((ptrdiff_t)row * p->q + q) * column;
            if (q == whole.begin && whole.end > q) {
                max_windows_2x2(p, whole.end - q, from, y + to, argmax ? argmax + to : NULL);
                q = whole.end - 1;
                continue;
            }
            window_cut(w, p->s, p->w, &n.s0, &n.s1);
            if (p->kind == POOL_AVG) avg_pixel(p, n, from, y + to);
            else max_pixel(p, n, from, y + to, argmax ? argmax + to : NULL, p->s);
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
 * `argmax` point at the window's first channel; `tap` is the pixel's place in it, `count` the divisor of an average. */
INLINE void pool_give(const struct pool *p, enum pool_kind kind, bool first, const float *dy, const uint8_t *argmax, float tap, float count,
                      float *dx)
{
    for (ptrdiff_t i = 0; i < (ptrdiff_t)p->c * LANES; i += V) {
        vf d = v_load(dy + i);
        d = kind == POOL_MAX ? v_keep(v_eq(v_load_u8(argmax + i), v_set(tap)), d) : v_div(d, v_set(count));
        v_store(dx + i, first ? d : v_add(v_load(dx + i), d));
    }
}

/* The gradient that windows [r0, r1) x [s0, s1) give input pixel (h, w) of a block. */
static inline void pool_gather(const struct pool *p, int block, int h, int w, struct window n, const float *dy, const uint8_t *argmax,
                               float *dx)
{
    ptrdiff_t column = (ptrdiff_t)p->c * LANES;
    bool first = true;
    for (int r = n.r0; r < n.r1; r++) {
        for (int s = n.s0; s < n.s1; s++, first = false) {
            ptrdiff_t at = (((ptrdiff_t)block * p->p + r) * p->q + s) * column;
            int first_h = r * p->step - p->top, first_w = s * p->step - p->left;
            if (p->kind == POOL_MAX) {
                float tap = (float)((h - first_h) * p->s + w - first_w);
                if (first) pool_give(p, POOL_MAX, true, dy + at, argmax + at, tap, 0, dx);
                else pool_give(p, POOL_MAX, false, dy + at, argmax + at, tap, 0, dx);
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

/* What overlapping 2x2 windows give a run of pixels that four cover each: the first window's tap for them is the last, and so on. */
static void give_overlapping(ptrdiff_t column, ptrdiff_t row, ptrdiff_t floats, const float *dy, const uint8_t *argmax, float *dx)
{
    for (ptrdiff_t i = 0; i < floats; i += V) {
        const ptrdiff_t windows[4] = { i, i + column, i + row, i + row + column };
        vf sum = v_zero();
        UNROLL_FOR (int t = 0; t < 4; t++) {
            vf d = v_keep(v_eq(v_load_u8(argmax + windows[t]), v_set((float)(3 - t))), v_load(dy + windows[t]));
            sum = t == 0 ? d : v_add(sum, d);
        }
        v_store(dx + i, sum);
    }
}

/* What 2x2 windows side by side give the two pixels each that they hold of one row, whose taps are `tap` and the next. */
static void give_apart(ptrdiff_t column, int windows, float tap, const float *dy, const uint8_t *argmax, float *dx)
{
    const vf left = v_set(tap), right = v_set(tap + 1);
    for (int q = 0; q < windows; q++, dy += column, argmax += column, dx += 2 * column) {
        for (ptrdiff_t i = 0; i < column; i += V) {
            vf d = v_load(dy + i), t = v_load_u8(argmax + i);
            v_store(dx + i, v_keep(v_eq(t, left), d));
            v_store(dx + column + i, v_keep(v_eq(t, right), d));
        }
    }
}

/* The common case: columns of input row h (of a block) that 2x2 windows cover whole are given what they get, and returned. */
static inline struct span give_2x2(const struct pool *p, int block, int h, struct window n, const float *dy, const uint8_t *argmax,
                                   float *dx)
{
    const ptrdiff_t column = (ptrdiff_t)p->c * LANES;
    const struct span none = { 0, 0 }, whole = whole_windows(p);
    if (!is_max_2x2(p) || n.r1 - n.r0 != 3 - p->step || whole.end - whole.begin < 2) return none;
    const ptrdiff_t at = (((ptrdiff_t)block * p->p + n.r0) * p->q + whole.begin) * column;
    const int first = whole.begin * p->step - p->left;
    if (p->step == 1) {
        const struct span columns = { first + 1, whole.end - p->left };
        give_overlapping(column, p->q * column, (columns.end - columns.begin) * column, dy + at, argmax + at, dx + columns.begin * column);
        return columns;
    }
    give_apart(column, whole.end - whole.begin, (float)(2 * (h + p->top - n.r0 * 2)), dy + at, argmax + at, dx + first * column);
    return (struct span){ first, first + 2 * (whole.end - whole.begin) };
}

/* ---- the same of lines -------------------------------------------------------------------------------------------------------------- */

/* Pixel (h, w) of a block: the windows that cover it, the block's dy and taps, and where the pixel's gate and gradient stand. */
struct line_pixel {
    int h, w;
    struct window n;
    const bf16 *dy, *by;
    const uint8_t *argmax;
    bf16 *dx;
};

INLINE void line_gather(const struct pool *p, const struct line_pixel *at, bool exact, enum gate gate)
{
    const ptrdiff_t pixel = (ptrdiff_t)bf16_lines(p->c) * LINE, pitch = (ptrdiff_t)bf16_map_pitch(&p->lines->dy) * LINE;
    const struct window n = at->n;
    for (int c = 0; c < p->c; c += 2) {
        const bool both = c + 1 < p->c;
        UNROLL_FOR (int part = 0; part < PARTS; part++) {
            vf sum[2] = { v_zero(), v_zero() };
            for (int r = n.r0; r < n.r1; r++)
                for (int s = n.s0; s < n.s1; s++) {
                    const uint8_t *taken = at->argmax + (((ptrdiff_t)r * p->q + s) * p->c + c) * LANES + part * V;
                    const vf tap = v_set((float)((at->h - r * p->step + p->top) * p->s + at->w - s * p->step + p->left));
                    const vu words = convert_load(at->dy + r * pitch + s * pixel + c * LANES, part);
                    const vf d[2] = { v_keep(v_eq(v_load_u8(taken), tap), convert_first(words)),
                                      both ? v_keep(v_eq(v_load_u8(taken + LANES), tap), convert_second(words)) : v_zero() };
                    const bool first = r == n.r0 && s == n.s0;
                    UNROLL_FOR (int i = 0; i < 2; i++) sum[i] = first ? d[i] : v_add(sum[i], d[i]);
                }
            convert_made(sum, both, exact, gate, at->by + c * LANES, at->dx + c * LANES, part);
        }
    }
}

INLINE void line_gather_rows(const struct pool *p, struct span rows, const bf16 *dy, const uint8_t *argmax, bool exact, enum gate gate,
                             bf16 *dx)
{
    const struct bf16_operands *o = p->lines;
    const ptrdiff_t pixel = (ptrdiff_t)bf16_lines(p->c) * LINE;
    for (int row = rows.begin; row < rows.end; row++) {
        const int block = row / p->h, h = row % p->h;
        struct line_pixel at = { .h = h, .dy = dy + convert_at(&o->dy, block, 0), .dx = dx + convert_at(&o->made, block, h) };
        at.argmax = argmax + (ptrdiff_t)block * p->p * p->q * p->c * LANES;
        at.by = gate == GATE_LINES ? o->gate->lines + convert_at(&o->gate->map, block, h) : at.dx;
        covering(h, p->top, p->r, p->step, p->p, &at.n.r0, &at.n.r1);
        for (; at.w < p->w; at.w++, at.by += pixel, at.dx += pixel) {
            covering(at.w, p->left, p->s, p->step, p->q, &at.n.s0, &at.n.s1);
            line_gather(p, &at, exact, gate);
        }
    }
}

/* Where windows do not overlap, a pixel's gradient is one of the numbers of dy. */
static void line_gather_all(const struct pool *p, struct span rows, const bf16 *dy, const uint8_t *argmax, bf16 *dx)
{
    const bool apart = p->r <= p->step && p->s <= p->step;
    if (p->lines->gate && apart) line_gather_rows(p, rows, dy, argmax, true, GATE_LINES, dx);
    else if (p->lines->gate) line_gather_rows(p, rows, dy, argmax, false, GATE_LINES, dx);
    else line_gather_rows(p, rows, dy, argmax, apart, GATE_NONE, dx);
}

static void pool_bwd(const struct pool *p, struct span rows, const float *dy, const uint8_t *argmax, float *dx)
{
    if (p->lines) {
        line_gather_all(p, rows, convert_lines_at(dy), argmax, (bf16 *)(void *)dx);
        return;
    }
    ptrdiff_t column = (ptrdiff_t)p->c * LANES;
    for (int row = rows.begin; row < rows.end; row++) {
        int block = row / p->h, h = row % p->h;
        struct window n;
        covering(h, p->top, p->r, p->step, p->p, &n.r0, &n.r1);
        float *to = dx + (ptrdiff_t)row * p->w * column;
        const struct span done = give_2x2(p, block, h, n, dy, argmax, to);
        for (int w = 0; w < p->w; w++) {
            if (w == done.begin && done.end > w) w = done.end;
            if (w == p->w) break;
            covering(w, p->left, p->s, p->step, p->q, &n.s0, &n.s1);
            pool_gather(p, block, h, w, n, dy, argmax, to + w * column);
        }
    }
}

#endif
