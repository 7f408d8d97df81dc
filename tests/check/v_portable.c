/* SPDX-License-Identifier: MIT
 * The vector contract in plain C, as a table for v_compare.c. */
#include "../../kernels/simd/v_portable.h"
#include "v_run.h"

const struct v_api v_portable = V_API(ISA_PORTABLE);
