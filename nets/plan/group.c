/* SPDX-License-Identifier: MIT
 * Carries out a group of stages (schedule.c) as one fork-join. A group of one runs over its units in one call of the kernel. In a longer
 * one a worker takes an image block, makes a band of rows of the first stage, then all rows of the second that can be made from these, and
 * so on; then the next band. Small blocks go through whole, several together, so that kernels get enough to do per call. */
#include "internal.h"

#include <assert.h>
#include "../layers/tiles.h"

/* Image blocks that one worker has under way. */
struct piece {
    int block, blocks, worker;
};

/* Where a piece's part of a tensor is: in the worker's own buffer, whose size is `own` bytes, or in its place within the whole batch's. */
static real *at(const struct piece *piece, const real *base, size_t own, size_t block_bytes)
{
    const size_t offset = own ? (size_t)piece->worker * own : (size_t)piece->block * block_bytes;
    return base ? (real *)((uintptr_t)base + offset) : NULL;
}

static size_t own_value(const struct plan *plan, int layer)
{
    const struct buffers *b = &plan->buffers;
    const int buffer = layer < 0 ? INPUT_BUFFER : b->value[layer];
    return buffer >= 0 && b->value_local[buffer] ? b->value_size[buffer] * LANES : 0;
}

static size_t own_gradient(const struct plan *plan, int layer)
{
    const struct buffers *b = &plan->buffers;
    const int buffer = layer < 0 ? NO_BUFFER : b->gradient[layer];
    return buffer >= 0 && b->gradient_local[buffer] ? b->gradient_size[buffer] * LANES : 0;
}

/* The layer as if its batch were the piece alone. */
static struct planned planned_piece(const struct plan *plan, int layer, const struct piece *piece)
{
    struct planned l = plan->layers[layer];
    const struct layer *what = &plan->net.layers[layer];
    const int left = plan->pass.n - piece->block * LANES, most = piece->blocks * LANES;
    assert(left > 0);
    planned_images(&l, what->kind, left < most ? left : most);
    const int source = net_source(&plan->net, layer);
    l.x = at(piece, l.x, own_value(plan, l.from), storage_value(plan, l.from));
    l.y = at(piece, l.y, own_value(plan, layer), storage_value(plan, layer));
    if (l.skip) l.skip = at(piece, l.skip, own_value(plan, source), storage_value(plan, source));
    l.dy = at(piece, l.dy, own_gradient(plan, layer), storage_gradient(plan, layer));
    l.dx = at(piece, l.dx, own_gradient(plan, layer - 1), storage_gradient(plan, layer - 1));
    if (l.argmax) l.argmax += block_at(l.own_blocks ? piece->worker * l.own_blocks : piece->block, what->out);
    if (l.lines) l.lines += (size_t)(l.lines_own ? piece->worker * l.lines_own : piece->block) * tiles_lines_block(&l.conv);
    if (l.dlines) l.dlines += (size_t)(l.dlines_own ? piece->worker * l.dlines_own : piece->block) * tiles_dlines_block(&l.conv);
    if (l.mask) l.mask += block_at(piece->block, what->out) / LANES;
    return l;
}

/* ---- through all stages ------------------------------------------------------------------------------------------------------------ */

struct run {
    const struct plan *plan;
    const struct group *group;
    const struct stage *stage;
};

/* In bf16, planning may have given the stage memory in which its rows are widened and rounded (storage.c). */
static void stage_rows(const struct job *job, const struct stage *s, struct span rows, int worker)
{
    if (s->staging.band) {
        storage_rows(job, s, rows, worker);
        return;
    }
    s->does->rows(job, rows, worker);
    if (!s->does->chunks) round_rows(job, s->work, rows);
}

/* Rows of one stage, counted within the piece. */
static void make_rows(const struct run *run, int i, const struct piece *piece, struct span rows)
{
    const struct plan *plan = run->plan;
    const struct stage *s = &run->stage[i];
    const struct planned here = planned_piece(plan, s->layer, piece);
    struct job job = job_of(plan, s->layer);
    job.layer = &here;
    job.first = piece->block;
    if (s->does->chunks) {
        const int *chunk_at = plan->numbers + s->chunk_at, before = piece->block * s->chunks;
        rows.begin = before + (piece->blocks > 1 ? 0 : chunk_at[rows.begin]);
        rows.end = before + (rows.end == piece->blocks * s->rows ? piece->blocks * s->chunks : chunk_at[rows.end]);
    }
    if (s->does->rows) {
        stage_rows(&job, s, rows, piece->worker);
        return;
    }
    s->does->blocks(&job, (struct span){ 0, piece->blocks }, piece->worker);
    round_rows(&job, s->work, rows);
}

static void make_whole(const struct run *run, const struct piece *piece)
{
    for (int i = 0; i < run->group->count; i++) make_rows(run, i, piece, (struct span){ 0, piece->blocks * run->stage[i].rows });
}

/* Rows [begin, end) of the first stage and what follows from them, of one block. */
static void make_bands(const struct run *run, const struct piece *piece, int begin, int end)
{
    const struct group *g = run->group;
    const int *numbers = run->plan->numbers;
    int made[GROUP_MOST] = { begin };
    for (int i = 1; i < g->count; i++) made[i] = numbers[run->stage[i].ready + made[i - 1]];
    while (made[0] < end) {
        for (int i = 0; i < g->count; i++) {
            const int band = made[0] + g->band < end ? made[0] + g->band : end;
            const int next = i == 0 ? band : numbers[run->stage[i].ready + made[i - 1]];
            if (next > made[i]) make_rows(run, i, piece, (struct span){ made[i], next });
            made[i] = next;
        }
    }
}

/* The row that unit `unit` begins with, counted over all blocks. */
static int unit_row(const struct run *run, int unit)
{
    const struct group *g = run->group;
    return unit / g->cuts * run->stage[0].rows + run->plan->numbers[g->cut + unit % g->cuts];
}

static void run_units(void *context, int begin, int end, int worker)
{
    const struct run *run = context;
    const struct group *g = run->group;
    for (int unit = begin; unit < end;) {
        const int block = unit / g->cuts, whole = unit % g->cuts == 0 ? (end - unit) / g->cuts : 0;
        struct piece piece = { block, whole < g->bundle ? whole : g->bundle, worker };
        if (piece.blocks > 1) {
            make_whole(run, &piece);
            unit += piece.blocks * g->cuts;
            continue;
        }
        piece.blocks = 1;
        const int next = end < (block + 1) * g->cuts ? end : (block + 1) * g->cuts, base = block * run->stage[0].rows;
        make_bands(run, &piece, unit_row(run, unit) - base, unit_row(run, next) - base);
        unit = next;
    }
}

/* ---- through all groups of a phase ------------------------------------------------------------------------------------------------- */

/* An entry of the phase for the blocks of a piece. */
static void run_entry(const struct phase_run *run, int i, const struct piece *piece)
{
    const struct entry entry = run->course->entry[i];
    if (entry.group == LOSS_ENTRY) {
        run->loss(run->context, piece->block, piece->block + piece->blocks);
        if (piece->worker == 0) watched(run->plan, -1, PART_LOSS);
        return;
    }
    const struct schedule *s = &run->plan->schedule[entry.pass];
    const struct run group = { run->plan, &s->group[entry.group], &s->stage[s->group[entry.group].first] };
    if (piece->blocks > 1 || group.group->count == 1) make_whole(&group, piece);
    else make_bands(&group, piece, 0, group.stage->rows);
    if (piece->worker == 0) watched(run->plan, group.stage->layer, group.group->part);
}

static void run_lots(void *context, int begin, int end, int worker)
{
    const struct phase_run *run = context;
    for (int block = begin; block < end;) {
        const struct piece piece = { block, end - block < run->lot ? end - block : run->lot, worker };
        for (int i = run->begin; i < run->end; i++) run_entry(run, i, &piece);
        block += piece.blocks;
    }
}

/* What the chunks of these stages come to. Layers whose chunks are but added up wait for a fork-join that they share. */
static void take_up(struct plan *plan, struct team *team, const struct stage *stage, int count, int *waiting, int *layers)
{
    for (int i = 0; i < count; i++) {
        if (stage[i].does->after) stage[i].does->after(plan, team, stage[i].layer);
        if (stage[i].does->merge) layers[(*waiting)++] = stage[i].layer;
    }
}

void phase_run(struct phase_run *run)
{
    struct plan *plan = run->plan;
    int waiting = 0, layers[NET_MAX_LAYERS];
    team_run(plan->team, image_blocks(plan->pass.n), run_lots, run);
    for (int i = run->begin; i < run->end; i++) {
        const struct entry entry = run->course->entry[i];
        if (entry.group == LOSS_ENTRY) continue;
        const struct schedule *s = &plan->schedule[entry.pass];
        const struct group *group = &s->group[entry.group];
        take_up(plan, plan->team, &s->stage[group->first], group->count, &waiting, layers);
    }
    if (waiting == 0) return;
    sums_merge_several(plan, plan->team, layers, waiting);
    watched(plan, layers[0], PART_BACKWARD_WEIGHTS);
}

/* ---- one stage --------------------------------------------------------------------------------------------------------------------- */

static void run_single(void *context, int begin, int end, int worker)
{
    const struct run *run = context;
    const struct stage *s = run->stage;
    const struct job job = job_of(run->plan, s->layer);
    const struct span units = { begin, end };
    const struct span rows = s->does->chunks ? units : (struct span){ unit_row(run, begin), unit_row(run, end) };
    stage_rows(&job, s, rows, worker);
}

void group_run(struct plan *plan, enum pass pass, int g)
{
    const struct schedule *s = &plan->schedule[pass];
    assert(g >= 0);
    assert(g < s->groups);
    const struct group *group = &s->group[g];
    const struct stage *stage = &s->stage[group->first];
    struct run run = { plan, group, stage };
    struct team *team = group->alone ? NULL : plan->team;
    const int units = image_blocks(plan->pass.n) * group->cuts;
    if (stage->does->whole) stage->does->whole(plan, team, stage->layer), round_whole(plan, team, stage->work, stage->layer);
    else if (group->count > 1) team_run(team, units, run_units, &run);
    else team_run(team, stage->does->chunks ? stage->does->chunks(&plan->layers[stage->layer]) : units, run_single, &run);
    int waiting = 0, layers[NET_MAX_LAYERS];
    if (!stage->does->whole) take_up(plan, team, stage, group->count, &waiting, layers);
    if (waiting > 0) sums_merge_several(plan, team, layers, waiting);
    watched(plan, stage->layer, group->part);
}
