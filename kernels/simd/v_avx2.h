/* SPDX-License-Identifier: MIT
 * The vector contract (v.h) on AVX2 + FMA: 16 images are two vectors of 8, and a mask is a vector. */
#ifndef SIMD_V_AVX2_H
#define SIMD_V_AVX2_H

#include "v_ymm.h"

enum { V_REGISTERS = 16, V_CHAINS = 10 };
typedef __m256 vm; /* lanes all ones or all zeros */

/* The first n lanes: a window into eight ones and eight zeros. Masked-out bytes are not touched by vmaskmov. */
INLINE vu v_first(int n)
{
    static const int32_t window[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };
    return _mm256_loadu_si256((const __m256i *)(const void *)(window + 8 - n));
}
INLINE vf v_load_n(const float *p, int n) { return _mm256_maskload_ps(p, v_first(n)); }
INLINE void v_store_n(float *p, vf a, int n) { _mm256_maskstore_ps(p, v_first(n), a); }
INLINE void v_store_u8(uint8_t *p, vf a)
{
    vu i = _mm256_cvttps_epi32(a);
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(i), _mm256_extracti128_si256(i, 1));
    _mm_storel_epi64((__m128i *)(void *)p, _mm_packus_epi16(words, words));
}

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
INLINE vm vu_lt(vu a, vu b)
{
    const vu sign = _mm256_set1_epi32(INT32_MIN); /* AVX2 compares signed integers only */
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_xor_si256(b, sign), _mm256_xor_si256(a, sign)));
}

#endif
