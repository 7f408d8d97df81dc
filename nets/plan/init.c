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
    for (size_t i = 0; i < count; i++) value[i] = with;
}

/* Rounded to single in the double build, too, so that both start alike. */
static void draw_uniform(struct rng *rng, real *value, size_t count, double bound)
{
    for (size_t i = 0; i < count; i++) value[i] = (float)((2 * rng_uniform(rng) - 1) * bound);
}

static void draw_normal(struct rng *rng, real *value, size_t count, double sd)
{
    for (size_t i = 0; i < count; i++) value[i] = (float)(rng_normal(rng) * sd);
}

static void draw_weights(struct rng *rng, struct tensor *w, enum init_kind kind, double fan_in, double fan_out)
{
    assert(w->value);
    assert(fan_in > 0);
    switch (kind) {
    case INIT_DEFAULT: draw_uniform(rng, w->value, w->count, 1 / sqrt(fan_in)); break;
    case INIT_HE_UNIFORM: draw_uniform(rng, w->value, w->count, sqrt(6 / fan_in)); break;
    case INIT_HE_NORMAL: draw_normal(rng, w->value, w->count, sqrt(2 / fan_in)); break;
    case INIT_XAVIER_UNIFORM: draw_uniform(rng, w->value, w->count, sqrt(6 / (fan_in + fan_out))); break;
    case INIT_XAVIER_NORMAL: draw_normal(rng, w->value, w->count, sqrt(2 / (fan_in + fan_out))); break;
    }
}

/* The layer's tensors, in order; the drawn ones from one stream. A weight is [outputs][taps …][inputs], or [outputs][inputs]. */
static void init_layer(struct plan *plan, int i, struct init init, uint64_t seed)
{
    const struct planned *p = &plan->layers[i];
    struct rng rng = rng_start(rng_stream_key(seed, STREAM_INIT, (uint32_t)plan->net.layers[i].kind, (uint32_t)p->ordinal));
    double fan_in = 1;
    for (int which = 0; which < p->tensors; which++) {
        const struct placed *placed = &plan->tensor[p->tensor + which];
        struct tensor t = plan_tensor(plan, p->tensor + which);
        const bool weight = placed->drawn && which == 0, drawn = placed->drawn && init.kind == INIT_DEFAULT && !init.zero_bias;
        if (weight) {
            const double taps = t.rank == 4 ? (double)t.extent[1] * t.extent[2] : 1;
            fan_in = (double)t.count / t.extent[0];
            draw_weights(&rng, &t, init.kind, fan_in, t.extent[0] * taps);
        } else if (drawn) {
            draw_uniform(&rng, t.value, t.count, 1 / sqrt(fan_in));
        } else {
            fill(t.value, t.count, (real)placed->start);
        }
    }
}

void plan_init(struct plan *plan, struct init init, uint64_t seed)
{
    assert(plan);
    assert(init.kind <= INIT_XAVIER_NORMAL);
    for (int i = 0; i < plan->net.count; i++) init_layer(plan, i, init, seed);
    for (int slot = 0; plan->training && slot < plan->optimizer_slots; slot++) memset(plan->slots[slot], 0, plan->trained * sizeof(real));
    plan_changed(plan);
}
