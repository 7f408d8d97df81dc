/* SPDX-License-Identifier: MIT
 * Backward-weights over tiles (t.h). A product sums over 16 images of two pixels, one above the other. dy, in pairs of rows, is its left
 * operand as it lies: 16 output channels' lines. x is turned once per band of rows, to
 *
 *     [row][image pair 0 … 7][column of pixels][channel][2 images]
 *
 * so that the 16 rows of a right operand, 8 image pairs of one row of x and 8 of the next, are one stride apart, and its 16 columns are any
 * neighbours: a kernel row is S * C of them, cut into tiles of 16 whatever C is. With a stride of the convolution, rows of x that are a
 * stride apart are neighbours in the turned copy. All kernel rows' tiles meet the same dy, so up to six sums stand side by side and run
 * over the whole band. */
#ifndef SIMD_CONV_BF16_WEIGHTS_H
#define SIMD_CONV_BF16_WEIGHTS_H

#include "conv_bf16.h"

enum { TURNED_BYTES = 768 << 10, TURNED_ROWS = 8 }; /* of a band in a cache of 2 MiB; of a row of pixels */

struct bf16_sums {
    const struct conv *p;
    struct bf16_map x;
    int columns, tiles, pitch; /* turned columns of a kernel row, their tiles; bf16 of a turned row */
    int across;                /* tiles of a pixel, where those of a kernel row do not straddle pixels */
    int band, slots;           /* output rows of a band; turned rows of pixels for each row modulo the stride */
    int rows, groups;          /* output channels of a tile, tiles of them */
    bf16 *turned, *ones;
    float *sums; /* [groups][r * tiles + 1][TILE][TILE], db's tile last */
};

static inline struct bf16_sums bf16_sums_of(const struct conv *p)
{
    struct bf16_sums s = { .p = p, .x = conv_bf16_x(p) };
    const int lines = bf16_lines(p->c);
    s.columns = p->s * lines * 2;
    s.tiles = tile_parts(s.columns, TILE);
    s.across = lines * 2 % TILE ? 1 : lines * 2 / TILE;
    /* Room for a tile that begins at the last column; an odd number of lines, since powers of two would share few sets of the cache. */
    s.pitch = (tile_parts(bf16_map_pitch(&s.x) * 2 + TILE, TILE) | 1) * LINE;
    const int row_bytes = TURNED_ROWS * s.pitch * (int)sizeof(bf16), room = TURNED_BYTES / row_bytes / p->step - tile_parts(p->r, p->step);
    s.band = tile_least(tile_most(room / 2 * 2, 2), (p->p + 1) / 2 * 2);
    s.slots = s.band + tile_parts(p->r, p->step);
    s.rows = tile_least(p->k, TILE);
    s.groups = tile_parts(p->k, TILE);
    return s;
}

static inline size_t bf16_sums_turned(const struct bf16_sums *s)
{
    return (size_t)s->p->step * (size_t)s->slots * TURNED_ROWS * (size_t)s->pitch;
}
static inline size_t bf16_sums_count(const struct bf16_sums *s)
{
    return (size_t)s->groups * ((size_t)s->p->r * (size_t)s->tiles + 1) * TILE * TILE;
}
static inline size_t bf16_sums_scratch(const struct conv *p)
{
    const struct bf16_sums s = bf16_sums_of(p);
    return (bf16_sums_turned(&s) + TILE * LINE) * sizeof(bf16) + bf16_sums_count(&s) * sizeof(float);
}

/* Framed row `row` of a block to [image pair][columns]; rows below the frame are zeros. */
static void bf16_sums_turn(const struct bf16_sums *s, const bf16 *block, int row, bf16 *to)
{
    const int lines = bf16_map_pitch(&s->x);
    const ptrdiff_t stride = (ptrdiff_t)s->pitch * (ptrdiff_t)sizeof *to;
    if (row >= bf16_map_rows(&s->x)) {
        memset(to, 0, (size_t)TURNED_ROWS * (size_t)stride);
        return;
    }
    const bf16 *from = block + (ptrdiff_t)row * lines * LINE;
    int line = 0;
    for (; line + 8 <= lines; line += 8) t_turn8(from + line * LINE, to + line * 4, stride);
    for (; line < lines; line++) t_turn1(from + line * LINE, to + line * 4, stride);
}

/* The rows of x that output rows [from, to) of a block read, turned: framed row from * step + i goes to slot i / step of i % step. */
static void bf16_sums_turn_band(const struct bf16_sums *s, const bf16 *block, int from, int to)
{
    const int step = s->p->step, count = ((to - from + 1) / 2 * 2 - 1) * step + s->p->r;
    for (int i = 0; i < count; i++)
        bf16_sums_turn(s, block, from * step + i, s->turned + (ptrdiff_t)(i % step * s->slots + i / step) * TURNED_ROWS * s->pitch);
}

/* The place of tile `tile` of kernel row r among all. A pixel's tiles come one after the other with all their taps: six sums side by side
 * are then taps of few pixels, most of which the step before has loaded. */
static inline int bf16_sums_place(const struct bf16_sums *s, int r, int tile)
{
    return (tile % s->across * s->p->r + r) * (s->tiles / s->across) + tile / s->across;
}

/* Sums of N tiles of x, and of dy itself (ONES), with `rows` lines of dy, over a band. */
struct bf16_strip {
    const bf16 *dy, *x[TILE_SUMS], *ones;
    float *sums;
    ptrdiff_t dy_step, x_step, dy_row, x_row, stride; /* elements from pixel to pixel and from pair of rows to pair of rows; bytes */
    int q, row_pairs;
};

INLINE void bf16_strip_sums(struct tiles *t, const struct bf16_strip *s, const int N, const int ONES)
{
#define LOAD(I) t_load_c(t, I, s->sums + (I)*TILE * TILE, 64)
#define ADD(I) t_load_b(t, ONES && (I) == N - 1 ? s->ones : s->x[I] + x, ONES && (I) == N - 1 ? 64 : s->stride), t_mac(t, I)
#define STORE(I) t_store(t, I, s->sums + (I)*TILE * TILE, 64)
    EACH_SUM(N, LOAD)
    for (int row = 0; row < s->row_pairs; row++) {
        const bf16 *dy = s->dy + row * s->dy_row;
        ptrdiff_t x = row * s->x_row;
        for (int q = 0; q < s->q; q++, dy += s->dy_step, x += s->x_step) {
            t_load_a(t, dy, 64);
            EACH_SUM(N, ADD)
        }
    }
    EACH_SUM(N, STORE)
#undef LOAD
#undef ADD
#undef STORE
}

static void bf16_strip_run(struct tiles *t, const struct bf16_strip *s, int count, bool ones)
{
    switch (count * 2 + ones) {
    case 12: bf16_strip_sums(t, s, 6, 0); break;
    case 13: bf16_strip_sums(t, s, 6, 1); break;
    case 10: bf16_strip_sums(t, s, 5, 0); break;
    case 11: bf16_strip_sums(t, s, 5, 1); break;
    case 8: bf16_strip_sums(t, s, 4, 0); break;
    case 9: bf16_strip_sums(t, s, 4, 1); break;
    case 6: bf16_strip_sums(t, s, 3, 0); break;
    case 7: bf16_strip_sums(t, s, 3, 1); break;
    case 4: bf16_strip_sums(t, s, 2, 0); break;
    case 5: bf16_strip_sums(t, s, 2, 1); break;
    case 2: bf16_strip_sums(t, s, 1, 0); break;
    case 3: bf16_strip_sums(t, s, 1, 1); break;
    default: break;
    }
}

/* Where the tile at place `at` reads the turned rows for the first output. */
static inline ptrdiff_t bf16_sums_from(const struct bf16_sums *s, int at)
{
    const int taps = s->tiles / s->across, step = s->p->step, r = at / taps % s->p->r, slot = r % step * s->slots + r / step;
    return (ptrdiff_t)slot * TURNED_ROWS * s->pitch +
           2 * tile_at(at % taps * s->across + at / taps / s->p->r, TILE, tile_most(s->columns, TILE));
}

/* Output rows [from, to) of one block, whose dy begins at `dy`. */
static void bf16_sums_band(struct tiles *t, const struct bf16_sums *s, const bf16 *dy, int from, int to, bool bias)
{
    const struct conv *p = s->p;
    const int taps = p->r * s->tiles, all = taps + bias, strips = tile_parts(all, TILE_SUMS);
    struct bf16_strip strip = { .ones = s->ones,
                                .dy_step = (ptrdiff_t)p->pitch * LINE,
                                .x_step = (ptrdiff_t)p->step * bf16_lines(p->c) * 4,
                                .dy_row = (ptrdiff_t)p->q * p->pitch * LINE,
                                .x_row = (ptrdiff_t)2 * TURNED_ROWS * s->pitch,
                                .stride = (ptrdiff_t)s->pitch * (ptrdiff_t)sizeof(bf16),
                                .q = p->q,
                                .row_pairs = (to - from + 1) / 2 };
    for (int g = 0; g < s->groups; g++) {
        strip.dy = dy + from / 2 * strip.dy_row + (ptrdiff_t)tile_at(g, TILE, tile_most(p->k, TILE)) * LINE;
        for (int i = 0; i < strips; i++) {
            const int first = all * i / strips, end = all * (i + 1) / strips;
            for (int at = first; at < end && at < taps; at++) { strip.x[at - first] = s->turned + bf16_sums_from(s, at); }
            strip.sums = s->sums + ((ptrdiff_t)g * (taps + 1) + first) * TILE * TILE;
            bf16_strip_run(t, &strip, end - first, end > taps);
        }
    }
}

static void bf16_sums_deliver(const struct bf16_sums *s, float *dw, float *db)
{
    const struct conv *p = s->p;
    const int even = bf16_lines(p->c) * 2, taps = p->r * s->tiles;
    for (int k = 0; k < p->k; k++) {
        const int g = tile_least(k / TILE, s->groups - 1), row = k - tile_at(g, TILE, tile_most(p->k, TILE));
        const float *row_sums = s->sums + (ptrdiff_t)g * (taps + 1) * TILE * TILE + row * TILE;
        for (int i = 0; i < p->r * p->s; i++) {
            int column = i % p->s * even;
            for (int left = p->c, some; left > 0; left -= some, column += some, dw += some) {
                const int tile = column / TILE, at = tile_at(tile, TILE, tile_most(s->columns, TILE));
                some = tile_least(at + TILE - column, left);
                memcpy(dw, row_sums + bf16_sums_place(s, i / p->s, tile) * TILE * TILE + column - at, (size_t)some * sizeof *dw);
            }
        }
        if (db) db[k] = row_sums[taps * TILE * TILE];
    }
}

static void conv_bf16_bwd_weights(const struct conv *p, struct span rows, const bf16 *dy, const bf16 *x, float *dw, float *db,
                                  void *scratch)
{
    struct bf16_sums s = bf16_sums_of(p);
    struct tiles t;
    s.sums = scratch;
    s.ones = (bf16 *)(void *)(s.sums + bf16_sums_count(&s));
    s.turned = s.ones + TILE * LINE;
    memset(s.sums, 0, bf16_sums_count(&s) * sizeof *s.sums);
    for (int i = 0; i < TILE * LINE; i++) s.ones[i] = 0x3f80;
    t_begin(&t, s.rows, TILE);
    for (int row = rows.begin, to; row < rows.end; row = to) {
        const int block = row / p->p, from = row % p->p, end = tile_least(rows.end - block * p->p, p->p);
        to = block * p->p + tile_least(from + s.band, end);
        bf16_sums_turn_band(&s, x + (ptrdiff_t)block * bf16_map_rows(&s.x) * bf16_map_pitch(&s.x) * LINE, from, to - block * p->p);
        bf16_sums_band(&t, &s, dy + (ptrdiff_t)block * ((p->p + 1) / 2) * p->q * p->pitch * LINE, from, to - block * p->p, db != NULL);
    }
    t_end(&t);
    bf16_sums_deliver(&s, dw, db);
}

/* ---- what the table says ---- */

static size_t conv_bf16_scratch_bytes(const struct conv *p)
{
    const size_t weights = bf16_sums_scratch(p), sweep = bf16_sweep_scratch(p);
    return ((weights > sweep ? weights : sweep) + 63) / 64 * 64;
}

/* The two chains of a product, their sum, and an addition for each tile: of a window, or of a span's pixels. */
static float conv_bf16_bound(const struct conv *p)
{
    const int inputs = tile_most(p->c, p->k), window = p->r * tile_parts(p->s * (inputs + 1), TILE),
              pixels = image_blocks(p->n) * (p->p + 1) * p->q;
    return (float)(TILE + 2 + tile_most(window, pixels));
}

#endif
