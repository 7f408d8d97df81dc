/* SPDX-License-Identifier: MIT
 * RISC-V's vectors of 256 bits (SpacemiT K1): NEON's tiles. Checked under emulation and timed on no CPU; auto takes it all the same, since
 * all else that runs there is plain C.
 * Built for riscv64: -march=rv64gcv_zvl256b -mrvv-vector-bits=256 */
#include "../simd/v_rvv256.h"

#define ISA ISA_RVV256

#include "../simd/tiles_neon.h"
#include "../simd/t_vectors.h"

#include "../simd/rows.h"

const struct kernels kernels_rvv256 = KERNELS_OF_THIS_ISA;
