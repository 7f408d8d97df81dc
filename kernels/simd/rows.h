/* SPDX-License-Identifier: MIT
 * THE list: every variant of every SIMD instruction set, one row each, best first, and the templates they are made from. An isa/ file
 * defines its constants (ISA, isa_tiles[], isa_sums[], DENSE_*, OUTER_*), includes this, and exports the table. A new algorithm is its
 * template, an #include and a row here; functions of a template that have the types of the contract need no others around them. */
#ifndef SIMD_ROWS_H
#define SIMD_ROWS_H

#include "../kernels.h"
#include "rows_bf16.h"
#include "activation.h"
#include "add.h"
#include "batchnorm.h"
#include "conv_direct.h"
#include "conv_fft_weights.h"
#include "conv_im2col.h"
#include "conv_nhwc.h"
#include "conv_taps.h"
#include "conv_weights.h"
#include "conv_winograd.h"
#include "conv_winograd1d.h"
#include "conv_winograd_lanes.h"
#include "dense.h"
#include "dropout.h"
#include "loss.h"
#include "optimizer.h"
#include "pool.h"

enum { SAME_BITS = SAME_BITS_OVER_ISA | SAME_BITS_OVER_SPANS, EVERYTHING = EXACT_ON_INTEGERS | SAME_BITS };
enum { GATED = SAME_BITS | GATES, THROUGH = GATED | READS_THROUGH };

/* One rounding per product and step of a chain, the longest chain of the three directions, and the few steps of the lane tree. */
static float conv_direct_bound(const struct conv *p)
{
    int inputs = (p->c > p->k ? p->c : p->k) * p->r * p->s, blocks = image_blocks(p->n);
    int band = BAND_PIXELS + p->q, bands = blocks * p->p * p->q / (BAND_PIXELS / 2) + blocks;
    return (float)((inputs > band ? inputs : band) + bands + 8);
}
static void conv_direct_pack(const struct conv *p, enum conv_direction direction, const float *w, float *packed)
{
    direct_pack(p, isa_tiles, direction, w, packed);
}
static void conv_direct_fwd(const struct conv *p, struct span rows, const float *x, const float *packed, const float *b, float *y,
                            float *scratch)
{
    (void)scratch;
    direct_fwd(p, isa_tiles, rows, x, packed, b, y);
}
static void conv_direct_bwd_data(const struct conv *p, struct span rows, const float *dy, const float *packed, float *dx, float *scratch)
{
    (void)scratch;
    direct_bwd_data(p, isa_tiles, rows, dy, packed, dx);
}
static void conv_direct_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, float *dw, float *db,
                                    float *scratch)
{
    if (taps_fit(p)) taps_bwd_weights(p, rows, dy, x, dw, db);
    else direct_bwd_weights(p, isa_sums, rows, dy, x, dw, db, scratch);
}

/* Winograd: 2x2 to 8x8 share everything but their points. */
static bool wino3_supports(const struct conv *p) { return wino_supports(&wino2x2, p) || wino_supports(&wino3, p); }
static bool wino5_supports(const struct conv *p) { return wino_supports(&wino4x4, p) || wino_supports(&wino5, p); }
static bool wino8_supports(const struct conv *p) { return wino_supports(&wino8x8, p); }
static const struct wino *wino_of(const struct conv *p)
{
    return p->r == 2 ? &wino2x2 : p->r == 3 ? &wino3 : p->r == 4 ? &wino4x4 : p->r == 5 ? &wino5 : &wino8x8;
}
/* The transforms amplify what each rounding costs, by far less than their matrices would allow: kernelcheck sees a tenth of this at
 * worst. Forward sums C products, backward-weights the pixels of a span. */
static float conv_wino_bound(const struct conv *p)
{
    const int inputs = largest(p->c, p->k), pixels = image_blocks(p->n) * p->p * p->q;
    return (p->r < 4 ? 3.0f : 16.0f) * (float)(largest(inputs, pixels) + LANES);
}
static size_t conv_wino_packed_bytes(const struct conv *p, enum conv_direction direction)
{
    (void)direction;
    return wino_packed_bytes(wino_of(p), p);
}
static size_t conv_wino_scratch_bytes(const struct conv *p) { return wino_scratch_bytes(wino_of(p), p); }
static void conv_wino_pack(const struct conv *p, enum conv_direction direction, const float *w, float *packed)
{
    wino_pack(wino_of(p), p, isa_tiles, direction, w, packed);
}
static void conv_wino_fwd(const struct conv *p, struct span rows, const float *x, const float *packed, const float *b, float *y,
                          float *scratch)
{
    struct wino_sweep s = wino_forward(wino_of(p), p, rows, x, y);
    wino_sweep_run(&s, isa_tiles, packed, b, scratch);
}
static void conv_wino_bwd_data(const struct conv *p, struct span rows, const float *dy, const float *packed, float *dx, float *scratch)
{
    struct wino_sweep s = wino_backward(wino_of(p), p, rows, dy, dx);
    wino_sweep_run(&s, isa_tiles, packed, NULL, scratch);
}
static void conv_wino_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, float *dw, float *db,
                                  float *scratch)
{
    wino_bwd_weights(wino_of(p), p, rows, dy, x, dw, db, scratch);
}

static size_t conv_lanes_scratch_bytes(const struct conv *p) { return lanes_scratch_bytes(wino_of(p), p); }
static void conv_lanes_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, float *dw, float *db,
                                   float *scratch)
{
    lanes_bwd_weights(wino_of(p), p, rows, dy, x, dw, db, scratch);
}

/* F(2x2, 3x3) by the same wrappers, told which. */
static bool wino2_supports(const struct conv *p) { return wino_supports(&wino2, p); }
static float conv_wino2_bound(const struct conv *p) { return 0.5f * conv_wino_bound(p); }
static size_t conv_wino2_packed_bytes(const struct conv *p, enum conv_direction direction)
{
    (void)direction;
    return wino_packed_bytes(&wino2, p);
}
static size_t conv_wino2_scratch_bytes(const struct conv *p) { return wino_scratch_bytes(&wino2, p); }
static void conv_wino2_pack(const struct conv *p, enum conv_direction direction, const float *w, float *packed)
{
    wino_pack(&wino2, p, isa_tiles, direction, w, packed);
}
static void conv_wino2_fwd(const struct conv *p, struct span rows, const float *x, const float *packed, const float *b, float *y,
                           float *scratch)
{
    struct wino_sweep s = wino_forward(&wino2, p, rows, x, y);
    wino_sweep_run(&s, isa_tiles, packed, b, scratch);
}
static void conv_wino2_bwd_data(const struct conv *p, struct span rows, const float *dy, const float *packed, float *dx, float *scratch)
{
    struct wino_sweep s = wino_backward(&wino2, p, rows, dy, dx);
    wino_sweep_run(&s, isa_tiles, packed, NULL, scratch);
}
static void conv_wino2_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, float *dw, float *db,
                                   float *scratch)
{
    wino_bwd_weights(&wino2, p, rows, dy, x, dw, db, scratch);
}

/* Along one axis the transforms amplify less; kernelcheck sees a fifth of this at worst. Forward sums R products per point,
 * backward-weights the pixels of a span, backward-data is direct's. */
static float conv_wino1_bound(const struct conv *p)
{
    const int pixels = image_blocks(p->n) * p->p * p->q;
    return (p->r == 3 ? 0.5f : p->r == 5 ? 1.0f : 1.5f) * (float)(largest(p->k * p->r * p->s, pixels) + LANES);
}
static void conv_wino1_pack(const struct conv *p, enum conv_direction direction, const float *w, float *packed)
{
    if (direction == CONV_BWD_DATA) direct_pack(p, isa_tiles, direction, w, packed);
    else wino1_pack(wino1_of(p), p, isa_tiles, w, packed);
}
static void conv_wino1_fwd(const struct conv *p, struct span rows, const float *x, const float *packed, const float *b, float *y,
                           float *scratch)
{
    if (p->r == 3) wino1_fwd(&wino3, p, isa_tiles, rows, x, packed, b, y, scratch);
    else if (p->r == 5) wino1_fwd(&wino5, p, isa_tiles, rows, x, packed, b, y, scratch);
    else wino1_fwd(&wino7, p, isa_tiles, rows, x, packed, b, y, scratch);
}
static void conv_wino1_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, float *dw, float *db,
                                   float *scratch)
{
    if (p->r == 3) wino1_bwd_weights(&wino3, p, isa_sums, rows, dy, x, dw, db, scratch);
    else if (p->r == 5) wino1_bwd_weights(&wino5, p, isa_sums, rows, dy, x, dw, db, scratch);
    else wino1_bwd_weights(&wino7, p, isa_sums, rows, dy, x, dw, db, scratch);
}

static void conv_fft_pack(const struct conv *p, enum conv_direction direction, const float *w, float *packed)
{
    fft_pack(p, isa_tiles, direction, w, packed);
}
static void conv_fft_fwd(const struct conv *p, struct span rows, const float *x, const float *packed, const float *b, float *y,
                         float *scratch)
{
    const struct fft_sweep s = fft_forward(p);
    fft_run(&s, rows, isa_tiles, x, packed, b, y, scratch);
}
static void conv_fft_bwd_data(const struct conv *p, struct span rows, const float *dy, const float *packed, float *dx, float *scratch)
{
    const struct fft_sweep s = fft_backward(p);
    fft_run(&s, rows, isa_tiles, dy, packed, NULL, dx, scratch);
}
/* Sums of C products, or of a span's images, and the 2 x 8 additions of transforms there and back; relative to a whole image. */
static float conv_fft_bound(const struct conv *p)
{
    const int pixels = image_blocks(p->n) * p->p * p->q;
    return (float)(largest(largest(p->c, p->k), pixels) + 4 * LANES);
}

/* One chain over the taps, or over a span's images and pixels. */
static float conv_chain_bound(const struct conv *p)
{
    return (float)(largest(largest(p->c, p->k) * p->r * p->s, image_blocks(p->n) * LANES * p->p * p->q) + 8);
}
static void conv_col_pack(const struct conv *p, enum conv_direction direction, const float *w, float *packed)
{
    col_pack(p, isa_tiles, direction, w, packed);
}
static void conv_col_fwd(const struct conv *p, struct span rows, const float *x, const float *packed, const float *b, float *y,
                         float *scratch)
{
    col_fwd(p, isa_tiles, rows, x, packed, b, y, scratch);
}
static void conv_col_bwd_data(const struct conv *p, struct span rows, const float *dy, const float *packed, float *dx, float *scratch)
{
    col_bwd_data(p, isa_tiles, rows, dy, packed, dx, scratch);
}
static void conv_nhwc_fwd(const struct conv *p, struct span rows, const float *x, const float *packed, const float *b, float *y,
                          float *scratch)
{
    struct nhwc o = nhwc_forward(p);
    nhwc_run(&o, rows, x, packed, b, y, scratch);
}
static void conv_nhwc_bwd_data(const struct conv *p, struct span rows, const float *dy, const float *packed, float *dx, float *scratch)
{
    struct nhwc o = nhwc_backward(p);
    nhwc_run(&o, rows, dy, packed, NULL, dx, scratch);
}
/* clang-format off */
static const struct conv_variant conv_rows[] = {
    { { "direct", ISA, EVERYTHING | GATES }, direct_supports, direct_grain, BAND_PIXELS, direct_packed_bytes, direct_scratch_bytes,
      conv_direct_bound, conv_direct_pack, conv_direct_fwd, conv_direct_bwd_data, conv_direct_bwd_weights },
    { { "winograd4", ISA, THROUGH }, wino3_supports, wino_grain, WINO_CHUNK_PIXELS, conv_wino_packed_bytes, conv_wino_scratch_bytes,
      conv_wino_bound, conv_wino_pack, conv_wino_fwd, conv_wino_bwd_data, conv_wino_bwd_weights },
    { { "winograd4_5x5", ISA, GATED }, wino5_supports, wino_grain, WINO_CHUNK_PIXELS, conv_wino_packed_bytes, conv_wino_scratch_bytes,
      conv_wino_bound, conv_wino_pack, conv_wino_fwd, conv_wino_bwd_data, conv_wino_bwd_weights },
    { { "winograd4_8x8", ISA, GATED }, wino8_supports, wino_grain, WINO_CHUNK_PIXELS, conv_wino_packed_bytes, conv_wino_scratch_bytes,
      conv_wino_bound, conv_wino_pack, conv_wino_fwd, conv_wino_bwd_data, conv_wino_bwd_weights },
    { { "winograd4_lanes", ISA, THROUGH }, wino3_supports, wino_grain, WINO_CHUNK_PIXELS, conv_wino_packed_bytes,
      conv_lanes_scratch_bytes, conv_wino_bound, conv_wino_pack, conv_wino_fwd, conv_wino_bwd_data, conv_lanes_bwd_weights },
    { { "winograd4_5x5_lanes", ISA, GATED }, wino5_supports, wino_grain, WINO_CHUNK_PIXELS, conv_wino_packed_bytes,
      conv_lanes_scratch_bytes, conv_wino_bound, conv_wino_pack, conv_wino_fwd, conv_wino_bwd_data, conv_lanes_bwd_weights },
    { { "winograd4_8x8_lanes", ISA, GATED }, wino8_supports, wino_grain, WINO_CHUNK_PIXELS, conv_wino_packed_bytes,
      conv_lanes_scratch_bytes, conv_wino_bound, conv_wino_pack, conv_wino_fwd, conv_wino_bwd_data, conv_lanes_bwd_weights },
    { { "winograd1d", ISA, SAME_BITS }, wino1_supports, wino1_grain, WINO1_CHUNK_PIXELS, wino1_packed_bytes, wino1_scratch_bytes,
      conv_wino1_bound, conv_wino1_pack, conv_wino1_fwd, conv_direct_bwd_data, conv_wino1_bwd_weights },
    { { "fft16", ISA, SAME_BITS }, fft_supports, fft_grain, FFT_CHUNK_PIXELS, fft_packed_bytes, fft_scratch_bytes, conv_fft_bound,
      conv_fft_pack, conv_fft_fwd, conv_fft_bwd_data, fft_bwd_weights },
    { { "nhwc", ISA, EVERYTHING }, nhwc_supports, nhwc_grain, BAND_PIXELS, nhwc_packed_bytes, nhwc_scratch_bytes,
      conv_chain_bound, nhwc_pack, conv_nhwc_fwd, conv_nhwc_bwd_data, nhwc_bwd_weights },
    /* to compare with: auto.c counts none of these, and direct supports whatever they do */
    { { "winograd2", ISA, GATED }, wino2_supports, wino_grain, WINO_CHUNK_PIXELS, conv_wino2_packed_bytes, conv_wino2_scratch_bytes,
      conv_wino2_bound, conv_wino2_pack, conv_wino2_fwd, conv_wino2_bwd_data, conv_wino2_bwd_weights },
    { { "im2col", ISA, SAME_BITS }, col_supports, direct_grain, BAND_PIXELS, direct_packed_bytes, col_scratch_bytes,
      conv_chain_bound, conv_col_pack, conv_col_fwd, conv_col_bwd_data, col_bwd_weights },
    { .head = { .algo = NULL } }
};
static const struct pool_variant pool_rows[] = {
    { { "direct", ISA, EVERYTHING | TAKES_LINES }, pool_fwd, pool_bwd }, { .head = { .algo = NULL } }
};
static const struct batchnorm_variant batchnorm_rows[] = {
    { { "direct", ISA, SAME_BITS | TAKES_LINES }, batchnorm_stats, batchnorm_apply, batchnorm_bwd_stats, batchnorm_bwd_apply },
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
/* clang-format on */

#define OP_ROWS(NAME, name) .name = name##_rows,
#define KERNELS_OF_THIS_ISA \
    { \
        .isa = ISA, OPS(OP_ROWS) \
    }

#endif
