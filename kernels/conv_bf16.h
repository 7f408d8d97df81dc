/* SPDX-License-Identifier: MIT
 * Convolution of bf16 tensors with sums in float, of every shape that struct conv has, and the conversions that make its operands: x and
 * dy are framed lines, for backward-weights dy is pairs of rows (bf16.h says both); y, dx, dw and db are float as everywhere. A dense layer
 * is a 1x1 convolution over its image blocks, see conv_bf16_dense().
 *
 * Products are those of simd/t.h: exact in bf16, summed in tiles of at most 16 pairs and added to a float. Bits depend on the problem
 * alone, and for backward-weights on the span of rows. What lies in a frame is multiplied as zeros, so that a weight that is not finite
 * gives NaN there; denormals count as zero. */
#ifndef KERNELS_CONV_BF16_H
#define KERNELS_CONV_BF16_H

#include "bf16.h"
#include "conv.h"

/* A convolution in bf16 as a problem: "bf16:" and the string of conv.h. */
struct conv_bf16 {
    struct conv shape; /* as a convolution of floats has it; every shape that conv_complete() accepts */
};

/* As conv_parse and conv_print (kernels/conv.h), with "bf16:" in front: NULL, or what is wrong with the text in static storage; print
 * writes at most `size` bytes with the final 0 and returns `text`. */
const char *conv_bf16_parse(const char *text, struct conv_bf16 *p);
const char *conv_bf16_print(const struct conv_bf16 *p, char *text, size_t size);

/* Where the lines of x stand for forward and backward-weights, and those of dy for backward-data: framed by as many zeros as taps reach.
 * bf16_lines_count() says how many numbers that is; memory is the caller's, 64-byte aligned. */
struct bf16_map conv_bf16_x(const struct conv *p);
struct bf16_map conv_bf16_dy(const struct conv *p);

/* The convolution that a dense layer of n images is: x[B][C][16] as one block of B rows of one pixel, C inputs and K outputs, with or
 * without a bias. A fully connected layer thus has the bits of the 1x1 convolution that it is. */
struct conv conv_bf16_dense(int n, int c, int k, bool bias);

/* Lines from x[B][H][W][C][16], rounded to nearest even: rows [begin, end) of the B * (top + h + bottom), the frame's zeros among them. */
typedef void bf16_lines_fn(const struct bf16_map *m, struct span rows, const float *x, bf16 *lines);

/* As bf16_lines_fn, through a gate. */
typedef void bf16_gated_lines_fn(const struct bf16_map *m, struct span rows, const float *x, const struct bf16_gate *gate, bf16 *lines);

/* Pairs of rows [begin, end) of the B * ceil(h / 2) from the same; no frame. */
typedef void bf16_row_pairs_fn(const struct bf16_map *m, struct span pairs, const float *x, bf16 *to);

/* The same of lines. Exact. */
typedef void bf16_row_pairs_of_lines_fn(const struct bf16_map *m, struct span pairs, const bf16 *lines, bf16 *to);

/* Rows [begin, end) of the B*h rows of x from lines. Exact. */
typedef void bf16_floats_fn(const struct bf16_map *m, struct span rows, const bf16 *lines, float *x);

/* Vectors [begin, end) of x become the numbers that bf16 has: rounded to nearest even, NaN to its quiet one. */
typedef void bf16_round_fn(struct span vectors, float *x);

/* packed = what fwd or bwd_data reads in place of w[K][R][S][C], rounded to bf16: made once per step. */
typedef void conv_bf16_pack_fn(const struct conv *p, enum conv_direction direction, const float *w, bf16 *packed);

/* y[B][P][Q][K][16] = conv(x, w) + b[K] (b NULL: none), x as lines of conv_bf16_x(). Overwrites rows [begin, end) of the B*P rows of y.
 * |y - exact| <= bound(p) * 2^-24 * (|b| + sum|x*w|) + what denormals are worth. */
typedef void conv_bf16_fwd_fn(const struct conv *p, struct span rows, const bf16 *x, const bf16 *packed, const float *b, float *y,
                              void *scratch);

/* dx[B][H][W][C][16] = transposed conv(dy, w), dy as lines of conv_bf16_dy(). Overwrites rows [begin, end) of B*H. Same bound. */
typedef void conv_bf16_bwd_data_fn(const struct conv *p, struct span rows, const bf16 *dy, const bf16 *packed, float *dx, void *scratch);

/* dw[K][R][S][C] = sum of dy * x, db[K] = sum of dy (db NULL: none), over rows [begin, end) of B*P and all lanes; overwritten. dy as pairs
 * of rows (bf16_pairs_count()), x as lines of conv_bf16_x(). The span begins at an even row of a block and ends at one or at a block's end.
 */
typedef void conv_bf16_bwd_weights_fn(const struct conv *p, struct span rows, const bf16 *dy, const bf16 *x, float *dw, float *db,
                                      void *scratch);

/* A row of the table of conv_bf16: what it is and promises, and its functions, none of them NULL. Every row gives the same bits; rows
 * differ in what computes a tile (kernels/simd/t.h). */
struct conv_bf16_variant {
    struct variant head;
    /* conversions: to what the three directions read, and back */
    bf16_lines_fn *lines;
    bf16_gated_lines_fn *gated_lines;
    bf16_row_pairs_fn *row_pairs;
    bf16_row_pairs_of_lines_fn *row_pairs_of_lines;
    bf16_floats_fn *floats;
    bf16_round_fn *round;
    /* sizes, by the problem alone */
    size_t (*packed_bytes)(const struct conv *p, enum conv_direction direction); /* of packed weights; 0: that direction reads none */
    size_t (*scratch_bytes)(const struct conv *p); /* per worker, 64-byte aligned, the largest of the three directions */
    float (*bound)(const struct conv *p);          /* of the error, in units of 2^-24 of the sum of magnitudes */
    /* the three directions */
    conv_bf16_pack_fn *pack;
    conv_bf16_fwd_fn *fwd;
    conv_bf16_bwd_data_fn *bwd_data;
    conv_bf16_bwd_weights_fn *bwd_weights;
};

/* The chunks of conv.h for these sums: of an even number of rows, since backward-weights reads pairs of them. How many there are and which
 * rows the i-th has, 0 <= i < conv_bf16_chunks(p); by the problem alone, never by the number of workers. */
int conv_bf16_chunks(const struct conv *p);
struct span conv_bf16_chunk(const struct conv *p, int i);

#endif
