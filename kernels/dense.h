/* SPDX-License-Identifier: MIT
 * Dense (fully connected): y[b][k] = bias[k] + sum over c of w[k][c] * x[b][c], where c runs over the flattened [H][W][C] of the layer
 * below. Weights are read as they stand: packing them would cost as much as the product at batch 32. */
#ifndef KERNELS_DENSE_H
#define KERNELS_DENSE_H

#include "base.h"

/* The problem: a matrix product over images. */
struct dense {
    int n;     /* images */
    int c, k;  /* inputs: the flattened [H][W][C] of the layer below; outputs. w is [K][C] */
    bool bias; /* b[K] is added */
};

const char *dense_complete(struct dense *p);
const char *dense_parse(const char *text, struct dense *p); /* "dense:n64c784k10", "b0" without bias */
const char *dense_print(const struct dense *p, char *text, size_t size);

/* y[B][K][16] = w[K][C] x[B][C][16] + b[K] (NULL: none); overwrites outputs [begin, end) of K in every block. c in order, bias first. */
typedef void dense_fwd_fn(const struct dense *p, struct span outputs, const real *x, const real *w, const real *b, real *y);

/* dx[B][C][16] = transposed w times dy[B][K][16]; overwrites inputs [begin, end) of C in every block. k in order. */
typedef void dense_bwd_data_fn(const struct dense *p, struct span inputs, const real *dy, const real *w, real *dx);

/* dw[K][C] = sum over images of dy * x, images in order: columns [begin, end) of C only, overwritten. db[K] (NULL: none) is overwritten by
 * the span that begins at 0. `scratch`: dense_scratch_bytes(p), the worker's own. Same bits for any cut at multiples of 16 columns. */
typedef void dense_bwd_weights_fn(const struct dense *p, struct span inputs, const real *dy, const real *x, real *dw, real *db,
                                  real *scratch);

/* Room for DENSE_STRIP columns of all B*16 images: a kernel transposes x strip by strip to [B*16][DENSE_STRIP]. */
enum { DENSE_STRIP = 64 };
size_t dense_scratch_bytes(const struct dense *p);

/* A row of the table of dense: what it is and promises, and its functions, none of them NULL. */
struct dense_variant {
    struct variant head;
    dense_fwd_fn *fwd;                 /* outputs */
    dense_bwd_data_fn *bwd_data;       /* the inputs' gradient */
    dense_bwd_weights_fn *bwd_weights; /* gradients of weights and bias */
};

#endif
