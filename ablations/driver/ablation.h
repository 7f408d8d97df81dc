/* SPDX-License-Identifier: MIT
 * The driver of every study: cells x seeds, each run a forked child, rows appended as they come, resume by id, shards, progress, tables. */
#ifndef ABLATIONS_ABLATION_H
#define ABLATIONS_ABLATION_H

#include <jansson.h>
#include "../../nets/train/train.h"
#include "../../nets/zoo/zoo.h"
#include "../../bench/record/cli.h"

/* An arm is a cell with one thing changed: another net string, or recipe words that replace the cell's. */
struct arm {
    const char *cell, *arm; /* "published", "no logit dropout" */
    const char *net;        /* NULL: the cell's */
    const char *recipe;     /* words added to the cell's recipe (later words win); NULL: none */
    const char *tests;      /* one line: what it tests */
    bool quick;             /* also part of --quick */
    const char *base;       /* the arm of the same cell that it changes; NULL: the cell itself */
    int tier;               /* 0: a claim needs it, tier 2; 3: none does; TIER_SPEEDRUNS */
};

/* The fields that every arm has, for tables: { ARM("published", "lr 0.1", NULL, "lr=0.1", "ten times the rate"), .quick = true } */
#define ARM(cell_, arm_, net_, recipe_, tests_) .cell = cell_, .arm = arm_, .net = net_, .recipe = recipe_, .tests = tests_

/* A cell with values and gradients in bf16: as accurate? The regime is the cell's, so that differences are paired at full length. */
#define ARM_BF16(cell_) \
    { \
        ARM(cell_, "bf16", NULL, "precision=bf16", "values and gradients in bf16, sums and weights in float32") \
    }

/* How many seeds the runs that a glob on cell/arm matches get: the first that matches counts. */
struct seeds {
    const char *filter;
    int seeds;
};

/* A run as a study's own code sees it, in the child that makes it. */
struct look {
    const char *cell, *arm; /* arm "": the cell itself */
    const struct net *net;
    const struct recipe *recipe;
    const struct dataset *data;
    const struct train_options *options;
    int batch;          /* images that the run's plan takes at least */
    json_t *extra;      /* what is put here stands in the row */
    const char *folder; /* where pictures go, or NULL */
    void *own;          /* the study's */
};

struct study {
    const struct zoo_study *zoo;                     /* its published cells */
    const struct arm *arms;                          /* ended by cell NULL; may be NULL */
    int seeds, arm_seeds, quick_seeds, quick_epochs; /* defaults: seeds 0 … n-1; arm_seeds 0: as seeds */
    const char *quick_recipe;                        /* words that --quick adds; NULL: none */
    const struct seeds *seeds_of;                    /* exceptions, ended by filter NULL; may be NULL */
    /* Sets the hooks it wants (their context is the look) and may add to `extra`; NULL: none. */
    void (*look)(struct look *look, struct train_hooks *hooks);
};

/* A recipe as typed, and what flags may add to it. */
enum { RECIPE_WORDS = 2048, RECIPE_FLAGS = 128 };

/* The last tier: arms whose claim is in seconds. Asked for alone, each of their runs has all cores and no other beside it. */
enum { TIER_SPEEDRUNS = 4 };

/* What a program asks of the driver besides the common flags. */
struct wish {
    bool arms;               /* the arms too, not the published cells alone (--filter and --quick choose among both anyway) */
    int tier;                /* 1: cells; 2: arms that a claim needs; 3: the other arms; TIER_SPEEDRUNS; 0: by `arms` */
    bool timing;             /* timing rows: a short run per cell and thread count, alone on the machine */
    bool directory;          /* the data are whatever lies in --data-dir */
    bool epoch_lines;        /* a line on stderr per epoch */
    bool again;              /* run what has a row already (no second row is written) */
    bool summary;            /* print the nets' summaries and exit */
    bool weights_only;       /* of `load` */
    bool go_on_diverged;     /* as train_options has it */
    const char *load, *save; /* checkpoints, as train_options has them; NULL: none */
    int checkpoint_every;    /* epochs: runs of a sweep that was stopped go on from there; 0: they start anew */
    const char *report;      /* run nothing: tables of the rows in this file; NULL: no */
    const char *pictures;    /* folder for what can be drawn, written by runs of the first seed; NULL: none */
};

/* List, estimate or run, table at the end; returns the exit code, or quits with one line where the request cannot be met. */
int ablation_run(const struct study *study, const struct options *options, const struct wish *wish);

/* What --checkpoint-every takes; quits at anything else. */
int every_of(int given);

/* What --on-divergence takes: "stop" (or NULL), "continue"; quits at anything else. Is it "continue"? */
bool goes_on_diverged(const char *word);

/* main() of a study program: cli_parse, then ablation_run. */
int ablation_main(const struct study *study, int argc, const char **argv);

#endif
