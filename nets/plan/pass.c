/* SPDX-License-Identifier: MIT
 * A training step: forward through the groups of stages, loss, backward through theirs, one optimizer call over all parameters.
 * What a pass needs to know (how many images, which mode) stands in plan->pass; the problems' n is set from it once. */
#include "internal.h"

#include <assert.h>
#include <string.h>

/* ---- before a pass ----------------------------------------------------------------------------------------------------------------- */

struct packing {
    struct plan *plan;
    int first;
}; /* direction of the first layers; then come those of the other */

static void pack_layers(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct packing *p = context;
    for (int unit = begin; unit < end; unit++) {
        const int i = unit % p->plan->net.count;
        const enum conv_direction direction = (enum conv_direction)(p->first + unit / p->plan->net.count);
        if (p->plan->layers[i].packed[direction]) layer_row(p->plan->net.layers[i].kind)->pack(p->plan, i, direction);
    }
}

/* Once per change of weights, whichever pass asks first; a training pass for both directions at once, so that two workers share what one
 * layer has most of: backward finds its own ready. */
static void pack(struct plan *plan, bool training)
{
    const bool *stale = plan->stale;
    const int first = stale[CONV_FWD] ? CONV_FWD : CONV_BWD_DATA, end = training && stale[CONV_BWD_DATA] ? CONV_BWD_DATA : CONV_FWD;
    if (first > end) return;
    struct packing packing = { plan, first };
    team_run(plan->team, (end - first + 1) * plan->net.count, pack_layers, &packing);
    for (int direction = first; direction <= end; direction++) plan->stale[direction] = false;
    watched(plan, -1, PART_PACK);
}

/* ---- loss -------------------------------------------------------------------------------------------------------------------------- */

struct loss_job {
    struct plan *plan;
    struct loss loss;
    real *dz;
};

static void loss_blocks(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct loss_job *j = context;
    struct plan *p = j->plan;
    p->kernels->loss->softmax_xent(&j->loss, (struct span){ begin, end }, plan_logits(p), p->labels, p->losses, p->best, j->dz);
}

/* The kernel takes lanes from scale_n on for dead. In a micro-batch those from n on are dead, too: they are cleared here, so that a live
 * image's numbers are exactly what they are in the whole batch. */
static void clear_dead(struct plan *plan, real *dz, int classes)
{
    const int n = plan->pass.n, block = image_blocks(n) - 1;
    for (int lane = n - block * LANES; lane < LANES; lane++) {
        plan->losses[block * LANES + lane] = 0;
        for (int k = 0; k < classes; k++) dz[((size_t)block * (size_t)classes + (size_t)k) * LANES + (size_t)lane] = 0;
    }
}

static void make_loss(struct plan *plan, int scale_n, real *dz)
{
    const int classes = plan->net.layers[plan->net.count - 1].out.c;
    struct loss_job job = { plan, { scale_n, classes }, dz };
    team_run(plan->team, image_blocks(plan->pass.n), loss_blocks, &job);
    if (dz && scale_n != plan->pass.n) clear_dead(plan, dz, classes);
    watched(plan, -1, PART_LOSS);
}

/* ---- passes ------------------------------------------------------------------------------------------------------------------------ */

void plan_forward(struct plan *plan, int n, bool training, struct pass_key key)
{
    assert(n >= 1 && n <= plan->batch);
    assert(!training || plan->training);
    plan->pass.n = n;
    plan->pass.training = training;
    plan->pass.key = key;
    for (int i = 0; i < plan->net.count; i++) planned_images(&plan->layers[i], plan->net.layers[i].kind, n);
    pack(plan, training);
    for (int i = 0; i < plan->net.count && !training; i++)
        if (layer_row(plan->net.layers[i].kind)->before_inference) layer_row(plan->net.layers[i].kind)->before_inference(plan, i);
    const enum pass pass = training ? TRAINING_PASS : INFERENCE_PASS;
    for (int g = 0; g < plan->schedule[pass].groups; g++) group_run(plan, pass, g);
    make_loss(plan, n, training ? plan->layers[plan->net.count - 1].dy : NULL);
}

void plan_backward_begin(struct plan *plan, int n, int scale_n, bool accumulate, struct pass_key key)
{
    assert(plan->pass.training && plan->pass.n == n && scale_n >= n);
    assert(plan->pass.key.seed == key.seed && plan->pass.key.step == key.step && plan->pass.key.part == key.part);
    (void)key;
    const int last = plan->net.count - 1;
    plan->pass.accumulate = accumulate;
    if (plan->layers[last].dy && scale_n != n) make_loss(plan, scale_n, plan->layers[last].dy);
}

/* SKIPS of the layer below belong to the layer that hands it its gradient. */
void plan_backward_layer(struct plan *plan, int layer)
{
    assert(layer >= plan->buffers.lowest && layer < plan->net.count);
    const struct schedule *s = &plan->schedule[BACKWARD_PASS];
    for (int g = 0; g < s->groups; g++) {
        const struct stage stage = s->stage[s->group[g].first];
        assert(s->group[g].count == 1);
        if (stage.layer + (stage.work == WORK_SKIPS) == layer) group_run(plan, BACKWARD_PASS, g);
    }
}

void plan_backward(struct plan *plan, int n, int scale_n, bool accumulate, struct pass_key key)
{
    plan_backward_begin(plan, n, scale_n, accumulate, key);
    for (int g = 0; g < plan->schedule[BACKWARD_PASS].groups; g++) group_run(plan, BACKWARD_PASS, g);
}

struct step_job {
    struct plan *plan;
    const struct optimizer *optimizer;
};

static void step_vectors(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct step_job *j = context;
    struct plan *p = j->plan;
    p->kernels->optimizer->step(j->optimizer, (struct span){ begin, end }, p->parameters, p->gradients, p->slots[0], p->slots[1]);
}

void plan_step(struct plan *plan, const struct optimizer *o)
{
    assert(plan->training);
    assert(plan->optimizer_slots >= (o->kind != OPTIMIZER_SGD ? 2 : o->momentum > 0 ? 1 : 0));
    struct step_job job = { plan, o };
    team_run(plan->team, (int)(plan->trained / LANES), step_vectors, &job);
    plan_changed(plan);
    watched(plan, -1, PART_STEP);
}

void plan_watch(struct plan *plan, plan_watch_fn *watch, void *context)
{
    plan->watch = watch;
    plan->watch_context = context;
}
