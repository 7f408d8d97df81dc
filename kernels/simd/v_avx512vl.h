/* SPDX-License-Identifier: MIT
 * The vector contract (v.h) on AVX-512F + VL in 256 bits: AVX2's vectors, with AVX-512's 32 registers, masks and broadcasts from memory. */
#ifndef SIMD_V_AVX512VL_H
#define SIMD_V_AVX512VL_H

#include "v_ymm.h"

enum { V_REGISTERS = 32, V_CHAINS = 12 };
typedef __mmask8 vm;

INLINE vm v_first(int n) { return (__mmask8)((1u << n) - 1); }
INLINE vf v_load_n(const float *p, int n) { return _mm256_maskz_loadu_ps(v_first(n), p); }
INLINE void v_store_n(float *p, vf a, int n) { _mm256_mask_storeu_ps(p, v_first(n), a); }
INLINE void v_store_u8(uint8_t *p, vf a) { _mm_storel_epi64((__m128i *)(void *)p, _mm256_cvtepi32_epi8(_mm256_cvttps_epi32(a))); }

INLINE vm v_gt(vf a, vf b) { return _mm256_cmp_ps_mask(a, b, _CMP_GT_OQ); }
INLINE vm v_eq(vf a, vf b) { return _mm256_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
INLINE vf v_select(vm m, vf a, vf b) { return _mm256_mask_blend_ps(m, b, a); }
INLINE vf v_keep(vm m, vf a) { return _mm256_maskz_mov_ps(m, a); }
INLINE vm v_mask(unsigned bits) { return (__mmask8)bits; }
INLINE unsigned v_bits(vm m) { return (unsigned)m; }
INLINE vm vu_lt(vu a, vu b) { return _mm256_cmplt_epu32_mask(a, b); }

#endif
