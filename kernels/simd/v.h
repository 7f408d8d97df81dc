/* SPDX-License-Identifier: MIT
 * The vector contract: everything a SIMD kernel may use. Each ISA's header (v_<isa>.h) defines these types and functions, all
 * `static inline`; v_portable.h is plain C and is the definition. tests/suites/test_v.c compares every function lane by lane.
 *
 *   V                        lanes per vector: 16 (avx512, portable), 8 (avx2, avx512vl, sve256, rvv256), 4 (neon)
 *   PARTS                    vectors of 16 images, 16 / V
 *   V_REGISTERS              vector registers, 16 or 32: how much a template may keep in them
 *   V_CHAINS                 chains of v_fma that hide its latency: latency times pipes at least, no more than registers (not portable)
 *   vf  vm  vu               V floats; V booleans; V uint32
 *
 *   memory        v_load(p)  v_store(p, a)             V floats at any float address (templates only use 4 * V-byte aligned ones or w rows)
 *                 v_load_n(p, n)  v_store_n(p, a, n)   the first n lanes, 0 <= n <= V; others load 0 and are not touched
 *                 v_load_u8(p)                         V bytes to floats 0 … 255
 *                 v_store_u8(p, a)                     floats 0 … 255 (whole numbers) to V bytes
 *   arithmetic    v_set(s) v_zero() v_add v_sub v_mul v_div v_sqrt v_neg     IEEE single, rounded to nearest
 *                 v_fma(a, b, c)                       a * b + c, one rounding
 *                 v_max(a, b)                          a > b ? a : b, exactly so: b wins ties (-0 against +0) and NaN
 *   masks         v_gt(a, b)  v_eq(a, b)               false on NaN
 *                 v_select(m, a, b)                    m ? a : b
 *                 v_keep(m, a)                         m ? a : +0
 *                 v_mask(bits)  v_bits(m)              lane l <-> bit l, bits above V ignored / zero
 *   integers      vu_set(s) vu_load(p) vu_add vu_xor vu_and vu_shr(a, n) vu_shl(a, n)     unsigned, modulo 2^32; n constant
 *                 vu_lt(a, b)                          to vm
 *                 vu_mul(a, b)  vu_mulhi(a, b)         low and high halves of the 64-bit product
 *                 vu_of(a)  v_of(u)                    the same bits seen as the other type
 *                 vu_round(a)                          to int32, nearest even, |a| < 2^31 (two's complement bits)
 *                 v_from_int(u)                        int32 bits to float, rounded to nearest
 *   sums          v_sum4(a, out)                       a: 4 rows of 16 floats; out[i] = sum of row i by the fixed tree
 *                                                      s8[l] = a[l] + a[l+8];  s4[l] = s8[l] + s8[l+4];
 *                                                      s2[l] = s4[l] + s4[l+2];  s2[0] + s2[1]
 *                 v_sum16(a, out)                      the same of 16 rows at once
 *
 *   transposes    v_transpose16(from, to, stride)           from[16][16] to to[lane * stride + row]
 *
 * What ISAs disagree on (NaN in max, signed zeros, fused or not) is fixed here, so that kernels give the same bits everywhere; only the
 * payload and sign of a NaN is left open. No reciprocal estimates. */
#ifndef SIMD_V_H
#define SIMD_V_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Everything in a template is folded into its few callers, so that tile sizes are constants there and accumulators live in registers.
 * v_portable.h defines INLINE without force beforehand: folded, its arrays of lanes would take a sanitizer minutes to compile. */
#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

/* Loops over accumulators must be unrolled, or the accumulators live in memory: gcc 12 leaves them rolled at -O2, clang 14 ignores
 * gcc's pragma. A header whose vectors are not registers (v_portable.h) defines it as a plain `for` beforehand. */
#ifdef UNROLL_FOR
#elif defined(__clang__)
#define UNROLL_FOR _Pragma("clang loop unroll(full)") for
#else
#define UNROLL_FOR _Pragma("GCC unroll 32") for
#endif

/* Loops of many steps go by two: a loop's own instructions are a tenth of a tile's, and the pipes feel them. Left alone, gcc writes one
 * with a small bound out sixteen times. */
#ifdef __clang__
#define UNROLL2_FOR _Pragma("clang loop unroll_count(2)") for
#else
#define UNROLL2_FOR _Pragma("GCC unroll 2") for
#endif

/* The cache line at p will be used soon: what the hardware does not foresee is asked for while something else is computed. */
INLINE void v_prefetch(const float *p) { __builtin_prefetch(p, 1, 3); }
/* It will be read, in a while: a second-level cache keeps it until then. */
INLINE void v_prefetch_far(const float *p) { __builtin_prefetch(p, 0, 2); }

#endif
