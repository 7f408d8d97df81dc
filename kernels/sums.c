/* SPDX-License-Identifier: MIT
 * The fixed tree of sums, strip by strip: every element has its own tree, so strips may be dealt out and no bit hangs on their size. */
#include "sums.h"

#include <assert.h>
#include <string.h>

enum { STRIP = 64 * LANES }; /* elements of every chunk at a time, so that they stay in cache */

void sums_add(real *restrict to, const real *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] += from[i];
}

static void merge_elements(const struct chunk_sums *s, size_t begin, size_t end)
{
    assert(begin < end);
    assert(end <= s->count);
    real *first = s->from + begin;
    const size_t count = end - begin;
    for (int gap = 1; gap < s->chunks; gap *= 2)
        for (int chunk = 0; chunk + gap < s->chunks; chunk += 2 * gap)
            sums_add(first + (size_t)chunk * s->stride, first + (size_t)(chunk + gap) * s->stride, count);
    if (s->add) sums_add(s->to + begin, first, count);
    else memcpy(s->to + begin, first, count * sizeof(real));
}

int chunk_sums_strips(const struct chunk_sums *sums) { return (int)((sums->count + STRIP - 1) / STRIP); }

void chunk_sums_merge(const struct chunk_sums *sums, struct span strips)
{
    assert(sums->chunks >= 1);
    assert(sums->count <= sums->stride);
    assert(strips.begin >= 0);
    assert(strips.end <= chunk_sums_strips(sums));
    for (int i = strips.begin; i < strips.end; i++) {
        const size_t from = (size_t)i * STRIP, to = from + STRIP;
        merge_elements(sums, from, to < sums->count ? to : sums->count);
    }
}
