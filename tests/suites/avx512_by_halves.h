/* SPDX-License-Identifier: MIT
 * AVX-512F for CPUs without it: the intrinsics that kernels/simd/v_avx512.h uses, each done on two AVX2 halves. Forced in front of
 * kernels/isa/avx512.c (-include) it makes a table that runs on any AVX2 machine, so that the AVX-512 tiles, spans and sums are held to the
 * golden bits in every test run. What it cannot show is the compiler's AVX-512 code itself; that takes the CPU. */
#ifndef TESTS_AVX512_BY_HALVES_H
#define TESTS_AVX512_BY_HALVES_H

#include <immintrin.h>
#include <stdint.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): they stand in for the compiler's. */
#define HALVES static inline __attribute__((always_inline))

typedef struct {
    __m256 low, high;
} halves_f;
typedef struct {
    __m256i low, high;
} halves_i;

/* The same AVX2 intrinsic on both halves. */
#define FLOATS1(name, f) \
    HALVES halves_f name(halves_f a) { return (halves_f){ f(a.low), f(a.high) }; }
#define FLOATS2(name, f) \
    HALVES halves_f name(halves_f a, halves_f b) { return (halves_f){ f(a.low, b.low), f(a.high, b.high) }; }
#define INTS2(name, f) \
    HALVES halves_i name(halves_i a, halves_i b) { return (halves_i){ f(a.low, b.low), f(a.high, b.high) }; }

HALVES __m256i halves_lanes(unsigned bits)
{
    const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), bit), bit);
}
HALVES __mmask16 halves_bits(__m256 low, __m256 high) { return (__mmask16)(_mm256_movemask_ps(low) | _mm256_movemask_ps(high) << 8); }

HALVES halves_f halves_set(float s) { return (halves_f){ _mm256_set1_ps(s), _mm256_set1_ps(s) }; }
HALVES halves_f halves_zero(void) { return halves_set(0); }
HALVES halves_f halves_load(const float *p) { return (halves_f){ _mm256_loadu_ps(p), _mm256_loadu_ps(p + 8) }; }
HALVES void halves_store(float *p, halves_f a)
{
    _mm256_storeu_ps(p, a.low);
    _mm256_storeu_ps(p + 8, a.high);
}
HALVES halves_f halves_load_mask(__mmask16 m, const float *p)
{
    return (halves_f){ _mm256_maskload_ps(p, halves_lanes(m & 255u)), _mm256_maskload_ps(p + 8, halves_lanes(m >> 8)) };
}
HALVES void halves_store_mask(float *p, __mmask16 m, halves_f a)
{
    _mm256_maskstore_ps(p, halves_lanes(m & 255u), a.low);
    _mm256_maskstore_ps(p + 8, halves_lanes(m >> 8), a.high);
}
FLOATS2(halves_add, _mm256_add_ps)
FLOATS2(halves_sub, _mm256_sub_ps)
FLOATS2(halves_mul, _mm256_mul_ps)
FLOATS2(halves_div, _mm256_div_ps)
FLOATS2(halves_max, _mm256_max_ps)
FLOATS1(halves_sqrt, _mm256_sqrt_ps)
FLOATS2(halves_unpack_low, _mm256_unpacklo_ps)
FLOATS2(halves_unpack_high, _mm256_unpackhi_ps)
HALVES halves_f halves_fma(halves_f a, halves_f b, halves_f c)
{
    return (halves_f){ _mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high) };
}
HALVES halves_f halves_blend(__mmask16 m, halves_f a, halves_f b)
{
    return (halves_f){ _mm256_blendv_ps(a.low, b.low, _mm256_castsi256_ps(halves_lanes(m & 255u))),
                       _mm256_blendv_ps(a.high, b.high, _mm256_castsi256_ps(halves_lanes(m >> 8))) };
}
HALVES halves_f halves_repeat(__m128 a) { return (halves_f){ _mm256_set_m128(a, a), _mm256_set_m128(a, a) }; }
HALVES halves_f halves_repeat_mask(halves_f a, __mmask16 m, __m128 b) { return halves_blend(m, a, halves_repeat(b)); }
HALVES halves_f halves_keep(__mmask16 m, halves_f a) { return halves_blend(m, halves_zero(), a); }

HALVES halves_i halves_set_int(int s) { return (halves_i){ _mm256_set1_epi32(s), _mm256_set1_epi32(s) }; }
HALVES halves_i halves_load_int(const void *p) { return (halves_i){ _mm256_loadu_si256(p), _mm256_loadu_si256((const __m256i *)p + 1) }; }
INTS2(halves_add_int, _mm256_add_epi32)
INTS2(halves_xor, _mm256_xor_si256)
INTS2(halves_and, _mm256_and_si256)
INTS2(halves_mullo, _mm256_mullo_epi32)
INTS2(halves_mul_even, _mm256_mul_epu32)
HALVES halves_i halves_srl(halves_i a, __m128i n) { return (halves_i){ _mm256_srl_epi32(a.low, n), _mm256_srl_epi32(a.high, n) }; }
HALVES halves_i halves_sll(halves_i a, __m128i n) { return (halves_i){ _mm256_sll_epi32(a.low, n), _mm256_sll_epi32(a.high, n) }; }
HALVES halves_i halves_srli64(halves_i a, int n) { return (halves_i){ _mm256_srli_epi64(a.low, n), _mm256_srli_epi64(a.high, n) }; }
HALVES halves_i halves_blend_int(__mmask16 m, halves_i a, halves_i b)
{
    return (halves_i){ _mm256_blendv_epi8(a.low, b.low, halves_lanes(m & 255u)), _mm256_blendv_epi8(a.high, b.high, halves_lanes(m >> 8)) };
}
HALVES __mmask16 halves_below(halves_i a, halves_i b)
{
    const __m256i sign = _mm256_set1_epi32(INT32_MIN);
    return halves_bits(_mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_xor_si256(b.low, sign), _mm256_xor_si256(a.low, sign))),
                       _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_xor_si256(b.high, sign), _mm256_xor_si256(a.high, sign))));
}
HALVES halves_i halves_as_int(halves_f a) { return (halves_i){ _mm256_castps_si256(a.low), _mm256_castps_si256(a.high) }; }
HALVES halves_f halves_as_float(halves_i a) { return (halves_f){ _mm256_castsi256_ps(a.low), _mm256_castsi256_ps(a.high) }; }
HALVES halves_i halves_round(halves_f a) { return (halves_i){ _mm256_cvtps_epi32(a.low), _mm256_cvtps_epi32(a.high) }; }
HALVES halves_i halves_truncate(halves_f a) { return (halves_i){ _mm256_cvttps_epi32(a.low), _mm256_cvttps_epi32(a.high) }; }
HALVES halves_f halves_from_int(halves_i a) { return (halves_f){ _mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high) }; }
HALVES halves_i halves_widen(__m128i a) { return (halves_i){ _mm256_cvtepu8_epi32(a), _mm256_cvtepu8_epi32(_mm_srli_si128(a, 8)) }; }
HALVES __m128i halves_narrow(halves_i a)
{
    const __m256i low_byte = _mm256_set1_epi32(255);
    __m256i x = _mm256_and_si256(a.low, low_byte), y = _mm256_and_si256(a.high, low_byte);
    __m128i words_low = _mm_packus_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    __m128i words_high = _mm_packus_epi32(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
    return _mm_packus_epi16(words_low, words_high);
}
HALVES __m128 halves_quarter(halves_f a, int i)
{
    const __m256 half = i & 2 ? a.high : a.low;
    return i & 1 ? _mm256_extractf128_ps(half, 1) : _mm256_castps256_ps128(half);
}
HALVES halves_f halves_quarters(halves_f a, halves_f b, int which)
{
    return (halves_f){ _mm256_set_m128(halves_quarter(a, which >> 2 & 3), halves_quarter(a, which & 3)),
                       _mm256_set_m128(halves_quarter(b, which >> 6 & 3), halves_quarter(b, which >> 4 & 3)) };
}

#define __m512 halves_f
#define __m512i halves_i
#define _mm512_set1_ps halves_set
#define _mm512_setzero_ps halves_zero
#define _mm512_loadu_ps halves_load
#define _mm512_storeu_ps halves_store
#define _mm512_maskz_loadu_ps halves_load_mask
#define _mm512_mask_storeu_ps halves_store_mask
#define _mm512_add_ps halves_add
#define _mm512_sub_ps halves_sub
#define _mm512_mul_ps halves_mul
#define _mm512_div_ps halves_div
#define _mm512_max_ps halves_max
#define _mm512_sqrt_ps halves_sqrt
#define _mm512_fmadd_ps halves_fma
#define _mm512_unpacklo_ps halves_unpack_low
#define _mm512_unpackhi_ps halves_unpack_high
#define _mm512_broadcast_f32x4 halves_repeat
#define _mm512_mask_broadcast_f32x4 halves_repeat_mask
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4 halves_quarters
#undef _mm512_shuffle_ps
#define _mm512_shuffle_ps(a, b, how) ((halves_f){ _mm256_shuffle_ps((a).low, (b).low, how), _mm256_shuffle_ps((a).high, (b).high, how) })
#undef _mm512_cmp_ps_mask
#define _mm512_cmp_ps_mask(a, b, how) halves_bits(_mm256_cmp_ps((a).low, (b).low, how), _mm256_cmp_ps((a).high, (b).high, how))
#define _mm512_mask_blend_ps halves_blend
#define _mm512_maskz_mov_ps halves_keep
#define _mm512_set1_epi32 halves_set_int
#define _mm512_loadu_si512 halves_load_int
#define _mm512_add_epi32 halves_add_int
#define _mm512_xor_si512 halves_xor
#define _mm512_and_si512 halves_and
#define _mm512_srl_epi32 halves_srl
#define _mm512_sll_epi32 halves_sll
#undef _mm512_srli_epi64
#define _mm512_srli_epi64 halves_srli64
#undef _mm512_cmplt_epu32_mask
#define _mm512_cmplt_epu32_mask halves_below
#define _mm512_mullo_epi32 halves_mullo
#define _mm512_mul_epu32 halves_mul_even
#define _mm512_mask_blend_epi32 halves_blend_int
#define _mm512_castps_si512 halves_as_int
#define _mm512_castsi512_ps halves_as_float
#define _mm512_cvtps_epi32 halves_round
#define _mm512_cvttps_epi32 halves_truncate
#define _mm512_cvtepi32_ps halves_from_int
#define _mm512_cvtepu8_epi32 halves_widen
#define _mm512_cvtepi32_epi8 halves_narrow

/* NOLINTEND(bugprone-reserved-identifier) */
#endif
