/* SPDX-License-Identifier: MIT
 * Convolutions and dense layers in bf16: what conv.c and dense.c call where planned.tiles says so. docs/kernels/bf16.md defines what a step
 * in bf16 computes. */
#ifndef NETS_LAYERS_TILES_H
#define NETS_LAYERS_TILES_H

#include "layer.h"

/* The rows of the table that may be used, or NULL. */
const struct conv_bf16_variant *tiles_of(unsigned isas);
/* Is it worth while for this layer? By its shape alone. */
bool tiles_wanted(const struct net *net, int layer);
/* Multiply-adds per value that the layer reads or makes, which that is decided by. */
double tiles_macs_per_value(const struct net *net, int layer);

/* Rounds vectors of a tensor in place. */
void tiles_round(const struct plan *plan, struct span vectors, real *x);

/* Memory: packed weights of both kinds, as conv.h has them; scratch of a worker. */
void tiles_place(struct plan *plan, int layer, const struct conv *p);
void tiles_pack(const struct plan *plan, int layer, const struct conv *p, enum conv_direction direction);
size_t tiles_worker_bytes(const struct plan *plan, int layer);

/* ---- convolutions: x and dy are lines of their own, made row by row ---- */

/* Elements of an image block of either. */
size_t tiles_lines_block(const struct conv *p);
size_t tiles_dlines_block(const struct conv *p);
void tiles_place_lines(struct plan *plan, int layer);
rows_fn tiles_lines, tiles_dlines, tiles_forward, tiles_data;
/* Rows of a map among those of its frame: those above and below an image belong to its first and last row. */
struct span tiles_framed(const struct bf16_map *m, struct span rows);
/* Some filters' sums over rows of dy, of the problem p whose images begin at block `first` of the job's. */
struct tiles_sums {
    struct conv p;
    int first;
    struct span rows, filters;
    real *dw, *db;
};
void tiles_sums(const struct job *j, const struct tiles_sums *s, int worker);

/* ---- dense layers, whose rows are image blocks ---- */

rows_fn tiles_dense_forward, tiles_dense_data;
/* The convolution that a dense layer of n images is. */
struct conv tiles_dense(const struct dense *d, int n);
/* Some filters' sums over the n images that begin with the job's wave. */
void tiles_dense_sums(const struct job *j, int n, struct span filters, real *dw, real *db, int worker);

#endif
