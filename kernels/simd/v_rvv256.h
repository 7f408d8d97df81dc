/* SPDX-License-Identifier: MIT
 * The vector contract (v.h) on RISC-V's vectors (RVV 1.0) of 256 bits, their length known to the compiler (-mrvv-vector-bits=256): vectors
 * of a length that is known at run time alone cannot be members of arrays, and accumulators are arrays. 16 images are two vectors of 8.
 * clang has the intrinsics since 16 and this attribute since 17, gcc both since 14 (untried). Conversions round as arithmetic does, to
 * nearest even: qemu 7.2 stops at the instructions that name a mode. */
#ifndef SIMD_V_RVV256_H
#define SIMD_V_RVV256_H

#include <riscv_vector.h>
#include "v.h"

enum { V = 8, PARTS = 2, V_REGISTERS = 32, V_CHAINS = 16 };
typedef vfloat32m1_t vf __attribute__((riscv_rvv_vector_bits(256)));
typedef vuint32m1_t vu __attribute__((riscv_rvv_vector_bits(256)));
typedef vu vm; /* lanes all ones or all zeros: the mask type has no size that every compiler knows */

INLINE vbool32_t v_true(vm m) { return __riscv_vmsne_vx_u32m1_b32(m, 0, V); }
INLINE vm v_of_mask(vbool32_t m) { return __riscv_vmerge_vxm_u32m1(__riscv_vmv_v_x_u32m1(0, V), UINT32_MAX, m, V); }

INLINE vf v_set(float s) { return __riscv_vfmv_v_f_f32m1(s, V); }
INLINE vf v_zero(void) { return v_set(0); }
INLINE vf v_load(const float *p) { return __riscv_vle32_v_f32m1(p, V); }
INLINE void v_store(float *p, vf a) { __riscv_vse32_v_f32m1(p, a, V); }
INLINE vf v_load_n(const float *p, int n) { return __riscv_vle32_v_f32m1_tu(v_zero(), p, (size_t)n); }
INLINE void v_store_n(float *p, vf a, int n) { __riscv_vse32_v_f32m1(p, a, (size_t)n); }
INLINE vf v_load_u8(const uint8_t *p) { return __riscv_vfcvt_f_xu_v_f32m1(__riscv_vzext_vf4_u32m1(__riscv_vle8_v_u8mf4(p, V), V), V); }
INLINE void v_store_u8(uint8_t *p, vf a)
{
    const vuint16mf2_t half = __riscv_vnsrl_wx_u16mf2(__riscv_vfcvt_xu_f_v_u32m1(a, V), 0, V);
    __riscv_vse8_v_u8mf4(p, __riscv_vnsrl_wx_u8mf4(half, 0, V), V);
}

INLINE vf v_add(vf a, vf b) { return __riscv_vfadd_vv_f32m1(a, b, V); }
INLINE vf v_sub(vf a, vf b) { return __riscv_vfsub_vv_f32m1(a, b, V); }
INLINE vf v_mul(vf a, vf b) { return __riscv_vfmul_vv_f32m1(a, b, V); }
INLINE vf v_div(vf a, vf b) { return __riscv_vfdiv_vv_f32m1(a, b, V); }
INLINE vf v_sqrt(vf a) { return __riscv_vfsqrt_v_f32m1(a, V); }
INLINE vf v_neg(vf a) { return __riscv_vfneg_v_f32m1(a, V); }
INLINE vf v_fma(vf a, vf b, vf c) { return __riscv_vfmacc_vv_f32m1(c, a, b, V); }

INLINE vm v_gt(vf a, vf b) { return v_of_mask(__riscv_vmfgt_vv_f32m1_b32(a, b, V)); }
INLINE vm v_eq(vf a, vf b) { return v_of_mask(__riscv_vmfeq_vv_f32m1_b32(a, b, V)); }
INLINE vf v_select(vm m, vf a, vf b) { return __riscv_vmerge_vvm_f32m1(b, a, v_true(m), V); }
INLINE vf v_max(vf a, vf b) { return __riscv_vmerge_vvm_f32m1(b, a, __riscv_vmfgt_vv_f32m1_b32(a, b, V), V); }
INLINE vu vu_of(vf a) { return __riscv_vreinterpret_v_f32m1_u32m1(a); }
INLINE vf v_of(vu u) { return __riscv_vreinterpret_v_u32m1_f32m1(u); }
INLINE vf v_keep(vm m, vf a) { return v_of(__riscv_vand_vv_u32m1(m, vu_of(a), V)); }
INLINE vu v_lane_bits(void) { return __riscv_vsll_vv_u32m1(__riscv_vmv_v_x_u32m1(1, V), __riscv_vid_v_u32m1(V), V); }
INLINE vm v_mask(unsigned bits) { return v_of_mask(__riscv_vmsne_vx_u32m1_b32(__riscv_vand_vx_u32m1(v_lane_bits(), bits, V), 0, V)); }
INLINE unsigned v_bits(vm m)
{
    const vuint32m1_t bits = __riscv_vand_vv_u32m1(m, v_lane_bits(), V);
    return __riscv_vmv_x_s_u32m1_u32(__riscv_vredor_vs_u32m1_u32m1(bits, __riscv_vmv_v_x_u32m1(0, V), V));
}

INLINE vu vu_set(uint32_t s) { return __riscv_vmv_v_x_u32m1(s, V); }
INLINE vu vu_load(const uint32_t *p) { return __riscv_vle32_v_u32m1(p, V); }
INLINE vu vu_add(vu a, vu b) { return __riscv_vadd_vv_u32m1(a, b, V); }
INLINE vu vu_xor(vu a, vu b) { return __riscv_vxor_vv_u32m1(a, b, V); }
INLINE vu vu_and(vu a, vu b) { return __riscv_vand_vv_u32m1(a, b, V); }
INLINE vu vu_shr(vu a, int n) { return __riscv_vsrl_vx_u32m1(a, (size_t)n, V); }
INLINE vu vu_shl(vu a, int n) { return __riscv_vsll_vx_u32m1(a, (size_t)n, V); }
INLINE vm vu_lt(vu a, vu b) { return v_of_mask(__riscv_vmsltu_vv_u32m1_b32(a, b, V)); }
INLINE vu vu_mul(vu a, vu b) { return __riscv_vmul_vv_u32m1(a, b, V); }
INLINE vu vu_mulhi(vu a, vu b) { return __riscv_vmulhu_vv_u32m1(a, b, V); }
INLINE vu vu_round(vf a) { return __riscv_vreinterpret_v_i32m1_u32m1(__riscv_vfcvt_x_f_v_i32m1(a, V)); }
INLINE vf v_from_int(vu u) { return __riscv_vfcvt_f_x_v_f32m1(__riscv_vreinterpret_v_u32m1_i32m1(u), V); }

/* A row's 16 lanes to 8, 4, 2, 1: the upper half slides down onto the lower. */
INLINE float v_sum_row(const float *a)
{
    vf s = v_add(v_load(a), v_load(a + 8));
    s = v_add(s, __riscv_vslidedown_vx_f32m1(s, 4, V));
    s = v_add(s, __riscv_vslidedown_vx_f32m1(s, 2, V));
    s = v_add(s, __riscv_vslidedown_vx_f32m1(s, 1, V));
    return __riscv_vfmv_f_s_f32m1_f32(s);
}
INLINE void v_sum4(const float *a, float *out)
{
    for (int row = 0; row < 4; row++) out[row] = v_sum_row(a + 16 * row);
}
INLINE void v_sum16(const float *a, float *out)
{
    for (int row = 0; row < 16; row++) out[row] = v_sum_row(a + 16 * row);
}

/* Columns are read by steps. */
INLINE void v_transpose16(const float *from, float *to, ptrdiff_t stride)
{
    for (int lane = 0; lane < 16; lane++) {
        for (int row = 0; row < 16; row += V) {
            v_store(to + lane * stride + row, __riscv_vlse32_v_f32m1(from + 16 * row + lane, 16 * sizeof(float), V));
        }
    }
}

#endif
