/* SPDX-License-Identifier: MIT
 * Forward, one function per kind of layer, in a table. Each makes rows of a piece of the batch; kernels promise the same bits for any cut,
 * and batch norm's sums run over chunks fixed by the shape, so nothing depends on the number of workers or on what is done together. */
#include "internal.h"

#include <assert.h>
#include "../../kernels/runtime/rng.h"

static void conv_rows(const struct job *j, struct span rows, int worker)
{
    const struct planned *l = j->layer;
    const real *bias = plan_value_of(j->plan, j->index, 1);
    l->variant[CONV_FWD]->fwd(&l->conv, rows, l->x, l->packed[CONV_FWD], bias, l->y, j->plan->worker_scratch[worker]);
}

static void pool_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    j->plan->kernels->pool->fwd(&l->pool, rows, l->x, l->y, j->plan->pass.training ? l->which : NULL);
}

static void add_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    j->plan->kernels->add->fwd(&l->add, rows, l->x, l->skip, l->y);
}

static void activation_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    j->plan->kernels->activation->fwd(&j->what->activation, row_vectors(rows, j->what->out), j->layer->x, j->layer->y);
}

/* ---- dropout ----------------------------------------------------------------------------------------------------------------------- */

static struct dropout dropout_of(const struct job *j)
{
    struct pass_key key = j->plan->pass.key;
    uint32_t which = (uint32_t)j->layer->ordinal + key.part * NET_MAX_LAYERS;
    struct philox_key stream = stream_key(key.seed, STREAM_DROPOUT, key.step, which);
    return (struct dropout){ dropout_threshold(j->what->dropout.rate), { stream.k[0], stream.k[1] } };
}

/* Vectors are counted over the whole batch: their numbers choose the random bits. In inference mode nothing is dropped; where the output
 * has a buffer of its own that is a copy, which a threshold of 0 makes. */
static void dropout_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = &j->plan->layers[j->index];
    const int before = j->first * j->what->out.h;
    const struct dropout none = { .threshold = 0 }, some = dropout_of(j);
    if (!j->plan->pass.training && l->x == l->y)
        return;
    const struct span vectors = row_vectors((struct span){ before + rows.begin, before + rows.end }, j->what->out);
    j->plan->kernels->dropout->fwd(j->plan->pass.training ? &some : &none, vectors, l->x, l->y, l->kept);
}

/* ---- batch norm -------------------------------------------------------------------------------------------------------------------- */

/* Chunks of the whole batch, each into its own place. */
static void statistics_chunks(const struct job *j, struct span chunks, int worker)
{
    (void)worker;
    const struct planned *l = &j->plan->layers[j->index];
    const size_t c = (size_t)l->batchnorm.c;
    real *mean = partials_of(j->plan, l), *m2 = mean + (size_t)batchnorm_chunks(&l->batchnorm) * c;
    for (int chunk = chunks.begin; chunk < chunks.end; chunk++) {
        const size_t at = (size_t)chunk * c;
        j->plan->kernels->batchnorm->stats(&l->batchnorm, batchnorm_chunk(&l->batchnorm, chunk), l->x, mean + at, m2 + at);
    }
}

static void fold(struct plan *plan, int i, const real *mean, const real *variance)
{
    const struct planned *l = &plan->layers[i];
    batchnorm_fold(l->batchnorm.c, plan->net.layers[i].batchnorm.eps, mean, variance, plan_value_of(plan, i, 0), plan_value_of(plan, i, 1),
                   l->coefficients, l->coefficients + round16((size_t)l->batchnorm.c));
}

/* The batch's mean and variance into the layer's own arrays, and tracked. */
void forward_statistics(struct plan *plan, int i)
{
    struct planned *l = &plan->layers[i];
    const int chunks = batchnorm_chunks(&l->batchnorm);
    const real *mean = partials_of(plan, l);
    assert(l->partial + 2 * (size_t)chunks * (size_t)l->batchnorm.c <= plan->partial_count);
    batchnorm_merge(&l->batchnorm, mean, mean + (size_t)chunks * (size_t)l->batchnorm.c, l->mean, l->variance);
    batchnorm_track(&l->batchnorm, plan->net.layers[i].batchnorm.momentum, l->mean, l->variance, plan_value_of(plan, i, 2),
                    plan_value_of(plan, i, 3));
    fold(plan, i, l->mean, l->variance);
}

void forward_fold_running(struct plan *plan)
{
    for (int i = 0; i < plan->net.count; i++)
        if (plan->net.layers[i].kind == LAYER_BATCHNORM)
            fold(plan, i, plan_value_of(plan, i, 2), plan_value_of(plan, i, 3));
}

static void normalise_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    const real *scale = l->coefficients, *shift = scale + round16((size_t)l->batchnorm.c);
    j->plan->kernels->batchnorm->apply(&l->batchnorm, rows, l->x, scale, shift, l->y);
}

/* ---- dense ------------------------------------------------------------------------------------------------------------------------- */

static void dense_outputs(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    const struct planned *l = j->layer;
    const real *w = plan_value_of(j->plan, j->index, 0), *b = plan_value_of(j->plan, j->index, 1);
    j->plan->kernels->dense->fwd(&l->dense, (struct span){ begin, end }, l->x, w, b, l->y);
}

void forward_whole(struct plan *plan, struct team *team, struct stage s)
{
    struct job job = job_of(plan, s.layer);
    assert(s.work == WORK_FORWARD && job.what->kind == LAYER_DENSE);
    team_run(team, job.layer->dense.k, dense_outputs, &job);
}

rows_fn *forward_rows(enum work work, enum layer_kind kind)
{
    static rows_fn *const rows[] = {
        [LAYER_CONV] = conv_rows, [LAYER_POOL] = pool_rows, [LAYER_ACTIVATION] = activation_rows, [LAYER_DROPOUT] = dropout_rows,
        [LAYER_ADD] = add_rows,
    };
    return work == WORK_STATISTICS ? statistics_chunks : work == WORK_NORMALISE ? normalise_rows : rows[kind];
}
