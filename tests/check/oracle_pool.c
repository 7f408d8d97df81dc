/* SPDX-License-Identifier: MIT
 * Pooling by scattering: forward asks each window for its taps, backward lets each window give to its taps. The kernels gather instead. */
#include "oracle.h"

#include <math.h>
#include <string.h>

static size_t pixel_at(int b, int h, int hs, int w, int ws, int c, int cs)
{
    return ((((size_t)b * (size_t)hs + (size_t)h) * (size_t)ws + (size_t)w) * (size_t)cs + (size_t)c) * LANES;
}

/* One window: its place in y, and one tap at a time. */
struct window {
    int b, p, q, c;
    size_t out;
};

static size_t tap_of(const struct pool *p, const struct window *w, int tap)
{
    int h = w->p * p->step - p->top + tap / p->s, v = w->q * p->step - p->left + tap % p->s;
    return h < 0 || h >= p->h || v < 0 || v >= p->w ? SIZE_MAX : pixel_at(w->b, h, p->h, v, p->w, w->c, p->c);
}

static int divisor(const struct pool *p, const struct window *w)
{
    int inside = 0;
    for (int tap = 0; tap < p->r * p->s; tap++) inside += tap_of(p, w, tap) != SIZE_MAX;
    return p->count_pad ? p->r * p->s : inside;
}

static bool next_window(const struct pool *p, struct window *w)
{
    if (++w->c == p->c) w->c = 0, w->q++;
    if (w->q == p->q) w->q = 0, w->p++;
    if (w->p == p->p) w->p = 0, w->b++;
    w->out = pixel_at(w->b, w->p, p->p, w->q, p->q, w->c, p->c);
    return w->b < image_blocks(p->n);
}

/* One tap into one window, all lanes. */
static void take(const struct pool *p, bool first, int tap, const float *x, float *y, uint8_t *argmax)
{
    for (int l = 0; l < LANES; l++) {
        if (first || (p->kind == POOL_MAX && x[l] > y[l])) {
            y[l] = x[l];
            if (argmax) argmax[l] = (uint8_t)tap;
        } else if (p->kind == POOL_AVG) {
            y[l] += x[l];
        }
    }
}

void plain_pool_fwd(const struct pool *p, const float *x, float *y, uint8_t *argmax)
{
    struct window w = { 0 };
    do {
        bool first = true;
        for (int tap = 0; tap < p->r * p->s; tap++) {
            size_t at = tap_of(p, &w, tap);
            if (at == SIZE_MAX) continue;
            take(p, first, tap, x + at, y + w.out, argmax ? argmax + w.out : NULL);
            first = false;
        }
        const float taps = p->kind == POOL_AVG ? (float)divisor(p, &w) : 1;
        for (size_t l = 0; p->kind == POOL_AVG && l < LANES; l++) y[w.out + l] /= taps;
    } while (next_window(p, &w));
}

void plain_max_bwd(const struct pool *p, const float *dy, const uint8_t *argmax, float *dx)
{
    struct window w = { 0 };
    memset(dx, 0, pixel_at(image_blocks(p->n), 0, p->h, 0, p->w, 0, p->c) * sizeof *dx);
    do {
        for (size_t l = 0; l < LANES; l++) {
            size_t at = argmax[w.out + l] < p->r * p->s ? tap_of(p, &w, argmax[w.out + l]) : SIZE_MAX;
            if (at != SIZE_MAX) dx[at + l] += dy[w.out + l];
        }
    } while (next_window(p, &w));
}

void plain_avg_bwd(const struct pool *p, const float *dy, double *dx, double *size)
{
    struct window w = { 0 };
    size_t bytes = pixel_at(image_blocks(p->n), 0, p->h, 0, p->w, 0, p->c) * sizeof *dx;
    memset(dx, 0, bytes);
    memset(size, 0, bytes);
    do {
        const int taps = divisor(p, &w);
        for (int tap = 0; tap < p->r * p->s; tap++) {
            size_t at = tap_of(p, &w, tap);
            for (size_t l = 0; at != SIZE_MAX && l < LANES; l++) {
                dx[at + l] += (double)dy[w.out + l] / taps;
                size[at + l] += fabs((double)dy[w.out + l]) / taps;
            }
        }
    } while (next_window(p, &w));
}
