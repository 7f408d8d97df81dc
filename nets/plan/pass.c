/* SPDX-License-Identifier: MIT
 * A training step: forward through the groups of stages, loss, backward through theirs, one optimizer call over all parameters.
 * What a pass needs to know (how many images, which mode) stands in plan->pass; the problems' n is set from it once. */
#include "internal.h"

#include <assert.h>
#include <string.h>
#include "../layers/tiles.h"

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

/* The kernel takes lanes from scale_n on for dead. In a micro-batch those from n on are dead, too: they are cleared here, so that a live
 * image's numbers are exactly what they are in the whole batch. */
static void clear_dead(const struct loss_job *j)
{
    const struct plan *plan = j->plan;
    const int n = plan->pass.n, block = image_blocks(n) - 1;
    for (int lane = n - block * LANES; lane < LANES; lane++) {
        plan->losses[(plan->pass.first + block) * LANES + lane] = 0;
        for (int k = 0; k < j->loss.k && j->dz; k++) j->dz[((size_t)block * (size_t)j->loss.k + (size_t)k) * LANES + (size_t)lane] = 0;
    }
}

/* Of blocks of the images under way. */
static void loss_blocks(void *context, int begin, int end)
{
    const struct loss_job *j = context;
    const struct plan *p = j->plan;
    const size_t first = (size_t)p->pass.first * LANES, row = (size_t)j->loss.k * LANES;
    const real *z = p->layers[p->net.count - 1].y;
    p->kernels->loss->softmax_xent(&j->loss, (struct span){ begin, end }, z, p->labels + first, p->losses + first, p->predicted + first,
                                   j->dz);
    if (p->tiles && j->dz) tiles_round(p, (struct span){ begin * j->loss.k, end * j->loss.k }, j->dz);
    if (p->logits)
        memcpy(p->logits + first * (size_t)j->loss.k + (size_t)begin * row, z + (size_t)begin * row,
               (size_t)(end - begin) * row * sizeof *z);
    if (end == image_blocks(p->pass.n) && j->loss.n != p->pass.n) clear_dead(j);
}

static void loss_units(void *context, int begin, int end, int worker)
{
    (void)worker;
    loss_blocks(context, begin, end);
}

static struct loss_job loss_of(struct plan *plan, int scale_n)
{
    const int last = plan->net.count - 1;
    return (struct loss_job){ plan, { scale_n, plan->net.layers[last].out.c }, plan->pass.training ? plan->layers[last].dy : NULL };
}

static void make_loss(struct loss_job *job)
{
    team_run(job->plan->team, image_blocks(job->plan->pass.n), loss_units, job);
    watched(job->plan, -1, PART_LOSS);
}

/* ---- passes ------------------------------------------------------------------------------------------------------------------------ */

/* From here on the batch is n of its images, from block `first` on. */
static void take_images(struct plan *plan, int first, int n)
{
    plan->pass.n = n;
    plan->pass.first = first;
    for (int i = 0; i < plan->net.count; i++) {
        planned_images(&plan->layers[i], plan->net.layers[i].kind, n);
        plan_place_values(plan, i);
    }
}

/* Entries [begin, end) of the course. */
static void run_entries(struct plan *plan, int begin, int end, int scale_n)
{
    const struct course *c = &plan->course[plan->pass.training ? TRAINING_PASS : INFERENCE_PASS];
    struct loss_job loss = loss_of(plan, scale_n);
    for (int p = 0; p < c->phases; p++) {
        const struct phase *phase = &c->phase[p];
        const int first = phase->first < begin ? begin : phase->first, last = phase->first + phase->count;
        struct phase_run run = { plan, c, first, last < end ? last : end, phase->lot, loss_blocks, &loss };
        if (run.begin >= run.end) continue;
        if (phase->lot > 0) phase_run(&run);
        else if (c->entry[first].group == LOSS_ENTRY) make_loss(&loss);
        else group_run(plan, c->entry[first].pass, c->entry[first].group);
    }
}

static void round_input(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct plan *plan = context;
    const struct shape in = plan->net.in;
    tiles_round(plan, row_vectors((struct span){ begin * in.h, end * in.h }, in), plan->input);
}

static void begin_pass(struct plan *plan, int n, bool training, struct pass_key key)
{
    assert(n >= 1);
    assert(n <= plan->batch);
    assert(!training || plan->training);
    plan->pass.training = training;
    plan->pass.key = key;
    pack(plan, training);
    if (plan->tiles) team_run(plan->team, image_blocks(n), round_input, plan);
    for (int i = 0; i < plan->net.count && !training; i++)
        if (layer_row(plan->net.layers[i].kind)->before_inference) layer_row(plan->net.layers[i].kind)->before_inference(plan, i);
}

void plan_forward(struct plan *plan, int n, bool training, struct pass_key key)
{
    begin_pass(plan, n, training, key);
    for (int done = 0; done < n; done += plan->at_once) {
        take_images(plan, done / LANES, n - done < plan->at_once ? n - done : plan->at_once);
        run_entries(plan, 0, plan->course[training ? TRAINING_PASS : INFERENCE_PASS].forward, n);
    }
}

void plan_gradients(struct plan *plan, int n, int scale_n, bool accumulate, struct pass_key key)
{
    assert(scale_n >= n);
    begin_pass(plan, n, true, key);
    for (int done = 0; done < n; done += plan->at_once) {
        take_images(plan, done / LANES, n - done < plan->at_once ? n - done : plan->at_once);
        plan->pass.accumulate = accumulate || done > 0;
        run_entries(plan, 0, plan->course[TRAINING_PASS].entries, scale_n);
    }
}

void plan_backward_begin(struct plan *plan, int n, int scale_n, bool accumulate, struct pass_key key)
{
    assert(plan->pass.training);
    assert(plan->pass.n == n);
    assert(plan->pass.first == 0);
    assert(scale_n >= n);
    assert(plan->pass.key.seed == key.seed);
    assert(plan->pass.key.step == key.step);
    assert(plan->pass.key.part == key.part);
    assert(!plan->by_block); /* else values were kept for the blocks under way alone */
    (void)key;
    plan->pass.accumulate = accumulate;
    struct loss_job loss = loss_of(plan, scale_n);
    if (loss.dz && scale_n != n) make_loss(&loss);
}

/* SKIPS of the layer below belong to the layer that hands it its gradient. */
void plan_backward_layer(struct plan *plan, int layer)
{
    assert(layer >= plan->buffers.lowest);
    assert(layer < plan->net.count);
    const struct schedule *s = &plan->schedule[BACKWARD_PASS];
    for (int g = 0; g < s->groups; g++) {
        const struct stage stage = s->stage[s->group[g].first];
        assert(s->group[g].count == 1);
        if (stage.layer + (stage.work == WORK_SKIPS) == layer) group_run(plan, BACKWARD_PASS, g);
    }
}

void plan_backward(struct plan *plan, int n, int scale_n, bool accumulate, struct pass_key key)
{
    const struct course *c = &plan->course[TRAINING_PASS];
    plan_backward_begin(plan, n, scale_n, accumulate, key);
    run_entries(plan, c->forward, c->entries, scale_n);
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
