/* SPDX-License-Identifier: MIT
 * AMX: tiles of bf16 beside AVX-512, so its table has the ops of bf16 and no others.
 * Built for x86_64|AMD64: -mavx512f -mavx512bw -mavx2 -mfma -mamx-tile -mamx-bf16 */
#include "../simd/t_amx.h"

#define ISA ISA_AMX

#include "../kernels.h"
#include "../simd/rows_bf16.h"

const struct kernels kernels_amx = { .isa = ISA, .conv_bf16 = conv_bf16_rows };
