/* SPDX-License-Identifier: MIT
 * Who writes where. Memory is most of what a training run costs beside time, so layers write in place where nobody misses what they
 * overwrite, and buffers that nobody will read again are used again.
 *
 * Values, training: everything is kept for backward, so the only saving is to write in place. Layer i may overwrite the output of layer i-1
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
 * what would overwrite it takes another buffer. */
#include "plan.h"

#include <assert.h>

/* What backward asks of a buffer's contents. */
enum need { NOTHING, SIGN, VALUE };

static int source_of(const struct net *net, int i)
{
    return net->layers[i].kind == LAYER_ADD ? i - net->layers[i].add.back : i;
}

static int buffer_of(const struct buffers *b, int layer)
{
    return layer < 0 ? INPUT_BUFFER : b->value[layer];
}

/* Will an add at or past layer i read this buffer as the output of a layer before i? */
static bool value_held(const struct net *net, const struct buffers *b, int buffer, int i)
{
    for (int a = i; a < net->count; a++) {
        int source = source_of(net, a);
        if (net->layers[a].kind == LAYER_ADD && source < i && buffer_of(b, source) == buffer)
            return true;
    }
    return false;
}

static bool in_place_training(const struct layer *l, enum need need)
{
    switch (l->kind) {
    case LAYER_ACTIVATION: case LAYER_ADD: return need == NOTHING;
    case LAYER_DROPOUT: return need != VALUE;
    case LAYER_CONV: case LAYER_POOL: case LAYER_DENSE: case LAYER_BATCHNORM: break;
    }
    return false;
}

static bool elementwise(const struct layer *l)
{
    return l->kind == LAYER_ACTIVATION || l->kind == LAYER_DROPOUT || l->kind == LAYER_BATCHNORM || l->kind == LAYER_ADD;
}

static size_t elements(const struct layer *l)
{
    return (size_t)l->out.c * (size_t)l->out.h * (size_t)l->out.w;
}

/* Of the buffers that are not busy the smallest that fits, else the largest, enlarged; a new one when all are busy. */
static int take_buffer(const bool *busy, size_t *size, int *count, size_t wanted)
{
    int best = -1;
    for (int i = 0; i < *count; i++) {
        if (busy[i])
            continue;
        bool fits = size[i] >= wanted, best_fits = best >= 0 && size[best] >= wanted;
        if (best < 0 || (fits && (!best_fits || size[i] < size[best])) || (!fits && !best_fits && size[i] > size[best]))
            best = i;
    }
    if (best < 0) {
        assert(*count < NET_MAX_LAYERS);
        best = (*count)++;
        size[best] = 0;
    }
    if (size[best] < wanted)
        size[best] = wanted;
    return best;
}

static void assign_values(const struct net *net, bool training, struct buffers *b)
{
    enum need needs[NET_MAX_LAYERS] = { NOTHING };
    for (int i = 0; i < net->count; i++) {
        const struct layer *l = &net->layers[i];
        int below = buffer_of(b, i - 1);
        bool free_to_write = below != INPUT_BUFFER && !value_held(net, b, below, i);
        if (!training && l->kind == LAYER_DROPOUT) {
            b->value[i] = below;
        } else if (free_to_write && (training ? in_place_training(l, needs[below]) : elementwise(l))) {
            b->value[i] = below;
        } else {
            bool busy[NET_MAX_LAYERS];
            for (int j = 0; j < b->values; j++)
                busy[j] = training || j == below || value_held(net, b, j, i);
            b->value[i] = take_buffer(busy, b->value_size, &b->values, elements(l));
        }
        if (l->kind == LAYER_ACTIVATION && b->value[i] != INPUT_BUFFER)
            needs[b->value[i]] = l->activation.kind == ACTIVATION_TANH ? VALUE : SIGN;
    }
}

/* At layer i's backward: is this buffer the dy of an add (i or past it) whose source, before i, has not received it yet? */
static bool gradient_held(const struct net *net, const struct buffers *b, int buffer, int i)
{
    for (int a = i; a < net->count; a++) {
        int source = source_of(net, a);
        if (net->layers[a].kind == LAYER_ADD && source >= b->lowest && source < i && b->gradient[a] == buffer)
            return true;
    }
    return false;
}

static bool is_source(const struct net *net, int layer)
{
    for (int a = layer + 1; a < net->count; a++)
        if (net->layers[a].kind == LAYER_ADD && source_of(net, a) == layer)
            return true;
    return false;
}

/* May layer i's backward leave dx where dy is? An add only lends its dy, so it may although dy is held, unless the layer before it is a
 * source, into whose gradient something will be added. */
static bool shares_gradient(const struct net *net, const struct buffers *b, int i)
{
    const struct layer *l = &net->layers[i];
    bool held = gradient_held(net, b, b->gradient[i], i);
    return elementwise(l) && (!held || (l->kind == LAYER_ADD && !is_source(net, i - 1)));
}

static void assign_gradients(const struct net *net, struct buffers *b)
{
    for (int i = net->count; i > b->lowest; i--) {
        if (i < net->count && shares_gradient(net, b, i)) {
            b->gradient[i - 1] = b->gradient[i];
            continue;
        }
        bool busy[NET_MAX_LAYERS];
        for (int j = 0; j < b->gradients; j++)
            busy[j] = i < net->count && (j == b->gradient[i] || gradient_held(net, b, j, i));
        b->gradient[i - 1] = take_buffer(busy, b->gradient_size, &b->gradients, elements(&net->layers[i - 1]));
    }
}

void buffers_assign(const struct net *net, bool training, struct buffers *b)
{
    assert(net && net->count > 0);
    assert(b);
    *b = (struct buffers){ 0 };
    while (b->lowest < net->count && net_layer_facts(net, b->lowest).parameters == 0)
        b->lowest++;
    for (int i = 0; i < net->count; i++)
        b->gradient[i] = NO_BUFFER;
    assign_values(net, training, b);
    if (training)
        assign_gradients(net, b);
}
