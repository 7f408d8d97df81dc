/* SPDX-License-Identifier: MIT
 * Skip connection: pixel by pixel, where b's images may reach further down and right than a's. */
#include <assert.h>
#include "scalar.h"

/* Offset in b of the lanes that meet (row, w, c) of a. */
static size_t crop_at(const struct add *add, int row, int w, int c)
{
    return lanes_at(row / add->h * add->bh + row % add->h, w, add->bw, c, add->c);
}

static void scalar_add_fwd(const struct add *add, struct span rows, const real *a, const real *b, real *y)
{
    assert(rows.end <= image_blocks(add->n) * add->h);
    assert(add->bh >= add->h);
    assert(add->bw >= add->w);
    for (int row = rows.begin; row < rows.end; row++) {
        for (int w = 0; w < add->w; w++) {
            for (int c = 0; c < add->c; c++) {
                const size_t at = lanes_at(row, w, add->w, c, add->c), from = crop_at(add, row, w, c);
                for (size_t l = 0; l < LANES; l++) y[at + l] = a[at + l] + b[from + l];
            }
        }
    }
}

static void scalar_add_bwd(const struct add *add, struct span rows, const real *dy, real *db)
{
    assert(rows.end <= image_blocks(add->n) * add->h);
    assert(db != dy);
    for (int row = rows.begin; row < rows.end; row++) {
        for (int w = 0; w < add->w; w++) {
            for (int c = 0; c < add->c; c++) {
                const size_t at = lanes_at(row, w, add->w, c, add->c), to = crop_at(add, row, w, c);
                for (size_t l = 0; l < LANES; l++) db[to + l] += dy[at + l];
            }
        }
    }
}

const struct add_variant scalar_add_rows[] = { { { "plain", ISA_SCALAR, EXACT_ANY_CUT }, scalar_add_fwd, scalar_add_bwd },
                                               { .head = { .algo = NULL } } };
