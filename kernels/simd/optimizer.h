/* SPDX-License-Identifier: MIT
 * SGD, Adam and AdamW on vectors of parameters, operation by operation as optimizer.h writes them. */
#ifndef SIMD_OPTIMIZER_H
#define SIMD_OPTIMIZER_H

#include "../kernels.h"

static void sgd_step(const struct optimizer *o, ptrdiff_t begin, ptrdiff_t end, float *w, const float *g, float *m)
{
    const vf rate = v_set(-o->rate), momentum = v_set(o->momentum), decay = v_set(o->weight_decay);
    for (ptrdiff_t i = begin; i < end; i += V) {
        vf a = v_load(w + i), d = v_fma(decay, a, v_load(g + i));
        if (m) {
            vf velocity = o->first ? d : v_fma(momentum, v_load(m + i), d);
            v_store(m + i, velocity);
            d = o->nesterov ? v_fma(momentum, velocity, d) : velocity;
        }
        v_store(w + i, v_fma(rate, d, a));
    }
}

static void adam_step(const struct optimizer *o, ptrdiff_t begin, ptrdiff_t end, float *w, const float *g, float *m, float *v)
{
    const bool coupled = o->kind == OPTIMIZER_ADAM;
    const vf beta1 = v_set(o->beta1), beta2 = v_set(o->beta2), rest1 = v_set(o->one_minus_beta1), rest2 = v_set(o->one_minus_beta2);
    const vf decay = v_set(coupled ? o->weight_decay : 0), shrink = v_set(coupled ? 0 : -(o->rate * o->weight_decay));
    const vf size = v_set(-o->step_size), scale = v_set(o->root_scale), eps = v_set(o->eps);
    for (ptrdiff_t i = begin; i < end; i += V) {
        vf a = v_load(w + i), d = v_fma(decay, a, v_load(g + i));
        a = v_fma(shrink, a, a);
        vf mean = v_fma(beta1, v_load(m + i), v_mul(rest1, d));
        vf square = v_fma(beta2, v_load(v + i), v_mul(v_mul(rest2, d), d));
        v_store(m + i, mean);
        v_store(v + i, square);
        v_store(w + i, v_fma(size, v_div(mean, v_fma(v_sqrt(square), scale, eps)), a));
    }
}

static void optimizer_step(const struct optimizer *o, struct span vectors, float *w, const float *g, float *m, float *v)
{
    ptrdiff_t begin = (ptrdiff_t)vectors.begin * LANES, end = (ptrdiff_t)vectors.end * LANES;
    if (o->kind == OPTIMIZER_SGD) sgd_step(o, begin, end, w, g, o->momentum > 0 ? m : NULL);
    else adam_step(o, begin, end, w, g, m, v);
}

#endif
