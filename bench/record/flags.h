/* SPDX-License-Identifier: MIT
 * Private to the command line: the table of common flags. Parsing, help, the man page and completions all come from it. */
#ifndef BENCH_RECORD_FLAGS_H
#define BENCH_RECORD_FLAGS_H

#include <popt.h>
#include "cli.h"

/* The rows of the common flags that the program takes, ended as popt wants it; the first call's for its life. */
const struct poptOption *flags_of(const struct program *program);

/* Prints the program's help on stdout: its flags, the common ones that it takes, examples, exit codes. */
void flags_help(const struct program *program);

#endif
