/* SPDX-License-Identifier: MIT
 * The table of the scalar reference: one row "plain" per op, in the op's file, and the same convolution as the compiler vectorises it. In
 * double it is the only table. */
#include <string.h>
#include "scalar.h"

enum { CHUNK_PIXELS = 96 };

static bool any_shape(const struct conv *p)
{
    (void)p;
    return true;
}

static size_t weight_bytes(const struct conv *p, enum conv_direction direction)
{
    (void)direction;
    return weight_at(p, p->k, 0, 0, 0) * sizeof(real);
}

static int each_row(const struct conv *p, enum conv_direction direction)
{
    (void)p;
    (void)direction;
    return 1;
}

static void copy_weights(const struct conv *p, enum conv_direction direction, const real *w, real *packed)
{
    memcpy(packed, w, weight_bytes(p, direction));
}

static size_t no_scratch(const struct conv *p)
{
    (void)p;
    return 0;
}

/* A value that goes through h roundings on its way into a sum is off by at most h u / (1 - h u), where u = 2^-24 (Higham, Accuracy and
 * Stability, lemma 3.1; no bound from h = 2^23 on). A product is rounded once itself, then by every addition that follows in its sum: CRS
 * of them forward (the bias comes first), KRS backward, PQ per block in its lane of a weight's gradient and 16 when the lanes are added.
 * Spans may hold all rows. */
static float sequential_bound(const struct conv *p)
{
    const int taps = p->r * p->s, blocks = image_blocks(p->n);
    const double forward = (double)p->c * taps, backward = (double)p->k * taps, weights = (double)blocks * p->p * p->q + (double)LANES;
    const double roundings = 1 + fmax(fmax(forward, backward), weights);
    return roundings < 0x1p23 ? (float)(roundings / (1 - roundings * 0x1p-24) + 1) : INFINITY;
}

/* clang-format off */
const struct conv_variant scalar_conv_rows[] = {
    { { "autovec", ISA_SCALAR, EXACT_ANY_CUT }, any_shape, each_row, CHUNK_PIXELS, weight_bytes, no_scratch, sequential_bound, copy_weights,
      autovec_conv_fwd, autovec_conv_bwd_data, autovec_conv_bwd_weights },
    { { "plain", ISA_SCALAR, EXACT_ANY_CUT }, any_shape, each_row, CHUNK_PIXELS, weight_bytes, no_scratch, sequential_bound, copy_weights,
      scalar_conv_fwd, scalar_conv_bwd_data, scalar_conv_bwd_weights },
    { .head = { .algo = NULL } }
};
/* clang-format on */

/* In bf16 there is nothing to compare with: the portable twin is the definition. */
const struct conv_bf16_variant scalar_conv_bf16_rows[] = { { .head = { .algo = NULL } } };

extern const struct kernels kernels_scalar;
#define OP_ROWS(NAME, name) .name = scalar_##name##_rows,
const struct kernels kernels_scalar = { .isa = ISA_SCALAR, OPS(OP_ROWS) };
#undef OP_ROWS
