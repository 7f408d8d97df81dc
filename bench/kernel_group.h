/* SPDX-License-Identifier: MIT
 * One problem of bench-kernels: check all variants, then time those that are right interleaved with the baselines, direction by direction.
 */
#ifndef BENCH_KERNEL_GROUP_H
#define BENCH_KERNEL_GROUP_H

#include "kernel.h"
#include "report.h"

/* Of the groups' oneDNN over the best of ours. */
struct ratios {
    double sum;      /* of logarithms */
    int count, lost; /* lost: where oneDNN was faster */
};

struct group_options {
    const struct options *options;
    struct bench_rules rules;
    bool check, mutants;          /* mutants: the checks' wrong variants take part, to be refused */
    bool picked;                  /* of ours only what the planner would take */
    const char *onednn;           /* its version, or NULL: not here or not wanted */
    const struct kernels *native; /* likewise */
    struct team *team;
    struct machine machine;
    /* results */
    int ran;                 /* cases timed (or listed) */
    struct ratios ratios[2]; /* of float32; of bf16 */
    int disturbed;           /* groups whose FMA loop moved too much, left out of the sums */
    int autos, auto_slow;    /* groups where `auto` was timed; where it was beaten by 10 % */
};

/* The machine's ceilings, as remarks. */
void group_machine(const struct group_options *g, struct report *report);
/* All directions of a problem that the filter lets through. The number of variants that were wrong. */
int contest_run(const char *problem, struct group_options *g, struct report *report);
void group_summary(const struct group_options *g, struct report *report);

#endif
