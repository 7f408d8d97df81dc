/* SPDX-License-Identifier: MIT
 * Skip connection: y = a + the top-left crop of b, where b's images may be larger than a's (channels are equal). */
#ifndef KERNELS_ADD_H
#define KERNELS_ADD_H

#include "base.h"

/* The problem: the sum of two tensors, the second cropped to the first from its top left corner. */
struct add {
    int n, c, h, w; /* of a and y */
    int bh, bw;     /* of b; bh >= h, bw >= w */
};

/* "add:n17c3h4w5bh6bw7". NULL, or what is wrong; print gives `text`. */
const char *add_parse(const char *text, struct add *p);
const char *add_print(const struct add *p, char *text, size_t size);

/* y[B][H][W][C][16] = a + b[..][0:H][0:W]; rows [begin, end) of B*H; y may be a. */
typedef void add_fwd_fn(const struct add *p, struct span rows, const real *a, const real *b, real *y);

/* db[B][BH][BW][C][16] += dy inside the crop, nothing outside; rows [begin, end) of B*H (rows of dy). da is dy itself: no call. */
typedef void add_bwd_fn(const struct add *p, struct span rows, const real *dy, real *db);

/* A row of the table of add: what it is and promises, and its functions, none of them NULL. */
struct add_variant {
    struct variant head; /* algorithm, ISA, promises */
    add_fwd_fn *fwd;     /* the sum */
    add_bwd_fn *bwd;     /* onto the second one's gradient */
};

#endif
