/* SPDX-License-Identifier: MIT
 * Convolution. Each direction may have an algorithm of its own, with weights packed for it once per step. The gradients of its weights are
 * sums over images: alone they run wave by wave, every chunk cut into parts of the filters where workers would wait; in a group a worker
 * sums a chunk as soon as its last row is there, and the tree over all chunks follows when the group has ended. */
#include "layer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include "../plan/internal.h"
#include "tiles.h"
#include "words.h"

/* ---- word and shape ---------------------------------------------------------------------------------------------------------------- */

static bool is_same(const struct conv *c)
{
    return c->r % 2 == 1 && c->s % 2 == 1 && (c->r > 1 || c->s > 1) && c->top == c->r / 2 && c->bottom == c->top && c->left == c->s / 2 &&
           c->right == c->left;
}

static bool read_conv(const char *text, struct layer *l, int detail)
{
    (void)detail;
    struct conv *c = &l->conv;
    int pads[4] = { -1, -1, -1, -1 }, bias = 1;
    *c = (struct conv){ .r = 3, .step = 1 };
    if (!read_whole(&text, &c->k)) return false;
    bool same = false;
    const struct option options[] = { { "step", WHOLE, &c->step }, { "same", FLAG, &same }, { "r", WHOLE, &c->r }, { "s", WHOLE, &c->s },
                                      { "pad", PADS, pads },       { "b", WHOLE, &bias },   { NULL, FLAG, NULL } };
    if (!read_options(text, options) || bias > 1 || (same && pads[0] >= 0)) return false;
    c->s = c->s ? c->s : c->r;
    c->bias = bias == 1;
    if (pads[0] >= 0) c->top = pads[0], c->bottom = pads[1], c->left = pads[2], c->right = pads[3];
    l->same = same ? c->r != 1 || c->s != 1 : is_same(c);
    return true;
}

static void print_conv(const struct layer *l, char *text, size_t size)
{
    const struct conv *c = &l->conv;
    append(text, size, "conv%d", c->k);
    append_unless(text, size, "r", c->r, 3);
    append_unless(text, size, "s", c->s, c->r);
    append_unless(text, size, "step", c->step, 1);
    if (l->same) append(text, size, "same");
    else append_pads(text, size, c->top, c->bottom, c->left, c->right);
    append_unless(text, size, "b", c->bias, 1);
}

static const char *conv_shape(struct layer *l)
{
    assert(l->in.c >= 1);
    struct conv *c = &l->conv;
    c->n = 1, c->c = l->in.c, c->h = l->in.h, c->w = l->in.w;
    if (l->same) {
        if (c->r % 2 == 0 || c->s % 2 == 0) return "\"same\" needs an odd kernel: write the padding out, such as pad1,0,1,0";
        c->top = c->bottom = c->r / 2;
        c->left = c->right = c->s / 2;
    }
    const char *wrong = conv_complete(c);
    assert(wrong || c->p >= 1);
    assert(wrong || c->q >= 1);
    c->n = 0;
    l->out = (struct shape){ c->k, c->p, c->q };
    return wrong;
}

static struct window conv_window(const struct layer *l) { return (struct window){ l->conv.r, l->conv.step, l->conv.top }; }

static double conv_macs(const struct layer *l) { return (double)l->out.c * l->out.h * l->out.w * l->conv.r * l->conv.s * l->conv.c; }

static void conv_tensors(const struct layer *l, struct tensor_row *list)
{
    const struct conv *c = &l->conv;
    list[0] = (struct tensor_row){ "weight", .trained = true, .drawn = true, .rank = 4, .extent = { c->k, c->r, c->s, c->c } };
    if (c->bias) list[1] = (struct tensor_row){ "bias", .trained = true, .drawn = true, .rank = 1, .extent = { c->k } };
}

/* ---- planning ---------------------------------------------------------------------------------------------------------------------- */

static const char *conv_problem(const struct net *net, int i, int n, struct planned *l)
{
    assert(n >= 1);
    l->conv = net->layers[i].conv;
    l->conv.n = n;
    return conv_complete(&l->conv);
}

static void conv_images(struct planned *l, int n) { l->conv.n = n; }

/* Chunks of its sums over the images of p, and the rows of one. */
static int chunks_of(const struct planned *l, const struct conv *p)
{
    return l->tiles ? conv_bf16_chunks(p) : conv_chunks(l->variant[CONV_BWD_WEIGHTS], p);
}

static struct span chunk_of(const struct planned *l, const struct conv *p, int i)
{
    return l->tiles ? conv_bf16_chunk(p, i) : conv_chunk(l->variant[CONV_BWD_WEIGHTS], p, i);
}

/* Blocks per wave: by shape alone, so that waves cut every batch alike, and so that the sums of a wave's chunks stay below 64 MiB (in
 * single precision). */
static int wave_blocks(const struct planned *l, size_t stride)
{
    const size_t most = (size_t)16 << 20;
    struct conv wave = l->conv;
    int blocks = WAVE_BLOCKS;
    for (; blocks > 1; blocks /= 2) {
        wave.n = blocks * LANES;
        if ((size_t)chunks_of(l, &wave) * stride <= most) break;
    }
    return blocks;
}

static int conv_choose(struct plan *plan, int i, const struct plan_options *o, struct why *why)
{
    struct planned *l = &plan->layers[i];
    char word[96], problem[128], isas[128];
    l->conv.frozen = !plan->training;
    for (int d = 0; d < CONV_DIRECTIONS; d++) {
        l->variant[d] = conv_pick(&l->conv, (enum conv_direction)d, o->isas, o->algo);
        if (!l->variant[d] && o->algo && conv_algo_known(o->isas, o->algo)) /* not for this shape */
            l->variant[d] = conv_pick(&l->conv, (enum conv_direction)d, o->isas, "direct");
    }
    if (!l->variant[CONV_FWD])
        return why_fail(why, -EINVAL, "plan: layer %d \"%s\" (%s): no convolution \"%s\" for it on %s; take algorithm \"auto\"", i,
                        layer_print(&plan->net.layers[i], word, sizeof word), conv_print(&l->conv, problem, sizeof problem),
                        o->algo ? o->algo : "auto", isa_list(o->isas, isas, sizeof isas));
    assert(l->variant[CONV_BWD_WEIGHTS]);
    l->tiles = tiles_wanted(&plan->net, i) ? plan->tiles : NULL;
    l->wave = wave_blocks(l, plan_stride(plan, i));
    return 0;
}

/* One name, or with a slash between forward, backward-data and backward-weights where they differ. */
static const char *conv_algorithm(const struct plan *plan, int i, char text[96])
{
    const struct conv_variant *const *v = plan->layers[i].variant;
    if (plan->layers[i].tiles) return plan->layers[i].tiles->head.algo;
    assert(v[CONV_FWD]);
    assert(!plan->training || v[CONV_BWD_DATA]);
    assert(!plan->training || v[CONV_BWD_WEIGHTS]);
    if (!plan->training || (v[CONV_FWD] == v[CONV_BWD_DATA] && v[CONV_FWD] == v[CONV_BWD_WEIGHTS])) return v[CONV_FWD]->head.algo;
    snprintf(text, 96, "%s/%s/%s", v[CONV_FWD]->head.algo, v[CONV_BWD_DATA]->head.algo, v[CONV_BWD_WEIGHTS]->head.algo);
    return text;
}

/* The rows of x that rows of dy meet, of whole blocks where they lie in several. */
static struct span rows_met(const struct conv *p, struct span rows)
{
    const int first = rows.begin / p->p, last = (rows.end - 1) / p->p;
    int begin = rows.begin % p->p * p->step - p->top, end = (rows.end - 1) % p->p * p->step - p->top + p->r;
    begin = begin < 0 ? 0 : begin < p->h ? begin : p->h;
    end = end < 0 ? 0 : end < p->h ? end : p->h;
    return (struct span){ first * p->h + begin, last * p->h + end };
}

/* Floats of the largest chunk of any number of blocks. */
static void measure_chunks(struct plan *plan, int i)
{
    struct planned *l = &plan->layers[i];
    const struct job job = job_of(plan, i);
    struct conv p = l->conv;
    int dy = 0, x = 0;
    for (int blocks = 1, all = image_blocks(plan->at_once); blocks <= all && blocks <= l->wave; blocks++) {
        p.n = blocks * LANES;
        for (int chunk = 0; chunk < chunks_of(l, &p); chunk++) {
            const struct span rows = chunk_of(l, &p, chunk), met = rows_met(&p, rows);
            dy = rows.end - rows.begin > dy ? rows.end - rows.begin : dy;
            x = met.end - met.begin > x ? met.end - met.begin : x;
        }
    }
    l->chunk_dy = storage_is_bf16(&job, OPERAND_DY) ? (size_t)dy * (size_t)p.q * (size_t)p.k * LANES : 0;
    l->chunk_x = storage_is_bf16(&job, OPERAND_X) ? (size_t)x * (size_t)p.w * (size_t)p.c * LANES : 0;
}

static void conv_place(struct plan *plan, int i)
{
    struct planned *l = &plan->layers[i];
    assert(l->variant[CONV_FWD]);
    if (l->tiles) {
        tiles_place(plan, i, &l->conv);
        tiles_place_lines(plan, i);
        return;
    }
    if (plan->training) measure_chunks(plan, i);
    l->packed[CONV_FWD] = plan_take(plan, SCRATCH, l->variant[CONV_FWD]->packed_bytes(&l->conv, CONV_FWD));
    if (plan->training && i > plan->buffers.lowest)
        l->packed[CONV_BWD_DATA] = plan_take(plan, SCRATCH, l->variant[CONV_BWD_DATA]->packed_bytes(&l->conv, CONV_BWD_DATA));
}

static size_t conv_worker_bytes(const struct plan *plan, int i)
{
    const struct planned *l = &plan->layers[i];
    size_t most = 0;
    if (l->tiles) return tiles_worker_bytes(plan, i);
    for (int d = 0; d < (plan->training ? CONV_DIRECTIONS : 1); d++) {
        const size_t bytes = l->variant[d]->scratch_bytes(&l->conv);
        most = bytes > most ? bytes : most;
    }
    return most;
}

static int weight_chunks(const struct planned *l) { return chunks_of(l, &l->conv); }

static struct span weight_chunk(const struct planned *l, int i) { return chunk_of(l, &l->conv, i); }

static size_t conv_partials(const struct plan *plan, int i)
{
    struct planned wave = plan->layers[i];
    assert(wave.wave >= 1);
    const int blocks = image_blocks(plan->at_once);
    wave.conv.n = (blocks < wave.wave ? blocks : wave.wave) * LANES;
    return (size_t)weight_chunks(&wave) * plan_stride(plan, i);
}

/* Forward and backward-weights read x: both have to. */
static bool conv_reads_through(const struct planned *l)
{
    const unsigned both = l->variant[CONV_FWD]->head.promises & l->variant[CONV_BWD_WEIGHTS]->head.promises;
    return !l->tiles && both & READS_THROUGH;
}

/* In bf16 rows are made one by one; a call for two of them sets its tiles up half as often. */
enum { TILE_ROWS = 2 };

static int forward_grain(const struct planned *l) { return l->tiles ? TILE_ROWS : l->variant[CONV_FWD]->grain(&l->conv, CONV_FWD); }

static int data_grain(const struct planned *l) { return l->tiles ? TILE_ROWS : l->variant[CONV_BWD_DATA]->grain(&l->conv, CONV_BWD_DATA); }

/* May ReLUs on both sides be left to it? */
static bool conv_gates(const struct planned *l)
{
    return l->variant[CONV_FWD]->head.promises & l->variant[CONV_BWD_DATA]->head.promises & GATES;
}

/* ---- forward and back to the input ------------------------------------------------------------------------------------------------- */

static void conv_pack(const struct plan *plan, int i, enum conv_direction direction)
{
    const struct planned *l = &plan->layers[i];
    if (l->tiles) {
        tiles_pack(plan, i, &l->conv, direction);
        return;
    }
    assert(l->packed[direction]);
    l->variant[direction]->pack(&l->conv, direction, plan_value_of(plan, i, 0), l->packed[direction]);
}

static void forward_rows(const struct job *j, struct span rows, int worker)
{
    const struct planned *l = j->layer;
    const real *bias = plan_value_of(j->plan, j->index, 1);
    struct conv p = l->conv;
    p.relu = kernel_gates(j, WORK_FORWARD);
    if (l->tiles) tiles_forward(j, rows, worker);
    else l->variant[CONV_FWD]->fwd(&p, rows, l->x, l->packed[CONV_FWD], bias, l->y, j->plan->worker_scratch[worker]);
}

static void data_rows(const struct job *j, struct span rows, int worker)
{
    const struct planned *l = j->layer;
    struct conv p = l->conv;
    p.by = kernel_gates(j, WORK_DATA) ? l->x : NULL;
    if (l->tiles) tiles_data(j, rows, worker);
    else l->variant[CONV_BWD_DATA]->bwd_data(&p, rows, l->dy, l->packed[CONV_BWD_DATA], l->dx, j->plan->worker_scratch[worker]);
}

/* ---- the gradients of its weights -------------------------------------------------------------------------------------------------- */

/* dy and x of the images that begin at block `first` of the job's, as far as rows of dy meet them. */
struct chunk_operands {
    const real *dy, *x;
};

static struct chunk_operands operands_of(const struct job *j, const struct conv *p, int first, struct span rows, int worker)
{
    const struct span met = rows_met(p, rows);
    const int out = first * p->p, in = first * p->h;
    real *area = storage_area(j, worker);
    const real *dy = storage_floats(j, OPERAND_DY, (struct span){ out + rows.begin, out + rows.end }, area);
    const real *x = storage_floats(j, OPERAND_X, (struct span){ in + met.begin, in + met.end }, area + j->layer->chunk_dy);
    return (struct chunk_operands){ dy + block_at(first, j->what->out), x + block_at(first, j->what->in) };
}

/* Some filters' sums over a chunk of the images of p, which begin at block `first` of the job's; all filters' go to dw. */
static void conv_sums(const struct job *j, const struct conv *p, int first, int chunk, struct span filters, real *dw, int worker)
{
    const struct planned *l = j->layer;
    const size_t filter = (size_t)p->r * (size_t)p->s * (size_t)p->c, before = (size_t)filters.begin;
    const struct span rows = chunk_of(l, p, chunk);
    real *db = sums_bias(j, dw), *to = dw + before * filter, *bias = db ? db + before : NULL;
    if (l->tiles) {
        tiles_sums(j, &(struct tiles_sums){ *p, first, rows, filters, to, bias }, worker);
    } else {
        const struct conv part = conv_filters(p, filters);
        const struct chunk_operands o = operands_of(j, p, first, rows, worker);
        l->variant[CONV_BWD_WEIGHTS]->bwd_weights(&part, rows, o.dy + before * LANES, o.x, to, bias, j->plan->worker_scratch[worker]);
    }
    if (filters.end == p->k) sums_clear_padding(j, dw);
}

/* Units are parts of a wave's chunks. */
static void wave_sums(void *context, int begin, int end, int worker)
{
    const struct job *j = context;
    const struct planned *l = j->layer;
    struct conv wave = l->conv;
    wave.n = wave_images(j->plan, j->block, l->wave);
    for (int i = begin; i < end; i++) {
        const int chunk = i / j->parts;
        conv_sums(j, &wave, j->block, chunk, conv_part(&wave, j->parts, i % j->parts), j->to + (size_t)chunk * j->stride, worker);
    }
}

static void weights_whole(struct plan *plan, struct team *team, int i)
{
    struct job job = job_of(plan, i);
    real *gradient = plan_gradient_of(plan, i, 0);
    job.stride = plan_stride(plan, i);
    for (; job.block < image_blocks(plan->pass.n); job.block += job.layer->wave) {
        struct conv wave = job.layer->conv;
        wave.n = wave_images(plan, job.block, job.layer->wave);
        job.chunks = chunks_of(job.layer, &wave);
        job.add = plan->pass.accumulate || job.block > 0;
        job.parts = conv_parts(&wave, job.chunks, team_workers(team));
        bool direct = job.chunks == 1 && !job.add;
        job.to = direct ? gradient : partials_of(plan, job.layer);
        team_run(team, job.chunks * job.parts, wave_sums, &job);
        job.to = gradient;
        if (!direct) sums_merge(plan, team, &job);
    }
}

/* Of a piece, where no chunk reaches over blocks: they are counted from the pass's first, as everywhere. */
static void weights_rows(const struct job *job, struct span chunks, int worker)
{
    const struct planned *l = job->layer;
    struct conv block = l->conv;
    block.n = LANES;
    const int before = job->first * chunks_of(l, &block);
    const size_t stride = plan_stride(job->plan, job->index);
    for (int chunk = chunks.begin; chunk < chunks.end; chunk++)
        conv_sums(job, &l->conv, 0, chunk - before, (struct span){ 0, l->conv.k }, partials_of(job->plan, l) + (size_t)chunk * stride,
                  worker);
}

/* What all pieces' chunks come to. */
static struct chunk_sums weights_merge(const struct plan *plan, int i)
{
    const struct planned *l = &plan->layers[i];
    const size_t stride = plan_stride(plan, i);
    real *gradient = plan_gradient_of(plan, i, 0);
    return (struct chunk_sums){ partials_of(plan, l), gradient, weight_chunks(l), stride, stride, plan->pass.accumulate };
}

static bool conv_stores(const struct planned *l, enum operand which)
{
    (void)l, (void)which;
    return true;
}

static const struct word words[] = { { "conv", read_conv, 0, "conv8[r5][s3][step2][same|pad1|pad1,0,1,0][b0]",
                                       "convolution to 8 channels: kernel 3x3 unless r, s; stride 1; no padding; b0: no bias" },
                                     { .name = NULL } };

const struct layer_row layer_conv = {
    .name = "conv", .words = words, .print = print_conv, .shape = conv_shape, .window = conv_window, .macs = conv_macs,
    .way_out = "; change window or padding, or shrink the image less before it", .tensors = conv_tensors, .reads_input = true,
    .gates = conv_gates, .stores = conv_stores, .problem = conv_problem, .images = conv_images,
    .choose = conv_choose, .algorithm = conv_algorithm, .place = conv_place, .reads_through = conv_reads_through,
    .worker_bytes = conv_worker_bytes, .partials = conv_partials,
    .pack = conv_pack,
    .work = {
        [WORK_LINES] = { .rows = tiles_lines },
        [WORK_FORWARD] = { .rows = forward_rows, .grain = forward_grain },
        [WORK_DLINES] = { .rows = tiles_dlines },
        [WORK_WEIGHTS] = { .rows = weights_rows, .whole = weights_whole, .merge = weights_merge, .chunks = weight_chunks,
                           .chunk = weight_chunk },
        [WORK_DATA] = { .rows = data_rows, .grain = data_grain },
    },
};
