/* SPDX-License-Identifier: MIT
 * What this machine can do at most, measured by loops of our own, and what else it is doing meanwhile. */
#ifndef BENCH_RECORD_MACHINE_H
#define BENCH_RECORD_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct team;

/* One sample's work of the FMA loop of an ISA, on every worker of the team: run as a case beside others it gives the peak under the same
 * conditions. isa: enum isa; NULL for those without such a loop (scalar, portable). */
struct peak {
    struct team *team;
    int isa;
};
void peak_run(void *peak);
double peak_flops(const struct peak *p); /* of one peak_run */
bool peak_has(int isa);

/* GFLOP/s of the best of a few runs: for a program's head and rows that no group belongs to. */
double peak_measure(int isa, struct team *team);

enum cache_level { CACHE_L1, CACHE_L2, CACHE_L3, CACHE_DRAM, CACHE_LEVELS };
extern const char *const cache_names[CACHE_LEVELS];

struct machine {
    size_t cache_bytes[CACHE_LEVELS];               /* L1d, L2 per core, L3; DRAM: 0. Guessed where the system does not tell */
    double read[CACHE_LEVELS], triad[CACHE_LEVELS]; /* GB/s of the team: sum of an array; a[i] = b[i] + s c[i], three streams counted */
};

/* Fills it with the best ISA of `isas`, by the team. 0, or -ENOMEM. */
int machine_measure(struct machine *m, unsigned isas, struct team *team);
/* The level whose size `bytes` fit, and the least seconds that moving them takes there. */
enum cache_level machine_level(const struct machine *m, double bytes, int workers);

/* What else went on while measuring: opened before, read after. */
struct noise {
    uint64_t start_ns;
    double cpu, own, steal, busy;
    long switches;
};
void noise_open(struct noise *n);
/* The reasons why timings cannot be trusted, "; " between them; "" when none. */
const char *noise_read(struct noise *n, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
