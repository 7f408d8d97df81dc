/* SPDX-License-Identifier: MIT
 * conv "direct", backward-weights: dw[k][r][s][c] = sum over pixels and images of dy * x, by tiles of KT x CT x ST accumulators (output
 * channels, input channels, neighbouring taps of a kernel row), one vector of 16 image lanes each.
 *
 * Rows are taken in bands of about BAND_PIXELS output pixels. After a band every accumulator is summed over its lanes by the one fixed tree
 * (v_sum4) and added to dw. Lane chains run over a band's pixels in order, so the bits depend on the span and the problem, not on tile
 * or ISA. Taps outside the image are skipped, never multiplied.
 *
 * A tile reads four of the K channels of dy and one of the C channels of x: slices with a stride of many cache lines, which fall on a
 * few sets of L1 and evict each other. So both are copied first, dy per tile and x per group of channels, where enough products share
 * the copy (3517 -> 2408 us on n64c16h26k16r3pad0; dy alone, 2048 -> 1402 on n32c1h28k32r7pad3; AVX2, Zen 3). */
#ifndef SIMD_CONV_WEIGHTS_H
#define SIMD_CONV_WEIGHTS_H

#include "../kernels.h"

enum { BAND_PIXELS = 96, MAX_SUMS = 24, MAX_TAPS = 5, MAX_BAND_ROWS = BAND_PIXELS, COPY_CHANNELS = 16, COPY_FROM = 4 };

struct sums {
    const float *const *dy, *const *x;  /* per row: first output pixel's first channel of the tile; x at column -left, tap s0 */
    int rows, q;                        /* rows in the band, output columns */
    ptrdiff_t dy_pixel, x_pixel, x_tap; /* floats from one output column to the next, the same in x, and from tap to tap */
    ptrdiff_t x_channel;                /* floats from one input channel to the next */
    ptrdiff_t offset;                   /* part of the block, in floats */
    const int *low, *high;              /* per tap: output columns [low, high) whose tap is inside the image */
    float *out;                         /* [KT][CT][ST][16]; lanes offset … offset + V are written */
};

typedef void sums_fn(const struct sums *s);
struct sums_row {
    int k, c, taps;
    sums_fn *run;
}; /* ended by k = 0; best first */

/* One output column whose taps are all inside the image: every vector is loaded once. */
INLINE void sums_column(const struct sums *s, vf *a, const float *dy, const float *x, const int KT, const int CT, const int ST)
{
    vf v[8];
    UNROLL_FOR (int c = 0; c < CT; c++) {
        UNROLL_FOR (int t = 0; t < ST; t++) v[c * ST + t] = v_load(x + c * s->x_channel + t * s->x_tap);
    }
    UNROLL_FOR (int k = 0; k < KT; k++) {
        vf d = v_load(dy + k * LANES);
        UNROLL_FOR (int i = 0; i < CT * ST; i++) a[k * CT * ST + i] = v_fma(d, v[i], a[k * CT * ST + i]);
    }
}

/* One output column at the border: taps that fall outside are left out. */
INLINE void sums_border(const struct sums *s, vf *a, const float *dy, const float *x, int q, const int KT, const int CT, const int ST)
{
    UNROLL_FOR (int t = 0; t < ST; t++) {
        if (q < s->low[t] || q >= s->high[t]) continue;
        UNROLL_FOR (int c = 0; c < CT; c++) {
            vf v = v_load(x + c * s->x_channel + t * s->x_tap);
            UNROLL_FOR (int k = 0; k < KT; k++) a[(k * CT + c) * ST + t] = v_fma(v_load(dy + k * LANES), v, a[(k * CT + c) * ST + t]);
        }
    }
}

INLINE void sums_tile(const struct sums *s, const int KT, const int CT, const int ST)
{
    vf a[MAX_SUMS];
    UNROLL_FOR (int i = 0; i < KT * CT * ST; i++) a[i] = v_zero();
    int first = s->q, last = 0, full_from = 0, full_to = s->q; /* columns any tap sees; columns all taps see */
    for (int t = 0; t < ST; t++) {
        if (s->low[t] >= s->high[t]) {
            full_to = 0;
            continue;
        }
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
    UNROLL_FOR (int i = 0; i < KT * CT * ST; i++) v_store(s->out + i * LANES + s->offset, a[i]);
}

/* The first row of the table for exactly these output channels and taps that needs no more input channels than are left (one always
 * does). */
static inline const struct sums_row *sums_pick(const struct sums_row *rows, int k, int c, int taps)
{
    while (rows->k != k || rows->c > c || rows->taps != taps) rows++;
    return rows;
}

/* Output channels go in fours; five and six as three and the rest, since a single one leaves the FMA pipes waiting. */
static inline int channel_group(int left) { return left == 5 || left == 6 ? 3 : left < 4 ? left : 4; }

/* Kernel columns go in groups of three; what would leave a single one goes as two and two. */
static inline int tap_group(int left) { return left == 1 || left == 2 ? left : left == 4 ? 2 : 3; }

/* A band of output rows [begin, end) of B*P, at most MAX_BAND_ROWS, and where its operands stand: in the tensors or in the worker's
 * copies. */
struct band {
    const struct conv *p;
    struct span rows;
    const float *dy, *x;       /* the tensors */
    float *dy_copy, *x_copy;   /* [pixels][channels of the tile][16]; [channels of the group][rows][W][16]; NULL: not copied */
    int copied_rows;           /* rows of x_copy */
    int copied[MAX_BAND_ROWS]; /* per output row: where input row p * step - top stands in x_copy (may be outside) */
};

static inline int band_height(const struct conv *p) { return BAND_PIXELS / p->q > 1 ? BAND_PIXELS / p->q : 1; }

/* The most input rows a band can need: each run of output rows inside one block needs its own, and the kernel's overhang. */
static inline int band_input_rows(const struct conv *p)
{
    int rows = band_height(p);
    return rows * p->step + (rows / p->p + 2) * p->r;
}

static inline size_t direct_scratch_bytes(const struct conv *p)
{
    size_t dy = (size_t)band_height(p) * (size_t)p->q * 4;
    size_t x = p->c < COPY_FROM ? 0 : (size_t)COPY_CHANNELS * (size_t)band_input_rows(p) * (size_t)p->w;
    return (dy + x) * LANES * sizeof(float);
}

/* Copies the input rows of the band, channels [c, c + count), to planes; remembers which row went where. */
static inline void band_copy_x(struct band *band, int c, int count)
{
    const struct conv *p = band->p;
    const ptrdiff_t plane = (ptrdiff_t)band->copied_rows * p->w * LANES;
    int at = 0;
    for (int row = band->rows.begin, run; row < band->rows.end; row += run) {
        int b = row / p->p, first = row % p->p * p->step - p->top;
        run = p->p - row % p->p < band->rows.end - row ? p->p - row % p->p : band->rows.end - row;
        int from = first > 0 ? first : 0, last = first + (run - 1) * p->step + p->r, to = last < p->h ? last : p->h;
        for (int i = 0; i < run; i++) band->copied[row - band->rows.begin + i] = at + first - from + i * p->step;
        for (int h = from; h < to; h++, at++) {
            const float *src = band->x + (((ptrdiff_t)b * p->h + h) * p->w * p->c + c) * LANES;
            float *dst = band->x_copy + (ptrdiff_t)at * p->w * LANES;
            for (int w = 0; w < p->w; w++, src += (ptrdiff_t)p->c * LANES, dst += LANES) { /* x is read as it lies: from afar */
                for (int i = 0; i < count; i++) {
                    UNROLL_FOR (int v = 0; v < LANES; v += V) v_store(dst + i * plane + v, v_load(src + i * LANES + v));
                }
            }
        }
    }
}

/* Copies channels [k, k + count) of the band's dy. */
static inline void band_copy_dy(struct band *band, int k, int count)
{
    const struct conv *p = band->p;
    const float *src = band->dy + ((ptrdiff_t)band->rows.begin * p->q * p->pitch + k) * LANES;
    float *dst = band->dy_copy;
    for (int i = 0; i < (band->rows.end - band->rows.begin) * p->q; i++, src += (ptrdiff_t)p->pitch * LANES) {
        for (int v = 0; v < count * LANES; v += V, dst += V) v_store(dst, v_load(src + v));
    }
}

/* Row pointers of kernel row r for output channels from k and input channels from the group's first, c0; returns how many rows see the
 * image. */
static inline int band_pointers(const struct band *band, int k, int channels, int c0, int r, const float **dy, const float **x)
{
    const struct conv *p = band->p;
    int count = 0;
    for (int row = band->rows.begin; row < band->rows.end; row++) {
        int i = row - band->rows.begin, h = row % p->p * p->step + r - p->top;
        if (h < 0 || h >= p->h) continue;
        dy[count] = band->dy_copy ? band->dy_copy + (ptrdiff_t)i * p->q * channels * LANES
                                  : band->dy + ((ptrdiff_t)row * p->q * p->pitch + k) * LANES;
        x[count++] = band->x_copy ? band->x_copy + ((ptrdiff_t)(band->copied[i] + r) * p->w - p->left) * LANES
                                  : band->x + ((((ptrdiff_t)(row / p->p) * p->h + h) * p->w - p->left) * p->c + c0) * LANES;
    }
    return count;
}

/* Output channels [k, k + channels) against input channels [c, c + inputs) of a kernel row's taps (r, s) … (r, s + taps - 1). */
struct band_part {
    int k, channels, c, inputs, r, s, taps;
};

/* Their sums; adds to dw. */
static inline void band_taps(const struct band *band, const struct sums_row *tiles, const struct sums *shape, const float *const *x0,
                             const struct band_part *part, float *dw)
{
    const struct conv *p = band->p;
    const int taps = part->taps, s = part->s;
    const float *x[MAX_BAND_ROWS];
    float acc[MAX_SUMS * LANES], sum[MAX_SUMS];
    int low[MAX_TAPS], high[MAX_TAPS];
    struct sums job = *shape;
    for (int t = 0; t < taps; t++) {
        int need = p->left - s - t, room = p->w + need; /* 0 <= q * step - need < w */
        low[t] = need > 0 ? (need + p->step - 1) / p->step : 0;
        high[t] = room > 0 ? (room + p->step - 1) / p->step : 0;
        if (high[t] > p->q) high[t] = p->q;
    }
    job.x = x;
    job.low = low;
    job.high = high;
    job.out = acc;
    for (int c = 0; c < part->inputs;) {
        const struct sums_row *tile = sums_pick(tiles, part->channels, part->inputs - c, taps);
        int count = tile->k * tile->c * tile->taps;
        for (int row = 0; row < job.rows; row++) x[row] = x0[row] + s * job.x_tap + c * job.x_channel;
        for (int i = count; i % 4; i++) memset(acc + i * LANES, 0, LANES * sizeof *acc);
        for (int v = 0; v < LANES; v += V) {
            job.offset = v;
            tile->run(&job);
        }
        for (int i = 0; i < count; i += 4) v_sum4(acc + i * LANES, sum + i);
        for (int i = 0; i < tile->k; i++) {
            for (int j = 0; j < tile->c; j++) {
                float *to = dw + (((ptrdiff_t)(part->k + i) * p->r + part->r) * p->s + s) * p->c + part->c + c + j;
                for (int t = 0; t < taps; t++) to[(ptrdiff_t)t * p->c] += sum[(i * tile->c + j) * taps + t];
            }
        }
        c += tile->c;
    }
}

/* One tile of output channels against a group of input channels, all taps. */
static inline void band_tile(const struct band *band, const struct sums_row *tiles, int k, int channels, int c0, int inputs, float *dw)
{
    const struct conv *p = band->p;
    const float *dy[MAX_BAND_ROWS], *x[MAX_BAND_ROWS];
    ptrdiff_t x_column = (band->x_copy ? 1 : p->c) * (ptrdiff_t)LANES;
    struct sums job = { .dy = dy,
                        .q = p->q,
                        .dy_pixel = (ptrdiff_t)(band->dy_copy ? channels : p->pitch) * LANES,
                        .x_pixel = p->step * x_column,
                        .x_tap = x_column,
                        .x_channel = band->x_copy ? (ptrdiff_t)band->copied_rows * p->w * LANES : LANES };
    for (int r = 0; r < p->r; r++) {
        job.rows = band_pointers(band, k, channels, c0, r, dy, x);
        for (int s = 0, taps; s < p->s && job.rows > 0; s += taps) {
            taps = tap_group(p->s - s);
            band_taps(band, tiles, &job, x, &(struct band_part){ k, channels, c0, inputs, r, s, taps }, dw);
        }
    }
}

/* db[k] += the sum over a band of dy. */
static inline void band_bias(const struct conv *p, struct span rows, const float *dy, float *db)
{
    const float *from = dy + (ptrdiff_t)rows.begin * p->q * p->pitch * LANES;
    ptrdiff_t pixels = (ptrdiff_t)(rows.end - rows.begin) * p->q, stride = (ptrdiff_t)p->pitch * LANES;
    for (int k = 0; k < p->k; k += 4) {
        float acc[4 * LANES] = { 0 }, sum[4];
        int channels = p->k - k < 4 ? p->k - k : 4;
        for (int part = 0; part < PARTS; part++) {
            vf a[4] = { v_zero(), v_zero(), v_zero(), v_zero() };
            const float *d = from + (ptrdiff_t)k * LANES + part * V;
            if (channels == 4) {
                for (ptrdiff_t i = 0; i < pixels; i++, d += stride) {
                    UNROLL_FOR (int j = 0; j < 4; j++) a[j] = v_add(a[j], v_load(d + j * LANES));
                }
            } else {
                for (ptrdiff_t i = 0; i < pixels; i++, d += stride) {
                    for (int j = 0; j < channels; j++) a[j] = v_add(a[j], v_load(d + j * LANES));
                }
            }
            UNROLL_FOR (int j = 0; j < 4; j++) v_store(acc + j * LANES + part * V, a[j]);
        }
        v_sum4(acc, sum);
        for (int j = 0; j < channels; j++) db[k + j] += sum[j];
    }
}

/* db alone, in the same bands. */
static inline void direct_bias(const struct conv *p, struct span rows, const float *dy, float *db)
{
    const int height = band_height(p);
    memset(db, 0, sizeof *db * (size_t)p->k);
    for (int begin = rows.begin; begin < rows.end; begin += height) {
        band_bias(p, (struct span){ begin, begin + height < rows.end ? begin + height : rows.end }, dy, db);
    }
}

static inline void direct_bwd_weights(const struct conv *p, const struct sums_row *tiles, struct span rows, const float *dy, const float *x,
                                      float *dw, float *db, float *scratch)
{
    memset(dw, 0, sizeof *dw * (size_t)p->k * (size_t)p->r * (size_t)p->s * (size_t)p->c);
    bool copy_dy = p->c >= COPY_FROM || (p->r > 1 && p->k > 4); /* a few channels lie together */
    bool copy_x = p->c >= COPY_FROM;
    int height = band_height(p), group = copy_x ? COPY_CHANNELS : p->c;
    struct band band = { .p = p, .dy = dy, .x = x, .copied_rows = band_input_rows(p) };
    if (copy_dy) band.dy_copy = scratch;
    if (copy_x) band.x_copy = scratch + (ptrdiff_t)height * p->q * 4 * LANES;
    if (db) memset(db, 0, sizeof *db * (size_t)p->k);
    for (int begin = rows.begin; begin < rows.end; begin += height) {
        band.rows = (struct span){ begin, begin + height < rows.end ? begin + height : rows.end };
        if (db) band_bias(p, band.rows, dy, db);
        for (int c = 0; c < p->c; c += group) {
            int inputs = p->c - c < group ? p->c - c : group;
            if (copy_x) band_copy_x(&band, c, inputs);
            for (int k = 0, channels; k < p->k; k += channels) {
                channels = channel_group(p->k - k);
                if (copy_dy) band_copy_dy(&band, k, channels);
                band_tile(&band, tiles, k, channels, c, inputs, dw);
            }
        }
    }
}

#endif
