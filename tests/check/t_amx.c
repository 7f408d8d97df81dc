/* SPDX-License-Identifier: MIT
 * The tile contract on AMX, as a table for t_compare.c. */
#include "../../kernels/simd/t_amx.h"
#include "t_run.h"

const struct t_api t_amx = T_API("amx", cpu_has_amx);
