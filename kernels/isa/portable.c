/* SPDX-License-Identifier: MIT
 * The portable twin: the SIMD sources on plain C vectors of 16. Runs anywhere, under every sanitizer; defines the bits. */
#include "../simd/v_portable.h"

enum { DENSE_KT = 4, DENSE_P = 2, OUTER_KT = 4, OUTER_CT = 1 }; /* outputs x vectors; sums: rows x vectors */

#include "../simd/conv_direct.h"
#include "../simd/conv_weights.h"

#define ISA ISA_PORTABLE

static void tile_4x2(const struct tile *t) { conv_tile_upto(t, 4, 2); }
static void tile_3x2(const struct tile *t) { conv_tile_upto(t, 3, 2); }
static void tile_2x2(const struct tile *t) { conv_tile_upto(t, 2, 2); }
static void tile_1x4(const struct tile *t) { conv_tile_upto(t, 1, 4); }
static const struct tile_row isa_tiles[] = { { 4, 2, tile_4x2 }, { 3, 2, tile_3x2 }, { 2, 2, tile_2x2 }, { 1, 4, tile_1x4 }, { 0 } };

static void sums_4x1x3(const struct sums *s) { sums_tile(s, 4, 1, 3); }
static void sums_4x1x2(const struct sums *s) { sums_tile(s, 4, 1, 2); }
static void sums_4x1x1(const struct sums *s) { sums_tile(s, 4, 1, 1); }
static void sums_3x1x3(const struct sums *s) { sums_tile(s, 3, 1, 3); }
static void sums_3x1x2(const struct sums *s) { sums_tile(s, 3, 1, 2); }
static void sums_3x1x1(const struct sums *s) { sums_tile(s, 3, 1, 1); }
static void sums_2x1x3(const struct sums *s) { sums_tile(s, 2, 1, 3); }
static void sums_2x1x2(const struct sums *s) { sums_tile(s, 2, 1, 2); }
static void sums_2x1x1(const struct sums *s) { sums_tile(s, 2, 1, 1); }
static void sums_1x1x3(const struct sums *s) { sums_tile(s, 1, 1, 3); }
static void sums_1x1x2(const struct sums *s) { sums_tile(s, 1, 1, 2); }
static void sums_1x1x1(const struct sums *s) { sums_tile(s, 1, 1, 1); }

static const struct sums_row isa_sums[] = { { 4, 1, 3, sums_4x1x3 },
                                            { 4, 1, 2, sums_4x1x2 },
                                            { 4, 1, 1, sums_4x1x1 },
                                            { 3, 1, 3, sums_3x1x3 },
                                            { 3, 1, 2, sums_3x1x2 },
                                            { 3, 1, 1, sums_3x1x1 },
                                            { 2, 1, 3, sums_2x1x3 },
                                            { 2, 1, 2, sums_2x1x2 },
                                            { 2, 1, 1, sums_2x1x1 },
                                            { 1, 1, 3, sums_1x1x3 },
                                            { 1, 1, 2, sums_1x1x2 },
                                            { 1, 1, 1, sums_1x1x1 },
                                            { 0 } };

#include "../simd/t_portable.h"

#include "../simd/rows.h"

const struct kernels kernels_portable = KERNELS_OF_THIS_ISA;
