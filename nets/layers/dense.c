/* SPDX-License-Identifier: MIT
 * A dense layer reads all of an image, so it cuts its own work: by outputs, by inputs, and for the gradients of its weights by columns of
 * sixteen inputs, each summed over a whole wave of images in order. */
#include <assert.h>
#include "layer.h"

#include "../plan/internal.h"
#include "tiles.h"
#include "words.h"

static bool read_dense(const char *text, struct layer *l, int detail)
{
    (void)detail;
    int bias = 1;
    const struct option options[] = { { "b", WHOLE, &bias }, { NULL, FLAG, NULL } };
    bool ok = read_whole(&text, &l->dense.k) && read_options(text, options) && bias <= 1;
    l->dense.bias = bias == 1;
    return ok;
}

static void print_dense(const struct layer *l, char *text, size_t size)
{
    append(text, size, "dense%d%s", l->dense.k, l->dense.bias ? "" : "b0");
}

static const char *dense_shape(struct layer *l)
{
    assert(l->in.c >= 1);
    struct dense *d = &l->dense;
    d->n = 1, d->c = l->in.c * l->in.h * l->in.w;
    const char *wrong = dense_complete(d);
    d->n = 0;
    l->out = (struct shape){ d->k, 1, 1 };
    return wrong;
}

/* A window of the whole image. */
static struct window dense_window(const struct layer *l) { return (struct window){ l->in.h, 1, 0 }; }

static double dense_macs(const struct layer *l) { return (double)l->dense.k * l->dense.c; }

static void dense_tensors(const struct layer *l, struct tensor_row *list)
{
    list[0] = (struct tensor_row){ "weight", .trained = true, .drawn = true, .rank = 2, .extent = { l->dense.k, l->dense.c } };
    if (l->dense.bias) list[1] = (struct tensor_row){ "bias", .trained = true, .drawn = true, .rank = 1, .extent = { l->dense.k } };
}

/* ---- planning ---------------------------------------------------------------------------------------------------------------------- */

static const char *dense_problem(const struct net *net, int i, int n, struct planned *l)
{
    assert(n >= 1);
    l->dense = net->layers[i].dense;
    l->dense.n = n;
    return dense_complete(&l->dense);
}

static void dense_images(struct planned *l, int n) { l->dense.n = n; }

static int dense_choose(struct plan *plan, int i, const struct plan_options *o, struct why *why)
{
    (void)o, (void)why;
    plan->layers[i].tiles = tiles_wanted(&plan->net, i) ? plan->tiles : NULL;
    return 0;
}

static void dense_place(struct plan *plan, int i)
{
    const struct conv p = tiles_dense(&plan->layers[i].dense, LANES);
    if (plan->layers[i].tiles) tiles_place(plan, i, &p);
}

static void dense_pack(const struct plan *plan, int i, enum conv_direction direction)
{
    const struct conv p = tiles_dense(&plan->layers[i].dense, LANES);
    tiles_pack(plan, i, &p, direction);
}

static const char *dense_algorithm(const struct plan *plan, int i, char text[96])
{
    (void)text;
    if (plan->layers[i].tiles) return plan->layers[i].tiles->head.algo;
    return plan->kernels->dense->head.algo;
}

static size_t dense_worker_bytes(const struct plan *plan, int i)
{
    assert(plan->at_once >= 1);
    struct dense wave = plan->layers[i].dense;
    if (plan->layers[i].tiles) return tiles_worker_bytes(plan, i);
    const int blocks = image_blocks(plan->at_once);
    wave.n = (blocks < WAVE_BLOCKS ? blocks : WAVE_BLOCKS) * LANES;
    return plan->training ? dense_scratch_bytes(&wave) : 0;
}

/* ---- running ----------------------------------------------------------------------------------------------------------------------- */

static void outputs(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    const struct planned *l = j->layer;
    const real *w = plan_value_of(j->plan, j->index, 0), *b = plan_value_of(j->plan, j->index, 1);
    j->plan->kernels->dense->fwd(&l->dense, (struct span){ begin, end }, l->x, w, b, l->y);
}

/* In bf16 units are image blocks. */
static void tile_outputs(void *context, int begin, int end, int worker)
{
    tiles_dense_forward(context, (struct span){ begin, end }, worker);
}

static void forward_blocks(const struct job *j, struct span blocks, int worker)
{
    if (j->layer->tiles) tiles_dense_forward(j, blocks, worker);
    else outputs((void *)(uintptr_t)j, 0, j->layer->dense.k, worker);
}

static void forward_whole(struct plan *plan, struct team *team, int i)
{
    struct job job = job_of(plan, i);
    if (job.layer->tiles) team_run(team, image_blocks(plan->pass.n), tile_outputs, &job);
    else team_run(team, job.layer->dense.k, outputs, &job);
}

static void inputs(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    const struct planned *l = j->layer;
    j->plan->kernels->dense->bwd_data(&l->dense, (struct span){ begin, end }, l->dy, plan_value_of(j->plan, j->index, 0), l->dx);
}

static void tile_inputs(void *context, int begin, int end, int worker) { tiles_dense_data(context, (struct span){ begin, end }, worker); }

static void data_blocks(const struct job *j, struct span blocks, int worker)
{
    if (j->layer->tiles) tiles_dense_data(j, blocks, worker);
    else inputs((void *)(uintptr_t)j, 0, j->layer->dense.c, worker);
}

static void data_whole(struct plan *plan, struct team *team, int i)
{
    struct job job = job_of(plan, i);
    if (job.layer->tiles) team_run(team, image_blocks(plan->pass.n), tile_inputs, &job);
    else team_run(team, job.layer->dense.c, inputs, &job);
}

/* Columns in pieces of 16: the kernel's bits are the same for any such cut. */
static void columns(void *context, int begin, int end, int worker)
{
    const struct job *j = context;
    const struct planned *l = j->layer;
    struct dense wave = l->dense;
    wave.n = wave_images(j->plan, j->block, WAVE_BLOCKS);
    const struct span part = { begin * LANES, end * LANES < wave.c ? end * LANES : wave.c };
    const real *dy = l->dy + block_at(j->block, j->what->out), *x = l->x + block_at(j->block, j->what->in);
    j->plan->kernels->dense->bwd_weights(&wave, part, dy, x, j->to, sums_bias(j, j->to), j->plan->worker_scratch[worker]);
}

/* In bf16 a wave is one chunk, and units are parts of the filters. */
static void filters(void *context, int begin, int end, int worker)
{
    const struct job *j = context;
    const struct dense *d = &j->layer->dense;
    const int n = wave_images(j->plan, j->block, WAVE_BLOCKS);
    const struct conv p = tiles_dense(d, n);
    real *db = sums_bias(j, j->to);
    for (int i = begin; i < end; i++) {
        const struct span part = conv_part(&p, j->parts, i);
        const size_t first = (size_t)part.begin;
        tiles_dense_sums(j, n, part, j->to + first * (size_t)d->c, db ? db + first : NULL, worker);
    }
}

static void weights_whole(struct plan *plan, struct team *team, int i)
{
    assert(plan->pass.training);
    struct job job = job_of(plan, i);
    real *gradient = plan_gradient_of(plan, i, 0);
    assert(gradient);
    job.stride = plan_stride(plan, i);
    job.chunks = 1;
    for (; job.block < image_blocks(plan->pass.n); job.block += WAVE_BLOCKS) {
        job.add = plan->pass.accumulate || job.block > 0;
        job.to = job.add ? partials_of(plan, job.layer) : gradient;
        if (job.layer->tiles) {
            const struct conv p = tiles_dense(&job.layer->dense, LANES);
            job.parts = conv_parts(&p, 1, team_workers(team));
            team_run(team, job.parts, filters, &job);
        } else {
            team_run(team, (job.layer->dense.c + LANES - 1) / LANES, columns, &job);
        }
        if (!job.add) continue;
        sums_clear_padding(&job, partials_of(plan, job.layer));
        job.to = gradient;
        sums_merge(plan, team, &job);
    }
}

/* Tiles read an image's values as lines, where channels come out in twos. */
static bool dense_stores(const struct planned *l, enum operand which) { return which == OPERAND_X && l->tiles && (l->dense.c % 2 == 0); }

static const struct word words[] = {
    { "dense", read_dense, 0, "dense10[b0]", "fully connected to 10 outputs; flattens by itself; b0: no bias" }, { .name = NULL }
};

const struct layer_row layer_dense = {
    .name = "dense", .words = words, .print = print_dense, .shape = dense_shape, .window = dense_window, .macs = dense_macs,
    .tensors = dense_tensors, .reads_input = true, .stores = dense_stores, .problem = dense_problem, .images = dense_images,
    .choose = dense_choose, .place = dense_place, .pack = dense_pack, .algorithm = dense_algorithm,
    .worker_bytes = dense_worker_bytes, .partials = plan_stride,
    .work = {
        [WORK_FORWARD] = { .blocks = forward_blocks, .whole = forward_whole },
        [WORK_WEIGHTS] = { .whole = weights_whole },
        [WORK_DATA] = { .blocks = data_blocks, .whole = data_whole },
    },
};
