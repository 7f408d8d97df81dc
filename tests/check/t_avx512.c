/* SPDX-License-Identifier: MIT
 * The tile contract on vectors of AVX512, as a table for t_compare.c. */
#include "../../kernels/simd/v_avx512.h"
#include "../../kernels/simd/t_vectors.h"
#include "t_run.h"

static bool runs(void) { return cpu_detect() >> ISA_AVX512 & 1; }

const struct t_api t_avx512 = T_API("avx512", runs);
