/* SPDX-License-Identifier: MIT
 * AMX's ceilings: six sums of tiles and no loads, and AVX-512's streams. */
#include "../../kernels/simd/t_amx.h"
#include "peak_loops.h"

enum { TILE_FLOPS = 2 * 16 * 16 * 32, SUMS = 6 };

static float tile_products(long rounds)
{
    _Alignas(64) bf16 ones[16 * LINE];
    _Alignas(64) float out[16 * 16];
    struct tiles t;
    for (int i = 0; i < 16 * LINE; i++) ones[i] = 0x3f80;
    t_begin(&t, 16, 16);
    t_load_a(&t, ones, 64);
    t_load_b(&t, ones, 64);
    t_zero(&t, 0), t_zero(&t, 1), t_zero(&t, 2), t_zero(&t, 3), t_zero(&t, 4), t_zero(&t, 5);
    for (long round = 0; round < rounds; round++) t_mac(&t, 0), t_mac(&t, 1), t_mac(&t, 2), t_mac(&t, 3), t_mac(&t, 4), t_mac(&t, 5);
    t_store(&t, 0, out, 64);
    t_end(&t);
    return out[0];
}

extern const struct ceiling ceiling_amx;
const struct ceiling ceiling_amx = { ISA_AMX, (double)SUMS *TILE_FLOPS, tile_products, read_stream, triad_streams };
