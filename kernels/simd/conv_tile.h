/* SPDX-License-Identifier: MIT
 * A register tile of a convolution: KT output channels x P pixel vectors of sums, weights broadcast; one chain of fused multiply-adds per
 * output, whatever the tile's size. Direct's sweeps run it over pixels, and the transformed algorithms over their points (planes.h,
 * conv_winograd1d.h). */
#ifndef SIMD_CONV_TILE_H
#define SIMD_CONV_TILE_H

#include "../kernels.h"

/* The lines of y are asked for so many pixels ahead where its pixels have so many channels: two of them fill a page, and the hardware
 * foresees nothing beyond a page. */
enum { MAX_PIXELS = 8, MAX_CHANNELS = 8, PREFETCH_CHANNELS = 32, PREFETCH_PIXELS = 4 };

/* One call of a tile: `pixels` pointers, and the taps they share. Strides in floats. */
struct tile {
    const float *x[MAX_PIXELS]; /* first tap, first channel */
    float *y[MAX_PIXELS];       /* first output channel */
    int pixels;
    int rows, taps, run; /* tap rows; runs per row; contiguous (tap, channel) pairs per run */
    ptrdiff_t x_row, x_tap, w_row, w_tap;
    const float *w;                      /* [rows][taps][run][KT] */
    const float *bias;                   /* of the first output channel, or NULL */
    bool relu;                           /* y is stored as max(y, 0) */
    const float *by, *base;              /* NULL; or y, of the tensor at base, is stored as 0 where by's value is not above zero */
    ptrdiff_t prefetch;                  /* 0, or: the lines so far behind those of y will be written before long */
    int groups;                          /* groups of KT output channels */
    ptrdiff_t w_group;                   /* stride between the weights of two groups */
    int planes;                          /* 0, or: packed pixels, V floats from channel to channel, and the whole so often, … */
    ptrdiff_t x_plane, y_plane, w_plane; /* … this far apart */
};

typedef void tile_fn(const struct tile *t);

/* What an ISA offers, best first, ended by channels 0: up to `pixels` pixel vectors x `channels` output channels in registers. */
struct tile_row {
    int channels, pixels;
    tile_fn *run;
};

/* One (tap, channel) pair: KT weights onto P vectors. */
INLINE void conv_tile_step(vf (*a)[MAX_PIXELS], const float *const *x, ptrdiff_t i, const float *w, const int KT, const int P)
{
    vf v[MAX_PIXELS];
    UNROLL_FOR (int p = 0; p < P; p++) v[p] = v_load(x[p] + i);
    UNROLL_FOR (int k = 0; k < KT; k++) {
        vf weight = v_set(w[k]);
        UNROLL_FOR (int p = 0; p < P; p++) a[k][p] = v_fma(v[p], weight, a[k][p]);
    }
}

/* Stores a tile's sums, or what ReLU or its derivative lets through of them. */
INLINE void conv_tile_store(const struct tile *t, vf (*a)[MAX_PIXELS], float *const *y, const int STEP, const int KT, const int P)
{
    if (STEP == LANES && t->relu) {
        UNROLL_FOR (int k = 0; k < KT; k++) {
            UNROLL_FOR (int p = 0; p < P; p++) v_store(y[p] + k * STEP, v_max(a[k][p], v_zero()));
        }
    } else if (STEP == LANES && t->by) {
        UNROLL_FOR (int p = 0; p < P; p++) {
            const float *by = t->by + (y[p] - t->base);
            UNROLL_FOR (int k = 0; k < KT; k++) v_store(y[p] + k * STEP, v_keep(v_gt(v_load(by + k * STEP), v_zero()), a[k][p]));
        }
    } else {
        UNROLL_FOR (int k = 0; k < KT; k++) {
            UNROLL_FOR (int p = 0; p < P; p++) v_store(y[p] + k * STEP, a[k][p]);
        }
    }
}

/* One group of one plane: STEP floats from channel to channel; ROWS rows of RUN pairs without a loop, or, RUN 0, what the tile says. */
INLINE void conv_tile_once(const struct tile *t, ptrdiff_t plane, ptrdiff_t group, const int STEP, const int ROWS, const int RUN,
                           const int KT, const int P)
{
    const ptrdiff_t x_at = plane * t->x_plane, w_at = plane * t->w_plane + group * t->w_group;
    const ptrdiff_t y_at = plane * t->y_plane + group * KT * STEP;
    const float *bias = t->bias ? t->bias + group * KT : NULL;
    vf a[MAX_CHANNELS][MAX_PIXELS];
    float *y[MAX_PIXELS]; /* looked up once: for all the compiler knows, the stores could change *t */
    const float *x[MAX_PIXELS], *w = t->w + w_at;
    UNROLL_FOR (int p = 0; p < P; p++) y[p] = t->y[p] + y_at;
    UNROLL_FOR (int k = 0; k < KT; k++) {
        vf b = bias ? v_set(bias[k]) : v_zero();
        UNROLL_FOR (int p = 0; p < P; p++) a[k][p] = b;
    }
    if (STEP == LANES && t->prefetch) {
        UNROLL_FOR (int k = 0; k < KT; k++) {
            v_prefetch(y[0] + t->prefetch + k * LANES);
            v_prefetch(y[P - 1] + t->prefetch + k * LANES);
        }
    }
    UNROLL_FOR (int r = 0; r < ROWS; r++) {
        UNROLL_FOR (int p = 0; p < P; p++) x[p] = t->x[p] + x_at + r * t->x_row;
        UNROLL_FOR (int i = 0; i < RUN; i++) conv_tile_step(a, x, i * STEP, w + r * t->w_row + i * KT, KT, P);
    }
    for (int r = 0; RUN == 0 && r < t->rows; r++) {
        for (int s = 0; s < t->taps; s++) {
            const ptrdiff_t run = (ptrdiff_t)t->run * STEP;
            UNROLL_FOR (int p = 0; p < P; p++) x[p] = t->x[p] + x_at + r * t->x_row + s * t->x_tap;
            w = t->w + w_at + r * t->w_row + s * t->w_tap;
            if (STEP < LANES) { /* planes have all channels in one run; short runs of taps lose by it */
                UNROLL2_FOR (ptrdiff_t i = 0; i < run; i += STEP, w += KT) conv_tile_step(a, x, i, w, KT, P);
            } else {
                for (ptrdiff_t i = 0; i < run; i += STEP, w += KT) conv_tile_step(a, x, i, w, KT, P);
            }
        }
    }
    conv_tile_store(t, a, y, STEP, KT, P);
}

/* Groups innermost: what one has read of x the others find in L1. */
INLINE void conv_tile_planes(const struct tile *t, int planes, const int STEP, const int ROWS, const int RUN, const int KT, const int P)
{
    for (ptrdiff_t plane = 0; plane < planes; plane++) {
        for (ptrdiff_t group = 0; group < t->groups; group++) conv_tile_once(t, plane, group, STEP, ROWS, RUN, KT, P);
    }
}

/* Bodies of their own where loops would cost measurable time: 3x3 on 1, 2, 3 and 4 channels, winograd1d's columns of 5 and 7. */
INLINE bool conv_tile_short(const struct tile *t, const int KT, const int P)
{
    const bool three = !t->planes && t->rows == 3 && t->taps == 1, column = t->planes && t->rows == 1 && t->taps == 1;
    if (three && t->run == 3) conv_tile_planes(t, 1, LANES, 3, 3, KT, P);
    else if (three && t->run == 6) conv_tile_planes(t, 1, LANES, 3, 6, KT, P);
    else if (three && t->run == 9) conv_tile_planes(t, 1, LANES, 3, 9, KT, P);
    else if (three && t->run == 12) conv_tile_planes(t, 1, LANES, 3, 12, KT, P);
    else if (column && t->run == 5) conv_tile_planes(t, t->planes, V, 1, 5, KT, P);
    else if (column && t->run == 7) conv_tile_planes(t, t->planes, V, 1, 7, KT, P);
    else return false;
    return true;
}

INLINE void conv_tile(const struct tile *t, const int KT, const int P)
{
    if (PARTS == 1) conv_tile_planes(t, t->planes ? t->planes : 1, LANES, 0, 0, KT, P);
    else if (t->planes) conv_tile_planes(t, t->planes, V, 0, 0, KT, P);
    else conv_tile_planes(t, 1, LANES, 0, 0, KT, P);
}

/* A tile for any number of pixels up to P, one body per count. Spelled out: a loop over constants would have to unroll before its body
 * is. */
INLINE void conv_tile_upto(const struct tile *t, const int KT, const int P)
{
    if (t->pixels == P && conv_tile_short(t, KT, P)) return;
    if (P >= 8 && t->pixels == 8) conv_tile(t, KT, 8);
    if (P >= 7 && t->pixels == 7) conv_tile(t, KT, 7);
    if (P >= 6 && t->pixels == 6) conv_tile(t, KT, 6);
    if (P >= 5 && t->pixels == 5) conv_tile(t, KT, 5);
    if (P >= 4 && t->pixels == 4) conv_tile(t, KT, 4);
    if (P >= 3 && t->pixels == 3) conv_tile(t, KT, 3);
    if (P >= 2 && t->pixels == 2) conv_tile(t, KT, 2);
    if (t->pixels == 1) conv_tile(t, KT, 1);
}

/* The tile whose channels divide k, or the greedy choice for what is left of it. */
static inline const struct tile_row *tile_pick(const struct tile_row *tiles, int k, int left)
{
    const struct tile_row *t = tiles;
    while (t->channels && (t->channels < 3 || k % t->channels)) t++;
    if (t->channels) return t;
    for (t = tiles; t->channels > left; t++) {}
    return t;
}

#endif
