/* SPDX-License-Identifier: MIT
 * What is made anew for backward rather than kept. A value that is kept is written to memory, for which its lines are read first, and read
 * again: three times its bytes. Where a few operations make it from what is kept anyway, as batch norm's output from its input, and the
 * activation's behind it, making it in the block's backward is cheaper. The bits are the same: the same function makes it of the same
 * operands.
 *
 * Better still is not to make it at all: a Winograd transform reads each pixel of its input twice or so, and scaling it and its ReLU there
 * costs two operations a pixel. Where forward and backward-weights of the convolution above can (READS_THROUGH), nothing but batch norm's
 * input is ever in memory, and backward asks it what ReLU let pass.
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
    if (plan->layers[layer].unmade || !plan->recompute || !plan->by_block || !plan->training || end == 0 || end == plan->net.count)
        return false;
    for (int i = begin; i < end; i++) {
        if (operations(plan, i) == 0 || net_is_source(&plan->net, i)) return false;
        cost += operations(plan, i);
    }
    if (!layer_row(plan->net.layers[end].kind)->reads_input || !read_by_block(plan, end)) return false;
    return cost * PROFIT <= WAYS * (int)storage_bytes(plan->layers[layer].stored) * FLOPS_PER_BYTE;
}

/* The layer that alone reads the batch norm at i, or the ReLU on it, and can read through both; -1: there is none. */
static int reader_through(const struct plan *plan, int i)
{
    const struct net *net = &plan->net;
    if (!layer_row(net->layers[i].kind)->scales || i + 1 == net->count) return -1;
    const struct layer_row *next = layer_row(net->layers[i + 1].kind);
    const int reader = i + 1 + (next->keeps_order && next->keeps_order(&net->layers[i + 1]));
    if (reader == net->count || net_is_source(net, i) || net_is_source(net, reader - 1)) return -1;
    const struct layer_row *above = layer_row(net->layers[reader].kind);
    return above->reads_through && above->reads_through(&plan->layers[reader]) ? reader : -1;
}

void read_through(struct plan *plan)
{
    for (int i = 0; i < plan->net.count; i++) plan->layers[i].from = i - 1;
    for (int i = 0; i < plan->net.count && plan->recompute && !plan->tiles; i++) {
        const int reader = reader_through(plan, i);
        struct planned *norm = &plan->layers[i];
        if (reader < 0) continue;
        norm->affine.relu = reader > i + 1;
        norm->batchnorm.through = plan->layers[reader].conv.through = &norm->affine;
        plan->layers[reader].from = i - 1;
        for (int k = i; k < reader; k++) plan->layers[k].unmade = true;
    }
}
