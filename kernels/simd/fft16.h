/* SPDX-License-Identifier: MIT
 * Fourier transforms of 16 points on vectors, 16 = 4 x 4. X[k] = sum over n of x[n] w^(nk), w = e^(-2 pi i / 16). Every sum is spelled out,
 * so the bits are the same on every ISA.
 *
 * Both go by n = 4q + r: transforms of four over q, F_r[k]; twists w^(rk); transforms of four over r. For real x, F_r[0] and F_r[2] are
 * real and F_r[3] is F_r[1]'s conjugate, so only bins 0 … 8 are made.
 *
 * Where x[4] … x[12] are known to be zero (`near`: taps around the first place), nothing is added to them: no bin differs, but perhaps in
 * the sign of a zero. */
#ifndef SIMD_FFT16_H
#define SIMD_FFT16_H

#include "v.h"

#define FFT_C1 0.92387953251128675613f /* cos(pi/8) */
#define FFT_S1 0.38268343236508977173f /* sin(pi/8) */
#define FFT_C2 0.70710678118654752440f /* cos(pi/4) */

struct fft_pair {
    vf re, im;
};

/* (re + i im) * (c - i s). */
INLINE struct fft_pair fft_turn(struct fft_pair z, float c, float s)
{
    return (struct fft_pair){ v_fma(z.im, v_set(s), v_mul(z.re, v_set(c))), v_fma(z.re, v_set(-s), v_mul(z.im, v_set(c))) };
}

/* z * w^e; e is one of the products of 0 … 3 by 0 … 3. */
INLINE struct fft_pair fft_twist(struct fft_pair z, const int e)
{
    switch (e) {
    case 1: return fft_turn(z, FFT_C1, FFT_S1);
    case 2: return (struct fft_pair){ v_mul(v_add(z.re, z.im), v_set(FFT_C2)), v_mul(v_sub(z.im, z.re), v_set(FFT_C2)) };
    case 3: return fft_turn(z, FFT_S1, FFT_C1);
    case 4: return (struct fft_pair){ z.im, v_neg(z.re) };
    case 6: return (struct fft_pair){ v_mul(v_sub(z.im, z.re), v_set(FFT_C2)), v_mul(v_add(z.re, z.im), v_set(-FFT_C2)) };
    case 9: return fft_turn(z, -FFT_C1, -FFT_S1);
    default: return z;
    }
}

INLINE void fft_four(const struct fft_pair *z, struct fft_pair *f)
{
    const struct fft_pair s0 = { v_add(z[0].re, z[2].re), v_add(z[0].im, z[2].im) };
    const struct fft_pair d0 = { v_sub(z[0].re, z[2].re), v_sub(z[0].im, z[2].im) };
    const struct fft_pair s1 = { v_add(z[1].re, z[3].re), v_add(z[1].im, z[3].im) };
    const struct fft_pair d1 = { v_sub(z[1].re, z[3].re), v_sub(z[1].im, z[3].im) };
    f[0] = (struct fft_pair){ v_add(s0.re, s1.re), v_add(s0.im, s1.im) };
    f[1] = (struct fft_pair){ v_add(d0.re, d1.im), v_sub(d0.im, d1.re) };
    f[2] = (struct fft_pair){ v_sub(s0.re, s1.re), v_sub(s0.im, s1.im) };
    f[3] = (struct fft_pair){ v_sub(d0.re, d1.im), v_add(d0.im, d1.re) };
}

/* The same of z[1] = z[2] = 0. */
INLINE void fft_two(struct fft_pair a, struct fft_pair b, struct fft_pair *f)
{
    f[0] = (struct fft_pair){ v_add(a.re, b.re), v_add(a.im, b.im) };
    f[1] = (struct fft_pair){ v_sub(a.re, b.im), v_add(a.im, b.re) };
    f[2] = (struct fft_pair){ v_sub(a.re, b.re), v_sub(a.im, b.im) };
    f[3] = (struct fft_pair){ v_add(a.re, b.im), v_sub(a.im, b.re) };
}

/* In place, all 16 bins. With re and im swapped on the way in and out: the inverse, times 16. */
INLINE void fft_complex(vf *re, vf *im, const bool near)
{
    struct fft_pair t[4][4];
    UNROLL_FOR (int r = 0; r < 4; r++) {
        struct fft_pair z[4], f[4];
        UNROLL_FOR (int q = 0; q < 4; q++) z[q] = (struct fft_pair){ re[4 * q + r], im[4 * q + r] };
        if (!near) fft_four(z, f);
        else if (r > 0) fft_two(z[0], z[3], f);
        else f[0] = f[1] = f[2] = f[3] = z[0];
        UNROLL_FOR (int k = 0; k < 4; k++) t[k][r] = fft_twist(f[k], r * k);
    }
    UNROLL_FOR (int k = 0; k < 4; k++) {
        struct fft_pair f[4];
        fft_four(t[k], f);
        UNROLL_FOR (int j = 0; j < 4; j++) {
            re[k + 4 * j] = f[j].re;
            im[k + 4 * j] = f[j].im;
        }
    }
}

/* x[16] real to bins 0 … 8; im[0] and im[8] are left alone: they are zero. */
INLINE void fft_real(const vf *x, vf *re, vf *im, const bool near)
{
    vf f0[4], f2[4];
    struct fft_pair t[4];
    UNROLL_FOR (int r = 0; r < 4; r++) {
        const vf s0 = near ? x[r] : v_add(x[r], x[r + 8]), s1 = near ? x[r + 12] : v_add(x[r + 4], x[r + 12]);
        f0[r] = near && r == 0 ? s0 : v_add(s0, s1);
        f2[r] = near && r == 0 ? s0 : v_sub(s0, s1);
        t[r] = fft_twist((struct fft_pair){ near ? s0 : v_sub(x[r], x[r + 8]), near ? s1 : v_sub(x[r + 12], x[r + 4]) }, r);
    }
    const vf even = v_add(f0[0], f0[2]), odd = v_add(f0[1], f0[3]);
    re[0] = v_add(even, odd);
    re[8] = v_sub(even, odd);
    re[4] = v_sub(f0[0], f0[2]);
    im[4] = v_sub(f0[3], f0[1]);
    const vf difference = v_sub(f2[1], f2[3]), sum = v_add(f2[1], f2[3]), c = v_set(FFT_C2), minus = v_set(-FFT_C2);
    re[2] = v_fma(difference, c, f2[0]);
    im[2] = v_fma(sum, minus, v_neg(f2[2]));
    re[6] = v_fma(difference, minus, f2[0]);
    im[6] = v_fma(sum, minus, f2[2]);
    struct fft_pair f[4];
    fft_four(t, f); /* bins 1, 5, 9, 13; 9 and 13 mirror 7 and 3 */
    re[1] = f[0].re, im[1] = f[0].im;
    re[5] = f[1].re, im[5] = f[1].im;
    re[7] = f[2].re, im[7] = v_neg(f[2].im);
    re[3] = f[3].re, im[3] = v_neg(f[3].im);
}

/* The inverse, times 8: bins 0 … 8 to x[16]. */
INLINE void fft_real_back(const vf *re, const vf *im, vf *x)
{
    const vf half = v_set(0.5f), h0 = v_mul(v_add(re[0], re[8]), half), h1 = v_mul(v_sub(re[0], re[8]), half);
    const vf a[4] = { v_add(h0, re[4]), v_sub(h1, im[4]), v_sub(h0, re[4]), v_add(h1, im[4]) };
    const vf d = v_sub(re[2], re[6]), s = v_add(im[2], im[6]);
    const vf b[4] = { v_add(re[2], re[6]), v_mul(v_sub(d, s), v_set(FFT_C2)), v_sub(im[6], im[2]), v_mul(v_add(d, s), v_set(-FFT_C2)) };
    /* The transform of four of bins 1, 5, 9, 13 with re and im swapped is the inverse one, swapped. */
    const struct fft_pair bins[4] = { { im[1], re[1] }, { im[5], re[5] }, { v_neg(im[7]), re[7] }, { v_neg(im[3]), re[3] } };
    struct fft_pair t[4];
    fft_four(bins, t);
    UNROLL_FOR (int r = 0; r < 4; r++) {
        const struct fft_pair f = fft_twist(t[r], r); /* swapped: twisting by w^r untwists */
        const vf sum = v_add(a[r], b[r]), difference = v_sub(a[r], b[r]);
        x[r] = v_add(sum, f.im);
        x[r + 8] = v_sub(sum, f.im);
        x[r + 4] = v_sub(difference, f.re);
        x[r + 12] = v_add(difference, f.re);
    }
}

#endif
