/* SPDX-License-Identifier: MIT
 * From a net to variants, groups of stages, phases, buffers and memory (schedule.c, phases.c, buffers.c, place.c). Trained tensors lie in
 * one piece in net order, each padded with zeros to whole vectors, gradients and optimizer state at the same offsets: a step is one call
 * over all of it. */
#include "internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../layers/tiles.h"

/* ---- tensors ----------------------------------------------------------------------------------------------------------------------- */

static void add_tensor(struct plan *plan, int layer, const struct tensor_row *row)
{
    assert(row->rank >= 1);
    assert(row->rank <= 4);
    assert(plan->tensors < MAX_TENSORS);
    struct placed *p = &plan->tensor[plan->tensors++];
    size_t *end = row->trained ? &plan->trained : &plan->statistics;
    *p = (struct placed){
        .tensor = { .rank = row->rank, .count = 1, .trained = row->trained }, .offset = *end, .drawn = row->drawn, .start = row->start
    };
    snprintf(p->tensor.name, sizeof p->tensor.name, "%d.%s.%s", layer, layer_row(plan->net.layers[layer].kind)->name, row->name);
    for (int i = 0; i < row->rank; i++) {
        p->tensor.extent[i] = row->extent[i];
        p->tensor.count *= (size_t)row->extent[i];
    }
    *end += round16(p->tensor.count);
    plan->layers[layer].tensors++;
}

static void add_tensors(struct plan *plan, int layer)
{
    const struct layer *l = &plan->net.layers[layer];
    struct tensor_row list[LAYER_TENSORS + 1] = { { .name = NULL } };
    plan->layers[layer].tensor = plan->tensors;
    if (layer_row(l->kind)->tensors) layer_row(l->kind)->tensors(l, list);
    for (const struct tensor_row *row = list; row->name; row++) add_tensor(plan, layer, row);
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
    const struct layer_row *row = layer_row(plan->net.layers[layer].kind);
    return row->partials ? row->partials(plan, layer) : 0;
}

/* ---- choosing ---------------------------------------------------------------------------------------------------------------------- */

/* ReLU after max-pool makes the numbers that it makes before it out of a fraction as many, and the larger map is not kept for its signs.
 * Where a window has nothing above zero the pool chooses another of its pixels, whose gradient is zero all the same. The two orders may
 * differ in what they make of a NaN. */
static void relu_after_pool(struct net *net)
{
    for (int i = 0; i + 1 < net->count; i++) {
        const struct layer first = net->layers[i], second = net->layers[i + 1];
        const struct layer_row *relu = layer_row(first.kind), *pool = layer_row(second.kind);
        if (!relu->keeps_order || !relu->keeps_order(&first) || !pool->only_maxima || !pool->only_maxima(&second) || net_is_source(net, i))
            continue;
        net->layers[i] = second;
        net->layers[i + 1] = first;
        net->layers[i + 1].in = net->layers[i + 1].out = second.out;
    }
}

static int choose(struct plan *plan, const struct plan_options *o, struct why *why)
{
    int seen[LAYER_KINDS] = { 0 };
    char word[96];
    for (int i = 0; i < plan->net.count; i++) {
        const struct layer *what = &plan->net.layers[i];
        struct planned *l = &plan->layers[i];
        const struct layer_row *row = layer_row(what->kind);
        const char *wrong = row->problem ? row->problem(&plan->net, i, o->batch, l) : NULL;
        if (wrong)
            return why_fail(why, -EINVAL, "plan: layer %d \"%s\" gets %dx%dx%d at batch %d: %s", i, layer_print(what, word, sizeof word),
                            what->in.c, what->in.h, what->in.w, o->batch, wrong);
        l->ordinal = seen[what->kind]++;
        add_tensors(plan, i);
        const int code = row->choose ? row->choose(plan, i, o, why) : 0;
        if (code != 0) return code;
    }
    return 0;
}

/* Images that a course takes at a time: a wave, where none depends on the others, nor on its place in the batch as dropout's do. */
static int images_at_once(const struct net *net, int batch)
{
    assert(batch >= 1);
    bool whole = net_mixes_images(net);
    for (int i = 0; i < net->count; i++) whole |= layer_row(net->layers[i].kind)->whole_output;
    return whole || batch < PLAN_WAVE ? batch : PLAN_WAVE;
}

/* Blocks under way where something is made at one entry and read last at another of the same phase; else 0. */
static int own_blocks(const struct sharing *s, int course, int made, int used)
{
    return made >= 0 && used >= 0 && s->phase[course][made] == s->phase[course][used] ? s->blocks[course][made] : 0;
}

/* Lines that no other phase reads are a worker's own. */
static void share_lines(struct plan *plan, const struct sharing *s, int i)
{
    struct planned *l = &plan->layers[i];
    const int inference = own_blocks(s, INFERENCE_PASS, s->lines[INFERENCE_PASS][i], s->value[INFERENCE_PASS][i]);
    const int training = own_blocks(s, TRAINING_PASS, s->lines[TRAINING_PASS][i], s->weights[i]);
    const int most = training > inference ? training : inference;
    l->lines_own = inference == 0 || (plan->training && training == 0) ? 0 : most;
    l->dlines_own = own_blocks(s, TRAINING_PASS, s->dlines[i], s->gradient[i]);
}

static int arrange(struct plan *plan, const struct plan_options *o, struct why *why)
{
    plan->at_once = images_at_once(&plan->net, o->batch);
    assert(plan->at_once <= plan->batch);
    for (int i = 0; i < plan->net.count; i++) planned_images(&plan->layers[i], plan->net.layers[i].kind, plan->at_once);
    plan->by_block = !o->no_fuse && !o->no_blocks && units_balance(plan, 1) >= 0.8;
    plan->recompute = !o->no_fuse && !o->no_recompute;
    if (!o->no_fuse) storage_choose(plan);
    read_through(plan);
    if (!o->no_fuse) gates_choose(plan);
    const int code = schedules_build(plan, !o->no_fuse, why);
    if (code != 0) return code;
    courses_build(plan);
    struct sharing sharing = { .loss = -1 };
    courses_share(plan, &sharing);
    for (int i = 0; i < plan->net.count && plan->training; i++) {
        const int made = sharing.value[TRAINING_PASS][i], used = sharing.gradient[i];
        if (made >= 0 && used >= 0 && sharing.phase[TRAINING_PASS][made] == sharing.phase[TRAINING_PASS][used])
            plan->layers[i].own_blocks = sharing.blocks[TRAINING_PASS][made];
    }
    for (int i = 0; i < plan->net.count; i++) share_lines(plan, &sharing, i);
    buffers_assign(&plan->net, plan->training, &sharing, &plan->buffers);
    return 0;
}

/* ---- opening and closing ----------------------------------------------------------------------------------------------------------- */

static int check_options(const struct plan_options *o, struct why *why)
{
    char isas[128];
    if (o->batch < 1) return why_fail(why, -EINVAL, "plan: a batch of %d images; take 1 or more", o->batch);
    if (isa_best(o->isas) < 0)
        return why_fail(why, -EINVAL, "plan: none of the instruction sets allowed (%s) is built in; allow scalar or portable",
                        isa_list(o->isas, isas, sizeof isas));
    if (o->precision == PRECISION_BF16 && !tiles_of(o->isas))
        return why_fail(why, -EINVAL, "plan: bf16 has no reference implementation, and %s is all that is allowed; allow portable, too",
                        isa_list(o->isas, isas, sizeof isas));
    return 0;
}

int net_plan(const struct net *net, const struct plan_options *o, struct plan **plan, struct why *why)
{
    assert(net);
    assert(o);
    assert(plan);
    assert(o->optimizer_slots >= 0);
    assert(o->optimizer_slots <= 2);
    *plan = NULL;
    assert(o->workers >= 0);
    int code = check_options(o, why), workers = o->workers > team_workers(o->team) ? o->workers : team_workers(o->team);
    if (code != 0) return code;
    struct plan *p = calloc(1, sizeof *p);
    real **scratch = calloc((size_t)workers, sizeof *scratch);
    bool *stale = calloc(2, sizeof *stale);
    if (!p || !scratch || !stale) {
        free(p), free(scratch), free(stale);
        return why_fail(why, -ENOMEM, "plan: no memory for the plan itself");
    }
    *p = (struct plan){ .given = *net,
                        .batch = o->batch,
                        .workers = workers,
                        .optimizer_slots = o->optimizer_slots,
                        .training = o->training,
                        .team = o->team,
                        .kernels = kernels_of((enum isa)isa_best(o->isas)),
                        .tiles = o->precision == PRECISION_BF16 ? tiles_of(o->isas) : NULL,
                        .worker_scratch = scratch,
                        .stale = stale };
    code = net_check(&p->given, why);
    if (code == 0 && o->training) code = net_check_batch(&p->given, o->batch, why);
    p->net = p->given;
    if (!o->no_fuse) relu_after_pool(&p->net);
    if (code == 0) code = choose(p, o, why);
    if (code == 0) code = arrange(p, o, why);
    if (code == 0) code = plan_place(p, why);
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
    if (!plan) return;
    for (int i = 0; i < FAMILIES; i++) arena_close(&plan->arenas[i]);
    free(plan->worker_scratch);
    free(plan->stale);
    free(plan->numbers);
    free(plan);
}
