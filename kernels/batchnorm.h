/* SPDX-License-Identifier: MIT
 * Batch normalisation per channel over images and pixels: y = (x - mean) / sqrt(variance + eps) * gamma + beta.
 * Training needs the whole batch's statistics, so it is three passes: stats per chunk, a merge, apply. Dead lanes take no part. */
#ifndef KERNELS_BATCHNORM_H
#define KERNELS_BATCHNORM_H

#include "base.h"
#include "bf16.h"

/* The problem: a mean and a variance for each of C channels, over N x H x W values. */
struct batchnorm {
    int n, c, h, w;                    /* images, channels, height, width */
    const struct through *through;     /* NULL; or y is read through it: backward's dy counts where ReLU lets x pass */
    bool relu;                         /* apply makes max(y, 0) */
    bool gated;                        /* bwd_apply makes 0 where x is not above zero: x is what a ReLU made */
    const struct bf16_operands *lines; /* NULL; or x, dy, y, dx are lines, if the variant promises TAKES_LINES; `through` is NULL then */
};

/* As conv_complete, conv_parse and conv_print (kernels/conv.h). */
const char *batchnorm_complete(struct batchnorm *p);
const char *batchnorm_parse(const char *text, struct batchnorm *p); /* "bn:n64c16h24" */
const char *batchnorm_print(const struct batchnorm *p, char *text, size_t size);

/* Chunks of the B*H rows, by the problem alone: as conv_chunks() makes them of at least 96 pixels. */
int batchnorm_chunks(const struct batchnorm *p);
struct span batchnorm_chunk(const struct batchnorm *p, int i);

/* Of the rows' live lanes: mean[C] and m2[C] = sum of (x - mean)^2. Two passes over the chunk, never E[x^2] - E[x]^2: the first takes the
 * mean distance to the first value, the second corrects the mean, and the squares with it, by the mean distance that is left. So the
 * mean's error is small beside the spread, and none where a channel is constant. Bits depend on the span. */
typedef void batchnorm_stats_fn(const struct batchnorm *p, struct span rows, const real *x, real *mean, real *m2);

/* y = x * scale[c] + shift[c] as one fused multiply-add, rows [begin, end) of B*H; y may be x. Inference and training apply alike:
 * scale = gamma / sqrt(variance + eps), shift = beta - mean * scale (in double, rounded once: batchnorm_fold). */
typedef void batchnorm_apply_fn(const struct batchnorm *p, struct span rows, const real *x, const real *scale, const real *shift, real *y);

/* Over the rows: sum_dy[C] = sum of dy, sum_dyx[C] = sum of dy * (x - mean[c]). dy is 0 in dead lanes. Bits depend on the span. */
typedef void batchnorm_bwd_stats_fn(const struct batchnorm *p, struct span rows, const real *x, const real *dy, const real *mean,
                                    real *sum_dy, real *sum_dyx);

/* What the gradient is made with, per channel: arrays of C. */
struct batchnorm_back {
    const real *mean;      /* of the batch */
    const real *a, *b, *d; /* coefficients, by batchnorm_bwd_fold */
};

/* dx = a[c] * dy + b[c] * (x - mean[c]) + d[c] in live lanes, 0 in dead ones; rows [begin, end) of B*H; dx may be dy. */
typedef void batchnorm_bwd_apply_fn(const struct batchnorm *p, struct span rows, const real *x, const real *dy,
                                    const struct batchnorm_back *back, real *dx);

/* A row of the table of batchnorm: what it is and promises, and its functions, none of them NULL. */
struct batchnorm_variant {
    struct variant head;
    batchnorm_stats_fn *stats;         /* a chunk's statistics */
    batchnorm_apply_fn *apply;         /* values, from scale and shift */
    batchnorm_bwd_stats_fn *bwd_stats; /* a chunk's sums of gradients */
    batchnorm_bwd_apply_fn *bwd_apply; /* gradients, from coefficients */
};

/* The parts that are per channel, not per pixel: plain C in double, shared by all variants (kernels/batchnorm.c). */

/* Merges chunk i's mean and m2 (each [chunks][C]) by a fixed pairwise tree (Chan et al.) into mean[C] and biased variance[C]. */
void batchnorm_merge(const struct batchnorm *p, const real *chunk_mean, const real *chunk_m2, real *mean, real *variance);

/* scale and shift from statistics and parameters. */
void batchnorm_fold(int c, real eps, const real *mean, const real *variance, const real *gamma, const real *beta, real *scale, real *shift);

/* running = (1 - momentum) * running + momentum * batch, with the unbiased variance (PyTorch's convention: momentum is the new batch's
 * share). A batch of a single value has no unbiased variance: its biased one, 0, is taken. */
void batchnorm_track(const struct batchnorm *p, real momentum, const real *mean, const real *variance, real *running_mean,
                     real *running_variance);

/* What the whole batch's sums come to, per channel: arrays of C, all of them written. */
struct batchnorm_folded {
    real *dgamma, *dbeta; /* gradients of the parameters: sum_dyx / sd and sum_dy */
    real *a, *b, *d;      /* coefficients of bwd_apply */
};
void batchnorm_bwd_fold(const struct batchnorm *p, real eps, const real *variance, const real *gamma, const real *sum_dy,
                        const real *sum_dyx, const struct batchnorm_folded *to);

#endif
