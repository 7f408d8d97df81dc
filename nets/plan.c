/* SPDX-License-Identifier: MIT
 * From a net to memory and variants. One walk over the layers both measures and places: it runs twice, first adding up what it would take,
 * then taking it from arenas of exactly that size, so the two cannot disagree. Trained tensors lie in one piece in net order, each padded
 * with zeros to whole vectors, gradients and optimizer state at the same offsets: a step is one call over all of it. */
#include "plan.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const family_names[FAMILIES] = { "parameters", "gradients", "optimizer", "activations", "scratch" };

/* Chunks' sums of one wave stay below so many elements (64 MiB in single precision). */
static const size_t PARTIALS_MAX = (size_t)16 << 20;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t elements(struct shape s)
{
    return (size_t)s.c * (size_t)s.h * (size_t)s.w;
}

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
    buffers_assign(&plan->net, plan->training, &plan->buffers);
    return 0;
}

/* ---- measuring and placing --------------------------------------------------------------------------------------------------------- */

static void *take(struct plan *plan, enum family family, size_t bytes)
{
    if (plan->placing)
        return arena_take(&plan->arenas[family], bytes);
    plan->measured[family] += arena_room(bytes);
    return NULL;
}

static real *take_reals(struct plan *plan, enum family family, size_t count)
{
    return take(plan, family, count * sizeof(real));
}

static void place_parameters(struct plan *plan)
{
    plan->parameters = take_reals(plan, PARAMETERS, plan->trained);
    plan->statistic = take_reals(plan, PARAMETERS, plan->statistics);
    if (!plan->training)
        return;
    plan->gradients = take_reals(plan, GRADIENTS, plan->trained);
    for (int i = 0; i < plan->optimizer_slots; i++)
        plan->slots[i] = take_reals(plan, OPTIMIZER, plan->trained);
}

static void place_buffers(struct plan *plan)
{
    const struct buffers *b = &plan->buffers;
    size_t images = (size_t)image_blocks(plan->batch) * LANES;
    plan->input = take_reals(plan, ACTIVATIONS, elements(plan->net.in) * images);
    plan->losses = take_reals(plan, ACTIVATIONS, images);
    plan->labels = take(plan, ACTIVATIONS, images);
    plan->best = take(plan, ACTIVATIONS, images);
    for (int i = 0; i < b->values; i++)
        plan->values[i] = take_reals(plan, ACTIVATIONS, b->value_size[i] * images);
    for (int i = 0; i < b->gradients; i++)
        plan->value_gradients[i] = take_reals(plan, ACTIVATIONS, b->gradient_size[i] * images);
}

static real *value_at(const struct plan *plan, int layer)
{
    int buffer = layer < 0 ? INPUT_BUFFER : plan->buffers.value[layer];
    return buffer == INPUT_BUFFER ? plan->input : plan->values[buffer];
}

static real *gradient_at(const struct plan *plan, int layer)
{
    int buffer = layer < 0 ? NO_BUFFER : plan->buffers.gradient[layer];
    return buffer == NO_BUFFER ? NULL : plan->value_gradients[buffer];
}

static void place_packed(struct plan *plan, int i)
{
    struct planned *l = &plan->layers[i];
    bool backward = plan->training && i > plan->buffers.lowest;
    l->packed[CONV_FWD] = take(plan, SCRATCH, l->variant[CONV_FWD]->packed_bytes(&l->conv, CONV_FWD));
    if (backward)
        l->packed[CONV_BWD_DATA] = take(plan, SCRATCH, l->variant[CONV_BWD_DATA]->packed_bytes(&l->conv, CONV_BWD_DATA));
}

/* What the layer keeps from forward to backward beside its output. */
static void place_state(struct plan *plan, int i)
{
    const struct layer *what = &plan->net.layers[i];
    struct planned *l = &plan->layers[i];
    size_t count = elements(what->out) * (size_t)image_blocks(plan->batch) * LANES;
    if (what->kind == LAYER_POOL && what->pool.kind == POOL_MAX)
        l->which = take(plan, ACTIVATIONS, count);
    if (what->kind == LAYER_DROPOUT)
        l->kept = take(plan, ACTIVATIONS, count / LANES * sizeof *l->kept);
    if (what->kind == LAYER_BATCHNORM) {
        l->mean = take_reals(plan, ACTIVATIONS, (size_t)what->in.c);
        l->variance = take_reals(plan, ACTIVATIONS, (size_t)what->in.c);
    }
}

static void place_layers(struct plan *plan)
{
    for (int i = 0; i < plan->net.count; i++) {
        const struct layer *what = &plan->net.layers[i];
        struct planned *l = &plan->layers[i];
        l->x = value_at(plan, i - 1);
        l->y = value_at(plan, i);
        l->skip = what->kind == LAYER_ADD ? value_at(plan, i - what->add.back) : NULL;
        l->dy = gradient_at(plan, i);
        l->dx = gradient_at(plan, i - 1);
        if (what->kind == LAYER_CONV)
            place_packed(plan, i);
        if (plan->training)
            place_state(plan, i);
    }
}

/* Scratch that layers share one after another: the largest wins. */
static void measure_layer(struct plan *plan, int i)
{
    const struct planned *l = &plan->layers[i];
    const int blocks = image_blocks(plan->batch);
    size_t partials = 0, worker = 0;
    if (plan->net.layers[i].kind == LAYER_CONV) {
        struct conv wave = l->conv;
        wave.n = (blocks < l->wave ? blocks : l->wave) * LANES;
        for (int d = 0; d < (plan->training ? CONV_DIRECTIONS : 1); d++)
            worker = larger(worker, l->variant[d]->scratch_bytes(&l->conv));
        partials = (size_t)conv_chunks(l->variant[CONV_BWD_WEIGHTS], &wave) * plan_stride(plan, i);
    } else if (plan->net.layers[i].kind == LAYER_DENSE) {
        struct dense wave = l->dense;
        wave.n = (blocks < WAVE_BLOCKS ? blocks : WAVE_BLOCKS) * LANES;
        worker = plan->training ? dense_scratch_bytes(&wave) : 0;
        partials = plan_stride(plan, i);
    } else if (plan->net.layers[i].kind == LAYER_BATCHNORM) {
        size_t channels = round16((size_t)l->batchnorm.c);
        partials = (size_t)batchnorm_chunks(&l->batchnorm) * 2 * channels;
        plan->channels = larger(plan->channels, channels);
    }
    plan->partial_count = larger(plan->partial_count, plan->training ? partials : 0);
    plan->worker_bytes = larger(plan->worker_bytes, worker);
}

static void place_scratch(struct plan *plan)
{
    for (int i = 0; i < plan->net.count; i++)
        measure_layer(plan, i);
    plan->partials = take_reals(plan, SCRATCH, plan->partial_count);
    plan->coefficients = take_reals(plan, SCRATCH, 3 * plan->channels);
    plan->sums = take_reals(plan, SCRATCH, 4 * plan->channels);
    for (int i = 0; i < plan->workers; i++)
        plan->worker_scratch[i] = take(plan, SCRATCH, plan->worker_bytes);
}

static void walk(struct plan *plan)
{
    place_parameters(plan);
    place_buffers(plan);
    place_layers(plan);
    place_scratch(plan);
}

/* Padding between tensors must be zero and stay so; optimizer state starts at zero. */
static void clear(struct plan *plan)
{
    memset(plan->parameters, 0, plan->trained * sizeof(real));
    memset(plan->statistic, 0, plan->statistics * sizeof(real));
    if (plan->training)
        memset(plan->gradients, 0, plan->trained * sizeof(real));
    for (int i = 0; plan->training && i < plan->optimizer_slots; i++)
        memset(plan->slots[i], 0, plan->trained * sizeof(real));
}

static int place(struct plan *plan, struct why *why)
{
    walk(plan);
    for (int i = 0; i < FAMILIES; i++) {
        int code = arena_open(&plan->arenas[i], family_names[i], plan->measured[i], why);
        if (code != 0)
            return code;
    }
    plan->placing = true;
    walk(plan);
    for (int i = 0; i < FAMILIES; i++)
        assert(plan->arenas[i].used == plan->arenas[i].size);
    clear(plan);
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
    *p = (struct plan){ .net = *net, .batch = o->batch, .workers = workers, .optimizer_slots = o->optimizer_slots, .training = o->training,
        .team = o->team, .kernels = kernels_of((enum isa)isa_best(o->isas)), .worker_scratch = scratch, .stale = stale };
    code = net_check(&p->net, why);
    if (code == 0)
        code = choose(p, o, why);
    if (code == 0)
        code = place(p, why);
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
    free(plan);
}
