/* SPDX-License-Identifier: MIT
 * THE list: every variant of every SIMD instruction set, one row each, best first. An isa/ file defines its constants, includes this,
 * and exports the table; a new algorithm is its template plus one row here. Constants expected: ISA, tiles[], sums[], DENSE_*. */
#ifndef SIMD_ROWS_H
#define SIMD_ROWS_H

#include "../kernels.h"

enum { EVERYTHING = EXACT_ON_INTEGERS | SAME_BITS_OVER_ISA | SAME_BITS_OVER_SPANS, SAME_BITS = SAME_BITS_OVER_ISA | SAME_BITS_OVER_SPANS };

/* One rounding per product and step of a chain, the longest chain of the three directions, and the few steps of the lane tree. */
static float conv_direct_bound(const struct conv *p)
{
    int inputs = (p->c > p->k ? p->c : p->k) * p->r * p->s, blocks = (p->n + LANES - 1) / LANES;
    int band = BAND_PIXELS + p->q, bands = blocks * p->p * p->q / (BAND_PIXELS / 2) + blocks;
    return (float)((inputs > band ? inputs : band) + bands + 8);
}
static void conv_direct_pack(const struct conv *p, enum conv_direction direction, const float *w, float *packed)
{
    direct_pack(p, tiles, direction, w, packed);
}
static void conv_direct_fwd(const struct conv *p, struct span rows, const float *x, const float *packed, const float *b, float *y,
                            float *scratch)
{
    (void)scratch;
    direct_fwd(p, tiles, rows, x, packed, b, y);
}
static void conv_direct_bwd_data(const struct conv *p, struct span rows, const float *dy, const float *packed, float *dx, float *scratch)
{
    (void)scratch;
    direct_bwd_data(p, tiles, rows, dy, packed, dx);
}
static void conv_direct_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, float *dw, float *db,
                                    float *scratch)
{
    direct_bwd_weights(p, sums, rows, dy, x, dw, db, scratch);
}
static const struct conv_variant conv_rows[] = {
    { { "direct", ISA, EVERYTHING }, direct_supports, direct_grain, BAND_PIXELS,
      direct_packed_bytes, direct_scratch_bytes, conv_direct_bound, conv_direct_pack, conv_direct_fwd, conv_direct_bwd_data, conv_direct_bwd_weights },
    { .head = { .algo = NULL } }
};
static const struct pool_variant pool_rows[] = {
    { { "direct", ISA, EVERYTHING }, pool_fwd, pool_bwd }, { .head = { .algo = NULL } }
};
static const struct batchnorm_variant batchnorm_rows[] = {
    { { "direct", ISA, SAME_BITS }, batchnorm_stats, batchnorm_apply, batchnorm_bwd_stats, batchnorm_bwd_apply },
    { .head = { .algo = NULL } }
};
static const struct dense_variant dense_rows[] = {
    { { "direct", ISA, EVERYTHING }, dense_fwd, dense_bwd_data, dense_bwd_weights }, { .head = { .algo = NULL } }
};
static const struct activation_variant activation_rows[] = {
    { { "direct", ISA, SAME_BITS }, activation_fwd, activation_bwd }, { .head = { .algo = NULL } }
};
static const struct add_variant add_rows[] = {
    { { "direct", ISA, EVERYTHING }, add_fwd, add_bwd }, { .head = { .algo = NULL } }
};
static const struct dropout_variant dropout_rows[] = {
    { { "direct", ISA, SAME_BITS }, dropout_fwd, dropout_bwd }, { .head = { .algo = NULL } }
};
static const struct loss_variant loss_rows[] = { { { "direct", ISA, SAME_BITS }, softmax_xent }, { .head = { .algo = NULL } } };
static const struct optimizer_variant optimizer_rows[] = {
    { { "direct", ISA, SAME_BITS }, optimizer_step }, { .head = { .algo = NULL } }
};

#define KERNELS_OF_THIS_ISA { ISA, conv_rows, pool_rows, batchnorm_rows, dense_rows, activation_rows, add_rows, dropout_rows, loss_rows, \
                              optimizer_rows }

#endif
