/* SPDX-License-Identifier: MIT
 * A net that is planned and filled, and can do its work again and again. */
#ifndef BENCH_NET_RUNNER_H
#define BENCH_NET_RUNNER_H

#include "net_run.h"

struct runner {
    const struct bench_net *net;
    struct plan *plan;
    struct optimizer optimizer;
    int batch;
    bool training;
    enum isa isa; /* of floats */
    const char *algo;
    enum precision precision;
    bool no_fuse, no_blocks, no_recompute;
    int planned_workers;
    uint32_t step;
};

/* What stands where an algorithm does for a net that computes in bf16. */
extern const char bf16_algo[];
/* --algo, or that. */
const char *runner_algo(const struct net_options *g);
/* Whether --filter asks for it, which then counts as run; --list prints it, and there is no more to do. */
bool runner_asked(const struct bench_net *n, bool training, enum isa isa, struct net_options *g);
/* 0 or negative errno; closed by plan_close(r->plan). */
int runner_open(struct runner *r, const struct bench_net *n, int batch, bool training, enum isa isa, const char *algo,
                const struct net_options *g, struct why *why);
void runner_run(void *runner);
/* Of one run, nominal. */
double runner_flops(const struct runner *r);
/* What a row says of it first; new reference. */
json_t *runner_row(const struct runner *r, struct team *team, const char *kind);

#endif
