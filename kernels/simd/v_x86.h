/* SPDX-License-Identifier: MIT
 * What the two x86 headers share: the reductions that cross lanes, on 8 lanes or fewer (AVX-512F implies AVX2). */
#ifndef SIMD_V_X86_H
#define SIMD_V_X86_H

#include <immintrin.h>
#include "v.h"

/* One row: 16 -> 8 -> 4 lanes; then four rows at once: 4 -> 2 -> 1. */
INLINE __m128 v_sum_to4(const float *a)
{
    __m256 s8 = _mm256_add_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(a + 8));
    return _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
}
INLINE void v_sum4(const float *a, float *out)
{
    __m128 r0 = v_sum_to4(a), r1 = v_sum_to4(a + 16), r2 = v_sum_to4(a + 32), r3 = v_sum_to4(a + 48);
    __m128 s01 = _mm_add_ps(_mm_movelh_ps(r0, r1), _mm_movehl_ps(r1, r0)); /* r0: 0+2, 1+3; r1: 0+2, 1+3 */
    __m128 s23 = _mm_add_ps(_mm_movelh_ps(r2, r3), _mm_movehl_ps(r3, r2));
    _mm_storeu_ps(out, _mm_add_ps(_mm_shuffle_ps(s01, s23, 0x88), _mm_shuffle_ps(s01, s23, 0xDD)));
}

#endif
