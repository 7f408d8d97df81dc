/* SPDX-License-Identifier: MIT
 * The command line that every program shares, by popt. Every flag is also an environment variable: --data-dir is CONVGAUGE_DATA_DIR; flags win. */
#ifndef ABLATIONS_CLI_H
#define ABLATIONS_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include "../kernels/kernels.h"
#include "../kernels/runtime/topology.h"

enum exit_code { EXIT_OK = 0, EXIT_FAIL = 1, EXIT_USAGE = 2, EXIT_NO_ISA = 3, EXIT_DATA = 4, EXIT_INTERRUPTED = 130, EXIT_TERMINATED = 143 };

enum format { FORMAT_MD, FORMAT_CSV, FORMAT_JSON, FORMAT_JSONL };

enum { MAX_SEEDS = 1000, MAX_THREADS_LIST = 16 };

struct options {
    bool list, quick, dry_run, quiet;
    const char *filter, *data, *data_dir;               /* NULL: not given */
    int epochs;                                         /* 0: the recipe's */
    int seed_count; uint64_t seeds[MAX_SEEDS];          /* 0: the program's default */
    int thread_count; int threads[MAX_THREADS_LIST];    /* 0: the program's default */
    enum bind bind;
    unsigned isas;                                      /* cpu_detect() & --isa */
    const char *algo;                                   /* "auto" */
    enum format format; bool format_given;
    const char *output;                                 /* NULL: not given */
    int shard, shards;                                  /* 1-based; 1 of 1 */
};

struct poptOption;

/* Parses argv; `more` are the program's own flags (may be NULL). Returns on success; --help and --version print and exit 0; anything wrong
 * prints one line with the way out on stderr and exits EXIT_USAGE (EXIT_NO_ISA for an ISA that is not here). */
void cli_parse(struct options *o, const char *program, const char *what_it_does, const struct poptOption *more, int argc, const char **argv);

/* Prints "program: message" on stderr and exits with `code`. */
_Noreturn void quit(enum exit_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Does the glob (or bare word: any part) match "study/cell/arm"? NULL matches all. */
bool filter_matches(const char *filter, const char *name);

#endif
