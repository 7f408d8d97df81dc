/* SPDX-License-Identifier: MIT
 * What merge knows of the rows of many files: where each stands and what decides its place and whether it contradicts another. The rows
 * themselves stay in their files until they are written. */
#ifndef BENCH_ROWS_ENTRIES_H
#define BENCH_ROWS_ENTRIES_H

#include "committed.h"

enum { WEIGHTS, TEST_ACC, TRAIN_ACC, TEST_LOSS, AGREED };

struct entry {
    char id[ID_SIZE];
    bool timing;
    int file;
    off_t begin;
    size_t length;
    const char *study, *kind, *data, *cell, *arm;
    double seed, threads;
    uint64_t agreed[AGREED]; /* what rows of one id must agree in: equal values, equal numbers */
};

struct source {
    const char *path;
    FILE *file; /* unpacked where it was .xz; plain files are closed between reading and writing */
    dev_t device;
    ino_t inode;
    struct beside beside;
};

struct merging {
    struct source *sources;
    int source_count;
    struct entry *list;
    size_t count, room;
    struct names names;
    struct entry **chosen; /* one of each id, in the order of writing */
    size_t chosen_count, conflicts;
};

/* The rows of all files; each line that is none is reported and left out. */
int merging_read(struct merging *m, const char **paths, struct why *why);
/* Chooses one row of each id and orders them; rows of one id that disagree are reported and counted. */
int merging_choose(struct merging *m, struct why *why);
/* Row i of the chosen as a whole line, to be freed; NULL with the reason. */
char *merging_line(struct merging *m, size_t i, size_t *length, struct why *why);
/* Is that id among the chosen? `chosen` is in any order: asked before merging_order. */
bool merging_has(const struct merging *m, const char *id);
void merging_order(struct merging *m);
void merging_close(struct merging *m);

#endif
