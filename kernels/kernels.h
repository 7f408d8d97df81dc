/* SPDX-License-Identifier: MIT
 * The kernels: read this first, then one header per op. A kernel is a pure function on memory it is given: no allocation, no threads, no
 * I/O, no globals, and it cannot fail: what could go wrong is asked before, by the variant's supports() and the problem's check.
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
#ifndef KERNELS_H
#define KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "runtime/cpu.h"

enum { LANES = 16 };

/* The textbook sources and the nets compile twice: float is the product, double the oracle and the gradient check. SIMD is float only. */
#ifdef REAL_DOUBLE
typedef double real;
#else
typedef float real;
#endif

struct span { int begin, end; };

/* B of N images. */
static inline int image_blocks(int n)
{
    return (n + LANES - 1) / LANES;
}

/* What a variant promises about its bits; what is not promised is neither tested nor claimed. */
enum promise {
    EXACT_ON_INTEGERS = 1,      /* inputs that are small integers (every sum of |products| below 2^24) give the exact result */
    SAME_BITS_OVER_ISA = 2,     /* every SIMD ISA's and the portable variant of this algorithm give the same bits */
    SAME_BITS_OVER_SPANS = 4    /* any cut into spans gives the same bits (for sums over the span itself: see the op) */
};

/* The head of every row of every op's table. */
struct variant {
    const char *algo;           /* "direct", "winograd4", "plain" …; NULL ends a table */
    enum isa isa;
    unsigned promises;          /* enum promise */
};

enum op { OP_CONV, OP_POOL, OP_BATCHNORM, OP_DENSE, OP_ACTIVATION, OP_ADD, OP_DROPOUT, OP_LOSS, OP_OPTIMIZER, OP_COUNT };

#include "conv.h"
#include "pool.h"
#include "batchnorm.h"
#include "dense.h"
#include "activation.h"
#include "add.h"
#include "dropout.h"
#include "loss.h"
#include "optimizer.h"

/* All variants of one ISA; every array ends with a row whose algo is NULL, best first. One such table is all that an isa/ file exports. */
struct kernels {
    enum isa isa;
    const struct conv_variant *conv;
    const struct pool_variant *pool;
    const struct batchnorm_variant *batchnorm;
    const struct dense_variant *dense;
    const struct activation_variant *activation;
    const struct add_variant *add;
    const struct dropout_variant *dropout;
    const struct loss_variant *loss;
    const struct optimizer_variant *optimizer;
};

/* The table of an ISA, or NULL when this build has none (NEON on x86). */
const struct kernels *kernels_of(enum isa isa);

/* The mask of ISAs built in. */
unsigned kernels_built(void);

/* Row i of op's table for that ISA as its common head (cast it back by op), or NULL past the end: the one way to walk everything. */
const struct variant *variant_at(enum op op, enum isa isa, int i);

/* "conv", "pool" … both ways; parse gives -1 for anything else. */
const char *op_name(enum op op);
int op_parse(const char *name);

/* The row of the best ISA in `isas` with this algorithm, if it supports the problem; NULL if none. `algo` NULL or "auto": what conv_auto()
 * says for the direction, or where that is silent, or the ISA lacks it, the ISA's first row that supports the problem.
 * Ops with one algorithm per ISA are taken from kernels_of(best isa)->op[0] by isa_best(). */
const struct conv_variant *conv_pick(const struct conv *p, enum conv_direction direction, unsigned isas, const char *algo);

/* Is there such an algorithm on any of these ISAs, whatever its shapes? */
bool conv_algo_known(unsigned isas, const char *algo);

/* What the table of measured shapes (auto_table.h) says: the algorithm of its nearest row (rank 0), the next nearest (1), …; NULL when
 * there is none left. The same on every ISA; depends on neither images nor threads. */
const char *conv_auto(const struct conv *p, enum conv_direction direction, int rank);

/* The preferred ISA of a mask that is also built in, or -1 if none is. */
int isa_best(unsigned isas);

#endif
