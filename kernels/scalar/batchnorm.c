/* SPDX-License-Identifier: MIT
 * Batch normalisation's per-pixel passes. Statistics read live lanes only, in the order of memory; what is applied reads and writes all
 * lanes, so that dead ones stay finite, and gradients end as 0 there. */
#include <assert.h>
#include "scalar.h"

/* From a first guess on, as the header has it. */
static real mean_from(const struct batchnorm *bn, struct span rows, const real *x, int c, real start)
{
    real sum = 0;
    int count = 0;
    for (int row = rows.begin; row < rows.end; row++) {
        const int live = live_lanes(bn->n, row / bn->h);
        for (int w = 0; w < bn->w; w++) {
            const real *in = x + lanes_at(row, w, bn->w, c, bn->c);
            for (int l = 0; l < live; l++) sum += in[l] - start;
            count += live;
        }
    }
    return start + sum / (real)count;
}

static real squares_around(const struct batchnorm *bn, struct span rows, const real *x, int c, real mean)
{
    real sum = 0;
    for (int row = rows.begin; row < rows.end; row++) {
        for (int w = 0; w < bn->w; w++) {
            const real *in = x + lanes_at(row, w, bn->w, c, bn->c);
            for (int l = 0; l < live_lanes(bn->n, row / bn->h); l++) sum += (in[l] - mean) * (in[l] - mean);
        }
    }
    return sum;
}

static void scalar_batchnorm_stats(const struct batchnorm *bn, struct span rows, const real *x, real *mean, real *m2)
{
    assert(rows.begin < rows.end);
    assert(rows.end <= image_blocks(bn->n) * bn->h);
    for (int c = 0; c < bn->c; c++) {
        mean[c] = mean_from(bn, rows, x, c, x[lanes_at(rows.begin, 0, bn->w, c, bn->c)]);
        const real corrected = mean_from(bn, rows, x, c, mean[c]);
        if (corrected - corrected == 0) mean[c] = corrected; /* else infinities: the mean is theirs */
        m2[c] = squares_around(bn, rows, x, c, mean[c]);
    }
}

static void scalar_batchnorm_apply(const struct batchnorm *bn, struct span rows, const real *x, const real *scale, const real *shift,
                                   real *y)
{
    assert(rows.begin >= 0);
    assert(rows.end <= image_blocks(bn->n) * bn->h);
    for (int row = rows.begin; row < rows.end; row++) {
        for (int w = 0; w < bn->w; w++) {
            for (int c = 0; c < bn->c; c++) {
                const size_t at = lanes_at(row, w, bn->w, c, bn->c);
                for (size_t l = 0; l < LANES; l++) {
                    const real made = fused(x[at + l], scale[c], shift[c]);
                    y[at + l] = bn->relu && !(made > 0) ? 0 : made;
                }
            }
        }
    }
}

/* dy where a ReLU on top of the layer lets it pass. */
static real passed(const struct batchnorm *bn, int c, real x, real dy)
{
    const struct through *t = bn->through;
    return !t || !t->relu || fused(x, t->scale[c], t->shift[c]) > 0 ? dy : 0;
}

static void scalar_batchnorm_bwd_stats(const struct batchnorm *bn, struct span rows, const real *x, const real *dy, const real *mean,
                                       real *sum_dy, real *sum_dyx)
{
    assert(rows.begin >= 0);
    assert(rows.end <= image_blocks(bn->n) * bn->h);
    for (int c = 0; c < bn->c; c++) {
        sum_dy[c] = sum_dyx[c] = 0;
        for (int row = rows.begin; row < rows.end; row++) {
            for (int w = 0; w < bn->w; w++) {
                const size_t at = lanes_at(row, w, bn->w, c, bn->c);
                for (size_t l = 0; l < (size_t)live_lanes(bn->n, row / bn->h); l++) {
                    const real ds = passed(bn, c, x[at + l], dy[at + l]);
                    sum_dy[c] += ds;
                    sum_dyx[c] += ds * (x[at + l] - mean[c]);
                }
            }
        }
    }
}

static void scalar_batchnorm_bwd_apply(const struct batchnorm *bn, struct span rows, const real *x, const real *dy,
                                       const struct batchnorm_back *back, real *dx)
{
    assert(rows.begin >= 0);
    assert(rows.end <= image_blocks(bn->n) * bn->h);
    for (int row = rows.begin; row < rows.end; row++) {
        const int live = live_lanes(bn->n, row / bn->h);
        for (int w = 0; w < bn->w; w++) {
            for (int c = 0; c < bn->c; c++) {
                const size_t at = lanes_at(row, w, bn->w, c, bn->c);
                for (size_t l = 0; l < LANES; l++) {
                    const real ds = passed(bn, c, x[at + l], dy[at + l]);
                    const bool kept = (int)l < live && !(bn->gated && !(x[at + l] > 0));
                    dx[at + l] = kept ? back->a[c] * ds + back->b[c] * (x[at + l] - back->mean[c]) + back->d[c] : 0;
                }
            }
        }
    }
}

const struct batchnorm_variant scalar_batchnorm_rows[] = { { { "plain", ISA_SCALAR, ANY_CUT },
                                                             scalar_batchnorm_stats,
                                                             scalar_batchnorm_apply,
                                                             scalar_batchnorm_bwd_stats,
                                                             scalar_batchnorm_bwd_apply },
                                                           { .head = { .algo = NULL } } };
