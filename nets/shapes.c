/* SPDX-License-Identifier: MIT
 * What follows from a net's words: shapes from layer to layer, and per layer its parameters, work and receptive field. A shape error names
 * the layer by index and word, what it gets, what is wrong and the way out. */
#include "net.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include "layers/layer.h"

/* ---- second inputs ----------------------------------------------------------------------------------------------------------------- */

int net_source(const struct net *net, int layer)
{
    assert(net);
    assert(layer >= 0);
    assert(layer < net->count);
    const struct layer *l = &net->layers[layer];
    const struct layer_row *row = layer_row(l->kind);
    return row->source ? layer - row->source(l) : layer;
}

struct shape net_source_shape(const struct net *net, int layer)
{
    const int source = net_source(net, layer);
    return source < 0 ? net->in : net->layers[source].out;
}

static int check_source(const struct net *net, int i, struct why *why)
{
    const struct layer *l = &net->layers[i];
    const int source = net_source(net, i);
    char word[96];
    layer_print(l, word, sizeof word);
    if (source > i - 2 || source < -1)
        return why_fail(why, -EINVAL, "net: layer %d \"%s\" must reach back 2 to %d places (1 would add a layer to itself)", i, word,
                        i + 1);
    const struct shape from = net_source_shape(net, i);
    if (from.c != l->in.c || from.h < l->in.h || from.w < l->in.w)
        return why_fail(why, -EINVAL,
                        "net: layer %d \"%s\" gets %dx%dx%d and would add the %dx%dx%d of %s %d; channels must be equal and "
                        "the source no smaller: reach to another layer",
                        i, word, l->in.c, l->in.h, l->in.w, from.c, from.h, from.w, source < 0 ? "the input, layer" : "layer", source);
    return 0;
}

/* ---- from layer to layer ----------------------------------------------------------------------------------------------------------- */

static int check_layer(struct net *net, int i, struct why *why)
{
    assert(i < net->count);
    struct layer *l = &net->layers[i];
    const struct layer_row *row = layer_row(l->kind);
    char word[96];
    l->out = l->in;
    if (row->source && check_source(net, i, why) != 0) return -EINVAL;
    const char *wrong = row->shape ? row->shape(l) : NULL;
    if (!wrong) return 0;
    return why_fail(why, -EINVAL, "net: layer %d \"%s\" gets %dx%dx%d: %s%s", i, layer_print(l, word, sizeof word), l->in.c, l->in.h,
                    l->in.w, wrong, row->way_out && !l->global ? row->way_out : "");
}

int net_check(struct net *net, struct why *why)
{
    assert(net);
    assert(net->count >= 0);
    assert(net->count <= NET_MAX_LAYERS);
    struct shape at = net->in;
    if (at.c < 1 || at.h < 1 || at.w < 1 || (double)at.c * at.h * at.w * LANES > INT_MAX)
        return why_fail(why, -EINVAL, "net: the input %dx%dx%d is %s; write channels x height x width, such as 1x28x28", at.c, at.h, at.w,
                        at.c < 1 || at.h < 1 || at.w < 1 ? "empty" : "too large");
    if (net->count == 0)
        return why_fail(why, -EINVAL, "net: no layers after the input %dx%dx%d; write one, such as dense10", at.c, at.h, at.w);
    for (int i = 0; i < net->count; i++) {
        net->layers[i].in = at;
        int code = check_layer(net, i, why);
        if (code != 0) return code;
        at = net->layers[i].out;
    }
    if (at.h != 1 || at.w != 1 || at.c > UINT8_MAX + 1)
        return why_fail(why, -EINVAL,
                        "net: it ends with %dx%dx%d; logits must be CLASSESx1x1 with at most 256 classes: end with gap or "
                        "dense10",
                        at.c, at.h, at.w);
    return 0;
}

int net_check_batch(const struct net *net, int images, struct why *why)
{
    assert(net);
    assert(images > 0);
    for (int i = 0; i < net->count; i++) {
        const struct layer *l = &net->layers[i];
        char word[96];
        if (images == 1 && l->in.h == 1 && l->in.w == 1 && layer_row(l->kind)->mixes_images)
            return why_fail(why, -EINVAL,
                            "net: layer %d \"%s\" gets %dx1x1: a batch of 1 image has one value per channel, and no variance to "
                            "train with; take batches of 2 images or more",
                            i, layer_print(l, word, sizeof word), l->in.c);
    }
    return 0;
}

/* ---- facts ------------------------------------------------------------------------------------------------------------------------- */

static long count_parameters(const struct layer *l)
{
    struct tensor_row list[LAYER_TENSORS + 1] = { { .name = NULL } };
    const struct layer_row *row = layer_row(l->kind);
    long sum = 0;
    if (row->tensors) row->tensors(l, list);
    for (const struct tensor_row *t = list; t->name; t++) {
        long count = t->trained;
        for (int i = 0; i < t->rank; i++) count *= t->extent[i];
        sum += count;
    }
    return sum;
}

bool net_mixes_images(const struct net *net)
{
    assert(net);
    for (int i = 0; i < net->count; i++)
        if (layer_row(net->layers[i].kind)->mixes_images) return true;
    return false;
}

struct layer_facts net_layer_facts(const struct net *net, int layer)
{
    assert(net);
    assert(layer >= 0);
    assert(layer < net->count);
    const struct layer *l = &net->layers[layer];
    const struct layer_row *row = layer_row(l->kind);
    struct layer_facts facts = { .out = l->out, .parameters = count_parameters(l), .macs = row->macs ? row->macs(l) : 0 };
    long long field = 1, jump = 1; /* many strides on a small image: beyond any image, and then beyond int */
    for (int i = 0; i <= layer; i++) {
        const struct window window = layer_window(&net->layers[i]);
        field += (window.extent - 1) * jump;
        jump *= window.step;
        if (field > INT_MAX) field = INT_MAX;
        if (jump > INT_MAX) jump = INT_MAX;
    }
    facts.field = (int)field;
    facts.jump = (int)jump;
    facts.bytes_activations = (size_t)l->out.c * (size_t)l->out.h * (size_t)l->out.w * sizeof(float);
    return facts;
}

long net_parameters(const struct net *net)
{
    assert(net);
    assert(net->count <= NET_MAX_LAYERS);
    long sum = 0;
    for (int i = 0; i < net->count; i++) sum += count_parameters(&net->layers[i]);
    return sum;
}
