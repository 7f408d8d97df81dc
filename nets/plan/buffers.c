/* SPDX-License-Identifier: MIT
 * Who writes where. Memory is most of what a training run costs beside time, so layers write in place where nobody misses what they
 * overwrite, and buffers that nobody will read again are used again.
 *
 * Values, training: what backward reads is kept, so the first saving is to write in place. Layer i may overwrite the output of layer i-1
 * unless a later add still reads it, or layer i-1's backward does. What backward reads: conv, dense and batch norm their input, activations
 * their output, max-pool and dropout a mask of their own. So
 *   - activation and add go in place over conv, dense, pool, batch norm, add and dropout, whose outputs no backward reads;
 *   - dropout goes over these and over ReLU and leaky ReLU: they ask only whether their output is above zero, which scaling keeps, and
 *     where an element was dropped the gradient that arrives is zero. It does not go over tanh, whose output itself is read;
 *   - batch norm reads its input again and never goes in place. Nothing else can overwrite that input: only batch norm follows it.
 * Values, inference: all four go in place, dropout is the identity and does nothing; the rest takes a free buffer: in a net without adds
 * that is two in turn.
 *
 * Gradients live from the layer above's backward to their own layer's. Activation, dropout and batch norm write dx over dy; add's da is dy.
 * An add's dy also goes to its source (+=) once the layer above the source has written the source's gradient: until then dy is held, and
 * what would overwrite it takes another buffer.
 *
 * Within a group of stages (schedule.c) everything is under way at once, so no buffer is used twice there; what a group alone writes and
 * reads is local: every worker has a buffer of its own, for the few blocks that it has under way.
 *
 * Hence three steps: layers that write in place of each other get one label; labels are found to be local or not; labels take buffers. */
#include "internal.h"

#include <assert.h>

static const struct layer_row *row_of(const struct net *net, int i) { return layer_row(net->layers[i].kind); }

/* Of a layer's value: a label, or a buffer. */
static int name_of(const int *names, int layer) { return layer < 0 ? INPUT_BUFFER : names[layer]; }

/* Will an add at or past layer i read the value of this name as the output of a layer before i? */
static bool value_held(const struct net *net, const int *names, int name, int i)
{
    for (int a = i; a < net->count; a++) {
        const int source = net_source(net, a);
        if (source != a && source < i && name_of(names, source) == name) return true;
    }
    return false;
}

static size_t elements(const struct layer *l) { return (size_t)l->out.c * (size_t)l->out.h * (size_t)l->out.w; }

/* A list of buffers under construction. */
struct list {
    int *count;
    size_t *size;
    bool *local;
};

/* Of the buffers of that sort that are not busy the smallest that fits, else the largest, enlarged; a new one when all are busy. */
static int take_buffer(const struct list *list, const bool *busy, bool local, size_t wanted)
{
    size_t *size = list->size;
    int best = -1;
    for (int i = 0; i < *list->count; i++) {
        if (busy[i] || list->local[i] != local) continue;
        bool fits = size[i] >= wanted, best_fits = best >= 0 && size[best] >= wanted;
        if (best < 0 || (fits && (!best_fits || size[i] < size[best])) || (!fits && !best_fits && size[i] > size[best])) best = i;
    }
    if (best < 0) {
        assert(*list->count < NET_MAX_LAYERS);
        best = (*list->count)++;
        size[best] = 0;
        list->local[best] = local;
    }
    if (size[best] < wanted) size[best] = wanted;
    return best;
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------ */

static void label_values(const struct net *net, bool training, int *label)
{
    enum need needs[NET_MAX_LAYERS] = { NEED_NOTHING };
    int labels = 0;
    for (int i = 0; i < net->count; i++) {
        const struct layer_row *row = row_of(net, i);
        const int below = name_of(label, i - 1);
        const bool free_to_write = below != INPUT_BUFFER && !value_held(net, label, below, i);
        if (!training && row->passes_at_inference) label[i] = below;
        else if (free_to_write && (training ? row->in_place && needs[below] <= row->over : row->elementwise)) label[i] = below;
        else label[i] = labels++;
        if (row->needs_output && label[i] != INPUT_BUFFER) needs[label[i]] = row->needs_output(&net->layers[i]);
    }
}

/* Does backward read what has this label? Dropout is one that must find the whole batch: it counts vectors from its beginning. */
static bool value_is_kept(const struct net *net, const int *label, int name)
{
    for (int i = 0; i < net->count; i++) {
        if (label[i] != name) continue;
        if (row_of(net, i)->needs_output || row_of(net, i)->whole_output || (i + 1 < net->count && row_of(net, i + 1)->reads_input))
            return true;
    }
    return false;
}

/* Are the two layers' values made by the same group, in each kind of forward pass, or in one of them? */
static bool always_together(const struct sharing *s, int a, int b)
{
    return s->value[TRAINING_PASS][a] == s->value[TRAINING_PASS][b] && s->value[INFERENCE_PASS][a] == s->value[INFERENCE_PASS][b];
}

static bool ever_together(const struct sharing *s, int a, int b)
{
    return s->value[TRAINING_PASS][a] == s->value[TRAINING_PASS][b] || s->value[INFERENCE_PASS][a] == s->value[INFERENCE_PASS][b];
}

/* Is whoever reads the label of layer i in the group that writes it? */
static bool value_is_local(const struct net *net, const struct sharing *s, const int *label, int i)
{
    for (int layer = 0; layer < net->count; layer++) {
        if (label[layer] != label[i]) continue;
        if (layer == net->count - 1 || !always_together(s, layer, i) || !always_together(s, layer + 1, i)) return false;
        for (int a = layer + 1; a < net->count; a++)
            if (net_source(net, a) == layer && !always_together(s, a, i)) return false;
    }
    return true;
}

/* Does a stage before layer i in its group read or write the buffer? */
static bool value_under_way(const struct net *net, const struct buffers *b, const struct sharing *s, int buffer, int i)
{
    for (int layer = i - 1; s && layer >= 0 && ever_together(s, layer, i); layer--)
        if (b->value[layer] == buffer || name_of(b->value, layer - 1) == buffer || name_of(b->value, net_source(net, layer)) == buffer)
            return true;
    return false;
}

static void assign_values(const struct net *net, bool training, const struct sharing *s, struct buffers *b)
{
    int label[NET_MAX_LAYERS];
    const struct list list = { &b->values, b->value_size, b->value_local };
    label_values(net, training, label);
    for (int i = 0; i < net->count; i++) {
        const int below = name_of(b->value, i - 1);
        if (label[i] == name_of(label, i - 1)) {
            b->value[i] = below;
            continue;
        }
        const bool local = s && value_is_local(net, s, label, i) && !(training && value_is_kept(net, label, label[i]));
        bool busy[NET_MAX_LAYERS];
        for (int j = 0; j < b->values; j++)
            busy[j] = (training && !b->value_local[j]) || j == below || value_held(net, b->value, j, i) || value_under_way(net, b, s, j, i);
        b->value[i] = take_buffer(&list, busy, local, elements(&net->layers[i]) * (size_t)(local ? s->bundle[i] : 1));
    }
}

/* ---- gradients --------------------------------------------------------------------------------------------------------------------- */

/* At layer i's backward: is this buffer the dy of an add (i or past it) whose source, before i, has not received it yet? */
static bool gradient_held(const struct net *net, const struct buffers *b, int buffer, int i)
{
    for (int a = i; a < net->count; a++) {
        const int source = net_source(net, a);
        if (source != a && source >= b->lowest && source < i && b->gradient[a] == buffer) return true;
    }
    return false;
}

bool net_is_source(const struct net *net, int layer)
{
    for (int a = layer + 1; a < net->count; a++)
        if (net_source(net, a) == layer) return true;
    return false;
}

/* May layer i's backward leave dx where dy is? An add only lends its dy, so it may although dy is held, unless the layer before it is a
 * source, into whose gradient something will be added. */
static bool shares_gradient(const struct net *net, const struct buffers *b, int i)
{
    const struct layer_row *row = row_of(net, i);
    const bool held = gradient_held(net, b, b->gradient[i], i);
    return row->elementwise && (!held || (row->source && !net_is_source(net, i - 1)));
}

/* Does layer i's backward do nothing but make rows of dx out of rows of dy? */
static bool passes_gradient_on(const struct net *net, int i)
{
    const struct layer_row *row = row_of(net, i);
    const struct layer_work *weights = &row->work[WORK_WEIGHTS];
    return !net_is_source(net, i) && !row->source && !weights->rows && !weights->whole && !row->work[WORK_SUMS].rows;
}

/* dy of layer i, which its own group or those of the layers that take it over in place may read. A convolution reads it twice, the lowest
 * one for its weights alone. */
static bool gradient_is_local(const struct net *net, const struct sharing *s, const struct buffers *b, int i)
{
    const int group = i + 1 < net->count ? s->gradient[i + 1] : -1;
    for (; i > b->lowest && passes_gradient_on(net, i) && s->gradient[i] == group; i--)
        if (!row_of(net, i)->elementwise) return true;
    const bool sums_rows = row_of(net, i)->work[WORK_WEIGHTS].rows && !net_is_source(net, i);
    return sums_rows && group >= 0 && s->weights[i] == group && (i == b->lowest || s->gradient[i] == group);
}

/* Does a stage past layer i in the group of its dx read or write the buffer? */
static bool gradient_under_way(const struct net *net, const struct buffers *b, const struct sharing *s, int buffer, int i)
{
    for (int layer = i; s && layer < net->count && s->gradient[layer] == s->gradient[i]; layer++)
        if (b->gradient[layer] == buffer) return true;
    return false;
}

static void assign_gradients(const struct net *net, const struct sharing *s, struct buffers *b)
{
    const struct list list = { &b->gradients, b->gradient_size, b->gradient_local };
    for (int i = net->count; i > b->lowest; i--) {
        if (i < net->count && shares_gradient(net, b, i)) {
            b->gradient[i - 1] = b->gradient[i];
            continue;
        }
        const bool local = s && i < net->count && gradient_is_local(net, s, b, i - 1);
        bool busy[NET_MAX_LAYERS];
        for (int j = 0; j < b->gradients; j++)
            busy[j] = i < net->count && (j == b->gradient[i] || gradient_held(net, b, j, i) || gradient_under_way(net, b, s, j, i));
        b->gradient[i - 1] = take_buffer(&list, busy, local, elements(&net->layers[i - 1]) * (size_t)(local ? s->gradient_bundle[i] : 1));
    }
}

void buffers_assign(const struct net *net, bool training, const struct sharing *sharing, struct buffers *b)
{
    assert(net && net->count > 0);
    assert(b);
    *b = (struct buffers){ .lowest = net_lowest(net) };
    for (int i = 0; i < net->count; i++) b->gradient[i] = NO_BUFFER;
    assign_values(net, training, sharing, b);
    if (training) assign_gradients(net, sharing, b);
}

int net_lowest(const struct net *net)
{
    int lowest = 0;
    while (lowest < net->count && net_layer_facts(net, lowest).parameters == 0) lowest++;
    return lowest;
}
