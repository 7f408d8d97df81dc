/* SPDX-License-Identifier: MIT
 * The tile contract in plain C, as a table for t_compare.c. */
#include "../../kernels/simd/v_portable.h"
#include "../../kernels/simd/t_portable.h"
#include "t_run.h"

static bool runs(void) { return cpu_detect() >> ISA_PORTABLE & 1; }

const struct t_api t_portable = T_API("portable", runs);
