/* SPDX-License-Identifier: MIT
 * One net at one batch: its variants (ISAs and convolution algorithms) are interleaved on the same work; or its training step layer by
 * layer. */
#ifndef BENCH_NET_RUN_H
#define BENCH_NET_RUN_H

#include "../nets/plan/plan.h"
#include "../nets/train/recipe.h"
#include "report.h"

struct bench_net {
    char name[64], string[512];
    struct net net;
    struct recipe recipe;
    int batch; /* as documented */
};

/* The median of a case on one thread, for the scaling column. */
struct single {
    char name[192];
    double seconds;
};

struct net_options {
    const struct options *options;
    bool bf16; /* training in bf16 is a variant, in the place of direct */
    struct bench_rules rules;
    struct team *team;
    int planned_workers; /* 0: the team's */
    struct single *singles;
    int single_count;
    int ran, disturbed; /* disturbed: cases whose FMA loop moved too much */
};

extern const struct column net_profile_columns[], net_units_columns[];

/* To stdout: the plan of its training step, with the best ISA and --algo. */
void net_show(const struct bench_net *n, int batch, struct net_options *g);
void net_measure(struct bench_net *n, int batch, struct net_options *g, struct report *report);
void net_profile(struct bench_net *n, int batch, struct net_options *g, struct report *report);
/* On a team of one. */
void net_units(struct bench_net *n, int batch, struct net_options *g, struct report *report);

#endif
