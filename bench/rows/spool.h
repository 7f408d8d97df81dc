/* SPDX-License-Identifier: MIT
 * Files of rows, plain or .xz, as something to read here and there. */
#ifndef BENCH_ROWS_SPOOL_H
#define BENCH_ROWS_SPOOL_H

#include <stdio.h>
#include "../../kernels/runtime/why.h"

/* An .xz file may unpack to so many times its size, and no more. */
enum { UNPACKED_MOST = 2000 };

/* To *file: the file itself, or a temporary one without a name that holds what it unpacks to. -errno with the reason; -EINVAL: it is no
 * regular file, or the packing is damaged. */
int spool_open(FILE **file, const char *path, struct why *why);

#endif
