/* SPDX-License-Identifier: MIT
 * The vector contract (v.h) on AVX2 + FMA: 16 images are two vectors of 8. */
#ifndef SIMD_V_AVX2_H
#define SIMD_V_AVX2_H

#include "v_x86.h"

enum { V = 8, PARTS = 2, V_CHAINS = 10 };
typedef __m256 vf;
typedef __m256 vm; /* lanes all ones or all zeros */
typedef __m256i vu;

INLINE vf v_set(float s) { return _mm256_set1_ps(s); }
INLINE vf v_zero(void) { return _mm256_setzero_ps(); }
INLINE vf v_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }

/* The first n lanes: a window into eight ones and eight zeros. Masked-out bytes are not touched by vmaskmov. */
INLINE vu v_first(int n)
{
    static const int32_t window[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };
    return _mm256_loadu_si256((const __m256i *)(const void *)(window + 8 - n));
}
INLINE vf v_load_n(const float *p, int n) { return _mm256_maskload_ps(p, v_first(n)); }
INLINE void v_store_n(float *p, vf a, int n) { _mm256_maskstore_ps(p, v_first(n), a); }
INLINE vf v_load_u8(const uint8_t *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}
INLINE void v_store_u8(uint8_t *p, vf a)
{
    vu i = _mm256_cvttps_epi32(a);
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(i), _mm256_extracti128_si256(i, 1));
    _mm_storel_epi64((__m128i *)(void *)p, _mm_packus_epi16(words, words));
}

INLINE vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
INLINE vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
INLINE vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
INLINE vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
INLINE vf v_sqrt(vf a) { return _mm256_sqrt_ps(a); }
INLINE vf v_neg(vf a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); } /* maxps is exactly a > b ? a : b */

INLINE vm v_gt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
INLINE vm v_eq(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
INLINE vf v_select(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
INLINE vf v_keep(vm m, vf a) { return _mm256_and_ps(m, a); }
INLINE vm v_mask(unsigned bits)
{
    const vu bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), bit), bit));
}
INLINE unsigned v_bits(vm m) { return (unsigned)_mm256_movemask_ps(m); }

INLINE vu vu_set(uint32_t s) { return _mm256_set1_epi32((int)s); }
INLINE vu vu_load(const uint32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
INLINE vu vu_add(vu a, vu b) { return _mm256_add_epi32(a, b); }
INLINE vu vu_xor(vu a, vu b) { return _mm256_xor_si256(a, b); }
INLINE vu vu_and(vu a, vu b) { return _mm256_and_si256(a, b); }
INLINE vu vu_shr(vu a, int n) { return _mm256_srli_epi32(a, n); }
INLINE vu vu_shl(vu a, int n) { return _mm256_slli_epi32(a, n); }
INLINE vm vu_lt(vu a, vu b)
{
    const vu sign = _mm256_set1_epi32(INT32_MIN); /* AVX2 compares signed integers only */
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_xor_si256(b, sign), _mm256_xor_si256(a, sign)));
}
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

#endif
