/* SPDX-License-Identifier: MIT
 * The tile contract on AMX, as a table for t_compare.c. */
#include "../../kernels/simd/t_amx.h"
#include "../../kernels/runtime/cpu.h"
#include "t_run.h"

static bool has_amx(void) { return cpu_detect() & 1u << ISA_AMX; }

const struct t_api t_amx = T_API("amx", has_amx);
