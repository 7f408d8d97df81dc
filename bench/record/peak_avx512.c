/* SPDX-License-Identifier: MIT
 * The ceilings of AVX-512: 12 chains of vectors in registers. */
#include "../../kernels/simd/v_avx512.h"

enum { CHAINS = 12 };
#include "peak_loops.h"

extern const struct ceiling ceiling_avx512;
const struct ceiling ceiling_avx512 = CEILING_OF(ISA_AVX512);
