/* SPDX-License-Identifier: MIT
 * Texts that many rows share (nets, cells, arms), kept once, or nearly: the last of each hash is found again. */
#ifndef BENCH_RECORD_NAMES_H
#define BENCH_RECORD_NAMES_H

#include "json_text.h"

enum { NAMES_RECENT = 1024 };

struct names {
    struct name *all;
    const char *recent[NAMES_RECENT];
};

/* A copy that lives as long as `n`; NULL: out of memory. Starts from zeros. */
const char *names_keep(struct names *n, struct text text);
void names_free(struct names *n);

#endif
