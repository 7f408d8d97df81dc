/* SPDX-License-Identifier: MIT
 * exp and log for kernels, from the vector contract alone: the same bits on every ISA. Coefficients are Taylor / minimax values rounded
 * to float. */
#ifndef SIMD_MATH_H
#define SIMD_MATH_H

#include <math.h>

/* e^x, relative error below 2 * 2^-24 for -87 <= x <= 88; below -87 it gives about 1.6e-38, above 88 about 1.7e38, NaN stays NaN.
 * x = n ln 2 + r with |r| <= ln 2 / 2 (ln 2 in two pieces, so r is exact enough), a polynomial for e^r, and n put into the exponent. */
INLINE vf v_exp(vf x)
{
    vf high = v_set(88.0f), low = v_set(-87.0f);
    x = v_select(v_gt(x, high), high, x);
    x = v_select(v_gt(low, x), low, x);
    vu n = vu_round(v_mul(x, v_set(1.44269504f)));
    vf k = v_from_int(n);
    vf r = v_fma(k, v_set(-0.693359375f), x);
    r = v_fma(k, v_set(2.12194440e-4f), r);
    vf p = v_set(1.9875691500e-4f);
    p = v_fma(p, r, v_set(1.3981999507e-3f));
    p = v_fma(p, r, v_set(8.3334519073e-3f));
    p = v_fma(p, r, v_set(4.1665795894e-2f));
    p = v_fma(p, r, v_set(1.6666665459e-1f));
    p = v_fma(p, r, v_set(5.0000001201e-1f));
    p = v_fma(p, v_mul(r, r), v_add(r, v_set(1.0f)));
    vf scaled = v_mul(p, v_of(vu_shl(vu_add(n, vu_set(127)), 23)));
    return v_select(v_eq(x, x), scaled, x);
}

/* ln x for normal x > 0 (zero, denormal and negative ones are not meant), +Inf and NaN for themselves; absolute error below 2 * 2^-24 *
 * max(1, |ln x|). x = 2^e m with sqrt(1/2) <= m < sqrt 2; a polynomial in m - 1. */
INLINE vf v_log(vf x)
{
    vu bits = vu_add(vu_of(x), vu_set(0x3f800000u - 0x3f3504f3u));
    vf e = v_from_int(vu_add(vu_shr(bits, 23), vu_set((uint32_t)-127)));
    vf m = v_sub(v_of(vu_add(vu_and(bits, vu_set(0x007fffffu)), vu_set(0x3f3504f3u))), v_set(1.0f));
    vf z = v_mul(m, m), p = v_set(7.0376836292e-2f);
    p = v_fma(p, m, v_set(-1.1514610310e-1f));
    p = v_fma(p, m, v_set(1.1676998740e-1f));
    p = v_fma(p, m, v_set(-1.2420140846e-1f));
    p = v_fma(p, m, v_set(1.4249322787e-1f));
    p = v_fma(p, m, v_set(-1.6668057665e-1f));
    p = v_fma(p, m, v_set(2.0000714765e-1f));
    p = v_fma(p, m, v_set(-2.4999993993e-1f));
    p = v_fma(p, m, v_set(3.3333331174e-1f));
    vf y = v_fma(v_mul(p, m), z, v_mul(e, v_set(-2.12194440e-4f)));
    y = v_fma(z, v_set(-0.5f), y);
    y = v_fma(e, v_set(0.693359375f), v_add(m, y));
    return v_select(v_gt(v_set(INFINITY), x), y, x);
}

#endif
