/* SPDX-License-Identifier: MIT
 * conv "winograd1d", for one input channel: F(4,R) along the row, R = 3, 5, 7; the R kernel rows are summed in the transform domain. A
 * two-dimensional tile has no channels to sum there, so its transforms would cost more than they save: one input feeds all K outputs, but
 * each output pays for its own way back. Along the row alone N = R + 3 products give four outputs of one kernel row (10 for 28 at R = 7),
 * and the way back is paid once for R rows. us from "direct" to this at best, AVX2, Zen 3, n64c1h28k32, forward and
 * backward-weights: 7x7 1526 -> 1246 and 2861 -> 1825, 5x5 882 -> 801 and 1621 -> 1191, 3x3 404 -> 570 (stays direct's) and 689 -> 523.
 *
 * Per point of the transform (conv_winograd.h says which) a column of tiles is a one-dimensional convolution down the image, so both of
 * direct's register tiles are used as they are: forward as a tile whose contiguous run is the kernel's rows, taps outside the image left
 * out; backward-weights as sums whose columns are image rows and whose rows are tiles. Backward-data of a first layer is never asked for
 * in training and is direct's.
 *
 * Work is cut into patches that fit a small cache; neither they nor spans change forward's bits. Outputs that are not there read as zeros
 * in backward-weights and are not stored in forward. */
#ifndef SIMD_CONV_WINOGRAD1D_H
#define SIMD_CONV_WINOGRAD1D_H

#include "../kernels.h"
#include "conv_direct.h"
#include "conv_weights.h"
#include "conv_winograd.h"
#include "planes.h"
#include "winograd_transforms.h"

enum { WINO1_TILES = 8, WINO1_ROWS = 8, WINO1_GRAIN = 4, WINO1_CHUNK_PIXELS = 256, WINO1_GROUP = 4 };

static inline const struct wino *wino1_of(const struct conv *p) { return p->r == 3 ? &wino3 : p->r == 5 ? &wino5 : &wino7; }

/* ---- patches ---- */

/* Output rows [i, i + rows) of a block and tiles [j, j + tiles) of each, and the input rows [h, h + inputs) that they see. */
struct wino1_patch {
    int block, i, rows, j, tiles, h, inputs;
};

/* The patch at output row `row` of B * P and tile j, inside the span: as high and wide as the limits allow, the rest cut evenly. */
static inline struct wino1_patch wino1_patch_at(const struct conv *p, struct span rows, int row, int j)
{
    struct wino1_patch a = { .block = row / p->p, .i = row % p->p, .j = j };
    const int high = least(p->p - a.i, rows.end - row), wide = (p->q + WINO_M - 1) / WINO_M - j;
    a.rows = high / ((high + WINO1_ROWS - 1) / WINO1_ROWS);
    a.tiles = wide / ((wide + WINO1_TILES - 1) / WINO1_TILES);
    a.h = largest(a.i - p->top, 0);
    a.inputs = least(a.i + a.rows - 1 - p->top + p->r, p->h) - a.h;
    return a;
}

/* The next patch, columns first; false behind the last. */
static inline bool wino1_patch_next(const struct conv *p, struct span rows, struct wino1_patch *a)
{
    const int row = a->block * p->p + a->i, j = a->j + a->tiles;
    const bool across = j * WINO_M < p->q;
    if (!across && row + a->rows >= rows.end) return false;
    *a = across ? wino1_patch_at(p, rows, row, j) : wino1_patch_at(p, rows, row + a->rows, 0);
    return true;
}

/* Floats of a patch's transformed inputs per point, and of its transformed gradients of WINO1_GROUP channels. */
static inline ptrdiff_t wino1_v_plane(int r) { return (ptrdiff_t)WINO1_TILES * (WINO1_ROWS + r - 1) * LANES + LANES; }
enum { WINO1_D_PLANE = WINO1_TILES * WINO1_ROWS * WINO1_GROUP * LANES + LANES };

/* v[point][tile], then rows and parts so far apart, in floats. */
INLINE void wino1_inputs(const struct wino *f, const struct conv *p, const struct wino1_patch *a, const float *x, float *v,
                         ptrdiff_t row_step, ptrdiff_t part_step)
{
    const int n = wino_n(f);
    const ptrdiff_t plane = wino1_v_plane(f->r);
    for (int h = 0; h < a->inputs; h++) {
        const float *from = x + ((ptrdiff_t)a->block * p->h + a->h + h) * p->w * LANES;
        for (int t = 0; t < a->tiles; t++) {
            const int w = (a->j + t) * WINO_M - p->left;
            const bool inside = w >= 0 && w + n <= p->w;
            for (int part = 0; part < PARTS; part++) {
                float *to = v + (ptrdiff_t)t * a->inputs * LANES + h * row_step + part * part_step;
                vf line[WINO_N_MAX], out[WINO_N_MAX];
                if (inside) {
                    UNROLL_FOR (int s = 0; s < n; s++) line[s] = v_load(from + (ptrdiff_t)(w + s) * LANES + part * V);
                } else {
                    UNROLL_FOR (int s = 0; s < n; s++) {
                        line[s] = w + s >= 0 && w + s < p->w ? v_load(from + (ptrdiff_t)(w + s) * LANES + part * V) : v_zero();
                    }
                }
                wino_input(f, line, out);
                UNROLL_FOR (int s = 0; s < n; s++) v_store(to + s * plane, out[s]);
            }
        }
    }
}

/* ---- forward ---- */

static inline ptrdiff_t wino1_u_plane(const struct conv *p) { return (ptrdiff_t)p->r * p->k + LANES; }

/* u[point][tile of K][R][channels of the tile] of w[K][R][S]: lanes run over rows and channels, so they are stored as they come. */
static inline void wino1_pack(const struct wino *f, const struct conv *p, const struct tile_row *tiles, const float *w, float *u)
{
    const int n = wino_n(f);
    float g[WINO_N_MAX][WINO_N_MAX], taps[WINO_N_MAX * LANES] = { 0 }, points[WINO_N_MAX * LANES];
    wino_g(f, g);
    for (int k = 0, channels; k < p->k; k += channels) {
        channels = tile_pick(tiles, p->k, p->k - k)->channels;
        for (int first = 0, lanes; first < p->r * channels; first += lanes, u += lanes) {
            lanes = least(p->r * channels - first, LANES);
            for (int i = 0; i < lanes; i++) {
                const int r = (first + i) / channels, output = k + (first + i) % channels;
                for (int s = 0; s < p->s; s++) taps[s * LANES + i] = w[((ptrdiff_t)output * p->r + r) * p->s + s];
            }
            for (int point = 0; point < n; point++) {
                for (int part = 0; part < LANES; part += V) {
                    vf sum = v_mul(v_load(taps + part), v_set(g[point][0]));
                    for (int s = 1; s < p->s; s++) sum = v_fma(v_load(taps + s * LANES + part), v_set(g[point][s]), sum);
                    v_store(points + point * LANES + part, sum);
                }
                memcpy(u + point * wino1_u_plane(p), points + point * LANES, sizeof *u * (size_t)lanes);
            }
        }
    }
}

/* m[point * plane + channel * V] to `wanted` neighbouring pixels of y, `pixel` floats apart. */
INLINE void wino1_outputs(const struct wino *f, const float *m, ptrdiff_t plane, int channels, const float *bias, float *y, ptrdiff_t pixel,
                          int wanted)
{
    for (int c = 0; c < channels; c++, m += V, y += LANES) {
        vf line[WINO_N_MAX], out[WINO_M], b = bias ? v_set(bias[c]) : v_zero();
        UNROLL_FOR (int j = 0; j < wino_n(f); j++) line[j] = v_load(m + j * plane);
        wino_output(f, line, out);
        if (wanted == WINO_M) {
            UNROLL_FOR (int j = 0; j < WINO_M; j++) v_store(y + j * pixel, v_add(out[j], b));
        } else {
            UNROLL_FOR (int j = 0; j < WINO_M; j++) {
                if (j < wanted) v_store(y + j * pixel, v_add(out[j], b));
            }
        }
    }
}

/* What rows are made with: packed weights, room for transformed inputs and for products. */
struct wino1_pass {
    const struct tile_row *tiles;
    const float *u, *bias;
    float *v, *m;
};

/* Output row i of a patch, at y; vectors are the parts of its tiles. */
INLINE void wino1_row(const struct wino *f, const struct conv *p, const struct wino1_patch *a, int i, const struct wino1_pass *pass,
                      float *y)
{
    const struct tile_row *tiles = pass->tiles;
    const float *bias = pass->bias;
    const int vectors = a->tiles * PARTS, width = tile_pick(tiles, p->k, p->k)->pixels, top = a->i + i - p->top;
    const int first_tap = top < 0 ? -top : 0, taps = least(p->r, p->h - top) - first_tap;
    const ptrdiff_t pixel = (ptrdiff_t)p->k * LANES;
    struct tile t = { .rows = 1,
                      .taps = 1,
                      .run = taps,
                      .groups = 1,
                      .planes = wino_n(f),
                      .x_plane = wino1_v_plane(f->r),
                      .y_plane = MAX_PIXELS * MAX_CHANNELS * V + LANES,
                      .w_plane = wino1_u_plane(p) };
    for (int first = 0; first < vectors; first += t.pixels) {
        const int left = vectors - first;
        t.pixels = left >= 2 * width ? width : left > width ? (left + 1) / 2 : left;
        for (int n = 0; n < t.pixels; n++) t.x[n] = pass->v + ((ptrdiff_t)(first + n) * a->inputs + top + first_tap - a->h) * V;
        const struct tile_row *row;
        for (int k = 0; k < p->k; k += row->channels) {
            row = tile_pick(tiles, p->k, p->k - k);
            t.w = pass->u + (ptrdiff_t)k * p->r + first_tap * row->channels;
            for (int n = 0; n < t.pixels; n++) {
                const int column = (a->j + (first + n) / PARTS) * WINO_M, wanted = least(p->q - column, WINO_M);
                t.y[n] = pass->m + (ptrdiff_t)n * row->channels * V;
                if (n > 0 && (first + n) % PARTS) continue; /* those lines have been asked for */
                for (int j = 0; j < wanted; j++) {
                    for (int c = 0; c < row->channels; c++) v_prefetch(y + (column + j) * pixel + (ptrdiff_t)(k + c) * LANES);
                }
            }
            row->run(&t);
            for (int n = 0; n < t.pixels; n++) {
                const int column = (a->j + (first + n) / PARTS) * WINO_M;
                wino1_outputs(f, t.y[n], t.y_plane, row->channels, bias ? bias + k : NULL,
                              y + column * pixel + (ptrdiff_t)k * LANES + (first + n) % PARTS * V, pixel, least(p->q - column, WINO_M));
            }
        }
    }
}

INLINE void wino1_fwd(const struct wino *f, const struct conv *p, const struct tile_row *tiles, struct span rows, const float *x,
                      const float *packed, const float *b, float *y, float *scratch)
{
    const struct wino1_pass pass = { tiles, packed, b, scratch, scratch + wino_n(f) * wino1_v_plane(f->r) };
    if (rows.begin >= rows.end) return;
    struct wino1_patch a = wino1_patch_at(p, rows, rows.begin, 0);
    do {
        wino1_inputs(f, p, &a, x, pass.v, V, (ptrdiff_t)a.inputs * V);
        for (int i = 0; i < a.rows; i++) { wino1_row(f, p, &a, i, &pass, y + ((ptrdiff_t)a.block * p->p + a.i + i) * p->q * p->k * LANES); }
    } while (wino1_patch_next(p, rows, &a));
}

/* ---- backward-weights ---- */

/* d[point][tile][row][channels][16] of the patch's dy, channels [k, k + channels), and their sums, bias[channel]. */
INLINE void wino1_gradients(const struct wino *f, const struct conv *p, const struct wino1_patch *a, const float *dy, int k, int channels,
                            float *d, float *bias)
{
    const ptrdiff_t pixel = (ptrdiff_t)p->pitch * LANES;
    float acc[WINO1_GROUP * LANES] = { 0 };
    for (int i = 0; i < a->rows; i++) {
        const float *row = dy + (((ptrdiff_t)a->block * p->p + a->i + i) * p->q * p->pitch + k) * LANES;
        for (int t = 0; t < a->tiles; t++) {
            const int column = (a->j + t) * WINO_M, wanted = least(p->q - column, WINO_M);
            const float *from = row + column * pixel;
            float *to = d + ((ptrdiff_t)t * a->rows + i) * channels * LANES;
            for (int at = 0; at < channels * LANES; at += V) {
                vf line[WINO_M], out[WINO_N_MAX];
                UNROLL_FOR (int j = 0; j < WINO_M; j++) line[j] = j < wanted ? v_load(from + j * pixel + at) : v_zero();
                v_store(acc + at, v_add(v_load(acc + at), v_add(v_add(line[0], line[1]), v_add(line[2], line[3]))));
                wino_gradient(f, line, out);
                UNROLL_FOR (int j = 0; j < wino_n(f); j++) v_store(to + (ptrdiff_t)j * WINO1_D_PLANE + at, out[j]);
            }
        }
    }
    v_sum4(acc, bias);
}

/* Kernel rows go in groups as large as there are tiles for: all that are left, or four of seven. */
static inline bool wino1_tile(const struct sums_row *tiles, int channels, int taps)
{
    while (tiles->k && (tiles->k != channels || tiles->c != 1 || tiles->taps != taps)) tiles++;
    return tiles->k != 0;
}
static inline int wino1_rows(const struct sums_row *tiles, int channels, int left)
{
    return wino1_tile(tiles, channels, left) ? left : left == 7 && wino1_tile(tiles, channels, 4) ? 4 : tap_group(left);
}

/* Adds the patch's sums of one point for channels [k, k + channels) to total[R][K rounded up]. */
static inline void wino1_point(const struct conv *p, const struct wino1_patch *a, const struct sums_row *tiles, const float *v,
                               const float *d, int k, int channels, float *total)
{
    const float *dy[WINO1_TILES], *x[WINO1_TILES];
    float acc[MAX_SUMS * LANES], sum[MAX_SUMS];
    int low[MAX_TAPS], high[MAX_TAPS];
    struct sums job = { .dy = dy,
                        .x = x,
                        .rows = a->tiles,
                        .q = a->rows,
                        .dy_pixel = (ptrdiff_t)channels * LANES,
                        .x_pixel = LANES,
                        .x_tap = LANES,
                        .low = low,
                        .high = high,
                        .out = acc };
    for (int r = 0, taps; r < p->r; r += taps) {
        taps = wino1_rows(tiles, channels, p->r - r);
        for (int t = 0; t < taps; t++) {
            const int above = p->top - r - t - a->i; /* the first output row whose tap is not above the image */
            low[t] = largest(above, 0);
            high[t] = least(above + p->h, a->rows);
        }
        for (int t = 0; t < a->tiles; t++) {
            dy[t] = d + (ptrdiff_t)t * a->rows * channels * LANES;
            x[t] = v + ((ptrdiff_t)t * a->inputs + a->i - p->top + r - a->h) * LANES;
        }
        const struct sums_row *tile = sums_pick(tiles, channels, 1, taps);
        const int count = channels * taps;
        for (int i = count; i % 4; i++) memset(acc + i * LANES, 0, LANES * sizeof *acc);
        for (int part = 0; part < PARTS; part++) {
            job.offset = part * V;
            tile->run(&job);
        }
        for (int i = 0; i < count; i += 4) v_sum4(acc + i * LANES, sum + i);
        for (int t = 0; t < taps; t++) {
            float *to = total + (ptrdiff_t)(r + t) * whole_lanes(p->k) + k;
            for (int i = 0; i < channels; i++) to[i] += sum[i * taps + t];
        }
    }
}

/* dw[K][R][S] = G^T total[point][R][K rounded up]. */
static inline void wino1_weights_back(const struct wino *f, const struct conv *p, const float *total, float *dw)
{
    const int row = whole_lanes(p->k);
    float g[WINO_N_MAX][WINO_N_MAX], out[LANES];
    wino_g(f, g);
    for (int k = 0; k < p->k; k += V) {
        for (int r = 0; r < p->r; r++) {
            for (int s = 0; s < p->s; s++) {
                vf sum = v_zero();
                for (int point = 0; point < wino_n(f); point++) {
                    sum = v_fma(v_load(total + ((ptrdiff_t)point * p->r + r) * row + k), v_set(g[point][s]), sum);
                }
                v_store(out, sum);
                for (int i = 0; i < least(p->k - k, V); i++) dw[((ptrdiff_t)(k + i) * p->r + r) * p->s + s] = out[i];
            }
        }
    }
}

INLINE void wino1_bwd_weights(const struct wino *f, const struct conv *p, const struct sums_row *tiles, struct span rows, const float *dy,
                              const float *x, float *dw, float *db, float *scratch)
{
    const int n = wino_n(f);
    const ptrdiff_t v_plane = wino1_v_plane(f->r), total_plane = (ptrdiff_t)p->r * whole_lanes(p->k);
    float *v = scratch, *d = v + n * v_plane, *total = d + (ptrdiff_t)n * WINO1_D_PLANE;
    memset(total, 0, sizeof *total * (size_t)(n * total_plane));
    if (db) memset(db, 0, sizeof *db * (size_t)p->k);
    if (rows.begin < rows.end) {
        struct wino1_patch a = wino1_patch_at(p, rows, rows.begin, 0);
        do {
            wino1_inputs(f, p, &a, x, v, LANES, V);
            for (int k = 0, channels; k < p->k; k += channels) {
                float bias[WINO1_GROUP];
                channels = channel_group(p->k - k);
                wino1_gradients(f, p, &a, dy, k, channels, d, bias);
                for (int i = 0; i < channels && db; i++) db[k + i] += bias[i];
                for (int point = 0; point < n; point++) {
                    wino1_point(p, &a, tiles, v + point * v_plane, d + (ptrdiff_t)point * WINO1_D_PLANE, k, channels,
                                total + point * total_plane);
                }
            }
        } while (wino1_patch_next(p, rows, &a));
    }
    wino1_weights_back(f, p, total, dw);
}

/* ---- what the row says ---- */

static inline bool wino1_supports(const struct conv *p)
{
    return p->c == 1 && p->k >= 4 && p->r == p->s && p->step == 1 && (p->r == 3 || p->r == 5 || p->r == 7);
}

static inline int wino1_grain(const struct conv *p, enum conv_direction direction)
{
    (void)p;
    return direction == CONV_BWD_DATA ? 1 : WINO1_GRAIN;
}

static inline size_t wino1_packed_bytes(const struct conv *p, enum conv_direction direction)
{
    if (direction == CONV_BWD_DATA) return direct_packed_bytes(p, direction);
    return sizeof(float) * (size_t)(wino_n(wino1_of(p)) * wino1_u_plane(p));
}

static inline size_t wino1_scratch_bytes(const struct conv *p)
{
    const int n = wino_n(wino1_of(p));
    const ptrdiff_t products = planes_m_floats(n), sums = n * (WINO1_D_PLANE + (ptrdiff_t)p->r * whole_lanes(p->k));
    return sizeof(float) * (size_t)(n * wino1_v_plane(p->r) + (products > sums ? products : sums));
}

#endif
