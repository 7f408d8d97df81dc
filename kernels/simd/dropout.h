/* SPDX-License-Identifier: MIT
 * Dropout on vectors. Philox runs in the lanes: one block per lane gives 8 x 16 bits, the thresholds of eight neighbouring vectors. */
#ifndef SIMD_DROPOUT_H
#define SIMD_DROPOUT_H

#include "../kernels.h"

/* Philox4x32-10 with counter (group, 0, lane, 0), lane = first + 0 … V-1; the same numbers as runtime/rng.h's rng_philox(). */
INLINE void dropout_philox(const uint32_t key[2], uint32_t group, int first, vu w[4])
{
    static const uint32_t lanes[LANES] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    const vu m0 = vu_set(0xD2511F53u), m1 = vu_set(0xCD9E8D57u);
    uint32_t k0 = key[0], k1 = key[1];
    w[0] = vu_set(group);
    w[1] = vu_set(0);
    w[2] = vu_load(lanes + first);
    w[3] = vu_set(0);
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        vu high0 = vu_mulhi(m0, w[0]), low0 = vu_mul(m0, w[0]), high1 = vu_mulhi(m1, w[2]), low1 = vu_mul(m1, w[2]);
        w[0] = vu_xor(vu_xor(high1, w[1]), vu_set(k0));
        w[2] = vu_xor(vu_xor(high0, w[3]), vu_set(k1));
        w[1] = low1;
        w[3] = low0;
    }
}

static float dropout_scale(const struct dropout *p) { return 65536.0f / (65536.0f - (float)p->threshold); }

static void dropout_fwd(const struct dropout *p, struct span vectors, const float *x, float *y, uint16_t *mask)
{
    const vf scale = v_set(dropout_scale(p));
    const vu threshold = vu_set(p->threshold);
    for (int begin = vectors.begin, end; begin < vectors.end; begin = end) {
        end = (begin / 8 + 1) * 8 < vectors.end ? (begin / 8 + 1) * 8 : vectors.end;
        for (int v = begin; v < end; v++) mask[v] = 0;
        for (int part = 0; part < PARTS; part++) {
            vu w[4];
            dropout_philox(p->key, (uint32_t)(begin / 8), part * V, w);
            for (int v = begin; v < end; v++) {
                vu word = w[v % 8 / 2], bits = v % 2 ? vu_shr(word, 16) : vu_and(word, vu_set(0xffff));
                unsigned dropped = v_bits(vu_lt(bits, threshold)), keep = ~dropped & ((1u << V) - 1);
                ptrdiff_t at = (ptrdiff_t)v * LANES + part * V;
                mask[v] = (uint16_t)(mask[v] | keep << (part * V));
                v_store(y + at, v_keep(v_mask(keep), v_mul(v_load(x + at), scale)));
            }
        }
    }
}

static void dropout_bwd(const struct dropout *p, struct span vectors, const float *dy, const uint16_t *mask, float *dx)
{
    const vf scale = v_set(dropout_scale(p));
    for (int v = vectors.begin; v < vectors.end; v++) {
        UNROLL_FOR (int part = 0; part < PARTS; part++) {
            ptrdiff_t at = (ptrdiff_t)v * LANES + part * V;
            v_store(dx + at, v_keep(v_mask((unsigned)mask[v] >> (part * V)), v_mul(v_load(dy + at), scale)));
        }
    }
}

#endif
