/* SPDX-License-Identifier: MIT
 * The vector contract in NEON, as a table for v_compare.c. */
#include "../../kernels/simd/v_neon.h"
#include "v_run.h"

const struct v_api v_neon = V_API(ISA_NEON);
