/* SPDX-License-Identifier: MIT
 * The transforms of F(MxM, RxR): points, lines, tiles. What they are is said in conv_winograd.h. Every output is a fixed chain of fused
 * multiply-adds, so the bits are the same on every ISA. */
#ifndef SIMD_WINOGRAD_TRANSFORMS_H
#define SIMD_WINOGRAD_TRANSFORMS_H

#include "../kernels.h"
#include "conv_tile.h"
#include "winograd_points.h"

/* ---- transforms of one line ---- */

INLINE void wino_input(const struct wino *f, const vf *d, vf *v)
{
    const int last = 2 * f->pairs + 1;
    vf even = d[last - 1];
    UNROLL_FOR (int j = f->pairs - 1; j >= 0; j--) even = v_fma(d[2 * j], v_set(f->p[j]), even);
    v[0] = even;
    if (wino_infinity(f)) {
        vf odd = d[last];
        UNROLL_FOR (int j = f->pairs - 1; j >= 0; j--) odd = v_fma(d[2 * j + 1], v_set(f->p[j]), odd);
        v[last] = odd;
    }
    UNROLL_FOR (int i = 0; i < f->pairs; i++) {
        vf e = d[last - 1], o = d[last - 2];
        UNROLL_FOR (int j = f->pairs - 2; j >= 0; j--) {
            e = v_fma(d[2 * j + 2], v_set(f->q[i][j]), e);
            o = v_fma(d[2 * j + 1], v_set(f->q[i][j]), o);
        }
        v[1 + 2 * i] = v_fma(o, v_set(f->a[i]), e);
        v[2 + 2 * i] = v_fma(o, v_set(-f->a[i]), e);
    }
}

INLINE void wino_output(const struct wino *f, const vf *m, vf *y)
{
    vf sum[WINO_PAIRS_MAX], difference[WINO_PAIRS_MAX];
    float power[WINO_PAIRS_MAX];
    UNROLL_FOR (int i = 0; i < f->pairs; i++) {
        sum[i] = v_add(m[1 + 2 * i], m[2 + 2 * i]);
        difference[i] = v_sub(m[1 + 2 * i], m[2 + 2 * i]);
        power[i] = 1;
    }
    y[0] = m[0];
    UNROLL_FOR (int i = 0; i < f->pairs; i++) y[0] = v_add(y[0], sum[i]);
    UNROLL_FOR (int j = 1; j < f->m; j++) {
        UNROLL_FOR (int i = 0; i < f->pairs; i++) power[i] *= f->a[i];
        const vf *from = j % 2 ? difference : sum;
        vf t = v_mul(from[0], v_set(power[0]));
        UNROLL_FOR (int i = 1; i < f->pairs; i++) t = v_fma(from[i], v_set(power[i]), t);
        y[j] = j == f->m - 1 && wino_infinity(f) ? v_add(t, m[2 * f->pairs + 1]) : t;
    }
}

/* The transpose of wino_output(). */
INLINE void wino_gradient(const struct wino *f, const vf *y, vf *d)
{
    d[0] = y[0];
    if (wino_infinity(f)) d[2 * f->pairs + 1] = y[f->m - 1];
    UNROLL_FOR (int i = 0; i < f->pairs; i++) {
        const float a = f->a[i];
        vf even = f->m == 2 ? y[0] : v_fma(y[2], v_set(a * a), y[0]);
        vf odd = v_mul(f->m == 2 ? y[1] : v_fma(y[3], v_set(a * a), y[1]), v_set(a));
        d[1 + 2 * i] = v_add(even, odd);
        d[2 + 2 * i] = v_sub(even, odd);
    }
}

/* ---- transforms of tiles: down the columns, then along the rows ---- */

enum { WINO_STRIP = 4, WINO_LINE = WINO_STRIP * LANES };

/* A tile's N x N pixels: the first and the floats from row to row and from column to column, or each by itself where some lie outside;
 * bit r * N + s: that one lies inside (of kernels up to 3x3). */
struct wino_pixels {
    bool inside;
    const float *first;
    ptrdiff_t row, column;
    uint64_t live;
    const struct through *through;
    const float *each[WINO_N_MAX * WINO_N_MAX];
};

/* How pixels are read: as they are, scaled and shifted, and ReLU of that; and whether all lie inside the image. */
enum wino_reading { READ_PLAIN, READ_SCALED, READ_RELU };
struct wino_way {
    bool inside;
    enum wino_reading how;
    vf scale, shift;
};

INLINE vf wino_read(vf x, const struct wino_way way)
{
    if (way.how == READ_PLAIN) return x;
    const vf scaled = v_fma(x, way.scale, way.shift);
    return way.how == READ_RELU ? v_max(scaled, v_zero()) : scaled;
}

/* One vector of every pixel through both transforms in one pass, to[point * plane]; of the points' rows [begin, end). */
INLINE void wino_input_rows(const struct wino *f, const struct wino_pixels *o, ptrdiff_t at, float *to, ptrdiff_t plane,
                            const struct wino_way way, const int begin, const int end)
{
    const int n = wino_n(f);
    vf t[WINO_N_MAX][WINO_N_MAX];
    UNROLL_FOR (int j = 0; j < n; j++) {
        vf line[WINO_N_MAX], out[WINO_N_MAX];
        UNROLL_FOR (int r = 0; r < n; r++) {
            const int i = r * n + j;
            line[r] = wino_read(v_load((way.inside ? o->first + r * o->row + j * o->column : o->each[i]) + at), way);
            if (!way.inside && way.how != READ_PLAIN) line[r] = v_keep(v_mask(0u - (unsigned)(o->live >> i & 1)), line[r]);
        }
        wino_input(f, line, out);
        UNROLL_FOR (int r = begin; r < end; r++) t[r - begin][j] = out[r];
    }
    UNROLL_FOR (int r = begin; r < end; r++) {
        vf out[WINO_N_MAX];
        wino_input(f, t[r - begin], out);
        UNROLL_FOR (int j = 0; j < n; j++) v_store(to + (r * n + j) * plane, out[j]);
    }
}

/* Rows of points are made in up to three passes, so that what lies between the two transforms stays in registers; pixels are read anew in
 * each, and no multiply-add is done twice: what the points of a pair have in common is in one pass. The first row of each: */
enum { WINO_PASSES = 3, ALL_PASSES = WINO_PASSES };
INLINE int wino_pass(const struct wino *f, const int pass)
{
    const int n = wino_n(f);
    if (pass == 0) return 0;
    return pass == 1 && n >= 5 ? 3 : pass == 2 && n >= 7 ? 5 : n;
}

/* One pass, or all; spelled out, so that rows are constants. */
INLINE void wino_input_pass(const struct wino *f, const struct wino_pixels *o, ptrdiff_t at, float *to, ptrdiff_t plane,
                            const struct wino_way way, const int pass)
{
    if (pass == ALL_PASSES || pass == 0) wino_input_rows(f, o, at, to, plane, way, wino_pass(f, 0), wino_pass(f, 1));
    if (pass == ALL_PASSES || pass == 1) wino_input_rows(f, o, at, to, plane, way, wino_pass(f, 1), wino_pass(f, 2));
    if (pass == ALL_PASSES || pass == 2) wino_input_rows(f, o, at, to, plane, way, wino_pass(f, 2), wino_pass(f, 3));
}

/* Some channels of a tile, its parts to v[part][point * plane + channel * step], from the first on. Columns that neighbouring tiles
 * share are transformed anew: keeping them in memory cost more. */
INLINE void wino_input_tile_as(const struct wino *f, const struct wino_pixels *o, struct span channels, float *const *v, ptrdiff_t plane,
                               const int step, const int pass, const enum wino_reading how)
{
    const struct through *t = o->through;
    for (int part = 0; part < PARTS; part++) {
        for (int c = channels.begin; c < channels.end; c++) {
            const ptrdiff_t at = (ptrdiff_t)c * LANES + part * V;
            float *to = v[part] + (c - channels.begin) * step;
            const vf scale = how == READ_PLAIN ? v_zero() : v_set(t->scale[c]);
            const vf shift = how == READ_PLAIN ? v_zero() : v_set(t->shift[c]);
            if (o->inside) wino_input_pass(f, o, at, to, plane, (struct wino_way){ true, how, scale, shift }, pass);
            else wino_input_pass(f, o, at, to, plane, (struct wino_way){ false, how, scale, shift }, pass);
        }
    }
}
INLINE void wino_input_tile_of(const struct wino *f, const struct wino_pixels *o, struct span channels, float *const *v, ptrdiff_t plane,
                               const int step, const int pass)
{
    const bool through = f->m == 4 && f->r <= 3 && o->through; /* nobody else promises it */
    if (through && o->through->relu) wino_input_tile_as(f, o, channels, v, plane, step, pass, READ_RELU);
    else if (through) wino_input_tile_as(f, o, channels, v, plane, step, pass, READ_SCALED);
    else wino_input_tile_as(f, o, channels, v, plane, step, pass, READ_PLAIN);
}

/* What becomes of outputs as they are stored: max(y, 0); or, `by` not NULL, 0 where its value in the place of y, of the tensor at `base`,
 * is not above zero. Nobody wants what is stored at `dump`. */
struct wino_gate {
    bool relu;
    const float *by, *base, *dump;
};

/* One row of a tile's outputs, of one channel. */
INLINE void wino_store(const struct wino *f, const struct wino_gate *g, vf *out, float *const *py, ptrdiff_t at)
{
    if (g->relu) {
        UNROLL_FOR (int j = 0; j < f->m; j++) out[j] = v_max(out[j], v_zero());
    } else if (g->by) {
        UNROLL_FOR (int j = 0; j < f->m; j++) {
            const float *by = py[j] == g->dump ? g->dump : g->by + (py[j] - g->base);
            out[j] = v_keep(v_gt(v_load(by + at), v_zero()), out[j]);
        }
    }
    UNROLL_FOR (int j = 0; j < f->m; j++) v_store(py[j] + at, out[j]);
}

/* m[point * plane + channel * V] to pixels py[M * M] + at, for at most MAX_CHANNELS channels; bias NULL or one per channel. */
INLINE void wino_output_tile_of(const struct wino *f, const float *m, ptrdiff_t plane, const float *bias, float *const *py, ptrdiff_t at,
                                int channels, const struct wino_gate *gate)
{
    const int n = wino_n(f);
    float t[WINO_M * WINO_N_MAX * MAX_CHANNELS * V];
    const int line_floats = MAX_CHANNELS * V;
    for (int j = 0; j < n; j++, m += plane) {
        for (int c = 0; c < channels; c++) {
            vf line[WINO_N_MAX], out[WINO_M];
            UNROLL_FOR (int r = 0; r < n; r++) line[r] = v_load(m + r * n * plane + c * V);
            wino_output(f, line, out);
            UNROLL_FOR (int r = 0; r < f->m; r++) v_store(t + (r * n + j) * line_floats + c * V, out[r]);
        }
    }
    for (int r = 0; r < f->m; r++) {
        for (int c = 0; c < channels; c++) {
            vf line[WINO_N_MAX], out[WINO_M], b = bias ? v_set(bias[c]) : v_zero();
            UNROLL_FOR (int j = 0; j < n; j++) line[j] = v_load(t + (r * n + j) * line_floats + c * V);
            wino_output(f, line, out);
            UNROLL_FOR (int j = 0; j < f->m; j++) out[j] = v_add(out[j], b);
            wino_store(f, gate, out, py + r * f->m, at + c * LANES);
        }
    }
}

/* Pixels py[M * M] of dy to d[point * plane + channel * 16]. */
INLINE void wino_gradient_tile_of(const struct wino *f, const float *const *py, int channels, float *d, ptrdiff_t plane)
{
    const int n = wino_n(f);
    float t[WINO_N_MAX * WINO_M * WINO_LINE];
    for (ptrdiff_t at = 0; at < (ptrdiff_t)channels * LANES; at += WINO_LINE, d += WINO_LINE) {
        const int count = (ptrdiff_t)channels * LANES - at < WINO_LINE ? (int)((ptrdiff_t)channels * LANES - at) : WINO_LINE;
        for (int j = 0; j < f->m; j++) {
            for (int i = 0; i < count; i += V) {
                vf line[WINO_M], out[WINO_N_MAX];
                UNROLL_FOR (int r = 0; r < f->m; r++) line[r] = v_load(py[r * f->m + j] + at + i);
                wino_gradient(f, line, out);
                UNROLL_FOR (int r = 0; r < n; r++) v_store(t + (r * f->m + j) * WINO_LINE + i, out[r]);
            }
        }
        for (int r = 0; r < n; r++) {
            for (int i = 0; i < count; i += V) {
                vf line[WINO_M], out[WINO_N_MAX];
                UNROLL_FOR (int j = 0; j < f->m; j++) line[j] = v_load(t + (r * f->m + j) * WINO_LINE + i);
                wino_gradient(f, line, out);
                UNROLL_FOR (int j = 0; j < n; j++) v_store(d + (r * n + j) * plane + i, out[j]);
            }
        }
    }
}

/* Floats [begin, end) of a tile's M x M pixels of dy through both transforms in one pass, d[point * plane + float - begin]; their sums over
 * pixels are added to bias[float]. */
INLINE void wino_gradient_lanes_of(const struct wino *f, const float *const *py, ptrdiff_t begin, ptrdiff_t end, float *d, ptrdiff_t plane,
                                   float *bias)
{
    const int n = wino_n(f);
    for (ptrdiff_t at = begin; at < end; at += V, d += V) {
        vf t[WINO_N_MAX][WINO_M], sum = v_zero();
        UNROLL_FOR (int j = 0; j < f->m; j++) {
            vf line[WINO_M], out[WINO_N_MAX];
            UNROLL_FOR (int r = 0; r < f->m; r++) line[r] = v_load(py[r * f->m + j] + at);
            vf column = line[0];
            UNROLL_FOR (int r = 1; r < f->m; r++) column = v_add(column, line[r]);
            sum = v_add(sum, column);
            wino_gradient(f, line, out);
            UNROLL_FOR (int r = 0; r < n; r++) t[r][j] = out[r];
        }
        v_store(bias + at, v_add(v_load(bias + at), sum));
        UNROLL_FOR (int r = 0; r < n; r++) {
            vf out[WINO_N_MAX];
            wino_gradient(f, t[r], out);
            UNROLL_FOR (int j = 0; j < n; j++) v_store(d + (r * n + j) * plane, out[j]);
        }
    }
}

/* V of dw[R * R] = Gt m G; points of m and taps of dw lie m_plane and step floats apart. */
INLINE void wino_back_of(const struct wino *f, float g[WINO_N_MAX][WINO_N_MAX], const float *m, ptrdiff_t m_plane, float *dw,
                         ptrdiff_t step)
{
    const int n = wino_n(f);
    vf t[WINO_N_MAX][WINO_N_MAX];
    UNROLL_FOR (int j = 0; j < n; j++) {
        UNROLL_FOR (int r = 0; r < f->r; r++) t[r][j] = v_zero();
        UNROLL_FOR (int i = 0; i < n; i++) {
            const vf at = v_load(m + (i * n + j) * m_plane);
            UNROLL_FOR (int r = 0; r < f->r; r++) t[r][j] = v_fma(at, v_set(g[i][r]), t[r][j]);
        }
    }
    UNROLL_FOR (int r = 0; r < f->r; r++) {
        UNROLL_FOR (int s = 0; s < f->r; s++) {
            vf sum = v_zero();
            UNROLL_FOR (int j = 0; j < n; j++) sum = v_fma(t[r][j], v_set(g[j][s]), sum);
            v_store(dw + (r * f->r + s) * step, sum);
        }
    }
}

/* ---- all points ----
 * They are constants where the transforms are unrolled, hence the branches: each is compiled once, whoever needs it. */

static void wino_input_tile(const struct wino *f, const struct wino_pixels *o, struct span channels, float *const *v, ptrdiff_t plane,
                            int step, int pass)
{
    if (f->m == 2) wino_input_tile_of(&wino2, o, channels, v, plane, step, pass);
    else if (f->r == 2) wino_input_tile_of(&wino2x2, o, channels, v, plane, step, pass);
    else if (f->r == 3) wino_input_tile_of(&wino3, o, channels, v, plane, step, pass);
    else if (f->r == 4) wino_input_tile_of(&wino4x4, o, channels, v, plane, step, pass);
    else wino_input_tile_of(&wino5, o, channels, v, plane, step, pass);
}

static void wino_output_tile(const struct wino *f, const float *m, ptrdiff_t plane, const float *bias, float *const *py, ptrdiff_t at,
                             int channels, const struct wino_gate *gate)
{
    if (f->m == 2) wino_output_tile_of(&wino2, m, plane, bias, py, at, channels, gate);
    else if (f->r == 2) wino_output_tile_of(&wino2x2, m, plane, bias, py, at, channels, gate);
    else if (f->r == 3) wino_output_tile_of(&wino3, m, plane, bias, py, at, channels, gate);
    else if (f->r == 4) wino_output_tile_of(&wino4x4, m, plane, bias, py, at, channels, gate);
    else wino_output_tile_of(&wino5, m, plane, bias, py, at, channels, gate);
}

static void wino_gradient_tile(const struct wino *f, const float *const *py, int channels, float *d, ptrdiff_t plane)
{
    if (f->m == 2) wino_gradient_tile_of(&wino2, py, channels, d, plane);
    else if (f->r == 2) wino_gradient_tile_of(&wino2x2, py, channels, d, plane);
    else if (f->r == 3) wino_gradient_tile_of(&wino3, py, channels, d, plane);
    else if (f->r == 4) wino_gradient_tile_of(&wino4x4, py, channels, d, plane);
    else wino_gradient_tile_of(&wino5, py, channels, d, plane);
}

static void wino_gradient_lanes(const struct wino *f, const float *const *py, ptrdiff_t begin, ptrdiff_t end, float *d, ptrdiff_t plane,
                                float *bias)
{
    if (f->m == 2) wino_gradient_lanes_of(&wino2, py, begin, end, d, plane, bias);
    else if (f->r == 2) wino_gradient_lanes_of(&wino2x2, py, begin, end, d, plane, bias);
    else if (f->r == 3) wino_gradient_lanes_of(&wino3, py, begin, end, d, plane, bias);
    else if (f->r == 4) wino_gradient_lanes_of(&wino4x4, py, begin, end, d, plane, bias);
    else wino_gradient_lanes_of(&wino5, py, begin, end, d, plane, bias);
}

static void wino_back(const struct wino *f, float g[WINO_N_MAX][WINO_N_MAX], const float *m, ptrdiff_t m_plane, float *dw, ptrdiff_t step)
{
    if (f->m == 2) wino_back_of(&wino2, g, m, m_plane, dw, step);
    else if (f->r == 2) wino_back_of(&wino2x2, g, m, m_plane, dw, step);
    else if (f->r == 3) wino_back_of(&wino3, g, m, m_plane, dw, step);
    else if (f->r == 4) wino_back_of(&wino4x4, g, m, m_plane, dw, step);
    else wino_back_of(&wino5, g, m, m_plane, dw, step);
}

#endif
