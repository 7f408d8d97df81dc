/* SPDX-License-Identifier: MIT
 * Carries out a group of stages (schedule.c) as one fork-join. A group of one runs over its units in one call of the kernel. In a longer
 * one a worker takes an image block, makes a band of rows of the first stage, then all rows of the second that can be made from these, and
 * so on; then the next band. Small blocks go through whole, several together, so that kernels get enough to do per call. */
#include "internal.h"

#include <assert.h>

/* Image blocks that one worker has under way. */
struct piece { int block, blocks, worker; };

/* Where a piece's part of a tensor is: in the worker's own buffer, whose size is `own`, or in its place within the whole batch's. */
static real *at(const struct piece *piece, const real *base, size_t own, struct shape s)
{
    const size_t offset = own ? (size_t)piece->worker * own : block_at(piece->block, s);
    return base ? (real *)(uintptr_t)base + offset : NULL;
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
    const int left = plan->pass.n - piece->block * LANES, most = piece->blocks * LANES, source = layer - what->add.back;
    assert(left > 0);
    planned_images(&l, what->kind, left < most ? left : most);
    l.x = at(piece, l.x, own_value(plan, layer - 1), what->in);
    l.y = at(piece, l.y, own_value(plan, layer), what->out);
    if (what->kind == LAYER_ADD)
        l.skip = at(piece, l.skip, own_value(plan, source), source < 0 ? plan->net.in : plan->net.layers[source].out);
    l.dy = at(piece, l.dy, own_gradient(plan, layer), what->out);
    l.dx = at(piece, l.dx, own_gradient(plan, layer - 1), what->in);
    if (l.which)
        l.which += block_at(piece->block, what->out);
    if (l.kept)
        l.kept += block_at(piece->block, what->out) / LANES;
    return l;
}

static rows_fn *rows_of(const struct plan *plan, struct stage s)
{
    const enum layer_kind kind = plan->net.layers[s.layer].kind;
    return s.work < WORK_WEIGHTS ? forward_rows(s.work, kind) : backward_rows(s.work, kind);
}

/* ---- through all stages ------------------------------------------------------------------------------------------------------------ */

struct run { const struct plan *plan; const struct group *group; const struct stage *stage; };

/* Rows of one stage, counted within the piece. */
static void make_rows(const struct run *run, int i, const struct piece *piece, struct span rows)
{
    const struct plan *plan = run->plan;
    const struct stage s = run->stage[i];
    const struct planned here = planned_piece(plan, s.layer, piece);
    struct job job = job_of(plan, s.layer);
    job.layer = &here;
    job.first = piece->block;
    if (stage_sums(s)) {
        const int per_block = stage_chunks_per_block(plan, s), height = stage_rows(plan, s), before = piece->block * per_block;
        rows.begin = before + (piece->blocks > 1 ? 0 : stage_chunk_at(plan, s, rows.begin));
        rows.end = before + (rows.end == piece->blocks * height ? piece->blocks * per_block : stage_chunk_at(plan, s, rows.end));
    }
    rows_of(plan, s)(&job, rows, piece->worker);
}

static void make_whole(const struct run *run, const struct piece *piece)
{
    for (int i = 0; i < run->group->count; i++)
        make_rows(run, i, piece, (struct span){ 0, piece->blocks * stage_rows(run->plan, run->stage[i]) });
}

/* Rows [begin, end) of the first stage and what follows from them, of one block. */
static void make_bands(const struct run *run, const struct piece *piece, int begin, int end)
{
    const struct group *g = run->group;
    int made[GROUP_MOST] = { begin };
    for (int i = 1; i < g->count; i++)
        made[i] = stage_ready(run->plan, run->stage[i], made[i - 1], stage_rows(run->plan, run->stage[i - 1]));
    while (made[0] < end) {
        for (int i = 0; i < g->count; i++) {
            int next = made[0] + g->band < end ? made[0] + g->band : end;
            if (i > 0)
                next = stage_ready(run->plan, run->stage[i], made[i - 1], stage_rows(run->plan, run->stage[i - 1]));
            if (next > made[i])
                make_rows(run, i, piece, (struct span){ made[i], next });
            made[i] = next;
        }
    }
}

/* The row that unit `unit` begins with, counted over all blocks. */
static int unit_row(const struct run *run, int unit)
{
    const struct group *g = run->group;
    return unit / g->cuts * stage_rows(run->plan, run->stage[0]) + run->plan->cuts[g->cut + unit % g->cuts];
}

static void run_units(void *context, int begin, int end, int worker)
{
    const struct run *run = context;
    const struct group *g = run->group;
    for (int unit = begin; unit < end; ) {
        const int block = unit / g->cuts, whole = unit % g->cuts == 0 ? (end - unit) / g->cuts : 0;
        struct piece piece = { block, whole < g->bundle ? whole : g->bundle, worker };
        if (piece.blocks > 1) {
            make_whole(run, &piece);
            unit += piece.blocks * g->cuts;
            continue;
        }
        piece.blocks = 1;
        const int next = end < (block + 1) * g->cuts ? end : (block + 1) * g->cuts, base = block * stage_rows(run->plan, run->stage[0]);
        make_bands(run, &piece, unit_row(run, unit) - base, unit_row(run, next) - base);
        unit = next;
    }
}

/* ---- one stage --------------------------------------------------------------------------------------------------------------------- */

static void run_single(void *context, int begin, int end, int worker)
{
    const struct run *run = context;
    const struct stage s = run->stage[0];
    const struct job job = job_of(run->plan, s.layer);
    const struct span units = { begin, end }, rows = { unit_row(run, begin), unit_row(run, end) };
    rows_of(run->plan, s)(&job, stage_sums(s) ? units : rows, worker);
}

static void run_rows(struct plan *plan, struct team *team, struct run *run)
{
    const struct stage first = run->stage[0];
    const int units = image_blocks(plan->pass.n) * run->group->cuts;
    if (run->group->count > 1)
        team_run(team, units, run_units, run);
    else
        team_run(team, stage_sums(first) ? batchnorm_chunks(&plan->layers[first.layer].batchnorm) : units, run_single, run);
}

void group_run(struct plan *plan, enum pass pass, int g)
{
    const struct schedule *s = &plan->schedule[pass];
    assert(g >= 0 && g < s->groups);
    struct run run = { plan, &s->group[g], &s->stage[s->group[g].first] };
    const struct stage first = run.stage[0], last = run.stage[run.group->count - 1];
    struct team *team = run.group->alone ? NULL : plan->team;
    const bool rows = rows_of(plan, first) && first.work != WORK_WEIGHTS;
    if (rows)
        run_rows(plan, team, &run);
    else if (pass == BACKWARD_PASS)
        backward_whole(plan, team, first);
    else
        forward_whole(plan, team, first);
    if (last.work == WORK_STATISTICS)
        forward_statistics(plan, last.layer);
    for (int i = 0; i < run.group->count && rows; i++)
        backward_sums(plan, team, run.stage[i]);
    const enum plan_part backward = first.work == WORK_WEIGHTS ? PART_BACKWARD_WEIGHTS : PART_BACKWARD_DATA;
    watched(plan, first.layer, pass == BACKWARD_PASS ? backward : PART_FORWARD);
}
