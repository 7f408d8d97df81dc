/* SPDX-License-Identifier: MIT
 * What a pass does, in order, and what of it is done together. A layer's work is one stage or several: batch norm in training measures,
 * then normalises; a convolution's backward makes the gradients of its weights, then those of its input. A group is a run of stages that
 * one fork-join carries out: every worker takes its images band by band through all of them, so that a stage finds in cache what the one
 * before it has just made (group.c). Bits are the same as stage by stage: maps have the same bits for any cut into rows, and sums over
 * images, batch norm's and the weights', keep their chunks: a chunk is summed when its last row is there.
 *
 * A group grows while the next stage makes rows (or chunks of rows) out of the rows before it, while one grain of it fits the cache, and
 * while the images can still be dealt out evenly: a stage whose window reaches over a cut between workers leaves whole images as units. */
#include "internal.h"

#include <assert.h>

enum { BAND_BYTES = 128 << 10 };        /* of rows made at a time: with what is read for them they stay in a second-level cache */
enum { GROUP_PARTIALS = 4 << 20 };      /* elements of chunks' sums that a group may hold; layer by layer their place is used again */

/* ---- one stage --------------------------------------------------------------------------------------------------------------------- */

int stage_rows(const struct plan *plan, struct stage s)
{
    const struct layer *what = &plan->net.layers[s.layer];
    return s.work == WORK_DATA ? what->in.h : what->out.h;
}

/* Bytes of one such row. */
static size_t row_bytes(const struct plan *plan, struct stage s)
{
    const struct layer *what = &plan->net.layers[s.layer];
    const struct shape made = s.work == WORK_DATA ? what->in : what->out;
    return (size_t)made.c * (size_t)made.w * LANES * sizeof(real);
}

double stage_macs(const struct plan *plan, struct stage s)
{
    const bool product = s.work == WORK_FORWARD || s.work == WORK_WEIGHTS || s.work == WORK_DATA;
    return product ? net_layer_facts(&plan->net, s.layer).macs : 0;
}

static int stage_grain(const struct plan *plan, struct stage s)
{
    const struct planned *l = &plan->layers[s.layer];
    if (plan->net.layers[s.layer].kind != LAYER_CONV || s.work == WORK_WEIGHTS)
        return 1;
    const enum conv_direction direction = s.work == WORK_DATA ? CONV_BWD_DATA : CONV_FWD;
    const int grain = l->variant[direction]->grain(&l->conv, direction), rows = stage_rows(plan, s);
    return grain < rows ? grain : rows;
}

bool stage_sums(struct stage s)
{
    return s.work == WORK_STATISTICS || s.work == WORK_SUMS || s.work == WORK_WEIGHTS;
}

/* The stage's layer as if its batch were so many image blocks; and the chunks of its sums. */
static struct planned on_blocks(const struct plan *plan, struct stage s, int blocks)
{
    struct planned l = plan->layers[s.layer];
    planned_images(&l, plan->net.layers[s.layer].kind, blocks * LANES);
    return l;
}

static int chunks_of(struct stage s, const struct planned *l)
{
    return s.work == WORK_WEIGHTS ? conv_chunks(l->variant[CONV_BWD_WEIGHTS], &l->conv) : batchnorm_chunks(&l->batchnorm);
}

static struct span chunk_of(struct stage s, const struct planned *l, int i)
{
    return s.work == WORK_WEIGHTS ? conv_chunk(l->variant[CONV_BWD_WEIGHTS], &l->conv, i) : batchnorm_chunk(&l->batchnorm, i);
}

/* Does no chunk reach over several blocks? */
static bool chunks_within_blocks(const struct plan *plan, struct stage s)
{
    enum { MANY = 32 };
    const struct planned one = on_blocks(plan, s, 1), many = on_blocks(plan, s, MANY);
    return chunks_of(s, &many) == MANY * chunks_of(s, &one);
}

int stage_chunks_per_block(const struct plan *plan, struct stage s)
{
    const struct planned one = on_blocks(plan, s, 1);
    return chunks_of(s, &one);
}

int stage_chunk_at(const struct plan *plan, struct stage s, int row)
{
    const struct planned one = on_blocks(plan, s, 1);
    const int chunks = chunks_of(s, &one);
    int i = 0;
    while (i < chunks && chunk_of(s, &one, i).begin < row)
        i++;
    return i;
}

/* The window that reaches over rows, if the stage has one. */
struct window { int extent, step, top; };

static struct window window_of(const struct plan *plan, struct stage s)
{
    const struct layer *what = &plan->net.layers[s.layer];
    if (what->kind == LAYER_CONV && s.work != WORK_WEIGHTS)
        return (struct window){ what->conv.r, what->conv.step, what->conv.top };
    if (what->kind == LAYER_POOL)
        return (struct window){ what->pool.r, what->pool.step, what->pool.top };
    return (struct window){ 1, 1, 0 };
}

int stage_ready(const struct plan *plan, struct stage s, int made, int below)
{
    assert(made >= 0 && made <= below);
    const int rows = stage_rows(plan, s), grain = stage_grain(plan, s);
    const struct window w = window_of(plan, s);
    if (made == below)
        return rows;
    if (stage_sums(s)) {
        const struct planned one = on_blocks(plan, s, 1);
        const int chunks = chunks_of(s, &one);
        int end = 0;
        for (int i = 0; i < chunks; i++) {
            const int next = chunk_of(s, &one, i).end;
            if (next > made)
                break;
            end = next;
        }
        return end;
    }
    int ready = s.work == WORK_DATA ? made * w.step - w.top : made + w.top < w.extent ? 0 : (made + w.top - w.extent) / w.step + 1;
    ready = ready < 0 ? 0 : ready < rows ? ready : rows;
    return ready == rows ? rows : ready / grain * grain;
}

/* The first row below that row `row` of the stage needs. */
static int first_needed(const struct plan *plan, struct stage s, int row)
{
    const struct window w = window_of(plan, s);
    const int first = s.work == WORK_DATA ? row + w.top - w.extent + w.step : row * w.step - w.top;
    return first < 0 ? 0 : s.work == WORK_DATA ? first / w.step : first;
}

/* ---- groups ------------------------------------------------------------------------------------------------------------------------ */

static bool adds_inner(const struct plan *plan, const struct stage *stage, int count, int layer)
{
    const struct layer *what = &plan->net.layers[layer];
    for (int i = 0; i < count; i++)
        if (what->kind == LAYER_ADD && stage[i].work != WORK_DATA && stage[i].layer == layer - what->add.back)
            return true;
    return false;
}

/* May two workers meet at this row of the first stage: does no stage need, past it, what lies before it? */
static bool clean_cut(const struct plan *plan, const struct stage *stage, int count, int row)
{
    if (row % stage_grain(plan, stage[0]) != 0)
        return false;
    for (int i = 1; i < count; i++) {
        const int below = stage_rows(plan, stage[i - 1]), next = stage_ready(plan, stage[i], row, below);
        if (adds_inner(plan, stage, i, stage[i].layer))
            return false;
        if (next < stage_rows(plan, stage[i]) && first_needed(plan, stage[i], next) < row)
            return false;
        row = next;
    }
    return true;
}

/* Where a block may be cut, and into how many units that makes it. */
static int cut_block(const struct plan *plan, const struct stage *stage, int count, int *cut)
{
    int cuts = 1;
    cut[0] = 0;
    for (int row = 1; row < stage_rows(plan, stage[0]); row++)
        if (clean_cut(plan, stage, count, row))
            cut[cuts++] = row;
    return cuts;
}

/* The share of the workers' time that is not spent waiting for the one with most units. */
static double balance(const struct plan *plan, int cuts)
{
    const int units = image_blocks(plan->batch) * cuts, most = (units + plan->workers - 1) / plan->workers;
    return (double)units / ((double)most * plan->workers);
}

static bool makes_rows(const struct plan *plan, struct stage s)
{
    return plan->net.layers[s.layer].kind != LAYER_DENSE && s.work != WORK_SKIPS;
}

static bool grain_fits(const struct plan *plan, struct stage s)
{
    return (size_t)stage_grain(plan, s) * row_bytes(plan, s) <= BAND_BYTES;
}

/* Do the sums of all these stages have room beside each other? */
static bool sums_fit(const struct plan *plan, const struct stage *stage, int count)
{
    size_t elements = 0;
    for (int i = 0; i < count; i++)
        elements += stage_sums(stage[i]) ? plan_partials(plan, stage[i].layer) : 0;
    return elements <= GROUP_PARTIALS;
}

/* What comes behind batch norm's sums needs them; what comes behind the weights' does not, in a group that others began. Sums of several
 * waves stay apart. */
static bool may_join(const struct plan *plan, const struct stage *stage, int count)
{
    const struct stage last = stage[count - 1], next = stage[count];
    if (count == GROUP_MOST || !makes_rows(plan, last) || !makes_rows(plan, next))
        return false;
    if (stage_sums(last) && (last.work != WORK_WEIGHTS || count == 1))
        return false;
    if (!grain_fits(plan, last) || !grain_fits(plan, next))
        return false;
    if (next.work == WORK_WEIGHTS && image_blocks(plan->batch) > plan->layers[next.layer].wave)
        return false;
    return !stage_sums(next) || (chunks_within_blocks(plan, next) && sums_fit(plan, stage, count + 1));
}

/* Bytes per image block of all that the stages make. */
static size_t block_bytes(const struct plan *plan, const struct stage *stage, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += (size_t)stage_rows(plan, stage[i]) * row_bytes(plan, stage[i]);
    return bytes;
}

/* A fork-join costs a microsecond. Work that takes few is done by the caller alone: so many bytes, or multiply-adds, are few. */
static bool tiny(const struct plan *plan, const struct stage *stage, int count)
{
    enum { FEW_BYTES = 32 << 10, MACS_PER_BYTE = 4 };
    double cost = 0;
    for (int i = 0; i < count; i++)
        cost += stage_macs(plan, stage[i]) * LANES / MACS_PER_BYTE;
    return (cost + (double)block_bytes(plan, stage, count)) * image_blocks(plan->batch) <= FEW_BYTES;
}

static void measure_group(const struct plan *plan, const struct stage *stage, struct group *g)
{
    const size_t row = row_bytes(plan, stage[0]), block = block_bytes(plan, stage, g->count);
    assert(row > 0 && block > 0 && stage_grain(plan, stage[0]) > 0);
    const int grain = stage_grain(plan, stage[0]), band = (int)(BAND_BYTES / row) / grain * grain, bundle = (int)(BAND_BYTES / block);
    g->band = band > grain ? band : grain;
    g->bundle = bundle > 1 ? bundle : 1;
    g->alone = plan->workers > 1 && tiny(plan, stage, g->count);
}

static void form_groups(struct plan *plan, struct schedule *s, bool fuse)
{
    for (int first = 0; first < s->stages; ) {
        struct group *g = &s->group[s->groups++];
        const struct stage *stage = &s->stage[first];
        int *cut = plan->cuts + plan->cut_count;
        *g = (struct group){ .first = first, .count = 1, .cut = plan->cut_count };
        g->cuts = cut_block(plan, stage, 1, cut);
        while (fuse && first + g->count < s->stages && may_join(plan, stage, g->count)) {
            const double before = balance(plan, cut_block(plan, stage, g->count, cut));
            if (balance(plan, cut_block(plan, stage, g->count + 1, cut)) < 0.95 * before)
                break;
            g->count++;
        }
        g->cuts = cut_block(plan, stage, g->count, cut);
        plan->cut_count += g->cuts;
        measure_group(plan, stage, g);
        first += g->count;
    }
}

/* ---- stages ------------------------------------------------------------------------------------------------------------------------ */

static void add_stage(struct schedule *s, enum work work, int layer)
{
    assert(s->stages < STAGES_MOST);
    s->stage[s->stages++] = (struct stage){ work, layer };
}

static void forward_stages(const struct net *net, bool training, struct schedule *s)
{
    for (int i = 0; i < net->count; i++) {
        const bool normalises = net->layers[i].kind == LAYER_BATCHNORM;
        if (normalises && training)
            add_stage(s, WORK_STATISTICS, i);
        add_stage(s, normalises ? WORK_NORMALISE : WORK_FORWARD, i);
    }
}

static void backward_stages(const struct net *net, int lowest, struct schedule *s)
{
    for (int i = net->count - 1; i >= lowest; i--) {
        const enum layer_kind kind = net->layers[i].kind;
        if (kind == LAYER_CONV || kind == LAYER_DENSE)
            add_stage(s, WORK_WEIGHTS, i);
        if (kind == LAYER_BATCHNORM)
            add_stage(s, WORK_SUMS, i);
        if (i > lowest)
            add_stage(s, WORK_DATA, i);
        if (i > lowest && net_is_source(net, i - 1))
            add_stage(s, WORK_SKIPS, i - 1);
    }
}

void schedules_build(struct plan *plan, bool fuse)
{
    assert(plan->cuts && plan->cut_count == 0);
    struct schedule *s = plan->schedule;
    if (plan->training) {
        forward_stages(&plan->net, true, &s[TRAINING_PASS]);
        backward_stages(&plan->net, net_lowest(&plan->net), &s[BACKWARD_PASS]);
    }
    forward_stages(&plan->net, false, &s[INFERENCE_PASS]);
    for (int pass = 0; pass < PASSES; pass++)
        form_groups(plan, &s[pass], fuse);
}

size_t schedules_cuts(const struct net *net)
{
    size_t rows = 0;
    for (int i = 0; i < net->count; i++)
        rows += (size_t)(net->layers[i].in.h > net->layers[i].out.h ? net->layers[i].in.h : net->layers[i].out.h);
    return rows * PASSES * 3;
}
