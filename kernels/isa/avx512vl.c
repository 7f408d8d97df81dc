/* SPDX-License-Identifier: MIT
 * AVX-512F and VL on 256 bits, for CPUs that clock down under 512: AVX-512's tiles, for its 32 registers, but for sums of 4x1x4 and 4x1x5,
 * which gcc 12 spills. Taken where --isa names it (ISAS_BY_NAME in cpu.h): a training step of the studies' nets takes 0.96 of
 * AVX2's time and 1.51 of AVX-512's (geometric means of 14 nets, one thread, Intel Emerald Rapids).
 * Built for x86_64|AMD64, by name: -mavx512f -mavx512vl -mavx2 -mfma -mprefer-vector-width=256 */
#include "../simd/v_avx512vl.h"

enum { DENSE_KT = 8, DENSE_P = 3, OUTER_KT = 8, OUTER_CT = 2 }; /* outputs x vectors; sums: rows x vectors */

#include "../simd/conv_direct.h"
#include "../simd/conv_weights.h"

#define ISA ISA_AVX512VL

static void tile_8x3(const struct tile *t) { conv_tile_upto(t, 8, 3); }
static void tile_6x4(const struct tile *t) { conv_tile_upto(t, 6, 4); }
static void tile_5x5(const struct tile *t) { conv_tile_upto(t, 5, 5); }
static void tile_4x6(const struct tile *t) { conv_tile_upto(t, 4, 6); }
static void tile_3x7(const struct tile *t) { conv_tile_upto(t, 3, 7); }
static void tile_2x8(const struct tile *t) { conv_tile_upto(t, 2, 8); }
static void tile_1x8(const struct tile *t) { conv_tile_upto(t, 1, 8); }
static const struct tile_row isa_tiles[] = { { 8, 3, tile_8x3 }, { 6, 4, tile_6x4 }, { 5, 5, tile_5x5 }, { 4, 6, tile_4x6 },
                                             { 3, 7, tile_3x7 }, { 2, 8, tile_2x8 }, { 1, 8, tile_1x8 }, { 0 } };

static void sums_4x2x3(const struct sums *s) { sums_tile(s, 4, 2, 3); }
static void sums_4x1x3(const struct sums *s) { sums_tile(s, 4, 1, 3); }
static void sums_4x2x2(const struct sums *s) { sums_tile(s, 4, 2, 2); }
static void sums_4x1x2(const struct sums *s) { sums_tile(s, 4, 1, 2); }
static void sums_4x2x1(const struct sums *s) { sums_tile(s, 4, 2, 1); }
static void sums_4x1x1(const struct sums *s) { sums_tile(s, 4, 1, 1); }
static void sums_3x2x3(const struct sums *s) { sums_tile(s, 3, 2, 3); }
static void sums_3x1x3(const struct sums *s) { sums_tile(s, 3, 1, 3); }
static void sums_3x1x2(const struct sums *s) { sums_tile(s, 3, 1, 2); }
static void sums_3x1x1(const struct sums *s) { sums_tile(s, 3, 1, 1); }
static void sums_2x2x3(const struct sums *s) { sums_tile(s, 2, 2, 3); }
static void sums_2x1x3(const struct sums *s) { sums_tile(s, 2, 1, 3); }
static void sums_2x1x2(const struct sums *s) { sums_tile(s, 2, 1, 2); }
static void sums_2x1x1(const struct sums *s) { sums_tile(s, 2, 1, 1); }
static void sums_1x1x3(const struct sums *s) { sums_tile(s, 1, 1, 3); }
static void sums_1x1x2(const struct sums *s) { sums_tile(s, 1, 1, 2); }
static void sums_1x1x1(const struct sums *s) { sums_tile(s, 1, 1, 1); }

static const struct sums_row isa_sums[] = { { 4, 2, 3, sums_4x2x3 }, { 4, 1, 3, sums_4x1x3 }, { 4, 2, 2, sums_4x2x2 },
                                            { 4, 1, 2, sums_4x1x2 }, { 4, 2, 1, sums_4x2x1 }, { 4, 1, 1, sums_4x1x1 },
                                            { 3, 2, 3, sums_3x2x3 }, { 3, 1, 3, sums_3x1x3 }, { 3, 1, 2, sums_3x1x2 },
                                            { 3, 1, 1, sums_3x1x1 }, { 2, 2, 3, sums_2x2x3 }, { 2, 1, 3, sums_2x1x3 },
                                            { 2, 1, 2, sums_2x1x2 }, { 2, 1, 1, sums_2x1x1 }, { 1, 1, 3, sums_1x1x3 },
                                            { 1, 1, 2, sums_1x1x2 }, { 1, 1, 1, sums_1x1x1 }, { 0 } };

#include "../simd/t_vectors.h"

#include "../simd/rows.h"

const struct kernels kernels_avx512vl = KERNELS_OF_THIS_ISA;
