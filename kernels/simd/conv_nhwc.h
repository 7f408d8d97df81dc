/* SPDX-License-Identifier: MIT
 * conv "nhwc": channels last, channels in lanes, direct; what libraries for large nets do, as an arm to compare with; never chosen by auto.
 * A tile is a few neighbouring pixels x a few vectors of output channels: weights are vectors, inputs are broadcast. Channels that do
 * not fill a vector are multiplied as zeros. The nets' layout is another one, so this variant's time holds the way there and back: a
 * transpose of every pixel. AVX2, Zen 3, n64c16h26k16r3pad0, direct against this, us: forward 1744 and 1977, backward-data 1773 and 2153,
 * backward-weights 2336 and 2330; with eight channels of sixteen lanes about a third of direct's speed.
 *
 * Forward and backward-data: x[16][rows][W][C] and y[16][rows][Q][K rounded up] of a band of output rows of one block. Backward-weights
 * needs x alone, as [pixel][16][C rounded up]: per tap and row that is one broadcast GEMM (outer.h) with dy as it stands. Taps outside the
 * image are left out. Each output is one chain over (r, s, c), bias first, as in direct: the bits are direct's. */
#ifndef SIMD_CONV_NHWC_H
#define SIMD_CONV_NHWC_H

#include "../kernels.h"
#include "conv_weights.h"
#include "outer.h"
#include "planes.h"

enum { NHWC_ROWS = 4 };

/* One direction in its own names, stride 1. */
struct nhwc {
    int h, w, p, q, top, left, c, k, r, s, pitch; /* pitch: channels of a pixel of y in memory */
    int row, rows;                                /* the band: output rows [row, row + rows) of the block */
    int from, inputs;                             /* and the input rows it sees */
};

static inline struct nhwc nhwc_forward(const struct conv *p)
{
    return (struct nhwc){ p->h, p->w, p->p, p->q, p->top, p->left, p->c, p->k, p->r, p->s, p->pitch, 0, 0, 0, 0 };
}
static inline struct nhwc nhwc_backward(const struct conv *p)
{
    return (struct nhwc){ p->p, p->q, p->h, p->w, p->r - 1 - p->top, p->s - 1 - p->left, p->k, p->c, p->r, p->s, p->c, 0, 0, 0, 0 };
}

static inline void nhwc_band(struct nhwc *o, int row, int rows)
{
    o->row = row;
    o->rows = rows;
    o->from = largest(row - o->top, 0);
    o->inputs = largest(least(row + rows - 1 - o->top + o->r, o->h) - o->from, 0);
}

/* Floats of one image's input and output band; the input's last store of 16 channels may run over. */
static inline ptrdiff_t nhwc_x_image(const struct nhwc *o) { return (ptrdiff_t)(NHWC_ROWS + o->r - 1) * o->w * o->c + LANES; }
static inline ptrdiff_t nhwc_y_image(const struct nhwc *o) { return (ptrdiff_t)NHWC_ROWS * o->q * whole_lanes(o->k); }

/* Pixels in order, so that what runs over a pixel's end is written again by the next. */
static inline void nhwc_there(const struct nhwc *o, const float *x, float *xn)
{
    const ptrdiff_t image = nhwc_x_image(o);
    for (int i = 0; i < o->inputs * o->w; i++, x += (ptrdiff_t)o->c * LANES, xn += o->c) {
        for (int c = 0; c < o->c; c += LANES) outer_turn(x + (ptrdiff_t)c * LANES, least(o->c - c, LANES), xn + c, image);
    }
}

static inline void nhwc_back(const struct nhwc *o, const float *yn, float *y)
{
    const int row = whole_lanes(o->k);
    const ptrdiff_t image = nhwc_y_image(o);
    float block[LANES * LANES], turned[LANES * LANES];
    for (int i = 0; i < o->rows * o->q; i++, yn += row, y += (ptrdiff_t)o->k * LANES) {
        for (int k = 0; k < o->k; k += LANES) {
            const int channels = least(o->k - k, LANES);
            for (int n = 0; n < LANES; n++) memcpy(block + n * LANES, yn + n * image + k, sizeof *block * LANES);
            v_transpose16(block, channels < LANES ? turned : y + (ptrdiff_t)k * LANES, LANES);
            if (channels < LANES) memcpy(y + (ptrdiff_t)k * LANES, turned, sizeof *y * (size_t)(channels * LANES));
        }
    }
}

/* PT neighbouring pixels x KV vectors of channels. */
struct nhwc_tile {
    const float *x, *w, *bias; /* first tap of the first pixel; weights of these channels; NULL or KV vectors */
    float *y;
    int rows, run;                            /* kernel rows that are inside; taps times channels of each */
    ptrdiff_t x_row, w_row, x_pixel, y_pixel; /* floats from kernel row to row, from pixel to pixel */
};

INLINE void nhwc_tile(const struct nhwc_tile *t, const int PT, const int KV)
{
    vf a[MAX_CHANNELS][4];
    const ptrdiff_t x_pixel = t->x_pixel, y_pixel = t->y_pixel;
    UNROLL_FOR (int i = 0; i < PT; i++) {
        UNROLL_FOR (int v = 0; v < KV; v++) a[i][v] = t->bias ? v_load(t->bias + v * V) : v_zero();
    }
    for (int r = 0; r < t->rows; r++) {
        const float *w = t->w + r * t->w_row, *x = t->x + r * t->x_row;
        for (int i = 0; i < t->run; i++, w += KV * V, x++) {
            vf in[4];
            UNROLL_FOR (int v = 0; v < KV; v++) in[v] = v_load(w + v * V);
            UNROLL_FOR (int n = 0; n < PT; n++) {
                vf pixel = v_set(x[n * x_pixel]);
                UNROLL_FOR (int v = 0; v < KV; v++) a[n][v] = v_fma(pixel, in[v], a[n][v]);
            }
        }
    }
    float *y = t->y;
    UNROLL_FOR (int n = 0; n < PT; n++) {
        UNROLL_FOR (int v = 0; v < KV; v++) v_store(y + n * y_pixel + v * V, a[n][v]);
    }
}

/* Channels that are made together: OUTER_CT vectors where there are as many, else one. */
static inline int nhwc_group(int left) { return left >= OUTER_CT * V ? OUTER_CT * V : V; }

static void nhwc_tile_run(const struct nhwc_tile *t, int channels)
{
    if (channels == OUTER_CT * V) nhwc_tile(t, OUTER_KT, OUTER_CT);
    else nhwc_tile(t, OUTER_KT, 1);
}

/* One output row of all images, `row` counted in the block. Pixels that all taps see go OUTER_KT neighbours at a time, those at the border
 * as one pixel of OUTER_KT images. Where that does not come out even, some are made twice. */
static inline void nhwc_row(const struct nhwc *o, int row, const float *xn, const float *packed, const float *bias, float *yn)
{
    const int wide = whole_lanes(o->k), r0 = largest(o->top - row, 0), r1 = largest(least(o->h + o->top - row, o->r), r0);
    const int first = o->left, end = least(o->w + o->left - o->s + 1, o->q);
    const ptrdiff_t x_image = nhwc_x_image(o), y_image = nhwc_y_image(o);
    const float *x = xn + ((ptrdiff_t)(row - o->top + r0 - o->from) * o->w - o->left) * o->c;
    struct nhwc_tile t = { .rows = r1 - r0, .x_row = (ptrdiff_t)o->w * o->c };
    for (int k = 0, channels; k < wide; k += channels, packed += o->r * t.w_row) {
        channels = nhwc_group(wide - k);
        t.w_row = (ptrdiff_t)o->s * o->c * channels;
        t.bias = bias ? bias + k : NULL;
        for (int q = 0, pixels; q < o->q; q += pixels) {
            pixels = q >= first && q < end && end - first >= OUTER_KT ? OUTER_KT : 1;
            if (pixels > 1) q = least(q, end - OUTER_KT);
            const int s0 = largest(o->left - q, 0), s1 = largest(least(o->w + o->left - q, o->s), s0);
            t.run = (s1 - s0) * o->c;
            t.w = packed + r0 * t.w_row + (ptrdiff_t)s0 * o->c * channels;
            t.x_pixel = pixels > 1 ? o->c : x_image;
            t.y_pixel = pixels > 1 ? wide : y_image;
            const int images = pixels > 1 ? 1 : OUTER_KT;
            for (int n = 0; n < LANES; n += images) {
                const int image = least(n, LANES - images);
                t.x = x + image * x_image + (ptrdiff_t)(q + s0) * o->c;
                t.y = yn + image * y_image + (ptrdiff_t)q * wide + k;
                nhwc_tile_run(&t, channels);
            }
        }
    }
}

static inline void nhwc_run(struct nhwc *o, struct span rows, const float *x, const float *packed, const float *b, float *y, float *scratch)
{
    const int wide = whole_lanes(o->k);
    float *bias = scratch, *xn = bias + wide, *yn = xn + (nhwc_x_image(o) * LANES + LANES);
    memset(bias, 0, sizeof *bias * (size_t)wide);
    if (b) memcpy(bias, b, sizeof *bias * (size_t)o->k);
    for (int row = rows.begin, block; row < rows.end; row += o->rows) {
        block = row / o->p;
        nhwc_band(o, row % o->p, least(least(NHWC_ROWS, o->p - row % o->p), rows.end - row));
        nhwc_there(o, x + ((ptrdiff_t)block * o->h + o->from) * o->w * o->c * LANES, xn);
        for (int i = 0; i < o->rows; i++) nhwc_row(o, o->row + i, xn, packed, b ? bias : NULL, yn + (ptrdiff_t)i * o->q * wide);
        nhwc_back(o, yn, y + (ptrdiff_t)row * o->q * o->k * LANES);
    }
}

/* packed[group of outputs][R][S][inputs][channels of the group]; for backward-data taps are flipped and channels swapped. */
static void nhwc_pack(const struct conv *p, enum conv_direction direction, const float *w, float *packed)
{
    const bool flip = direction == CONV_BWD_DATA;
    const int outputs = flip ? p->c : p->k, inputs = flip ? p->k : p->c, wide = whole_lanes(outputs), taps = p->r * p->s;
    for (int k = 0, channels; k < wide; k += channels) {
        channels = nhwc_group(wide - k);
        for (int t = 0; t < taps; t++) {
            for (int c = 0; c < inputs; c++) {
                for (int i = 0; i < channels; i++) {
                    const ptrdiff_t out = k + i;
                    const float *one = flip ? w + ((ptrdiff_t)c * taps + taps - 1 - t) * p->c + out : w + (out * taps + t) * p->c + c;
                    *packed++ = out < outputs ? *one : 0;
                }
            }
        }
    }
}

/* ---- backward-weights ---- */

/* Adds one output row: for every tap, a GEMM over the pixels that see it. xt: the row's inputs; total[R][S][K][C rounded up]. */
static inline void nhwc_row_weights(const struct nhwc *o, int row, const float *dy, const float *xt, float *total)
{
    const int wide = whole_lanes(o->c);
    struct outer sum = { .k = o->k, .c = o->c, .d_block = (ptrdiff_t)o->pitch * LANES, .x_row = wide, .out_row = wide, .add = true };
    for (int r = 0; r < o->r; r++) {
        const int h = row + r - o->top;
        if (h < 0 || h >= o->h) continue;
        for (int s = 0; s < o->s; s++) {
            const int first = largest(o->left - s, 0), last = least(o->w + o->left - s, o->q);
            if (first >= last) continue;
            sum.n = (last - first) * LANES;
            sum.d = dy + first * sum.d_block;
            sum.x = xt + ((ptrdiff_t)(h - o->from) * o->w + first + s - o->left) * LANES * wide;
            sum.out = total + (ptrdiff_t)(r * o->s + s) * o->k * wide;
            outer_sums(&sum);
        }
    }
}

static void nhwc_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, float *dw, float *db, float *scratch)
{
    struct nhwc o = nhwc_forward(p);
    const int wide = whole_lanes(p->c), taps = p->r * p->s;
    float *total = scratch, *xt = total + (ptrdiff_t)taps * p->k * wide;
    memset(total, 0, sizeof *total * (size_t)taps * (size_t)p->k * (size_t)wide);
    for (int row = rows.begin; row < rows.end; row += o.rows) {
        nhwc_band(&o, row % p->p, least(least(NHWC_ROWS, p->p - row % p->p), rows.end - row));
        const float *from = x + ((ptrdiff_t)(row / p->p) * p->h + o.from) * p->w * p->c * LANES;
        for (int i = 0; i < o.inputs * p->w; i++, from += (ptrdiff_t)p->c * LANES) {
            for (int c = 0; c < p->c; c += LANES) {
                outer_turn(from + (ptrdiff_t)c * LANES, least(p->c - c, LANES), xt + (ptrdiff_t)i * LANES * wide + c, wide);
            }
        }
        for (int i = 0; i < o.rows; i++) nhwc_row_weights(&o, o.row + i, dy + (ptrdiff_t)(row + i) * p->q * p->pitch * LANES, xt, total);
    }
    for (int k = 0; k < p->k; k++) {
        for (int t = 0; t < taps; t++, dw += p->c) memcpy(dw, total + ((ptrdiff_t)t * p->k + k) * wide, sizeof *dw * (size_t)p->c);
    }
    if (db) direct_bias(p, rows, dy, db);
}

/* ---- what the row says ---- */

/* Fewer channels would be zeros in most lanes. */
static inline bool nhwc_supports(const struct conv *p) { return p->step == 1 && p->c >= 4 && p->k >= 4 && p->r <= 7 && p->s <= 7; }

static inline int nhwc_grain(const struct conv *p, enum conv_direction direction)
{
    (void)p;
    (void)direction;
    return NHWC_ROWS;
}

static inline size_t nhwc_packed_bytes(const struct conv *p, enum conv_direction direction)
{
    const bool flip = direction == CONV_BWD_DATA;
    return sizeof(float) * (size_t)(p->r * p->s) * (size_t)(flip ? p->k : p->c) * (size_t)whole_lanes(flip ? p->c : p->k);
}

static inline size_t nhwc_scratch_bytes(const struct conv *p)
{
    const struct nhwc f = nhwc_forward(p), d = nhwc_backward(p);
    const ptrdiff_t there = nhwc_x_image(&f) + nhwc_y_image(&f), back = nhwc_x_image(&d) + nhwc_y_image(&d);
    const ptrdiff_t images = largest(whole_lanes(p->c), whole_lanes(p->k)) + LANES * ((there > back ? there : back) + 1);
    const ptrdiff_t sums = whole_lanes(p->c) * ((ptrdiff_t)p->r * p->s * p->k + (ptrdiff_t)(NHWC_ROWS + p->r - 1) * p->w * LANES);
    return sizeof(float) * (size_t)(images > sums ? images : sums);
}

#endif
