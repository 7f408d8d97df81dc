/* SPDX-License-Identifier: MIT
 * What follows from a net's words: shapes from layer to layer, and per layer its parameters, work and receptive field. A shape error names
 * the layer by index and word, what it gets, what is wrong and the way out. */
#include "net.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

static const float DROP_MAX = 0.999f;   /* the kernel's threshold has 16 bits and must stay below 2^16 */

/* ---- checks: each fills the layer from its input shape and returns NULL or what is wrong ------------------------------------------- */

static const char *check_conv(struct layer *l)
{
    struct conv *c = &l->conv;
    c->n = 1, c->c = l->in.c, c->h = l->in.h, c->w = l->in.w;
    if (l->same) {
        if (c->r % 2 == 0 || c->s % 2 == 0)
            return "\"same\" needs an odd kernel: write the padding out, such as pad1,0,1,0";
        c->top = c->bottom = c->r / 2;
        c->left = c->right = c->s / 2;
    }
    const char *wrong = conv_complete(c);
    c->n = 0;
    l->out = (struct shape){ c->k, c->p, c->q };
    return wrong;
}

static const char *check_pool(struct layer *l)
{
    struct pool *p = &l->pool;
    p->n = 1, p->c = l->in.c, p->h = l->in.h, p->w = l->in.w;
    if (l->global)
        p->r = p->h, p->s = p->w, p->step = 1;
    const char *wrong = pool_complete(p);
    p->n = 0;
    l->out = (struct shape){ p->c, p->p, p->q };
    return wrong;
}

static const char *check_dense(struct layer *l)
{
    struct dense *d = &l->dense;
    d->n = 1, d->c = l->in.c * l->in.h * l->in.w;
    const char *wrong = dense_complete(d);
    d->n = 0;
    l->out = (struct shape){ d->k, 1, 1 };
    return wrong;
}

static const char *check_numbers(const struct layer *l)
{
    if (l->kind == LAYER_BATCHNORM && !(l->batchnorm.eps > 0 && l->batchnorm.eps <= 1))
        return "eps must be above 0 and at most 1";
    if (l->kind == LAYER_BATCHNORM && !(l->batchnorm.momentum >= 0 && l->batchnorm.momentum <= 1))
        return "momentum must be 0 to 1";
    if (l->kind == LAYER_ACTIVATION && l->activation.kind == ACTIVATION_LEAKY && !(l->activation.slope > 0 && l->activation.slope <= 1))
        return "the slope must be above 0 and at most 1";
    if (l->kind == LAYER_DROPOUT && !(l->dropout.rate >= 0 && l->dropout.rate <= DROP_MAX))
        return "the rate is a share dropped, 0 to 0.999";
    return NULL;
}

/* The source is the output of layer `source`, or the net's input for -1. */
static int check_add(const struct net *net, int i, struct why *why)
{
    const struct layer *l = &net->layers[i];
    int source = i - l->add.back;
    if (l->add.back < 2 || source < -1)
        return fail(why, -EINVAL, "net: layer %d \"add%d\" must reach back 2 to %d places (1 would add a layer to itself)", i, l->add.back,
                    i + 1);
    struct shape from = source < 0 ? net->in : net->layers[source].out;
    if (from.c != l->in.c || from.h < l->in.h || from.w < l->in.w)
        return fail(why, -EINVAL, "net: layer %d \"add%d\" gets %dx%dx%d and would add the %dx%dx%d of %s %d; channels must be equal and "
                    "the source no smaller: reach to another layer", i, l->add.back, l->in.c, l->in.h, l->in.w, from.c, from.h, from.w,
                    source < 0 ? "the input, layer" : "layer", source);
    return 0;
}

static int check_layer(struct net *net, int i, struct why *why)
{
    struct layer *l = &net->layers[i];
    char word[96];
    const char *wrong = NULL;
    l->out = l->in;
    switch (l->kind) {
    case LAYER_CONV: wrong = check_conv(l); break;
    case LAYER_POOL: wrong = check_pool(l); break;
    case LAYER_DENSE: wrong = check_dense(l); break;
    case LAYER_ADD: return check_add(net, i, why);
    case LAYER_BATCHNORM: case LAYER_ACTIVATION: case LAYER_DROPOUT: wrong = check_numbers(l); break;
    }
    if (!wrong)
        return 0;
    bool window = l->kind == LAYER_CONV || (l->kind == LAYER_POOL && !l->global);
    return fail(why, -EINVAL, "net: layer %d \"%s\" gets %dx%dx%d: %s%s", i, layer_print(l, word, sizeof word), l->in.c, l->in.h, l->in.w,
                wrong, window ? "; change window or padding, or shrink the image less before it" : "");
}

int net_check(struct net *net, struct why *why)
{
    assert(net && net->count >= 0 && net->count <= NET_MAX_LAYERS);
    struct shape at = net->in;
    if (at.c < 1 || at.h < 1 || at.w < 1 || (double)at.c * at.h * at.w * LANES > INT_MAX)
        return fail(why, -EINVAL, "net: the input %dx%dx%d is %s; write channels x height x width, such as 1x28x28", at.c, at.h, at.w,
                    at.c < 1 || at.h < 1 || at.w < 1 ? "empty" : "too large");
    if (net->count == 0)
        return fail(why, -EINVAL, "net: no layers after the input %dx%dx%d; write one, such as dense10", at.c, at.h, at.w);
    for (int i = 0; i < net->count; i++) {
        net->layers[i].in = at;
        int code = check_layer(net, i, why);
        if (code != 0)
            return code;
        at = net->layers[i].out;
    }
    if (at.h != 1 || at.w != 1 || at.c > UINT8_MAX + 1)
        return fail(why, -EINVAL, "net: it ends with %dx%dx%d; logits must be CLASSESx1x1 with at most 256 classes: end with gap or "
                    "dense10", at.c, at.h, at.w);
    return 0;
}

/* ---- facts ------------------------------------------------------------------------------------------------------------------------- */

static long count_parameters(const struct layer *l)
{
    const struct conv *c = &l->conv;
    switch (l->kind) {
    case LAYER_CONV: return (long)c->k * c->r * c->s * c->c + (c->bias ? c->k : 0);
    case LAYER_DENSE: return (long)l->dense.k * l->dense.c + (l->dense.bias ? l->dense.k : 0);
    case LAYER_BATCHNORM: return 2L * l->in.c;
    case LAYER_POOL: case LAYER_ACTIVATION: case LAYER_DROPOUT: case LAYER_ADD: break;
    }
    return 0;
}

/* Window and step, as a receptive field sees them; a dense layer is a window of the whole image. */
static void window_of(const struct layer *l, int *window, int *step)
{
    *window = *step = 1;
    if (l->kind == LAYER_CONV)
        *window = l->conv.r, *step = l->conv.step;
    else if (l->kind == LAYER_POOL)
        *window = l->pool.r, *step = l->pool.step;
    else if (l->kind == LAYER_DENSE)
        *window = l->in.h;
}

struct layer_facts net_layer_facts(const struct net *net, int layer)
{
    assert(net && layer >= 0 && layer < net->count);
    const struct layer *l = &net->layers[layer];
    struct layer_facts facts = { .out = l->out, .parameters = count_parameters(l) };
    double outputs = (double)l->out.c * l->out.h * l->out.w;
    if (l->kind == LAYER_CONV)
        facts.macs = outputs * l->conv.r * l->conv.s * l->conv.c;
    if (l->kind == LAYER_DENSE)
        facts.macs = outputs * l->dense.c;
    long long field = 1, jump = 1;                  /* many strides on a small image: beyond any image, and then beyond int */
    for (int i = 0; i <= layer; i++) {
        int window, step;
        window_of(&net->layers[i], &window, &step);
        field += (window - 1) * jump;
        jump *= step;
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
    assert(net && net->count <= NET_MAX_LAYERS);
    long sum = 0;
    for (int i = 0; i < net->count; i++)
        sum += count_parameters(&net->layers[i]);
    return sum;
}
