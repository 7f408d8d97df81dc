/* SPDX-License-Identifier: MIT
 * A row as its line in a file: strict JSON, one object, whose last field is the CRC-32 (zlib's) of the line's bytes before it, in eight
 * hexadecimal digits: {"id":…,"env":{…},"crc32":"0f3a55c1"}. Rows written before there was one have none and stay valid. The checksum
 * belongs to the line, not to the row: readers check it and leave it out, writers make it. */
#ifndef BENCH_RECORD_ROW_TEXT_H
#define BENCH_RECORD_ROW_TEXT_H

#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>
#include "../../kernels/runtime/why.h"
#include "json_text.h"

/* The line of a row, newline included, to be freed; NULL: out of memory. */
char *row_line(const json_t *row, size_t *length);
/* The same of a text that is a whole object without checksum, without a newline. */
char *row_line_of(const char *object, size_t size, size_t *length);

/* Lines of a file of rows, one by one. */
struct row_lines {
    const char *path;                                                                /* for messages; borrowed */
    FILE *file;                                                                      /* owned */
    void (*refused)(void *context, const char *path, int number, const char *words); /* told of each line that is no row, and why */
    void *context;
    /* The line that row_lines_next has found: */
    int number;
    off_t begin;            /* in the file */
    char *text;             /* without its newline */
    size_t length;          /* of the text */
    bool torn_end, checked; /* the file ends inside it; it has a checksum, which holds */
    struct members members;
    size_t room;
    ssize_t taken;
};

/* path "": `file` has been opened by the caller. 0, or -errno: -ENOENT says nothing in `why`. */
int row_lines_open(struct row_lines *l, const char *path, FILE *file, struct why *why);
/* The next line that is an object whose checksum, if it has one, holds. 1; 0 at the end; -errno where it cannot be read. Empty lines are
 * skipped; each other line that is none is told to `refused`, never passed over in silence. */
int row_lines_next(struct row_lines *l, struct why *why);
void row_lines_close(struct row_lines *l);

#endif
