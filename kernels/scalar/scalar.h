/* SPDX-License-Identifier: MIT
 * What the reference sources share: where a pixel's lanes stand, the fused multiply-add in both widths, and the rows that table.c lists.
 *
 * These loops are the definition of every op: read them beside the contract in kernels/<op>.h. They say what the result is, in the plainest
 * order, with the sixteen images as the innermost loop; speed is nobody's business here. In double (-DREAL_DOUBLE) they are the oracle. */
#ifndef SCALAR_SCALAR_H
#define SCALAR_SCALAR_H

#include <math.h>
#include "../kernels.h"

/* Offset of the 16 lanes of channel c at column w in row `row` (which counts through all blocks) of a tensor [rows][W][C][16]. */
static inline size_t lanes_at(int row, int w, int W, int c, int C)
{
    return (((size_t)row * (size_t)W + (size_t)w) * (size_t)C + (size_t)c) * LANES;
}

/* The one way to write w[K][R][S][C]. */
static inline size_t weight_at(const struct conv *conv, int k, int r, int s, int c)
{
    return (((size_t)k * (size_t)conv->r + (size_t)r) * (size_t)conv->s + (size_t)s) * (size_t)conv->c + (size_t)c;
}

/* How many of block b's lanes hold images. */
static inline int live_lanes(int n, int b)
{
    const int left = n - b * LANES;
    return left < LANES ? left : LANES;
}

/* a * b + c with one rounding, where the contract says fused. */
static inline real fused(real a, real b, real c)
{
    return sizeof(real) == sizeof(double) ? (real)fma((double)a, (double)b, (double)c) : (real)fmaf((float)a, (float)b, (float)c);
}

/* What rows promise. None promises SAME_BITS_OVER_ISA: that promise is among the SIMD sources, against which the scalar reference is
 * compared within bounds. */
enum { ANY_CUT = SAME_BITS_OVER_SPANS, EXACT_ANY_CUT = EXACT_ON_INTEGERS | SAME_BITS_OVER_SPANS };

/* The rows of every op, in the op's file; of convolution in table.c. */
#define OP_ROWS(NAME, name) extern const struct name##_variant scalar_##name##_rows[];
OPS(OP_ROWS)
#undef OP_ROWS

conv_fwd_fn scalar_conv_fwd, autovec_conv_fwd;
conv_bwd_data_fn scalar_conv_bwd_data, autovec_conv_bwd_data;
conv_bwd_weights_fn scalar_conv_bwd_weights, autovec_conv_bwd_weights;

#endif
