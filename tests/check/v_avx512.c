/* SPDX-License-Identifier: MIT
 * The vector contract in AVX-512F, as a table for v_compare.c. */
#include "../../kernels/simd/v_avx512.h"
#include "v_run.h"

const struct v_api v_avx512 = V_API(ISA_AVX512);
