/* SPDX-License-Identifier: MIT
 * The kernels: read this and base.h (layouts, spans) first, then one header per op. A kernel is a pure function on memory it is given: no
 * allocation, no threads, no I/O, no globals, and it cannot fail: what could go wrong is asked before, by the variant's supports() and
 * the problem's check. */
#ifndef KERNELS_H
#define KERNELS_H

#include "ops.h"

/* All variants of one ISA; every array ends with a row whose algo is NULL, best first; an ISA of bf16 alone has
 * NULL for the others. One such table is all that an isa/ file exports. */
struct kernels {
    enum isa isa; /* whose they are */
    /* and for each op an array of rows: struct conv_variant *conv … */
#define OP_TABLE(NAME, name) const struct name##_variant *name;
    OPS(OP_TABLE)
#undef OP_TABLE
};

/* The table of an ISA, or NULL when this build has none (NEON on x86). */
const struct kernels *kernels_of(enum isa isa);

/* The mask of ISAs built in. */
unsigned kernels_built(void);

/* Row i of op's table for that ISA as its common head (cast it back by op), or NULL past the end: the one way to walk everything. */
const struct variant *variant_at(enum op op, enum isa isa, int i);

/* The same of any table. Rows before i must be filled ones. */
const struct variant *kernels_row(const struct kernels *k, enum op op, int i);

/* "conv", "pool" … both ways; parse gives -1 for anything else. */
const char *op_name(enum op op);
int op_parse(const char *name);

/* The row of the best ISA in `isas` with this algorithm, if it supports the problem; NULL if none. `algo` NULL or "auto": what conv_auto()
 * says for the direction, or where that is silent, or the ISA lacks it, the ISA's first row that supports the problem.
 * Ops with one algorithm per ISA are taken from kernels_of(best isa)->op[0] by isa_best(). */
const struct conv_variant *conv_pick(const struct conv *p, enum conv_direction direction, unsigned isas, const char *algo);

/* Is there such an algorithm on any of these ISAs, whatever its shapes? */
bool conv_algo_known(unsigned isas, const char *algo);

/* The algorithm that costs least (rank 0), the next (1), … by a model of the shape's work (auto.c); NULL when none is left, and where
 * direct is all there is: kernels that are not square, steps. The same on every ISA; depends on neither images nor threads. */
const char *conv_auto(const struct conv *p, enum conv_direction direction, int rank);

/* The preferred ISA of a mask that is also built in and computes in floats, or -1 if none does. */
int isa_best(unsigned isas);
/* The preferred one that is built in and has tiles of bf16 (conv_bf16.h), or -1. */
int isa_bf16(unsigned isas);

#endif
