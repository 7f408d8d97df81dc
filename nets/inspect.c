/* SPDX-License-Identifier: MIT
 * A plan as others see it: its tensors, its inputs and results, and its layout in print. */
#include "plan.h"

#include <assert.h>
#include <stdio.h>

const struct net *plan_net(const struct plan *plan)
{
    return &plan->net;
}

enum isa plan_isa(const struct plan *plan)
{
    return plan->kernels->isa;
}

struct plan_bytes plan_bytes(const struct plan *plan)
{
    const struct arena *a = plan->arenas;
    return (struct plan_bytes){ a[PARAMETERS].size, a[GRADIENTS].size, a[OPTIMIZER].size, a[ACTIVATIONS].size, a[SCRATCH].size };
}

/* ---- tensors ----------------------------------------------------------------------------------------------------------------------- */

int plan_tensors(const struct plan *plan)
{
    return plan->tensors;
}

struct tensor plan_tensor(const struct plan *plan, int i)
{
    assert(i >= 0 && i < plan->tensors);
    struct tensor t = plan->tensor[i].tensor;
    size_t offset = plan->tensor[i].offset;
    t.value = (t.trained ? plan->parameters : plan->statistic) + offset;
    t.gradient = t.trained && plan->training ? plan->gradients + offset : NULL;
    plan_changed(plan);
    return t;
}

void plan_changed(const struct plan *plan)
{
    plan->stale[CONV_FWD] = plan->stale[CONV_BWD_DATA] = true;
}

real *plan_optimizer_slot(const struct plan *plan, int slot, int i)
{
    assert(i >= 0 && i < plan->tensors);
    assert(slot >= 0);
    bool there = plan->training && plan->tensor[i].tensor.trained && slot < plan->optimizer_slots;
    return there ? plan->slots[slot] + plan->tensor[i].offset : NULL;
}

/* ---- inputs and results ------------------------------------------------------------------------------------------------------------ */

real *plan_input(struct plan *plan)
{
    return plan->input;
}

uint8_t *plan_labels(struct plan *plan)
{
    return plan->labels;
}

const real *plan_losses(const struct plan *plan)
{
    return plan->losses;
}

const uint8_t *plan_best(const struct plan *plan)
{
    return plan->best;
}

const real *plan_output(const struct plan *plan, int layer)
{
    assert(layer >= 0 && layer < plan->net.count);
    return plan->layers[layer].y;
}

int plan_lowest(const struct plan *plan)
{
    return plan->buffers.lowest;
}

real *plan_output_gradient(const struct plan *plan, int layer)
{
    assert(layer >= 0 && layer < plan->net.count);
    return plan->layers[layer].dy;
}

const real *plan_logits(const struct plan *plan)
{
    return plan_output(plan, plan->net.count - 1);
}

/* ---- print ------------------------------------------------------------------------------------------------------------------------- */

/* Of a convolution: one name, or with a slash between forward, backward-data and backward-weights where they differ. */
static const char *algorithm_of(const struct plan *plan, int i, char text[96])
{
    const struct kernels *k = plan->kernels;
    const struct conv_variant *const *v = plan->layers[i].variant;
    switch (plan->net.layers[i].kind) {
    case LAYER_CONV:
        if (!plan->training || (v[CONV_FWD] == v[CONV_BWD_DATA] && v[CONV_FWD] == v[CONV_BWD_WEIGHTS]))
            return v[CONV_FWD]->head.algo;
        snprintf(text, 96, "%s/%s/%s", v[CONV_FWD]->head.algo, v[CONV_BWD_DATA]->head.algo, v[CONV_BWD_WEIGHTS]->head.algo);
        return text;
    case LAYER_POOL: return k->pool->head.algo;
    case LAYER_DENSE: return k->dense->head.algo;
    case LAYER_BATCHNORM: return k->batchnorm->head.algo;
    case LAYER_ACTIVATION: return k->activation->head.algo;
    case LAYER_DROPOUT: return k->dropout->head.algo;
    case LAYER_ADD: return k->add->head.algo;
    }
    return "";
}

static const char *buffer_name(int buffer, const char *letter, char text[16])
{
    if (buffer == NO_BUFFER)
        snprintf(text, 16, "-");
    else if (buffer == INPUT_BUFFER)
        snprintf(text, 16, "input");
    else
        snprintf(text, 16, "%s%d", letter, buffer);
    return text;
}

static void print_layer(const struct plan *plan, int i, FILE *out)
{
    const struct planned *l = &plan->layers[i];
    const struct shape s = plan->net.layers[i].out;
    enum isa isa = l->variant[CONV_FWD] ? l->variant[CONV_FWD]->head.isa : plan->kernels->isa;
    char word[96], shape[40], algo[96], variant[128], y[16], dy[16];
    snprintf(shape, sizeof shape, "%dx%dx%d", s.c, s.h, s.w);
    snprintf(variant, sizeof variant, "%s/%s", isa_name(isa), algorithm_of(plan, i, algo));
    bool in_place = i > 0 && plan->buffers.value[i] == plan->buffers.value[i - 1];
    fprintf(out, "%4d  %-24s  %-14s  %-20s  %-6s %-9s %-6s", i, layer_print(&plan->net.layers[i], word, sizeof word), shape, variant,
            buffer_name(plan->buffers.value[i], "y", y), in_place ? "in place" : "", buffer_name(plan->buffers.gradient[i], "dy", dy));
    for (int t = 0; t < l->tensors; t++)
        fprintf(out, " %s@%zu", plan->tensor[l->tensor + t].tensor.name, plan->tensor[l->tensor + t].offset);
    fputc('\n', out);
}

void plan_print(const struct plan *plan, void *file)
{
    assert(plan && file);
    FILE *out = file;
    const struct buffers *b = &plan->buffers;
    size_t images = (size_t)image_blocks(plan->batch) * LANES;
    fprintf(out, "plan for %s, batch %d, %s, %d worker%s\n", plan->training ? "training" : "inference", plan->batch,
            isa_name(plan->kernels->isa), plan->workers, plan->workers > 1 ? "s" : "");
    fprintf(out, "   #  %-24s  %-14s  %-20s  %-6s %-9s %-6s %s\n", "layer", "output", "variant", "y", "", "dy", "tensors@element");
    for (int i = 0; i < plan->net.count; i++)
        print_layer(plan, i, out);
    for (int i = 0; i < b->values; i++)
        fprintf(out, "y%-3d %14zu bytes\n", i, b->value_size[i] * images * sizeof(real));
    for (int i = 0; i < b->gradients; i++)
        fprintf(out, "dy%-2d %14zu bytes\n", i, b->gradient_size[i] * images * sizeof(real));
    for (int i = 0; i < FAMILIES; i++)
        fprintf(out, "%-12s %14zu bytes\n", plan->arenas[i].name, plan->arenas[i].size);
}
