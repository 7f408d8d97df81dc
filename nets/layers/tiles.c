/* SPDX-License-Identifier: MIT
 * Layers in bf16. A convolution's x is made lines once, row by row as a stage of its own, which forward and backward-weights read; dy is
 * made lines for backward-data likewise. Pairs of rows of dy, which backward-weights reads once, are made in scratch chunk by chunk, and so
 * is all that a dense layer reads. Kernels take floats: plans in double have no tiles (tiles_of). */
#include "tiles.h"

#include <assert.h>
#include "../plan/internal.h"

/* Below so many multiply-adds per value that is read or made, converting and half-empty tiles cost what products save: one input channel
 * under 3x3 has 9, 8 -> 8 has 36, a dense layer to 10 outputs at most 10. */
enum { MACS_PER_VALUE = 16 };

const struct conv_bf16_variant *tiles_of(unsigned isas)
{
    const int isa = isa_bf16(isas);
    return isa >= 0 && sizeof(real) == sizeof(float) ? kernels_of((enum isa)isa)->conv_bf16 : NULL;
}

double tiles_macs_per_value(const struct net *net, int layer)
{
    const struct layer *l = &net->layers[layer];
    return net_layer_facts(net, layer).macs / (double)(shape_values(l->in) + shape_values(l->out));
}

bool tiles_wanted(const struct net *net, int layer) { return tiles_macs_per_value(net, layer) >= MACS_PER_VALUE; }

static float *floats(real *x) { return (float *)(void *)x; }
static const float *const_floats(const real *x) { return (const float *)(const void *)x; }

void tiles_round(const struct plan *plan, struct span vectors, real *x) { plan->tiles->round(vectors, floats(x)); }

/* ---- memory and weights ------------------------------------------------------------------------------------------------------------ */

void tiles_place(struct plan *plan, int i, const struct conv *p)
{
    struct planned *l = &plan->layers[i];
    l->packed[CONV_FWD] = plan_take(plan, SCRATCH, l->tiles->packed_bytes(p, CONV_FWD));
    if (plan->training && i > plan->buffers.lowest)
        l->packed[CONV_BWD_DATA] = plan_take(plan, SCRATCH, l->tiles->packed_bytes(p, CONV_BWD_DATA));
}

static bf16 *packed_of(const struct planned *l, enum conv_direction direction) { return (bf16 *)(void *)l->packed[direction]; }

void tiles_pack(const struct plan *plan, int i, const struct conv *p, enum conv_direction direction)
{
    const struct planned *l = &plan->layers[i];
    l->tiles->pack(p, direction, floats(plan_value_of(plan, i, 0)), packed_of(l, direction));
}

/* A worker's scratch: the kernel's; then lines of x and dy in some form, where those are made for one call. */
struct scratch {
    void *kernel;
    bf16 *lines, *dy;
};

static size_t whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

static struct scratch scratch_of(const struct job *j, const struct conv *p, size_t lines, int worker)
{
    char *at = (char *)j->plan->worker_scratch[worker];
    struct scratch s = { .kernel = at };
    s.lines = (bf16 *)(void *)(at + whole_lines(j->layer->tiles->scratch_bytes(p)));
    s.dy = s.lines + lines;
    return s;
}

static size_t pairs_count(const struct conv *p)
{
    const struct bf16_map m = { .n = p->n, .c = p->k, .h = p->p, .w = p->q };
    return bf16_pairs_count(&m);
}

static size_t lines_count(const struct conv *p)
{
    const struct bf16_map m = conv_bf16_x(p);
    return bf16_lines_count(&m);
}

static size_t dlines_count(const struct conv *p)
{
    const struct bf16_map m = conv_bf16_dy(p);
    return bf16_lines_count(&m);
}

/* The image blocks that a chunk's rows lie in. */
static struct span blocks_of(const struct conv *p, struct span rows)
{
    return (struct span){ rows.begin / p->p, (rows.end - 1) / p->p + 1 };
}

static size_t conv_scratch(const struct plan *plan, const struct planned *l)
{
    struct conv p = l->conv;
    int blocks = 1;
    const int wave = image_blocks(plan->at_once);
    p.n = (wave < l->wave ? wave : l->wave) * LANES;
    for (int i = 0; i < conv_bf16_chunks(&p); i++) {
        const struct span of = blocks_of(&p, conv_bf16_chunk(&p, i));
        if (of.end - of.begin > blocks) blocks = of.end - of.begin;
    }
    p.n = blocks * LANES;
    return whole_lines(l->tiles->scratch_bytes(&p)) + (plan->training ? pairs_count(&p) * sizeof(bf16) : 0);
}

static size_t dense_scratch(const struct plan *plan, const struct planned *l)
{
    const int wave = image_blocks(plan->at_once), blocks = wave < WAVE_BLOCKS ? wave : WAVE_BLOCKS;
    const struct conv p = tiles_dense(&l->dense, blocks * LANES);
    const size_t pairs = pairs_count(&p), dlines = dlines_count(&p);
    return whole_lines(l->tiles->scratch_bytes(&p)) + (lines_count(&p) + (pairs > dlines ? pairs : dlines)) * sizeof(bf16);
}

size_t tiles_worker_bytes(const struct plan *plan, int i)
{
    const struct planned *l = &plan->layers[i];
    return plan->net.layers[i].kind == LAYER_DENSE ? dense_scratch(plan, l) : conv_scratch(plan, l);
}

/* ---- lines of a convolution -------------------------------------------------------------------------------------------------------- */

size_t tiles_lines_block(const struct conv *p)
{
    struct conv one = *p;
    one.n = LANES;
    return lines_count(&one);
}

size_t tiles_dlines_block(const struct conv *p)
{
    struct conv one = *p;
    one.n = LANES;
    return dlines_count(&one);
}

void tiles_place_lines(struct plan *plan, int i)
{
    struct planned *l = &plan->layers[i];
    const int all = image_blocks(plan->at_once);
    const int lines = l->lines_own ? plan->workers * l->lines_own : all, dlines = l->dlines_own ? plan->workers * l->dlines_own : all;
    if (i == 0 || plan->layers[i - 1].stored != STORED_BF16)
        l->lines = plan_take(plan, ACTIVATIONS, (size_t)lines * tiles_lines_block(&l->conv) * sizeof(bf16));
    if (plan->training && i > plan->buffers.lowest && l->gradient_stored != STORED_BF16)
        l->dlines = plan_take(plan, ACTIVATIONS, (size_t)dlines * tiles_dlines_block(&l->conv) * sizeof(bf16));
}

/* The framed row at which row `row` of all blocks begins; the frame's rows belong to the first and last row of an image. */
static int framed_row(const struct bf16_map *m, int row)
{
    const int h = row % m->h;
    return row / m->h * bf16_map_rows(m) + (h ? m->top + h : 0);
}

struct span tiles_framed(const struct bf16_map *m, struct span rows)
{
    return (struct span){ framed_row(m, rows.begin), framed_row(m, rows.end) };
}

void tiles_lines(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    const struct bf16_map m = conv_bf16_x(&l->conv);
    l->tiles->lines(&m, tiles_framed(&m, rows), const_floats(l->x), l->lines);
}

void tiles_dlines(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    const struct bf16_map m = conv_bf16_dy(&l->conv);
    l->tiles->lines(&m, tiles_framed(&m, rows), const_floats(l->dy), l->dlines);
}

/* ---- products of a convolution ----------------------------------------------------------------------------------------------------- */

static const float *bias_of(const struct job *j)
{
    const real *b = plan_value_of(j->plan, j->index, 1);
    return b ? const_floats(b) : NULL;
}

static const bf16 *x_lines(const struct job *j) { return storage_is_bf16(j, OPERAND_X) ? storage_lines(j, OPERAND_X) : j->layer->lines; }

static const bf16 *dy_lines(const struct job *j)
{
    return storage_is_bf16(j, OPERAND_DY) ? storage_lines(j, OPERAND_DY) : j->layer->dlines;
}

void tiles_forward(const struct job *j, struct span rows, int worker)
{
    const struct planned *l = j->layer;
    l->tiles->fwd(&l->conv, rows, x_lines(j), packed_of(l, CONV_FWD), bias_of(j), floats(l->y), j->plan->worker_scratch[worker]);
}

void tiles_data(const struct job *j, struct span rows, int worker)
{
    const struct planned *l = j->layer;
    l->tiles->bwd_data(&l->conv, rows, dy_lines(j), packed_of(l, CONV_BWD_DATA), floats(l->dx), j->plan->worker_scratch[worker]);
}

/* Pairs of rows of these blocks' dy, counted from their first. */
static void make_pairs(const struct job *j, struct span blocks, struct span pairs, bf16 *to)
{
    const struct planned *l = j->layer;
    const int count = blocks.end - blocks.begin;
    if (storage_is_bf16(j, OPERAND_DY)) {
        const struct bf16_map map = storage_map(j, OPERAND_DY, count), before = storage_map(j, OPERAND_DY, blocks.begin);
        l->tiles->row_pairs_of_lines(&map, pairs, storage_lines(j, OPERAND_DY) + bf16_lines_count(&before), to);
        return;
    }
    const struct bf16_map map = { .n = count * LANES, .c = j->what->out.c, .h = j->what->out.h, .w = j->what->out.w };
    l->tiles->row_pairs(&map, pairs, const_floats(l->dy + block_at(blocks.begin, j->what->out)), to);
}

void tiles_sums(const struct job *j, const struct tiles_sums *s, int worker)
{
    const struct planned *l = j->layer;
    const struct span blocks = blocks_of(&s->p, s->rows);
    const int before = blocks.begin * s->p.p, row_pairs = (s->p.p + 1) / 2, in_last = s->rows.end - (blocks.end - 1) * s->p.p;
    struct conv p = s->p;
    p.n = (blocks.end - blocks.begin) * LANES;
    const struct span rows = { s->rows.begin - before, s->rows.end - before };
    const struct scratch scratch = scratch_of(j, &p, 0, worker);
    const bf16 *lines = x_lines(j) + (size_t)(s->first + blocks.begin) * tiles_lines_block(&p);
    make_pairs(j, (struct span){ s->first + blocks.begin, s->first + blocks.end },
               (struct span){ rows.begin / 2, (blocks.end - blocks.begin - 1) * row_pairs + (in_last + 1) / 2 }, scratch.dy);
    const struct conv part = conv_filters(&p, s->filters);
    l->tiles->bwd_weights(&part, rows, scratch.dy + (size_t)s->filters.begin * LINE, lines, floats(s->dw), s->db ? floats(s->db) : NULL,
                          scratch.kernel);
}

/* ---- dense layers ------------------------------------------------------------------------------------------------------------------ */

struct conv tiles_dense(const struct dense *d, int n) { return conv_bf16_dense(n, d->c, d->k, d->bias); }

/* Lines of x of the blocks from `first` on, which an image's values are as they are stored, without a frame and channels in twos. */
static const bf16 *dense_lines(const struct job *j, const struct bf16_map *m, int first, bf16 *room)
{
    if (storage_is_bf16(j, OPERAND_X)) {
        const struct bf16_map before = storage_map(j, OPERAND_X, first);
        return storage_lines(j, OPERAND_X) + bf16_lines_count(&before);
    }
    const real *x = j->layer->x + block_at(first, j->what->in);
    j->layer->tiles->lines(m, (struct span){ 0, m->h }, const_floats(x), room);
    return room;
}

void tiles_dense_forward(const struct job *j, struct span blocks, int worker)
{
    const struct planned *l = j->layer;
    const struct conv p = tiles_dense(&l->dense, (blocks.end - blocks.begin) * LANES);
    const struct bf16_map m = conv_bf16_x(&p);
    const struct span rows = { 0, p.h };
    const struct scratch s = scratch_of(j, &p, 0, worker);
    const bf16 *x = dense_lines(j, &m, blocks.begin, s.lines);
    l->tiles->fwd(&p, rows, x, packed_of(l, CONV_FWD), bias_of(j), floats(l->y + block_at(blocks.begin, j->what->out)), s.kernel);
}

void tiles_dense_data(const struct job *j, struct span blocks, int worker)
{
    const struct planned *l = j->layer;
    const struct conv p = tiles_dense(&l->dense, (blocks.end - blocks.begin) * LANES);
    const struct bf16_map m = conv_bf16_dy(&p);
    const struct span rows = { 0, p.h };
    const struct scratch s = scratch_of(j, &p, 0, worker);
    l->tiles->lines(&m, rows, const_floats(l->dy + block_at(blocks.begin, j->what->out)), s.dy);
    l->tiles->bwd_data(&p, rows, s.dy, packed_of(l, CONV_BWD_DATA), floats(l->dx + block_at(blocks.begin, j->what->in)), s.kernel);
}

void tiles_dense_sums(const struct job *j, int n, struct span filters, real *dw, real *db, int worker)
{
    const struct planned *l = j->layer;
    const struct conv p = tiles_dense(&l->dense, n), part = conv_filters(&p, filters);
    const struct bf16_map x = conv_bf16_x(&p), dy = { .n = p.n, .c = p.k, .h = p.h, .w = 1 };
    const struct span rows = { 0, p.h };
    const struct scratch s = scratch_of(j, &p, lines_count(&p), worker);
    const bf16 *lines = dense_lines(j, &x, j->block, s.lines);
    l->tiles->row_pairs(&dy, (struct span){ 0, (p.h + 1) / 2 }, const_floats(l->dy + block_at(j->block, j->what->out)), s.dy);
    l->tiles->bwd_weights(&part, rows, s.dy + (size_t)filters.begin * LINE, lines, floats(dw), db ? floats(db) : NULL, s.kernel);
}
