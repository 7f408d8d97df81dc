/* SPDX-License-Identifier: MIT
 * What every op's header stands on: the alphabet of shapes and layouts, spans, and the head of every variant.
 *
 * The alphabet (capitals are extents, lower case are indices; structs spell extents in lower case, as problem strings do):
 *   N images, B = ceil(N / 16) image blocks, C input channels, H x W input, K output channels, R x S kernel, P x Q output.
 *   x[B][H][W][C][16]   activations: the 16 innermost floats are 16 images, one cache line, the same on every ISA ("batch in lanes")
 *   w[K][R][S][C]       convolution weights;  w[K][C] dense weights, where C runs over the flattened [H][W][C] of the layer below
 *   y[B][P][Q][K][16]   outputs;  gradients are called dx dw db dy and have the shape of what they belong to.
 * The last block may have dead lanes (N not a multiple of 16). They hold finite values in activations, zeros in gradients.
 *
 * Work is given as a `struct span`, half-open; what it counts (rows, vectors, blocks …) stands above each function type. Spans of one call
 * never overlap in what they write, and [0,n) gives the same bits as [0,k) and [k,n): that is what makes threads free of choice.
 * All tensors are 64-byte aligned. No pointer aliases another unless the contract says "may be". */
#ifndef KERNELS_BASE_H
#define KERNELS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "runtime/cpu.h"

enum { LANES = 16 };

/* The reference sources and the nets compile twice: float is the product, double the oracle and the gradient check. SIMD is float only. */
#ifdef REAL_DOUBLE
typedef double real;
#else
typedef float real;
#endif

/* Units [begin, end) of what the function's type says; begin <= end, and an empty span does nothing. */
struct span {
    int begin, end;
};

/* How a tensor is read that nobody has made, [C]: x * scale[c] + shift[c] as one fused multiply-add, then ReLU or not. That is batch norm,
 * and the activation on it, in the place where the next layer reads them. */
struct through {
    const real *scale, *shift;
    bool relu;
};

/* B of N images. */
static inline int image_blocks(int n) { return (n + LANES - 1) / LANES; }

/* What a variant promises about its bits; what is not promised is neither tested nor claimed. */
enum promise {
    EXACT_ON_INTEGERS = 1,    /* inputs that are small integers (every sum of |products| below 2^24) give the exact result */
    SAME_BITS_OVER_ISA = 2,   /* every SIMD ISA's and the portable variant of this algorithm give the same bits */
    SAME_BITS_OVER_SPANS = 4, /* any cut into spans gives the same bits (for sums over the span itself: see the op) */
    READS_THROUGH = 8,        /* conv: forward and backward-weights take the problem's `through` */
    TAKES_LINES = 16,         /* batchnorm, max-pool: take the problem's `lines` */
    GATES = 32                /* conv: forward takes the problem's `relu`, backward-data its `by` */
};

/* The head of every row of every op's table. */
struct variant {
    const char *algo; /* "direct", "winograd4", "plain" …; NULL ends a table */
    enum isa isa;
    unsigned promises; /* enum promise */
};

#endif
