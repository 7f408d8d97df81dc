/* SPDX-License-Identifier: MIT
 * The tile contract on vectors of NEON, as a table for t_compare.c. */
#include "../../kernels/simd/v_neon.h"
#include "../../kernels/simd/t_vectors.h"
#include "t_run.h"

static bool runs(void) { return cpu_detect() >> ISA_NEON & 1; }

const struct t_api t_neon = T_API("neon", runs);
