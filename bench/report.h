/* SPDX-License-Identifier: MIT
 * Rows out: a row is a JSON object; as jsonl it is written whole, as md or csv by columns, as json it has gone to Google Benchmark and
 * comes out of its reporter. Rows appear as they are made; a file appears under its name when it is complete. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <jansson.h>
#include <stdio.h>
#include "record/cli.h"
#include "record/rows.h"
#include "bench.h"

/* What common flags mean to a bench, for its struct program. */
#define BENCH_WORDS(names) \
    .output = "rows (jsonl) or the table go here; a file that exists is refused", \
    .filter = "only cases that this glob on " names " matches; a bare word: any part", .quick = "a few small cases, 0.01 s each"

struct team;

struct column {
    const char *key, *heading;
    int width, digits;
}; /* width 0: csv alone; digits: of numbers, -1: %g */

struct report {
    const struct column *columns; /* ended by key NULL */
    enum format format;
    const char *path; /* NULL: stdout */
    char *beside;     /* where it is until complete */
    FILE *out;
    int error;            /* errno of the first write that failed */
    bool started, gbench; /* gbench: Google Benchmark's reporters speak, not ours */
};

/* The end of --list and --dry-run: the latter says how many cases there are and how long they take at most. */
int report_listed(const struct options *options, int cases, double max_time);
/* The team that is measured with; says where it is not pinned, and why. */
void report_team(const struct options *options, const struct team *team);
/* As many workers as --threads says; more than there are cores is said, once per program. */
int report_workers(const struct options *options, int threads);

/* Quits with a message when the file cannot be written, is there already, or another bench is at it. */
void report_open(struct report *r, const struct options *options, const struct column *columns, bool gbench);
/* Marks the row with how many cores other runs of ours have claimed ("beside"), if any. */
void report_row(struct report *r, json_t *row);
/* A remark below the rows: md on stdout alone. */
void report_remark(struct report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Finishes; quits when something could not be written or Google Benchmark's filter let nothing through. */
void report_close(struct report *r);

/* In place of closing, where no row was made: leaves no file behind. */
void report_drop(struct report *r);

/* The conditions that every row carries, with the FMA peak (GFLOP/s) that was measured beside it. New reference. */
json_t *report_environment(double fma_peak);
/* Into the row: what reference_moved() says, and in front of its note "disturbed" where it is too large. */
void report_moved(json_t *row, double moved);
/* Median, interval, minimum, p95 in microseconds, the samples and counters of a case, into its row. */
void report_timing(json_t *row, const struct bench_case *c);

#endif
