/* SPDX-License-Identifier: MIT
 * Ops that move more than they compute: pooling and batch norm (with its statistics: what a training step runs), and the small ones. */
#include <assert.h>
#include "kernel.h"

enum { FWD, BWD };

static size_t lanes(int n, int c, int h, int w) { return (size_t)image_blocks(n) * (size_t)c * (size_t)h * (size_t)w * LANES; }

static void like(struct problem *p, size_t in, size_t out)
{
    assert(in > 0);
    assert(out > 0);
    p->count[T_X] = p->count[T_DX] = in;
    p->count[T_Y] = p->count[T_DY] = out;
}

/* `flops` operations, everything read and written once, plus `more` bytes. */
static struct work moving(const struct problem *p, double flops, int passes, double more)
{
    assert(passes >= 1);
    assert(more >= 0);
    return (struct work){ flops, flops, 4.0 * passes * (double)(p->count[T_X] + p->count[T_Y]) / 2 + more };
}

/* Backward reads what a forward pass left in the problem's tensors. */
static void forward_first(struct kernel *k)
{
    assert(k->problem);
    assert(k->direction == FWD || k->direction == BWD);
    const int direction = k->direction;
    k->direction = FWD;
    if (direction != FWD) op_benches[k->problem->op]->run(k);
    k->direction = direction;
}

/* ---- pooling ---- */

static const char *pool_read(const char *text, struct problem *p)
{
    const char *wrong = pool_parse(text, &p->pool);
    const struct pool *o = &p->pool;
    if (wrong) return wrong;
    like(p, lanes(o->n, o->c, o->h, o->w), lanes(o->n, o->c, o->p, o->q));
    p->images = o->n;
    p->byte_count = p->count[T_Y];
    assert(p->byte_count > 0);
    return NULL;
}

static struct work pool_work(const struct problem *p, int direction)
{
    (void)direction;
    return moving(p, (double)p->count[T_Y] * p->pool.r * p->pool.s, 2, p->pool.kind == POOL_MAX ? (double)p->byte_count : 0);
}

static void pool_rows(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const struct pool_variant *v = (const struct pool_variant *)(const void *)k->variant;
    struct problem *p = k->problem;
    (void)worker;
    if (k->direction == FWD) v->fwd(&p->pool, (struct span){ begin, end }, p->tensor[T_X], p->tensor[T_Y], p->bytes);
    else v->bwd(&p->pool, (struct span){ begin, end }, p->tensor[T_DY], p->bytes, p->tensor[T_DX]);
}

static void pool_run(struct kernel *k)
{
    const struct pool *p = &k->problem->pool;
    team_run(k->team, image_blocks(p->n) * (k->direction == FWD ? p->p : p->h), pool_rows, k);
}

/* ---- batch norm: gamma and beta W, dgamma and dbeta DW ---- */

enum { MEAN, VARIANCE, SCALE, SHIFT, RUNNING_MEAN, RUNNING_VARIANCE, SUM_DY, SUM_DYX, A, B, D, VECTORS };
static const float EPS = 1e-5f, MOMENTUM = 0.1f;

static float *vector(const struct kernel *k, int which)
{
    return k->problem->tensor[T_AUX] + (size_t)which * (size_t)k->problem->batchnorm.c;
}

static const char *batchnorm_read(const char *text, struct problem *p)
{
    const char *wrong = batchnorm_parse(text, &p->batchnorm);
    const struct batchnorm *b = &p->batchnorm;
    if (wrong) return wrong;
    like(p, lanes(b->n, b->c, b->h, b->w), lanes(b->n, b->c, b->h, b->w));
    p->images = b->n;
    p->count[T_W] = p->count[T_DW] = 2 * (size_t)b->c;
    p->count[T_AUX] = VECTORS * (size_t)b->c;
    return NULL;
}

/* Forward reads x for the mean, again for the variance and again to apply it; what stays in cache is not counted twice. */
static struct work batchnorm_work(const struct problem *p, int direction)
{
    const double elements = (double)p->count[T_X];
    return moving(p, (direction == FWD ? 6 : 8) * elements, direction == FWD ? 2 : 3, 0);
}

static void batchnorm_measure(struct kernel *k)
{
    assert(k->problem->batchnorm.c >= 1);
    k->partial_bytes = (size_t)batchnorm_chunks(&k->problem->batchnorm) * 2 * (size_t)k->problem->batchnorm.c * sizeof(float);
}

static void batchnorm_sums(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const struct batchnorm *p = &k->problem->batchnorm;
    const struct batchnorm_variant *v = (const struct batchnorm_variant *)(const void *)k->variant;
    float *const *t = k->problem->tensor;
    const size_t c = (size_t)p->c, chunks = (size_t)batchnorm_chunks(p);
    (void)worker;
    for (int i = begin; i < end; i++) {
        const size_t at = (size_t)i;
        float *pair = k->partials + 2 * at * c;
        if (k->direction == FWD) v->stats(p, batchnorm_chunk(p, i), t[T_X], k->partials + at * c, k->partials + (chunks + at) * c);
        else v->bwd_stats(p, batchnorm_chunk(p, i), t[T_X], t[T_DY], vector(k, MEAN), pair, pair + c);
    }
}

static void batchnorm_rows(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const struct batchnorm *p = &k->problem->batchnorm;
    const struct batchnorm_variant *v = (const struct batchnorm_variant *)(const void *)k->variant;
    float *const *t = k->problem->tensor;
    const struct span rows = { begin, end };
    (void)worker;
    if (k->direction == FWD) v->apply(p, rows, t[T_X], vector(k, SCALE), vector(k, SHIFT), t[T_Y]);
    const struct batchnorm_back back = { vector(k, MEAN), vector(k, A), vector(k, B), vector(k, D) };
    if (k->direction != FWD) v->bwd_apply(p, rows, t[T_X], t[T_DY], &back, t[T_DX]);
}

static void batchnorm_statistics(struct kernel *k)
{
    const struct batchnorm *p = &k->problem->batchnorm;
    const int chunks = batchnorm_chunks(p);
    const int direction = k->direction;
    k->direction = FWD;
    team_run(k->team, chunks, batchnorm_sums, k);
    batchnorm_merge(p, k->partials, k->partials + (size_t)chunks * (size_t)p->c, vector(k, MEAN), vector(k, VARIANCE));
    k->direction = direction;
}

static void batchnorm_run(struct kernel *k)
{
    const struct batchnorm *p = &k->problem->batchnorm;
    float *const *t = k->problem->tensor;
    const int chunks = batchnorm_chunks(p), rows = image_blocks(p->n) * p->h;
    const size_t c = (size_t)p->c;
    if (k->direction == FWD) {
        batchnorm_statistics(k);
        batchnorm_track(p, MOMENTUM, vector(k, MEAN), vector(k, VARIANCE), vector(k, RUNNING_MEAN), vector(k, RUNNING_VARIANCE));
        batchnorm_fold(p->c, EPS, vector(k, MEAN), vector(k, VARIANCE), t[T_W], t[T_W] + c, vector(k, SCALE), vector(k, SHIFT));
    } else {
        team_run(k->team, chunks, batchnorm_sums, k);
        kernel_merge(k, chunks, 2 * c, vector(k, SUM_DY), 2 * c);
        const struct batchnorm_folded to = { t[T_DW], t[T_DW] + c, vector(k, A), vector(k, B), vector(k, D) };
        batchnorm_bwd_fold(p, EPS, vector(k, VARIANCE), t[T_W], vector(k, SUM_DY), vector(k, SUM_DYX), &to);
    }
    team_run(k->team, rows, batchnorm_rows, k);
}

/* ---- activation, dropout, optimizer: vectors ---- */

static struct span span_of(int begin, int end) { return (struct span){ begin, end }; }

static const char *vectors_read(struct problem *p, const char *wrong)
{
    assert(wrong || p->vectors >= 1);
    if (!wrong) like(p, (size_t)p->vectors * LANES, (size_t)p->vectors * LANES);
    return wrong;
}

static const char *activation_read(const char *text, struct problem *p)
{
    return vectors_read(p, activation_parse(text, &p->activation, &p->vectors));
}

static struct work activation_work(const struct problem *p, int direction)
{
    return moving(p, (double)p->count[T_X], direction == FWD ? 2 : 3, 0);
}

static void activation_vectors(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const struct activation_variant *v = (const struct activation_variant *)(const void *)k->variant;
    const struct problem *p = k->problem;
    float *const *t = p->tensor;
    (void)worker;
    if (k->direction == FWD) v->fwd(&p->activation, span_of(begin, end), t[T_X], t[T_Y]);
    else v->bwd(&p->activation, span_of(begin, end), t[T_Y], t[T_DY], t[T_DX]);
}

static void activation_run(struct kernel *k) { team_run(k->team, k->problem->vectors, activation_vectors, k); }

static const char *dropout_read(const char *text, struct problem *p)
{
    const char *wrong = dropout_parse(text, &p->dropout, &p->vectors);
    p->byte_count = (size_t)p->vectors * sizeof(uint16_t);
    return vectors_read(p, wrong);
}

static struct work dropout_work(const struct problem *p, int direction)
{
    (void)direction;
    return moving(p, (double)p->count[T_X], 2, (double)p->byte_count);
}

static void dropout_vectors(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const struct dropout_variant *v = (const struct dropout_variant *)(const void *)k->variant;
    struct problem *p = k->problem;
    float *const *t = p->tensor;
    uint16_t *kept = (uint16_t *)(void *)p->bytes;
    (void)worker;
    if (k->direction == FWD) v->fwd(&p->dropout, span_of(begin, end), t[T_X], t[T_Y], kept);
    else v->bwd(&p->dropout, span_of(begin, end), t[T_DY], kept, t[T_DX]);
}

static void dropout_run(struct kernel *k) { team_run(k->team, k->problem->vectors, dropout_vectors, k); }

/* State m and v are X and Y. */
static const char *optimizer_read(const char *text, struct problem *p)
{
    struct optimizer_problem step;
    const char *wrong = optimizer_parse(text, &step);
    if (wrong) return wrong;
    p->optimizer = optimizer_of(&step);
    p->vectors = step.vectors;
    assert(p->vectors >= 1);
    p->count[T_W] = p->count[T_DW] = p->count[T_X] = p->count[T_Y] = (size_t)p->vectors * LANES;
    return NULL;
}

static struct work optimizer_work(const struct problem *p, int direction)
{
    (void)direction;
    const bool adam = p->optimizer.kind != OPTIMIZER_SGD;
    const int arrays = adam ? 7 : p->optimizer.momentum > 0 ? 5 : 3;
    return moving(p, (adam ? 12 : 4) * (double)p->count[T_W], arrays, 0);
}

/* A second moment is never negative, and a vanishing step keeps the weights where they are however long this runs. */
static void optimizer_calm(struct kernel *k)
{
    assert(k->problem->tensor[T_Y]);
    for (size_t i = 0; i < k->problem->count[T_Y]; i++) k->problem->tensor[T_Y][i] = 0.01f;
    k->problem->optimizer.rate = k->problem->optimizer.step_size = 1e-12f;
}

static void optimizer_vectors(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    float *const *t = k->problem->tensor;
    (void)worker;
    ((const struct optimizer_variant *)(const void *)k->variant)
        ->step(&k->problem->optimizer, span_of(begin, end), t[T_W], t[T_DW], t[T_X], t[T_Y]);
}

static void optimizer_run(struct kernel *k) { team_run(k->team, k->problem->vectors, optimizer_vectors, k); }

/* ---- skip connection: b is W, db is DX ---- */

static const char *add_read(const char *text, struct problem *p)
{
    const char *wrong = add_parse(text, &p->add);
    const struct add *a = &p->add;
    if (wrong) return wrong;
    like(p, lanes(a->n, a->c, a->h, a->w), lanes(a->n, a->c, a->h, a->w));
    p->count[T_W] = p->count[T_DX] = lanes(a->n, a->c, a->bh, a->bw);
    assert(p->count[T_W] >= p->count[T_X]);
    return NULL;
}

static struct work add_work(const struct problem *p, int direction)
{
    (void)direction;
    return moving(p, (double)p->count[T_X], 3, 0);
}

static void add_rows(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const struct add_variant *v = (const struct add_variant *)(const void *)k->variant;
    float *const *t = k->problem->tensor;
    (void)worker;
    if (k->direction == FWD) v->fwd(&k->problem->add, span_of(begin, end), t[T_X], t[T_W], t[T_Y]);
    else v->bwd(&k->problem->add, span_of(begin, end), t[T_DY], t[T_DX]);
}

static void add_run(struct kernel *k) { team_run(k->team, image_blocks(k->problem->add.n) * k->problem->add.h, add_rows, k); }

/* ---- loss: logits X, values Y, gradient DX; labels, then best in `bytes` ---- */

static const char *loss_read(const char *text, struct problem *p)
{
    const char *wrong = loss_parse(text, &p->loss);
    if (wrong) return wrong;
    p->count[T_X] = p->count[T_DX] = lanes(p->loss.n, p->loss.k, 1, 1);
    p->count[T_Y] = lanes(p->loss.n, 1, 1, 1);
    p->byte_count = 2 * p->count[T_Y];
    assert(p->count[T_Y] <= p->count[T_X]);
    return NULL;
}

static struct work loss_work(const struct problem *p, int direction)
{
    (void)direction;
    const double bytes = (2.0 * (double)p->count[T_X] + (double)p->count[T_Y]) * sizeof(float) + (double)p->byte_count;
    return (struct work){ 5.0 * (double)p->count[T_X], 5.0 * (double)p->count[T_X], bytes };
}

static void loss_blocks(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const struct problem *p = k->problem;
    (void)worker;
    ((const struct loss_variant *)(const void *)k->variant)
        ->softmax_xent(&p->loss, span_of(begin, end), p->tensor[T_X], p->bytes, p->tensor[T_Y], p->bytes + p->count[T_Y], p->tensor[T_DX]);
}

static void loss_run(struct kernel *k) { team_run(k->team, image_blocks(k->problem->loss.n), loss_blocks, k); }

/* ---- the rows ---- */

/* clang-format off */
static const char *const pool_problems[] = { "max:n64c32h28r2step2pad0", "max:n64c3h28r2pad0", NULL };
const struct op_bench pool_bench = { .directions = { "fwd", "bwd" }, .problems = pool_problems, .result = { T_Y, T_DX },
    .parse = pool_read, .work = pool_work, .pack = forward_first, .run = pool_run };

static const char *const batchnorm_problems[] = { "bn:n64c32h26", NULL };
const struct op_bench batchnorm_bench = { .directions = { "fwd", "bwd" }, .problems = batchnorm_problems, .result = { T_Y, T_DX },
    .parse = batchnorm_read, .work = batchnorm_work, .measure = batchnorm_measure, .pack = batchnorm_statistics, .run = batchnorm_run };

static const char *const activation_problems[] = { "relu:v12544", "leaky:v12544", "tanh:v1024", NULL };
const struct op_bench activation_bench = { .directions = { "fwd", "bwd" }, .problems = activation_problems, .result = { T_Y, T_DX },
    .parse = activation_read, .work = activation_work, .pack = forward_first, .run = activation_run };

static const char *const dropout_problems[] = { "drop:t13107v12544", NULL };
const struct op_bench dropout_bench = { .directions = { "fwd", "bwd" }, .problems = dropout_problems, .result = { T_Y, T_DX },
    .parse = dropout_read, .work = dropout_work, .pack = forward_first, .run = dropout_run };

static const char *const optimizer_problems[] = { "sgd:v6360m900n0f0d0", "adam:v6360t100d0k0", NULL };
const struct op_bench optimizer_bench = { .directions = { "step" }, .problems = optimizer_problems, .result = { T_W },
    .parse = optimizer_read, .work = optimizer_work, .pack = optimizer_calm, .run = optimizer_run };

static const char *const add_problems[] = { "add:n64c3h24w24bh28bw28", NULL };
const struct op_bench add_bench = { .directions = { "fwd", "bwd" }, .problems = add_problems, .result = { T_Y, T_DX },
    .parse = add_read, .work = add_work, .run = add_run };

static const char *const loss_problems[] = { "loss:n64k10", NULL };
const struct op_bench loss_bench = { .directions = { "softmax_xent" }, .problems = loss_problems, .result = { T_DX },
    .parse = loss_read, .work = loss_work, .run = loss_run };
/* clang-format on */
