/* SPDX-License-Identifier: MIT
 * Private to kernelcheck: what was asked for, and the three forms of its report. */
#ifndef TESTS_KERNELCHECK_H
#define TESTS_KERNELCHECK_H

#include <stdio.h>
#include "check.h"

enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_JUNIT };

struct arguments {
    struct check_options check;
    enum report_format format;
    bool help, version, list, quiet, quick, no_mutants, vectors; /* vectors: --op v */
    const char *output;                                          /* NULL: stdout */
    int printed;                                                 /* JSON objects or JUnit cases so far */
    int failed;                                                  /* of those */
    FILE *out;                                                   /* where findings go; of JUnit into memory, as its head has their number */
    char *cases;                                                 /* that memory */
    size_t length;
};

/* Begins, and ends with the line of totals. report_end: 0, or the errno of what could not be written. */
void report_begin(struct arguments *a);
int report_end(struct arguments *a, const struct check_total *t, double seconds);

/* As check_walk calls it: the lines of an op, or its mutants. */
void report_op(const struct check *c, void *context);
/* The vector contract of an ISA: how many vectors were compared; or -1 and what was found. */
void report_vectors(struct arguments *a, enum isa isa, long made, const char *finding);

/* On stderr, at most ten times a second, and at once when an op begins: which problem of how many. On a terminal one line that redraws
 * itself; elsewhere a line per op. */
void report_progress(void *context, enum op op, int done, int total);

#endif
