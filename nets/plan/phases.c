/* SPDX-License-Identifier: MIT
 * What goes block by block. Between forward and backward a batch's values would travel to memory and back. Where no group needs the whole
 * batch before the next may begin, a worker therefore takes an image block through all of them, forward, loss and backward, then the next:
 * what backward reads is still in cache, and there is room for one block per worker instead of the batch. Such a run of groups is a phase,
 * one fork-join. Bits are the same as group by group: a chunk of a sum is summed by one call in either order.
 *
 * A phase ends where sums over the batch are needed (batch norm's), where work cuts itself, and where a dense layer has more weights than
 * are worth reading once per block. Gradients of weights whose chunks reach over blocks, as small maps' and dense layers' do, follow it:
 * what they read is kept for all blocks. With fewer blocks than workers groups stay apart and blocks are cut into rows. All of it is
 * decided from the net, the batch and the number of workers. */
#include "internal.h"

#include <assert.h>

enum { WEIGHT_BYTES = 128 << 10 }; /* of a dense layer's weights that are read once per block and direction */
enum { PHASE_BYTES = 128 << 10 };  /* blocks of which so many make fewer go through a phase together */
enum { PHASE_PARTIALS = 4 << 20 }; /* elements of chunks' sums that a phase may hold */

static const struct stage *stages_of(const struct plan *plan, struct entry entry, int *count)
{
    const struct schedule *s = &plan->schedule[entry.pass];
    *count = entry.group == LOSS_ENTRY ? 0 : s->group[entry.group].count;
    return entry.group == LOSS_ENTRY ? NULL : &s->stage[s->group[entry.group].first];
}

bool stage_by_block(const struct plan *plan, const struct stage *s)
{
    if (!s->does->rows) return s->does->blocks && plan_stride(plan, s->layer) * sizeof(real) <= WEIGHT_BYTES;
    if (!s->does->chunks) return true;
    if (s->work == WORK_WEIGHTS && image_blocks(plan->at_once) > plan->layers[s->layer].wave) return false;
    return chunks_within_blocks(plan, s);
}

static bool goes_by_block(const struct plan *plan, struct entry entry)
{
    int count;
    const struct stage *stage = stages_of(plan, entry, &count);
    for (int i = 0; i < count; i++)
        if (!stage_by_block(plan, &stage[i])) return false;
    return true;
}

/* Does what comes next wait for all of it? */
static bool is_awaited(const struct plan *plan, struct entry entry)
{
    int count;
    const struct stage *stage = stages_of(plan, entry, &count);
    for (int i = 0; i < count; i++)
        if (stage[i].does->after) return true;
    return false;
}

/* Nothing of the step reads it. */
static bool may_follow(const struct plan *plan, struct entry entry)
{
    int count;
    const struct stage *stage = stages_of(plan, entry, &count);
    return count == 1 && stage->work == WORK_WEIGHTS;
}

static size_t entry_partials(const struct plan *plan, struct entry entry)
{
    int count;
    size_t elements = 0;
    const struct stage *stage = stages_of(plan, entry, &count);
    for (int i = 0; i < count; i++) elements += stage[i].does->chunks ? plan_partials(plan, stage[i].layer) : 0;
    return elements;
}

/* ---- building ---------------------------------------------------------------------------------------------------------------------- */

/* A course under construction: the phase that is open, and what follows it. */
struct draft {
    const struct plan *plan;
    struct course *course;
    int open, later;
    size_t partials;
    struct entry follows[ENTRIES_MOST];
};

static void add_phase(struct course *c, int first, int count)
{
    assert(c->phases < ENTRIES_MOST);
    c->phase[c->phases++] = (struct phase){ .first = first, .count = count };
}

static void add_alone(struct draft *d, struct entry entry)
{
    assert(d->open == 0);
    assert(d->course->entries < ENTRIES_MOST);
    d->course->entry[d->course->entries++] = entry;
    add_phase(d->course, d->course->entries - 1, 1);
}

static int lot_of(const struct plan *plan, const struct course *c, int first, int count)
{
    assert(first + count <= c->entries);
    size_t bytes = 0;
    for (int i = first; i < first + count; i++) {
        int stages;
        const struct stage *stage = stages_of(plan, c->entry[i], &stages);
        bytes += stages_bytes(stage, stages);
    }
    return bytes > 0 && bytes <= PHASE_BYTES / 2 ? (int)(PHASE_BYTES / bytes) : 1;
}

static void close_phase(struct draft *d)
{
    assert(d->open <= d->course->entries);
    assert(d->later <= ENTRIES_MOST);
    struct course *c = d->course;
    if (d->open > 0) {
        const int first = c->entries - d->open;
        add_phase(c, first, d->open);
        if (d->open > 1) c->phase[c->phases - 1].lot = lot_of(d->plan, c, first, d->open);
    }
    d->open = 0;
    d->partials = 0;
    for (int i = 0; i < d->later; i++) add_alone(d, d->follows[i]);
    d->later = 0;
}

static void add_entry(struct draft *d, struct entry entry)
{
    const bool goes = d->plan->by_block && goes_by_block(d->plan, entry);
    if (!goes && d->open > 0 && may_follow(d->plan, entry)) {
        assert(d->later < ENTRIES_MOST);
        d->follows[d->later++] = entry;
        return;
    }
    const size_t partials = entry_partials(d->plan, entry);
    if (!goes || d->partials + partials > PHASE_PARTIALS) close_phase(d);
    if (!goes) {
        add_alone(d, entry);
        return;
    }
    assert(d->course->entries < ENTRIES_MOST);
    d->course->entry[d->course->entries++] = entry;
    d->open++;
    d->partials += partials;
    if (is_awaited(d->plan, entry)) close_phase(d);
}

static void build_course(struct plan *plan, enum pass pass)
{
    struct draft d = { .plan = plan, .course = &plan->course[pass] };
    for (int g = 0; g < plan->schedule[pass].groups; g++) add_entry(&d, (struct entry){ pass, g });
    add_entry(&d, (struct entry){ pass, LOSS_ENTRY });
    d.course->forward = d.course->entries;
    for (int g = 0; pass == TRAINING_PASS && g < plan->schedule[BACKWARD_PASS].groups; g++)
        add_entry(&d, (struct entry){ BACKWARD_PASS, g });
    close_phase(&d);
}

/* Sums that a phase makes lie beside each other. */
static void place_sums(struct plan *plan, const struct course *c)
{
    for (int p = 0; p < c->phases; p++) {
        size_t end = 0;
        for (int i = c->phase[p].first; i < c->phase[p].first + c->phase[p].count; i++) {
            int count;
            const struct stage *stage = stages_of(plan, c->entry[i], &count);
            for (int k = 0; k < count; k++) {
                if (!stage[k].does->chunks || c->entry[i].pass != BACKWARD_PASS) continue;
                plan->layers[stage[k].layer].partial = end;
                end += plan_partials(plan, stage[k].layer);
            }
        }
    }
}

void courses_build(struct plan *plan)
{
    if (plan->training) build_course(plan, TRAINING_PASS);
    build_course(plan, INFERENCE_PASS);
    if (plan->training) place_sums(plan, &plan->course[TRAINING_PASS]);
}

/* ---- what others have to know ------------------------------------------------------------------------------------------------------ */

static void share_stage(struct sharing *s, const struct stage *stage, int course, int entry)
{
    switch (stage->work) {
    case WORK_FORWARD:
        (stage->again ? s->again : s->value[course])[stage->layer] = entry;
        if (stage->gate >= 0) (stage->again ? s->again : s->value[course])[stage->gate] = entry;
        break;
    case WORK_LINES: s->lines[course][stage->layer] = entry; break;
    case WORK_DLINES: s->dlines[stage->layer] = entry; break;
    case WORK_WEIGHTS: s->weights[stage->layer] = entry; break;
    case WORK_SUMS: s->sums[stage->layer] = entry; break;
    case WORK_DATA:
        s->gradient[stage->layer] = entry;
        if (stage->gate >= 0) s->gradient[stage->gate] = entry;
        break;
    case WORK_SKIPS: s->skips[stage->layer] = entry; break;
    default: break;
    }
}

static void share_phase(const struct plan *plan, struct sharing *s, int course, int number)
{
    const struct course *c = &plan->course[plan->training ? course : INFERENCE_PASS];
    const struct phase *phase = &c->phase[number];
    assert(phase->first + phase->count <= c->entries);
    for (int i = phase->first; i < phase->first + phase->count; i++) {
        const struct entry entry = c->entry[i];
        int count;
        const struct stage *stage = stages_of(plan, entry, &count);
        s->phase[course][i] = number;
        s->blocks[course][i] = phase->lot > 0 ? phase->lot : count > 0 ? plan->schedule[entry.pass].group[entry.group].bundle : 1;
        if (count == 0 && course == TRAINING_PASS) s->loss = i;
        for (int k = 0; k < count; k++) share_stage(s, &stage[k], course, i);
    }
}

void courses_share(const struct plan *plan, struct sharing *s)
{
    for (int i = 0; i < plan->net.count; i++) {
        s->value_bytes[i] = storage_value(plan, i) / LANES;
        s->gradient_bytes[i] = storage_gradient(plan, i) / LANES;
        s->from[i] = plan->layers[i].from;
        s->value[TRAINING_PASS][i] = s->value[INFERENCE_PASS][i] = -1;
    }
    for (int i = 0; i < NET_MAX_LAYERS; i++) s->weights[i] = s->sums[i] = s->gradient[i] = s->skips[i] = s->again[i] = -1;
    for (int i = 0; i < NET_MAX_LAYERS; i++) s->lines[TRAINING_PASS][i] = s->lines[INFERENCE_PASS][i] = s->dlines[i] = -1;
    for (int course = 0; course < 2; course++)
        for (int p = 0; p < plan->course[plan->training ? course : INFERENCE_PASS].phases; p++) share_phase(plan, s, course, p);
}
