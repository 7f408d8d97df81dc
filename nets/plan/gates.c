/* SPDX-License-Identifier: MIT
 * ReLUs without work of their own. A ReLU that writes in place, over what the layer below makes, is left to who makes what it reads: rows
 * are stored as if they had passed through already, and the gradients for it likewise, by its own output, which the layer above reads
 * anyway. That spares reading and writing the rows once more, both ways. The bits are the same: in bf16 because rounding changes no sign,
 * in float32 because the kernel chooses as ReLU's would. */
#include <assert.h>
#include "internal.h"

static bool is_relu(const struct plan *plan, int layer)
{
    const struct layer_row *row = layer_row(plan->net.layers[layer].kind);
    return row->keeps_order && row->keeps_order(&plan->net.layers[layer]);
}

/* May a ReLU be left to what the layer makes: are its rows stored by storage.c, or can its kernel do it? */
static bool layer_gates(const struct plan *plan, int layer, enum storage stored)
{
    const struct layer_row *row = layer_row(plan->net.layers[layer].kind);
    if (plan->tiles) return stored == STORED_BF16;
    return row->gates && row->gates(&plan->layers[layer]);
}

static void choose(struct plan *plan, int i, const int *values, const int *gradients, int lowest)
{
    struct planned *l = &plan->layers[i], *below = &plan->layers[i - 1];
    if (l->unmade || (plan->tiles && l->stored != STORED_BF16)) return;
    l->gates = values[i] == values[i - 1] && !below->gates && !below->unmade && layer_gates(plan, i - 1, below->stored);
    if (!plan->training || i <= lowest || i + 1 == plan->net.count || net_is_source(&plan->net, i)) return;
    if (plan->tiles && below->gradient_stored != STORED_BF16) return;
    l->gates_back = gradients[i] == gradients[i - 1] && layer_gates(plan, i + 1, l->gradient_stored);
}

void gates_choose(struct plan *plan)
{
    int values[NET_MAX_LAYERS], gradients[NET_MAX_LAYERS];
    const int lowest = net_lowest(&plan->net);
    buffers_value_names(&plan->net, plan->training, values);
    buffers_gradient_names(&plan->net, lowest, gradients);
    for (int i = 1; i < plan->net.count; i++)
        if (is_relu(plan, i)) choose(plan, i, values, gradients, lowest);
    for (int i = plan->net.count - 2; i >= 0; i--)
        if (plan->layers[i + 1].gates_back) plan->layers[i].gates_back = false;
}

int gate_of(const struct plan *plan, enum work work, int layer)
{
    const int relu = work == WORK_DATA ? layer - 1 : layer + 1;
    assert(layer >= 0);
    assert(layer < plan->net.count);
    if ((work != WORK_FORWARD && work != WORK_DATA) || relu < 0 || relu >= plan->net.count) return -1;
    return (work == WORK_DATA ? plan->layers[relu].gates_back : plan->layers[relu].gates) ? relu : -1;
}

bool kernel_gates(const struct job *job, enum work work) { return !job->plan->tiles && gate_of(job->plan, work, job->index) >= 0; }
