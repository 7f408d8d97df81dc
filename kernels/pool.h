/* SPDX-License-Identifier: MIT
 * Max- and average-pooling over r x s windows. Global average pooling is an average over r = h, s = w. */
#ifndef KERNELS_POOL_H
#define KERNELS_POOL_H

#include "base.h"
#include "bf16.h"

enum pool_kind { POOL_MAX, POOL_AVG };

/* The problem: windows of r x s taps, `step` apart both ways, over every channel by itself. */
struct pool {
    enum pool_kind kind;
    int n, c, h, w;                    /* images, channels, height, width */
    int r, s, step;                    /* window height and width, each 1 or more; stride, 1 or more */
    int top, bottom, left, right;      /* padding, each 0 … window extent - 1 */
    bool count_pad;                    /* average: divide by r*s (true) or by the taps inside the image (false); max ignores padding */
    int p, q;                          /* output height and width (floor), set by pool_complete() */
    const struct bf16_operands *lines; /* NULL; or x, y, dy, dx of a max-pool are lines, if the variant promises TAKES_LINES */
};

/* As conv_complete, conv_parse, conv_print; strings "max:n64c32h28r2step2pad0", "avg:…" with "count1" where padding is counted.
 * r x r windows; "s" where the width differs, "step" where it differs from 1. A max window has at most 256 taps (`argmax` is a byte). */
const char *pool_complete(struct pool *p);
const char *pool_parse(const char *text, struct pool *p);
const char *pool_print(const struct pool *p, char *text, size_t size);

/* y[B][P][Q][C][16] from x[B][H][W][C][16]; overwrites rows [begin, end) of the B*P output rows.
 * Max: the first tap in row-major order that no later tap exceeds (x > best replaces; so ties keep the first, a NaN is kept only as first
 * tap). argmax[B][P][Q][C][16] receives its index r*S + s; it may be NULL (inference), and average never touches it.
 * Average: taps summed in row-major order, then divided. */
typedef void pool_fwd_fn(const struct pool *p, struct span rows, const real *x, real *y, uint8_t *argmax);

/* dx[B][H][W][C][16] from dy[B][P][Q][C][16]; overwrites rows [begin, end) of the B*H input rows, pixels no window covers with zeros.
 * Contributions of overlapping windows are added in row-major order of the windows. */
typedef void pool_bwd_fn(const struct pool *p, struct span rows, const real *dy, const uint8_t *argmax, real *dx);

/* A row of the table of pool: what it is and promises, and its functions, none of them NULL. */
struct pool_variant {
    struct variant head;
    pool_fwd_fn *fwd; /* the output */
    pool_bwd_fn *bwd; /* the input's gradient */
};

#endif
