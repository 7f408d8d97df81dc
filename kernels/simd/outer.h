/* SPDX-License-Identifier: MIT
 * Sums over images as a broadcast GEMM: out[K][C] (+)= sum over n of d[n][k] * x[n][c], with C in the lanes and d in image lanes as it
 * stands. Summing 16 image lanes per weight would cost more than the products where the sums are short; here x is turned once and no sum
 * ever crosses lanes. Images are added in order, so the bits do not depend on vector width or tile.
 *
 * Used by dense backward-weights and by the convolutions that multiply transformed planes, im2col and nhwc. */
#ifndef SIMD_OUTER_H
#define SIMD_OUTER_H

#include "../kernels.h"
#include "conv_tile.h"

struct outer {
    int n, k, c;       /* images summed, rows and columns of the result */
    const float *d;    /* [n / 16][k][16] */
    ptrdiff_t d_block; /* floats from 16 images to the next: k * 16, more where the rows are some of many */
    const float *x;    /* [n][x_row], rows readable up to c rounded to whole vectors */
    ptrdiff_t x_row;
    float *out; /* [k][out_row]; exactly c columns are touched */
    ptrdiff_t out_row;
    bool add;
};

/* KT rows x CT vectors of columns, `last` of the final vector's lanes. */
INLINE void outer_tile(const struct outer *o, int k, int c, int last, const int KT, const int CT)
{
    float *out = o->out + k * o->out_row + c;
    vf a[MAX_CHANNELS][4];
    UNROLL_FOR (int i = 0; i < KT; i++) {
        UNROLL_FOR (int v = 0; v < CT; v++) a[i][v] = v_zero();
        if (!o->add) continue;
        UNROLL_FOR (int v = 0; v + 1 < CT; v++) a[i][v] = v_load(out + i * o->out_row + v * V);
        a[i][CT - 1] = last == V ? v_load(out + i * o->out_row + (CT - 1) * V) : v_load_n(out + i * o->out_row + (CT - 1) * V, last);
    }
    /* Block by block, so that a step finds d with no more than its lane: finding it from n took a fifth of the time. */
    const float *x = o->x + c, *d = o->d + (ptrdiff_t)k * LANES;
    for (int n = 0; n < o->n; n += LANES, d += o->d_block) {
        const int live = o->n - n < LANES ? o->n - n : LANES;
        UNROLL2_FOR (int lane = 0; lane < live; lane++, x += o->x_row) {
            vf in[4];
            UNROLL_FOR (int v = 0; v < CT; v++) in[v] = v_load(x + v * V);
            UNROLL_FOR (int i = 0; i < KT; i++) {
                vf weight = v_set(d[i * LANES + lane]);
                UNROLL_FOR (int v = 0; v < CT; v++) a[i][v] = v_fma(in[v], weight, a[i][v]);
            }
        }
    }
    UNROLL_FOR (int i = 0; i < KT; i++) {
        UNROLL_FOR (int v = 0; v + 1 < CT; v++) v_store(out + i * o->out_row + v * V, a[i][v]);
        if (last == V) v_store(out + i * o->out_row + (CT - 1) * V, a[i][CT - 1]);
        else v_store_n(out + i * o->out_row + (CT - 1) * V, a[i][CT - 1], last);
    }
}

/* All rows for CT vectors of columns. Sixes as long as they leave none or four and more: sixteen go as 6 + 6 + 4, eight as 4 + 4. Pairs and
 * ones at the end. */
INLINE void outer_columns(const struct outer *o, int c, int last, const int KT, const int CT)
{
    for (int k = 0, left; (left = o->k - k) > 0;) {
        if (left >= KT && (KT != 6 || left == 6 || left >= 10)) {
            outer_tile(o, k, c, last, KT, CT);
            k += KT;
        } else if (left >= 4) {
            outer_tile(o, k, c, last, 4, CT);
            k += 4;
        } else if (left >= 2) {
            outer_tile(o, k, c, last, 2, CT);
            k += 2;
        } else {
            outer_tile(o, k, c, last, 1, CT);
            k++;
        }
    }
}

/* Up to 16 channels of a pixel turned for such a sum: to[image * stride + channel]; 16 channels are written, zeros behind the last. */
static inline void outer_turn(const float *pixel, int channels, float *to, ptrdiff_t stride)
{
    float room[LANES * LANES];
    if (channels < LANES) {
        memset(room, 0, sizeof room);
        memcpy(room, pixel, sizeof *room * (size_t)(channels * LANES));
    }
    v_transpose16(channels < LANES ? room : pixel, to, stride);
}

static void outer_sums(const struct outer *o)
{
    int c = 0;
    for (; c + OUTER_CT * V <= o->c; c += OUTER_CT * V) outer_columns(o, c, V, OUTER_KT, OUTER_CT);
    for (; c < o->c; c += V) outer_columns(o, c, o->c - c < V ? o->c - c : V, OUTER_KT, 1);
}

#endif
