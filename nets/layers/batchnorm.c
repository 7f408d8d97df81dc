/* SPDX-License-Identifier: MIT
 * Batch norm. In training it measures mean and variance of the batch (one stage, in chunks), then normalises (rows); in inference it
 * normalises by the running ones. Backward again sums first, then makes rows. A channel's y is x * scale + shift, wherever these come
 * from. */
#include "layer.h"

#include <assert.h>
#include <string.h>
#include "../plan/internal.h"
#include "words.h"

static const float BN_EPS = 1e-5f, BN_MOMENTUM = 0.1f;

static bool read_bn(const char *text, struct layer *l, int detail)
{
    (void)detail;
    float *eps = &l->batchnorm.eps, *momentum = &l->batchnorm.momentum;
    *eps = BN_EPS;
    *momentum = BN_MOMENTUM;
    const struct option options[] = { { "eps", DECIMAL, eps }, { "mom", DECIMAL, momentum }, { NULL, FLAG, NULL } };
    return read_options(text, options);
}

static void print_bn(const struct layer *l, char *text, size_t size)
{
    append(text, size, "bn");
    if (l->batchnorm.eps != BN_EPS) append_decimal(text, size, "eps", l->batchnorm.eps);
    if (l->batchnorm.momentum != BN_MOMENTUM) append_decimal(text, size, "mom", l->batchnorm.momentum);
}

static const char *bn_shape(struct layer *l)
{
    if (!(l->batchnorm.eps > 0 && l->batchnorm.eps <= 1)) return "eps must be above 0 and at most 1";
    if (!(l->batchnorm.momentum >= 0 && l->batchnorm.momentum <= 1)) return "momentum must be 0 to 1";
    return NULL;
}

static void bn_tensors(const struct layer *l, struct tensor_row *list)
{
    const int c = l->in.c;
    assert(c >= 1);
    list[0] = (struct tensor_row){ "gamma", .trained = true, .start = 1, .rank = 1, .extent = { c } };
    list[1] = (struct tensor_row){ "beta", .trained = true, .start = 0, .rank = 1, .extent = { c } };
    list[2] = (struct tensor_row){ "running_mean", .start = 0, .rank = 1, .extent = { c } };
    list[3] = (struct tensor_row){ "running_variance", .start = 1, .rank = 1, .extent = { c } };
}

/* ---- planning ---------------------------------------------------------------------------------------------------------------------- */

static const char *bn_problem(const struct net *net, int i, int n, struct planned *l)
{
    assert(n >= 1);
    const struct shape in = net->layers[i].in;
    l->batchnorm = (struct batchnorm){ .n = n, .c = in.c, .h = in.h, .w = in.w };
    return batchnorm_complete(&l->batchnorm);
}

static void bn_images(struct planned *l, int n) { l->batchnorm.n = n; }

static const char *bn_algorithm(const struct plan *plan, int i, char text[96])
{
    (void)i, (void)text;
    return plan->kernels->batchnorm->head.algo;
}

static int bn_chunks(const struct planned *l) { return batchnorm_chunks(&l->batchnorm); }

static struct span bn_chunk(const struct planned *l, int i) { return batchnorm_chunk(&l->batchnorm, i); }

/* Floats of the largest chunk of any number of blocks, of what is bf16 beside floats: it is widened to be summed. */
static void measure_chunks(struct plan *plan, int i)
{
    struct planned *l = &plan->layers[i], some = *l;
    const struct job job = job_of(plan, i);
    const bool x = storage_is_bf16(&job, OPERAND_X), dy = storage_is_bf16(&job, OPERAND_DY);
    const size_t row = (size_t)l->batchnorm.w * (size_t)l->batchnorm.c * LANES;
    int most = 0;
    if (x == dy) return;
    for (int blocks = 1; blocks <= image_blocks(plan->batch); blocks++) {
        some.batchnorm.n = blocks * LANES;
        for (int chunk = 0; chunk < bn_chunks(&some); chunk++) {
            const struct span rows = bn_chunk(&some, chunk);
            most = rows.end - rows.begin > most ? rows.end - rows.begin : most;
        }
    }
    l->chunk_x = x ? (size_t)most * row : 0;
    l->chunk_dy = dy ? (size_t)most * row : 0;
}

/* Backward's three are beside them: a layer above may read through this one then. */
static real *scale_of(const struct planned *l) { return l->coefficients ? l->coefficients + 3 * round16((size_t)l->batchnorm.c) : NULL; }

static void bn_place(struct plan *plan, int i)
{
    struct planned *l = &plan->layers[i];
    const size_t c = (size_t)l->batchnorm.c, room = round16(c);
    assert(c >= 1);
    l->coefficients = plan_take(plan, SCRATCH, 5 * room * sizeof(real));
    l->affine.scale = scale_of(l);
    l->affine.shift = l->affine.scale ? l->affine.scale + room : NULL;
    plan->channels = plan->channels > room ? plan->channels : room;
    if (!plan->training) return;
    measure_chunks(plan, i);
    l->mean = plan_take(plan, ACTIVATIONS, c * sizeof(real));
    l->variance = plan_take(plan, ACTIVATIONS, c * sizeof(real));
}

static size_t bn_partials(const struct plan *plan, int i)
{
    const struct planned *l = &plan->layers[i];
    return (size_t)bn_chunks(l) * 2 * round16((size_t)l->batchnorm.c);
}

/* ---- forward ----------------------------------------------------------------------------------------------------------------------- */

/* The problem; of lines, where the layer's work takes them. */
static struct batchnorm problem_of(const struct job *j, enum work work, struct lines_room *room)
{
    struct batchnorm p = j->layer->batchnorm;
    p.lines = storage_operands(j, work, room);
    p.relu = work == WORK_FORWARD && kernel_gates(j, work);
    p.gated = work == WORK_DATA && kernel_gates(j, work);
    return p;
}

/* Chunks of the whole batch, each into its own place. */
static void statistics_rows(const struct job *j, struct span chunks, int worker)
{
    (void)worker;
    const struct job all = job_of(j->plan, j->index);
    const struct planned *l = all.layer;
    const size_t c = (size_t)l->batchnorm.c;
    struct lines_room lines;
    const struct batchnorm p = problem_of(&all, WORK_STATISTICS, &lines);
    assert(p.lines || !storage_is_bf16(&all, OPERAND_X));
    real *mean = partials_of(j->plan, l), *m2 = mean + (size_t)bn_chunks(l) * c;
    for (int chunk = chunks.begin; chunk < chunks.end; chunk++) {
        const size_t at = (size_t)chunk * c;
        j->plan->kernels->batchnorm->stats(&p, bn_chunk(l, chunk), l->x, mean + at, m2 + at);
    }
}

static void fold(struct plan *plan, int i, const real *mean, const real *variance)
{
    const struct planned *l = &plan->layers[i];
    batchnorm_fold(l->batchnorm.c, plan->net.layers[i].batchnorm.eps, mean, variance, plan_value_of(plan, i, 0), plan_value_of(plan, i, 1),
                   scale_of(l), scale_of(l) + round16((size_t)l->batchnorm.c));
}

/* The batch's mean and variance into the layer's own arrays, and tracked. */
static void statistics_after(struct plan *plan, struct team *team, int i)
{
    (void)team;
    assert(plan->pass.training);
    struct planned *l = &plan->layers[i];
    const int chunks = bn_chunks(l);
    const real *mean = partials_of(plan, l);
    assert((long)l->batchnorm.n * l->batchnorm.h * l->batchnorm.w > 1); /* net_check_batch() */
    assert(l->partial + 2 * (size_t)chunks * (size_t)l->batchnorm.c <= plan->partial_count);
    batchnorm_merge(&l->batchnorm, mean, mean + (size_t)chunks * (size_t)l->batchnorm.c, l->mean, l->variance);
    batchnorm_track(&l->batchnorm, plan->net.layers[i].batchnorm.momentum, l->mean, l->variance, plan_value_of(plan, i, 2),
                    plan_value_of(plan, i, 3));
    fold(plan, i, l->mean, l->variance);
}

static void fold_running(struct plan *plan, int i) { fold(plan, i, plan_value_of(plan, i, 2), plan_value_of(plan, i, 3)); }

static void forward_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    struct lines_room lines;
    const struct batchnorm p = problem_of(j, WORK_FORWARD, &lines);
    j->plan->kernels->batchnorm->apply(&p, rows, l->x, l->affine.scale, l->affine.shift, l->y);
    if (p.lines) storage_frame(j, WORK_FORWARD, rows);
}

/* ---- backward ---------------------------------------------------------------------------------------------------------------------- */

/* Chunks of the whole batch, each into its own place. */
static void sums_rows(const struct job *j, struct span chunks, int worker)
{
    const struct job all = job_of(j->plan, j->index);
    const struct planned *l = all.layer;
    real *area = storage_area(j, worker);
    struct lines_room lines;
    const struct batchnorm p = problem_of(&all, WORK_SUMS, &lines);
    const size_t room = round16((size_t)l->batchnorm.c), used = (size_t)l->batchnorm.c;
    for (int chunk = chunks.begin; chunk < chunks.end; chunk++) {
        real *sum_dy = partials_of(j->plan, l) + (size_t)chunk * 2 * room, *sum_dyx = sum_dy + room;
        const struct span rows = bn_chunk(l, chunk);
        const real *dy = p.lines ? l->dy : storage_floats(&all, OPERAND_DY, rows, area),
                   *x = p.lines ? l->x : storage_floats(&all, OPERAND_X, rows, area + l->chunk_dy);
        j->plan->kernels->batchnorm->bwd_stats(&p, rows, x, dy, l->mean, sum_dy, sum_dyx);
        memset(sum_dy + used, 0, (room - used) * sizeof(real));
        memset(sum_dyx + used, 0, (room - used) * sizeof(real));
    }
}

/* Accumulating, gamma's and beta's gradients are made beside the sums and added. */
static void sums_after(struct plan *plan, struct team *team, int i)
{
    struct job job = job_of(plan, i);
    const struct planned *l = job.layer;
    const size_t room = round16((size_t)l->batchnorm.c), used = (size_t)l->batchnorm.c;
    assert(room <= plan->channels);
    real *sum_dy = plan->sums, *sum_dyx = sum_dy + room, *fresh = sum_dyx + room, *a = l->coefficients;
    job.stride = 2 * room;
    job.chunks = bn_chunks(l);
    job.to = plan->sums;
    sums_merge(plan, team, &job);
    real *dgamma = plan_gradient_of(plan, i, 0), *dbeta = plan_gradient_of(plan, i, 1);
    const bool add = plan->pass.accumulate;
    const struct batchnorm_folded to = { add ? fresh : dgamma, add ? fresh + room : dbeta, a, a + room, a + 2 * room };
    batchnorm_bwd_fold(&l->batchnorm, job.what->batchnorm.eps, l->variance, plan_value_of(plan, i, 0), sum_dy, sum_dyx, &to);
    if (add) {
        sums_add(dgamma, fresh, used);
        sums_add(dbeta, fresh + room, used);
    }
}

static void data_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    const size_t room = round16((size_t)l->batchnorm.c);
    const real *a = l->coefficients;
    const struct batchnorm_back back = { l->mean, a, a + room, a + 2 * room };
    struct lines_room lines;
    const struct batchnorm p = problem_of(j, WORK_DATA, &lines);
    j->plan->kernels->batchnorm->bwd_apply(&p, rows, l->x, l->dy, &back, l->dx);
    if (p.lines) storage_frame(j, WORK_DATA, rows);
}

static bool bn_stores(const struct planned *l, enum operand which)
{
    (void)l, (void)which;
    return true;
}

static bool takes_lines(const struct job *j) { return j->plan->kernels->batchnorm->head.promises & TAKES_LINES; }

static const struct word words[] = {
    { "bn", read_bn, 0, "bn[eps1e-5][mom0.1]", "batch norm; the new batch's share of the statistics is mom" }, { .name = NULL }
};

static bool bn_gates(const struct planned *l)
{
    (void)l;
    return true;
}

const struct layer_row layer_batchnorm = {
    .name = "bn", .words = words, .print = print_bn, .shape = bn_shape, .tensors = bn_tensors, .elementwise = true, .operations = 2,
    .scales = true, .reads_input = true, .gates = bn_gates, .stores = bn_stores, .takes_lines = takes_lines,
    .mixes_images = true, .problem = bn_problem, .images = bn_images, .algorithm = bn_algorithm, .place = bn_place,
    .partials = bn_partials, .before_inference = fold_running,
    .work = {
        [WORK_STATISTICS] = { .rows = statistics_rows, .after = statistics_after, .chunks = bn_chunks, .chunk = bn_chunk },
        [WORK_FORWARD] = { .rows = forward_rows },
        [WORK_SUMS] = { .rows = sums_rows, .after = sums_after, .chunks = bn_chunks, .chunk = bn_chunk },
        [WORK_DATA] = { .rows = data_rows },
    },
};
