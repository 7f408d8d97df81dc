/* SPDX-License-Identifier: MIT
 * Pooling: windows walked in row-major order, taps outside the image left out. Backward asks every window, in that order, what it gives to
 * one input pixel. A window's gradient goes to the tap that `argmax` names, or in equal shares to all its taps. */
#include <assert.h>
#include "scalar.h"

static bool inside(int at, int extent) { return at >= 0 && at < extent; }

/* Taps of window (p, q) that the average divides by. */
static int taps_counted(const struct pool *pool, int p, int q)
{
    int taps = 0;
    for (int r = 0; r < pool->r; r++) {
        for (int s = 0; s < pool->s; s++) {
            const int h = p * pool->step + r - pool->top, w = q * pool->step + s - pool->left;
            taps += pool->count_pad || (inside(h, pool->h) && inside(w, pool->w));
        }
    }
    return taps;
}

/* One more tap for lane l's result so far; `first` stands for "there was none". */
static void take_tap(const struct pool *pool, bool first, int tap, real x, real *y, uint8_t *argmax)
{
    if (pool->kind == POOL_AVG) {
        *y = first ? x : *y + x;
    } else if (first || x > *y) {
        *y = x;
        *argmax = (uint8_t)tap;
    }
}

static void pool_window(const struct pool *pool, int row, int q, int c, const real *x, real *y, uint8_t *argmax)
{
    const int b = row / pool->p, p = row % pool->p;
    bool first = true;
    for (int r = 0; r < pool->r; r++) {
        const int h = p * pool->step + r - pool->top;
        if (!inside(h, pool->h)) continue;
        for (int s = 0; s < pool->s; s++) {
            const int w = q * pool->step + s - pool->left;
            if (!inside(w, pool->w)) continue;
            const real *in = x + lanes_at(b * pool->h + h, w, pool->w, c, pool->c);
            for (int l = 0; l < LANES; l++) take_tap(pool, first, r * pool->s + s, in[l], &y[l], &argmax[l]);
            first = false;
        }
    }
    if (pool->kind == POOL_AVG) {
        const real taps = (real)taps_counted(pool, p, q);
        for (int l = 0; l < LANES; l++) y[l] /= taps;
    }
}

static void scalar_pool_fwd(const struct pool *pool, struct span rows, const real *x, real *y, uint8_t *argmax)
{
    assert(rows.begin >= 0);
    assert(rows.end <= image_blocks(pool->n) * pool->p);
    for (int row = rows.begin; row < rows.end; row++) {
        for (int q = 0; q < pool->q; q++) {
            for (int c = 0; c < pool->c; c++) {
                const size_t at = lanes_at(row, q, pool->q, c, pool->c);
                uint8_t index[LANES] = { 0 };
                pool_window(pool, row, q, c, x, y + at, index);
                if (!argmax || pool->kind == POOL_AVG) continue;
                for (int l = 0; l < LANES; l++) argmax[at + (size_t)l] = index[l];
            }
        }
    }
}

/* dx[l] = what the windows give to pixel (h, w) of row `row`. */
static void gather(const struct pool *pool, int row, int w, int c, const real *dy, const uint8_t *argmax, real *dx)
{
    const int b = row / pool->h, h = row % pool->h;
    for (int l = 0; l < LANES; l++) dx[l] = 0;
    for (int p = 0; p < pool->p; p++) {
        const int r = h + pool->top - p * pool->step;
        if (!inside(r, pool->r)) continue;
        for (int q = 0; q < pool->q; q++) {
            const int s = w + pool->left - q * pool->step;
            if (!inside(s, pool->s)) continue;
            const size_t at = lanes_at(b * pool->p + p, q, pool->q, c, pool->c);
            const real taps = pool->kind == POOL_AVG ? (real)taps_counted(pool, p, q) : 1;
            for (int l = 0; l < LANES; l++) {
                if (pool->kind == POOL_AVG) dx[l] += dy[at + (size_t)l] / taps;
                else if (argmax[at + (size_t)l] == r * pool->s + s) dx[l] += dy[at + (size_t)l];
            }
        }
    }
}

static void scalar_pool_bwd(const struct pool *pool, struct span rows, const real *dy, const uint8_t *argmax, real *dx)
{
    assert(rows.begin >= 0);
    assert(rows.end <= image_blocks(pool->n) * pool->h);
    assert(argmax || pool->kind == POOL_AVG);
    for (int row = rows.begin; row < rows.end; row++) {
        for (int w = 0; w < pool->w; w++) {
            for (int c = 0; c < pool->c; c++) gather(pool, row, w, c, dy, argmax, dx + lanes_at(row, w, pool->w, c, pool->c));
        }
    }
}

const struct pool_variant scalar_pool_rows[] = { { { "plain", ISA_SCALAR, EXACT_ANY_CUT }, scalar_pool_fwd, scalar_pool_bwd },
                                                 { .head = { .algo = NULL } } };
