/* SPDX-License-Identifier: MIT
 * conv "winograd4_lanes", "winograd4_5x5_lanes" and "winograd4_8x8_lanes": winograd4 whose backward-weights leaves images in lanes.
 * winograd4 turns the transformed inputs so that channels lie in lanes, and sums over images one by one. Here nothing is turned: per point
 * 4 x 4 accumulators of 16 images each run over a group of tiles, and their 16 sums over lanes are taken together (v_sum16).
 *
 *   v[point][tile][C][16]   d[point][tile][K][16]      C and K in fours, zeros behind the last; C of each kernel of r x r; d of a band
 *   total[point][K / 4][C / 4][4][4]                   16 pairs of channels lie in lanes on the way back, too
 *
 * Turning costs tiles x C rounded up to 16, sums over lanes cost C x K per group: few channels gain. us of backward-weights, direct,
 * winograd4, this (Intel Emerald Rapids, one core, n64): AVX-512 c8h28k8r3pad1 497, 683, 333; c16h26k16r3pad0 1125, 713, 600;
 * c32h14k64r3pad0 2203, 891, 907; c8h28k8r5pad2 1329, 1534, 752; c16h20k64r5pad2 9529, 3216, 3141; AVX2 943, 931, 540;
 * 2511, 1341, 1223; 4994, 1506, 1542; 2677, 2044, 1335; 21714, 4998, 5059. */
#ifndef SIMD_CONV_WINOGRAD_LANES_H
#define SIMD_CONV_WINOGRAD_LANES_H

#include "../kernels.h"
#include "conv_winograd.h"

/* Accumulators are 4 x 4, in two halves where there are 16 registers. Tiles whose images are summed before their lanes are: nine, fewer
 * where v would not stay in L2, and d of so many filters at a time that it does, too. How many tiles changes bits, so it may depend on C
 * but not on K: the filters that a call has are a part of the layer's, by the number of workers. */
enum { LANE_CHANNELS = 4, LANE_ROWS = V_REGISTERS < 32 ? 2 : 4, LANE_SUMS = LANE_CHANNELS * LANE_CHANNELS };
enum { LANE_TILES = 9, LANE_V_BYTES = 3 << 18, LANE_BYTES = 1 << 20, LANE_FILTERS = 8 };

static inline int whole_fours(int c) { return (c + 3) / 4 * 4; }
static inline int lanes_inputs(const struct wino *f, const struct conv *p) { return wino_kernels(f) * whole_fours(p->c); }

/* ---- the way back ---- */

/* dw = Gt total G, 16 pairs of channels at a time. */
static inline void lanes_weights_back(const struct wino *f, const struct conv *p, const float *total, float *dw)
{
    const ptrdiff_t plane = (ptrdiff_t)whole_fours(p->k) * lanes_inputs(f, p);
    float g[WINO_N_MAX][WINO_N_MAX], out[WINO_N_MAX * WINO_N_MAX][LANE_SUMS];
    wino_g(f, g);
    for (int k = 0; k < p->k; k += LANE_CHANNELS) {
        for (int input = 0; input < lanes_inputs(f, p); input += LANE_CHANNELS, total += LANE_SUMS) {
            const int c = input % whole_fours(p->c), kernel = input / whole_fours(p->c);
            const struct wino_taps taps = wino_taps(f, p, kernel);
            for (int part = 0; part < LANES; part += V) wino_back(f, g, total + part, plane, &out[0][part], LANE_SUMS);
            for (int i = 0; i < least(p->k - k, LANE_CHANNELS) * taps.count; i++) {
                const int tap = i % taps.count, row = i / taps.count;
                float *to = dw + ((ptrdiff_t)(k + row) * p->r * p->s + wino_tap(p, &taps, tap)) * p->c + c;
                const float *from = out[tap / taps.wide * f->r + tap % taps.wide] + row * LANE_CHANNELS;
                for (int j = 0; j < least(p->c - c, LANE_CHANNELS); j++) to[j] = from[j];
            }
        }
    }
}

/* ---- sums ---- */

/* acc[LANE_ROWS][4][16], one part: sums over tiles of d[tile][LANE_ROWS] * v[tile][4]. */
INLINE void lanes_tile(const float *v, ptrdiff_t v_tile, const float *d, ptrdiff_t d_tile, int tiles, float *acc)
{
    vf a[LANE_ROWS][LANE_CHANNELS];
    UNROLL_FOR (int i = 0; i < LANE_ROWS; i++) {
        UNROLL_FOR (int j = 0; j < LANE_CHANNELS; j++) a[i][j] = v_zero();
    }
    UNROLL2_FOR (int t = 0; t < tiles; t++, v += v_tile, d += d_tile) {
        vf in[LANE_CHANNELS];
        UNROLL_FOR (int j = 0; j < LANE_CHANNELS; j++) in[j] = v_load(v + j * LANES);
        UNROLL_FOR (int i = 0; i < LANE_ROWS; i++) {
            const vf gradient = v_load(d + i * LANES);
            UNROLL_FOR (int j = 0; j < LANE_CHANNELS; j++) a[i][j] = v_fma(in[j], gradient, a[i][j]);
        }
    }
    UNROLL_FOR (int i = 0; i < LANE_ROWS; i++) {
        UNROLL_FOR (int j = 0; j < LANE_CHANNELS; j++) v_store(acc + (i * LANE_CHANNELS + j) * LANES, a[i][j]);
    }
}

/* Adds one point's sums over a group of tiles to total[K / 4][C / 4][16]. */
static void lanes_point(const float *v, int c, const float *d, int k, int tiles, float *total)
{
    for (int row = 0; row < k; row += LANE_CHANNELS) {
        for (int column = 0; column < c; column += LANE_CHANNELS, total += LANE_SUMS) {
            float acc[LANE_SUMS * LANES], sum[LANE_SUMS];
            for (int i = 0; i < LANE_CHANNELS; i += LANE_ROWS) {
                for (int part = 0; part < LANES; part += V) {
                    lanes_tile(v + column * LANES + part, (ptrdiff_t)c * LANES, d + (row + i) * LANES + part, (ptrdiff_t)k * LANES, tiles,
                               acc + i * LANE_CHANNELS * LANES + part);
                }
            }
            v_sum16(acc, sum);
            for (int part = 0; part < LANES; part += V) v_store(total + part, v_add(v_load(total + part), v_load(sum + part)));
        }
    }
}

/* ---- all of it ---- */

/* The most tiles of a group, the filters of a band, and how many tiles a group of the span has: nearly even ones. */
static inline int lanes_most(const struct wino *f, const struct conv *p)
{
    const int room = LANE_V_BYTES / (wino_n(f) * wino_n(f) * lanes_inputs(f, p) * LANES * (int)sizeof(float));
    return least(largest(room, WINO_SUMMED), LANE_TILES);
}
static inline int lanes_band(const struct wino *f, const struct conv *p)
{
    const int row = wino_n(f) * wino_n(f) * lanes_most(f, p) * LANES * (int)sizeof(float), room = LANE_BYTES / row - lanes_inputs(f, p);
    return least(largest(room / LANE_CHANNELS * LANE_CHANNELS, LANE_FILTERS), whole_fours(p->k));
}
static inline int lanes_group(const struct wino *f, const struct conv *p, struct span rows)
{
    int tile_rows = 0;
    for (int row = rows.begin; row < rows.end; row = largest(row, least(row / p->p * p->p + p->p, row - row % p->p % f->m + f->m)))
        tile_rows++;
    const int tiles = tile_rows * ((p->q + f->m - 1) / f->m), most = lanes_most(f, p), groups = (tiles + most - 1) / most;
    return groups > 0 ? (tiles + groups - 1) / groups : 1;
}

/* Floats of v, of d and of the totals, of a point each. */
struct lanes_room {
    ptrdiff_t v_plane, d_plane, total_plane;
};
static inline struct lanes_room lanes_room(const struct wino *f, const struct conv *p)
{
    const int c = lanes_inputs(f, p), k = whole_fours(p->k), most = lanes_most(f, p);
    return (struct lanes_room){ (ptrdiff_t)(most * c + 1) * LANES, (ptrdiff_t)(most * lanes_band(f, p) + 1) * LANES, (ptrdiff_t)k * c };
}

/* The tiles of a group: where their gradients are. */
struct lanes_tiles {
    int count;
    float *py[LANE_TILES][WINO_M * WINO_M];
};

/* Adds the group's sums of a band of filters to total and bias. */
static inline void lanes_filters(const struct wino *f, const struct conv *p, struct span filters, const struct lanes_tiles *tiles,
                                 const float *v, float *d, float *total, float *bias)
{
    const struct lanes_room room = lanes_room(f, p);
    const int points = wino_n(f) * wino_n(f), c = lanes_inputs(f, p), k = whole_fours(filters.end - filters.begin);
    const ptrdiff_t first = (ptrdiff_t)filters.begin * LANES, last = (ptrdiff_t)filters.end * LANES;
    for (int t = 0; t < tiles->count; t++) {
        wino_gradient_lanes(f, (const float *const *)tiles->py[t], first, last, d + (ptrdiff_t)t * k * LANES, room.d_plane, bias);
    }
    for (int point = 0; point < points; point++) {
        lanes_point(v + point * room.v_plane, c, d + point * room.d_plane, k, tiles->count,
                    total + point * room.total_plane + (ptrdiff_t)filters.begin * c);
    }
}

static void lanes_bwd_weights(const struct wino *f, const struct conv *p, struct span rows, const float *dy, const float *x, float *dw,
                              float *db, float *scratch)
{
    const int points = wino_n(f) * wino_n(f), c = lanes_inputs(f, p), k = whole_fours(p->k);
    const int group = lanes_group(f, p, rows), band = lanes_band(f, p);
    const struct lanes_room room = lanes_room(f, p);
    float *v = scratch, *d = v + points * room.v_plane, *total = d + points * room.d_plane, *bias = total + points * room.total_plane;
    float *zeros = bias + (ptrdiff_t)k * LANES;
    memset(total, 0, sizeof *total * (size_t)(points * room.total_plane + (k + largest(c, k)) * LANES)); /* and bias, and zeros */
    for (int point = 0; point < points && (p->c % LANE_CHANNELS || p->k % LANE_CHANNELS); point++) {
        memset(v + point * room.v_plane, 0, sizeof *v * (size_t)(group * c * LANES));
        memset(d + point * room.d_plane, 0, sizeof *d * (size_t)(group * band * LANES));
    }
    /* dy is only read: the cast is for the pointers that forward writes through. */
    struct wino_sweep s = wino_forward(f, p, rows, x, (float *)(uintptr_t)dy);
    s.zeros = s.dump = zeros;
    struct wino_group g;
    struct wino_pixels pixels;
    struct lanes_tiles tiles = { 0 };
    wino_first(&s, &g);
    while (wino_next(&s, 1, &g)) {
        for (int kernel = 0; kernel < wino_kernels(f); kernel++) {
            float *to[PARTS], *first = v + ((ptrdiff_t)tiles.count * c + (ptrdiff_t)kernel * whole_fours(p->c)) * LANES;
            for (int part = 0; part < PARTS; part++) to[part] = first + part * V;
            wino_pixels_of(&s, g.at[0], kernel, &pixels);
            wino_input_tile(f, &pixels, (struct span){ 0, p->c }, to, room.v_plane, LANES, ALL_PASSES);
        }
        memcpy(tiles.py[tiles.count], g.py[0], sizeof g.py[0]);
        const bool last = g.next.block * s.p + g.next.i >= rows.end;
        if (++tiles.count < group && !last) continue;
        for (int i = 0; i < p->k; i += band) lanes_filters(f, p, (struct span){ i, least(i + band, p->k) }, &tiles, v, d, total, bias);
        tiles.count = 0;
    }
    lanes_weights_back(f, p, total, dw);
    for (int i = 0; i < p->k && db; i += 4) {
        float sum[4];
        v_sum4(bias + (ptrdiff_t)i * LANES, sum);
        memcpy(db + i, sum, sizeof *db * (size_t)least(p->k - i, 4));
    }
}

/* ---- what the row says ---- */

static inline size_t lanes_scratch_bytes(const struct wino *f, const struct conv *p)
{
    const struct lanes_room room = lanes_room(f, p);
    const int points = wino_n(f) * wino_n(f), c = lanes_inputs(f, p), k = whole_fours(p->k);
    const size_t sums = sizeof(float) * (size_t)(points * (room.v_plane + room.d_plane + room.total_plane) + (k + largest(c, k)) * LANES);
    const size_t others = wino_scratch_bytes(f, p);
    return sums > others ? sums : others;
}

#endif
