/* SPDX-License-Identifier: MIT
 * Small nets with every kind of layer, planned, filled with noise and trained a step: for the suites on plans and passes. */
#ifndef TESTS_PLANNED_H
#define TESTS_PLANNED_H

#include "toy.h"
#include "../../nets/plan/internal.h"

static const char COMPACT[] = "1x28x28 conv8same relu bn conv8same relu bn max2 drop0.2 conv16same relu bn conv16same relu bn max2 drop0.2 "
                              "conv16 relu bn conv10 relu bn gap drop0.2";
/* Every kind of layer, skips, odd sizes. */
static const char RICH[] = "2x11x9 conv5same relu conv5same bn add2 leaky0.1 max2 drop0.2 conv6r5s3pad2,1,1,0 tanh drop0.1 avg2step1 "
                           "conv6same add2 relu dense20 relu dense7";
static const char PLAIN[] = "1x12x12 conv4 relu max2 conv5same tanh dense9 leaky0.1 dense4";

static inline struct plan *plan_of(const char *text, struct plan_options options)
{
    struct net net = toy_net(text);
    struct plan *plan;
    struct why why = { "" };
    if (!options.isas) options.isas = cpu_detect();
    cr_assert_eq(net_plan(&net, &options, &plan, &why), 0, "%s", why.text);
    plan_init(plan, (struct init){ INIT_DEFAULT, false }, 1);
    return plan;
}

/* n images of noise, numbered from `first`: what image i holds does not depend on the rest. */
static inline void fill(struct plan *plan, int first, int n)
{
    const struct net *net = plan_net(plan);
    size_t pixels = (size_t)net->in.c * (size_t)net->in.h * (size_t)net->in.w;
    uint32_t classes = (uint32_t)net->layers[net->count - 1].out.c;
    for (int i = 0; i < image_blocks(n) * LANES; i++) {
        struct rng rng = rng_start(rng_stream_key(3, STREAM_TEST, (uint32_t)(first + i), 0));
        real *x = plan_input(plan) + (size_t)(i / LANES) * pixels * LANES + i % LANES;
        plan_labels(plan)[i] = (uint8_t)(i < n ? rng_below(&rng, classes) : 0);
        for (size_t p = 0; p < pixels; p++) x[p * LANES] = i < n ? (real)rng_normal(&rng) : 0;
    }
}

static inline uint64_t hash(uint64_t h, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++) h = (h ^ at[i]) * 0x100000001B3ull;
    return h;
}

static inline uint64_t hash_weights(const struct plan *plan)
{
    return hash(hash(1, plan->parameters, plan->trained * sizeof(real)), plan->statistic, plan->statistics * sizeof(real));
}

static inline struct optimizer sgd(void) { return (struct optimizer){ .kind = OPTIMIZER_SGD, .rate = 0.05f }; }

static inline void train_step(struct plan *plan, int n, uint32_t step)
{
    const struct pass_key key = { .seed = 1, .step = step };
    const struct optimizer o = sgd();
    fill(plan, (int)step * 1000, n);
    plan_gradients(plan, n, n, false, key);
    plan_step(plan, &o);
}

#endif
