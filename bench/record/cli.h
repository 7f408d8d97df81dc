/* SPDX-License-Identifier: MIT
 * The command line that every program shares, by popt. Every flag is also an environment variable: --data is CONVGAUGE_DATA; flags win.
 * CONVGAUGE_DATA_DIR alone is weaker than its flag by nature: it is one more place to look, where --data-dir is the only one. */
#ifndef BENCH_RECORD_CLI_H
#define BENCH_RECORD_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include "../../kernels/kernels.h"
#include "../../kernels/runtime/topology.h"

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAIL = 1,
    EXIT_USAGE = 2,
    EXIT_NO_ISA = 3,
    EXIT_DATA = 4,
    EXIT_INTERRUPTED = 130,
    EXIT_TERMINATED = 143
};

enum format { FORMAT_MD, FORMAT_CSV, FORMAT_JSON, FORMAT_JSONL };

enum { MAX_SEEDS = 1000, MAX_THREADS_LIST = 16, MAX_THREADS = 1024, THREADS_ALL = -1 };

struct options {
    bool list, quick, dry_run, quiet;
    const char *filter, *data, *data_dir; /* NULL: not given */
    const char *env_data_dir;             /* CONVGAUGE_DATA_DIR, or NULL: dataset_open's env_dir */
    int epochs;                           /* 0: the recipe's */
    int seed_count;
    uint64_t seeds[MAX_SEEDS]; /* 0: the program's default; no seed stands twice */
    int thread_count;
    int threads[MAX_THREADS_LIST]; /* 0: the program's default; THREADS_ALL: every usable core */
    int jobs;                      /* runs side by side; 0: as many as usable cores allow */
    enum bind bind;
    unsigned isas;      /* what can run here, is built in, and --isa allows; never empty */
    const char *algo;   /* "auto", or a convolution algorithm that exists */
    bool no_fuse;       /* every layer by itself */
    bool no_blocks;     /* the whole batch layer after layer, none block by block */
    enum format format; /* --format, else by --output's ending (jsonl unless it says otherwise), else md */
    const char *output; /* NULL: not given */
    int shard, shards;  /* 1-based; 1 of 1 */
};

struct poptOption;

/* Parses argv; `more` are the program's own flags (may be NULL; plain popt rows that store through `arg`). Returns on success; --help and
 * --version print and exit 0; anything wrong prints one line with the way out on stderr and exits EXIT_USAGE (EXIT_NO_ISA for an ISA that
 * is not here). */
void cli_parse(struct options *o, const char *name, const char *what_it_does, const struct poptOption *more, int argc, const char **argv);

/* Puts /dev/null where descriptor 0, 1 or 2 is closed, and ignores SIGPIPE; cli_parse begins with it. */
void open_standard(void);

/* Prints "program: message" on stderr and exits with `code`. */
_Noreturn void quit(enum exit_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints "program: message" on stderr and goes on. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Does the glob match "study/cell/arm"? A bare word (no * ? [ or /) matches any part of it. NULL matches all. */
bool filter_matches(const char *filter, const char *name);

/* "convgauge 0.1.0". */
const char *cli_version(void);

#endif
