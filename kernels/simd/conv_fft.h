/* SPDX-License-Identifier: MIT
 * conv "fft16": images of up to 16 pixels and kernels of 3, 5 or 7 as circular convolutions of size 16 x 16, all three directions. The rung
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

/* One direction in its own names. */
struct fft_sweep {
    int h, w, p, q, top, left, c, k, r;
    bool extra; /* one term wraps per side */
};

static inline struct fft_sweep fft_forward(const struct conv *p)
{
    return (struct fft_sweep){ p->h, p->w, p->p, p->q, p->top, p->left, p->c, p->k, p->r, p->h + p->top > 16 };
}
static inline struct fft_sweep fft_backward(const struct conv *p)
{
    return (struct fft_sweep){ p->p, p->q, p->h, p->w, p->r - 1 - p->top, p->s - 1 - p->left, p->k, p->c, p->r, p->h + p->top > 16 };
}

/* ---- weights ---- */

INLINE void fft_weight_three(float *to, vf a, vf b, vf scale)
{
    a = v_mul(a, scale);
    b = v_mul(b, scale);
    v_store(to, a);
    v_store(to + LANES, v_sub(b, a));
    v_store(to + 2 * LANES, v_add(a, b));
}

/* Where tap t of a kernel stands: g[(top - t) & 15] = w[t]. */
static inline int fft_place(int top, int tap) { return (top - tap) & 15; }

/* What the transform of V weights works in: zeros but for the taps, whose places are the same for all. */
struct fft_weigher {
    const struct fft_sweep *sweep;
    float *line, *slots;
}; /* [16][V], [FFT_SLOTS][16][V] */

INLINE void fft_weight_row(const struct fft_weigher *o, int t, const float *taps)
{
    const struct fft_sweep *s = o->sweep;
    const ptrdiff_t slot = 16 * V;
    float *to = o->slots + fft_place(s->top, t) * V;
    for (int i = 0; i < s->r; i++) v_store(o->line + fft_place(s->left, i) * V, v_load(taps + i * LANES));
    fft_rows(o->line, V, 16, V, false, to, slot, false);
    v_store(to + 16 * slot, v_load(taps + (s->r - 1) * LANES)); /* the extra slots pair taps, wherever they stand */
    v_store(to + 17 * slot, v_load(taps));
}

/* One column of a slot group's weights as factors. Divides by what the way back multiplies, 8 or 16 here, and by `scale` for the rows. */
INLINE void fft_weight_real(const struct fft_sweep *s, const float *z, float scale, float *to)
{
    vf in[16], re[9], im[9], by = v_set(scale * 0.125f);
    UNROLL_FOR (int n = 0; n < 16; n++) in[n] = v_load(z + n * V);
    fft_real(in, re, im);
    v_store(to, v_mul(re[0], by));
    v_store(to + LANES, v_mul(re[8], by));
    UNROLL_FOR (int k = 1; k < 8; k++) fft_weight_three(to + (3 * k - 1) * LANES, re[k], im[k], by);
    if (!s->extra) return;
    v_store(to + 23 * LANES, v_mul(v_load(z + fft_place(s->top, s->r - 1) * V), v_set(scale)));
    v_store(to + 24 * LANES, v_mul(v_load(z + fft_place(s->top, 0) * V), v_set(scale)));
}

INLINE void fft_weight_complex(const struct fft_sweep *s, const float *z, float scale, float *to)
{
    const float *imaginary = z + 16 * V;
    vf re[16], im[16], by = v_set(scale * 0.0625f);
    UNROLL_FOR (int n = 0; n < 16; n++) {
        re[n] = v_load(z + n * V);
        im[n] = v_load(imaginary + n * V);
    }
    fft_complex(re, im);
    UNROLL_FOR (int k = 0; k < 16; k++) fft_weight_three(to + 3 * k * LANES, re[k], im[k], by);
    if (!s->extra) return;
    const ptrdiff_t last = fft_place(s->top, s->r - 1) * V, first = fft_place(s->top, 0) * V;
    fft_weight_three(to + 48 * LANES, v_load(z + last), v_load(imaginary + last), v_set(scale));
    fft_weight_three(to + 51 * LANES, v_load(z + first), v_load(imaginary + first), v_set(scale));
}

static void fft_weights(const void *transform, const float *from, float *to)
{
    const struct fft_weigher *o = transform;
    const struct fft_sweep *s = o->sweep;
    for (int t = 0; t < s->r; t++) fft_weight_row(o, t, from + t * s->r * LANES);
    for (int i = 0; i < fft_groups(s->extra); i++) {
        const struct fft_group g = fft_group(s->extra, i);
        const float scale = g.slot < 16 ? 0.125f : 1;
        if (g.complex) fft_weight_complex(s, o->slots + g.slot * 16 * V, scale, to);
        else fft_weight_real(s, o->slots + g.slot * 16 * V, scale, to);
        to += g.planes * LANES;
    }
}

static inline void fft_pack(const struct conv *p, const struct tile_row *tiles, enum conv_direction direction, const float *w,
                            float *packed)
{
    const struct fft_sweep s = direction == CONV_FWD ? fft_forward(p) : fft_backward(p);
    float room[(FFT_TAPS * FFT_TAPS + 478) * LANES], line[16 * V] = { 0 }, slots[FFT_SLOTS * 16 * V] = { 0 };
    planes_pack(p, tiles, direction, &(struct planes_weights){ fft_planes(s.extra), fft_weights, &(struct fft_weigher){ &s, line, slots } },
                w, packed, room);
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
};

/* Columns, products and columns back of one slot group. */
static inline void fft_group_products(const struct fft_sweep *s, const struct fft_room *a, struct fft_group g, int first_plane,
                                      const struct tile_row *tiles, const float *u)
{
    const ptrdiff_t row = (ptrdiff_t)a->blocks * s->c * LANES, row2 = (ptrdiff_t)a->blocks * s->k * LANES;
    const ptrdiff_t slot = fft_slot(s->h, row), slot2 = fft_slot(s->p, row2);
    struct planes o = planes_of(g.planes, s->c, s->k, a->blocks * PARTS, tiles);
    o.first = first_plane;
    o.all = fft_planes(s->extra);
    struct fft_walk walk = { slot, row, LANES, o.v_plane, V, s->c };
    for (int i = 0; i < o.vectors; i++) {
        const float *from = a->z + (ptrdiff_t)(i / PARTS) * s->c * LANES + i % PARTS * V;
        fft_columns(&walk, g, from, s->h, s->extra, planes_vector(&o, i, a->v), false);
    }
    for (int k = 0, channels; k < s->k; k += channels) {
        const struct tile_row *tile = tile_pick(tiles, s->k, s->k - k);
        channels = planes_channels(s->k - k, tile);
        walk = (struct fft_walk){ slot2, row2, LANES, o.m_plane, V, channels };
        for (int first = 0, count; first < o.vectors; first += count) {
            count = planes_products(&o, first, k, channels, tile, u, a->v, a->m);
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
        for (int i = 0; i < s->h * blocks; i++) {
            const ptrdiff_t from = (ptrdiff_t)(block + i % blocks) * s->h + i / blocks;
            fft_rows(x + from * s->w * pixel, pixel, s->w, pixel, s->extra, a.z + i * pixel, slot, false);
        }
        for (int i = 0, plane = 0; i < fft_groups(s->extra); i++) {
            const struct fft_group g = fft_group(s->extra, i);
            fft_group_products(s, &a, g, plane, tiles, packed);
            plane += g.planes;
        }
        for (int i = 0; i < s->p * blocks; i++) {
            const int row = (block + i % blocks) * s->p + i / blocks;
            if (row < rows.begin || row >= rows.end) continue;
            fft_outputs(s, a.z2 + (ptrdiff_t)i * s->k * LANES, slot2, bias, y + (ptrdiff_t)row * s->q * s->k * LANES);
        }
    }
}

#endif
