/* SPDX-License-Identifier: MIT
 * SVE on vectors of 256 bits (Neoverse V1): NEON's tiles. It has been timed on no CPU, so it is taken where --isa names it (ISAS_BY_NAME in
 * cpu.h).
 * Built for aarch64|arm64, by name: -march=armv8.2-a+sve -msve-vector-bits=256 */
#include "../simd/v_sve256.h"

#define ISA ISA_SVE256

#include "../simd/tiles_neon.h"
#include "../simd/t_vectors.h"

#include "../simd/rows.h"

const struct kernels kernels_sve256 = KERNELS_OF_THIS_ISA;
