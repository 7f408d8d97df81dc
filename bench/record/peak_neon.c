/* SPDX-License-Identifier: MIT
 * The ceilings of NEON: 16 chains of vectors in registers. */
#include "../../kernels/simd/v_neon.h"

enum { CHAINS = 16 };
#include "peak_loops.h"

extern const struct ceiling ceiling_neon;
const struct ceiling ceiling_neon = CEILING_OF(ISA_NEON);
