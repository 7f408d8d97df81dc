/* SPDX-License-Identifier: MIT
 * Skip connection on vectors: rows of the smaller image against the same rows of the larger one. */
#ifndef SIMD_ADD_H
#define SIMD_ADD_H

#include "../kernels.h"

/* Floats before row `row` (of B*H) of the crop in b. */
static inline ptrdiff_t add_crop(const struct add *p, int row)
{
    return ((ptrdiff_t)(row / p->h) * p->bh + row % p->h) * p->bw * p->c * LANES;
}

static void add_fwd(const struct add *p, struct span rows, const float *a, const float *b, float *y)
{
    ptrdiff_t floats = (ptrdiff_t)p->w * p->c * LANES;
    for (int row = rows.begin; row < rows.end; row++) {
        const float *from = a + row * floats, *skip = b + add_crop(p, row);
        float *to = y + row * floats;
        for (ptrdiff_t i = 0; i < floats; i += V) v_store(to + i, v_add(v_load(from + i), v_load(skip + i)));
    }
}

static void add_bwd(const struct add *p, struct span rows, const float *dy, float *db)
{
    ptrdiff_t floats = (ptrdiff_t)p->w * p->c * LANES;
    for (int row = rows.begin; row < rows.end; row++) {
        const float *from = dy + row * floats;
        float *to = db + add_crop(p, row);
        for (ptrdiff_t i = 0; i < floats; i += V) v_store(to + i, v_add(v_load(to + i), v_load(from + i)));
    }
}

#endif
