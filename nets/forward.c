/* SPDX-License-Identifier: MIT
 * Forward, one function per kind of layer, in a table. Each cuts its rows, vectors or outputs over the team; kernels promise the same bits
 * for any cut, and batch norm's sums run over chunks fixed by the shape, so nothing depends on the number of workers. */
#include "plan.h"

#include <assert.h>
#include "../kernels/runtime/rng.h"

static void conv_rows(void *context, int begin, int end, int worker)
{
    const struct job *j = context;
    const struct planned *l = j->layer;
    const real *bias = plan_value_of(j->plan, j->index, 1);
    const struct conv_variant *v = l->variant[CONV_FWD];
    const struct span rows = conv_unit_rows(v, &l->conv, CONV_FWD, (struct span){ begin, end });
    v->fwd(&l->conv, rows, l->x, l->packed[CONV_FWD], bias, l->y, j->plan->worker_scratch[worker]);
}

static void conv_forward(struct plan *plan, int i)
{
    struct job job = job_of(plan, i);
    team_run(plan->team, conv_units(job.layer->variant[CONV_FWD], &job.layer->conv, CONV_FWD), conv_rows, &job);
}

static void pool_rows(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    const struct planned *l = j->layer;
    uint8_t *which = j->plan->pass.training ? l->which : NULL;
    j->plan->kernels->pool->fwd(&l->pool, (struct span){ begin, end }, l->x, l->y, which);
}

static void pool_forward(struct plan *plan, int i)
{
    struct job job = job_of(plan, i);
    team_run(plan->team, pass_rows(plan, plan->layers[i].pool.p), pool_rows, &job);
}

static void dense_outputs(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    const struct planned *l = j->layer;
    const real *w = plan_value_of(j->plan, j->index, 0), *b = plan_value_of(j->plan, j->index, 1);
    j->plan->kernels->dense->fwd(&l->dense, (struct span){ begin, end }, l->x, w, b, l->y);
}

static void dense_forward(struct plan *plan, int i)
{
    struct job job = job_of(plan, i);
    team_run(plan->team, plan->layers[i].dense.k, dense_outputs, &job);
}

/* ---- batch norm -------------------------------------------------------------------------------------------------------------------- */

static void batchnorm_chunk_stats(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    const struct planned *l = j->layer;
    size_t c = (size_t)l->batchnorm.c;
    real *mean = j->to, *m2 = j->to + (size_t)j->chunks * c;
    for (int chunk = begin; chunk < end; chunk++) {
        size_t at = (size_t)chunk * c;
        j->plan->kernels->batchnorm->stats(&l->batchnorm, batchnorm_chunk(&l->batchnorm, chunk), l->x, mean + at, m2 + at);
    }
}

static void batchnorm_rows(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    const struct planned *l = j->layer;
    const real *scale = j->plan->coefficients, *shift = scale + j->plan->channels;
    j->plan->kernels->batchnorm->apply(&l->batchnorm, (struct span){ begin, end }, l->x, scale, shift, l->y);
}

/* The batch's mean and variance into the layer's own arrays, and tracked. */
static void batchnorm_measure(struct plan *plan, int i)
{
    struct planned *l = &plan->layers[i];
    struct job job = job_of(plan, i);
    job.chunks = batchnorm_chunks(&l->batchnorm);
    job.to = plan->partials;
    assert(2 * (size_t)job.chunks * (size_t)l->batchnorm.c <= plan->partial_count);
    team_run(plan->team, job.chunks, batchnorm_chunk_stats, &job);
    batchnorm_merge(&l->batchnorm, job.to, job.to + (size_t)job.chunks * (size_t)l->batchnorm.c, l->mean, l->variance);
    batchnorm_track(&l->batchnorm, plan->net.layers[i].batchnorm.momentum, l->mean, l->variance, plan_value_of(plan, i, 2),
                    plan_value_of(plan, i, 3));
}

static void batchnorm_forward(struct plan *plan, int i)
{
    struct planned *l = &plan->layers[i];
    const real *mean = plan_value_of(plan, i, 2), *variance = plan_value_of(plan, i, 3);
    if (plan->pass.training) {
        batchnorm_measure(plan, i);
        mean = l->mean, variance = l->variance;
    }
    batchnorm_fold(l->batchnorm.c, plan->net.layers[i].batchnorm.eps, mean, variance, plan_value_of(plan, i, 0), plan_value_of(plan, i, 1),
                   plan->coefficients, plan->coefficients + plan->channels);
    struct job job = job_of(plan, i);
    team_run(plan->team, pass_rows(plan, l->batchnorm.h), batchnorm_rows, &job);
}

/* ---- element by element ------------------------------------------------------------------------------------------------------------ */

static void activation_vectors(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    j->plan->kernels->activation->fwd(&j->what->activation, (struct span){ begin, end }, j->layer->x, j->layer->y);
}

static void activation_forward(struct plan *plan, int i)
{
    struct job job = job_of(plan, i);
    team_run(plan->team, pass_vectors(plan, job.what->out), activation_vectors, &job);
}

/* In inference mode nothing is dropped; where the output has a buffer of its own that is a copy, which a threshold of 0 makes. */
static struct dropout dropout_of(const struct plan *plan, const struct job *j)
{
    if (!plan->pass.training)
        return (struct dropout){ .threshold = 0 };
    struct pass_key key = plan->pass.key;
    uint32_t which = (uint32_t)j->layer->ordinal + key.part * NET_MAX_LAYERS;
    struct philox_key stream = stream_key(key.seed, STREAM_DROPOUT, key.step, which);
    return (struct dropout){ dropout_threshold(j->what->dropout.rate), { stream.k[0], stream.k[1] } };
}

static void dropout_vectors(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    struct dropout dropout = dropout_of(j->plan, j);
    j->plan->kernels->dropout->fwd(&dropout, (struct span){ begin, end }, j->layer->x, j->layer->y, j->layer->kept);
}

static void dropout_forward(struct plan *plan, int i)
{
    struct job job = job_of(plan, i);
    if (plan->pass.training || job.layer->x != job.layer->y)
        team_run(plan->team, pass_vectors(plan, job.what->out), dropout_vectors, &job);
}

static void add_rows(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    const struct planned *l = j->layer;
    j->plan->kernels->add->fwd(&l->add, (struct span){ begin, end }, l->x, l->skip, l->y);
}

static void add_forward(struct plan *plan, int i)
{
    struct job job = job_of(plan, i);
    team_run(plan->team, pass_rows(plan, plan->layers[i].add.h), add_rows, &job);
}

layer_fn *const layer_forward[] = {
    [LAYER_CONV] = conv_forward, [LAYER_POOL] = pool_forward, [LAYER_DENSE] = dense_forward, [LAYER_BATCHNORM] = batchnorm_forward,
    [LAYER_ACTIVATION] = activation_forward, [LAYER_DROPOUT] = dropout_forward, [LAYER_ADD] = add_forward,
};
