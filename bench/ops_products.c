/* SPDX-License-Identifier: MIT
 * Convolution and dense layers: three directions each. Gradients of weights are made in chunks and merged, as a training step does. */
#include <assert.h>
#include "kernel.h"

enum { FWD, BWD_DATA, BWD_WEIGHTS };

static size_t round16(size_t n) { return (n + LANES - 1) / LANES * LANES; }

static size_t lanes(int n, int c, int h, int w) { return (size_t)image_blocks(n) * (size_t)c * (size_t)h * (size_t)w * LANES; }

/* x, w, b and y once, or their gradients. */
static double moved(const struct problem *p, int direction)
{
    assert(direction >= FWD);
    assert(direction <= BWD_WEIGHTS);
    const size_t *n = p->count;
    return sizeof(float) * (double)(direction == BWD_WEIGHTS ? n[T_X] + n[T_DY] + n[T_DW] + n[T_DB] : n[T_X] + n[T_W] + n[T_B] + n[T_Y]);
}

/* ---- convolution ---- */

static const struct conv_variant *conv_of(const struct kernel *k) { return (const struct conv_variant *)(const void *)k->variant; }

void problem_conv(struct problem *p, const struct conv *c)
{
    assert(c->p >= 1);
    assert(c->q >= 1);
    p->count[T_X] = p->count[T_DX] = lanes(c->n, c->c, c->h, c->w);
    p->count[T_Y] = p->count[T_DY] = lanes(c->n, c->k, c->p, c->q);
    p->count[T_W] = p->count[T_DW] = (size_t)c->k * (size_t)c->r * (size_t)c->s * (size_t)c->c;
    p->count[T_B] = p->count[T_DB] = c->bias ? (size_t)c->k : 0;
    p->images = c->n;
}

static const char *conv_read(const char *text, struct problem *p)
{
    const char *wrong = conv_parse(text, &p->conv);
    if (!wrong) problem_conv(p, &p->conv);
    return wrong;
}

static struct work conv_work(const struct problem *p, int direction)
{
    return (struct work){ conv_flops(&p->conv), conv_flops_exact(&p->conv), moved(p, direction) };
}

static bool conv_supports(const struct variant *v, const struct problem *p)
{
    assert(v);
    assert(v->algo);
    return ((const struct conv_variant *)(const void *)v)->supports(&p->conv);
}

/* Floats between one chunk's sums and the next. */
static size_t conv_stride(const struct problem *p) { return round16(p->count[T_DW]) + round16(p->count[T_DB]); }

static void conv_measure(struct kernel *k)
{
    assert(k->direction >= FWD);
    assert(k->direction <= BWD_WEIGHTS);
    const struct conv *p = &k->problem->conv;
    const struct conv_variant *v = conv_of(k);
    k->scratch_bytes = v->scratch_bytes(p);
    if (k->direction == BWD_WEIGHTS) k->partial_bytes = (size_t)conv_chunks(v, p) * conv_stride(k->problem) * sizeof(float);
    else k->packed_bytes = v->packed_bytes(p, k->direction == FWD ? CONV_FWD : CONV_BWD_DATA);
}

static void conv_pack(struct kernel *k)
{
    assert(k->problem);
    assert(k->direction <= BWD_WEIGHTS);
    if (k->direction == BWD_WEIGHTS) return;
    conv_of(k)->pack(&k->problem->conv, k->direction == FWD ? CONV_FWD : CONV_BWD_DATA, k->problem->tensor[T_W], k->packed);
}

static void conv_rows(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const enum conv_direction way = k->direction == FWD ? CONV_FWD : CONV_BWD_DATA;
    const struct span rows = conv_unit_rows(conv_of(k), &k->problem->conv, way, (struct span){ begin, end });
    float *const *t = k->problem->tensor;
    if (k->direction == FWD) conv_of(k)->fwd(&k->problem->conv, rows, t[T_X], k->packed, t[T_B], t[T_Y], k->scratch[worker]);
    else conv_of(k)->bwd_data(&k->problem->conv, rows, t[T_DY], k->packed, t[T_DX], k->scratch[worker]);
}

static void conv_sums(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const struct conv *p = &k->problem->conv;
    float *const *t = k->problem->tensor;
    const int parts = conv_parts(p, conv_chunks(conv_of(k), p), team_workers(k->team));
    for (int i = begin; i < end; i++) {
        const int chunk = i / parts;
        const struct span filters = conv_part(p, parts, i % parts);
        const struct conv part = conv_filters(p, filters);
        float *dw = k->partials + (size_t)chunk * conv_stride(k->problem), *db = p->bias ? dw + round16(k->problem->count[T_DW]) : NULL;
        conv_of(k)->bwd_weights(&part, conv_chunk(conv_of(k), p, chunk), t[T_DY] + (size_t)filters.begin * LANES, t[T_X],
                                dw + (size_t)filters.begin * (size_t)(p->r * p->s * p->c), db ? db + filters.begin : NULL,
                                k->scratch[worker]);
    }
}

static void conv_run(struct kernel *k)
{
    const struct conv *p = &k->problem->conv;
    if (k->direction != BWD_WEIGHTS) {
        team_run(k->team, conv_units(conv_of(k), p, k->direction == FWD ? CONV_FWD : CONV_BWD_DATA), conv_rows, k);
        return;
    }
    const int chunks = conv_chunks(conv_of(k), p);
    team_run(k->team, chunks * conv_parts(p, chunks, team_workers(k->team)), conv_sums, k);
    kernel_merge(k, chunks, conv_stride(k->problem), k->problem->tensor[T_DW], k->problem->count[T_DW]);
}

static const char *const conv_problems[] = { "n64c16h24k16r3pad0", "n64c32h26k16r3pad0", "n64c32h26k64r3pad0",
                                             "n64c64h26k32r3pad0", "n64c32h14k64r3pad1", "n64c32h14k64r5pad2",
                                             "n64c32h14k64r7pad3", "n64c1h28k32r3pad1",  "n64c1h28k32r5pad2",
                                             "n64c1h28k32r7pad3",  "n64c1h28k8r3pad1",   "n64c3h24k3r3pad1",
                                             "n64c2h15k4r3pad0",   "n64c8h28k8r3pad1",   "n64c8h14k16r3pad1",
                                             "n64c16h14k16r3pad1", "n64c16h9k16r3pad0",  "n64c16h7k16r3pad0",
                                             "n64c16h5k12r3pad0",  "n64c16h5k10r3pad0",  NULL };

const struct op_bench conv_bench = {
    .directions = { "fwd", "bwd_data", "bwd_weights" },
    .problems = conv_problems,
    .result = { T_Y, T_DX, T_DW },
    .parse = conv_read,
    .work = conv_work,
    .supports = conv_supports,
    .measure = conv_measure,
    .pack = conv_pack,
    .run = conv_run,
};

/* ---- dense ---- */

static const struct dense_variant *dense_of(const struct kernel *k) { return (const struct dense_variant *)(const void *)k->variant; }

static const char *dense_read(const char *text, struct problem *p)
{
    const char *wrong = dense_parse(text, &p->dense);
    const struct dense *d = &p->dense;
    if (wrong) return wrong;
    p->count[T_X] = p->count[T_DX] = lanes(d->n, d->c, 1, 1);
    p->count[T_Y] = p->count[T_DY] = lanes(d->n, d->k, 1, 1);
    p->count[T_W] = p->count[T_DW] = (size_t)d->k * (size_t)d->c;
    p->count[T_B] = p->count[T_DB] = d->bias ? (size_t)d->k : 0;
    p->images = d->n;
    assert(p->images >= 1);
    return NULL;
}

static struct work dense_work(const struct problem *p, int direction)
{
    const double flops = 2.0 * p->dense.n * p->dense.c * p->dense.k;
    return (struct work){ flops, flops, moved(p, direction) };
}

static void dense_measure(struct kernel *k) { k->scratch_bytes = dense_scratch_bytes(&k->problem->dense); }

static void dense_piece(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const struct dense *p = &k->problem->dense;
    const struct dense_variant *v = dense_of(k);
    float *const *t = k->problem->tensor;
    struct span piece = { begin, end };
    if (k->direction == FWD) {
        v->fwd(p, piece, t[T_X], t[T_W], t[T_B], t[T_Y]);
    } else if (k->direction == BWD_DATA) {
        v->bwd_data(p, piece, t[T_DY], t[T_W], t[T_DX]);
    } else {
        piece = (struct span){ begin * LANES, end * LANES < p->c ? end * LANES : p->c }; /* pieces of 16 columns: see dense.h */
        v->bwd_weights(p, piece, t[T_DY], t[T_X], t[T_DW], t[T_DB], k->scratch[worker]);
    }
}

static void dense_run(struct kernel *k)
{
    const struct dense *p = &k->problem->dense;
    const int units = k->direction == FWD ? p->k : k->direction == BWD_DATA ? p->c : (p->c + LANES - 1) / LANES;
    team_run(k->team, units, dense_piece, k);
}

static const char *const dense_problems[] = { "dense:n64c784k128", "dense:n64c3136k64", NULL };

const struct op_bench dense_bench = {
    .directions = { "fwd", "bwd_data", "bwd_weights" },
    .problems = dense_problems,
    .result = { T_Y, T_DX, T_DW },
    .parse = dense_read,
    .work = dense_work,
    .measure = dense_measure,
    .run = dense_run,
};
