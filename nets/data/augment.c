/* SPDX-License-Identifier: MIT
 * Every augmentation asks, for each pixel of the result, where it comes from; rotation and resizing then mix the four nearest pixels. */
#include "augment.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include "../../kernels/runtime/exact.h"

enum { ONE = 1 << 16 };                            /* 1.0 in 16.16 */
static const double DEGREE = 0x1.1df46a2529d39p-6; /* pi / 180 */

int augment_check(const struct augment *a, struct shape shape, struct why *why)
{
    int side = shape.h < shape.w ? shape.h : shape.w, amount = a->amount >= -1e6 && a->amount <= 1e6 ? (int)a->amount : -1;
    bool whole = (double)amount == a->amount;
    if (!(a->probability >= 0 && a->probability <= 1))
        return why_fail(why, -EINVAL, "augment: probability %g, choose 0 … 1", a->probability);
    switch (a->kind) {
    case AUGMENT_ROTATE:
        return a->amount >= 0 && a->amount <= 180 ? 0 : why_fail(why, -EINVAL, "augment=rotate:%g: choose 0 … 180 degrees", a->amount);
    case AUGMENT_SHIFT:
        return whole && amount >= 0 && amount < side
                   ? 0
                   : why_fail(why, -EINVAL, "augment=shift:%g: choose whole pixels, 0 … %d", a->amount, side - 1);
    case AUGMENT_CROP_RESIZE:
        return whole && amount >= 1 && amount <= side
                   ? 0
                   : why_fail(why, -EINVAL, "augment=cropresize:%g: choose a whole side, 1 … %d", a->amount, side);
    }
    return why_fail(why, -EINVAL, "unknown kind of augmentation %d", (int)a->kind);
}

static int32_t fixed(double x) { return (int32_t)(x * ONE + (x < 0 ? -0.5 : 0.5)); }

/* The pixel at (y, x), both 16.16, in the units of pixel centres; outside the image it is black. Weights have 8 bits a side, so that all
 * four sum to 2^16 exactly and a flat area stays flat. `pixels` is one channel of an interleaved image. */
static uint8_t bilinear(const uint8_t *pixels, struct shape s, int32_t y, int32_t x)
{
    int y0 = y >> 16, x0 = x >> 16; /* floors */
    uint32_t fy = (uint32_t)y >> 8 & 255, fx = (uint32_t)x >> 8 & 255, sum = 0;
    const uint32_t weight[2][2] = { { (256 - fy) * (256 - fx), (256 - fy) * fx }, { fy * (256 - fx), fy * fx } };
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (y0 + i >= 0 && y0 + i < s.h && x0 + j >= 0 && x0 + j < s.w) sum += weight[i][j] * pixels[((y0 + i) * s.w + x0 + j) * s.c];
    return (uint8_t)((sum + (1 << 15)) >> 16);
}

/* About the image's centre; positive angles turn counter-clockwise (y points down). */
static void rotate(struct shape s, double degrees, const uint8_t *from, uint8_t *to)
{
    int32_t sine = fixed(exact_sin(degrees * DEGREE)), cosine = fixed(exact_cos(degrees * DEGREE));
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++) {
            int dy = 2 * y - (s.h - 1), dx = 2 * x - (s.w - 1); /* from the centre, in halves */
            int32_t sy = (cosine * dy + sine * dx + (s.h - 1) * ONE) / 2, sx = (cosine * dx - sine * dy + (s.w - 1) * ONE) / 2;
            for (int c = 0; c < s.c; c++) to[(y * s.w + x) * s.c + c] = bilinear(from + c, s, sy, sx);
        }
}

static void shift(struct shape s, int down, int right, const uint8_t *from, uint8_t *to)
{
    int first = right > 0 ? right : 0, last = right < 0 ? s.w + right : s.w; /* columns of the result that have a source */
    assert(first < last);
    memset(to, 0, (size_t)(s.h * s.w * s.c));
    for (int y = 0; y < s.h; y++)
        if (y - down >= 0 && y - down < s.h)
            memcpy(to + (y * s.w + first) * s.c, from + ((y - down) * s.w + first - right) * s.c, (size_t)((last - first) * s.c));
}

/* Where position i of n comes from when `side` pixels are stretched over n, from the crop's first pixel; clamped to the crop. */
static int32_t stretch(int i, int n, int side)
{
    int32_t at = (int32_t)(((int64_t)(2 * i + 1) * side * ONE / n - ONE) / 2), most = (side - 1) * ONE;
    return at < 0 ? 0 : at > most ? most : at;
}

static void crop_resize(struct shape s, int side, const uint8_t *from, uint8_t *to)
{
    int top = (s.h - side) / 2, left = (s.w - side) / 2;
    for (int y = 0; y < s.h; y++)
        for (int x = 0; x < s.w; x++)
            for (int c = 0; c < s.c; c++)
                to[(y * s.w + x) * s.c + c] = bilinear(from + c, s, top * ONE + stretch(y, s.h, side), left * ONE + stretch(x, s.w, side));
}

uint8_t *augment_apply(const struct augment *a, int count, struct shape shape, struct rng *r, uint8_t *from, uint8_t *other)
{
    assert(count >= 0);
    assert(count <= MAX_AUGMENTS);
    assert(from != other);
    for (int i = 0; i < count; i++) {
        bool applied = rng_uniform(r) < a[i].probability;
        double u = rng_uniform(r), v = rng_uniform(r);
        if (!applied) continue;
        int amount = (int)a[i].amount, choices = 2 * amount + 1;
        if (a[i].kind == AUGMENT_ROTATE) rotate(shape, (2 * u - 1) * a[i].amount, from, other);
        else if (a[i].kind == AUGMENT_SHIFT) shift(shape, (int)(u * choices) - amount, (int)(v * choices) - amount, from, other);
        else crop_resize(shape, amount, from, other);
        uint8_t *result = other;
        other = from;
        from = result;
    }
    return from;
}
