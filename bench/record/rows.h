/* SPDX-License-Identifier: MIT
 * The file of rows, JSON Lines: one object per finished run or measured case, appended by one program at a time. rows.c says how none is
 * lost. */
#ifndef BENCH_RECORD_ROWS_H
#define BENCH_RECORD_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include "../../kernels/runtime/why.h"
#include "names.h"

enum { ID_SIZE = 65 };      /* a sha256 as text */
enum { OPEN_TRIES = 1000 }; /* so often a file may be replaced between our opening it and our lock */

/* The part of a row that tables and resuming need; NAN where the row has none. */
struct row {
    char id[ID_SIZE], isa[16];
    const char *net; /* in `names` */
    uint64_t seed;
    int threads;
    bool quiet;
    double batch, test_acc, best_test_acc, train_acc, test_loss, train_images_per_s, infer_images_per_s, bytes_arenas;
    double peak_rss_bytes;
};

struct rows {
    const char *path;       /* borrowed */
    int fd;                 /* -1 until opened for appending */
    bool regular, torn_end; /* torn_end: the file ends inside a line */
    struct stat seen;       /* the file as it was read; st_ino 0: there was none */
    struct row *list;
    int count, room;
    int *by_id, sorted; /* the first `sorted` of the list, by id and then by place */
    struct names names;
};

/* Reads what is there (nothing is fine). Lines that are no rows, or whose checksum is wrong, are reported with their number and left out:
 * their runs are made again. 0, or -errno with the reason. */
int rows_read(struct rows *r, const char *path, struct why *why);
/* Opens for appending, makes missing folders, ends a torn line. Holds the file's lock until closed; -EAGAIN when another run has it. What
 * was written there since rows_read is read then, under the lock. */
int rows_open(struct rows *r, struct why *why);
bool is_file(int fd, const struct stat *other); /* is what is open the file that stat() told of? */
/* One line, one write(). Earlier rows stay intact whatever happens. A file that was removed or replaced meanwhile is said, and the row goes
 * to the one that has its name now. */
int rows_append(struct rows *r, const json_t *row, struct why *why);
/* The first row of that id, or NULL. */
const struct row *rows_find(const struct rows *r, const char *id);
void rows_close(struct rows *r);

/* JSON has no NaN and no infinity: null. New reference. */
json_t *real_or_null(double value);
/* mkdir -p of the file's folder. */
void make_folders(const char *path);

#endif
