/* SPDX-License-Identifier: MIT
 * Convolution in bf16. Operands are in bf16 when the clock starts, as their producers leave them, and results are floats; so a variant's
 * packed memory holds its weights and its operands. */
#include <assert.h>
#include "kernel.h"

enum { FWD, BWD_DATA, BWD_WEIGHTS };

static size_t round64(size_t bytes) { return (bytes + 63) / 64 * 64; }

static const struct conv_bf16_variant *variant_of(const struct kernel *k) { return (const void *)k->variant; }
static const struct conv *shape_of(const struct kernel *k) { return &k->problem->conv_bf16.shape; }

static struct bf16_map dy_map(const struct conv *p) { return (struct bf16_map){ .n = p->n, .c = p->k, .h = p->p, .w = p->q }; }

static const char *bf16_read(const char *text, struct problem *p)
{
    const char *wrong = conv_bf16_parse(text, &p->conv_bf16);
    if (!wrong) problem_conv(p, &p->conv_bf16.shape);
    return wrong;
}

/* Operands once in bf16, results once in float. */
static struct work bf16_work(const struct problem *p, int direction)
{
    assert(direction >= FWD);
    assert(direction <= BWD_WEIGHTS);
    const struct conv *c = &p->conv_bf16.shape;
    const size_t *n = p->count;
    const double in = (double)(direction == FWD ? n[T_X] + n[T_W] : direction == BWD_DATA ? n[T_DY] + n[T_W] : n[T_X] + n[T_DY]);
    const double out = (double)(direction == FWD ? n[T_Y] + n[T_B] : direction == BWD_DATA ? n[T_DX] : n[T_DW] + n[T_DB]);
    return (struct work){ conv_flops(c), conv_flops_exact(c), in * sizeof(bf16) + out * sizeof(float) };
}

static size_t stride_of(const struct problem *p) { return round64(p->count[T_DW] * 4) / 4 + round64(p->count[T_DB] * 4) / 4; }

/* Where the first operand lies in the packed memory, and behind it the lines of x that backward-weights also reads. */
static size_t weights_bytes(const struct kernel *k)
{
    return k->direction == BWD_WEIGHTS ? 0
                                       : round64(variant_of(k)->packed_bytes(shape_of(k), k->direction == FWD ? CONV_FWD : CONV_BWD_DATA));
}
static bf16 *operand_of(const struct kernel *k) { return (bf16 *)(void *)((char *)k->packed + weights_bytes(k)); }
static size_t first_count(const struct kernel *k)
{
    const struct conv *p = shape_of(k);
    const struct bf16_map map = k->direction == FWD ? conv_bf16_x(p) : k->direction == BWD_DATA ? conv_bf16_dy(p) : dy_map(p);
    return k->direction == BWD_WEIGHTS ? bf16_pairs_count(&map) : bf16_lines_count(&map);
}

static void bf16_measure(struct kernel *k)
{
    assert(k->direction >= FWD);
    assert(k->direction <= BWD_WEIGHTS);
    const struct conv *p = shape_of(k);
    const struct bf16_map x = conv_bf16_x(p);
    const size_t second = k->direction == BWD_WEIGHTS ? bf16_lines_count(&x) : 0;
    k->scratch_bytes = variant_of(k)->scratch_bytes(p);
    k->packed_bytes = weights_bytes(k) + (first_count(k) + second) * sizeof(bf16);
    if (k->direction == BWD_WEIGHTS) k->partial_bytes = (size_t)conv_bf16_chunks(p) * stride_of(k->problem) * sizeof(float);
}

static void bf16_pack(struct kernel *k)
{
    assert(k->packed);
    assert(k->problem);
    const struct conv_bf16_variant *v = variant_of(k);
    const struct conv *p = shape_of(k);
    const struct bf16_map x = conv_bf16_x(p), dy = conv_bf16_dy(p), pairs = dy_map(p);
    const int blocks = image_blocks(p->n);
    float *const *t = k->problem->tensor;
    bf16 *to = operand_of(k);
    if (k->direction != BWD_WEIGHTS) v->pack(p, k->direction == FWD ? CONV_FWD : CONV_BWD_DATA, t[T_W], (bf16 *)(void *)k->packed);
    if (k->direction == BWD_DATA) v->lines(&dy, (struct span){ 0, blocks * bf16_map_rows(&dy) }, t[T_DY], to);
    if (k->direction == BWD_WEIGHTS) v->row_pairs(&pairs, (struct span){ 0, blocks * ((p->p + 1) / 2) }, t[T_DY], to);
    if (k->direction == BWD_WEIGHTS) to += first_count(k);
    if (k->direction != BWD_DATA) v->lines(&x, (struct span){ 0, blocks * bf16_map_rows(&x) }, t[T_X], to);
}

static void bf16_rows(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const struct span rows = { begin, end };
    const bf16 *weights = (const bf16 *)(const void *)k->packed, *in = operand_of(k);
    float *const *t = k->problem->tensor;
    if (k->direction == FWD) variant_of(k)->fwd(shape_of(k), rows, in, weights, t[T_B], t[T_Y], k->scratch[worker]);
    else variant_of(k)->bwd_data(shape_of(k), rows, in, weights, t[T_DX], k->scratch[worker]);
}

static void bf16_sums(void *context, int begin, int end, int worker)
{
    const struct kernel *k = context;
    const struct conv *p = shape_of(k);
    const bf16 *dy = operand_of(k), *x = dy + first_count(k);
    const int parts = conv_parts(p, conv_bf16_chunks(p), team_workers(k->team));
    const bool direct = conv_bf16_chunks(p) == 1; /* as a training step has it */
    float *const *t = k->problem->tensor;
    for (int i = begin; i < end; i++) {
        const struct span filters = conv_part(p, parts, i % parts);
        const struct conv part = conv_filters(p, filters);
        float *dw = direct ? t[T_DW] : k->partials + (size_t)(i / parts) * stride_of(k->problem);
        float *biases = direct ? t[T_DB] : dw + round64(k->problem->count[T_DW] * 4) / 4, *db = p->bias ? biases + filters.begin : NULL;
        variant_of(k)->bwd_weights(&part, conv_bf16_chunk(p, i / parts), dy + (size_t)filters.begin * LINE, x,
                                   dw + (size_t)filters.begin * (size_t)(p->r * p->s * p->c), db, k->scratch[worker]);
    }
}

static void bf16_run(struct kernel *k)
{
    const struct conv *p = shape_of(k);
    if (k->direction != BWD_WEIGHTS) {
        team_run(k->team, image_blocks(p->n) * (k->direction == FWD ? p->p : p->h), bf16_rows, k);
        return;
    }
    const int chunks = conv_bf16_chunks(p);
    team_run(k->team, chunks * conv_parts(p, chunks, team_workers(k->team)), bf16_sums, k);
    if (chunks > 1) kernel_merge(k, chunks, stride_of(k->problem), k->problem->tensor[T_DW], k->problem->count[T_DW]);
}

static const char *const bf16_problems[] = { "bf16:n64c16h26k16r3pad0",
                                             "bf16:n64c32h26k16r3pad0",
                                             "bf16:n64c64h26k32r3pad0",
                                             "bf16:n64c32h14k64r3pad1",
                                             "bf16:n64c32h14k64r5pad2",
                                             "bf16:n64c32h14k64r7pad3",
                                             "bf16:n64c1h28k32r3pad1",
                                             "bf16:n64c8h28k8r3pad1",
                                             "bf16:n64c16h14k16r3pad1",
                                             "bf16:n64c16h7k16r3pad0",
                                             "bf16:n16c3136h4w1k64r1pad0", /* a dense layer */
                                             NULL };

const struct op_bench conv_bf16_bench = {
    .directions = { "fwd", "bwd_data", "bwd_weights" },
    .problems = bf16_problems,
    .result = { T_Y, T_DX, T_DW },
    .parse = bf16_read,
    .work = bf16_work,
    .measure = bf16_measure,
    .pack = bf16_pack,
    .run = bf16_run,
};
