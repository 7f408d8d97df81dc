/* SPDX-License-Identifier: MIT
 * conv "im2col": what most frameworks do where they have nothing better, as an arm to compare with; never chosen by auto. The inputs of
 * each output pixel, R x S x C of them, are written out as one row of a matrix, zeros where the kernel reaches over the border; then a
 * convolution is one matrix product. Forward multiplies with the matrix, by direct's tiles on a kernel of one tap with R S C channels;
 * backward-data makes one and adds its entries up where they came from (col2im); backward-weights turns it, and multiplies in outer.h.
 *
 * AVX2, Zen 3, n64c16h26k16r3pad0, direct against this, us: forward 1744 and 2245, backward-data 1773 and 2850, backward-weights 2336 and
 * 3249.
 *
 * The matrix is R S times as large as the image, so it is made for a few pixels at a time, as many as fit COL_FLOATS. Zeros are
 * multiplied, which direct never does: an infinite weight makes NaN of the padding, so the row does not promise what direct's does. */
#ifndef SIMD_CONV_IM2COL_H
#define SIMD_CONV_IM2COL_H

#include "../kernels.h"
#include "conv_direct.h"
#include "conv_weights.h"
#include "outer.h"
#include "planes.h"

enum { COL_FLOATS = 48 * 1024, COL_PIXELS = BAND_PIXELS };

/* The matrix product as a convolution: `pixels` of one row of one block, R S C channels, a kernel of one tap. */
static inline struct conv col_product(const struct conv *p, int pixels)
{
    return (
        struct conv){ .n = LANES, .c = p->r * p->s * p->c, .h = 1, .w = pixels, .k = p->k, .r = 1, .s = 1, .step = 1, .p = 1, .q = pixels };
}

/* The most pixels of an output row that are written out together. */
static inline int col_width(const struct conv *p)
{
    const int fit = COL_FLOATS / LANES / (p->r * p->s * p->c);
    return least(p->q, fit < MAX_PIXELS ? MAX_PIXELS : fit > COL_PIXELS ? COL_PIXELS : fit);
}

/* Where tap row r of output pixel (row, q) starts in x or dx, and which of its S taps are inside; false if none is. */
static inline bool col_taps(const struct conv *p, int row, int q, int r, ptrdiff_t *at, struct span *inside)
{
    const int h = row % p->p * p->step + r - p->top, w = q * p->step - p->left;
    *inside = (struct span){ largest(-w, 0), least(p->w - w, p->s) };
    *at = (((ptrdiff_t)(row / p->p) * p->h + h) * p->w + w) * p->c * LANES;
    return h >= 0 && h < p->h && inside->begin < inside->end;
}

/* Writes out pixels [q, q + count) of output row `row`: col[pixel][R][S][C][16]. */
static inline void col_write(const struct conv *p, int row, int q, int count, const float *x, float *col)
{
    const ptrdiff_t tap = (ptrdiff_t)p->c * LANES;
    for (int i = 0; i < count; i++) {
        for (int r = 0; r < p->r; r++, col += p->s * tap) {
            ptrdiff_t at;
            struct span in;
            if (!col_taps(p, row, q + i, r, &at, &in)) in = (struct span){ 0, 0 };
            memset(col, 0, sizeof *col * (size_t)(in.begin * tap));
            memcpy(col + in.begin * tap, x + at + in.begin * tap, sizeof *col * (size_t)((in.end - in.begin) * tap));
            memset(col + in.end * tap, 0, sizeof *col * (size_t)((p->s - in.end) * tap));
        }
    }
}

/* Adds col[pixel][R][S][C][16] to the pixels of dx that they belong to, in rows [begin, end) of B * H. */
static inline void col_add(const struct conv *p, struct span rows, int row, int q, int count, const float *col, float *dx)
{
    const ptrdiff_t tap = (ptrdiff_t)p->c * LANES;
    for (int i = 0; i < count; i++) {
        for (int r = 0; r < p->r; r++, col += p->s * tap) {
            const int h = row / p->p * p->h + row % p->p * p->step + r - p->top;
            ptrdiff_t at;
            struct span in;
            if (!col_taps(p, row, q + i, r, &at, &in) || h < rows.begin || h >= rows.end) continue;
            for (ptrdiff_t j = in.begin * tap; j < in.end * tap; j += V) v_store(dx + at + j, v_add(v_load(dx + at + j), v_load(col + j)));
        }
    }
}

static inline void col_pack(const struct conv *p, const struct tile_row *tiles, enum conv_direction direction, const float *w,
                            float *packed)
{
    const struct conv one = col_product(p, 1);
    direct_pack(&one, tiles, direction, w, packed);
}

static inline void col_fwd(const struct conv *p, const struct tile_row *tiles, struct span rows, const float *x, const float *packed,
                           const float *b, float *y, float *scratch)
{
    const int width = col_width(p);
    for (int row = rows.begin; row < rows.end; row++) {
        for (int q = 0, count; q < p->q; q += count) {
            count = least(width, p->q - q);
            const struct conv one = col_product(p, count);
            col_write(p, row, q, count, x, scratch);
            direct_fwd(&one, tiles, (struct span){ 0, 1 }, scratch, packed, b, y + ((ptrdiff_t)row * p->q + q) * p->k * LANES);
        }
    }
}

/* Output rows are taken in order and each is added at once, so the bits do not depend on where the span is cut. */
static inline void col_bwd_data(const struct conv *p, const struct tile_row *tiles, struct span rows, const float *dy, const float *packed,
                                float *dx, float *scratch)
{
    const int width = col_width(p);
    const ptrdiff_t image_row = (ptrdiff_t)p->w * p->c * LANES;
    memset(dx + rows.begin * image_row, 0, sizeof *dx * (size_t)((rows.end - rows.begin) * image_row));
    for (int h = rows.begin, end; h < rows.end; h = end) {
        const int block = h / p->h, from = h % p->h + p->top - p->r + 1; /* the first dy row that reaches h, times step */
        end = least((block + 1) * p->h, rows.end);
        const int first = from <= 0 ? 0 : (from + p->step - 1) / p->step, last = ((end - 1) % p->h + p->top) / p->step;
        for (int row = block * p->p + first; row <= block * p->p + least(last, p->p - 1); row++) {
            for (int q = 0, count; q < p->q; q += count) {
                count = least(width, p->q - q);
                const struct conv one = col_product(p, count);
                direct_bwd_data(&one, tiles, (struct span){ 0, 1 }, dy + ((ptrdiff_t)row * p->q + q) * p->k * LANES, packed, scratch);
                col_add(p, (struct span){ h, end }, row, q, count, scratch, dx);
            }
        }
    }
}

static void col_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, float *dw, float *db, float *scratch)
{
    const int width = col_width(p), channels = p->r * p->s * p->c, wide = whole_lanes(channels);
    float *total = scratch, *turned = total + (ptrdiff_t)p->k * wide, *col = turned + (ptrdiff_t)width * LANES * wide;
    struct outer sum = { .k = p->k,
                         .c = channels,
                         .d_block = (ptrdiff_t)p->pitch * LANES,
                         .x = turned,
                         .x_row = wide,
                         .out = total,
                         .out_row = wide,
                         .add = true };
    memset(total, 0, sizeof *total * (size_t)p->k * (size_t)wide);
    for (int row = rows.begin; row < rows.end; row++) {
        for (int q = 0, count; q < p->q; q += count) {
            count = least(width, p->q - q);
            col_write(p, row, q, count, x, col);
            for (int i = 0; i < count; i++) {
                const float *from = col + (ptrdiff_t)i * channels * LANES;
                for (int c = 0; c < channels; c += LANES) {
                    outer_turn(from + (ptrdiff_t)c * LANES, least(channels - c, LANES), turned + (ptrdiff_t)i * LANES * wide + c, wide);
                }
            }
            sum.n = count * LANES;
            sum.d = dy + ((ptrdiff_t)row * p->q + q) * sum.d_block;
            outer_sums(&sum);
        }
    }
    for (int k = 0; k < p->k; k++) memcpy(dw + (ptrdiff_t)k * channels, total + (ptrdiff_t)k * wide, sizeof *dw * (size_t)channels);
    if (db) direct_bias(p, rows, dy, db);
}

/* ---- what the row says ---- */

static inline bool col_supports(const struct conv *p) { return p->r <= 7 && p->s <= 7; }

static inline size_t col_scratch_bytes(const struct conv *p)
{
    const size_t width = (size_t)col_width(p), channels = (size_t)(p->r * p->s * p->c), wide = (size_t)whole_lanes((int)channels);
    return sizeof(float) * (wide * (size_t)p->k + LANES * width * (wide + channels));
}

#endif
