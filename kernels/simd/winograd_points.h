/* SPDX-License-Identifier: MIT
 * The points of F(MxM, RxR), and the matrices that follow from them; what they are is said in conv_winograd.h. */
#ifndef SIMD_WINOGRAD_POINTS_H
#define SIMD_WINOGRAD_POINTS_H

#include "../kernels.h"

enum { WINO_M = 4, WINO_N_MAX = 10, WINO_PAIRS_MAX = 4 }; /* the most outputs, points, pairs of points along one axis */

/* The points of one F(m, r), m = 2 or 4, and the coefficients that follow from them; all exact in float. Splits: the kernel is so many of
 * r x r per axis, zeros behind its last taps. */
struct wino {
    int m, r, splits, pairs; /* outputs, kernel extent, splits; points are 0, the pairs and, where m + r - 1 is even, infinity */
    float a[WINO_PAIRS_MAX];
    float p[WINO_PAIRS_MAX + 1];             /* P, ascending */
    float q[WINO_PAIRS_MAX][WINO_PAIRS_MAX]; /* Q_i, ascending */
};

/* Those of 2x2 are those of 3x3 without infinity, those of 4x4 those of 5x5. */
#define WINO_PAIRS_2 \
    2, { 0.625f, 1.5f }, { 0.87890625f, -2.640625f, 1 }, \
    { \
        { -2.25f, 1 }, { -0.390625f, 1 } \
    }
#define WINO_PAIRS_3 \
    3, { 0.5f, 1, 2 }, { -1, 5.25f, -5.25f, 1 }, \
    { \
        { 4, -5, 1 }, { 1, -4.25f, 1 }, { 0.25f, -1.25f, 1 } \
    }

static const struct wino wino2 = { 2, 3, 1, 1, { 1 }, { -1, 1 }, { { 1 } } };
static const struct wino wino2x2 = { 4, 2, 1, WINO_PAIRS_2 };
static const struct wino wino3 = { 4, 3, 1, WINO_PAIRS_2 };
static const struct wino wino4x4 = { 4, 4, 1, WINO_PAIRS_3 };
static const struct wino wino8x8 = { 4, 4, 2, WINO_PAIRS_3 };
static const struct wino wino5 = { 4, 5, 1, WINO_PAIRS_3 };
static const struct wino wino7 = { /* along one axis only */
                                   4,
                                   7,
                                   1,
                                   4,
                                   { 0.375f, 0.75f, 1.25f, 2 },
                                   { 0.494384765625f, -4.83453369140625f, 10.240234375f, -6.265625f, 1 },
                                   { { -3.515625f, 9.37890625f, -6.125f, 1 },
                                     { -0.87890625f, 7.0322265625f, -5.703125f, 1 },
                                     { -0.31640625f, 2.8916015625f, -4.703125f, 1 },
                                     { -0.12359619140625f, 1.177734375f, -2.265625f, 1 } }
};

INLINE int wino_n(const struct wino *f) { return f->r + f->m - 1; }
INLINE bool wino_infinity(const struct wino *f) { return wino_n(f) > 2 * f->pairs + 1; }

/* G, rounded once. */
static inline void wino_g(const struct wino *f, float g[WINO_N_MAX][WINO_N_MAX])
{
    const int last = wino_n(f) - 1;
    for (int i = 0; i < f->pairs; i++) {
        const double a = (double)f->a[i];
        double q = 0, power = 1;
        for (int j = f->pairs - 1; j >= 0; j--) q = q * a * a + (double)f->q[i][j];
        for (int t = 0; t < f->r; t++) {
            g[1 + 2 * i][t] = (float)(power / (2 * a * a * q));
            g[2 + 2 * i][t] = t % 2 ? -g[1 + 2 * i][t] : g[1 + 2 * i][t];
            power *= a;
        }
    }
    for (int t = 0; t < f->r; t++) {
        g[0][t] = t == 0 ? 1 / f->p[0] : 0;
        if (wino_infinity(f)) g[last][t] = t == f->r - 1;
    }
}

#endif
