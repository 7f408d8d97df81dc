/* SPDX-License-Identifier: MIT
 * How weights start. Each layer draws from a stream of its own, keyed by its kind and its ordinal among layers of that kind: inserting
 * batch norm, dropout or activations leaves the convolutions and dense layers as they were. Weights are drawn in native order, then biases.
 * Uniform and normal come from our own generator and functions: the same start on every host. */
#include "internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include "../../kernels/runtime/rng.h"

static void fill(real *value, size_t count, real with)
{
    for (size_t i = 0; i < count; i++)
        value[i] = with;
}

/* Rounded to single in the double build, too, so that both start alike. */
static void draw_uniform(struct rng *rng, real *value, size_t count, double bound)
{
    for (size_t i = 0; i < count; i++)
        value[i] = (float)((2 * rng_uniform(rng) - 1) * bound);
}

static void draw_normal(struct rng *rng, real *value, size_t count, double sd)
{
    for (size_t i = 0; i < count; i++)
        value[i] = (float)(rng_normal(rng) * sd);
}

static void draw_weights(struct rng *rng, struct tensor *w, enum init_kind kind, double fan_in, double fan_out)
{
    switch (kind) {
    case INIT_DEFAULT: draw_uniform(rng, w->value, w->count, 1 / sqrt(fan_in)); break;
    case INIT_HE_UNIFORM: draw_uniform(rng, w->value, w->count, sqrt(6 / fan_in)); break;
    case INIT_HE_NORMAL: draw_normal(rng, w->value, w->count, sqrt(2 / fan_in)); break;
    case INIT_XAVIER_UNIFORM: draw_uniform(rng, w->value, w->count, sqrt(6 / (fan_in + fan_out))); break;
    case INIT_XAVIER_NORMAL: draw_normal(rng, w->value, w->count, sqrt(2 / (fan_in + fan_out))); break;
    }
}

/* A convolution's or dense layer's weight and bias. */
static void init_weighted(struct plan *plan, int i, struct init init, uint64_t seed)
{
    const struct layer *l = &plan->net.layers[i];
    const struct planned *p = &plan->layers[i];
    struct tensor w = plan_tensor(plan, p->tensor);
    double taps = l->kind == LAYER_CONV ? (double)l->conv.r * l->conv.s : 1;
    double fan_in = (double)w.count / w.extent[0], fan_out = w.extent[0] * taps;
    struct rng rng = rng_start(stream_key(seed, STREAM_INIT, (uint32_t)l->kind, (uint32_t)p->ordinal));
    draw_weights(&rng, &w, init.kind, fan_in, fan_out);
    if (p->tensors < 2)
        return;
    struct tensor b = plan_tensor(plan, p->tensor + 1);
    if (init.kind == INIT_DEFAULT && !init.zero_bias)
        draw_uniform(&rng, b.value, b.count, 1 / sqrt(fan_in));
    else
        fill(b.value, b.count, 0);
}

static void init_batchnorm(struct plan *plan, int i)
{
    static const real start[] = { 1, 0, 0, 1 };         /* gamma, beta, running mean and variance */
    for (int which = 0; which < 4; which++)
        fill(plan_value_of(plan, i, which), (size_t)plan->net.layers[i].in.c, start[which]);
}

void plan_init(struct plan *plan, struct init init, uint64_t seed)
{
    assert(plan && init.kind <= INIT_XAVIER_NORMAL);
    for (int i = 0; i < plan->net.count; i++) {
        enum layer_kind kind = plan->net.layers[i].kind;
        if (kind == LAYER_BATCHNORM)
            init_batchnorm(plan, i);
        else if (plan->layers[i].tensors > 0)
            init_weighted(plan, i, init, seed);
    }
    for (int slot = 0; plan->training && slot < plan->optimizer_slots; slot++)
        memset(plan->slots[slot], 0, plan->trained * sizeof(real));
    plan_changed(plan);
}
