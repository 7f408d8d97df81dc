/* SPDX-License-Identifier: MIT
 * conv "fft16": images of up to 16 pixels and kernels of 3 to 7 as circular convolutions of size 16 x 16, all three directions. The rung
 * above "winograd4" where the kernel is large: 382 real products per (input, output) channel and image, whatever the kernel, for 9,604 of
 * a 7x7 on 14x14.
 *
 * x and the kernel g[(top - r) & 15] = w[r] give y = g * x without wrapping as long as H + padding <= 16. With 17 on all sides (7x7 on
 * 14x14) one term wraps per side: y[P-1] holds x[0] w[R-1] too much, y[0] holds x[H-1] w[0]; two extra "bins" per axis take them out again,
 * 478 products. Rows are transformed first (real, bins 0 … 8: slots 0 and 1 are bins 0 and 8, then re, im of 1 … 7, then the extra two),
 * then, slot group by slot group, columns, products and columns back; at the end rows back. Products of complex bins take three real
 * ones (Gauss): with x = a + ib as (a+b, a, b) and u = c + id as (c, d-c, c+d), m1 - m3 + i (m1 + m2) is x u. So all products are those of
 * planes.h.
 *
 * Weights are transformed likewise, and packed as such factors if these are few or the weights frozen; else as slots, whose columns
 * follow group by group.
 *
 * Backward-weights is conj(dy) x in the same domain, summed over images: x is turned to channels in lanes, each plane is one GEMM of
 * outer.h, and only the R x S taps are transformed back.
 *
 * A whole image is mixed: where the exact result is zero, about 1e-7 of the image's size is left, and one NaN fills the image. */
#ifndef SIMD_CONV_FFT_H
#define SIMD_CONV_FFT_H

#include "../kernels.h"
#include "conv_weights.h"
#include "fft_transforms.h"
#include "outer.h"
#include "planes.h"

/* Blocks per go: their planes should fit L2. */
enum { FFT_BLOCKS = 2, FFT_CHUNK_PIXELS = 392, FFT_TAPS = 7, FFT_SMALLEST = 8 };
enum { FFT_PACKED = 1 << 18 }; /* the most floats of factors that are packed as factors */

/* One direction in its own names. */
struct fft_sweep {
    int h, w, p, q, top, left, c, k, r;
    bool extra;  /* one term wraps per side */
    bool frozen; /* the weights */
};

static inline struct fft_sweep fft_forward(const struct conv *p)
{
    return (struct fft_sweep){ p->h, p->w, p->p, p->q, p->top, p->left, p->c, p->k, p->r, p->h + p->top > 16, p->frozen };
}
static inline struct fft_sweep fft_backward(const struct conv *p)
{
    return (struct fft_sweep){ p->p,     p->q, p->h, p->w, p->r - 1 - p->top, p->s - 1 - p->left, p->k, p->c, p->r, p->h + p->top > 16,
                               p->frozen };
}

/* ---- weights ---- */

INLINE void fft_weight_three(float *to, ptrdiff_t plane, vf a, vf b, vf scale)
{
    a = v_mul(a, scale);
    b = v_mul(b, scale);
    v_store(to, a);
    v_store(to + plane, v_sub(b, a));
    v_store(to + 2 * plane, v_add(a, b));
}

/* Taps in[16] of a kernel's row or column, `step` floats apart: g[(first - t) & 15] = w[t]. `near`: they stand at 0 … 3 and 13 … 15. */
INLINE void fft_taps(int first, int r, const float *w, ptrdiff_t step, const bool near, vf *in)
{
    UNROLL_FOR (int n = 0; n < 16; n++) {
        const int tap = (first - n) & 15;
        in[n] = (near && n > 3 && n < 13) || tap >= r ? v_zero() : v_load(w + tap * step);
    }
}
static inline bool fft_near(int first, int r) { return first < 4 && r - first < 5; }

/* Rows: from[tap][16 lanes] to to[slot][row of the kernel]. */
INLINE void fft_weight_rows_as(const struct fft_sweep *s, const float *from, float *to, ptrdiff_t plane, const bool near)
{
    for (int t = 0; t < s->r; t++, from += s->r * LANES, to += plane) {
        vf in[16], re[9], im[9];
        fft_taps(s->left, s->r, from, LANES, near, in);
        fft_real(in, re, im, near);
        fft_keep_row(re, im, to, s->r * plane);
        if (!s->extra) continue; /* the extra slots pair taps, wherever they stand */
        v_store(to + 16 * s->r * plane, v_load(from + (s->r - 1) * LANES));
        v_store(to + 17 * s->r * plane, v_load(from));
    }
}
static void fft_weight_rows(const void *sweep, const float *from, float *to, ptrdiff_t plane)
{
    const struct fft_sweep *s = sweep;
    if (fft_near(s->left, s->r)) fft_weight_rows_as(s, from, to, plane, true);
    else fft_weight_rows_as(s, from, to, plane, false);
}

/* Columns of a slot, or of two, as factors: rows of the kernel to planes. Divides by what the way back multiplies, 8 or 16 here, and by
 * `scale` for the rows. */
INLINE void fft_weight_real(const struct fft_sweep *s, const float *z, ptrdiff_t row, float scale, float *to, ptrdiff_t plane,
                            const bool near)
{
    vf in[16], re[9], im[9], by = v_set(scale * 0.125f);
    fft_taps(s->top, s->r, z, row, near, in);
    fft_real(in, re, im, near);
    v_store(to, v_mul(re[0], by));
    v_store(to + plane, v_mul(re[8], by));
    UNROLL_FOR (int k = 1; k < 8; k++) fft_weight_three(to + (3 * k - 1) * plane, plane, re[k], im[k], by);
    if (!s->extra) return;
    v_store(to + 23 * plane, v_mul(v_load(z + (s->r - 1) * row), v_set(scale)));
    v_store(to + 24 * plane, v_mul(v_load(z), v_set(scale)));
}
INLINE void fft_weight_complex(const struct fft_sweep *s, const float *z, ptrdiff_t row, float scale, float *to, ptrdiff_t plane,
                               const bool near)
{
    const float *imaginary = z + s->r * row;
    const ptrdiff_t last = (s->r - 1) * row;
    vf re[16], im[16], by = v_set(scale * 0.0625f);
    fft_taps(s->top, s->r, z, row, near, re);
    fft_taps(s->top, s->r, imaginary, row, near, im);
    fft_complex(re, im, near);
    UNROLL_FOR (int k = 0; k < 16; k++) fft_weight_three(to + 3 * k * plane, plane, re[k], im[k], by);
    if (!s->extra) return;
    fft_weight_three(to + 48 * plane, plane, v_load(z + last), v_load(imaginary + last), v_set(scale));
    fft_weight_three(to + 51 * plane, plane, v_load(z), v_load(imaginary), v_set(scale));
}

/* Columns of a slot group: from[slot][row of the kernel] to to[plane]; both so many floats apart, `count` floats each. */
static void fft_weight_columns(const struct fft_sweep *s, struct fft_group g, const float *from, ptrdiff_t row, float *to, ptrdiff_t plane,
                               ptrdiff_t count)
{
    const float scale = g.slot < 16 ? 0.125f : 1;
    const bool near = fft_near(s->top, s->r);
    from += g.slot * s->r * row;
    for (ptrdiff_t i = 0; i < count; i += V) {
        if (g.complex && near) fft_weight_complex(s, from + i, row, scale, to + i, plane, true);
        else if (g.complex) fft_weight_complex(s, from + i, row, scale, to + i, plane, false);
        else if (near) fft_weight_real(s, from + i, row, scale, to + i, plane, true);
        else fft_weight_real(s, from + i, row, scale, to + i, plane, false);
    }
}

static void fft_weights(const void *sweep, const float *from, float *to, ptrdiff_t plane)
{
    const struct fft_sweep *s = sweep;
    float rows[FFT_SLOTS * FFT_TAPS * V];
    fft_weight_rows(s, from, rows, V);
    for (int i = 0; i < fft_groups(s->extra); i++) {
        const struct fft_group g = fft_group(s->extra, i);
        fft_weight_columns(s, g, rows, V, to + g.first * plane, plane, V);
    }
}

/* Are weights packed as slots of their rows? Factors are three to five times as many floats (382 or 478 planes; 16 or 18 slots of R rows),
 * and many of them would be written to L3 in every step. Transforming the columns of a slot group for the products of every block or two
 * takes as long as reading them from there. */
static inline bool fft_packs_rows(const struct fft_sweep *s)
{
    return !s->frozen && s->c % LANES == 0 && planes_u_floats(fft_planes(s->extra), s->c, s->k) > FFT_PACKED;
}
static inline int fft_packed_planes(const struct fft_sweep *s)
{
    return !fft_packs_rows(s) ? fft_planes(s->extra) : s->extra ? 18 * s->r : 16 * s->r;
}

static inline void fft_pack(const struct conv *p, const struct tile_row *tiles, enum conv_direction direction, const float *w,
                            float *packed)
{
    const struct fft_sweep s = direction == CONV_FWD ? fft_forward(p) : fft_backward(p);
    float room[(FFT_TAPS * FFT_TAPS + 478) * LANES];
    planes_pack(p, tiles, direction,
                &(struct planes_weights){ fft_packed_planes(&s), 1, p->r, fft_packs_rows(&s) ? fft_weight_rows : fft_weights, &s }, w,
                packed, room);
}

/* ---- forward and backward-data ---- */

static inline ptrdiff_t fft_slot(int rows, ptrdiff_t floats) { return rows * floats + LANES; }

/* Rows back, of the output row at y. */
static inline void fft_outputs(const struct fft_sweep *s, const float *z, ptrdiff_t slot, const float *bias, float *y)
{
    float line[16 * V];
    for (int k = 0; k < s->k; k++) {
        const vf b = bias ? v_set(bias[k]) : v_zero();
        for (int part = 0; part < PARTS; part++) {
            const ptrdiff_t at = (ptrdiff_t)k * LANES + part * V;
            fft_row_back(z + at, slot, s->extra, (struct fft_wanted){ s->q, 0 }, false, line);
            for (int q = 0; q < s->q; q++) v_store(y + (ptrdiff_t)q * s->k * LANES + at, v_add(v_load(line + q * V), b));
        }
    }
}

/* What a few blocks go through: slots of x, planes of vectors, their products, slots of y. */
struct fft_room {
    int blocks;
    float *z, *v, *m, *z2;
    float *u; /* factors of a slot group for PLANES_CHANNELS outputs, if rows are packed */
};

/* Factors of a slot group, for output channels from k on. */
static inline const float *fft_factors(const struct fft_sweep *s, const struct planes *o, const struct fft_room *a, struct fft_group g,
                                       int k, int channels, const struct tile_row *tile, const float *packed)
{
    const ptrdiff_t row = (ptrdiff_t)s->c * tile->channels, tile_floats = fft_packed_planes(s) * row;
    const float *from = packed + planes_u_floats(fft_packed_planes(s), s->c, k);
    if (!fft_packs_rows(s)) return from + g.first * row;
    for (int i = 0; i < channels / tile->channels; i++)
        fft_weight_columns(s, g, from + i * tile_floats, row, a->u + i * g.planes * (row + o->u_gap), row + o->u_gap, row);
    return a->u;
}

/* Columns, products and columns back of one slot group. */
static inline void fft_group_products(const struct fft_sweep *s, const struct fft_room *a, struct fft_group g, const struct tile_row *tiles,
                                      const float *packed)
{
    const ptrdiff_t row = (ptrdiff_t)a->blocks * s->c * LANES, row2 = (ptrdiff_t)a->blocks * s->k * LANES;
    const ptrdiff_t slot = fft_slot(s->h, row), slot2 = fft_slot(s->p, row2);
    struct planes o = planes_of(g.planes, s->c, s->k, a->blocks * PARTS, tiles);
    if (fft_packs_rows(s)) o.u_gap = LANES; /* as between planes of v */
    else o.all = fft_planes(s->extra);
    struct fft_walk walk = { slot, row, LANES, o.v_plane, V, s->c };
    for (int i = 0; i < o.vectors; i++) {
        const float *from = a->z + (ptrdiff_t)(i / PARTS) * s->c * LANES + i % PARTS * V;
        fft_columns(&walk, g, from, s->h, s->extra, planes_vector(&o, i, a->v));
    }
    for (int k = 0, channels; k < s->k; k += channels) {
        const struct tile_row *tile = tile_pick(tiles, s->k, s->k - k);
        channels = planes_channels(s->k - k, tile);
        const float *u = fft_factors(s, &o, a, g, k, channels, tile, packed);
        walk = (struct fft_walk){ slot2, row2, LANES, o.m_plane, V, channels };
        for (int first = 0, count; first < o.vectors; first += count) {
            count = planes_products(&o, first, channels, tile, u, a->v, a->m);
            for (int i = first; i < first + count; i++) {
                float *to = a->z2 + ((ptrdiff_t)(i / PARTS) * s->k + k) * LANES + i % PARTS * V;
                fft_columns_back(&walk, g, a->m + (ptrdiff_t)(i - first) * channels * V, s->extra, (struct fft_wanted){ s->p, 0 }, false,
                                 to);
            }
        }
    }
}

static inline void fft_run(const struct fft_sweep *s, struct span rows, const struct tile_row *tiles, const float *x, const float *packed,
                           const float *bias, float *y, float *scratch)
{
    if (rows.begin >= rows.end) return;
    const ptrdiff_t pixel = (ptrdiff_t)s->c * LANES, last = (rows.end - 1) / s->p;
    for (int block = rows.begin / s->p, blocks; block <= last; block += blocks) {
        blocks = least(FFT_BLOCKS, (int)last + 1 - block);
        const ptrdiff_t slot = fft_slot(s->h, blocks * pixel), slot2 = fft_slot(s->p, (ptrdiff_t)blocks * s->k * LANES);
        struct fft_room a = { .blocks = blocks, .z = scratch, .z2 = scratch + FFT_SLOTS * slot };
        a.v = a.z2 + FFT_SLOTS * slot2;
        a.m = a.v + planes_v_floats(FFT_PLANES, s->c, FFT_BLOCKS * PARTS);
        a.u = a.m + planes_m_floats(FFT_PLANES);
        for (int i = 0; i < s->h * blocks; i++) {
            const ptrdiff_t from = (ptrdiff_t)(block + i % blocks) * s->h + i / blocks;
            fft_rows(x + from * s->w * pixel, pixel, s->w, pixel, s->extra, a.z + i * pixel, slot, false);
        }
        for (int i = 0; i < fft_groups(s->extra); i++) fft_group_products(s, &a, fft_group(s->extra, i), tiles, packed);
        for (int i = 0; i < s->p * blocks; i++) {
            const int row = (block + i % blocks) * s->p + i / blocks;
            if (row < rows.begin || row >= rows.end) continue;
            fft_outputs(s, a.z2 + (ptrdiff_t)i * s->k * LANES, slot2, bias, y + (ptrdiff_t)row * s->q * s->k * LANES);
        }
    }
}

#endif
