/* SPDX-License-Identifier: MIT
 * conv "fft16": rows of an image to slots, columns of slots to planes, and the way back. What they are is said in conv_fft.h. */
#ifndef SIMD_FFT_TRANSFORMS_H
#define SIMD_FFT_TRANSFORMS_H

#include "../kernels.h"
#include "fft16.h"

/* Slots, and the most planes of a slot group. */
enum { FFT_SLOTS = 18, FFT_PLANES = 54 };

/* ---- slot groups: two real slots (four with the extra ones), then seven complex ones of two slots each ---- */

struct fft_group {
    int slot, planes, first; /* first: of all planes */
    bool complex;
};

static inline int fft_groups(bool extra) { return extra ? 11 : 9; }
static inline struct fft_group fft_group(bool extra, int i)
{
    const int alone = extra ? 4 : 2, one = extra ? 25 : 23, two = extra ? 54 : 48;
    if (i < alone) return (struct fft_group){ i < 2 ? i : 14 + i, one, i * one, false };
    return (struct fft_group){ 2 + 2 * (i - alone), two, alone * one + (i - alone) * two, true };
}
static inline int fft_planes(bool extra) { return extra ? 4 * 25 + 7 * 54 : 2 * 23 + 7 * 48; }

/* ---- rows and columns, there and back ---- */

/* Bins of a row to slots. */
INLINE void fft_keep_row(const vf *re, const vf *im, float *z, ptrdiff_t slot)
{
    v_store(z, re[0]);
    v_store(z + slot, re[8]);
    UNROLL_FOR (int k = 1; k < 8; k++) {
        v_store(z + 2 * k * slot, re[k]);
        v_store(z + (2 * k + 1) * slot, im[k]);
    }
}

/* Pixels 0 … w-1 of x, each `floats` long, to slots. The extra slots pair x's first with dy's last pixel, and the reverse. */
INLINE void fft_rows(const float *x, ptrdiff_t pixel, int w, ptrdiff_t floats, bool extra, float *z, ptrdiff_t slot, const bool conjugate)
{
    const ptrdiff_t first = conjugate ? (w - 1) * pixel : 0, last = conjugate ? 0 : (w - 1) * pixel;
    for (ptrdiff_t i = 0; i < floats; i += V) {
        vf in[16], re[9], im[9];
        UNROLL_FOR (int n = 0; n < 16; n++) in[n] = n < w ? v_load(x + n * pixel + i) : v_zero();
        fft_real(in, re, im, false);
        fft_keep_row(re, im, z + i, slot);
        if (extra) {
            v_store(z + 16 * slot + i, v_load(x + first + i));
            v_store(z + 17 * slot + i, v_load(x + last + i));
        }
    }
}

/* A complex value as Gauss' three: of x, or (conjugate) of dy's conjugate as a factor. */
INLINE void fft_three(float *to, ptrdiff_t plane, vf a, vf b, const bool conjugate)
{
    v_store(to, conjugate ? a : v_add(a, b));
    v_store(to + plane, conjugate ? v_neg(v_add(a, b)) : a);
    v_store(to + 2 * plane, conjugate ? v_sub(a, b) : b);
}

/* How columns are walked: `count` vectors, z[slot][row] + i * z_step against v[plane] + i * step. */
struct fft_walk {
    ptrdiff_t slot, row, z_step, plane, step, count;
};

/* Columns of h rows of a real slot to planes. The extra planes pair pixels as the extra slots do. */
INLINE void fft_columns_real(const struct fft_walk *o, const float *z, int h, bool extra, float *v, const bool conjugate)
{
    const ptrdiff_t first = conjugate ? (h - 1) * o->row : 0, last = conjugate ? 0 : (h - 1) * o->row;
    for (ptrdiff_t i = 0; i < o->count; i++, z += o->z_step, v += o->step) {
        vf in[16], re[9], im[9];
        UNROLL_FOR (int n = 0; n < 16; n++) in[n] = n < h ? v_load(z + n * o->row) : v_zero();
        fft_real(in, re, im, false);
        v_store(v, re[0]);
        v_store(v + o->plane, re[8]);
        UNROLL_FOR (int k = 1; k < 8; k++) fft_three(v + (3 * k - 1) * o->plane, o->plane, re[k], im[k], conjugate);
        if (!extra) continue;
        v_store(v + 23 * o->plane, v_load(z + first));
        v_store(v + 24 * o->plane, v_load(z + last));
    }
}

INLINE void fft_columns_complex(const struct fft_walk *o, const float *z, int h, bool extra, float *v, const bool conjugate)
{
    const ptrdiff_t first = conjugate ? (h - 1) * o->row : 0, last = conjugate ? 0 : (h - 1) * o->row;
    for (ptrdiff_t i = 0; i < o->count; i++, z += o->z_step, v += o->step) {
        vf re[16], im[16];
        UNROLL_FOR (int n = 0; n < 16; n++) {
            re[n] = n < h ? v_load(z + n * o->row) : v_zero();
            im[n] = n < h ? v_load(z + o->slot + n * o->row) : v_zero();
        }
        fft_complex(re, im, false);
        UNROLL_FOR (int k = 0; k < 16; k++) fft_three(v + 3 * k * o->plane, o->plane, re[k], im[k], conjugate);
        if (!extra) continue;
        fft_three(v + 48 * o->plane, o->plane, v_load(z + first), v_load(z + o->slot + first), conjugate);
        fft_three(v + 51 * o->plane, o->plane, v_load(z + last), v_load(z + o->slot + last), conjugate);
    }
}

static void fft_columns(const struct fft_walk *o, struct fft_group g, const float *z, int h, bool extra, float *v)
{
    if (g.complex) fft_columns_complex(o, z + g.slot * o->slot, h, extra, v, false);
    else fft_columns_real(o, z + g.slot * o->slot, h, extra, v, false);
}
static void fft_columns_conjugate(const struct fft_walk *o, struct fft_group g, const float *z, int h, bool extra, float *v)
{
    if (g.complex) fft_columns_complex(o, z + g.slot * o->slot, h, extra, v, true);
    else fft_columns_real(o, z + g.slot * o->slot, h, extra, v, true);
}

INLINE struct fft_pair fft_product(const float *m, ptrdiff_t plane)
{
    const vf m1 = v_load(m);
    return (struct fft_pair){ v_sub(m1, v_load(m + 2 * plane)), v_add(m1, v_load(m + plane)) };
}

/* Where results go: bin n is row (n + offset) & 15, and rows 0 … rows-1 are wanted. */
struct fft_wanted {
    int rows, offset;
};

INLINE void fft_take_out(float *at, vf term) { v_store(at, v_sub(v_load(at), term)); }

/* Bins to the wanted rows of z; `scale` divides by what the transforms multiply. */
INLINE void fft_keep(const vf *x, struct fft_wanted out, const bool scale, const float factor, float *z, ptrdiff_t row)
{
    UNROLL_FOR (int n = 0; n < 16; n++) {
        const int to = (n + out.offset) & 15;
        if (to < out.rows) v_store(z + to * row, scale ? v_mul(x[n], v_set(factor)) : x[n]);
    }
}

/* Products back to a real slot, */
INLINE void fft_columns_back_real(const struct fft_walk *o, const float *m, bool extra, struct fft_wanted out, const bool scale, float *z)
{
    for (ptrdiff_t i = 0; i < o->count; i++, m += o->step, z += o->z_step) {
        vf re[9], im[9], x[16];
        re[0] = v_load(m);
        re[8] = v_load(m + o->plane);
        UNROLL_FOR (int k = 1; k < 8; k++) {
            const struct fft_pair p = fft_product(m + (3 * k - 1) * o->plane, o->plane);
            re[k] = p.re;
            im[k] = p.im;
        }
        fft_real_back(re, im, x);
        fft_keep(x, out, scale, 0.125f, z, o->row);
        if (!extra) continue;
        fft_take_out(z + (out.rows - 1) * o->row, v_load(m + 23 * o->plane));
        fft_take_out(z, v_load(m + 24 * o->plane));
    }
}

/* and to a pair of slots. */
INLINE void fft_columns_back_complex(const struct fft_walk *o, const float *m, bool extra, struct fft_wanted out, const bool scale,
                                     float *z)
{
    const ptrdiff_t last = (out.rows - 1) * o->row;
    for (ptrdiff_t i = 0; i < o->count; i++, m += o->step, z += o->z_step) {
        vf re[16], im[16];
        UNROLL_FOR (int k = 0; k < 16; k++) {
            const struct fft_pair p = fft_product(m + 3 * k * o->plane, o->plane);
            re[k] = p.re;
            im[k] = p.im;
        }
        fft_complex(im, re, false);
        fft_keep(re, out, scale, 0.0625f, z, o->row);
        fft_keep(im, out, scale, 0.0625f, z + o->slot, o->row);
        if (!extra) continue;
        const struct fft_pair a = fft_product(m + 48 * o->plane, o->plane), b = fft_product(m + 51 * o->plane, o->plane);
        fft_take_out(z + last, a.re);
        fft_take_out(z + o->slot + last, a.im);
        fft_take_out(z, b.re);
        fft_take_out(z + o->slot, b.im);
    }
}

INLINE void fft_columns_back(const struct fft_walk *o, struct fft_group g, const float *m, bool extra, struct fft_wanted out,
                             const bool scale, float *z)
{
    if (g.complex) fft_columns_back_complex(o, m, extra, out, scale, z + g.slot * o->slot);
    else fft_columns_back_real(o, m, extra, out, scale, z + g.slot * o->slot);
}

/* One vector of slots z to pixels line[0 … rows-1][V]. */
INLINE void fft_row_back(const float *z, ptrdiff_t slot, bool extra, struct fft_wanted out, const bool scale, float *line)
{
    vf re[9], im[9], x[16];
    re[0] = v_load(z);
    re[8] = v_load(z + slot);
    UNROLL_FOR (int k = 1; k < 8; k++) {
        re[k] = v_load(z + 2 * k * slot);
        im[k] = v_load(z + (2 * k + 1) * slot);
    }
    fft_real_back(re, im, x);
    fft_keep(x, out, scale, 0.125f, line, V);
    if (!extra) return;
    fft_take_out(line + (out.rows - 1) * V, v_load(z + 16 * slot));
    fft_take_out(line, v_load(z + 17 * slot));
}

#endif
