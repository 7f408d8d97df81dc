/* SPDX-License-Identifier: MIT
 * conv "direct", backward-weights of a 3x3 kernel on one input channel: all nine taps at once. The tiles of conv_weights.h take one kernel
 * row and copy dy first, so that three kernel rows and many input channels find it in L1. With one channel dy is nearly all there is to
 * read; here every vector of it is read once, as it lies, for nine taps and the bias. Bands, chains and the tree over lanes are
 * conv_weights.h's, and so are the bits. us, conv_weights.h to this, n64c1h28k32r3pad1 (Intel Emerald Rapids, one core): AVX-512 648 ->
 * 410, AVX2 781 -> 634, on a busy machine; asking for the next rows, later, 425 -> 379 and 669 -> 604; with AVX-512, loading an input once
 * for the three columns that see it, 342 -> 316 on another Xeon. */
#ifndef SIMD_CONV_TAPS_H
#define SIMD_CONV_TAPS_H

#include "../kernels.h"
#include "conv_weights.h"
#include "planes.h"

enum { TAPS = 3, TAPS_SUMS = TAPS * TAPS + 1, TAPS_KT = V_REGISTERS < 32 ? 1 : 2, TAPS_GROUP = 8 };
/* Three columns at a time take 31 registers; gcc 12 manages with 32 for AVX-512, but spills for AVX-512-VL and NEON. */
enum { TAPS_WINDOW = V_REGISTERS >= 32 && PARTS == 1 };

/* Rows of output pixels whose kernel rows are all inside the image; columns [from, to) see all taps. */
struct taps {
    const struct conv *p;
    const float *dy, *x; /* first pixel; x at column -left of the first kernel row */
    const float *ahead;  /* the part of the next band's dy that is asked for meanwhile, KT lines a pixel */
    int rows, from, to;
    float *acc;  /* [KT][TAPS_SUMS][16], from the first kernel row's taps on; read and written, one part */
    float *bias; /* the last of TAPS_SUMS, or a place that nobody reads */
};

/* One output column whose taps are all inside the image, for RT kernel rows; the bias's sums stand behind the taps'. */
INLINE void taps_column(vf *a, const float *dy, const float *x, ptrdiff_t x_row, const int KT, const int RT)
{
    vf d[TAPS_KT];
    UNROLL_FOR (int k = 0; k < KT; k++) {
        d[k] = v_load(dy + k * LANES);
        a[KT * RT * TAPS + k] = v_add(a[KT * RT * TAPS + k], d[k]);
    }
    UNROLL_FOR (int r = 0; r < RT; r++) {
        UNROLL_FOR (int s = 0; s < TAPS; s++) {
            const vf v = v_load(x + r * x_row + s * LANES);
            UNROLL_FOR (int k = 0; k < KT; k++) a[(k * RT + r) * TAPS + s] = v_fma(d[k], v, a[(k * RT + r) * TAPS + s]);
        }
    }
}

/* Three neighbouring columns, a stride of one: what two columns share is loaded once. `window` has the first column's inputs but those of
 * its last tap; when done, the fourth's. */
INLINE void taps_three(vf *a, vf window[TAPS][TAPS], const float *dy, ptrdiff_t dy_pixel, const float *x, ptrdiff_t x_row, const int KT)
{
    UNROLL_FOR (int q = 0; q < TAPS; q++) {
        vf d[TAPS_KT];
        UNROLL_FOR (int k = 0; k < KT; k++) {
            d[k] = v_load(dy + q * dy_pixel + k * LANES);
            a[KT * TAPS * TAPS + k] = v_add(a[KT * TAPS * TAPS + k], d[k]);
        }
        UNROLL_FOR (int r = 0; r < TAPS; r++) window[r][(q + TAPS - 1) % TAPS] = v_load(x + r * x_row + (q + TAPS - 1) * LANES);
        UNROLL_FOR (int r = 0; r < TAPS; r++) {
            UNROLL_FOR (int s = 0; s < TAPS; s++) {
                UNROLL_FOR (int k = 0; k < KT; k++) {
                    const int i = (k * TAPS + r) * TAPS + s;
                    a[i] = v_fma(d[k], window[r][(q + s) % TAPS], a[i]);
                }
            }
        }
    }
}

/* One at the border: taps that fall outside are left out. */
INLINE void taps_border(vf *a, const float *dy, const float *x, ptrdiff_t x_row, int first, int width, const int KT, const int RT)
{
    UNROLL_FOR (int k = 0; k < KT; k++) a[KT * RT * TAPS + k] = v_add(a[KT * RT * TAPS + k], v_load(dy + k * LANES));
    UNROLL_FOR (int s = 0; s < TAPS; s++) {
        if (first + s < 0 || first + s >= width) continue;
        UNROLL_FOR (int r = 0; r < RT; r++) {
            const vf v = v_load(x + r * x_row + s * LANES);
            UNROLL_FOR (int k = 0; k < KT; k++) {
                a[(k * RT + r) * TAPS + s] = v_fma(v_load(dy + k * LANES), v, a[(k * RT + r) * TAPS + s]);
            }
        }
    }
}

INLINE void taps_tile(const struct taps *t, const int KT, const int RT)
{
    const struct conv *p = t->p;
    const ptrdiff_t dy_pixel = (ptrdiff_t)p->pitch * LANES, x_pixel = (ptrdiff_t)p->step * LANES, x_row = (ptrdiff_t)p->w * LANES;
    vf a[TAPS_KT * TAPS_SUMS];
    UNROLL_FOR (int k = 0; k < KT; k++) {
        UNROLL_FOR (int i = 0; i < RT * TAPS; i++) a[k * RT * TAPS + i] = v_load(t->acc + (k * TAPS_SUMS + i) * LANES);
        a[KT * RT * TAPS + k] = v_load(t->bias + k * TAPS_SUMS * LANES);
    }
    for (int row = 0; row < t->rows; row++) {
        const float *dy = t->dy + row * p->q * dy_pixel, *x = t->x + row * p->step * x_row;
        const float *ahead = t->ahead + (ptrdiff_t)row * p->q * KT * LANES;
        int q = 0;
        for (; q < t->from; q++) taps_border(a, dy + q * dy_pixel, x + q * x_pixel, x_row, q * p->step - p->left, p->w, KT, RT);
        if (TAPS_WINDOW && RT == TAPS && p->step == 1 && q + TAPS <= t->to) {
            vf window[TAPS][TAPS];
            UNROLL_FOR (int r = 0; r < TAPS; r++) {
                UNROLL_FOR (int s = 0; s < TAPS - 1; s++) window[r][s] = v_load(x + q * x_pixel + r * x_row + s * LANES);
            }
            for (; q + TAPS <= t->to; q += TAPS) {
                UNROLL_FOR (int i = 0; i < TAPS * KT; i++) v_prefetch_far(ahead + (q * KT + i) * LANES);
                taps_three(a, window, dy + q * dy_pixel, dy_pixel, x + q * x_pixel, x_row, KT);
            }
        }
        for (; q < t->to; q++) {
            UNROLL_FOR (int k = 0; k < KT && RT == TAPS; k++) v_prefetch_far(ahead + (q * KT + k) * LANES);
            taps_column(a, dy + q * dy_pixel, x + q * x_pixel, x_row, KT, RT);
        }
        for (; q < p->q; q++) taps_border(a, dy + q * dy_pixel, x + q * x_pixel, x_row, q * p->step - p->left, p->w, KT, RT);
    }
    UNROLL_FOR (int k = 0; k < KT; k++) {
        UNROLL_FOR (int i = 0; i < RT * TAPS; i++) v_store(t->acc + (k * TAPS_SUMS + i) * LANES, a[k * RT * TAPS + i]);
        v_store(t->bias + k * TAPS_SUMS * LANES, a[KT * RT * TAPS + k]);
    }
}
static void taps_all(const struct taps *t) { taps_tile(t, TAPS_KT, TAPS); }
static void taps_row(const struct taps *t) { taps_tile(t, TAPS_KT, 1); }
static void taps_all_of_one(const struct taps *t) { taps_tile(t, 1, TAPS); }
static void taps_row_of_one(const struct taps *t) { taps_tile(t, 1, 1); }

/* acc[channels][TAPS_SUMS][16] += the sums of a band's rows for channels from k on: rows that see all of the kernel together, others kernel
 * row by kernel row. Two channels of a pixel at a time are no order that the hardware foresees: meanwhile the lines of as many rows from
 * `next` on are asked for, in the order in which they lie. */
static inline void taps_band(const struct conv *p, struct span rows, int next, const float *dy, const float *x, int k, int channels,
                             float *acc)
{
    float nowhere[TAPS_KT * TAPS_SUMS * LANES] = { 0 };
    struct taps t = { .p = p };
    t.from = least((p->left + p->step - 1) / p->step, p->q);
    if (p->w + p->left >= TAPS) t.to = least((p->w + p->left - TAPS) / p->step + 1, p->q);
    for (int row = rows.begin; row < rows.end; row += t.rows) {
        const int i = row % p->p, h = i * p->step - p->top;
        const int low = largest(-h, 0), high = least(p->h - h, TAPS); /* kernel rows inside the image */
        const bool whole = low == 0 && high == TAPS;
        const float *image = x + (((ptrdiff_t)(row / p->p) * p->h + h) * p->w - p->left) * LANES;
        t.rows = whole ? least(least((p->h - TAPS - h) / p->step + 1, p->p - i), rows.end - row) : 1;
        for (int part = 0; part < LANES; part += V) {
            for (int done = 0, count; done < channels; done += count) {
                count = channels - done >= TAPS_KT ? TAPS_KT : 1;
                t.dy = dy + ((ptrdiff_t)row * p->q * p->pitch + k + done) * LANES + part;
                const ptrdiff_t asked = (ptrdiff_t)(row - rows.begin) * p->q * p->k + (ptrdiff_t)(k + done) * t.rows * p->q;
                t.ahead = dy + ((ptrdiff_t)next * p->q * p->pitch + asked) * LANES;
                float *to = acc + (ptrdiff_t)done * TAPS_SUMS * LANES + part;
                for (int r = low; r < high; r += whole ? TAPS : 1) {
                    t.x = image + (ptrdiff_t)r * p->w * LANES + part;
                    t.acc = to + r * TAPS * LANES;
                    t.bias = r == low ? to + TAPS * TAPS * LANES : nowhere + part;
                    if (whole) (count == TAPS_KT ? taps_all : taps_all_of_one)(&t);
                    else (count == TAPS_KT ? taps_row : taps_row_of_one)(&t);
                }
            }
        }
    }
}

static inline bool taps_fit(const struct conv *p) { return p->c == 1 && p->r == TAPS && p->s == TAPS; }

static inline void taps_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, float *dw, float *db)
{
    float acc[TAPS_GROUP * TAPS_SUMS * LANES], sum[TAPS_GROUP * TAPS_SUMS];
    const int height = band_height(p);
    memset(dw, 0, sizeof *dw * (size_t)p->k * TAPS * TAPS);
    if (db) memset(db, 0, sizeof *db * (size_t)p->k);
    for (int begin = rows.begin; begin < rows.end; begin += height) {
        const struct span band = { begin, least(begin + height, rows.end) };
        const int next = band.end + height <= image_blocks(p->n) * p->p ? band.end : begin; /* another span's, but most likely ours, too */
        for (int k = 0; k < p->k; k += TAPS_GROUP) {
            const int channels = least(p->k - k, TAPS_GROUP);
            memset(acc, 0, sizeof acc);
            taps_band(p, band, next, dy, x, k, channels, acc);
            for (int i = 0; i < TAPS_GROUP * TAPS_SUMS; i += LANES) v_sum16(acc + i * LANES, sum + i);
            for (int i = 0; i < channels; i++) {
                float *to = dw + (ptrdiff_t)(k + i) * TAPS * TAPS;
                for (int tap = 0; tap < TAPS * TAPS; tap++) to[tap] += sum[i * TAPS_SUMS + tap];
                if (db) db[k + i] += sum[i * TAPS_SUMS + TAPS * TAPS];
            }
        }
    }
}

#endif
