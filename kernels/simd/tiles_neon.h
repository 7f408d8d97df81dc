/* SPDX-License-Identifier: MIT
 * Tiles for 32 vector registers, after a vector header: NEON's, which SVE and RISC-V take, too. gcc 12 spills beyond 21 accumulators. */
#ifndef SIMD_TILES_NEON_H
#define SIMD_TILES_NEON_H

enum { DENSE_KT = 4, DENSE_P = 4, OUTER_KT = 4, OUTER_CT = 4 }; /* outputs x vectors; sums: rows x vectors */

#include "conv_direct.h"
#include "conv_weights.h"

static void tile_4x5(const struct tile *t) { conv_tile_upto(t, 4, 5); }
static void tile_6x3(const struct tile *t) { conv_tile_upto(t, 6, 3); }
static void tile_5x4(const struct tile *t) { conv_tile_upto(t, 5, 4); }
static void tile_3x7(const struct tile *t) { conv_tile_upto(t, 3, 7); }
static void tile_2x8(const struct tile *t) { conv_tile_upto(t, 2, 8); }
static void tile_1x8(const struct tile *t) { conv_tile_upto(t, 1, 8); }
static const struct tile_row isa_tiles[] = {
    { 4, 5, tile_4x5 }, { 6, 3, tile_6x3 }, { 5, 4, tile_5x4 }, { 3, 7, tile_3x7 }, { 2, 8, tile_2x8 }, { 1, 8, tile_1x8 }, { 0 }
};

static void sums_4x1x5(const struct sums *s) { sums_tile(s, 4, 1, 5); }
static void sums_4x1x4(const struct sums *s) { sums_tile(s, 4, 1, 4); }
static void sums_4x1x3(const struct sums *s) { sums_tile(s, 4, 1, 3); }
static void sums_4x1x2(const struct sums *s) { sums_tile(s, 4, 1, 2); }
static void sums_4x3x1(const struct sums *s) { sums_tile(s, 4, 3, 1); }
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

static const struct sums_row isa_sums[] = { { 4, 1, 3, sums_4x1x3 }, { 4, 1, 2, sums_4x1x2 }, { 4, 3, 1, sums_4x3x1 },
                                            { 4, 1, 1, sums_4x1x1 }, { 3, 2, 3, sums_3x2x3 }, { 3, 1, 3, sums_3x1x3 },
                                            { 3, 1, 2, sums_3x1x2 }, { 3, 1, 1, sums_3x1x1 }, { 2, 2, 3, sums_2x2x3 },
                                            { 2, 1, 3, sums_2x1x3 }, { 2, 1, 2, sums_2x1x2 }, { 2, 1, 1, sums_2x1x1 },
                                            { 1, 1, 3, sums_1x1x3 }, { 1, 1, 2, sums_1x1x2 }, { 1, 1, 1, sums_1x1x1 },
                                            { 4, 1, 5, sums_4x1x5 }, { 4, 1, 4, sums_4x1x4 }, { 0 } };

#endif
