/* SPDX-License-Identifier: MIT
 * The vector contract in plain C: the definition of v.h, the partner of every bitwise comparison, and what the sanitizers run. */
#ifndef SIMD_V_PORTABLE_H
#define SIMD_V_PORTABLE_H

#define UNROLL_FOR for
#define INLINE static inline
#include <math.h>
#include "v.h"

enum { V = 16, PARTS = 1, V_REGISTERS = 32 };
/* clang-format off */
typedef struct { float lane[V]; } vf;
typedef struct { bool lane[V]; } vm;
typedef struct { uint32_t lane[V]; } vu;

INLINE vf v_set(float s) { vf a; for (int i = 0; i < V; i++) a.lane[i] = s; return a; }
INLINE vf v_zero(void) { return v_set(0); }
INLINE vf v_load(const float *p) { vf a; memcpy(a.lane, p, sizeof a.lane); return a; }
INLINE void v_store(float *p, vf a) { memcpy(p, a.lane, sizeof a.lane); }
INLINE vf v_load_n(const float *p, int n) { vf a = v_zero(); for (int i = 0; i < n; i++) a.lane[i] = p[i]; return a; }
INLINE void v_store_n(float *p, vf a, int n) { for (int i = 0; i < n; i++) p[i] = a.lane[i]; }
INLINE vf v_load_u8(const uint8_t *p) { vf a; for (int i = 0; i < V; i++) a.lane[i] = (float)p[i]; return a; }
INLINE void v_store_u8(uint8_t *p, vf a) { for (int i = 0; i < V; i++) p[i] = (uint8_t)a.lane[i]; }

INLINE vf v_add(vf a, vf b) { for (int i = 0; i < V; i++) a.lane[i] += b.lane[i]; return a; }
INLINE vf v_sub(vf a, vf b) { for (int i = 0; i < V; i++) a.lane[i] -= b.lane[i]; return a; }
INLINE vf v_mul(vf a, vf b) { for (int i = 0; i < V; i++) a.lane[i] *= b.lane[i]; return a; }
INLINE vf v_div(vf a, vf b) { for (int i = 0; i < V; i++) a.lane[i] /= b.lane[i]; return a; }
INLINE vf v_sqrt(vf a) { for (int i = 0; i < V; i++) a.lane[i] = sqrtf(a.lane[i]); return a; }
INLINE vf v_neg(vf a) { for (int i = 0; i < V; i++) a.lane[i] = -a.lane[i]; return a; }
INLINE vf v_fma(vf a, vf b, vf c) { for (int i = 0; i < V; i++) c.lane[i] = fmaf(a.lane[i], b.lane[i], c.lane[i]); return c; }
INLINE vf v_max(vf a, vf b) { for (int i = 0; i < V; i++) a.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; return a; }

INLINE vm v_gt(vf a, vf b) { vm m; for (int i = 0; i < V; i++) m.lane[i] = a.lane[i] > b.lane[i]; return m; }
INLINE vm v_eq(vf a, vf b) { vm m; for (int i = 0; i < V; i++) m.lane[i] = a.lane[i] >= b.lane[i] && a.lane[i] <= b.lane[i]; return m; }
INLINE vf v_select(vm m, vf a, vf b) { for (int i = 0; i < V; i++) a.lane[i] = m.lane[i] ? a.lane[i] : b.lane[i]; return a; }
INLINE vf v_keep(vm m, vf a) { return v_select(m, a, v_zero()); }
INLINE vm v_mask(unsigned bits) { vm m; for (int i = 0; i < V; i++) m.lane[i] = bits >> i & 1; return m; }
INLINE unsigned v_bits(vm m) { unsigned bits = 0; for (int i = 0; i < V; i++) bits |= (unsigned)m.lane[i] << i; return bits; }

INLINE vu vu_set(uint32_t s) { vu a; for (int i = 0; i < V; i++) a.lane[i] = s; return a; }
INLINE vu vu_load(const uint32_t *p) { vu a; memcpy(a.lane, p, sizeof a.lane); return a; }
INLINE vu vu_add(vu a, vu b) { for (int i = 0; i < V; i++) a.lane[i] += b.lane[i]; return a; }
INLINE vu vu_xor(vu a, vu b) { for (int i = 0; i < V; i++) a.lane[i] ^= b.lane[i]; return a; }
INLINE vu vu_and(vu a, vu b) { for (int i = 0; i < V; i++) a.lane[i] &= b.lane[i]; return a; }
INLINE vu vu_shr(vu a, int n) { for (int i = 0; i < V; i++) a.lane[i] >>= n; return a; }
INLINE vu vu_shl(vu a, int n) { for (int i = 0; i < V; i++) a.lane[i] <<= n; return a; }
INLINE vm vu_lt(vu a, vu b) { vm m; for (int i = 0; i < V; i++) m.lane[i] = a.lane[i] < b.lane[i]; return m; }
INLINE vu vu_mul(vu a, vu b) { for (int i = 0; i < V; i++) a.lane[i] *= b.lane[i]; return a; }
INLINE vu vu_mulhi(vu a, vu b)
{
    for (int i = 0; i < V; i++) a.lane[i] = (uint32_t)((uint64_t)a.lane[i] * b.lane[i] >> 32);
    return a;
}
INLINE vu vu_of(vf a) { vu u; memcpy(&u, &a, sizeof u); return u; }
INLINE vf v_of(vu u) { vf a; memcpy(&a, &u, sizeof a); return a; }
INLINE vu vu_round(vf a) { vu u; for (int i = 0; i < V; i++) u.lane[i] = (uint32_t)(int32_t)rintf(a.lane[i]); return u; }
INLINE vf v_from_int(vu u) { vf a; for (int i = 0; i < V; i++) a.lane[i] = (float)(int32_t)u.lane[i]; return a; }

INLINE void v_sum4(const float *a, float *out)
{
    for (int row = 0; row < 4; row++) {
        float s[8];
        for (int i = 0; i < 8; i++) s[i] = a[16 * row + i] + a[16 * row + i + 8];
        for (int i = 0; i < 4; i++) s[i] = s[i] + s[i + 4];
        for (int i = 0; i < 2; i++) s[i] = s[i] + s[i + 2];
        out[row] = s[0] + s[1];
    }
}

INLINE void v_sum16(const float *a, float *out) { for (int row = 0; row < 16; row += 4) v_sum4(a + 16 * row, out + row); }

INLINE void v_transpose16(const float *from, float *to, ptrdiff_t stride)
{
    for (int f = 0; f < 16; f++) {
        for (int lane = 0; lane < 16; lane++) to[lane * stride + f] = from[16 * f + lane];
    }
}

/* clang-format on */
#endif
