/* SPDX-License-Identifier: MIT
 * Others who do the same work, in the same process and the same turns: oneDNN, and what a compiler makes of the scalar reference by itself
 * when it may use this very machine's instructions. A peer that is not built in or not here is named with its reason. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "../kernel.h"

/* The reference's rows, compiled with -O3 -march=native; NULL where the compiler has no such flag, or this CPU is a lesser one than the
 * machine that built it. */
const struct kernels *native_kernels(void);

/* "2.6.3 (avx2)", or NULL and why oneDNN is not here. Must come first: it caps oneDNN to the best of `isas`, since neither side is given
 * instructions that the other may not use. */
const char *onednn_version(unsigned isas, struct why *why);

struct onednn;
/* The fastest of its layouts, algorithms and implementations for one direction of a problem, on the team's workers' cores. NULL: it does
 * not do that, or fails to. `text` receives what was chosen ("any/direct, jit:avx2"). */
struct onednn *onednn_open(const struct problem *p, int direction, struct team *team, char *text, size_t size);
void onednn_run(void *onednn);
/* Runs it once more and compares its result with ours in the problem's tensor: NULL when it is the same up to rounding, else where not. */
const char *onednn_compare(struct onednn *o, char *text, size_t size);
void onednn_close(struct onednn *o);

#endif
