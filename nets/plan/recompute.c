/* SPDX-License-Identifier: MIT
 * What is made anew for backward rather than kept. A value that is kept is written to memory, for which its lines are read first, and read
 * again: three times its bytes. Where a few operations make it from what is kept anyway, as batch norm's output from its input, and the
 * activation's behind it, making it in the block's backward is cheaper. The bits are the same: the same function makes it of the same
 * operands.
 *
 * Convolutions are not made anew. The first one's output, of a single channel, takes few operations (18 per element), but its kernel runs
 * at a fifth to two fifths of the peak: 17 us per image for 32 channels at 26x26, as long as the value's three ways to memory at 15 GB/s.
 * An activation's sign as a bit would save nothing either: the convolution above reads the value itself. */
#include <assert.h>
#include "internal.h"

enum { WAYS = 3 };           /* writing takes two of them */
enum { PROFIT = 5 };         /* made anew is what costs less than this share, one in so many, of its ways to memory */
enum { FLOPS_PER_BYTE = 5 }; /* of a core, against its memory: servers and desktops since 2015 have 4 to 12 */

/* Operations per element; 0: it is not made anew. */
static int operations(const struct plan *plan, int layer) { return layer_row(plan->net.layers[layer].kind)->operations; }

/* Do the gradients of its weights go block by block, so that they can read a block's value? */
static bool read_by_block(const struct plan *plan, int layer)
{
    const struct layer_work *weights = &layer_row(plan->net.layers[layer].kind)->work[WORK_WEIGHTS];
    struct planned one = plan->layers[layer];
    if (!weights->rows || !weights->chunks) return false;
    if (plan->layers[layer].tiles && plan->layers[layer - 1].stored != STORED_BF16) return false; /* x is kept as lines of its own */
    planned_images(&one, plan->net.layers[layer].kind, LANES);
    const struct stage stage = { .work = WORK_WEIGHTS, .layer = layer, .does = weights, .chunks = weights->chunks(&one) };
    return stage_by_block(plan, &stage);
}

/* The run of layers that write over each other's output, from a batch norm on, that the layer is in: its end, 0 where there is none. */
static int run_end(const struct plan *plan, int layer, int *begin)
{
    assert(layer >= 0);
    assert(layer < plan->net.count);
    const struct net *net = &plan->net;
    int first = layer;
    while (first > 0 && !layer_row(net->layers[first].kind)->mixes_images && layer_row(net->layers[first].kind)->in_place) first--;
    if (!layer_row(net->layers[first].kind)->mixes_images) return 0;
    int end = first + 1;
    while (end < net->count && layer_row(net->layers[end].kind)->in_place) end++;
    *begin = first;
    return end;
}

bool made_again(const struct plan *plan, int layer)
{
    int begin = 0, cost = 0;
    const int end = run_end(plan, layer, &begin);
    if (!plan->recompute || !plan->by_block || !plan->training || end == 0 || end == plan->net.count) return false;
    for (int i = begin; i < end; i++) {
        if (operations(plan, i) == 0 || net_is_source(&plan->net, i)) return false;
        cost += operations(plan, i);
    }
    if (!layer_row(plan->net.layers[end].kind)->reads_input || !read_by_block(plan, end)) return false;
    return cost * PROFIT <= WAYS * (int)storage_bytes(plan->layers[layer].stored) * FLOPS_PER_BYTE;
}
