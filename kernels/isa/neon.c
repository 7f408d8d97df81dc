/* SPDX-License-Identifier: MIT
 * NEON: 32 registers of 4 floats.
 * Built for aarch64|arm64: */
#include "../simd/v_neon.h"

#define ISA ISA_NEON

#include "../simd/tiles_neon.h"
#include "../simd/t_vectors.h"

#include "../simd/rows.h"

const struct kernels kernels_neon = KERNELS_OF_THIS_ISA;
