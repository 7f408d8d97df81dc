/* SPDX-License-Identifier: MIT
 * The vector contract in AVX2 and FMA, as a table for v_compare.c. */
#include "../../kernels/simd/v_avx2.h"
#include "v_run.h"

const struct v_api v_avx2 = V_API(ISA_AVX2);
