/* SPDX-License-Identifier: MIT
 * Convolution (cross-correlation, as in every framework): y[b][p][q][k] = bias[k] + sum over r, s, c of
 * x[b][p*step + r - top][q*step + s - left][c] * w[k][r][s][c], taps outside the image left out. */
#ifndef KERNELS_CONV_H
#define KERNELS_CONV_H

#include "base.h"

struct conv {
    int n, c, h, w;               /* images, input channels, height, width */
    int k, r, s, step;            /* output channels, kernel height and width, stride (both ways) */
    int top, bottom, left, right; /* padding, each 0 … kernel extent - 1 */
    bool bias;
    bool frozen;                   /* weights are packed once for many passes: packing may take long if that saves time in each */
    int p, q;                      /* output height and width, set by conv_complete() */
    int pitch;                     /* channels of a pixel of y in memory: k, more in a part of a layer's filters; set by it, too */
    const struct through *through; /* NULL; or forward and backward-weights read x through it, if the variant promises READS_THROUGH */
    bool relu;                     /* forward stores max(y, 0), if the variant promises GATES */
    const real *by;                /* NULL; or, likewise, backward-data stores 0 where this, laid out as dx, is not above zero */
};

enum { CONV_KERNEL_MAX = 11, CONV_STEP_MAX = 4 };

/* Checks ranges, sets p, q and pitch. NULL, or what is wrong ("the window exceeds the padded input"); static text. What passes has tensors
 * of fewer than 2^31 elements, so `int` counts them, and every window holds at least one tap inside the image. The same holds for every
 * op. */
const char *conv_complete(struct conv *p);

/* "n64c16h26k16r3pad0": n c h [w] k r [s] [step] [b0] pad; w, s, step, b0 only where they differ from h, r, 1, bias; pad1 or pad1,0,1,0
 * (top, bottom, left, right). parse completes; it returns NULL or what is wrong. print writes at most `size` bytes and returns `text`. */
const char *conv_parse(const char *text, struct conv *p);
const char *conv_print(const struct conv *p, char *text, size_t size);

/* Nominal work of one direction: 2 N K P Q R S C; and the work of exact taps alone, those inside the image. */
double conv_flops(const struct conv *p);
double conv_flops_exact(const struct conv *p);

enum conv_direction { CONV_FWD, CONV_BWD_DATA, CONV_BWD_WEIGHTS, CONV_DIRECTIONS };

/* packed = what fwd or bwd_data (the only two directions that have it) reads in place of w[K][R][S][C]: made once per step from the new
 * weights, or once and for all if the problem says that they are frozen. */
typedef void conv_pack_fn(const struct conv *p, enum conv_direction direction, const real *w, real *packed);

/* y[B][P][Q][K][16] = conv(x[B][H][W][C][16], w) + b[K] (b NULL: none). Overwrites y, and only rows [begin, end) of its B*P rows.
 * |y - exact| <= bound(p) * 2^-24 * (|b| + sum|x*w|). `scratch` is the worker's own, scratch_bytes(p). */
typedef void conv_fwd_fn(const struct conv *p, struct span rows, const real *x, const real *packed, const real *b, real *y, real *scratch);

/* dx[B][H][W][C][16] = transposed conv(dy[B][P][Q][K][16], w). Overwrites dx, and only rows [begin, end) of its B*H rows. Same bound. */
typedef void conv_bwd_data_fn(const struct conv *p, struct span rows, const real *dy, const real *packed, real *dx, real *scratch);

/* dw[K][R][S][C] = sum of dy * x, db[K] = sum of dy (db NULL: none), over rows [begin, end) of the B*P output rows and all 16 lanes
 * (dead lanes: dy is 0, x finite). Overwrites dw and db, which belong to this call. Bits depend on the span: use conv_chunk(). The problem
 * may be a part of the filters, see conv_filters(). */
typedef void conv_bwd_weights_fn(const struct conv *p, struct span rows, const real *dy, const real *x, real *dw, real *db, real *scratch);

/* Any span of rows is right, but some rows are made together, so that a cut between them does work twice: `grain` rows from the top of
 * every block on. 1: rows are made one by one; P or H: whole images. */
typedef int conv_grain_fn(const struct conv *p, enum conv_direction direction);

struct conv_variant {
    struct variant head;
    bool (*supports)(const struct conv *p); /* the same answer on every ISA */
    conv_grain_fn *grain;
    int chunk_pixels; /* see conv_chunks() */
    size_t (*packed_bytes)(const struct conv *p, enum conv_direction direction);
    size_t (*scratch_bytes)(const struct conv *p); /* per worker, the largest of the three directions */
    float (*bound)(const struct conv *p);          /* c in |got - exact| <= c * 2^-24 * sum|a*b| */
    conv_pack_fn *pack;
    conv_fwd_fn *fwd;
    conv_bwd_data_fn *bwd_data;
    conv_bwd_weights_fn *bwd_weights;
};

/* Sums over images are cut into chunks that depend on the problem and the algorithm alone; each chunk's dw is made by one call, and chunks
 * are added by the fixed tree of sums.h: that is why gradients have the same bits for any number of workers. A chunk is a run of output
 * rows of B*P with at least chunk_pixels pixels (where there are as many) and never more than four image blocks: a block with as many is
 * cut into nearly even bands of whole grains; smaller blocks are grouped whole, nearly evenly. */
int conv_chunks(const struct conv_variant *v, const struct conv *p);
struct span conv_chunk(const struct conv_variant *v, const struct conv *p, int i);

/* A layer's filters [begin, end) as a problem of their own, for backward-weights alone: the caller's dy begins at channel `begin`, its dw
 * and db at filter `begin`. Every filter has the same bits in any part; x is made ready again for each. */
struct conv conv_filters(const struct conv *p, struct span filters);

/* In how many such parts chunks are best made: more than one only where workers would wait for each other. And the filters of part i. */
int conv_parts(const struct conv *p, int chunks, int workers);
struct span conv_part(const struct conv *p, int parts, int i);

/* The units that a variant's rows are dealt out in, and the rows of a span of them. */
int conv_units(const struct conv_variant *v, const struct conv *p, enum conv_direction direction);
struct span conv_unit_rows(const struct conv_variant *v, const struct conv *p, enum conv_direction direction, struct span units);

#endif
