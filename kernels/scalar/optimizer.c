/* SPDX-License-Identifier: MIT
 * SGD, Adam and AdamW, one parameter at a time. Where the contract writes a*b + c, `fused` rounds once; all other operations round too. */
#include <assert.h>
#include "scalar.h"

static void sgd(const struct optimizer *o, real *w, real g, real *m)
{
    const real slope = fused(o->weight_decay, *w, g);
    real move = slope;
    if (o->momentum > 0 && m) {
        *m = o->first ? slope : fused(o->momentum, *m, slope);
        move = o->nesterov ? fused(o->momentum, *m, slope) : *m;
    }
    *w = fused(-o->rate, move, *w);
}

static void adam(const struct optimizer *o, real *w, real g, real *m, real *v)
{
    real slope = g;
    if (o->kind == OPTIMIZER_ADAM) {
        slope = fused(o->weight_decay, *w, g);
    } else {
        *w = fused(-(o->rate * o->weight_decay), *w, *w);
    }
    *m = fused(o->beta1, *m, o->one_minus_beta1 * slope);
    *v = fused(o->beta2, *v, o->one_minus_beta2 * slope * slope);
    const real root = (real)sqrt((double)*v); /* rounding twice changes nothing: double holds more than twice float's digits */
    *w = fused(-o->step_size, *m / fused(root, o->root_scale, o->eps), *w);
}

static void scalar_optimizer_step(const struct optimizer *o, struct span vectors, real *w, const real *g, real *m, real *v)
{
    assert(vectors.begin >= 0);
    assert(o->kind == OPTIMIZER_SGD || m);
    assert(o->kind == OPTIMIZER_SGD || v);
    for (size_t i = (size_t)vectors.begin * LANES; i < (size_t)vectors.end * LANES; i++) {
        if (o->kind == OPTIMIZER_SGD) {
            sgd(o, &w[i], g[i], m ? &m[i] : NULL);
        } else {
            adam(o, &w[i], g[i], &m[i], &v[i]);
        }
    }
}

const struct optimizer_variant scalar_optimizer_rows[] = { { { "plain", ISA_SCALAR, ANY_CUT }, scalar_optimizer_step },
                                                           { .head = { .algo = NULL } } };
