/* SPDX-License-Identifier: MIT
 * What the two headers of 256-bit vectors share, AVX2's and AVX-512VL's: all of the vector contract (v.h) in which there are no masks. */
#ifndef SIMD_V_YMM_H
#define SIMD_V_YMM_H

#include "v_x86.h"

enum { V = 8, PARTS = 2 };
typedef __m256 vf;
typedef __m256i vu;

INLINE vf v_set(float s) { return _mm256_set1_ps(s); }
INLINE vf v_zero(void) { return _mm256_setzero_ps(); }
INLINE vf v_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
INLINE vf v_load_u8(const uint8_t *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}

INLINE vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
INLINE vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
INLINE vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
INLINE vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
INLINE vf v_sqrt(vf a) { return _mm256_sqrt_ps(a); }
INLINE vf v_neg(vf a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); } /* maxps is exactly a > b ? a : b */

INLINE vu vu_set(uint32_t s) { return _mm256_set1_epi32((int)s); }
INLINE vu vu_load(const uint32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
INLINE vu vu_add(vu a, vu b) { return _mm256_add_epi32(a, b); }
INLINE vu vu_xor(vu a, vu b) { return _mm256_xor_si256(a, b); }
INLINE vu vu_and(vu a, vu b) { return _mm256_and_si256(a, b); }
INLINE vu vu_shr(vu a, int n) { return _mm256_srli_epi32(a, n); }
INLINE vu vu_shl(vu a, int n) { return _mm256_slli_epi32(a, n); }
INLINE vu vu_mul(vu a, vu b) { return _mm256_mullo_epi32(a, b); }
INLINE vu vu_mulhi(vu a, vu b)
{
    vu even = _mm256_mul_epu32(a, b), odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
}
INLINE vu vu_of(vf a) { return _mm256_castps_si256(a); }
INLINE vf v_of(vu u) { return _mm256_castsi256_ps(u); }
INLINE vu vu_round(vf a) { return _mm256_cvtps_epi32(a); }
INLINE vf v_from_int(vu u) { return _mm256_cvtepi32_ps(u); }

/* Vectors of partial sums are halved and paired, so that every addition has full vectors: 16 rows of 16 are 16 of 8, 8 of two rows' 4, 4 of
 * four rows' 2, 2 of eight rows' sums. */
INLINE void v_sum16(const float *a, float *out)
{
    vf s4[8], s2[4], s[2];
    UNROLL_FOR (int i = 0; i < 8; i++) {
        const vf low = v_add(v_load(a + 16 * i), v_load(a + 16 * i + 8)), high = v_add(v_load(a + 16 * i + 128), v_load(a + 16 * i + 136));
        s4[i] = v_add(_mm256_blend_ps(low, high, 0xF0), _mm256_permute2f128_ps(low, high, 0x21)); /* row i | row i + 8 */
    }
    UNROLL_FOR (int i = 0; i < 4; i++) {
        s2[i] = v_add(_mm256_shuffle_ps(s4[2 * i], s4[2 * i + 1], 0x44), _mm256_shuffle_ps(s4[2 * i], s4[2 * i + 1], 0xEE));
    }
    UNROLL_FOR (int i = 0; i < 2; i++) {
        s[i] = v_add(_mm256_shuffle_ps(s2[2 * i], s2[2 * i + 1], 0x88), _mm256_shuffle_ps(s2[2 * i], s2[2 * i + 1], 0xDD));
    }
    v_store(out, _mm256_permute2f128_ps(s[0], s[1], 0x20));
    v_store(out + 8, _mm256_permute2f128_ps(s[0], s[1], 0x31));
}

/* An 8x8 corner: pairs, quads, halves. */
INLINE void v_turn8(const float *from, float *to, ptrdiff_t stride)
{
    __m256 r[8], t[8];
    UNROLL_FOR (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(from + 16 * i);
    UNROLL_FOR (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    UNROLL_FOR (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
    }
    UNROLL_FOR (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(to + i * stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(to + (i + 4) * stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}
INLINE void v_transpose16(const float *from, float *to, ptrdiff_t stride)
{
    v_turn8(from, to, stride);
    v_turn8(from + 8, to + 8 * stride, stride);
    v_turn8(from + 8 * 16, to + 8, stride);
    v_turn8(from + 8 * 16 + 8, to + 8 * stride + 8, stride);
}

#endif
