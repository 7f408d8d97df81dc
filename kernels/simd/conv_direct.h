/* SPDX-License-Identifier: MIT
 * conv "direct", forward and backward-data: register tiles of KT output channels x P pixel vectors, weights broadcast, taps outside the
 * image skipped.
 *
 * Both directions are one sweep: backward-data is a forward convolution of dy with flipped, transposed weights. The output is cut into
 * areas whose pixels all see the same taps, so no zero is ever multiplied; inside an area P independent pixel pointers run flat over
 * (block, row, column, part of a block), so odd sizes leave no waste. Each output is one chain of fused multiply-adds, bias first, then
 * taps (r, s, c) ascending: the order does not depend on tile, span or ISA, and neither do the bits.
 *
 * Strides: forward, the outputs of a row step over the input. Backward-data, outputs fall into `step` phases that each see every
 * step-th tap. */
#ifndef SIMD_CONV_DIRECT_H
#define SIMD_CONV_DIRECT_H

#include <assert.h>
#include "../kernels.h"
#include "conv_tile.h"

/* One axis of the sweep, told from its outputs: how many there are, and which taps of which inputs each one sees. */
struct axis {
    int in, out, pad, step, taps;
    bool transposed;
};

/* Outputs out, out + out_step … (count of them) that see the same taps: tap, tap + tap_step … (taps of them). The first output's first tap
 * reads input `in`; the next tap reads in + 1, the next output in + in_step. */
struct stretch {
    int out, count, out_step, in, in_step, tap, tap_step, taps;
};

static inline struct stretch stretch_one(const struct axis *a, int out)
{
    if (!a->transposed) {
        int first = out * a->step - a->pad, tap = first < 0 ? -first : 0, end = a->in - first < a->taps ? a->in - first : a->taps;
        return (struct stretch){ out, 1, 1, first + tap, a->step, tap, 1, end > tap ? end - tap : 0 };
    }
    /* dx[out] sums taps t = phase + j * step of dy[u - j]; flipped, tap t stands at taps - 1 - t, so ascending means j descending. */
    int phase = (out + a->pad) % a->step, u = (out + a->pad) / a->step;
    int most = phase < a->taps ? (a->taps - 1 - phase) / a->step : -1;
    int last = u < most ? u : most, first = u - a->in + 1 > 0 ? u - a->in + 1 : 0;
    if (last < first) return (struct stretch){ out, 1, a->step, 0, 1, 0, a->step, 0 };
    return (struct stretch){ out, 1, a->step, u - last, 1, a->taps - 1 - phase - last * a->step, a->step, last - first + 1 };
}

/* The longest stretch that begins at `out`. */
static inline struct stretch stretch_from(const struct axis *a, int out)
{
    struct stretch s = stretch_one(a, out);
    for (int next = out + s.out_step; next < a->out; next += s.out_step) {
        struct stretch n = stretch_one(a, next);
        if (n.taps != s.taps || n.tap != s.tap) break;
        s.count++;
    }
    return s;
}

/* A whole direction: y[B][P][Q][K] from x[B][H][W][C], in this direction's own names. */
struct sweep {
    struct axis height, width;
    int c, k;
    struct span rows; /* of B * height.out */
    const float *x, *packed, *bias;
    float *y;
    bool relu;
    const float *by; /* as a tile has them */
};

/* Walks the pixel vectors of one area inside the span: block, then row, column, part. */
struct cursor {
    const struct sweep *sweep;
    const struct stretch *high, *wide;
    ptrdiff_t x_next, y_next;     /* floats from a pixel's last part to the next pixel's first */
    int block, i, i_end, j, part; /* i, j: index within the stretches */
    const float *x;
    float *y;
};

/* Rows of `high` that the span holds in a block: [*from, *to) of the stretch. */
static inline void cursor_rows(const struct cursor *c, int block, int *from, int *to)
{
    int base = block * c->sweep->height.out, step = c->high->out_step;
    int low = c->sweep->rows.begin - base - c->high->out, high = c->sweep->rows.end - base - c->high->out;
    *from = low <= 0 ? 0 : (low + step - 1) / step;
    *to = high <= 0 ? 0 : (high + step - 1) / step;
    if (*to > c->high->count) *to = c->high->count;
}

/* Sets the pointers for (block, i, j = 0, part = 0). */
static inline void cursor_place(struct cursor *c)
{
    const struct sweep *s = c->sweep;
    ptrdiff_t in_row = (ptrdiff_t)c->block * s->height.in + c->high->in + (ptrdiff_t)c->i * c->high->in_step;
    ptrdiff_t out_row = (ptrdiff_t)c->block * s->height.out + c->high->out + (ptrdiff_t)c->i * c->high->out_step;
    c->x = s->x + (in_row * s->width.in + c->wide->in) * s->c * LANES;
    c->y = s->y + (out_row * s->width.out + c->wide->out) * s->k * LANES;
    c->j = c->part = 0;
}

/* To the first vector; returns how many there are. */
static inline int cursor_first(struct cursor *c)
{
    const struct sweep *s = c->sweep;
    const int last = (s->rows.end - 1) / s->height.out;
    int vectors = 0, from, to;
    c->block = s->rows.begin / s->height.out;
    c->x_next = (ptrdiff_t)c->wide->in_step * s->c * LANES - (PARTS - 1) * V;
    c->y_next = (ptrdiff_t)c->wide->out_step * s->k * LANES - (PARTS - 1) * V;
    for (int b = c->block; b <= last; b++) {
        cursor_rows(c, b, &from, &to);
        if (to > from) vectors += (to - from) * c->wide->count * PARTS;
    }
    if (vectors == 0) return 0;
    cursor_rows(c, c->block, &c->i, &c->i_end);
    while (c->i >= c->i_end) cursor_rows(c, ++c->block, &c->i, &c->i_end);
    cursor_place(c);
    return vectors;
}

/* To the next row; behind the last one, nowhere. */
static inline void cursor_row(struct cursor *c)
{
    const int last = (c->sweep->rows.end - 1) / c->sweep->height.out;
    while (++c->i >= c->i_end) {
        if (c->block == last) return;
        cursor_rows(c, ++c->block, &c->i, &c->i_end);
        c->i--;
    }
    cursor_place(c);
}

/* One vector on. */
static inline void cursor_next(struct cursor *c)
{
    const bool across = ++c->part == PARTS;
    c->x += across ? c->x_next : V;
    c->y += across ? c->y_next : V;
    if (!across) return;
    c->part = 0;
    if (++c->j == c->wide->count) cursor_row(c);
}

/* What the tiles of an area share: a job for each size of tile that the output channels need, in their order. */
struct job {
    struct tile tile;
    const struct tile_row *row;
    ptrdiff_t y_at;
};
enum { MAX_JOBS = 4 };

static inline int area_jobs(const struct sweep *s, const struct tile_row *tiles, const struct stretch *high, const struct stretch *wide,
                            struct job *jobs)
{
    const bool joined = wide->tap_step == 1; /* neighbouring taps are contiguous in x and w: one run */
    const float *packed = s->packed;
    int count = 0;
    for (int k = 0; k < s->k; count++) {
        const struct tile_row *row = tile_pick(tiles, s->k, s->k - k);
        const ptrdiff_t tap = (ptrdiff_t)s->c * row->channels, group = s->height.taps * s->width.taps * tap;
        assert(count < MAX_JOBS);
        /* clang-format off */
        jobs[count] = (struct job){
            .tile = {
                .rows = wide->taps == 0 ? 0 : high->taps, .taps = joined ? 1 : wide->taps, .run = joined ? wide->taps * s->c : s->c,
                .x_row = (ptrdiff_t)s->width.in * s->c * LANES, .x_tap = (ptrdiff_t)s->c * LANES,
                .w = packed + ((ptrdiff_t)high->tap * s->width.taps + wide->tap) * tap,
                .w_row = (ptrdiff_t)high->tap_step * s->width.taps * tap, .w_tap = wide->tap_step * tap,
                .bias = s->bias ? s->bias + k : NULL, .groups = (s->k - k) / row->channels, .w_group = group,
                .relu = s->relu, .by = s->by, .base = s->y,
                .prefetch = s->k < PREFETCH_CHANNELS ? 0 : PREFETCH_PIXELS * (ptrdiff_t)s->k * LANES
            },
            .row = row, .y_at = (ptrdiff_t)k * LANES
        };
        /* clang-format on */
        packed += jobs[count].tile.groups * group;
        k += jobs[count].tile.groups * row->channels;
    }
    return count;
}

/* All output channels of one area (same taps everywhere). */
static inline void sweep_area(const struct sweep *s, const struct tile_row *tiles, const struct stretch *high, const struct stretch *wide)
{
    struct cursor c = { .sweep = s, .high = high, .wide = wide };
    const int vectors = cursor_first(&c);
    if (vectors == 0) return;
    struct job jobs[MAX_JOBS];
    const int count = area_jobs(s, tiles, high, wide, jobs), width = jobs[0].row->pixels;
    struct tile *first = &jobs[0].tile;
    for (int left = vectors, pixels; left > 0; left -= pixels) {
        pixels = left >= 2 * width ? width : left > width ? (left + 1) / 2 : left; /* an even tail */
        for (int p = 0; p < pixels; p++) {
            first->x[p] = c.x;
            first->y[p] = c.y;
            cursor_next(&c);
        }
        for (struct job *job = jobs; job < jobs + count; job++) {
            job->tile.pixels = pixels;
            for (int p = 0; job != jobs && p < pixels; p++) {
                job->tile.x[p] = first->x[p];
                job->tile.y[p] = first->y[p] + job->y_at;
            }
            job->row->run(&job->tile);
        }
    }
}

static inline void sweep_run(const struct sweep *s, const struct tile_row *tiles)
{
    if (s->rows.begin >= s->rows.end) return;
    int high_phases = s->height.transposed ? s->height.step : 1, wide_phases = s->width.transposed ? s->width.step : 1;
    struct stretch high, wide;
    for (int hp = 0; hp < high_phases; hp++) {
        for (int h = hp; h < s->height.out; h += high.count * high.out_step) {
            high = stretch_from(&s->height, h);
            for (int wp = 0; wp < wide_phases; wp++) {
                for (int w = wp; w < s->width.out; w += wide.count * wide.out_step) {
                    wide = stretch_from(&s->width, w);
                    sweep_area(s, tiles, &high, &wide);
                }
            }
        }
    }
}

static inline void direct_fwd(const struct conv *p, const struct tile_row *tiles, struct span rows, const float *x, const float *packed,
                              const float *b, float *y)
{
    /* clang-format off */
    struct sweep s = {
        .height = { p->h, p->p, p->top, p->step, p->r, false }, .width = { p->w, p->q, p->left, p->step, p->s, false },
        .c = p->c, .k = p->k, .rows = rows, .x = x, .packed = packed, .bias = b, .y = y, .relu = p->relu
    };
    /* clang-format on */
    sweep_run(&s, tiles);
}

static inline void direct_bwd_data(const struct conv *p, const struct tile_row *tiles, struct span rows, const float *dy,
                                   const float *packed, float *dx)
{
    /* clang-format off */
    struct sweep s = {
        .height = { p->p, p->h, p->top, p->step, p->r, true }, .width = { p->q, p->w, p->left, p->step, p->s, true },
        .c = p->k, .k = p->c, .rows = rows, .x = dy, .packed = packed, .y = dx, .by = p->by
    };
    /* clang-format on */
    sweep_run(&s, tiles);
}

/* packed[tile][R][S][inputs][channels of the tile]; for backward-data taps are flipped and channels swapped. */
static inline void direct_pack(const struct conv *p, const struct tile_row *tiles, enum conv_direction direction, const float *w,
                               float *packed)
{
    bool flip = direction == CONV_BWD_DATA;
    int outputs = flip ? p->c : p->k, inputs = flip ? p->k : p->c;
    for (int k = 0; k < outputs;) {
        int channels = tile_pick(tiles, outputs, outputs - k)->channels;
        for (int r = 0; r < p->r; r++) {
            for (int s = 0; s < p->s; s++) {
                for (int c = 0; c < inputs; c++) {
                    for (int i = 0; i < channels; i++) {
                        ptrdiff_t from = flip ? (((ptrdiff_t)c * p->r + p->r - 1 - r) * p->s + p->s - 1 - s) * p->c + k + i
                                              : (((ptrdiff_t)(k + i) * p->r + r) * p->s + s) * p->c + c;
                        *packed++ = w[from];
                    }
                }
            }
        }
        k += channels;
    }
}

static inline bool direct_supports(const struct conv *p) { return p->n > 0; }
static inline int direct_grain(const struct conv *p, enum conv_direction direction)
{
    (void)p;
    (void)direction;
    return 1;
}
static inline size_t direct_packed_bytes(const struct conv *p, enum conv_direction direction)
{
    (void)direction;
    return sizeof(float) * (size_t)p->k * (size_t)p->r * (size_t)p->s * (size_t)p->c;
}

#endif
