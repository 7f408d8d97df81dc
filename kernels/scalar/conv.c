/* SPDX-License-Identifier: MIT
 * Convolution as the formula has it, in its three directions. Taps outside the image are left out; each element is one sum in the order of
 * the loops, and the weight gradient keeps sixteen sums, one per lane, added up at the end. autovec.c compiles the same text again. */
#include <assert.h>
#include "scalar.h"

void scalar_conv_fwd(const struct conv *conv, struct span rows, const real *x, const real *w, const real *bias, real *y, real *scratch)
{
    (void)scratch;
    assert(rows.begin >= 0);
    assert(rows.end <= image_blocks(conv->n) * conv->p);
    for (int row = rows.begin; row < rows.end; row++) {
        const int b = row / conv->p, p = row % conv->p;
        for (int q = 0; q < conv->q; q++) {
            for (int k = 0; k < conv->k; k++) {
                real sum[LANES];
                for (int l = 0; l < LANES; l++) sum[l] = bias ? bias[k] : 0;
                for (int r = 0; r < conv->r; r++) {
                    const int h = p * conv->step + r - conv->top;
                    if (h < 0 || h >= conv->h) continue;
                    for (int s = 0; s < conv->s; s++) {
                        const int column = q * conv->step + s - conv->left;
                        if (column < 0 || column >= conv->w) continue;
                        for (int c = 0; c < conv->c; c++) {
                            const real weight = w[weight_at(conv, k, r, s, c)];
                            const real *in = x + lanes_at(b * conv->h + h, column, conv->w, c, conv->c);
                            for (int l = 0; l < LANES; l++) sum[l] += in[l] * weight;
                        }
                    }
                }
                real *out = y + lanes_at(row, q, conv->q, k, conv->k);
                for (int l = 0; l < LANES; l++) out[l] = sum[l];
            }
        }
    }
}

/* The output position whose tap number `tap` falls on input position `at`, or -1: solves position * step + tap - before = at. */
static int position_of(int at, int tap, int before, int step, int positions)
{
    const int moved = at + before - tap;
    return moved >= 0 && moved % step == 0 && moved / step < positions ? moved / step : -1;
}

void scalar_conv_bwd_data(const struct conv *conv, struct span rows, const real *dy, const real *w, real *dx, real *scratch)
{
    (void)scratch;
    assert(rows.begin >= 0);
    assert(rows.end <= image_blocks(conv->n) * conv->h);
    for (int row = rows.begin; row < rows.end; row++) {
        const int b = row / conv->h, h = row % conv->h;
        for (int column = 0; column < conv->w; column++) {
            for (int c = 0; c < conv->c; c++) {
                real sum[LANES] = { 0 };
                for (int r = 0; r < conv->r; r++) {
                    const int p = position_of(h, r, conv->top, conv->step, conv->p);
                    if (p < 0) continue;
                    for (int s = 0; s < conv->s; s++) {
                        const int q = position_of(column, s, conv->left, conv->step, conv->q);
                        if (q < 0) continue;
                        for (int k = 0; k < conv->k; k++) {
                            const real weight = w[weight_at(conv, k, r, s, c)];
                            const real *in = dy + lanes_at(b * conv->p + p, q, conv->q, k, conv->k);
                            for (int l = 0; l < LANES; l++) sum[l] += in[l] * weight;
                        }
                    }
                }
                real *out = dx + lanes_at(row, column, conv->w, c, conv->c);
                for (int l = 0; l < LANES; l++) out[l] = sum[l];
            }
        }
    }
}

static real sum_lanes(const real *lanes)
{
    real sum = 0;
    for (int l = 0; l < LANES; l++) sum += lanes[l];
    return sum;
}

/* The gradient of the one weight (k, r, s, c). */
static real weight_gradient(const struct conv *conv, struct span rows, const real *dy, const real *x, int k, int r, int s, int c)
{
    real sum[LANES] = { 0 };
    for (int row = rows.begin; row < rows.end; row++) {
        const int b = row / conv->p, h = row % conv->p * conv->step + r - conv->top;
        if (h < 0 || h >= conv->h) continue;
        for (int q = 0; q < conv->q; q++) {
            const int column = q * conv->step + s - conv->left;
            if (column < 0 || column >= conv->w) continue;
            const real *slope = dy + lanes_at(row, q, conv->q, k, conv->pitch);
            const real *in = x + lanes_at(b * conv->h + h, column, conv->w, c, conv->c);
            for (int l = 0; l < LANES; l++) sum[l] += slope[l] * in[l];
        }
    }
    return sum_lanes(sum);
}

static real bias_gradient(const struct conv *conv, struct span rows, const real *dy, int k)
{
    real sum[LANES] = { 0 };
    for (int row = rows.begin; row < rows.end; row++) {
        for (int q = 0; q < conv->q; q++) {
            const real *slope = dy + lanes_at(row, q, conv->q, k, conv->pitch);
            for (int l = 0; l < LANES; l++) sum[l] += slope[l];
        }
    }
    return sum_lanes(sum);
}

void scalar_conv_bwd_weights(const struct conv *conv, struct span rows, const real *dy, const real *x, real *dw, real *db, real *scratch)
{
    (void)scratch;
    assert(rows.begin < rows.end);
    assert(rows.end <= image_blocks(conv->n) * conv->p);
    assert(conv->pitch >= conv->k);
    for (int k = 0; k < conv->k; k++) {
        for (int r = 0; r < conv->r; r++) {
            for (int s = 0; s < conv->s; s++) {
                for (int c = 0; c < conv->c; c++) dw[weight_at(conv, k, r, s, c)] = weight_gradient(conv, rows, dy, x, k, r, s, c);
            }
        }
        if (db) db[k] = bias_gradient(conv, rows, dy, k);
    }
}
