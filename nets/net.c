/* SPDX-License-Identifier: MIT
 * Net strings: text to layers and back, and the shapes that follow. A word's reader stands beside its writer in one table; options may come
 * in any order, and net_print writes the one canonical order, so that a row's id does not depend on who typed it. */
#include "net.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_SIZE = 96 };               /* a layer as text; longer words are refused */

static const float BN_EPS = 1e-5f, BN_MOMENTUM = 0.1f;

/* ---- reading ----------------------------------------------------------------------------------------------------------------------- */

enum option_type { WHOLE, FLAG, PADS, DECIMAL };
struct option { const char *key; enum option_type type; void *value; };        /* int, bool, int[4], float; key NULL ends a list */

static bool read_whole(const char **text, int *value)
{
    long long number = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (*at - '0');
        if (number > INT_MAX)
            return false;
    }
    bool found = at != *text;
    *text = at;
    *value = (int)number;
    return found;
}

static const char *skip_digits(const char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

/* digits[.digits][e[-]digits]: what strtof takes beyond that (hexadecimal, inf, nan) is no part of the grammar. */
static bool read_decimal(const char **text, float *value)
{
    char copy[32];
    const char *end = skip_digits(*text);
    if (end == *text)
        return false;
    if (*end == '.')
        end = skip_digits(end + 1);
    if (*end == 'e') {
        const char *digits = end + 1 + (end[1] == '-');
        const char *after = skip_digits(digits);
        end = after > digits ? after : end;
    }
    size_t length = (size_t)(end - *text);
    if (length >= sizeof copy)
        return false;
    memcpy(copy, *text, length);
    copy[length] = 0;
    *value = strtof(copy, NULL);
    *text = end;
    return true;
}

/* "1" for all sides or "1,0,1,0" for top, bottom, left, right. */
static bool read_pads(const char **text, int pads[4])
{
    if (!read_whole(text, &pads[0]))
        return false;
    pads[1] = pads[2] = pads[3] = pads[0];
    for (int i = 1; i < 4 && (**text == ',' || i > 1); i++)
        if (*(*text)++ != ',' || !read_whole(text, &pads[i]))
            return false;
    return true;
}

static bool read_value(const char **text, const struct option *option)
{
    switch (option->type) {
    case WHOLE: return read_whole(text, option->value);
    case DECIMAL: return read_decimal(text, option->value);
    case PADS: return read_pads(text, option->value);
    case FLAG: *(bool *)option->value = true; return true;
    }
    return false;
}

/* Everything to the end of the word; each option at most once. Of two keys with the same beginning the longer stands first in the list. */
static bool read_options(const char *text, const struct option *options)
{
    unsigned seen = 0;
    while (*text) {
        int i = 0;
        while (options[i].key && strncmp(text, options[i].key, strlen(options[i].key)) != 0)
            i++;
        if (!options[i].key || (seen >> i & 1))
            return false;
        seen |= 1u << i;
        text += strlen(options[i].key);
        if (!read_value(&text, &options[i]))
            return false;
    }
    return true;
}

static bool is_same(const struct conv *c)
{
    return c->r % 2 == 1 && c->s % 2 == 1 && (c->r > 1 || c->s > 1) && c->top == c->r / 2 && c->bottom == c->top && c->left == c->s / 2
        && c->right == c->left;
}

static bool read_conv(const char *text, struct layer *l, int detail)
{
    (void)detail;
    struct conv *c = &l->conv;
    int pads[4] = { -1, -1, -1, -1 }, bias = 1;
    *c = (struct conv){ .r = 3, .step = 1 };
    if (!read_whole(&text, &c->k))
        return false;
    bool same = false;
    const struct option options[] = { { "step", WHOLE, &c->step }, { "same", FLAG, &same }, { "r", WHOLE, &c->r }, { "s", WHOLE, &c->s },
        { "pad", PADS, pads }, { "b", WHOLE, &bias }, { NULL, FLAG, NULL } };
    if (!read_options(text, options) || bias > 1 || (same && pads[0] >= 0))
        return false;
    c->s = c->s ? c->s : c->r;
    c->bias = bias == 1;
    if (pads[0] >= 0)
        c->top = pads[0], c->bottom = pads[1], c->left = pads[2], c->right = pads[3];
    l->same = same ? c->r != 1 || c->s != 1 : is_same(c);
    return true;
}

static bool read_pool(const char *text, struct layer *l, int kind)
{
    struct pool *p = &l->pool;
    int pads[4] = { 0 }, count = 0;
    *p = (struct pool){ .kind = (enum pool_kind)kind };
    if (!read_whole(&text, &p->r))
        return false;
    p->s = p->step = p->r;
    const struct option options[] = { { "step", WHOLE, &p->step }, { "s", WHOLE, &p->s }, { "pad", PADS, pads },
        { kind == POOL_AVG ? "count" : NULL, WHOLE, &count }, { NULL, FLAG, NULL } };
    if (!read_options(text, options) || count > 1)
        return false;
    p->top = pads[0], p->bottom = pads[1], p->left = pads[2], p->right = pads[3];
    p->count_pad = count == 1;
    return true;
}

static bool read_gap(const char *text, struct layer *l, int kind)
{
    l->global = true;
    l->pool = (struct pool){ .kind = (enum pool_kind)kind, .step = 1 };
    return !*text;
}

static bool read_dense(const char *text, struct layer *l, int detail)
{
    (void)detail;
    int bias = 1;
    const struct option options[] = { { "b", WHOLE, &bias }, { NULL, FLAG, NULL } };
    bool ok = read_whole(&text, &l->dense.k) && read_options(text, options) && bias <= 1;
    l->dense.bias = bias == 1;
    return ok;
}

static bool read_bn(const char *text, struct layer *l, int detail)
{
    (void)detail;
    float *eps = &l->batchnorm.eps, *momentum = &l->batchnorm.momentum;
    *eps = BN_EPS;
    *momentum = BN_MOMENTUM;
    const struct option options[] = { { "eps", DECIMAL, eps }, { "mom", DECIMAL, momentum }, { NULL, FLAG, NULL } };
    return read_options(text, options);
}

static bool read_activation(const char *text, struct layer *l, int kind)
{
    l->activation.kind = (enum activation_kind)kind;
    return (kind != ACTIVATION_LEAKY || read_decimal(&text, &l->activation.slope)) && !*text;
}

static bool read_drop(const char *text, struct layer *l, int detail)
{
    (void)detail;
    return read_decimal(&text, &l->dropout.rate) && !*text;
}

static bool read_add(const char *text, struct layer *l, int detail)
{
    (void)detail;
    return read_whole(&text, &l->add.back) && !*text;
}

static const struct word {
    const char *name;
    enum layer_kind kind;
    bool (*read)(const char *after_name, struct layer *l, int detail);         /* l is zeroed but for its kind */
    int detail;                         /* which pool, which activation */
    const char *reads;
} words[] = {
    { "conv", LAYER_CONV, read_conv, 0, "conv8[r5][s3][step2][same|pad1|pad1,0,1,0][b0]" },
    { "max", LAYER_POOL, read_pool, POOL_MAX, "max2[s3][step1][pad1|pad1,0,1,0]" },
    { "avg", LAYER_POOL, read_pool, POOL_AVG, "avg2[s3][step1][pad1|pad1,0,1,0][count1]" },
    { "gap", LAYER_POOL, read_gap, POOL_AVG, "gap" },
    { "dense", LAYER_DENSE, read_dense, 0, "dense10[b0]" },
    { "bn", LAYER_BATCHNORM, read_bn, 0, "bn[eps1e-5][mom0.1]" },
    { "relu", LAYER_ACTIVATION, read_activation, ACTIVATION_RELU, "relu" },
    { "leaky", LAYER_ACTIVATION, read_activation, ACTIVATION_LEAKY, "leaky0.01" },
    { "tanh", LAYER_ACTIVATION, read_activation, ACTIVATION_TANH, "tanh" },
    { "drop", LAYER_DROPOUT, read_drop, 0, "drop0.2" },
    { "add", LAYER_ADD, read_add, 0, "add3" },
};

static int read_layer(const char *token, int index, struct layer *l, struct why *why)
{
    char known[160] = "";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct word *word = &words[i];
        size_t length = strlen(word->name);
        assert(strlen(known) + length + 2 <= sizeof known);
        strcat(strcat(known, " "), word->name);
        if (strncmp(token, word->name, length) != 0)
            continue;
        *l = (struct layer){ .kind = word->kind };
        if (word->read(token + length, l, word->detail))
            return 0;
        return fail(why, -EINVAL, "net: layer %d \"%s\" cannot be read; write %s", index, token, word->reads);
    }
    return fail(why, -EINVAL, "net: layer %d \"%s\" is unknown; layers are%s", index, token, known);
}

static int read_input(const char *token, struct shape *in, struct why *why)
{
    const char *at = token;
    bool ok = read_whole(&at, &in->c) && *at++ == 'x' && read_whole(&at, &in->h) && *at++ == 'x' && read_whole(&at, &in->w) && !*at;
    if (!ok)
        return fail(why, -EINVAL, "net: \"%s\" is no input; a net begins with channels x height x width, such as 1x28x28", token);
    return 0;
}

/* Copies the next word; its full length is returned, 0 at the end of the text. */
static size_t next_word(const char **text, char token[TOKEN_SIZE])
{
    *text += strspn(*text, " \t\r\n");
    size_t length = strcspn(*text, " \t\r\n");
    snprintf(token, TOKEN_SIZE, "%.*s", length < TOKEN_SIZE ? (int)length : TOKEN_SIZE - 1, *text);
    *text += length;
    return length;
}

int net_parse(const char *text, struct net *net, struct why *why)
{
    assert(text && net);
    char token[TOKEN_SIZE];
    *net = (struct net){ 0 };
    if (next_word(&text, token) == 0)
        return fail(why, -EINVAL, "net: there is no net; write one such as \"1x28x28 conv8 relu max2 dense10\"");
    int code = read_input(token, &net->in, why);
    for (size_t length; code == 0 && (length = next_word(&text, token)) > 0; ) {
        if (length >= TOKEN_SIZE)
            return fail(why, -EINVAL, "net: layer %d \"%.24s...\" is %zu characters long; no layer needs more than %d", net->count, token,
                        length, TOKEN_SIZE - 1);
        if (net->count == NET_MAX_LAYERS)
            return fail(why, -EINVAL, "net: more than %d layers; take fewer", NET_MAX_LAYERS);
        code = read_layer(token, net->count, &net->layers[net->count], why);
        net->count++;
    }
    return code ? code : net_check(net, why);
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------------- */

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    assert(used < size);
    va_list list;
    va_start(list, format);
    vsnprintf(text + used, size - used, format, list);
    va_end(list);
}

/* With the fewest digits that read back the same. */
static void append_decimal(char *text, size_t size, const char *key, float value)
{
    char number[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(number, sizeof number, "%.*g", digits, (double)value);
        if (strtof(number, NULL) == value)
            break;
    }
    append(text, size, "%s%s", key, number);
}

static void append_unless(char *text, size_t size, const char *key, int value, int otherwise)
{
    if (value != otherwise)
        append(text, size, "%s%d", key, value);
}

static void append_pads(char *text, size_t size, int top, int bottom, int left, int right)
{
    bool even = bottom == top && left == top && right == top;
    if (even)
        append_unless(text, size, "pad", top, 0);
    else
        append(text, size, "pad%d,%d,%d,%d", top, bottom, left, right);
}

static void append_conv(char *text, size_t size, const struct layer *l)
{
    const struct conv *c = &l->conv;
    append(text, size, "conv%d", c->k);
    append_unless(text, size, "r", c->r, 3);
    append_unless(text, size, "s", c->s, c->r);
    append_unless(text, size, "step", c->step, 1);
    if (l->same)
        append(text, size, "same");
    else
        append_pads(text, size, c->top, c->bottom, c->left, c->right);
    append_unless(text, size, "b", c->bias, 1);
}

static void append_pool(char *text, size_t size, const struct layer *l)
{
    const struct pool *p = &l->pool;
    append(text, size, "%s%d", p->kind == POOL_MAX ? "max" : "avg", p->r);
    append_unless(text, size, "s", p->s, p->r);
    append_unless(text, size, "step", p->step, p->r);
    append_pads(text, size, p->top, p->bottom, p->left, p->right);
    append_unless(text, size, "count", p->kind == POOL_AVG && p->count_pad, 0);
}

static void append_batchnorm(char *text, size_t size, const struct layer *l)
{
    append(text, size, "bn");
    if (l->batchnorm.eps != BN_EPS)
        append_decimal(text, size, "eps", l->batchnorm.eps);
    if (l->batchnorm.momentum != BN_MOMENTUM)
        append_decimal(text, size, "mom", l->batchnorm.momentum);
}

static void append_activation(char *text, size_t size, const struct activation *a)
{
    if (a->kind == ACTIVATION_LEAKY)
        append_decimal(text, size, "leaky", a->slope);
    else
        append(text, size, "%s", a->kind == ACTIVATION_RELU ? "relu" : "tanh");
}

static void append_layer(char *text, size_t size, const struct layer *l)
{
    switch (l->kind) {
    case LAYER_CONV: append_conv(text, size, l); break;
    case LAYER_POOL:
        if (l->global)
            append(text, size, "gap");
        else
            append_pool(text, size, l);
        break;
    case LAYER_DENSE: append(text, size, "dense%d%s", l->dense.k, l->dense.bias ? "" : "b0"); break;
    case LAYER_BATCHNORM: append_batchnorm(text, size, l); break;
    case LAYER_ACTIVATION: append_activation(text, size, &l->activation); break;
    case LAYER_DROPOUT: append_decimal(text, size, "drop", l->dropout.rate); break;
    case LAYER_ADD: append(text, size, "add%d", l->add.back); break;
    }
}

const char *layer_print(const struct layer *layer, char *text, size_t size)
{
    assert(layer && size > 0);
    *text = 0;
    append_layer(text, size, layer);
    return text;
}

const char *net_print(const struct net *net, char *text, size_t size)
{
    assert(net && size > 0);
    *text = 0;
    append(text, size, "%dx%dx%d", net->in.c, net->in.h, net->in.w);
    for (int i = 0; i < net->count; i++) {
        append(text, size, " ");
        append_layer(text, size, &net->layers[i]);
    }
    return text;
}
