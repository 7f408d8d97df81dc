/* SPDX-License-Identifier: MIT
 * Gradients are sums over images. Their shape is fixed by the layer alone: waves of image blocks, added in order; within a wave chunks,
 * each summed by one call into its own place and merged by a pairwise tree. Hence the same bits for any number of workers, and for a batch
 * fed in micro-batches of whole waves. */
#include "internal.h"

#include <assert.h>
#include <string.h>

enum { STRIP_VECTORS = 64 }; /* the tree runs over 4 KiB of every chunk at a time, so that they stay in cache */

void sums_add(real *restrict to, const real *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] += from[i];
}

/* Elements [begin, end) of all chunks: pairs, pairs of pairs …, in place; then over or onto the target. */
static void merge_elements(const struct job *j, size_t begin, size_t end)
{
    real *first = partials_of(j->plan, j->layer) + begin;
    size_t count = end - begin;
    for (int gap = 1; gap < j->chunks; gap *= 2)
        for (int chunk = 0; chunk + gap < j->chunks; chunk += 2 * gap)
            sums_add(first + (size_t)chunk * j->stride, first + (size_t)(chunk + gap) * j->stride, count);
    if (j->add) sums_add(j->to + begin, first, count);
    else memcpy(j->to + begin, first, count * sizeof(real));
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

void sums_merge(struct plan *plan, struct team *team, struct job *job)
{
    const size_t strip = (size_t)STRIP_VECTORS * LANES;
    assert(job->layer->partial + (size_t)job->chunks * job->stride <= plan->partial_count);
    team_run(team, (int)((job->stride + strip - 1) / strip), merge_strips, job);
}

void sums_clear_padding(const struct job *j, real *sums)
{
    for (int which = 0; which < j->layer->tensors; which++) {
        size_t count = j->plan->tensor[j->layer->tensor + which].tensor.count, room = round16(count);
        memset(sums + count, 0, (room - count) * sizeof(real));
        sums += room;
    }
}

real *sums_bias(const struct job *j, real *weight)
{
    return j->layer->tensors > 1 ? weight + round16(j->plan->tensor[j->layer->tensor].tensor.count) : NULL;
}

int wave_images(const struct plan *plan, int block, int blocks)
{
    int left = plan->pass.n - block * LANES;
    return left < blocks * LANES ? left : blocks * LANES;
}
