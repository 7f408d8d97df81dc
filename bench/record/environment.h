/* SPDX-License-Identifier: MIT
 * The conditions of a number: machine, system, build. */
#ifndef BENCH_RECORD_ENVIRONMENT_H
#define BENCH_RECORD_ENVIRONMENT_H

#include <jansson.h>

/* cpu, compiler, flags, commit, dirty, os, virtualised, governor, huge_pages, fma_peak_gflops; null where the system does not tell. New
 * reference. */
json_t *environment_record(void);

#endif
