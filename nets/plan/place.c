/* SPDX-License-Identifier: MIT
 * Memory of a plan. One walk over the layers both measures and places: it runs twice, first adding up what it would take, then taking it
 * from arenas of exactly that size, so the two cannot disagree. */
#include "internal.h"

#include <assert.h>
#include <string.h>

static const char *const family_names[FAMILIES] = { "parameters", "gradients", "optimizer", "activations", "scratch" };

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* ---- measuring and placing --------------------------------------------------------------------------------------------------------- */

void *plan_take(struct plan *plan, enum family family, size_t bytes)
{
    assert(family < FAMILIES);
    if (plan->placing) return arena_take(&plan->arenas[family], bytes);
    plan->measured[family] += arena_room(bytes);
    return NULL;
}

static real *take_reals(struct plan *plan, enum family family, size_t count) { return plan_take(plan, family, count * sizeof(real)); }

static void place_parameters(struct plan *plan)
{
    plan->parameters = take_reals(plan, PARAMETERS, plan->trained);
    plan->statistic = take_reals(plan, PARAMETERS, plan->statistics);
    if (!plan->training) return;
    plan->gradients = take_reals(plan, GRADIENTS, plan->trained);
    for (int i = 0; i < plan->optimizer_slots; i++) plan->slots[i] = take_reals(plan, OPTIMIZER, plan->trained);
}

static void place_buffers(struct plan *plan)
{
    assert(plan->at_once >= 1);
    assert(plan->at_once <= plan->batch);
    const struct buffers *b = &plan->buffers;
    const size_t images = (size_t)image_blocks(plan->batch) * LANES, at_once = (size_t)image_blocks(plan->at_once) * LANES;
    plan->input = take_reals(plan, ACTIVATIONS, shape_values(plan->net.in) * images);
    if (plan->at_once < plan->batch)
        plan->logits = take_reals(plan, ACTIVATIONS, shape_values(plan->net.layers[plan->net.count - 1].out) * images);
    plan->losses = take_reals(plan, ACTIVATIONS, images);
    plan->labels = plan_take(plan, ACTIVATIONS, images);
    plan->predicted = plan_take(plan, ACTIVATIONS, images);
    const size_t own = (size_t)plan->workers * LANES;
    for (int i = 0; i < b->values; i++)
        plan->values[i] = plan_take(plan, ACTIVATIONS, b->value_size[i] * (b->value_local[i] ? own : at_once));
    for (int i = 0; i < b->gradients; i++)
        plan->value_gradients[i] = plan_take(plan, ACTIVATIONS, b->gradient_size[i] * (b->gradient_local[i] ? own : at_once));
}

/* The images under way, or a buffer; NULL while memory is measured. */
static real *value_at(const struct plan *plan, int layer)
{
    int buffer = layer < 0 ? INPUT_BUFFER : plan->buffers.value[layer];
    if (buffer != INPUT_BUFFER) return plan->values[buffer];
    return plan->input ? plan->input + block_at(plan->pass.first, plan->net.in) : NULL;
}

static real *gradient_at(const struct plan *plan, int layer)
{
    int buffer = layer < 0 ? NO_BUFFER : plan->buffers.gradient[layer];
    return buffer == NO_BUFFER ? NULL : plan->value_gradients[buffer];
}

void plan_place_values(struct plan *plan, int i)
{
    struct planned *l = &plan->layers[i];
    l->x = value_at(plan, l->from);
    l->y = value_at(plan, i);
    l->skip = layer_row(plan->net.layers[i].kind)->source ? value_at(plan, net_source(&plan->net, i)) : NULL;
}

static void place_layers(struct plan *plan)
{
    for (int i = 0; i < plan->net.count; i++) {
        struct planned *l = &plan->layers[i];
        const struct layer_row *row = layer_row(plan->net.layers[i].kind);
        plan_place_values(plan, i);
        l->dy = gradient_at(plan, i);
        l->dx = gradient_at(plan, i - 1);
        if (row->place) row->place(plan, i);
    }
}

/* Scratch that layers share one after another: the largest wins. */
static void measure_layer(struct plan *plan, int i)
{
    const struct layer_row *row = layer_row(plan->net.layers[i].kind);
    const size_t partials = plan->training ? plan->layers[i].partial + plan_partials(plan, i) : 0;
    plan->partial_count = larger(plan->partial_count, partials);
    plan->worker_bytes = larger(plan->worker_bytes, row->worker_bytes ? row->worker_bytes(plan, i) : 0);
}

static void measure_staging(struct plan *plan)
{
    for (int i = 0; i < plan->net.count; i++)
        plan->staging_bytes = larger(plan->staging_bytes, (plan->layers[i].chunk_dy + plan->layers[i].chunk_x) * sizeof(real));
    for (int pass = 0; pass < PASSES; pass++)
        for (int i = 0; i < plan->schedule[pass].stages; i++)
            plan->staging_bytes = larger(plan->staging_bytes, plan->schedule[pass].stage[i].staging.floats * sizeof(real));
}

static void place_scratch(struct plan *plan)
{
    for (int i = 0; i < plan->net.count; i++) measure_layer(plan, i);
    measure_staging(plan);
    plan->worker_bytes = (plan->worker_bytes + 63) / 64 * 64;
    plan->partials = take_reals(plan, SCRATCH, plan->partial_count);
    plan->sums = take_reals(plan, SCRATCH, 4 * plan->channels);
    for (int i = 0; i < plan->workers; i++) plan->worker_scratch[i] = plan_take(plan, SCRATCH, plan->worker_bytes + plan->staging_bytes);
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
    assert(plan->parameters);
    memset(plan->parameters, 0, plan->trained * sizeof(real));
    memset(plan->statistic, 0, plan->statistics * sizeof(real));
    if (plan->training) memset(plan->gradients, 0, plan->trained * sizeof(real));
    for (int i = 0; plan->training && i < plan->optimizer_slots; i++) memset(plan->slots[i], 0, plan->trained * sizeof(real));
}

int plan_place(struct plan *plan, struct why *why)
{
    assert(!plan->placing);
    walk(plan);
    for (int i = 0; i < FAMILIES; i++) {
        int code = arena_open(&plan->arenas[i], family_names[i], plan->measured[i], why);
        if (code != 0) return code;
    }
    plan->placing = true;
    walk(plan);
    for (int i = 0; i < FAMILIES; i++) assert(plan->arenas[i].used == plan->arenas[i].size);
    clear(plan);
    return 0;
}
