/* SPDX-License-Identifier: MIT
 * Problems: what a shape needs to be legal, and its text form both ways.
 * Legal means that no kernel has to ask again: every window holds a tap inside the image and `int` counts the elements of every tensor. */
#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "kernels.h"

/* ---- legal shapes ---- */

static const char *too_big = "a tensor has 2^31 elements or more: take fewer images or smaller extents";

/* Extents of one tensor, the images rounded up to whole blocks. Products of doubles are exact where the comparison is close. */
static bool countable(double images, int c, int h, int w) { return images * c * h * w <= INT_MAX; }

static double padded_images(int n) { return (double)(((long long)n + LANES - 1) / LANES * LANES); }

static const char *check_input(int n, int c, int h, int w)
{
    if (n < 1 || c < 1 || h < 1 || w < 1) { return "images, channels, height and width must be 1 or more"; }
    return countable(padded_images(n), c, h, w) ? NULL : too_big;
}

/* Positions of a window along one axis. Padding stays below the window's extent: so the first and the last window still touch the image. */
static const char *slide(int extent, int before, int after, int window, int step, int *positions)
{
    if (before < 0 || before >= window || after < 0 || after >= window) {
        return "padding must be 0 to the window extent less one on every side";
    }
    const long long padded = (long long)extent + before + after;
    if (padded > INT_MAX / 2 || step > INT_MAX / 2) { /* positions are added to steps and extents in int */
        return too_big;
    }
    if (padded < window) { return "the window exceeds the padded input"; }
    *positions = (int)((padded - window) / step) + 1;
    return NULL;
}

const char *conv_complete(struct conv *p)
{
    assert(p != NULL);
    if (p->r < 1 || p->r > CONV_KERNEL_MAX || p->s < 1 || p->s > CONV_KERNEL_MAX) { return "the kernel must be 1 to 11 high and wide"; }
    if (p->step < 1 || p->step > CONV_STEP_MAX) { return "the step must be 1 to 4"; }
    if (p->k < 1) { return "output channels must be 1 or more"; }
    const char *wrong = check_input(p->n, p->c, p->h, p->w);
    if (!wrong) wrong = slide(p->h, p->top, p->bottom, p->r, p->step, &p->p);
    if (!wrong) wrong = slide(p->w, p->left, p->right, p->s, p->step, &p->q);
    if (!wrong && !(countable(padded_images(p->n), p->k, p->p, p->q) && countable(p->k, p->c, p->r, p->s))) wrong = too_big;
    p->pitch = p->k;
    return wrong;
}

const char *pool_complete(struct pool *p)
{
    assert(p != NULL);
    assert(p->kind == POOL_MAX || p->kind == POOL_AVG);
    if (p->r < 1 || p->s < 1 || p->step < 1) { return "the window and the step must be 1 or more"; }
    if ((long long)p->r * p->s > INT_MAX) { return too_big; }
    if (p->kind == POOL_MAX && (long long)p->r * p->s > UINT8_MAX + 1) { return "a max window has at most 256 taps"; }
    const char *wrong = check_input(p->n, p->c, p->h, p->w);
    if (!wrong) wrong = slide(p->h, p->top, p->bottom, p->r, p->step, &p->p);
    if (!wrong) wrong = slide(p->w, p->left, p->right, p->s, p->step, &p->q);
    if (!wrong && !countable(padded_images(p->n), p->c, p->p, p->q)) wrong = too_big;
    return wrong;
}

const char *batchnorm_complete(struct batchnorm *p)
{
    assert(p != NULL);
    return check_input(p->n, p->c, p->h, p->w);
}

const char *dense_complete(struct dense *p)
{
    assert(p != NULL);
    if (p->n < 1 || p->c < 1 || p->k < 1) { return "images, inputs and outputs must be 1 or more"; }
    const double images = padded_images(p->n);
    return countable(images, p->c, 1, 1) && countable(images, p->k, 1, 1) && countable(p->k, p->c, 1, 1) ? NULL : too_big;
}

static const char *add_complete(const struct add *p)
{
    const char *wrong = check_input(p->n, p->c, p->h, p->w);
    if (!wrong && (p->bh < p->h || p->bw < p->w)) wrong = "an addition's second image is not smaller than its first";
    return wrong ? wrong : check_input(p->n, p->c, p->bh, p->bw);
}

static const char *check_vectors(int vectors)
{
    if (vectors < 1) { return "vectors must be 1 or more"; }
    return countable(LANES, vectors, 1, 1) ? NULL : too_big;
}

/* ---- text ---- */

/* Takes "key<digits>" off the front of *text. Numbers too large for int read as INT_MAX, which no range check lets pass. */
static bool take(const char **text, const char *key, int *value)
{
    const size_t length = strlen(key);
    if (strncmp(*text, key, length) != 0 || (*text)[length] < '0' || (*text)[length] > '9') { return false; }
    long long number = 0;
    const char *digit = *text + length;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        number = number * 10 + (*digit - '0');
        if (number > INT_MAX) number = INT_MAX;
    }
    *value = (int)number;
    *text = digit;
    return true;
}

static void take_or(const char **text, const char *key, int *value, int otherwise)
{
    if (!take(text, key, value)) *value = otherwise;
}

/* "pad1" for all sides or "pad1,0,1,0". */
static bool take_pad(const char **text, int *top, int *bottom, int *left, int *right)
{
    if (!take(text, "pad", top)) { return false; }
    if (**text != ',') {
        *bottom = *left = *right = *top;
        return true;
    }
    return take(text, ",", bottom) && take(text, ",", left) && take(text, ",", right);
}

/* "b0" stands for no bias; nothing (or "b1") for bias. */
static bool take_bias(const char **text, bool *bias)
{
    int b;
    take_or(text, "b", &b, 1);
    *bias = b == 1;
    return b <= 1;
}

static bool take_prefix(const char **text, const char *prefix)
{
    const size_t length = strlen(prefix);
    const bool there = strncmp(*text, prefix, length) == 0;
    if (there) *text += length;
    return there;
}

const char *conv_parse(const char *text, struct conv *p)
{
    assert(text);
    assert(p);
    *p = (struct conv){ 0 };
    bool ok = take(&text, "n", &p->n) && take(&text, "c", &p->c) && take(&text, "h", &p->h);
    take_or(&text, "w", &p->w, p->h);
    ok = ok && take(&text, "k", &p->k) && take(&text, "r", &p->r);
    take_or(&text, "s", &p->s, p->r);
    take_or(&text, "step", &p->step, 1);
    ok = ok && take_bias(&text, &p->bias) && take_pad(&text, &p->top, &p->bottom, &p->left, &p->right);
    if (!ok || *text) { return "a convolution reads n64c16h26k16r3pad0, in full n c h [w] k r [s] [step] [b0] pad or pad1,0,1,0"; }
    return conv_complete(p);
}

const char *pool_parse(const char *text, struct pool *p)
{
    assert(text);
    assert(p);
    *p = (struct pool){ .kind = POOL_MAX };
    bool ok = take_prefix(&text, "max:");
    if (!ok) {
        ok = take_prefix(&text, "avg:");
        p->kind = POOL_AVG;
    }
    ok = ok && take(&text, "n", &p->n) && take(&text, "c", &p->c) && take(&text, "h", &p->h);
    take_or(&text, "w", &p->w, p->h);
    ok = ok && take(&text, "r", &p->r);
    take_or(&text, "s", &p->s, p->r);
    take_or(&text, "step", &p->step, 1);
    int count = 0;
    if (p->kind == POOL_AVG) take_or(&text, "count", &count, 0);
    p->count_pad = count == 1;
    ok = ok && count <= 1 && take_pad(&text, &p->top, &p->bottom, &p->left, &p->right);
    if (!ok || *text) {
        return "a pool reads max:n64c32h28r2step2pad0 or avg:..., in full n c h [w] r [s] [step] [count1, avg] pad or pad1,0,1,0";
    }
    return pool_complete(p);
}

const char *batchnorm_parse(const char *text, struct batchnorm *p)
{
    assert(text);
    assert(p);
    *p = (struct batchnorm){ 0 };
    const bool ok = take_prefix(&text, "bn:") && take(&text, "n", &p->n) && take(&text, "c", &p->c) && take(&text, "h", &p->h);
    take_or(&text, "w", &p->w, p->h);
    if (!ok || *text) { return "a batch norm reads bn:n64c16h24, in full n c h [w]"; }
    return batchnorm_complete(p);
}

const char *dense_parse(const char *text, struct dense *p)
{
    assert(text);
    assert(p);
    *p = (struct dense){ 0 };
    const bool ok = take_prefix(&text, "dense:") && take(&text, "n", &p->n) && take(&text, "c", &p->c) && take(&text, "k", &p->k) &&
                    take_bias(&text, &p->bias);
    if (!ok || *text) { return "a dense layer reads dense:n64c784k10, in full n c k [b0]"; }
    return dense_complete(p);
}

static const char *const activations[] = { [ACTIVATION_RELU] = "relu:", [ACTIVATION_LEAKY] = "leaky:", [ACTIVATION_TANH] = "tanh:" };

const char *activation_parse(const char *text, struct activation *p, int *vectors)
{
    assert(text);
    assert(p);
    assert(vectors);
    int kind = ACTIVATION_TANH;
    while (kind >= 0 && !take_prefix(&text, activations[kind])) kind--;
    if (kind < 0 || !take(&text, "v", vectors) || *text) { return "an activation reads relu:v37, leaky:v37 or tanh:v37 (vectors of 16)"; }
    *p = (struct activation){ (enum activation_kind)kind, 0.01f };
    return check_vectors(*vectors);
}

const char *add_parse(const char *text, struct add *p)
{
    assert(text);
    assert(p);
    *p = (struct add){ 0 };
    const bool ok = take_prefix(&text, "add:") && take(&text, "n", &p->n) && take(&text, "c", &p->c) && take(&text, "h", &p->h) &&
                    take(&text, "w", &p->w) && take(&text, "bh", &p->bh) && take(&text, "bw", &p->bw);
    if (!ok || *text) { return "an addition reads add:n17c3h4w5bh6bw7"; }
    return add_complete(p);
}

const char *dropout_parse(const char *text, struct dropout *p, int *vectors)
{
    assert(text);
    assert(p);
    assert(vectors);
    int threshold;
    const bool ok = take_prefix(&text, "drop:") && take(&text, "t", &threshold) && take(&text, "v", vectors);
    if (!ok || *text || threshold > UINT16_MAX) { return "a dropout reads drop:t13107v37 (threshold below 65536, vectors of 16)"; }
    *p = (struct dropout){ .threshold = (uint32_t)threshold };
    return check_vectors(*vectors);
}

const char *loss_parse(const char *text, struct loss *p)
{
    assert(text);
    assert(p);
    *p = (struct loss){ 0 };
    const bool ok = take_prefix(&text, "loss:") && take(&text, "n", &p->n) && take(&text, "k", &p->k);
    if (!ok || *text || p->k > UINT8_MAX + 1) { return "a loss reads loss:n64k10, up to 256 classes"; }
    return check_input(p->n, p->k, 1, 1);
}

/* "k0" or "k1". */
static bool take_flag(const char **text, const char *key, bool *flag)
{
    int value;
    if (!take(text, key, &value) || value > 1) { return false; }
    *flag = value == 1;
    return true;
}

const char *optimizer_parse(const char *text, struct optimizer_problem *p)
{
    assert(text);
    assert(p);
    *p = (struct optimizer_problem){ .t = 1 };
    bool ok, keras = false;
    if (take_prefix(&text, "sgd:")) {
        ok = take(&text, "v", &p->vectors) && take(&text, "m", &p->momentum) && take_flag(&text, "n", &p->nesterov) &&
             take_flag(&text, "f", &p->first) && take(&text, "d", &p->decay);
        p->nesterov = p->nesterov && p->momentum;
    } else {
        p->kind = take_prefix(&text, "adamw:") ? OPTIMIZER_ADAMW : OPTIMIZER_ADAM;
        ok = (p->kind == OPTIMIZER_ADAMW || take_prefix(&text, "adam:")) && take(&text, "v", &p->vectors) && take(&text, "t", &p->t) &&
             take(&text, "d", &p->decay) && take_flag(&text, "k", &keras);
        p->form = keras ? EPS_KERAS : EPS_PYTORCH;
    }
    if (!ok || *text || p->momentum > 999 || p->decay > 9999 || p->t < 1) {
        return "an optimizer reads sgd:v37m900n1f0d5 (momentum and decay in 1/1000 and 1/10000) or adam:v37t3d0k1, adamw:...";
    }
    return check_vectors(p->vectors);
}

/* Appends at `text` + the length so far; cuts at `size`. */
static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *text, size_t size, const char *format, ...)
{
    const size_t used = strlen(text);
    assert(used < size);
    va_list list;
    va_start(list, format);
    vsnprintf(text + used, size - used, format, list);
    va_end(list);
}

static void append_unless(char *text, size_t size, const char *key, int value, int otherwise)
{
    if (value != otherwise) append(text, size, "%s%d", key, value);
}

static void append_pad(char *text, size_t size, int top, int bottom, int left, int right)
{
    append(text, size, "pad%d", top);
    if (bottom != top || left != top || right != top) append(text, size, ",%d,%d,%d", bottom, left, right);
}

const char *conv_print(const struct conv *p, char *text, size_t size)
{
    assert(size > 0);
    *text = 0;
    append(text, size, "n%dc%dh%d", p->n, p->c, p->h);
    append_unless(text, size, "w", p->w, p->h);
    append(text, size, "k%dr%d", p->k, p->r);
    append_unless(text, size, "s", p->s, p->r);
    append_unless(text, size, "step", p->step, 1);
    append_unless(text, size, "b", p->bias, 1);
    append_pad(text, size, p->top, p->bottom, p->left, p->right);
    return text;
}

const char *pool_print(const struct pool *p, char *text, size_t size)
{
    assert(size > 0);
    *text = 0;
    append(text, size, "%s:n%dc%dh%d", p->kind == POOL_MAX ? "max" : "avg", p->n, p->c, p->h);
    append_unless(text, size, "w", p->w, p->h);
    append(text, size, "r%d", p->r);
    append_unless(text, size, "s", p->s, p->r);
    append_unless(text, size, "step", p->step, 1);
    append_unless(text, size, "count", p->kind == POOL_AVG && p->count_pad, 0);
    append_pad(text, size, p->top, p->bottom, p->left, p->right);
    return text;
}

const char *batchnorm_print(const struct batchnorm *p, char *text, size_t size)
{
    assert(size > 0);
    *text = 0;
    append(text, size, "bn:n%dc%dh%d", p->n, p->c, p->h);
    append_unless(text, size, "w", p->w, p->h);
    return text;
}

const char *dense_print(const struct dense *p, char *text, size_t size)
{
    assert(size > 0);
    *text = 0;
    append(text, size, "dense:n%dc%dk%d", p->n, p->c, p->k);
    append_unless(text, size, "b", p->bias, 1);
    return text;
}

const char *activation_print(const struct activation *p, int vectors, char *text, size_t size)
{
    assert(size > 0);
    snprintf(text, size, "%sv%d", activations[p->kind], vectors);
    return text;
}

const char *add_print(const struct add *p, char *text, size_t size)
{
    assert(size > 0);
    snprintf(text, size, "add:n%dc%dh%dw%dbh%dbw%d", p->n, p->c, p->h, p->w, p->bh, p->bw);
    return text;
}

const char *dropout_print(const struct dropout *p, int vectors, char *text, size_t size)
{
    assert(size > 0);
    snprintf(text, size, "drop:t%uv%d", (unsigned)p->threshold, vectors);
    return text;
}

const char *loss_print(const struct loss *p, char *text, size_t size)
{
    assert(size > 0);
    snprintf(text, size, "loss:n%dk%d", p->n, p->k);
    return text;
}

const char *optimizer_print(const struct optimizer_problem *p, char *text, size_t size)
{
    assert(size > 0);
    assert(p->kind <= OPTIMIZER_ADAMW);
    const char *name = p->kind == OPTIMIZER_SGD ? "sgd" : p->kind == OPTIMIZER_ADAM ? "adam" : "adamw";
    const bool sgd = p->kind == OPTIMIZER_SGD, keras = p->form == EPS_KERAS;
    if (sgd) snprintf(text, size, "%s:v%dm%dn%df%dd%d", name, p->vectors, p->momentum, p->nesterov, p->first, p->decay);
    else snprintf(text, size, "%s:v%dt%dd%dk%d", name, p->vectors, p->t, p->decay, keras);
    return text;
}
