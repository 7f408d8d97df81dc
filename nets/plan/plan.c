/* SPDX-License-Identifier: MIT
 * From a net to variants, groups of stages, buffers and memory (schedule.c, buffers.c, place.c). Trained tensors lie in one piece in net
 * order, each padded with zeros to whole vectors, gradients and optimizer state at the same offsets: a step is one call over all of it. */
#include "internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Chunks' sums of one wave stay below so many elements (64 MiB in single precision). */
static const size_t PARTIALS_MAX = (size_t)16 << 20;

/* ---- tensors ----------------------------------------------------------------------------------------------------------------------- */

static const char *tensor_kind(enum layer_kind kind)
{
    return kind == LAYER_CONV ? "conv" : kind == LAYER_DENSE ? "dense" : "bn";
}

static void add_tensor(struct plan *plan, int layer, const char *name, bool trained, int rank, const int *extent)
{
    assert(plan->tensors < MAX_TENSORS);
    struct placed *p = &plan->tensor[plan->tensors++];
    size_t *end = trained ? &plan->trained : &plan->statistics;
    *p = (struct placed){ .tensor = { .rank = rank, .count = 1, .trained = trained }, .offset = *end };
    snprintf(p->tensor.name, sizeof p->tensor.name, "%d.%s.%s", layer, tensor_kind(plan->net.layers[layer].kind), name);
    for (int i = 0; i < rank; i++) {
        p->tensor.extent[i] = extent[i];
        p->tensor.count *= (size_t)extent[i];
    }
    *end += round16(p->tensor.count);
    plan->layers[layer].tensors++;
}

static void add_tensors(struct plan *plan, int layer)
{
    const struct layer *l = &plan->net.layers[layer];
    plan->layers[layer].tensor = plan->tensors;
    if (l->kind == LAYER_CONV) {
        add_tensor(plan, layer, "weight", true, 4, (int[]){ l->conv.k, l->conv.r, l->conv.s, l->conv.c });
        if (l->conv.bias)
            add_tensor(plan, layer, "bias", true, 1, (int[]){ l->conv.k });
    } else if (l->kind == LAYER_DENSE) {
        add_tensor(plan, layer, "weight", true, 2, (int[]){ l->dense.k, l->dense.c });
        if (l->dense.bias)
            add_tensor(plan, layer, "bias", true, 1, (int[]){ l->dense.k });
    } else if (l->kind == LAYER_BATCHNORM) {
        add_tensor(plan, layer, "gamma", true, 1, (int[]){ l->in.c });
        add_tensor(plan, layer, "beta", true, 1, (int[]){ l->in.c });
        add_tensor(plan, layer, "running_mean", false, 1, (int[]){ l->in.c });
        add_tensor(plan, layer, "running_variance", false, 1, (int[]){ l->in.c });
    }
}

static const struct placed *placed_of(const struct plan *plan, int layer, int which)
{
    const struct planned *l = &plan->layers[layer];
    assert(which >= 0);
    return which < l->tensors ? &plan->tensor[l->tensor + which] : NULL;
}

real *plan_value_of(const struct plan *plan, int layer, int which)
{
    const struct placed *p = placed_of(plan, layer, which);
    return p ? (p->tensor.trained ? plan->parameters : plan->statistic) + p->offset : NULL;
}

real *plan_gradient_of(const struct plan *plan, int layer, int which)
{
    const struct placed *p = placed_of(plan, layer, which);
    return p && p->tensor.trained && plan->gradients ? plan->gradients + p->offset : NULL;
}

size_t plan_stride(const struct plan *plan, int layer)
{
    size_t stride = 0;
    for (int which = 0; which < 2; which++) {
        const struct placed *p = placed_of(plan, layer, which);
        stride += p ? round16(p->tensor.count) : 0;
    }
    return stride;
}

size_t plan_partials(const struct plan *plan, int layer)
{
    const struct planned *l = &plan->layers[layer];
    const int blocks = image_blocks(plan->batch);
    if (plan->net.layers[layer].kind == LAYER_CONV) {
        struct conv wave = l->conv;
        wave.n = (blocks < l->wave ? blocks : l->wave) * LANES;
        return (size_t)conv_chunks(l->variant[CONV_BWD_WEIGHTS], &wave) * plan_stride(plan, layer);
    }
    if (plan->net.layers[layer].kind == LAYER_BATCHNORM)
        return (size_t)batchnorm_chunks(&l->batchnorm) * 2 * round16((size_t)l->batchnorm.c);
    return plan->net.layers[layer].kind == LAYER_DENSE ? plan_stride(plan, layer) : 0;
}

/* ---- choosing ---------------------------------------------------------------------------------------------------------------------- */

/* Blocks per wave of a convolution: by shape alone, so that waves cut every batch alike. */
static int conv_wave(const struct conv_variant *v, const struct conv *c, size_t stride)
{
    struct conv wave = *c;
    int blocks = WAVE_BLOCKS;
    for (; blocks > 1; blocks /= 2) {
        wave.n = blocks * LANES;
        if ((size_t)conv_chunks(v, &wave) * stride <= PARTIALS_MAX)
            break;
    }
    return blocks;
}

static int choose_conv(struct plan *plan, int i, const struct plan_options *o, struct why *why)
{
    struct planned *l = &plan->layers[i];
    char word[96], problem[128], isas[128];
    for (int d = 0; d < CONV_DIRECTIONS; d++) {
        l->variant[d] = conv_pick(&l->conv, (enum conv_direction)d, o->isas, o->algo);
        if (!l->variant[d] && o->algo && conv_algo_known(o->isas, o->algo))        /* not for this shape */
            l->variant[d] = conv_pick(&l->conv, (enum conv_direction)d, o->isas, "direct");
    }
    if (!l->variant[CONV_FWD])
        return fail(why, -EINVAL, "plan: layer %d \"%s\" (%s): no convolution \"%s\" for it on %s; take algorithm \"auto\"", i,
                    layer_print(&plan->net.layers[i], word, sizeof word), conv_print(&l->conv, problem, sizeof problem),
                    o->algo ? o->algo : "auto", isa_list(o->isas, isas, sizeof isas));
    l->wave = conv_wave(l->variant[CONV_BWD_WEIGHTS], &l->conv, plan_stride(plan, i));
    return 0;
}

/* Copies the layer's problem, at the planned batch. NULL or what is wrong. */
static const char *problem_of(const struct net *net, int i, int n, struct planned *l)
{
    const struct layer *what = &net->layers[i];
    int c = what->in.c, h = what->in.h, w = what->in.w;
    switch (what->kind) {
    case LAYER_CONV: l->conv = what->conv; l->conv.n = n; return conv_complete(&l->conv);
    case LAYER_POOL: l->pool = what->pool; l->pool.n = n; return pool_complete(&l->pool);
    case LAYER_DENSE: l->dense = what->dense; l->dense.n = n; return dense_complete(&l->dense);
    case LAYER_BATCHNORM: l->batchnorm = (struct batchnorm){ n, c, h, w }; return batchnorm_complete(&l->batchnorm);
    case LAYER_ADD: {
        int source = i - what->add.back;
        struct shape from = source < 0 ? net->in : net->layers[source].out;
        l->add = (struct add){ n, c, h, w, from.h, from.w };
        break;
    }
    case LAYER_ACTIVATION: case LAYER_DROPOUT: break;
    }
    return NULL;
}

/* ReLU after max-pool makes the numbers that it makes before it out of a fraction as many, and the larger map is not kept for its signs.
 * Where a window has nothing above zero the pool chooses another of its pixels, whose gradient is zero all the same. The two orders may
 * differ in what they make of a NaN. */
static void relu_after_pool(struct net *net)
{
    for (int i = 0; i + 1 < net->count; i++) {
        const struct layer first = net->layers[i], second = net->layers[i + 1];
        const bool relu = first.kind == LAYER_ACTIVATION && first.activation.kind == ACTIVATION_RELU;
        if (!relu || second.kind != LAYER_POOL || second.pool.kind != POOL_MAX || net_is_source(net, i))
            continue;
        net->layers[i] = second;
        net->layers[i + 1] = first;
        net->layers[i + 1].in = net->layers[i + 1].out = second.out;
    }
}

/* By layer, which group makes its value in each forward pass, and its dx. */
static void share(const struct plan *plan, struct sharing *sharing)
{
    const struct schedule *backward = &plan->schedule[BACKWARD_PASS];
    for (int pass = TRAINING_PASS; pass <= INFERENCE_PASS; pass++) {
        const struct schedule *forward = &plan->schedule[plan->training ? pass : INFERENCE_PASS];
        for (int g = 0; g < forward->groups; g++)
            for (int i = 0; i < forward->group[g].count; i++) {
                const struct stage s = forward->stage[forward->group[g].first + i];
                const int bundle = forward->group[g].bundle;
                if (s.work == WORK_STATISTICS)
                    continue;
                sharing->value[pass][s.layer] = g;
                if (bundle > sharing->bundle[s.layer])
                    sharing->bundle[s.layer] = bundle;
            }
    }
    for (int g = 0; g < backward->groups; g++)
        for (int i = 0; i < backward->group[g].count; i++) {
            const struct stage s = backward->stage[backward->group[g].first + i];
            if (s.work == WORK_WEIGHTS)
                sharing->weights[s.layer] = g;
            if (s.work != WORK_DATA)
                continue;
            sharing->gradient[s.layer] = g;
            sharing->gradient_bundle[s.layer] = backward->group[g].bundle;
        }
}

/* Sums that a group makes at once lie beside each other. */
static void place_sums(struct plan *plan)
{
    const struct schedule *s = &plan->schedule[BACKWARD_PASS];
    for (int g = 0; g < s->groups; g++) {
        size_t end = 0;
        for (int i = s->group[g].first; i < s->group[g].first + s->group[g].count; i++) {
            if (!stage_sums(s->stage[i]))
                continue;
            plan->layers[s->stage[i].layer].partial = end;
            end += plan_partials(plan, s->stage[i].layer);
        }
    }
}

static int choose(struct plan *plan, const struct plan_options *o, struct why *why)
{
    int seen[LAYER_ADD + 1] = { 0 };
    char word[96];
    for (int i = 0; i < plan->net.count; i++) {
        const struct layer *what = &plan->net.layers[i];
        struct planned *l = &plan->layers[i];
        const char *wrong = problem_of(&plan->net, i, o->batch, l);
        if (wrong)
            return fail(why, -EINVAL, "plan: layer %d \"%s\" gets %dx%dx%d at batch %d: %s", i, layer_print(what, word, sizeof word),
                        what->in.c, what->in.h, what->in.w, o->batch, wrong);
        l->ordinal = seen[what->kind]++;
        add_tensors(plan, i);
        int code = what->kind == LAYER_CONV ? choose_conv(plan, i, o, why) : 0;
        if (code != 0)
            return code;
    }
    plan->cuts = calloc(schedules_cuts(&plan->net), sizeof *plan->cuts);
    if (!plan->cuts)
        return fail(why, -ENOMEM, "plan: no memory for the plan itself");
    schedules_build(plan, !o->no_fuse);
    place_sums(plan);
    struct sharing sharing = { .bundle = { 0 } };
    share(plan, &sharing);
    buffers_assign(&plan->net, plan->training, &sharing, &plan->buffers);
    return 0;
}

/* ---- opening and closing ----------------------------------------------------------------------------------------------------------- */

static int check_options(const struct plan_options *o, struct why *why)
{
    char isas[128];
    if (o->batch < 1)
        return fail(why, -EINVAL, "plan: a batch of %d images; take 1 or more", o->batch);
    if (isa_best(o->isas) < 0)
        return fail(why, -EINVAL, "plan: none of the instruction sets allowed (%s) is built in; allow scalar or portable",
                    isa_list(o->isas, isas, sizeof isas));
    return 0;
}

int net_plan(const struct net *net, const struct plan_options *o, struct plan **plan, struct why *why)
{
    assert(net && o && plan);
    assert(o->optimizer_slots >= 0 && o->optimizer_slots <= 2);
    *plan = NULL;
    int code = check_options(o, why), workers = team_workers(o->team);
    if (code != 0)
        return code;
    struct plan *p = calloc(1, sizeof *p);
    real **scratch = calloc((size_t)workers, sizeof *scratch);
    bool *stale = calloc(2, sizeof *stale);
    if (!p || !scratch || !stale) {
        free(p), free(scratch), free(stale);
        return fail(why, -ENOMEM, "plan: no memory for the plan itself");
    }
    *p = (struct plan){ .given = *net, .batch = o->batch, .workers = workers, .optimizer_slots = o->optimizer_slots,
        .training = o->training, .team = o->team, .kernels = kernels_of((enum isa)isa_best(o->isas)), .worker_scratch = scratch,
        .stale = stale };
    code = net_check(&p->given, why);
    p->net = p->given;
    if (!o->no_fuse)
        relu_after_pool(&p->net);
    if (code == 0)
        code = choose(p, o, why);
    if (code == 0)
        code = plan_place(p, why);
    if (code != 0) {
        plan_close(p);
        return code;
    }
    plan_changed(p);
    *plan = p;
    return 0;
}

void plan_close(struct plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; i < FAMILIES; i++)
        arena_close(&plan->arenas[i]);
    free(plan->worker_scratch);
    free(plan->stale);
    free(plan->cuts);
    free(plan);
}
