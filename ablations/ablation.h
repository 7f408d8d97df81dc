/* SPDX-License-Identifier: MIT
 * The driver of every study: cells x seeds, each run a forked child, rows appended as they come, resume by id, shards, progress, tables. */
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
    int seeds, quick_seeds, quick_epochs;               /* defaults: seeds 0 … n-1 */
};

/* What a program asks of the driver besides the common flags. */
struct wish {
    bool arms;                          /* the arms too, not the published cells alone (--filter and --quick choose among both anyway) */
    bool timing;                        /* timing rows: a short run per cell and thread count, alone on the machine */
    bool directory;                     /* the data are whatever lies in --data-dir */
    bool epoch_lines;                   /* a line on stderr per epoch */
    bool again;                         /* run what has a row already (no second row is written) */
    bool summary;                       /* print the nets' summaries and leave */
    bool weights_only;                  /* of `load` */
    const char *load, *save;            /* checkpoints, as train_options has them; NULL: none */
};

/* List, estimate or run, table at the end; returns the exit code, or quits with one line where the request cannot be met. */
int ablation_run(const struct study *study, const struct options *options, const struct wish *wish);

/* main() of a study program: cli_parse, then ablation_run. */
int ablation_main(const struct study *study, int argc, const char **argv);

#endif
