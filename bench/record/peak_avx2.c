/* SPDX-License-Identifier: MIT
 * The ceilings of AVX2: 10 chains of vectors in registers. */
#include "../../kernels/simd/v_avx2.h"

enum { CHAINS = 10 };
#include "peak_loops.h"

extern const struct ceiling ceiling_avx2;
const struct ceiling ceiling_avx2 = CEILING_OF(ISA_AVX2);
