/* SPDX-License-Identifier: MIT
 * Others who do the same work, interleaved with ours: oneDNN, and what a compiler makes of the scalar reference by itself when it may use
 * this very machine's instructions. A peer that is not built in or not here is named with its reason. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "../kernel.h"

/* The reference's rows, compiled with -O3 -march=native; NULL where the compiler has no such flag, or this CPU is a lesser one than the
 * machine that built it. */
const struct kernels *native_kernels(void);

/* "2.6.3 (avx2)", or NULL and why oneDNN is not here. Must come first: it caps oneDNN to the best of `isas`, since neither side is given
 * instructions that the other may not use. */
const char *onednn_version(unsigned isas, struct why *why);

/* oneDNN in a process apart, which has what lay in memory when it was opened: the problem's tensors, our result among them. */
struct onednn_peer;
/* The fastest of its layouts, algorithms and implementations for one direction of a problem, on the team's workers' cores. NULL: it does
 * not do that, or fails to. `text` receives what was chosen ("any/direct, jit:avx2"), and what crashed and was left out. */
struct onednn_peer *onednn_peer_open(const struct problem *p, int direction, struct team *team, char *text, size_t size);
/* Seconds of so many calls, timed there; NAN: it has failed. */
double onednn_peer_time(void *peer, int calls);
/* Compares its result with ours: NULL when it is the same up to rounding, else where not. */
const char *onednn_peer_compare(struct onednn_peer *o, char *text, size_t size);
/* NULL while it lives, else what became of it. */
const char *onednn_peer_end(const struct onednn_peer *o);
void onednn_peer_close(struct onednn_peer *o);

#endif
