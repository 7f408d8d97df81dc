/* SPDX-License-Identifier: MIT
 * The tile contract on vectors of AVX2, as a table for t_compare.c. */
#include "../../kernels/simd/v_avx2.h"
#include "../../kernels/simd/t_vectors.h"
#include "t_run.h"

static bool runs(void) { return cpu_detect() >> ISA_AVX2 & 1; }

const struct t_api t_avx2 = T_API("avx2", runs);
