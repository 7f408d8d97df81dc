/* SPDX-License-Identifier: MIT
 * Dropout, its random bits one element at a time: Philox4x32-10 (Salmon et al., SC'11) as dropout.h reads it. It is written out here
 * because kernels call nothing below them; the test holds it against the runtime's. */
#include <assert.h>
#include "scalar.h"

/* The 16 random bits of lane `lane` of vector `vector`. */
static uint32_t random_bits(const uint32_t key[2], int vector, int lane)
{
    uint32_t word[4] = { (uint32_t)vector / 8, 0, (uint32_t)lane, 0 };
    for (uint32_t round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)0xD2511F53u * word[0], b = (uint64_t)0xCD9E8D57u * word[2];
        const uint32_t key0 = key[0] + round * 0x9E3779B9u, key1 = key[1] + round * 0xBB67AE85u;
        word[0] = (uint32_t)(b >> 32) ^ word[1] ^ key0;
        word[1] = (uint32_t)b;
        word[2] = (uint32_t)(a >> 32) ^ word[3] ^ key1;
        word[3] = (uint32_t)a;
    }
    const uint32_t both = word[vector % 8 / 2];
    return vector % 2 ? both >> 16 : both & 0xffff;
}

static real scale_of(const struct dropout *dropout) { return (real)65536 / (real)(65536 - dropout->threshold); }

static void scalar_dropout_fwd(const struct dropout *dropout, struct span vectors, const real *x, real *y, uint16_t *mask)
{
    assert(mask);
    assert(dropout->threshold <= UINT16_MAX);
    for (int v = vectors.begin; v < vectors.end; v++) {
        unsigned bits = 0;
        for (int l = 0; l < LANES; l++) {
            const size_t at = (size_t)v * LANES + (size_t)l;
            const bool keep = random_bits(dropout->key, v, l) >= dropout->threshold;
            y[at] = keep ? x[at] * scale_of(dropout) : 0;
            bits |= (unsigned)keep << l;
        }
        mask[v] = (uint16_t)bits;
    }
}

static void scalar_dropout_bwd(const struct dropout *dropout, struct span vectors, const real *dy, const uint16_t *mask, real *dx)
{
    assert(mask);
    assert(dropout->threshold <= UINT16_MAX);
    for (int v = vectors.begin; v < vectors.end; v++) {
        for (int l = 0; l < LANES; l++) {
            const size_t at = (size_t)v * LANES + (size_t)l;
            dx[at] = mask[v] >> l & 1 ? dy[at] * scale_of(dropout) : 0;
        }
    }
}

const struct dropout_variant scalar_dropout_rows[] = { { { "plain", ISA_SCALAR, ANY_CUT }, scalar_dropout_fwd, scalar_dropout_bwd },
                                                       { .head = { .algo = NULL } } };
