/* SPDX-License-Identifier: MIT
 * ReLU, leaky ReLU and tanh on vectors: the smallest template, a starting point for a new op. */
#ifndef SIMD_ACTIVATION_H
#define SIMD_ACTIVATION_H

#include "../kernels.h"
#include "math.h"

/* tanh x = 1 - 2 / (e^2|x| + 1), the sign put back: odd, monotone, 1 from |x| = 9.02 on, -0 stays -0, NaN stays NaN. */
INLINE vf v_tanh(vf x)
{
    vu sign = vu_and(vu_of(x), vu_set(0x80000000u));
    vf a = v_of(vu_xor(vu_of(x), sign));
    vf e = v_exp(v_add(a, a));
    vf t = v_sub(v_set(1.0f), v_div(v_set(2.0f), v_add(e, v_set(1.0f))));
    return v_of(vu_xor(vu_of(t), sign));
}

/* The kind is a constant in each of the callers below, so the loop holds one case. */
INLINE void activation_fwd_loop(enum activation_kind kind, float slope, struct span vectors, const float *x, float *y)
{
    for (ptrdiff_t i = (ptrdiff_t)vectors.begin * LANES; i < (ptrdiff_t)vectors.end * LANES; i += V) {
        vf a = v_load(x + i);
        if (kind == ACTIVATION_RELU) v_store(y + i, v_max(a, v_zero()));
        if (kind == ACTIVATION_LEAKY) v_store(y + i, v_select(v_gt(a, v_zero()), a, v_mul(a, v_set(slope))));
        if (kind == ACTIVATION_TANH) v_store(y + i, v_tanh(a));
    }
}

static void activation_fwd(const struct activation *p, struct span vectors, const float *x, float *y)
{
    switch (p->kind) {
    case ACTIVATION_RELU: activation_fwd_loop(ACTIVATION_RELU, 0, vectors, x, y); break;
    case ACTIVATION_LEAKY: activation_fwd_loop(ACTIVATION_LEAKY, p->slope, vectors, x, y); break;
    case ACTIVATION_TANH: activation_fwd_loop(ACTIVATION_TANH, 0, vectors, x, y); break;
    }
}

INLINE void activation_bwd_loop(enum activation_kind kind, float slope, struct span vectors, const float *y, const float *dy, float *dx)
{
    for (ptrdiff_t i = (ptrdiff_t)vectors.begin * LANES; i < (ptrdiff_t)vectors.end * LANES; i += V) {
        vf a = v_load(y + i), d = v_load(dy + i);
        if (kind == ACTIVATION_RELU) v_store(dx + i, v_keep(v_gt(a, v_zero()), d));
        if (kind == ACTIVATION_LEAKY) v_store(dx + i, v_select(v_gt(a, v_zero()), d, v_mul(d, v_set(slope))));
        if (kind == ACTIVATION_TANH) v_store(dx + i, v_mul(v_fma(v_neg(a), a, v_set(1.0f)), d));
    }
}

static void activation_bwd(const struct activation *p, struct span vectors, const float *y, const float *dy, float *dx)
{
    switch (p->kind) {
    case ACTIVATION_RELU: activation_bwd_loop(ACTIVATION_RELU, 0, vectors, y, dy, dx); break;
    case ACTIVATION_LEAKY: activation_bwd_loop(ACTIVATION_LEAKY, p->slope, vectors, y, dy, dx); break;
    case ACTIVATION_TANH: activation_bwd_loop(ACTIVATION_TANH, 0, vectors, y, dy, dx); break;
    }
}

#endif
