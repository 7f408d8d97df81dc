/* SPDX-License-Identifier: MIT
 * The per-channel part of batch normalisation: merge of the chunks' statistics, coefficients for the per-pixel passes, running statistics.
 * Everything is computed in double and rounded once, in one fixed order: the same bits for any ISA and number of workers. */
#include <assert.h>
#include <math.h>
#include "kernels.h"

/* Channels are merged sixteen at a time, so that a chunk's count is worked out once for all of them. */
enum { STRIP = 16 };

/* Statistics of `count` values in each channel of a strip. */
struct moments {
    double count, mean[STRIP], m2[STRIP];
};

/* Chan, Golub, LeVeque: `a` becomes the statistics of the union of two disjoint sets, both not empty. */
static void join(struct moments *a, const struct moments *b)
{
    assert(a->count > 0);
    assert(b->count > 0);
    const double count = a->count + b->count, share = b->count / count, harmonic = a->count * share;
    for (int c = 0; c < STRIP; c++) {
        const double apart = b->mean[c] - a->mean[c];
        a->mean[c] += apart * share;
        a->m2[c] += b->m2[c] + apart * apart * harmonic;
    }
    a->count = count;
}

static double values_per_channel(const struct batchnorm *p) { return (double)p->n * p->h * p->w; }

/* Live values of a channel in chunk i: all rows count 16 images but those of a short last block. */
static double values_in_chunk(const struct batchnorm *p, int i)
{
    const struct span rows = batchnorm_chunk(p, i);
    const int dead = image_blocks(p->n) * LANES - p->n;
    const int last_block = (image_blocks(p->n) - 1) * p->h;
    const int short_rows = rows.end > last_block ? rows.end - (rows.begin > last_block ? rows.begin : last_block) : 0;
    return ((double)(rows.end - rows.begin) * (double)LANES - (double)short_rows * dead) * p->w;
}

static void load(struct moments *m, double count, const real *mean, const real *m2, int channels)
{
    m->count = count;
    for (int c = 0; c < STRIP; c++) {
        m->mean[c] = c < channels ? (double)mean[c] : 0;
        m->m2[c] = c < channels ? (double)m2[c] : 0;
    }
}

/* A binary tree without storage for its leaves: like the carries of a binary counter, subtrees of equal size are joined as soon as both are
 * there, so 32 places serve 2^31 chunks. What is left at the end is joined from the small subtrees to the large ones. */
void batchnorm_merge(const struct batchnorm *p, const real *chunk_mean, const real *chunk_m2, real *mean, real *variance)
{
    const int chunks = batchnorm_chunks(p);
    assert(chunks > 0);
    for (int first = 0; first < p->c; first += STRIP) {
        const int channels = p->c - first < STRIP ? p->c - first : STRIP;
        struct moments tree[32];
        int depth = 0;
        for (int i = 0; i < chunks; i++) {
            const size_t at = (size_t)i * (size_t)p->c + (size_t)first;
            load(&tree[depth++], values_in_chunk(p, i), chunk_mean + at, chunk_m2 + at, channels);
            for (int done = i + 1; done % 2 == 0; done /= 2) {
                depth--;
                join(&tree[depth - 1], &tree[depth]);
            }
        }
        for (; depth > 1; depth--) { join(&tree[depth - 2], &tree[depth - 1]); }
        assert(tree[0].count == values_per_channel(p));
        for (int c = 0; c < channels; c++) {
            mean[first + c] = (real)tree[0].mean[c];
            variance[first + c] = (real)(tree[0].m2[c] / tree[0].count);
        }
    }
}

void batchnorm_fold(int c, real eps, const real *mean, const real *variance, const real *gamma, const real *beta, real *scale, real *shift)
{
    assert(c >= 1);
    for (int i = 0; i < c; i++) {
        const double factor = (double)gamma[i] / sqrt((double)variance[i] + (double)eps);
        scale[i] = (real)factor;
        shift[i] = (real)((double)beta[i] - (double)mean[i] * (double)scale[i]); /* so that the scale's rounding moves no mean */
    }
}

void batchnorm_track(const struct batchnorm *p, real momentum, const real *mean, const real *variance, real *running_mean,
                     real *running_variance)
{
    const double count = values_per_channel(p);
    assert(count >= 1);
    const double unbiased = count > 1 ? count / (count - 1) : 1;
    const double share = (double)momentum;
    for (int c = 0; c < p->c; c++) {
        running_mean[c] = (real)((1 - share) * (double)running_mean[c] + share * (double)mean[c]);
        running_variance[c] = (real)((1 - share) * (double)running_variance[c] + share * ((double)variance[c] * unbiased));
    }
}

/* With n values, sd = sqrt(variance + eps) and x^ = (x - mean) / sd:
 *   dx = gamma / sd * (dy - mean(dy) - x^ * mean(dy * x^)), where mean(dy * x^) = sum_dyx / (sd * n). */
void batchnorm_bwd_fold(const struct batchnorm *p, real eps, const real *variance, const real *gamma, const real *sum_dy,
                        const real *sum_dyx, const struct batchnorm_folded *to)
{
    assert(to);
    const double count = values_per_channel(p);
    assert(count >= 1);
    for (int c = 0; c < p->c; c++) {
        const double squared = (double)variance[c] + (double)eps, sd = sqrt(squared), factor = (double)gamma[c] / sd;
        const double dy = (double)sum_dy[c], dyx = (double)sum_dyx[c];
        to->dbeta[c] = sum_dy[c];
        to->dgamma[c] = (real)(dyx / sd);
        to->a[c] = (real)factor;
        to->b[c] = (real)(-factor * dyx / (squared * count));
        to->d[c] = (real)(-factor * dy / count);
    }
}
