/* SPDX-License-Identifier: MIT
 * The fixed tree of sums over images. Chunks (conv.h, batchnorm.h) are summed each by one call into a place of its own; here they are added
 * by a pairwise tree whose shape depends on their number alone. Hence gradients have the same bits for any number of workers. */
#ifndef KERNELS_SUMS_H
#define KERNELS_SUMS_H

#include "base.h"

/* The sums of `chunks` >= 1 chunks, chunk i's at from + i * stride. */
struct chunk_sums {
    real *from, *to;      /* [chunks][stride]; [count] */
    int chunks;           /* 1 or more */
    size_t stride, count; /* elements; count <= stride */
    bool add;             /* to what stands at `to` already; else it is overwritten */
};

/* The chunks' sums into or onto `to`: neighbours are added in pairs, then pairs of pairs …, so that of five chunks a … e comes
 * ((a + b) + (c + d)) + e. In place: `from` holds parts of the tree afterwards. Strips [begin, end) of chunk_sums_strips(), each some
 * elements of all chunks: any span of strips gives the same bits. */
int chunk_sums_strips(const struct chunk_sums *sums);
void chunk_sums_merge(const struct chunk_sums *sums, struct span strips);

/* to[i] += from[i]. */
void sums_add(real *restrict to, const real *restrict from, size_t count);

#endif
