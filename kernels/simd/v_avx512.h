/* SPDX-License-Identifier: MIT
 * The vector contract (v.h) on AVX-512F alone (no VL, BW or DQ): 16 images are one vector. */
#ifndef SIMD_V_AVX512_H
#define SIMD_V_AVX512_H

#include "v_x86.h"

enum { V = 16, PARTS = 1, V_REGISTERS = 32, V_CHAINS = 12 };
typedef __m512 vf;
typedef __mmask16 vm;
typedef __m512i vu;

INLINE vf v_set(float s) { return _mm512_set1_ps(s); }
INLINE vf v_zero(void) { return _mm512_setzero_ps(); }
INLINE vf v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void v_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
INLINE vm v_first(int n) { return (__mmask16)((1u << n) - 1); }
INLINE vf v_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(v_first(n), p); }
INLINE void v_store_n(float *p, vf a, int n) { _mm512_mask_storeu_ps(p, v_first(n), a); }
INLINE vf v_load_u8(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}
INLINE void v_store_u8(uint8_t *p, vf a) { _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(a))); }

INLINE vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
INLINE vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
INLINE vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
INLINE vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
INLINE vf v_sqrt(vf a) { return _mm512_sqrt_ps(a); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); } /* vmaxps is exactly a > b ? a : b */

INLINE vm v_gt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
INLINE vm v_eq(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
INLINE vf v_select(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }
INLINE vf v_keep(vm m, vf a) { return _mm512_maskz_mov_ps(m, a); }
INLINE vm v_mask(unsigned bits) { return (__mmask16)bits; }
INLINE unsigned v_bits(vm m) { return (unsigned)m; }

INLINE vu vu_set(uint32_t s) { return _mm512_set1_epi32((int)s); }
INLINE vu vu_load(const uint32_t *p) { return _mm512_loadu_si512((const void *)p); }
INLINE vu vu_add(vu a, vu b) { return _mm512_add_epi32(a, b); }
INLINE vu vu_xor(vu a, vu b) { return _mm512_xor_si512(a, b); }
INLINE vu vu_and(vu a, vu b) { return _mm512_and_si512(a, b); }
INLINE vu vu_shr(vu a, int n) { return _mm512_srl_epi32(a, _mm_cvtsi32_si128(n)); }
INLINE vu vu_shl(vu a, int n) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n)); }
INLINE vm vu_lt(vu a, vu b) { return _mm512_cmplt_epu32_mask(a, b); }
INLINE vu vu_mul(vu a, vu b) { return _mm512_mullo_epi32(a, b); }
INLINE vu vu_mulhi(vu a, vu b)
{
    vu even = _mm512_mul_epu32(a, b), odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32));
    return _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
}
INLINE vu vu_of(vf a) { return _mm512_castps_si512(a); }
INLINE vf v_of(vu u) { return _mm512_castsi512_ps(u); }
INLINE vf v_neg(vf a) { return v_of(vu_xor(vu_of(a), vu_set(0x80000000u))); }
INLINE vu vu_round(vf a) { return _mm512_cvtps_epi32(a); }
INLINE vf v_from_int(vu u) { return _mm512_cvtepi32_ps(u); }

/* Vectors of partial sums are halved and paired, so that every addition has full vectors: 16 rows of 16 are 8 of two rows' 8, 4 of four
 * rows' 4, 2 of eight rows' 2, and the sums. */
INLINE void v_sum16(const float *a, float *out)
{
    vf s8[8], s4[4], s2[2];
    UNROLL_FOR (int i = 0; i < 8; i++) { /* rows i and i + 4, of each half of the rows */
        const float *row = a + 16 * (i < 4 ? i : i + 4);
        const vf x = v_load(row), y = v_load(row + 64);
        s8[i] = v_add(_mm512_shuffle_f32x4(x, y, 0x44), _mm512_shuffle_f32x4(x, y, 0xEE));
    }
    UNROLL_FOR (int i = 0; i < 4; i++) { /* rows i, i + 4, i + 8, i + 12 */
        s4[i] = v_add(_mm512_shuffle_f32x4(s8[i], s8[i + 4], 0x88), _mm512_shuffle_f32x4(s8[i], s8[i + 4], 0xDD));
    }
    UNROLL_FOR (int i = 0; i < 2; i++) {
        s2[i] = v_add(_mm512_shuffle_ps(s4[2 * i], s4[2 * i + 1], 0x44), _mm512_shuffle_ps(s4[2 * i], s4[2 * i + 1], 0xEE));
    }
    v_store(out, v_add(_mm512_shuffle_ps(s2[0], s2[1], 0x88), _mm512_shuffle_ps(s2[0], s2[1], 0xDD)));
}

/* Four lanes of every fourth row: masked loads do half of the turning, beside the one port that shuffles. */
INLINE vf v_quads(const float *a)
{
    vf quads = _mm512_broadcast_f32x4(_mm_loadu_ps(a));
    quads = _mm512_mask_broadcast_f32x4(quads, 0x00F0, _mm_loadu_ps(a + 4 * 16));
    quads = _mm512_mask_broadcast_f32x4(quads, 0x0F00, _mm_loadu_ps(a + 8 * 16));
    return _mm512_mask_broadcast_f32x4(quads, 0xF000, _mm_loadu_ps(a + 12 * 16));
}
INLINE void v_transpose16(const float *from, float *to, ptrdiff_t stride)
{
    UNROLL_FOR (int i = 0; i < 4; i++, from += 4, to += 4 * stride) {
        const vf a = v_quads(from), b = v_quads(from + 16), c = v_quads(from + 32), d = v_quads(from + 48);
        const vf low = _mm512_unpacklo_ps(a, b), high = _mm512_unpackhi_ps(a, b);
        const vf low2 = _mm512_unpacklo_ps(c, d), high2 = _mm512_unpackhi_ps(c, d);
        v_store(to, _mm512_shuffle_ps(low, low2, 0x44));
        v_store(to + stride, _mm512_shuffle_ps(low, low2, 0xEE));
        v_store(to + 2 * stride, _mm512_shuffle_ps(high, high2, 0x44));
        v_store(to + 3 * stride, _mm512_shuffle_ps(high, high2, 0xEE));
    }
}

#endif
