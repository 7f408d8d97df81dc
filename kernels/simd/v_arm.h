/* SPDX-License-Identifier: MIT
 * What the Arm headers share: the reductions and transposes that cross lanes, on 4 lanes (SVE implies NEON). */
#ifndef SIMD_V_ARM_H
#define SIMD_V_ARM_H

#include <arm_neon.h>
#include "v.h"

/* One row: 16 -> 8 -> 4 lanes; then four rows at once: 4 -> 2 -> 1. */
INLINE float32x4_t v_sum_to4(const float *a)
{
    return vaddq_f32(vaddq_f32(vld1q_f32(a), vld1q_f32(a + 8)), vaddq_f32(vld1q_f32(a + 4), vld1q_f32(a + 12)));
}
INLINE void v_sum4(const float *a, float *out)
{
    float32x4_t r0 = v_sum_to4(a), r1 = v_sum_to4(a + 16), r2 = v_sum_to4(a + 32), r3 = v_sum_to4(a + 48);
    float32x4_t s01 = vcombine_f32(vadd_f32(vget_low_f32(r0), vget_high_f32(r0)), vadd_f32(vget_low_f32(r1), vget_high_f32(r1)));
    float32x4_t s23 = vcombine_f32(vadd_f32(vget_low_f32(r2), vget_high_f32(r2)), vadd_f32(vget_low_f32(r3), vget_high_f32(r3)));
    vst1q_f32(out, vaddq_f32(vuzp1q_f32(s01, s23), vuzp2q_f32(s01, s23)));
}

INLINE void v_sum16(const float *a, float *out)
{
    UNROLL_FOR (int row = 0; row < 16; row += 4) v_sum4(a + 16 * row, out + row);
}
INLINE void v_transpose16(const float *from, float *to, ptrdiff_t stride)
{
    for (int f = 0; f < 16; f += 4) {
        for (int lane = 0; lane < 16; lane += 4) {
            const float *a = from + 16 * f + lane;
            float *b = to + lane * stride + f;
            float32x4x2_t p = vtrnq_f32(vld1q_f32(a), vld1q_f32(a + 16)), q = vtrnq_f32(vld1q_f32(a + 32), vld1q_f32(a + 48));
            vst1q_f32(b, vcombine_f32(vget_low_f32(p.val[0]), vget_low_f32(q.val[0])));
            vst1q_f32(b + stride, vcombine_f32(vget_low_f32(p.val[1]), vget_low_f32(q.val[1])));
            vst1q_f32(b + 2 * stride, vcombine_f32(vget_high_f32(p.val[0]), vget_high_f32(q.val[0])));
            vst1q_f32(b + 3 * stride, vcombine_f32(vget_high_f32(p.val[1]), vget_high_f32(q.val[1])));
        }
    }
}

#endif
