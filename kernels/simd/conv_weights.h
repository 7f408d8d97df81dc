/* SPDX-License-Identifier: MIT
 * conv "direct", backward-weights: dw[k][r][s][c] = sum over pixels and images of dy * x, by tiles of KT x CT x ST accumulators (output channels,
 * input channels, neighbouring taps of a kernel row), one vector of 16 image lanes each.
 *
 * Rows are taken in bands of about BAND_PIXELS output pixels, so that the tile's slice of dy stays in L1 while input channels and kernel rows
 * pass by; after a band every accumulator is summed over its lanes by the one fixed tree (v_sum4) and added to dw. Lane chains run over a band's
 * pixels in order, so the bits depend on the span and the problem, not on tile or ISA. Taps outside the image are skipped, never multiplied. */
#ifndef SIMD_CONV_WEIGHTS_H
#define SIMD_CONV_WEIGHTS_H

#include "../kernels.h"

enum { BAND_PIXELS = 96, MAX_SUMS = 24, MAX_BAND_ROWS = 128 };

struct sums {
    const float *const *dy, *const *x;      /* per row: first output pixel's first channel of the tile; x at column -left, tap s0 */
    int rows, q;                            /* rows in the band, output columns */
    ptrdiff_t dy_pixel, x_pixel, x_tap;     /* floats from one output column to the next, the same in x, and from tap to tap */
    ptrdiff_t offset;                       /* part of the block, in floats */
    const int *low, *high;                  /* per tap: output columns [low, high) whose tap is inside the image */
    float *out;                             /* [KT][CT][ST][16]; lanes offset … offset + V are written */
};

typedef void sums_fn(const struct sums *s);
struct sums_row { int k, c, taps; sums_fn *run; };      /* ended by k = 0; best first */

/* One output column whose taps are all inside the image: every vector is loaded once. */
INLINE void sums_column(const struct sums *s, vf *a, const float *dy, const float *x, const int KT, const int CT, const int ST)
{
    vf v[8];
    UNROLL for (int c = 0; c < CT; c++) {
        UNROLL for (int t = 0; t < ST; t++) v[c * ST + t] = v_load(x + c * LANES + t * s->x_tap);
    }
    UNROLL for (int k = 0; k < KT; k++) {
        vf d = v_load(dy + k * LANES);
        UNROLL for (int i = 0; i < CT * ST; i++) a[k * CT * ST + i] = v_fma(d, v[i], a[k * CT * ST + i]);
    }
}

/* One output column at the border: taps that fall outside are left out. */
INLINE void sums_border(const struct sums *s, vf *a, const float *dy, const float *x, int q, const int KT, const int CT, const int ST)
{
    UNROLL for (int t = 0; t < ST; t++) {
        if (q < s->low[t] || q >= s->high[t]) continue;
        UNROLL for (int c = 0; c < CT; c++) {
            vf v = v_load(x + c * LANES + t * s->x_tap);
            UNROLL for (int k = 0; k < KT; k++) a[(k * CT + c) * ST + t] = v_fma(v_load(dy + k * LANES), v, a[(k * CT + c) * ST + t]);
        }
    }
}

INLINE void sums_tile(const struct sums *s, const int KT, const int CT, const int ST)
{
    vf a[MAX_SUMS];
    UNROLL for (int i = 0; i < KT * CT * ST; i++) a[i] = v_zero();
    int first = s->q, last = 0, full_from = 0, full_to = s->q;      /* columns any tap sees; columns all taps see */
    for (int t = 0; t < ST; t++) {
        if (s->low[t] >= s->high[t]) { full_to = 0; continue; }
        if (s->low[t] < first) first = s->low[t];
        if (s->high[t] > last) last = s->high[t];
        if (s->low[t] > full_from) full_from = s->low[t];
        if (s->high[t] < full_to) full_to = s->high[t];
    }
    if (full_to < full_from) full_from = full_to = last;
    for (int row = 0; row < s->rows; row++) {
        const float *dy = s->dy[row] + s->offset, *x = s->x[row] + s->offset;
        for (int q = first; q < full_from; q++) sums_border(s, a, dy + q * s->dy_pixel, x + q * s->x_pixel, q, KT, CT, ST);
        for (int q = full_from; q < full_to; q++) sums_column(s, a, dy + q * s->dy_pixel, x + q * s->x_pixel, KT, CT, ST);
        for (int q = full_to; q < last; q++) sums_border(s, a, dy + q * s->dy_pixel, x + q * s->x_pixel, q, KT, CT, ST);
    }
    UNROLL for (int i = 0; i < KT * CT * ST; i++) v_store(s->out + i * LANES + s->offset, a[i]);
}

/* The first row of the table for exactly these output channels and taps that needs no more input channels than are left (one always does). */
static inline const struct sums_row *sums_pick(const struct sums_row *rows, int k, int c, int taps)
{
    while (rows->k != k || rows->c > c || rows->taps != taps) rows++;
    return rows;
}

/* Output channels go in fours; five and six as three and the rest, since a single one leaves the FMA pipes waiting. */
static inline int channel_group(int left) { return left == 5 || left == 6 ? 3 : left < 4 ? left : 4; }

/* Kernel columns go in groups of three; what would leave a single one goes as two and two. */
static inline int tap_group(int left) { return left == 1 || left == 2 ? left : left == 4 ? 2 : 3; }

/* A band: the span's output rows [begin, end), and for one kernel row r those whose input row exists. */
struct band { const float *dy[MAX_BAND_ROWS], *x[MAX_BAND_ROWS]; int rows; };

static inline void band_rows(struct band *band, const struct conv *p, struct span rows, int r, const float *dy, const float *x)
{
    band->rows = 0;
    for (int row = rows.begin; row < rows.end; row++) {
        int b = row / p->p, h = row % p->p * p->step + r - p->top;
        if (h < 0 || h >= p->h) continue;
        band->dy[band->rows] = dy + (ptrdiff_t)row * p->q * p->k * LANES;
        band->x[band->rows++] = x + (((ptrdiff_t)b * p->h + h) * p->w - p->left) * p->c * LANES;
    }
}

/* All input channels of one kernel row and tap group, for the tile of output channels that begins at k; adds to dw. */
static inline void band_taps(const struct conv *p, const struct sums_row *tiles, const struct band *band, int k, int channels, int r, int s, int taps,
                             float *dw)
{
    const float *dy[MAX_BAND_ROWS], *x[MAX_BAND_ROWS];
    float acc[MAX_SUMS * LANES], sum[MAX_SUMS];
    int low[3], high[3];
    for (int t = 0; t < taps; t++) {
        int need = p->left - s - t, room = p->w + need;                 /* 0 <= q * step - need < w */
        low[t] = need > 0 ? (need + p->step - 1) / p->step : 0;
        high[t] = room > 0 ? (room + p->step - 1) / p->step : 0;
        if (high[t] > p->q) high[t] = p->q;
    }
    struct sums job = { dy, x, band->rows, p->q, (ptrdiff_t)p->k * LANES, (ptrdiff_t)p->step * p->c * LANES, (ptrdiff_t)p->c * LANES, 0, low, high, acc };
    for (int row = 0; row < band->rows; row++) dy[row] = band->dy[row] + (ptrdiff_t)k * LANES;
    for (int c = 0; c < p->c; ) {
        const struct sums_row *tile = sums_pick(tiles, channels, p->c - c, taps);
        int count = tile->k * tile->c * tile->taps;
        for (int row = 0; row < band->rows; row++) x[row] = band->x[row] + ((ptrdiff_t)s * p->c + c) * LANES;
        for (int i = count; i < (count + 3) / 4 * 4 && i < MAX_SUMS; i++) memset(acc + i * LANES, 0, LANES * sizeof *acc);
        for (int part = 0; part < PARTS; part++) {
            job.offset = part * V;
            tile->run(&job);
        }
        for (int i = 0; i < count; i += 4) v_sum4(acc + i * LANES, sum + i);
        for (int i = 0; i < tile->k; i++) {
            for (int j = 0; j < tile->c; j++) {
                float *to = dw + (((ptrdiff_t)(k + i) * p->r + r) * p->s + s) * p->c + c + j;
                for (int t = 0; t < taps; t++) to[(ptrdiff_t)t * p->c] += sum[(i * tile->c + j) * taps + t];
            }
        }
        c += tile->c;
    }
}

/* db[k] += the sum over a band of dy. */
static inline void band_bias(const struct conv *p, struct span rows, const float *dy, float *db)
{
    const float *from = dy + (ptrdiff_t)rows.begin * p->q * p->k * LANES;
    ptrdiff_t pixels = (ptrdiff_t)(rows.end - rows.begin) * p->q, stride = (ptrdiff_t)p->k * LANES;
    for (int k = 0; k < p->k; k += 4) {
        float acc[4 * LANES] = { 0 }, sum[4];
        int channels = p->k - k < 4 ? p->k - k : 4;
        for (int part = 0; part < PARTS; part++) {
            vf a[4] = { v_zero(), v_zero(), v_zero(), v_zero() };
            const float *d = from + (ptrdiff_t)k * LANES + part * V;
            if (channels == 4) {
                for (ptrdiff_t i = 0; i < pixels; i++, d += stride) {
                    UNROLL for (int j = 0; j < 4; j++) a[j] = v_add(a[j], v_load(d + j * LANES));
                }
            } else {
                for (ptrdiff_t i = 0; i < pixels; i++, d += stride) {
                    for (int j = 0; j < channels; j++) a[j] = v_add(a[j], v_load(d + j * LANES));
                }
            }
            UNROLL for (int j = 0; j < 4; j++) v_store(acc + j * LANES + part * V, a[j]);
        }
        v_sum4(acc, sum);
        for (int j = 0; j < channels; j++) db[k + j] += sum[j];
    }
}

static inline void direct_bwd_weights(const struct conv *p, const struct sums_row *tiles, struct span rows, const float *dy, const float *x,
                                      float *dw, float *db)
{
    memset(dw, 0, sizeof *dw * (size_t)p->k * (size_t)p->r * (size_t)p->s * (size_t)p->c);
    if (db) memset(db, 0, sizeof *db * (size_t)p->k);
    int per_band = BAND_PIXELS / p->q > 0 ? BAND_PIXELS / p->q : 1;
    for (int begin = rows.begin; begin < rows.end; begin += per_band) {
        struct span part = { begin, begin + per_band < rows.end ? begin + per_band : rows.end };
        for (int r = 0; r < p->r; r++) {
            struct band band;
            band_rows(&band, p, part, r, dy, x);
            if (band.rows == 0) continue;
            for (int k = 0; k < p->k; ) {
                int channels = channel_group(p->k - k);
                for (int s = 0, taps; s < p->s; s += taps) {
                    taps = tap_group(p->s - s);
                    band_taps(p, tiles, &band, k, channels, r, s, taps, dw);
                }
                k += channels;
            }
        }
        if (db) band_bias(p, part, dy, db);
    }
}

#endif
