/* SPDX-License-Identifier: MIT
 * The form of rows that is committed: FILE.jsonl without curves and long lists, those in FILE.curves.jsonl.xz, and what is the same in many
 * rows (env, data_sha256, numerics) in environments.json beside them, by a short hash. Reading makes rows whole again. */
#ifndef BENCH_ROWS_COMMITTED_H
#define BENCH_ROWS_COMMITTED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include "../record/row_text.h"
#include "../record/rows.h"

/* What stands beside a file. */
struct beside {
    json_t *environments; /* NULL: none */
    FILE *file;           /* the curves; NULL: none */
    struct curve {
        char id[ID_SIZE];
        off_t begin;
        size_t length;
    } * curves;
    size_t count, room;
};

/* 0 also where there is nothing. Lines that are no curves are told to `refused`. */
int beside_open(struct beside *b, const char *path, void (*refused)(void *, const char *, int, const char *), struct why *why);
void beside_close(struct beside *b);
/* The row as a line with its newline, to be freed: as it is where nothing beside it belongs to it. NULL: *why says what failed. */
char *beside_whole(const struct beside *b, const char *text, size_t length, size_t *whole, struct why *why);

/* "results/x.jsonl" with ".curves.jsonl.xz" in place of the ending; and environments.json in its folder. To be freed; NULL: no memory. */
char *path_beside(const char *path, const char *ending), *path_of_environments(const char *path);
/* environments.json of a folder: a new object where there is none. NULL with the reason where it is broken. */
json_t *environments_read(const char *path, struct why *why);

/* Writes the three. */
struct compact;
int compact_open(struct compact **c, const char *path, struct why *why);
int compact_add(struct compact *c, const char *text, size_t length, struct why *why);
int compact_close(struct compact *c, struct why *why); /* they take their places; files that would be the same are left alone */
void compact_drop(struct compact *c);                  /* in place of closing: nothing has been */

bool is_curve(struct text key), is_shared(struct text key);

#endif
