/* SPDX-License-Identifier: MIT
 * The work of a problem: operations, with taps outside the image and without, and scratch. */
#include <assert.h>
#include "kernels.h"

double conv_flops(const struct conv *p) { return 2.0 * p->n * p->k * p->p * p->q * p->r * p->s * p->c; }

/* Over all window positions along one axis, the taps that lie inside the image. */
static double taps_inside(int extent, int before, int window, int step, int positions)
{
    assert(step >= 1);
    double taps = 0;
    for (int i = 0; i < positions; i++) {
        const int first = i * step - before;
        const int begin = first > 0 ? first : 0;
        const int end = first + window < extent ? first + window : extent;
        taps += end - begin;
    }
    return taps;
}

double conv_flops_exact(const struct conv *p)
{
    assert(p->p > 0);
    assert(p->q > 0);
    return 2.0 * p->n * p->k * p->c * taps_inside(p->h, p->top, p->r, p->step, p->p) * taps_inside(p->w, p->left, p->s, p->step, p->q);
}

size_t dense_scratch_bytes(const struct dense *p) { return (size_t)image_blocks(p->n) * LANES * DENSE_STRIP * sizeof(real); }
