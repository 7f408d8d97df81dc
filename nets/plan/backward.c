/* SPDX-License-Identifier: MIT
 * Backward, one function per kind of work: from dy to dx (where somebody below needs it) and to the gradients of the layer's
 * parameters. Gradients are sums over images. Their shape is fixed by the layer alone: waves of image blocks, added in order; within a wave
 * chunks, each summed by one call into its own place and merged by a pairwise tree. Hence the same bits for any number of workers, and for
 * a batch fed in micro-batches of whole waves. */
#include "internal.h"

#include <assert.h>
#include <string.h>

/* ---- sums -------------------------------------------------------------------------------------------------------------------------- */

enum { STRIP_VECTORS = 64 };            /* the tree runs over 4 KiB of every chunk at a time, so that they stay in cache */

static void add_to(real *restrict to, const real *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

/* Elements [begin, end) of all chunks: pairs, pairs of pairs …, in place; then over or onto the target. */
static void merge_elements(const struct job *j, size_t begin, size_t end)
{
    real *first = partials_of(j->plan, j->layer) + begin;
    size_t count = end - begin;
    for (int gap = 1; gap < j->chunks; gap *= 2)
        for (int chunk = 0; chunk + gap < j->chunks; chunk += 2 * gap)
            add_to(first + (size_t)chunk * j->stride, first + (size_t)(chunk + gap) * j->stride, count);
    if (j->add)
        add_to(j->to + begin, first, count);
    else
        memcpy(j->to + begin, first, count * sizeof(real));
}

static void merge_strips(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    const size_t strip = (size_t)STRIP_VECTORS * LANES;
    for (int i = begin; i < end; i++) {
        size_t from = (size_t)i * strip, to = from + strip;
        merge_elements(j, from, to < j->stride ? to : j->stride);
    }
}

static void merge(struct plan *plan, struct team *team, struct job *job)
{
    const size_t strip = (size_t)STRIP_VECTORS * LANES;
    assert(job->layer->partial + (size_t)job->chunks * job->stride <= plan->partial_count);
    team_run(team, (int)((job->stride + strip - 1) / strip), merge_strips, job);
}

/* The padding behind a weight's and a bias's sums: scratch is not zero there, gradients must be. */
static void clear_padding(const struct job *j, real *sums)
{
    for (int which = 0; which < j->layer->tensors; which++) {
        size_t count = j->plan->tensor[j->layer->tensor + which].tensor.count, room = round16(count);
        memset(sums + count, 0, (room - count) * sizeof(real));
        sums += room;
    }
}

/* Where the bias's sums are when the weight's are at `weight`; NULL without bias. */
static real *bias_behind(const struct job *j, real *weight)
{
    return j->layer->tensors > 1 ? weight + round16(j->plan->tensor[j->layer->tensor].tensor.count) : NULL;
}

/* Images of the wave that begins at a block. */
static int wave_images(const struct plan *plan, int block, int blocks)
{
    int left = plan->pass.n - block * LANES;
    return left < blocks * LANES ? left : blocks * LANES;
}

/* ---- convolution ------------------------------------------------------------------------------------------------------------------- */

/* Some filters' sums over a chunk of the images that p, dy and x are of; all filters' go to dw. */
static void conv_sums(const struct job *j, const struct conv *p, const real *dy, const real *x, int chunk, struct span filters, real *dw,
                      int worker)
{
    const struct conv_variant *v = j->layer->variant[CONV_BWD_WEIGHTS];
    const struct conv part = conv_filters(p, filters);
    const size_t filter = (size_t)p->r * (size_t)p->s * (size_t)p->c, first = (size_t)filters.begin;
    real *db = bias_behind(j, dw);
    v->bwd_weights(&part, conv_chunk(v, p, chunk), dy + first * LANES, x, dw + first * filter, db ? db + first : NULL,
                   j->plan->worker_scratch[worker]);
    if (filters.end == p->k)
        clear_padding(j, dw);
}

/* Units are parts of a wave's chunks. */
static void conv_wave_sums(void *context, int begin, int end, int worker)
{
    const struct job *j = context;
    const struct planned *l = j->layer;
    struct conv wave = l->conv;
    wave.n = wave_images(j->plan, j->block, l->wave);
    const real *dy = l->dy + block_at(j->block, j->what->out), *x = l->x + block_at(j->block, j->what->in);
    for (int i = begin; i < end; i++) {
        const int chunk = i / j->parts;
        conv_sums(j, &wave, dy, x, chunk, conv_part(&wave, j->parts, i % j->parts), j->to + (size_t)chunk * j->stride, worker);
    }
}

/* Of a piece, where no chunk reaches over blocks: they are counted from the pass's first, as everywhere. */
static void conv_piece_sums(const struct job *job, struct span chunks, int worker)
{
    const struct planned *l = job->layer;
    struct conv block = l->conv;
    block.n = LANES;
    const int before = job->first * conv_chunks(l->variant[CONV_BWD_WEIGHTS], &block);
    const size_t stride = plan_stride(job->plan, job->index);
    for (int chunk = chunks.begin; chunk < chunks.end; chunk++)
        conv_sums(job, &l->conv, l->dy, l->x, chunk - before, (struct span){ 0, l->conv.k },
                  partials_of(job->plan, l) + (size_t)chunk * stride, worker);
}

/* What all pieces' chunks come to. */
static void conv_merge(struct plan *plan, struct team *team, int i)
{
    struct job job = job_of(plan, i);
    job.stride = plan_stride(plan, i);
    job.chunks = conv_chunks(job.layer->variant[CONV_BWD_WEIGHTS], &job.layer->conv);
    job.add = plan->pass.accumulate;
    job.to = plan_gradient_of(plan, i, 0);
    merge(plan, team, &job);
}

static void conv_weights(struct plan *plan, struct team *team, int i)
{
    struct job job = job_of(plan, i);
    real *gradient = plan_gradient_of(plan, i, 0);
    job.stride = plan_stride(plan, i);
    for (; job.block < image_blocks(plan->pass.n); job.block += job.layer->wave) {
        struct conv wave = job.layer->conv;
        wave.n = wave_images(plan, job.block, job.layer->wave);
        job.chunks = conv_chunks(job.layer->variant[CONV_BWD_WEIGHTS], &wave);
        job.add = plan->pass.accumulate || job.block > 0;
        job.parts = conv_parts(&wave, job.chunks, team_workers(team));
        bool direct = job.chunks == 1 && !job.add;
        job.to = direct ? gradient : partials_of(plan, job.layer);
        team_run(team, job.chunks * job.parts, conv_wave_sums, &job);
        job.to = gradient;
        if (!direct)
            merge(plan, team, &job);
    }
}

static void conv_rows(const struct job *j, struct span rows, int worker)
{
    const struct planned *l = j->layer;
    l->variant[CONV_BWD_DATA]->bwd_data(&l->conv, rows, l->dy, l->packed[CONV_BWD_DATA], l->dx, j->plan->worker_scratch[worker]);
}

/* ---- dense ------------------------------------------------------------------------------------------------------------------------- */

/* Columns in pieces of 16: the kernel's bits are the same for any such cut. */
static void dense_columns(void *context, int begin, int end, int worker)
{
    const struct job *j = context;
    const struct planned *l = j->layer;
    struct dense wave = l->dense;
    wave.n = wave_images(j->plan, j->block, WAVE_BLOCKS);
    const struct span columns = { begin * LANES, end * LANES < wave.c ? end * LANES : wave.c };
    const real *dy = l->dy + block_at(j->block, j->what->out), *x = l->x + block_at(j->block, j->what->in);
    j->plan->kernels->dense->bwd_weights(&wave, columns, dy, x, j->to, bias_behind(j, j->to), j->plan->worker_scratch[worker]);
}

static void dense_inputs(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    const struct planned *l = j->layer;
    j->plan->kernels->dense->bwd_data(&l->dense, (struct span){ begin, end }, l->dy, plan_value_of(j->plan, j->index, 0), l->dx);
}

static void dense_weights(struct plan *plan, struct team *team, int i)
{
    struct job job = job_of(plan, i);
    real *gradient = plan_gradient_of(plan, i, 0);
    job.stride = plan_stride(plan, i);
    job.chunks = 1;
    for (; job.block < image_blocks(plan->pass.n); job.block += WAVE_BLOCKS) {
        job.add = plan->pass.accumulate || job.block > 0;
        job.to = job.add ? partials_of(plan, job.layer) : gradient;
        team_run(team, (job.layer->dense.c + LANES - 1) / LANES, dense_columns, &job);
        if (!job.add)
            continue;
        clear_padding(&job, partials_of(plan, job.layer));
        job.to = gradient;
        merge(plan, team, &job);
    }
}

/* ---- batch norm -------------------------------------------------------------------------------------------------------------------- */

/* Chunks of the whole batch, each into its own place. */
static void sums_chunks(const struct job *j, struct span chunks, int worker)
{
    (void)worker;
    const struct planned *l = &j->plan->layers[j->index];
    const size_t room = round16((size_t)l->batchnorm.c), used = (size_t)l->batchnorm.c;
    for (int chunk = chunks.begin; chunk < chunks.end; chunk++) {
        real *sum_dy = partials_of(j->plan, l) + (size_t)chunk * 2 * room, *sum_dyx = sum_dy + room;
        j->plan->kernels->batchnorm->bwd_stats(&l->batchnorm, batchnorm_chunk(&l->batchnorm, chunk), l->x, l->dy, l->mean, sum_dy, sum_dyx);
        memset(sum_dy + used, 0, (room - used) * sizeof(real));
        memset(sum_dyx + used, 0, (room - used) * sizeof(real));
    }
}

/* Accumulating, gamma's and beta's gradients are made beside the sums and added. */
static void batchnorm_sums(struct plan *plan, struct team *team, int i)
{
    struct job job = job_of(plan, i);
    const struct planned *l = job.layer;
    size_t room = round16((size_t)l->batchnorm.c), used = (size_t)l->batchnorm.c;
    real *sum_dy = plan->sums, *sum_dyx = sum_dy + room, *fresh = sum_dyx + room, *a = l->coefficients;
    job.stride = 2 * room;
    job.chunks = batchnorm_chunks(&l->batchnorm);
    job.to = plan->sums;
    merge(plan, team, &job);
    real *dgamma = plan_gradient_of(plan, i, 0), *dbeta = plan_gradient_of(plan, i, 1);
    bool add = plan->pass.accumulate;
    batchnorm_bwd_fold(&l->batchnorm, job.what->batchnorm.eps, l->variance, plan_value_of(plan, i, 0), sum_dy, sum_dyx,
                       add ? fresh : dgamma, add ? fresh + room : dbeta, a, a + room, a + 2 * room);
    if (add) {
        add_to(dgamma, fresh, used);
        add_to(dbeta, fresh + room, used);
    }
}

static void batchnorm_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    const size_t room = round16((size_t)l->batchnorm.c);
    const real *a = l->coefficients, *b = a + room, *d = b + room;
    j->plan->kernels->batchnorm->bwd_apply(&l->batchnorm, rows, l->x, l->dy, l->mean, a, b, d, l->dx);
}

/* ---- without parameters ------------------------------------------------------------------------------------------------------------ */

static void pool_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    j->plan->kernels->pool->bwd(&l->pool, rows, l->dy, l->which, l->dx);
}

static void activation_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    j->plan->kernels->activation->bwd(&j->what->activation, row_vectors(rows, j->what->out), l->y, l->dy, l->dx);
}

static void dropout_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    const struct dropout dropout = { .threshold = dropout_threshold(j->what->dropout.rate) };
    j->plan->kernels->dropout->bwd(&dropout, row_vectors(rows, j->what->out), l->dy, l->kept, l->dx);
}

/* ---- add --------------------------------------------------------------------------------------------------------------------------- */

/* da is dy: a copy only where both are needed apart (see buffers.c). The source's share follows when its gradient is there. */
static void add_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    const struct span vectors = row_vectors(rows, j->what->out);
    if (l->dx != l->dy)
        memcpy(l->dx + (size_t)vectors.begin * LANES, l->dy + (size_t)vectors.begin * LANES,
               (size_t)(vectors.end - vectors.begin) * LANES * sizeof(real));
}

static void skip_rows(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    j->plan->kernels->add->bwd(&j->layer->add, (struct span){ begin, end }, j->layer->dy, j->to);
}

/* The gradient of `layer` is there from the layer behind it: adds the dy of every add whose source it is. */
static void skips(struct plan *plan, struct team *team, int layer)
{
    for (int i = layer + 2; i < plan->net.count; i++) {
        struct job job = job_of(plan, i);
        if (job.what->kind != LAYER_ADD || i - job.what->add.back != layer)
            continue;
        job.to = plan->layers[layer].dy;
        assert(job.to && job.to != job.layer->dy);
        team_run(team, pass_rows(plan, job.layer->add.h), skip_rows, &job);
    }
}

void backward_sums(struct plan *plan, struct team *team, struct stage s)
{
    if (s.work == WORK_WEIGHTS)
        conv_merge(plan, team, s.layer);
    if (s.work == WORK_SUMS)
        batchnorm_sums(plan, team, s.layer);
}

/* ---- which ------------------------------------------------------------------------------------------------------------------------- */

void backward_whole(struct plan *plan, struct team *team, struct stage s)
{
    struct job job = job_of(plan, s.layer);
    if (s.work == WORK_SKIPS)
        skips(plan, team, s.layer);
    else if (s.work == WORK_WEIGHTS && job.what->kind == LAYER_CONV)
        conv_weights(plan, team, s.layer);
    else if (s.work == WORK_WEIGHTS)
        dense_weights(plan, team, s.layer);
    else
        team_run(team, job.layer->dense.c, dense_inputs, &job);
}

rows_fn *backward_rows(enum work work, enum layer_kind kind)
{
    static rows_fn *const rows[] = {
        [LAYER_CONV] = conv_rows, [LAYER_POOL] = pool_rows, [LAYER_BATCHNORM] = batchnorm_rows, [LAYER_ACTIVATION] = activation_rows,
        [LAYER_DROPOUT] = dropout_rows, [LAYER_ADD] = add_rows,
    };
    const bool weights = work == WORK_WEIGHTS && kind == LAYER_CONV;
    return weights ? conv_piece_sums : work == WORK_SUMS ? sums_chunks : work == WORK_DATA ? rows[kind] : NULL;
}
