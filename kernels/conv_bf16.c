/* SPDX-License-Identifier: MIT
 * What every implementation of the bf16 convolution agrees on: frames, and the chunks of its sums. */
#include "conv_bf16.h"

#include <assert.h>
#include <string.h>

/* Of a chunk: enough pixels that its sums are worth keeping apart, few enough that its turned rows stay in a cache of 2 MiB. A map of
 * fewer, but of so many, is one, too: a training step then takes image blocks through its layer one by one and keeps values for these
 * alone. */
enum { CHUNK_PIXELS = 512, MAP_PIXELS = 64 };

static const char prefix[] = "bf16:";

const char *conv_bf16_parse(const char *text, struct conv_bf16 *p)
{
    assert(text);
    assert(p);
    const size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? conv_parse(text + length, &p->shape)
                                              : "a convolution in bf16 reads bf16:n64c16h26k16r3pad0";
}

const char *conv_bf16_print(const struct conv_bf16 *p, char *text, size_t size)
{
    assert(p);
    const size_t length = strlen(prefix);
    assert(size > length);
    memcpy(text, prefix, length);
    conv_print(&p->shape, text + length, size - length);
    return text;
}

static int most(int a, int b) { return a > b ? a : b; }

struct bf16_map conv_bf16_x(const struct conv *p)
{
    assert(p->p > 0);
    assert(p->q > 0); /* conv_complete() has passed */
    return (struct bf16_map){ .n = p->n,
                              .c = p->c,
                              .h = p->h,
                              .w = p->w,
                              .top = p->top,
                              .bottom = most((p->p - 1) * p->step + p->r - p->top - p->h, 0),
                              .left = p->left,
                              .right = most((p->q - 1) * p->step + p->s - p->left - p->w, 0) };
}

/* Rows (columns) before and after dy's that inputs 0 … in-1 reach: output o feeds inputs o * step - pad … + kernel - 1. */
static void reach(int in, int out, int kernel, int step, int pad, int *before, int *after)
{
    assert(step >= 1);
    *before = *after = 0;
    for (int phase = 0; phase < step && phase < in; phase++) {
        const int first = (phase + pad) % step, taps = first < kernel ? (kernel - first + step - 1) / step : 0;
        const int start = (phase + pad - first) / step - taps + 1, count = (in - phase + step - 1) / step;
        if (!taps) continue;
        *before = most(*before, -start);
        *after = most(*after, start + count - 1 + taps - out);
    }
}

struct bf16_map conv_bf16_dy(const struct conv *p)
{
    assert(p->p > 0);
    struct bf16_map m = { .n = p->n, .c = p->k, .h = p->p, .w = p->q };
    reach(p->h, p->p, p->r, p->step, p->top, &m.top, &m.bottom);
    reach(p->w, p->q, p->s, p->step, p->left, &m.left, &m.right);
    return m;
}

struct conv conv_bf16_dense(int n, int c, int k, bool bias)
{
    assert(n >= 1);
    const int blocks = image_blocks(n);
    return (struct conv){
        .n = LANES, .c = c, .h = blocks, .w = 1, .k = k, .r = 1, .s = 1, .step = 1, .bias = bias, .p = blocks, .q = 1, .pitch = k
    };
}

static int two_rows(const struct conv *p, enum conv_direction direction)
{
    (void)p;
    (void)direction;
    return 2;
}

/* conv.h cuts by these two fields alone. */
static struct conv_variant cuts_of(const struct conv *p)
{
    const int pixels = p->p * p->q;
    return (struct conv_variant){ .grain = two_rows,
                                  .chunk_pixels = pixels >= MAP_PIXELS && pixels < CHUNK_PIXELS ? pixels : CHUNK_PIXELS };
}

int conv_bf16_chunks(const struct conv *p)
{
    const struct conv_variant cuts = cuts_of(p);
    return conv_chunks(&cuts, p);
}

struct span conv_bf16_chunk(const struct conv *p, int i)
{
    const struct conv_variant cuts = cuts_of(p);
    return conv_chunk(&cuts, p, i);
}
