/* SPDX-License-Identifier: MIT
 * The driver of every study: cells x seeds, each run a forked child, rows appended as they come, resume by row id, shards, progress, tables. */
#ifndef ABLATIONS_ABLATION_H
#define ABLATIONS_ABLATION_H

#include "../nets/train.h"
#include "../nets/zoo/zoo.h"
#include "cli.h"

/* An arm is a cell with one thing changed: another net string, or recipe words that replace the cell's. */
struct arm {
    const char *cell, *arm;             /* "published", "no logit dropout" */
    const char *net;                    /* NULL: the cell's */
    const char *recipe;                 /* words added to the cell's recipe (later words win); NULL: none */
    const char *tests;                  /* one line: what it tests */
    bool quick;                         /* also part of --quick */
};

struct study {
    const struct zoo_study *zoo;        /* its published cells */
    const struct arm *arms;             /* ended by cell NULL; may be NULL */
    int seeds, quick_seeds, quick_epochs;               /* defaults */
};

/* main() of a study program: parse, list or run, table at the end; returns the exit code. */
int ablation_main(const struct study *study, int argc, const char **argv);

#endif
