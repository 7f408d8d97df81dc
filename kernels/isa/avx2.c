/* SPDX-License-Identifier: MIT
 * AVX2 + FMA: 16 registers, so 4 x 3 accumulators + 3 pixels + 1 weight.
 * Built for x86_64|AMD64: -mavx2 -mfma */
#include "../simd/v_avx2.h"

enum { DENSE_KT = 4, DENSE_P = 3, OUTER_KT = 6, OUTER_CT = 2 }; /* outputs x vectors; sums: rows x vectors */

#include "../simd/conv_direct.h"
#include "../simd/conv_weights.h"

#define ISA ISA_AVX2

static void tile_4x3(const struct tile *t) { conv_tile_upto(t, 4, 3); }
static void tile_6x2(const struct tile *t) { conv_tile_upto(t, 6, 2); }
static void tile_5x2(const struct tile *t) { conv_tile_upto(t, 5, 2); }
static void tile_3x4(const struct tile *t) { conv_tile_upto(t, 3, 4); }
static void tile_2x5(const struct tile *t) { conv_tile_upto(t, 2, 5); }
static void tile_1x8(const struct tile *t) { conv_tile_upto(t, 1, 8); }
static const struct tile_row isa_tiles[] = {
    { 4, 3, tile_4x3 }, { 6, 2, tile_6x2 }, { 5, 2, tile_5x2 }, { 3, 4, tile_3x4 }, { 2, 5, tile_2x5 }, { 1, 8, tile_1x8 }, { 0 }
};

static void sums_4x1x3(const struct sums *s) { sums_tile(s, 4, 1, 3); }
static void sums_4x1x2(const struct sums *s) { sums_tile(s, 4, 1, 2); }
static void sums_4x3x1(const struct sums *s) { sums_tile(s, 4, 3, 1); }
static void sums_4x1x1(const struct sums *s) { sums_tile(s, 4, 1, 1); }
static void sums_3x1x3(const struct sums *s) { sums_tile(s, 3, 1, 3); }
static void sums_3x1x2(const struct sums *s) { sums_tile(s, 3, 1, 2); }
static void sums_3x3x1(const struct sums *s) { sums_tile(s, 3, 3, 1); }
static void sums_3x1x1(const struct sums *s) { sums_tile(s, 3, 1, 1); }
static void sums_2x1x3(const struct sums *s) { sums_tile(s, 2, 1, 3); }
static void sums_2x1x2(const struct sums *s) { sums_tile(s, 2, 1, 2); }
static void sums_2x1x1(const struct sums *s) { sums_tile(s, 2, 1, 1); }
static void sums_1x1x3(const struct sums *s) { sums_tile(s, 1, 1, 3); }
static void sums_1x1x2(const struct sums *s) { sums_tile(s, 1, 1, 2); }
static void sums_1x1x1(const struct sums *s) { sums_tile(s, 1, 1, 1); }

static const struct sums_row isa_sums[] = { { 4, 1, 3, sums_4x1x3 }, { 4, 1, 2, sums_4x1x2 }, { 4, 3, 1, sums_4x3x1 },
                                            { 4, 1, 1, sums_4x1x1 }, { 3, 1, 3, sums_3x1x3 }, { 3, 1, 2, sums_3x1x2 },
                                            { 3, 3, 1, sums_3x3x1 }, { 3, 1, 1, sums_3x1x1 }, { 2, 1, 3, sums_2x1x3 },
                                            { 2, 1, 2, sums_2x1x2 }, { 2, 1, 1, sums_2x1x1 }, { 1, 1, 3, sums_1x1x3 },
                                            { 1, 1, 2, sums_1x1x2 }, { 1, 1, 1, sums_1x1x1 }, { 0 } };

#include "../simd/t_vectors.h"

#include "../simd/rows.h"

const struct kernels kernels_avx2 = KERNELS_OF_THIS_ISA;
