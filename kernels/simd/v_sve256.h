/* SPDX-License-Identifier: MIT
 * The vector contract (v.h) on Arm's SVE with vectors of 256 bits, their length known to the compiler (-msve-vector-bits=256): vectors of
 * a length that is known at run time alone cannot be members of arrays, and accumulators are arrays. 16 images are two vectors of 8.
 * SVE2 adds nothing that floats and their masks need here, so CPUs with it take this, too. */
#ifndef SIMD_V_SVE256_H
#define SIMD_V_SVE256_H

#include <arm_sve.h>
#include "v_arm.h"

enum { V = 8, PARTS = 2, V_REGISTERS = 32, V_CHAINS = 16 };
typedef svfloat32_t vf __attribute__((arm_sve_vector_bits(256)));
typedef svuint32_t vu __attribute__((arm_sve_vector_bits(256)));
typedef svbool_t vm __attribute__((arm_sve_vector_bits(256))); /* of a lane's four bits only the first counts */

INLINE vm v_all(void) { return svptrue_b32(); }
INLINE vm v_first(int n) { return svwhilelt_b32(0, n); }

INLINE vf v_set(float s) { return svdup_f32(s); }
INLINE vf v_zero(void) { return svdup_f32(0); }
INLINE vf v_load(const float *p) { return svld1_f32(v_all(), p); }
INLINE void v_store(float *p, vf a) { svst1_f32(v_all(), p, a); }
INLINE vf v_load_n(const float *p, int n) { return svld1_f32(v_first(n), p); }
INLINE void v_store_n(float *p, vf a, int n) { svst1_f32(v_first(n), p, a); }
INLINE vf v_load_u8(const uint8_t *p) { return svcvt_f32_u32_x(v_all(), svld1ub_u32(v_all(), p)); }
INLINE void v_store_u8(uint8_t *p, vf a) { svst1b_u32(v_all(), p, svcvt_u32_f32_x(v_all(), a)); }

INLINE vf v_add(vf a, vf b) { return svadd_f32_x(v_all(), a, b); }
INLINE vf v_sub(vf a, vf b) { return svsub_f32_x(v_all(), a, b); }
INLINE vf v_mul(vf a, vf b) { return svmul_f32_x(v_all(), a, b); }
INLINE vf v_div(vf a, vf b) { return svdiv_f32_x(v_all(), a, b); }
INLINE vf v_sqrt(vf a) { return svsqrt_f32_x(v_all(), a); }
INLINE vf v_neg(vf a) { return svneg_f32_x(v_all(), a); }
INLINE vf v_fma(vf a, vf b, vf c) { return svmla_f32_x(v_all(), c, a, b); }

INLINE vm v_gt(vf a, vf b) { return svcmpgt_f32(v_all(), a, b); }
INLINE vm v_eq(vf a, vf b) { return svcmpeq_f32(v_all(), a, b); }
INLINE vf v_select(vm m, vf a, vf b) { return svsel_f32(m, a, b); }
INLINE vf v_max(vf a, vf b) { return v_select(v_gt(a, b), a, b); } /* fmax would propagate NaN and order zeros */
INLINE vf v_keep(vm m, vf a) { return svsel_f32(m, a, v_zero()); }
INLINE vu v_lane_bits(void) { return svlsl_u32_x(v_all(), svdup_u32(1), svindex_u32(0, 1)); }
INLINE vm v_mask(unsigned bits) { return svcmpne_n_u32(v_all(), svand_n_u32_x(v_all(), v_lane_bits(), bits), 0); }
INLINE unsigned v_bits(vm m) { return (unsigned)svaddv_u32(m, v_lane_bits()); }

INLINE vu vu_set(uint32_t s) { return svdup_u32(s); }
INLINE vu vu_load(const uint32_t *p) { return svld1_u32(v_all(), p); }
INLINE vu vu_add(vu a, vu b) { return svadd_u32_x(v_all(), a, b); }
INLINE vu vu_xor(vu a, vu b) { return sveor_u32_x(v_all(), a, b); }
INLINE vu vu_and(vu a, vu b) { return svand_u32_x(v_all(), a, b); }
INLINE vu vu_shr(vu a, int n) { return svlsr_n_u32_x(v_all(), a, (uint32_t)n); }
INLINE vu vu_shl(vu a, int n) { return svlsl_n_u32_x(v_all(), a, (uint32_t)n); }
INLINE vm vu_lt(vu a, vu b) { return svcmplt_u32(v_all(), a, b); }
INLINE vu vu_mul(vu a, vu b) { return svmul_u32_x(v_all(), a, b); }
INLINE vu vu_mulhi(vu a, vu b) { return svmulh_u32_x(v_all(), a, b); }
INLINE vu vu_of(vf a) { return svreinterpret_u32_f32(a); }
INLINE vf v_of(vu u) { return svreinterpret_f32_u32(u); }
INLINE vu vu_round(vf a) { return svreinterpret_u32_s32(svcvt_s32_f32_x(v_all(), svrintn_f32_x(v_all(), a))); }
INLINE vf v_from_int(vu u) { return svcvt_f32_s32_x(v_all(), svreinterpret_s32_u32(u)); }

#endif
