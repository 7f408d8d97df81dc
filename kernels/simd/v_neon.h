/* SPDX-License-Identifier: MIT
 * The vector contract (v.h) on aarch64 NEON: 16 images are four vectors of 4. */
#ifndef SIMD_V_NEON_H
#define SIMD_V_NEON_H

#include "v_arm.h"

enum { V = 4, PARTS = 4, V_REGISTERS = 32, V_CHAINS = 16 };
typedef float32x4_t vf;
typedef uint32x4_t vm; /* lanes all ones or all zeros */
typedef uint32x4_t vu;

INLINE vf v_set(float s) { return vdupq_n_f32(s); }
INLINE vf v_zero(void) { return vdupq_n_f32(0); }
INLINE vf v_load(const float *p) { return vld1q_f32(p); }
INLINE void v_store(float *p, vf a) { vst1q_f32(p, a); }
INLINE vf v_load_n(const float *p, int n)
{
    float a[V] = { 0 };
    for (int i = 0; i < n; i++) a[i] = p[i];
    return vld1q_f32(a);
}
INLINE void v_store_n(float *p, vf a, int n)
{
    float lane[V];
    vst1q_f32(lane, a);
    for (int i = 0; i < n; i++) p[i] = lane[i];
}
INLINE vf v_load_u8(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    uint16x8_t wide = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(word)));
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide)));
}
INLINE void v_store_u8(uint8_t *p, vf a)
{
    uint16x4_t half = vmovn_u32(vcvtq_u32_f32(a));
    uint32_t word = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(half, half))), 0);
    memcpy(p, &word, sizeof word);
}

INLINE vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
INLINE vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
INLINE vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
INLINE vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
INLINE vf v_sqrt(vf a) { return vsqrtq_f32(a); }
INLINE vf v_neg(vf a) { return vnegq_f32(a); }
INLINE vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }

INLINE vm v_gt(vf a, vf b) { return vcgtq_f32(a, b); }
INLINE vm v_eq(vf a, vf b) { return vceqq_f32(a, b); }
INLINE vf v_select(vm m, vf a, vf b) { return vbslq_f32(m, a, b); }
INLINE vf v_max(vf a, vf b) { return v_select(v_gt(a, b), a, b); } /* fmax would propagate NaN and order zeros */
INLINE vf v_keep(vm m, vf a) { return vreinterpretq_f32_u32(vandq_u32(m, vreinterpretq_u32_f32(a))); }
INLINE vm v_mask(unsigned bits)
{
    static const uint32_t bit[V] = { 1, 2, 4, 8 };
    return vtstq_u32(vdupq_n_u32(bits), vld1q_u32(bit));
}
INLINE unsigned v_bits(vm m)
{
    static const uint32_t bit[V] = { 1, 2, 4, 8 };
    return vaddvq_u32(vandq_u32(m, vld1q_u32(bit)));
}

INLINE vu vu_set(uint32_t s) { return vdupq_n_u32(s); }
INLINE vu vu_load(const uint32_t *p) { return vld1q_u32(p); }
INLINE vu vu_add(vu a, vu b) { return vaddq_u32(a, b); }
INLINE vu vu_xor(vu a, vu b) { return veorq_u32(a, b); }
INLINE vu vu_and(vu a, vu b) { return vandq_u32(a, b); }
INLINE vu vu_shr(vu a, int n) { return vshlq_u32(a, vdupq_n_s32(-n)); }
INLINE vu vu_shl(vu a, int n) { return vshlq_u32(a, vdupq_n_s32(n)); }
INLINE vm vu_lt(vu a, vu b) { return vcltq_u32(a, b); }
INLINE vu vu_mul(vu a, vu b) { return vmulq_u32(a, b); }
INLINE vu vu_mulhi(vu a, vu b)
{
    uint64x2_t low = vmull_u32(vget_low_u32(a), vget_low_u32(b)), high = vmull_high_u32(a, b);
    return vcombine_u32(vshrn_n_u64(low, 32), vshrn_n_u64(high, 32));
}
INLINE vu vu_of(vf a) { return vreinterpretq_u32_f32(a); }
INLINE vf v_of(vu u) { return vreinterpretq_f32_u32(u); }
INLINE vu vu_round(vf a) { return vreinterpretq_u32_s32(vcvtnq_s32_f32(a)); }
INLINE vf v_from_int(vu u) { return vcvtq_f32_s32(vreinterpretq_s32_u32(u)); }

#endif
