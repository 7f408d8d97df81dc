/* SPDX-License-Identifier: MIT
 * What a pass does, in order, and what of it is done together: decided here, once, so that running it is a loop (group.c). A layer's work
 * is one stage or several: batch norm in training measures, then normalises; a convolution's backward makes the gradients of its weights,
 * then those of its input. A group is a run of stages that
 * one fork-join carries out: every worker takes its images band by band through all of them, so that a stage finds in cache what the one
 * before it has just made (group.c). Bits are the same as stage by stage: maps have the same bits for any cut into rows, and sums over
 * images, batch norm's and the weights', keep their chunks: a chunk is summed when its last row is there.
 *
 * A group grows while the next stage makes rows (or chunks of rows) out of the rows before it, while one grain of it fits the cache, and
 * while the images can still be dealt out evenly: a stage whose window reaches over a cut between workers leaves whole images as units.
 * Where blocks are taken one by one (phases.c), what a stage makes is in cache anyway, unless it is large: bands would only cut calls. */
#include "internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { BAND_BYTES = 128 << 10 };   /* of rows made at a time: with what is read for them they stay in a second-level cache */
enum { WHOLE_BYTES = 256 << 10 };  /* of a stage's rows per block: so few stay in cache whole where blocks are taken one by one */
enum { GROUP_PARTIALS = 4 << 20 }; /* elements of chunks' sums that a group may hold; layer by layer their place is used again */

/* ---- one stage --------------------------------------------------------------------------------------------------------------------- */

double stage_macs(const struct plan *plan, const struct stage *s)
{
    const bool product = s->work == WORK_FORWARD || s->work == WORK_WEIGHTS || s->work == WORK_DATA;
    return product ? net_layer_facts(&plan->net, s->layer).macs : 0;
}

/* The stage's layer as if its batch were so many image blocks. */
static struct planned on_blocks(const struct plan *plan, const struct stage *s, int blocks)
{
    struct planned l = plan->layers[s->layer];
    planned_images(&l, plan->net.layers[s->layer].kind, blocks * LANES);
    return l;
}

bool chunks_within_blocks(const struct plan *plan, const struct stage *s)
{
    enum { MANY = 32 };
    const struct planned many = on_blocks(plan, s, MANY);
    return s->does->chunks(&many) == MANY * s->chunks;
}

/* Rows that the stage can make, or of sums rows that it can use up in whole chunks, once `made` of the `below` rows before it are there. */
static int stage_ready(const struct plan *plan, const struct stage *s, int made, int below)
{
    assert(made >= 0);
    assert(made <= below);
    if (made == below) return s->rows;
    if (s->does->chunks) {
        const struct planned one = on_blocks(plan, s, 1);
        int end = 0;
        for (int i = 0; i < s->chunks; i++) {
            const int next = s->does->chunk(&one, i).end;
            if (next > made) break;
            end = next;
        }
        return end;
    }
    const struct window w = s->window;
    int ready = s->work == WORK_DATA ? made * w.step - w.top : made + w.top < w.extent ? 0 : (made + w.top - w.extent) / w.step + 1;
    ready = ready < 0 ? 0 : ready < s->rows ? ready : s->rows;
    return ready == s->rows ? s->rows : ready / s->grain * s->grain;
}

/* The first row below that row `row` of the stage needs. */
static int first_needed(const struct stage *s, int row)
{
    const struct window w = s->window;
    const int first = s->work == WORK_DATA ? row + w.top - w.extent + w.step : row * w.step - w.top;
    return first < 0 ? 0 : s->work == WORK_DATA ? first / w.step : first;
}

/* ---- groups ------------------------------------------------------------------------------------------------------------------------ */

static bool adds_inner(const struct plan *plan, const struct stage *stage, int count, int layer)
{
    const int source = net_source(&plan->net, layer);
    for (int i = 0; i < count; i++)
        if (source != layer && stage[i].work != WORK_DATA && stage[i].layer == source) return true;
    return false;
}

/* May two workers meet at this row of the first stage: does no stage need, past it, what lies before it? */
static bool clean_cut(const struct plan *plan, const struct stage *stage, int count, int row)
{
    if (row % stage[0].grain != 0) return false;
    for (int i = 1; i < count; i++) {
        const int next = stage_ready(plan, &stage[i], row, stage[i - 1].rows);
        if (adds_inner(plan, stage, i, stage[i].layer)) return false;
        if (next < stage[i].rows && first_needed(&stage[i], next) < row) return false;
        row = next;
    }
    return true;
}

/* Into how many units a block may be cut; and where, if `cut` is not NULL. */
static int cut_block(const struct plan *plan, const struct stage *stage, int count, int *cut)
{
    int cuts = 0;
    for (int row = 0; row == 0 || row < stage[0].rows; row++) {
        if (row > 0 && !clean_cut(plan, stage, count, row)) continue;
        if (cut) cut[cuts] = row;
        cuts++;
    }
    return cuts;
}

double units_balance(const struct plan *plan, int units)
{
    const int all = image_blocks(plan->at_once) * units, most = (all + plan->workers - 1) / plan->workers;
    return (double)all / ((double)most * plan->workers);
}

static bool grain_fits(const struct stage *s) { return (size_t)s->grain * s->row_bytes <= BAND_BYTES; }

/* Do the sums of all these stages have room beside each other? */
static bool sums_fit(const struct plan *plan, const struct stage *stage, int count)
{
    size_t elements = 0;
    for (int i = 0; i < count; i++) elements += stage[i].does->chunks ? plan_partials(plan, stage[i].layer) : 0;
    return elements <= GROUP_PARTIALS;
}

/* What comes behind batch norm's sums needs them; what comes behind the weights' does not, in a group that others began. Sums of several
 * waves stay apart. */
static bool may_join(const struct plan *plan, const struct stage *stage, int count)
{
    const struct stage *last = &stage[count - 1], *next = &stage[count];
    if (last->again || next->again) return false;
    if (count == GROUP_MOST || !last->does->rows || !next->does->rows) return false;
    if (last->does->chunks && (last->work != WORK_WEIGHTS || count == 1)) return false;
    if (!grain_fits(last) || !grain_fits(next)) return false;
    if (plan->by_block && stages_bytes(last, 1) <= WHOLE_BYTES) return false;
    if (next->work == WORK_WEIGHTS && image_blocks(plan->at_once) > plan->layers[next->layer].wave) return false;
    return !next->does->chunks || (chunks_within_blocks(plan, next) && sums_fit(plan, stage, count + 1));
}

size_t stages_bytes(const struct stage *stage, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++) bytes += (size_t)stage[i].rows * stage[i].row_bytes;
    return bytes;
}

/* A fork-join costs a microsecond. Work that takes few is done by the caller alone: so many bytes, or multiply-adds, are few. */
static bool tiny(const struct plan *plan, const struct stage *stage, int count)
{
    enum { FEW_BYTES = 32 << 10, MACS_PER_BYTE = 4 };
    double cost = 0;
    for (int i = 0; i < count; i++) cost += stage_macs(plan, &stage[i]) * LANES / MACS_PER_BYTE;
    return (cost + (double)stages_bytes(stage, count)) * image_blocks(plan->at_once) <= FEW_BYTES;
}

static void measure_group(const struct plan *plan, const struct stage *stage, struct group *g)
{
    const size_t row = stage[0].row_bytes, block = stages_bytes(stage, g->count);
    assert(row > 0);
    assert(block > 0);
    assert(stage[0].grain > 0);
    const int grain = stage[0].grain, band = (int)(BAND_BYTES / row) / grain * grain, bundle = (int)(BAND_BYTES / block);
    g->band = band > grain ? band : grain;
    g->bundle = bundle > 1 ? bundle : 1;
    g->alone = plan->workers > 1 && tiny(plan, stage, g->count);
}

/* ---- numbers ----------------------------------------------------------------------------------------------------------------------- */

/* Room for so many more numbers behind those that are there; NULL: no memory. */
static int *more_numbers(struct plan *plan, int count)
{
    if (plan->number_count + count > plan->number_room) {
        const int room = 2 * (plan->number_count + count);
        int *numbers = realloc(plan->numbers, (size_t)room * sizeof *numbers);
        if (!numbers) return NULL;
        plan->numbers = numbers;
        plan->number_room = room;
    }
    plan->number_count += count;
    return plan->numbers + plan->number_count - count;
}

/* What a stage of a group looks up while it runs. */
static bool number_stage(struct plan *plan, const struct stage *before, struct stage *s)
{
    if (before) {
        int *ready = more_numbers(plan, before->rows + 1);
        for (int made = 0; ready && made <= before->rows; made++) ready[made] = stage_ready(plan, s, made, before->rows);
        if (!ready) return false;
        s->ready = (int)(ready - plan->numbers);
    }
    if (!s->does->chunks) return true;
    const struct planned one = on_blocks(plan, s, 1);
    int *chunk_at = more_numbers(plan, s->rows + 1);
    for (int row = 0, i = 0; chunk_at && row <= s->rows; row++) {
        while (i < s->chunks && s->does->chunk(&one, i).begin < row) i++;
        chunk_at[row] = i;
    }
    if (chunk_at) s->chunk_at = (int)(chunk_at - plan->numbers);
    return chunk_at != NULL;
}

static bool number_group(struct plan *plan, struct stage *stage, struct group *g)
{
    g->cuts = cut_block(plan, stage, g->count, NULL);
    int *cut = more_numbers(plan, g->cuts);
    if (!cut) return false;
    g->cut = (int)(cut - plan->numbers);
    cut_block(plan, stage, g->count, cut);
    for (int i = 0; i < g->count; i++)
        if (!number_stage(plan, i > 0 ? &stage[i - 1] : NULL, &stage[i])) return false;
    return true;
}

/* ---- stages and groups of a pass --------------------------------------------------------------------------------------------------- */

static bool form_groups(struct plan *plan, enum pass pass, bool fuse)
{
    struct schedule *s = &plan->schedule[pass];
    for (int first = 0; first < s->stages;) {
        struct group *g = &s->group[s->groups++];
        struct stage *stage = &s->stage[first];
        const enum plan_part back = stage->work == WORK_WEIGHTS ? PART_BACKWARD_WEIGHTS : PART_BACKWARD_DATA;
        *g = (struct group){ .first = first, .count = 1, .part = pass == BACKWARD_PASS ? back : PART_FORWARD };
        while (fuse && first + g->count < s->stages && may_join(plan, stage, g->count)) {
            const double before = units_balance(plan, cut_block(plan, stage, g->count, NULL));
            if (!plan->by_block && units_balance(plan, cut_block(plan, stage, g->count + 1, NULL)) < 0.95 * before) break;
            g->count++;
        }
        measure_group(plan, stage, g);
        if (!number_group(plan, stage, g)) return false;
        first += g->count;
    }
    return true;
}

static struct stage *add_stage(struct plan *plan, enum pass pass, enum work work, int layer, const struct layer_work *does)
{
    struct schedule *s = &plan->schedule[pass];
    const struct layer *what = &plan->net.layers[layer];
    const struct planned *l = &plan->layers[layer];
    const bool lines = work == WORK_LINES || work == WORK_DLINES;
    const struct shape made = work == WORK_DATA || work == WORK_LINES ? what->in : what->out;
    const enum storage below = layer > 0 ? plan->layers[layer - 1].gradient_stored : STORED_REAL;
    const enum storage stored = lines ? STORED_BF16 : work == WORK_DATA ? below : l->stored;
    assert(s->stages < STAGES_MOST);
    assert(does->rows || does->whole);
    struct stage *stage = &s->stage[s->stages++];
    *stage = (struct stage){ .work = work,
                             .layer = layer,
                             .does = does,
                             .rows = made.h,
                             .row_bytes = (size_t)made.c * (size_t)made.w * LANES * storage_bytes(stored),
                             .window = does->chunks || lines ? (struct window){ 1, 1, 0 } : layer_window(what) };
    const int grain = does->grain ? does->grain(l) : 1;
    stage->grain = grain < made.h ? grain : made.h;
    if (does->chunks) {
        const struct planned one = on_blocks(plan, stage, 1);
        stage->chunks = does->chunks(&one);
    }
    stage->staging = storage_staging(plan, stage);
    stage->gate = gate_of(plan, work, layer);
    return stage;
}

/* Of a layer that another reads through: its output is not made, and a ReLU's backward is part of batch norm's. */
static bool is_read_through(const struct plan *plan, enum work work, int layer)
{
    return work == WORK_FORWARD || (work == WORK_DATA && !layer_row(plan->net.layers[layer].kind)->scales);
}

/* The stage, if the layer's kind has such work. */
static void maybe_stage(struct plan *plan, enum pass pass, enum work work, int layer)
{
    const struct layer_work *does = &layer_row(plan->net.layers[layer].kind)->work[work];
    if (plan->layers[layer].unmade && is_read_through(plan, work, layer)) return;
    if (does->rows || does->whole) add_stage(plan, pass, work, layer, does);
}

static void forward_stages(struct plan *plan, enum pass pass)
{
    for (int i = 0; i < plan->net.count; i++) {
        if (pass == TRAINING_PASS) maybe_stage(plan, pass, WORK_STATISTICS, i);
        if (plan->layers[i].tiles && (i == 0 || plan->layers[i - 1].stored != STORED_BF16)) maybe_stage(plan, pass, WORK_LINES, i);
        if (!plan->layers[i].gates) maybe_stage(plan, pass, WORK_FORWARD, i);
    }
}

/* An add's share of its dy is the work of its kind in the place of its source. */
static const struct layer_work *skips_to(const struct net *net, int layer)
{
    for (int i = layer + 1; i < net->count; i++)
        if (net_source(net, i) == layer) return &layer_row(net->layers[i].kind)->work[WORK_SKIPS];
    return NULL;
}

/* From the batch norm that begins the run up to this layer. */
static void again_stages(struct plan *plan, int last)
{
    int first = last;
    while (first > 0 && made_again(plan, first - 1)) first--;
    for (int i = first; i <= last; i++)
        if (!plan->layers[i].gates)
            add_stage(plan, BACKWARD_PASS, WORK_FORWARD, i, &layer_row(plan->net.layers[i].kind)->work[WORK_FORWARD])->again = true;
}

static void backward_stages(struct plan *plan)
{
    const int lowest = net_lowest(&plan->net);
    for (int i = plan->net.count - 1; i >= lowest; i--) {
        if (i > 0 && made_again(plan, i - 1) && !made_again(plan, i)) again_stages(plan, i - 1);
        if (plan->layers[i].tiles && i > lowest && plan->layers[i].gradient_stored != STORED_BF16)
            maybe_stage(plan, BACKWARD_PASS, WORK_DLINES, i);
        maybe_stage(plan, BACKWARD_PASS, WORK_WEIGHTS, i);
        maybe_stage(plan, BACKWARD_PASS, WORK_SUMS, i);
        if (i > lowest && !plan->layers[i].gates_back) maybe_stage(plan, BACKWARD_PASS, WORK_DATA, i);
        const struct layer_work *skips = i > lowest ? skips_to(&plan->net, i - 1) : NULL;
        if (skips) add_stage(plan, BACKWARD_PASS, WORK_SKIPS, i - 1, skips);
    }
}

int schedules_build(struct plan *plan, bool fuse, struct why *why)
{
    if (plan->training) {
        forward_stages(plan, TRAINING_PASS);
        backward_stages(plan);
    }
    forward_stages(plan, INFERENCE_PASS);
    for (int pass = 0; pass < PASSES; pass++)
        if (!form_groups(plan, (enum pass)pass, fuse)) return why_fail(why, -ENOMEM, "plan: no memory for the plan itself");
    return 0;
}
