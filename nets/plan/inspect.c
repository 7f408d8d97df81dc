/* SPDX-License-Identifier: MIT
 * A plan as others see it: its tensors, its inputs and results, and its layout in print. */
#include "internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "../layers/tiles.h"

const struct net *plan_net(const struct plan *plan) { return &plan->given; }

int plan_tiles(const struct plan *plan) { return plan->tiles ? (int)plan->tiles->head.isa : -1; }

struct plan_bytes plan_bytes(const struct plan *plan)
{
    const struct arena *a = plan->arenas;
    return (struct plan_bytes){ a[PARAMETERS].size, a[GRADIENTS].size, a[OPTIMIZER].size, a[ACTIVATIONS].size, a[SCRATCH].size };
}

/* ---- tensors ----------------------------------------------------------------------------------------------------------------------- */

int plan_tensors(const struct plan *plan) { return plan->tensors; }

struct tensor plan_tensor(const struct plan *plan, int i)
{
    assert(i >= 0);
    assert(i < plan->tensors);
    struct tensor t = plan->tensor[i].tensor;
    size_t offset = plan->tensor[i].offset;
    t.value = (t.trained ? plan->parameters : plan->statistic) + offset;
    t.gradient = t.trained && plan->training ? plan->gradients + offset : NULL;
    plan_changed(plan);
    return t;
}

void plan_changed(const struct plan *plan) { plan->stale[CONV_FWD] = plan->stale[CONV_BWD_DATA] = true; }

real *plan_optimizer_slot(const struct plan *plan, int slot, int i)
{
    assert(i >= 0);
    assert(i < plan->tensors);
    assert(slot >= 0);
    bool there = plan->training && plan->tensor[i].tensor.trained && slot < plan->optimizer_slots;
    return there ? plan->slots[slot] + plan->tensor[i].offset : NULL;
}

/* ---- inputs and results ------------------------------------------------------------------------------------------------------------ */

real *plan_input(struct plan *plan) { return plan->input; }

uint8_t *plan_labels(struct plan *plan) { return plan->labels; }

const real *plan_losses(const struct plan *plan) { return plan->losses; }

const uint8_t *plan_predicted(const struct plan *plan) { return plan->predicted; }

const real *plan_output(const struct plan *plan, int layer)
{
    assert(layer >= 0);
    assert(layer < plan->net.count);
    return layer == plan->net.count - 1 && plan->logits ? plan->logits : plan->layers[layer].y;
}

int plan_lowest(const struct plan *plan) { return plan->buffers.lowest; }

real *plan_output_gradient(const struct plan *plan, int layer)
{
    assert(layer >= 0);
    assert(layer < plan->net.count);
    return plan->layers[layer].dy;
}

const real *plan_logits(const struct plan *plan) { return plan_output(plan, plan->net.count - 1); }

/* ---- print ------------------------------------------------------------------------------------------------------------------------- */

static const char *buffer_name(int buffer, const char *letter, char text[16])
{
    if (buffer == NO_BUFFER) snprintf(text, 16, "-");
    else if (buffer == INPUT_BUFFER) snprintf(text, 16, "input");
    else snprintf(text, 16, "%s%d", letter, buffer);
    return text;
}

static void print_layer(const struct plan *plan, int i, FILE *out)
{
    const struct planned *l = &plan->layers[i];
    const struct shape s = plan->net.layers[i].out;
    enum isa isa = l->tiles ? l->tiles->head.isa : l->variant[CONV_FWD] ? l->variant[CONV_FWD]->head.isa : plan->kernels->isa;
    char word[96], shape[40], algo[96], variant[128], y[16], dy[16];
    snprintf(shape, sizeof shape, "%dx%dx%d", s.c, s.h, s.w);
    snprintf(variant, sizeof variant, "%s/%s", isa_name(isa), layer_row(plan->net.layers[i].kind)->algorithm(plan, i, algo));
    bool in_place = i > 0 && plan->buffers.value[i] == plan->buffers.value[i - 1];
    fprintf(out, "%4d  %-24s  %-14s  %-20s  %-6s %-9s %-6s", i, layer_print(&plan->net.layers[i], word, sizeof word), shape, variant,
            buffer_name(plan->buffers.value[i], "y", y), in_place ? "in place" : "", buffer_name(plan->buffers.gradient[i], "dy", dy));
    for (int t = 0; t < l->tensors; t++)
        fprintf(out, " %s@%zu", plan->tensor[l->tensor + t].tensor.name, plan->tensor[l->tensor + t].offset);
    fputc('\n', out);
}

static void print_buffer(const struct plan *plan, const char *letter, int i, size_t size, bool local, FILE *out)
{
    const size_t images = (size_t)(local ? plan->workers : image_blocks(plan->at_once)) * LANES;
    char name[16];
    fprintf(out, "%-4s %14zu bytes%s\n", buffer_name(i, letter, name), size * images, local ? ", each worker its share" : "");
}

/* A line per group of several stages: the layers, whose work it does in one go, and how. */
static void print_groups(const struct plan *plan, enum pass pass, FILE *out)
{
    static const char *const names[] = { "training", "inference", "backward" };
    static const char *const works[WORKS] = {
        [WORK_STATISTICS] = " statistics", [WORK_LINES] = " lines", [WORK_FORWARD] = "", [WORK_DLINES] = " lines",
        [WORK_WEIGHTS] = " weights",       [WORK_SUMS] = " sums",   [WORK_DATA] = "",    [WORK_SKIPS] = " skips"
    };
    const struct schedule *s = &plan->schedule[pass];
    char word[96];
    int alone = 0;
    for (int g = 0; g < s->groups; g++) {
        const struct group *group = &s->group[g];
        alone += group->alone;
        if (group->count == 1) continue;
        fprintf(out, "together, %s:", names[pass]);
        for (int i = 0; i < group->count; i++) {
            const struct stage stage = s->stage[group->first + i];
            fprintf(out, "%s %d %s%s", i ? "," : "", stage.layer, layer_print(&plan->net.layers[stage.layer], word, sizeof word),
                    works[stage.work]);
            if (stage.gate >= 0) fprintf(out, " %d %s", stage.gate, layer_print(&plan->net.layers[stage.gate], word, sizeof word));
        }
        fprintf(out, "; %d %s at a time", group->bundle > 1 ? group->bundle : group->band, group->bundle > 1 ? "blocks" : "rows");
        fprintf(out, ", %d unit%s per block%s\n", group->cuts, group->cuts > 1 ? "s" : "", group->alone ? ", by one worker" : "");
    }
    if (alone) fprintf(out, "%s: %d of %d groups are too little to share and done by one worker\n", names[pass], alone, s->groups);
}

/* A run of entries of one pass: the layers that it begins and ends with. */
static void print_run(const struct plan *plan, enum pass pass, int first, int last, FILE *out)
{
    const struct schedule *s = &plan->schedule[pass];
    const int from = s->stage[s->group[first].first].layer, to = s->stage[s->group[last].first + s->group[last].count - 1].layer;
    char word[96];
    fprintf(out, " %d %s", from, layer_print(&plan->net.layers[from], word, sizeof word));
    if (from != to || pass == BACKWARD_PASS) fprintf(out, " %s %d", pass == BACKWARD_PASS ? "back to" : "to", to);
    if (to != from) fprintf(out, " %s", layer_print(&plan->net.layers[to], word, sizeof word));
}

/* What backward makes anew. */
static void print_again(const struct plan *plan, FILE *out)
{
    const struct schedule *s = &plan->schedule[BACKWARD_PASS];
    char word[96];
    int count = 0;
    for (int i = 0; i < s->stages; i++)
        if (s->stage[i].again)
            fprintf(out, "%s %d %s", count++ ? "," : "made anew in backward:", s->stage[i].layer,
                    layer_print(&plan->net.layers[s->stage[i].layer], word, sizeof word));
    if (count) fputc('\n', out);
}

/* What is never made. */
static void print_through(const struct plan *plan, FILE *out)
{
    char word[96];
    int count = 0;
    for (int i = 0; i < plan->net.count; i++)
        if (plan->layers[i].unmade)
            fprintf(out, "%s %d %s", count++ ? "," : "read through:", i, layer_print(&plan->net.layers[i], word, sizeof word));
    if (count) fputc('\n', out);
}

/* A line per phase that goes block by block. */
static void print_phases(const struct plan *plan, enum pass pass, FILE *out)
{
    const struct course *c = &plan->course[pass];
    for (int p = 0; p < c->phases; p++) {
        const struct phase *phase = &c->phase[p];
        if (phase->lot == 0) continue;
        fprintf(out, "block by block, %s:", pass == TRAINING_PASS ? "training" : "inference");
        for (int i = phase->first, end = phase->first + phase->count; i < end; i++) {
            const struct entry *e = &c->entry[i];
            int last = i;
            if (e->group == LOSS_ENTRY) fputs(i > phase->first ? ", loss" : " loss", out);
            while (e->group != LOSS_ENTRY && last + 1 < end && c->entry[last + 1].group == c->entry[last].group + 1) last++;
            if (e->group != LOSS_ENTRY)
                fputs(i > phase->first ? "," : "", out), print_run(plan, e->pass, e->group, c->entry[last].group, out);
            i = last;
        }
        fprintf(out, "; %d block%s at a time\n", phase->lot, phase->lot > 1 ? "s" : "");
    }
}

static void line_words(const struct plan *plan, const struct schedule *s, const struct group *g, const char *before, struct plan_line *line)
{
    char word[96];
    for (int i = 0, last = -1; i < g->count; i++) {
        const struct stage stage = s->stage[g->first + i];
        const size_t used = strlen(line->words);
        if (stage.layer != last)
            snprintf(line->words + used, sizeof line->words - used, "%s%s", i ? " " : before,
                     layer_print(&plan->net.layers[stage.layer], word, sizeof word));
        last = stage.layer;
        if (stage.gate < 0) continue;
        const size_t end = strlen(line->words);
        last = stage.gate;
        snprintf(line->words + end, sizeof line->words - end, " %s", layer_print(&plan->net.layers[last], word, sizeof word));
    }
}

struct plan_line plan_line(const struct plan *plan, int layer)
{
    struct plan_line line = { "", 0 };
    for (int pass = 0; pass < PASSES; pass++) {
        const struct schedule *s = &plan->schedule[pass];
        for (int g = 0; g < s->groups && pass != INFERENCE_PASS; g++) {
            const struct group *group = &s->group[g];
            if (s->stage[group->first].layer != layer) continue;
            const char *before = !*line.words ? "" : pass == BACKWARD_PASS ? ", back: " : ", ";
            if (!*line.words || group->count > 1) line_words(plan, s, group, before, &line);
            for (int i = group->first; i < group->first + group->count; i++) line.macs += stage_macs(plan, &s->stage[i]);
        }
    }
    return line;
}

/* Which layers are in bf16, and why. */
static void print_precision(const struct plan *plan, FILE *out)
{
    char word[96];
    for (int i = 0; i < plan->net.count && plan->tiles; i++) {
        if (net_layer_facts(&plan->net, i).macs <= 0) continue;
        fprintf(out, "%s: %d %s, %.3g multiply-adds per value\n", plan->layers[i].tiles ? "bf16" : "float32", i,
                layer_print(&plan->net.layers[i], word, sizeof word), tiles_macs_per_value(&plan->net, i));
    }
}

void plan_print(const struct plan *plan, FILE *out)
{
    assert(plan);
    assert(out);
    const struct buffers *b = &plan->buffers;
    fprintf(out, "plan for %s, batch %d, %s, %d worker%s\n", plan->training ? "training" : "inference", plan->batch,
            isa_name(plan->kernels->isa), plan->workers, plan->workers > 1 ? "s" : "");
    fprintf(out, "   #  %-24s  %-14s  %-20s  %-6s %-9s %-6s %s\n", "layer", "output", "variant", "y", "", "dy", "tensors@element");
    for (int i = 0; i < plan->net.count; i++) print_layer(plan, i, out);
    print_precision(plan, out);
    for (int pass = 0; pass < PASSES; pass++) print_groups(plan, (enum pass)pass, out);
    for (int pass = plan->training ? TRAINING_PASS : INFERENCE_PASS; pass <= INFERENCE_PASS; pass++)
        print_phases(plan, (enum pass)pass, out);
    print_through(plan, out);
    print_again(plan, out);
    for (int i = 0; i < b->values; i++) print_buffer(plan, "y", i, b->value_size[i], b->value_local[i], out);
    for (int i = 0; i < b->gradients; i++) print_buffer(plan, "dy", i, b->gradient_size[i], b->gradient_local[i], out);
    for (int i = 0; i < FAMILIES; i++) fprintf(out, "%-12s %14zu bytes\n", plan->arenas[i].name, plan->arenas[i].size);
}
