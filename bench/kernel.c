/* SPDX-License-Identifier: MIT
 * Memory and calls, the same for every op. */
#include "kernel.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../kernels/runtime/rng.h"
#include "../kernels/sums.h"

#define OP_BENCH(NAME, name) extern const struct op_bench name##_bench;
OPS(OP_BENCH)
#undef OP_BENCH

#define OP_BENCH(NAME, name) &name##_bench,
const struct op_bench *const op_benches[OP_COUNT] = { OPS(OP_BENCH) };
#undef OP_BENCH

const char *problem_parse(const char *text, struct problem *p)
{
    assert(text);
    assert(p);
    const char *wrong = NULL;
    bool meant = false; /* `wrong` is of the op that was meant, as far as one sees: the first whose name begins so */
    for (int op = 0; op < OP_COUNT; op++) {
        *p = (struct problem){ .op = (enum op)op };
        const char *this_wrong = op_benches[op]->parse(text, p);
        snprintf(p->text, sizeof p->text, "%s", text);
        if (!this_wrong) return NULL;
        const bool named = strncmp(text, op_name((enum op)op), 2) == 0;
        if (!wrong || (named && !meant)) wrong = this_wrong;
        meant = meant || named;
    }
    return wrong;
}

static void *room(size_t bytes) { return aligned_alloc(64, bytes ? (bytes + 63) / 64 * 64 : 64); }

static void kill_lanes(float *tensor, size_t count, int images)
{
    assert(images >= 1);
    const int live = images % LANES;
    const size_t block = count / (size_t)image_blocks(images);
    for (size_t i = count - block; live && i < count; i++)
        if ((int)(i % LANES) >= live) tensor[i] = 0;
}

int problem_open(struct problem *p)
{
    assert(p->op < OP_COUNT);
    struct rng r = rng_start(rng_stream_key(1, STREAM_TEST, (uint32_t)p->op, 0));
    for (int i = 0; i < TENSORS; i++) {
        if (!p->count[i]) continue;
        p->tensor[i] = room(p->count[i] * sizeof(float));
        if (!p->tensor[i]) return problem_close(p), -ENOMEM;
        for (size_t j = 0; j < p->count[i]; j++) p->tensor[i][j] = (float)(2 * rng_uniform(&r) - 1);
    }
    p->bytes = room(p->byte_count);
    if (!p->bytes) return problem_close(p), -ENOMEM;
    memset(p->bytes, 0, p->byte_count);
    if (p->images && p->count[T_DY]) kill_lanes(p->tensor[T_DY], p->count[T_DY], p->images);
    return 0;
}

void problem_close(struct problem *p)
{
    for (int i = 0; i < TENSORS; i++) {
        free(p->tensor[i]);
        p->tensor[i] = NULL;
    }
    free(p->bytes);
    p->bytes = NULL;
}

int kernel_open(struct kernel *k, struct problem *p, const struct variant *v, int direction, struct team *team)
{
    assert(p);
    assert(v);
    const struct op_bench *op = op_benches[p->op];
    const int workers = team_workers(team);
    assert(direction < DIRECTIONS);
    assert(op->directions[direction]);
    *k = (struct kernel){ .problem = p, .variant = v, .direction = direction, .team = team };
    if (op->measure) op->measure(k);
    k->packed = room(k->packed_bytes);
    k->partials = room(k->partial_bytes);
    k->scratch = calloc((size_t)workers, sizeof *k->scratch);
    bool memory = k->packed && k->partials && k->scratch;
    for (int i = 0; memory && i < workers; i++) memory = (k->scratch[i] = room(k->scratch_bytes)) != NULL;
    if (!memory) return kernel_close(k), -ENOMEM;
    memset(k->partials, 0, k->partial_bytes);
    if (op->pack) op->pack(k);
    return 0;
}

void kernel_close(struct kernel *k)
{
    for (int i = 0; k->scratch && i < team_workers(k->team); i++) free(k->scratch[i]);
    free(k->scratch);
    free(k->packed);
    free(k->partials);
    *k = (struct kernel){ .problem = NULL };
}

void kernel_run(void *kernel)
{
    struct kernel *k = kernel;
    op_benches[k->problem->op]->run(k);
}

static void merge_strips(void *sums, int begin, int end, int worker)
{
    (void)worker;
    chunk_sums_merge(sums, (struct span){ begin, end });
}

void kernel_merge(const struct kernel *k, int chunks, size_t stride, float *to, size_t count)
{
    assert(count <= stride);
    assert(chunks >= 1);
    assert((size_t)chunks * stride * sizeof(float) <= k->partial_bytes);
    struct chunk_sums sums = { k->partials, to, chunks, stride, count, .add = false };
    team_run(k->team, chunk_sums_strips(&sums), merge_strips, &sums);
}
