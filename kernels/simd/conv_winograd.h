/* SPDX-License-Identifier: MIT
 * conv "winograd4" (2x2, 3x3), "winograd4_5x5" (4x4, 5x5) and "winograd4_8x8": F(4x4, RxR), all three directions. The rung above "direct":
 * 36 products for 144 (64 for 400 at 5x5) per tile of 4x4 outputs, at the price of transforms, which in this layout are vertical adds
 * without shuffles. "winograd4_8x8" takes 6x6 to 8x8 as four kernels of 4x4 that read the image moved by four rows, columns or both: 196
 * products for 784 of a 7x7. "winograd2", F(2x2, 3x3) with 16 products for 36, is there to compare with: half the rounding error, 1.3 to
 * 1.6 times the time; never chosen by auto.
 *
 * A tile's N x N inputs d (N = R + M - 1) give V = Bt d B, the weights U = G g Gt, the outputs y = At (sum over c of U * V) A, where
 * products are element by element: per point one GEMM over channels. At every point that is a "direct" convolution of one tap, so its
 * register tiles are used as they are. Points: 0, +-a_i, infinity. With P(t) = prod(t - a_j^2) and Q_i(t) = prod over j != i (t - a_j^2):
 *   Bt   rows  0: P(x^2)   +-a_i: x^2 Q_i(x^2) +- a_i x Q_i(x^2)   infinity: x P(x^2), as coefficients of x^0 … x^(N-1)
 *   At   columns  (1, a, …, a^(M-1)); infinity: the last row
 *   G    rows  (1, a, …, a^(R-1)) / f,  f_0 = P(0),  f_+-a = 2 a^2 Q_i(a^2);  infinity: the last tap
 * 3x3 takes 0 +-5/8 +-3/2 infinity: the error is a third of that of +-1 +-2. 5x5 takes 0 +-1/2 +-1 +-2 infinity, F(2x2) 0 +-1
 * infinity. 2x2 and 4x4 have one point less than 3x3 and 5x5: they do without infinity.
 * Backward-weights is the transpose: dw = Gt (sum over tiles and images of (A dy At) * (Bt d B)) G, as a GEMM over images (outer.h).
 *
 * Tiles start at every M-th row of an image whatever the span, so spans do not change the bits; pixels outside the image are read
 * from a row of zeros, outputs outside the image or the span go to a dump. */
#ifndef SIMD_CONV_WINOGRAD_H
#define SIMD_CONV_WINOGRAD_H

#include "../kernels.h"
#include "conv_direct.h"
#include "conv_weights.h"
#include "outer.h"
#include "planes.h"
#include "winograd_transforms.h"

/* Tiles that go through a sweep together where a pixel is several vectors (6 of AVX2 are two passes of three); tiles whose images are
 * summed before the sums go back to memory; the most tiles of either; see conv_chunks(). */
enum { WINO_TILES = 3, WINO_SUMMED = 3, WINO_GROUP = PARTS == 1 ? MAX_PIXELS : WINO_TILES, WINO_CHUNK_PIXELS = 196 };

/* ---- weights ---- */

/* U of V (output, input) pairs; the transform is a struct wino. */
static void wino_weights(const void *transform, const float *w, float *u, ptrdiff_t plane)
{
    const struct wino *f = transform;
    const int n = wino_n(f);
    float g[WINO_N_MAX][WINO_N_MAX];
    vf t[WINO_N_MAX][WINO_N_MAX];
    wino_g(f, g);
    for (int i = 0; i < n; i++) {
        for (int s = 0; s < f->r; s++) {
            vf sum = v_mul(v_load(w + s * LANES), v_set(g[i][0]));
            for (int r = 1; r < f->r; r++) sum = v_fma(v_load(w + (r * f->r + s) * LANES), v_set(g[i][r]), sum);
            t[i][s] = sum;
        }
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            vf sum = v_mul(t[i][0], v_set(g[j][0]));
            for (int s = 1; s < f->r; s++) sum = v_fma(t[i][s], v_set(g[j][s]), sum);
            v_store(u + (i * n + j) * plane, sum);
        }
    }
}

static inline void wino_pack(const struct wino *f, const struct conv *p, const struct tile_row *tiles, enum conv_direction direction,
                             const float *w, float *packed)
{
    float room[(25 + WINO_N_MAX * WINO_N_MAX) * LANES];
    planes_pack(p, tiles, direction, &(struct planes_weights){ wino_n(f) * wino_n(f), f->splits, f->r, wino_weights, f }, w, packed, room);
}

/* ---- tiles: where they read and write ---- */

/* One direction in its own names: y[B][P][Q][K] from x[B][H][W][C]. */
struct wino_sweep {
    const struct wino *f;
    int h, w, p, q, top, left, c, k, pitch; /* pitch: channels of a pixel of y in memory */
    struct span rows;                       /* of B * P */
    const float *x;
    float *y;
    const float *zeros; /* C vectors, for pixels outside the image */
    float *dump;        /* K vectors, for outputs that nobody wants; zeros where y is read */
    const struct through *through;
    struct wino_gate gate;
};

static inline struct wino_sweep wino_forward(const struct wino *f, const struct conv *p, struct span rows, const float *x, float *y)
{
    return (struct wino_sweep){
        f, p->h, p->w, p->p, p->q, p->top, p->left, p->c, p->k, p->pitch, rows, x, y, NULL, NULL, p->through, { .relu = p->relu }
    };
}
static inline struct wino_sweep wino_backward(const struct wino *f, const struct conv *p, struct span rows, const float *dy, float *dx)
{
    const int edge = p->r - 1;
    return (struct wino_sweep){ f,    p->p, p->q, p->h, p->w, edge - p->top, edge - p->left, p->k,           p->c,
                                p->c, rows, dy,   dx,   NULL, NULL,          NULL,           { .by = p->by } };
}

/* A tile: output rows and columns from i and j of a block. */
struct wino_at {
    int block, i, j;
};

/* Where its outputs are. */
static inline void wino_pointers(const struct wino_sweep *s, struct wino_at at, float **py)
{
    for (int r = 0; r < s->f->m; r++) {
        const int row = at.block * s->p + at.i + r;
        const bool wanted = at.i + r < s->p && row >= s->rows.begin && row < s->rows.end;
        float *to = s->y + (ptrdiff_t)row * s->q * s->pitch * LANES;
        for (int t = 0; t < s->f->m; t++) {
            py[r * s->f->m + t] = wanted && at.j + t < s->q ? to + (ptrdiff_t)(at.j + t) * s->pitch * LANES : s->dump;
        }
    }
}

/* How many kernels of r x r a kernel is; where the inputs of one of them are. */
static inline int wino_kernels(const struct wino *f) { return f->splits * f->splits; }
static inline void wino_pixels_of(const struct wino_sweep *s, struct wino_at at, int kernel, struct wino_pixels *o)
{
    const int n = wino_n(s->f), splits = s->f->splits;
    const int top = at.i - s->top + kernel / splits * s->f->r, left = at.j - s->left + kernel % splits * s->f->r;
    o->column = (ptrdiff_t)s->c * LANES;
    o->row = s->w * o->column;
    o->inside = top >= 0 && top + n <= s->h && left >= 0 && left + n <= s->w;
    const float *image = s->x + (ptrdiff_t)at.block * s->h * o->row;
    o->first = o->inside ? image + top * o->row + left * o->column : s->zeros;
    o->live = 0;
    o->through = s->through;
    for (int r = 0; r < n && !o->inside; r++) {
        for (int t = 0; t < n; t++) {
            const int h = top + r, w = left + t;
            const bool inside = h >= 0 && h < s->h && w >= 0 && w < s->w;
            o->each[r * n + t] = inside ? image + h * o->row + w * o->column : s->zeros;
            if (n * n <= 64) o->live |= (uint64_t)inside << (r * n + t);
        }
    }
}

/* A group of tiles, and the walk over those that touch the span. */
struct wino_group {
    int tiles;
    struct wino_at at[WINO_GROUP];
    float *py[WINO_GROUP][WINO_M * WINO_M];
    struct wino_at next;
};

static inline void wino_first(const struct wino_sweep *s, struct wino_group *g)
{
    g->next.block = s->rows.begin < s->rows.end ? s->rows.begin / s->p : s->rows.end;
    g->next.i = s->rows.begin % s->p / s->f->m * s->f->m;
    g->next.j = 0;
}

/* Fills the group with the next tiles, at most `most`; false when there are none. */
static inline bool wino_next(const struct wino_sweep *s, int most, struct wino_group *g)
{
    struct wino_at *next = &g->next;
    for (g->tiles = 0; g->tiles < most && next->block * s->p + next->i < s->rows.end; g->tiles++) {
        g->at[g->tiles] = *next;
        wino_pointers(s, *next, g->py[g->tiles]);
        next->j += s->f->m;
        if (next->j < s->q) continue;
        next->j = 0;
        next->i += s->f->m;
        if (next->i < s->p) continue;
        next->i = 0;
        next->block++;
    }
    return g->tiles > 0;
}

/* ---- forward and backward-data ----
 * A few tiles are transformed together, all their lanes, since pixels come a cache line at a time. */

/* Asks for the lines that the vectors' outputs will be written to. */
static inline void wino_prefetch(const struct wino *f, const struct wino_group *g, int first, int count, int k, int channels)
{
    for (int vector = first; vector < first + count; vector++) {
        if (vector % PARTS) continue; /* that line has been asked for */
        for (int i = 0; i < f->m * f->m; i++) {
            for (int c = 0; c < channels; c++) v_prefetch(g->py[vector / PARTS][i] + (ptrdiff_t)(k + c) * LANES);
        }
    }
}

static void wino_sweep_run(struct wino_sweep *s, const struct tile_row *tiles, const float *packed, const float *bias, float *scratch)
{
    const struct wino *f = s->f;
    const int most = PARTS == 1 ? tile_pick(tiles, s->k, s->k)->pixels : WINO_TILES, points = wino_n(f) * wino_n(f);
    const int inputs = wino_kernels(f) * s->c;
    float *v = scratch, *m = v + planes_v_floats(points, inputs, WINO_GROUP * PARTS), *zeros = m + planes_m_floats(points);
    if (s->rows.begin >= s->rows.end) return;
    memset(zeros, 0, sizeof *zeros * LANES * (size_t)s->c);
    s->zeros = zeros;
    s->dump = zeros + (ptrdiff_t)s->c * LANES;
    s->gate.base = s->y, s->gate.dump = s->dump;
    struct wino_group g;
    struct wino_pixels pixels;
    for (wino_first(s, &g); wino_next(s, most, &g);) {
        const struct planes o = planes_of(points, inputs, s->k, g.tiles * PARTS, tiles);
        for (int i = 0; i < g.tiles * wino_kernels(f); i++) {
            const int t = i / wino_kernels(f), kernel = i % wino_kernels(f);
            float *to[PARTS];
            for (int part = 0; part < PARTS; part++) to[part] = planes_vector(&o, t * PARTS + part, v) + (ptrdiff_t)kernel * s->c * V;
            wino_pixels_of(s, g.at[t], kernel, &pixels);
            wino_input_tile(f, &pixels, (struct span){ 0, s->c }, to, o.v_plane, V, ALL_PASSES);
        }
        for (int k = 0, channels; k < s->k; k += channels) {
            const struct tile_row *row = tile_pick(tiles, s->k, s->k - k);
            channels = planes_channels(s->k - k, row);
            for (int first = 0, count; first < o.vectors; first += count) {
                wino_prefetch(f, &g, first, least(o.width, o.vectors - first), k, row->channels);
                count = planes_products(&o, first, channels, row, packed + planes_u_floats(points, inputs, k), v, m);
                for (int done = 0; done < channels; done += row->channels) {
                    if (done + row->channels < channels) wino_prefetch(f, &g, first, count, k + done + row->channels, row->channels);
                    for (int i = 0; i < count; i++) {
                        const int vector = first + i;
                        wino_output_tile(f, m + ((ptrdiff_t)i * channels + done) * V, o.m_plane, bias ? bias + k + done : NULL,
                                         g.py[vector / PARTS], (k + done) * LANES + vector % PARTS * V, row->channels, &s->gate);
                    }
                }
            }
        }
    }
}

/* ---- backward-weights ---- */

enum { WINO_TURN = LANES * LANES + LANES }; /* a cache line more than 16 x 16, off the same sets */

/* The points of one pass over a tile's pixels, 16 channels or fewer from c on, turned. */
static inline void wino_turned_pass(const struct wino *f, const struct wino_sweep *s, const struct wino_pixels *pixels, int c, float *v,
                                    ptrdiff_t plane, float *turn, const int pass)
{
    const int n = wino_n(f), first = n * wino_pass(f, pass), count = n * wino_pass(f, pass + 1) - first, channels = least(s->c - c, LANES);
    for (int i = 0; i < channels && count > 0; i++) { /* one by one: all parts of a cache line while it is near */
        float *to[PARTS];
        for (int part = 0; part < PARTS; part++) to[part] = turn - (ptrdiff_t)first * WINO_TURN + i * LANES + part * V;
        wino_input_tile(f, pixels, (struct span){ c + i, c + i + 1 }, to, WINO_TURN, LANES, pass);
    }
    for (int i = 0; i < count; i++) v_transpose16(turn + i * WINO_TURN, v + (first + i) * plane + c, whole_lanes(s->c));
}

/* V of a tile, turned: [point][16 images][C rounded up to 16 channels]; `turn` holds the points of one pass, which stay in L1, WINO_TURN
 * floats apart. */
static inline void wino_turned(const struct wino *f, const struct wino_sweep *s, const struct wino_pixels *pixels, float *v,
                               ptrdiff_t plane, float *turn)
{
    for (int c = 0; c < s->c; c += LANES) {
        if (s->c - c < LANES) memset(turn, 0, sizeof *turn * (size_t)wino_n(f) * (size_t)wino_n(f) * WINO_TURN);
        wino_turned_pass(f, s, pixels, c, v, plane, turn, 0);
        wino_turned_pass(f, s, pixels, c, v, plane, turn, 1);
        wino_turned_pass(f, s, pixels, c, v, plane, turn, 2);
    }
}

/* The taps of one kernel of r x r that there are, and which of the whole kernel one of them is. */
struct wino_taps {
    int top, left, wide, count;
};
static inline struct wino_taps wino_taps(const struct wino *f, const struct conv *p, int kernel)
{
    const int top = kernel / f->splits * f->r, left = kernel % f->splits * f->r, wide = least(f->r, p->s - left);
    return (struct wino_taps){ top, left, wide, wide * least(f->r, p->r - top) };
}
static inline int wino_tap(const struct conv *p, const struct wino_taps *t, int i)
{
    return (t->top + i / t->wide) * p->s + t->left + i % t->wide;
}

/* dw = Gt sums G, where sums[point][K][C rounded up], of one kernel. */
static inline void wino_weights_back(const struct wino *f, const struct conv *p, int kernel, const float *sums, float *dw)
{
    const int row = whole_lanes(p->c);
    const struct wino_taps taps = wino_taps(f, p, kernel);
    float g[WINO_N_MAX][WINO_N_MAX], room[WINO_N_MAX * WINO_N_MAX * V];
    wino_g(f, g);
    for (int k = 0; k < p->k; k++, dw += (ptrdiff_t)p->r * p->s * p->c) {
        for (int c = 0; c < p->c; c += V) {
            const float *m = sums + (ptrdiff_t)k * row + c;
            const bool at_once = p->c - c >= V && f->splits == 1;
            wino_back(f, g, m, (ptrdiff_t)p->k * row, at_once ? dw + c : room, at_once ? p->c : V);
            for (int i = 0; i < taps.count && !at_once; i++) {
                memcpy(dw + (ptrdiff_t)wino_tap(p, &taps, i) * p->c + c, room + (i / taps.wide * f->r + i % taps.wide) * V,
                       sizeof *dw * (size_t)least(p->c - c, V));
            }
        }
    }
}

static void wino_bwd_weights(const struct wino *f, const struct conv *p, struct span rows, const float *dy, const float *x, float *dw,
                             float *db, float *scratch)
{
    const int row = whole_lanes(p->c), points = wino_n(f) * wino_n(f), widest = largest(p->c, p->k);
    const ptrdiff_t v_plane = (ptrdiff_t)(WINO_SUMMED * row + 1) * LANES, d_plane = (ptrdiff_t)(WINO_SUMMED * p->k + 1) * LANES;
    const ptrdiff_t sum_plane = (ptrdiff_t)p->k * row;
    float *v = scratch, *d = v + points * v_plane, *total = d + points * d_plane;
    float *turn = total + wino_kernels(f) * points * sum_plane;
    float *zeros = turn + (ptrdiff_t)points * WINO_TURN;
    memset(zeros, 0, sizeof *zeros * LANES * (size_t)widest);
    /* dy is only read: the cast is for the pointers that forward writes through. */
    struct wino_sweep s = wino_forward(f, p, rows, x, (float *)(uintptr_t)dy);
    s.zeros = s.dump = zeros;
    struct outer o = { .k = p->k, .c = p->c, .d_block = (ptrdiff_t)p->k * LANES, .x_row = row, .out_row = row };
    struct wino_group g;
    struct wino_pixels pixels;
    if (rows.begin >= rows.end) memset(total, 0, sizeof *total * (size_t)(wino_kernels(f) * points * sum_plane));
    for (wino_first(&s, &g); wino_next(&s, WINO_SUMMED, &g); o.add = true) {
        for (int t = 0; t < g.tiles; t++) {
            wino_gradient_tile(f, (const float *const *)g.py[t], p->k, d + (ptrdiff_t)t * p->k * LANES, d_plane);
        }
        o.n = g.tiles * LANES;
        for (int kernel = 0; kernel < wino_kernels(f); kernel++) {
            for (int t = 0; t < g.tiles; t++) {
                wino_pixels_of(&s, g.at[t], kernel, &pixels);
                wino_turned(f, &s, &pixels, v + (ptrdiff_t)t * row * LANES, v_plane, turn);
            }
            for (int point = 0; point < points; point++) {
                o.x = v + point * v_plane;
                o.d = d + point * d_plane;
                o.out = total + (kernel * points + point) * sum_plane;
                outer_sums(&o);
            }
        }
    }
    for (int kernel = 0; kernel < wino_kernels(f); kernel++) wino_weights_back(f, p, kernel, total + kernel * points * sum_plane, dw);
    if (db) direct_bias(p, rows, dy, db);
}

/* ---- what the row says ---- */

static inline bool wino_supports(const struct wino *f, const struct conv *p)
{
    const bool fits = f->splits == 1 ? p->r == f->r : p->r > f->r + 1 && p->r <= f->splits * f->r;
    return fits && p->s == p->r && p->step == 1 && p->c >= 4 && p->k >= 4 && p->h >= 4 && p->w >= 4;
}

static inline int wino_grain(const struct conv *p, enum conv_direction direction)
{
    (void)p;
    (void)direction;
    return WINO_M;
}

static inline size_t wino_packed_bytes(const struct wino *f, const struct conv *p)
{
    return sizeof(float) * (size_t)planes_u_floats(wino_n(f) * wino_n(f), wino_kernels(f) * p->c, p->k);
}

static inline size_t wino_scratch_bytes(const struct wino *f, const struct conv *p)
{
    const int widest = largest(p->c, p->k), row = whole_lanes(p->c);
    const int points = wino_n(f) * wino_n(f);
    const ptrdiff_t rows =
        planes_v_floats(points, wino_kernels(f) * widest, WINO_GROUP * PARTS) + planes_m_floats(points) + (ptrdiff_t)(p->c + p->k) * LANES;
    const ptrdiff_t sums = wino_kernels(f) * (ptrdiff_t)p->k * row;
    const ptrdiff_t weights = points * ((WINO_SUMMED * (row + p->k) + 2) * LANES + WINO_TURN + sums) + (ptrdiff_t)widest * LANES;
    return sizeof(float) * (size_t)(rows > weights ? rows : weights);
}

#endif
