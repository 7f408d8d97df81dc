/* SPDX-License-Identifier: MIT
 * Private to a group of bench-kernels: who takes part (kernel_group.c) and what is told of it (kernel_rows.c). */
#ifndef BENCH_KERNEL_CONTEST_H
#define BENCH_KERNEL_CONTEST_H

#include "../tests/check/check.h"
#include "kernel_group.h"
#include "peers/peers.h"

enum { ENTRIES = 48 };

struct verdict {
    const struct variant *variant;
    char direction[16];
    double worst;
    char finding[CHECK_TEXT + 256];
};

struct verdicts {
    struct verdict list[CHECK_ROWS * CHECK_DIRECTIONS];
    int count;
};

/* A variant or a peer in one group. */
struct entry {
    const char *isa, *algo;        /* of a peer: "peer", its name */
    const struct variant *variant; /* NULL: oneDNN */
    bool floats;                   /* beside bf16: the same shape in floats */
    struct kernel kernel;
    struct onednn_peer *onednn;
    enum isa peak;  /* whose FMA peak counts */
    double error;   /* in units of the bound; NAN: not known */
    bool automatic; /* what auto picks for its ISA */
    char note[160];
};

struct group {
    struct group_options *g;
    struct problem problem, floats; /* floats: of a problem in bf16 */
    int direction;
    struct verdicts verdicts;
    struct entry entry[ENTRIES];
    int entries;
    struct bench_case cases[ENTRIES + ISA_COUNT];
    struct peak peaks[ISA_COUNT];
    int peak_case[ISA_COUNT]; /* index of the case; -1: none */
    bool checked;             /* verdicts are there */
    int wrong;
};

double case_least(const struct bench_case *c); /* a ceiling is what was reached at best */
/* oneDNN's name in the group: in bf16 it is a mode of its own. */
const char *group_onednn(const struct group *k);
/* The ISA whose FMA peak stands for those that have none of their own. */
enum isa group_best_peak(const struct group *k);
/* Seconds that packing the weights takes; NAN where there is nothing to pack. */
double entry_pack_seconds(struct entry *e);

/* Entry i as a row; new reference. */
json_t *group_row(struct group *k, int i, json_t *environment);
void group_to_gbench(const struct group *k, const json_t *row, const struct bench_case *c);
/* Who won, for the summary. */
void group_book(struct group *k);

#endif
