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

/* Of several layers: strips are counted from the first layer's on. */
struct merges {
    int count, end[NET_MAX_LAYERS];
    struct chunk_sums sums[NET_MAX_LAYERS];
};

static void merge_several(void *merges, int begin, int end, int worker)
{
    (void)worker;
    struct merges *m = merges;
    for (int i = 0; i < m->count && begin < end; i++) {
        const int first = i > 0 ? m->end[i - 1] : 0, last = m->end[i] < end ? m->end[i] : end;
        if (begin >= last) continue;
        chunk_sums_merge(&m->sums[i], (struct span){ begin - first, last - first });
        begin = last;
    }
}

void sums_merge_several(struct plan *plan, struct team *team, const int *layers, int count)
{
    struct merges m = { .count = count };
    int strips = 0;
    for (int i = 0; i < count; i++) {
        m.sums[i] = layer_row(plan->net.layers[layers[i]].kind)->work[WORK_WEIGHTS].merge(plan, layers[i]);
        assert((size_t)m.sums[i].chunks * m.sums[i].stride + plan->layers[layers[i]].partial <= plan->partial_count);
        m.end[i] = strips += chunk_sums_strips(&m.sums[i]);
    }
    team_run(team, strips, merge_several, &m);
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
