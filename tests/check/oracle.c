/* SPDX-License-Identifier: MIT
 * The oracle in whole numbers: products and sums of 64-bit integers in the plainest order. It says `where is the tap?` in its own words,
 * so a misunderstanding that reference and SIMD share does not pass. */
#include "oracle.h"

#include <string.h>

static size_t at5(int a, int b, int nb, int c, int nc, int d, int nd) /* [a][b][c][d] of lanes */
{
    return ((((size_t)a * (size_t)nb + (size_t)b) * (size_t)nc + (size_t)c) * (size_t)nd + (size_t)d) * LANES;
}

static size_t tap_at(const struct conv *p, int k, int r, int s, int c)
{
    return (((size_t)k * (size_t)p->r + (size_t)r) * (size_t)p->s + (size_t)s) * (size_t)p->c + (size_t)c;
}

static void add_product(int64_t *sum, const float *vector, float factor)
{
    for (int l = 0; l < LANES; l++) sum[l] += (int64_t)vector[l] * (int64_t)factor;
}

/* The input coordinate that output coordinate o sees through tap t; -1 in the padding. */
static int seen_at(int o, int t, int step, int before, int extent)
{
    int i = o * step + t - before;
    return i >= 0 && i < extent ? i : -1;
}

void whole_conv_fwd(const struct conv *p, struct span rows, const float *x, const float *w, const float *b, int64_t *y)
{
    for (int row = rows.begin; row < rows.end; row++)
        for (int q = 0; q < p->q; q++)
            for (int k = 0; k < p->k; k++) {
                int64_t *to = y + at5(row / p->p, row % p->p, p->p, q, p->q, k, p->k);
                for (int l = 0; l < LANES; l++) to[l] = b ? (int64_t)b[k] : 0;
                for (int r = 0; r < p->r; r++)
                    for (int s = 0; s < p->s; s++) {
                        int h = seen_at(row % p->p, r, p->step, p->top, p->h), v = seen_at(q, s, p->step, p->left, p->w);
                        for (int c = 0; h >= 0 && v >= 0 && c < p->c; c++)
                            add_product(to, x + at5(row / p->p, h, p->h, v, p->w, c, p->c), w[tap_at(p, k, r, s, c)]);
                    }
            }
}

/* What one input pixel gets back from every output that saw it. */
static void give_back(const struct conv *p, int block, int h, int v, int c, const float *dy, const float *w, int64_t *to)
{
    memset(to, 0, LANES * sizeof *to);
    for (int o = 0; o < p->p; o++)
        for (int q = 0; q < p->q; q++) {
            int r = h - o * p->step + p->top, s = v - q * p->step + p->left;
            if (r < 0 || r >= p->r || s < 0 || s >= p->s) continue;
            for (int k = 0; k < p->k; k++) add_product(to, dy + at5(block, o, p->p, q, p->q, k, p->k), w[tap_at(p, k, r, s, c)]);
        }
}

void whole_conv_bwd_data(const struct conv *p, struct span rows, const float *dy, const float *w, int64_t *dx)
{
    for (int row = rows.begin; row < rows.end; row++)
        for (int v = 0; v < p->w; v++)
            for (int c = 0; c < p->c; c++)
                give_back(p, row / p->h, row % p->h, v, c, dy, w, dx + at5(row / p->h, row % p->h, p->h, v, p->w, c, p->c));
}

static int64_t dot(const float *a, const float *b)
{
    int64_t sum = 0;
    for (int l = 0; l < LANES; l++) sum += (int64_t)a[l] * (int64_t)b[l];
    return sum;
}

/* The gradient of one weight: its tap slid over all outputs of the rows. */
static int64_t weight_sum(const struct conv *p, struct span rows, int k, int r, int s, int c, const float *dy, const float *x)
{
    int64_t sum = 0;
    for (int row = rows.begin; row < rows.end; row++) {
        int h = seen_at(row % p->p, r, p->step, p->top, p->h);
        for (int q = 0; h >= 0 && q < p->q; q++) {
            int v = seen_at(q, s, p->step, p->left, p->w);
            if (v < 0) continue;
            sum += dot(dy + at5(row / p->p, row % p->p, p->p, q, p->q, k, p->k), x + at5(row / p->p, h, p->h, v, p->w, c, p->c));
        }
    }
    return sum;
}

void whole_conv_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, int64_t *dw, int64_t *db)
{
    for (int k = 0; k < p->k; k++) {
        for (int r = 0; r < p->r; r++)
            for (int s = 0; s < p->s; s++)
                for (int c = 0; c < p->c; c++) dw[tap_at(p, k, r, s, c)] = weight_sum(p, rows, k, r, s, c, dy, x);
        if (!db) continue;
        db[k] = 0;
        for (int row = rows.begin; row < rows.end; row++)
            for (int q = 0; q < p->q; q++)
                for (int l = 0; l < LANES; l++) db[k] += (int64_t)dy[at5(row / p->p, row % p->p, p->p, q, p->q, k, p->k) + (size_t)l];
    }
}

/* Dense layers are convolutions of one pixel: the loops differ only in their names, so they are not written twice. */
static struct conv as_conv(const struct dense *p)
{
    return (struct conv){
        .n = p->n, .c = p->c, .h = 1, .w = 1, .k = p->k, .r = 1, .s = 1, .step = 1, .bias = p->bias, .p = 1, .q = 1, .pitch = p->k
    };
}

static struct span all_blocks(const struct dense *p) { return (struct span){ 0, (p->n + LANES - 1) / LANES }; }

void whole_dense_fwd(const struct dense *p, const float *x, const float *w, const float *b, int64_t *y)
{
    struct conv one = as_conv(p);
    whole_conv_fwd(&one, all_blocks(p), x, w, b, y);
}

void whole_dense_bwd_data(const struct dense *p, const float *dy, const float *w, int64_t *dx)
{
    struct conv one = as_conv(p);
    whole_conv_bwd_data(&one, all_blocks(p), dy, w, dx);
}

void whole_dense_bwd_weights(const struct dense *p, const float *dy, const float *x, int64_t *dw, int64_t *db)
{
    struct conv one = as_conv(p);
    whole_conv_bwd_weights(&one, all_blocks(p), dy, x, dw, db);
}
