/* SPDX-License-Identifier: MIT
 * Dense layers on vectors, weights read as they stand.
 *
 * Forward and backward-data broadcast weights against vectors of 16 images, KT outputs (or inputs) x P vectors in registers.
 * Backward-weights sums over images: summing lanes would cost more than the products at batch 32, so a strip of x is turned to
 * [image][DENSE_STRIP features] once and becomes a broadcast GEMM with features in the lanes (outer.h). */
#ifndef SIMD_DENSE_H
#define SIMD_DENSE_H

#include "../kernels.h"
#include "outer.h"

enum { DENSE_DEPTH = 1024 }; /* inputs per pass: x[blocks][1024] of a batch of 64 is 256 KiB and stays in L2 */

/* y[KT][P vectors] += w rows * x over these inputs; the first pass starts from the bias, later ones from y. */
INLINE void dense_tile(const struct dense *p, const float *const *x, float *const *y, const float *w, const float *b, struct span inputs,
                       const int KT, const int P)
{
    vf a[MAX_CHANNELS][MAX_PIXELS];
    UNROLL_FOR (int k = 0; k < KT; k++) {
        UNROLL_FOR (int v = 0; v < P; v++) a[k][v] = inputs.begin > 0 ? v_load(y[v] + k * LANES) : b ? v_set(b[k]) : v_zero();
    }
    for (int c = inputs.begin; c < inputs.end; c++) {
        vf in[MAX_PIXELS];
        UNROLL_FOR (int v = 0; v < P; v++) in[v] = v_load(x[v] + (ptrdiff_t)c * LANES);
        UNROLL_FOR (int k = 0; k < KT; k++) {
            vf weight = v_set(w[(ptrdiff_t)k * p->c + c]);
            UNROLL_FOR (int v = 0; v < P; v++) a[k][v] = v_fma(in[v], weight, a[k][v]);
        }
    }
    UNROLL_FOR (int k = 0; k < KT; k++) {
        UNROLL_FOR (int v = 0; v < P; v++) v_store(y[v] + k * LANES, a[k][v]);
    }
}

/* Vectors of the batch, `count` of them from `first`: block and part of each. */
static inline void dense_vectors(const float *x, int extent, int first, int count, const float **at)
{
    for (int i = 0; i < count; i++) at[i] = x + (ptrdiff_t)((first + i) / PARTS) * extent * LANES + (first + i) % PARTS * V;
}

/* KT outputs from k of the whole batch, over these inputs. */
struct dense_pass {
    struct span inputs;
    const float *x, *w, *b;
    float *y;
};
INLINE void dense_fwd_group(const struct dense *p, const struct dense_pass *a, int k, const int KT, const int P)
{
    int vectors = image_blocks(p->n) * PARTS;
    const float *in[MAX_PIXELS], *out[MAX_PIXELS];
    float *to_y[MAX_PIXELS];
    const float *rows = a->w + (ptrdiff_t)k * p->c, *bias = a->b ? a->b + k : NULL;
    for (int first = 0, count; first < vectors; first += count) {
        int left = vectors - first;
        count = left >= P && left != P + 1 ? P : left > P ? (left + 1) / 2 : left;
        dense_vectors(a->x, p->c, first, count, in);
        dense_vectors(a->y, p->k, first, count, out);
        for (int i = 0; i < count; i++) to_y[i] = a->y + (out[i] - a->y) + (ptrdiff_t)k * LANES;
        if (P >= 4 && count == 4) dense_tile(p, in, to_y, rows, bias, a->inputs, KT, 4);
        if (P >= 3 && count == 3) dense_tile(p, in, to_y, rows, bias, a->inputs, KT, 3);
        if (P >= 2 && count == 2) dense_tile(p, in, to_y, rows, bias, a->inputs, KT, 2);
        if (count == 1) dense_tile(p, in, to_y, rows, bias, a->inputs, KT, 1);
    }
}

static void dense_fwd(const struct dense *p, struct span outputs, const float *x, const float *w, const float *b, float *y)
{
    for (int from = 0; from < p->c; from += DENSE_DEPTH) {
        const struct span inputs = { from, from + DENSE_DEPTH < p->c ? from + DENSE_DEPTH : p->c };
        const struct dense_pass pass = { inputs, x, w, b, y };
        int k = outputs.begin;
        for (; k + DENSE_KT <= outputs.end; k += DENSE_KT) dense_fwd_group(p, &pass, k, DENSE_KT, DENSE_P);
        for (; k + 2 <= outputs.end; k += 2) dense_fwd_group(p, &pass, k, 2, 4);
        if (k < outputs.end) dense_fwd_group(p, &pass, k, 1, 4);
    }
}

/* dx[CT][P vectors] = sum over k of w[k][c …] * dy[k]. */
INLINE void dense_back_tile(const struct dense *p, const float *const *dy, float *const *dx, const float *w, const int CT, const int P)
{
    vf a[MAX_CHANNELS][MAX_PIXELS];
    UNROLL_FOR (int c = 0; c < CT; c++) {
        UNROLL_FOR (int v = 0; v < P; v++) a[c][v] = v_zero();
    }
    for (int k = 0; k < p->k; k++, w += p->c) {
        vf in[MAX_PIXELS];
        UNROLL_FOR (int v = 0; v < P; v++) in[v] = v_load(dy[v] + (ptrdiff_t)k * LANES);
        UNROLL_FOR (int c = 0; c < CT; c++) {
            vf weight = v_set(w[c]);
            UNROLL_FOR (int v = 0; v < P; v++) a[c][v] = v_fma(in[v], weight, a[c][v]);
        }
    }
    UNROLL_FOR (int c = 0; c < CT; c++) {
        UNROLL_FOR (int v = 0; v < P; v++) v_store(dx[v] + c * LANES, a[c][v]);
    }
}

INLINE void dense_back_group(const struct dense *p, int c, const float *dy, const float *w, float *dx, const int CT, const int P)
{
    int vectors = image_blocks(p->n) * PARTS;
    const float *in[MAX_PIXELS], *out[MAX_PIXELS];
    float *to[MAX_PIXELS];
    for (int first = 0, count; first < vectors; first += count) {
        int left = vectors - first;
        count = left >= P && left != P + 1 ? P : left > P ? (left + 1) / 2 : left;
        dense_vectors(dy, p->k, first, count, in);
        dense_vectors(dx, p->c, first, count, out);
        for (int i = 0; i < count; i++) to[i] = dx + (out[i] - dx) + (ptrdiff_t)c * LANES;
        if (P >= 4 && count == 4) dense_back_tile(p, in, to, w + c, CT, 4);
        if (P >= 3 && count == 3) dense_back_tile(p, in, to, w + c, CT, 3);
        if (P >= 2 && count == 2) dense_back_tile(p, in, to, w + c, CT, 2);
        if (count == 1) dense_back_tile(p, in, to, w + c, CT, 1);
    }
}

static void dense_bwd_data(const struct dense *p, struct span inputs, const float *dy, const float *w, float *dx)
{
    int c = inputs.begin;
    for (; c + DENSE_KT <= inputs.end; c += DENSE_KT) dense_back_group(p, c, dy, w, dx, DENSE_KT, DENSE_P);
    for (; c < inputs.end; c++) dense_back_group(p, c, dy, w, dx, 1, 4);
}

/* A strip of x[blocks][extent][16] to [image][DENSE_STRIP]: features c … c + width of every live image; the rest of each row is left
 * alone. */
static inline void dense_turn(const struct dense *p, int extent, int c, int width, const float *x, float *strip)
{
    for (int n = 0; n < p->n; n += LANES) {
        const float *from = x + ((ptrdiff_t)(n / LANES) * extent + c) * LANES;
        float *to = strip + (ptrdiff_t)n * DENSE_STRIP;
        int f = 0;
        for (; f + LANES <= width; f += LANES) v_transpose16(from + f * LANES, to + f, DENSE_STRIP);
        for (; f < width; f++) {
            for (int lane = 0; lane < LANES; lane++) to[lane * DENSE_STRIP + f] = from[f * LANES + lane];
        }
    }
}

/* Turned as well, so that as many sums as a vector has lanes go side by side: one by one they took a twentieth as long as the products. */
static inline void dense_bias(const struct dense *p, const float *dy, float *db, float *strip)
{
    for (int k = 0; k < p->k; k += DENSE_STRIP) {
        const int width = p->k - k < DENSE_STRIP ? p->k - k : DENSE_STRIP;
        dense_turn(p, p->k, k, width, dy, strip);
        for (int i = 0; i < width; i += V) {
            vf sum = v_zero();
            for (int n = 0; n < p->n; n++) sum = v_add(sum, v_load(strip + (ptrdiff_t)n * DENSE_STRIP + i));
            if (width - i >= V) v_store(db + k + i, sum);
            else v_store_n(db + k + i, sum, width - i);
        }
    }
}

static void dense_bwd_weights(const struct dense *p, struct span inputs, const float *dy, const float *x, float *dw, float *db,
                              float *scratch)
{
    /* Ragged strips are read in whole vectors. */
    if ((inputs.end - inputs.begin) % DENSE_STRIP || p->k % DENSE_STRIP) memset(scratch, 0, dense_scratch_bytes(p));
    if (db && inputs.begin == 0) dense_bias(p, dy, db, scratch);
    for (int c = inputs.begin; c < inputs.end; c += DENSE_STRIP) {
        const int width = inputs.end - c < DENSE_STRIP ? inputs.end - c : DENSE_STRIP;
        dense_turn(p, p->c, c, width, x, scratch);
        outer_sums(&(struct outer){ .n = p->n,
                                    .k = p->k,
                                    .c = width,
                                    .d = dy,
                                    .d_block = (ptrdiff_t)p->k * LANES,
                                    .x = scratch,
                                    .x_row = DENSE_STRIP,
                                    .out = dw + c,
                                    .out_row = p->c });
    }
}

#endif
