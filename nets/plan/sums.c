/* SPDX-License-Identifier: MIT
 * Gradients are sums over images. Their shape is fixed by the layer alone: waves of image blocks, added in order; within a wave chunks,
 * added by the tree of kernels/sums.h. Hence the same bits for any number of workers, and for a batch fed in micro-batches of whole waves.
 */
#include "internal.h"

#include <assert.h>
#include <string.h>

static void merge_strips(void *sums, int begin, int end, int worker)
{
    (void)worker;
    chunk_sums_merge(sums, (struct span){ begin, end });
}

void sums_merge(struct plan *plan, struct team *team, struct job *job)
{
    assert(job->layer->partial + (size_t)job->chunks * job->stride <= plan->partial_count);
    struct chunk_sums sums = { partials_of(plan, job->layer), job->to, job->chunks, job->stride, job->stride, job->add };
    team_run(team, chunk_sums_strips(&sums), merge_strips, &sums);
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
