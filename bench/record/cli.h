/* SPDX-License-Identifier: MIT
 * The command line that every program shares, by popt. Every flag is also an environment variable: --data is CONVGAUGE_DATA; flags win.
 * CONVGAUGE_DATA_DIR alone is weaker than its flag by nature: it is one more place to look, where --data-dir is the only one. And
 * CONVGAUGE_CLAIMS has no flag: programs with the same word there keep off each other's cores (kernels/runtime/claims.h); none: no claims.
 */
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
    EXIT_HANGUP = 129,
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
    bool amx;           /* by --isa: tiles of bf16 must be AMX's; floats are computed by the best of the others */
    const char *algo;   /* "auto", or a convolution algorithm that exists */
    bool no_fuse;       /* every layer by itself */
    bool no_blocks;     /* the whole batch layer after layer, none block by block */
    bool no_recompute;  /* all that backward reads is kept */
    enum format format; /* --format, else by --output's ending (jsonl unless it says otherwise), else md */
    const char *output; /* NULL: not given */
    int shard, shards;  /* 1-based; 1 of 1 */
};

/* The flags that programs share, as bench/record/flags.c has them. */
enum flag {
    FLAG_LIST = 1,
    FLAG_DRY_RUN,
    FLAG_QUICK,
    FLAG_QUIET,
    FLAG_FILTER,
    FLAG_DATA,
    FLAG_DATA_DIR,
    FLAG_EPOCHS,
    FLAG_SEEDS,
    FLAG_THREADS,
    FLAG_JOBS,
    FLAG_BIND,
    FLAG_ISA,
    FLAG_ALGO,
    FLAG_NO_FUSE,
    FLAG_NO_BLOCKS,
    FLAG_NO_RECOMPUTE,
    FLAG_FORMAT,
    FLAG_OUTPUT,
    FLAG_SHARD,
    FLAG_VERSION, /* the last two of every program */
    FLAG_HELP,
    FLAG_COUNT
};

/* A set of them: TAKES(LIST) | TAKES(QUICK). */
#define TAKES(flag) (1ul << FLAG_##flag)
#define TAKES_ALL (~0ul)
/* What measures speed takes; bench-nets and bench-kernels a little more. */
#define TAKES_BENCH \
    (TAKES(LIST) | TAKES(DRY_RUN) | TAKES(QUICK) | TAKES(QUIET) | TAKES(FILTER) | TAKES(THREADS) | TAKES(BIND) | TAKES(ISA) | \
     TAKES(FORMAT) | TAKES(OUTPUT))

struct poptOption;

/* A program as its command line knows it. */
struct program {
    const char *name, *does;             /* does: what --help says of it */
    unsigned long takes;                 /* which common flags */
    const struct poptOption *more;       /* its own: plain popt rows that store through `arg`; NULL: none */
    const char *const *examples;         /* command lines, ended by NULL; NULL: none */
    const char *output, *filter, *quick; /* what these flags mean here, where it differs; NULL: as usual */
};

/* Parses argv. Returns on success; --help and --version print and exit 0; anything wrong prints one line with the way out on stderr and
 * exits EXIT_USAGE (EXIT_NO_ISA for an ISA that is not here). */
void cli_parse(struct options *o, const struct program *program, int argc, const char **argv);

/* The same for a program that takes files, at least one, and a few flags of its own: the files, ended by NULL, for the program's life. */
const char **cli_files(const char *name, const char *what_it_does, const struct poptOption *own, int argc, const char **argv);

/* Who speaks in quit() and warn(); the two above begin with it. */
void cli_name(const char *name);

/* Puts /dev/null where descriptor 0, 1 or 2 is closed, ignores SIGPIPE, and lets SIGINT, SIGTERM and SIGHUP say a line before they end the
 * program (SIGHUP stays ignored under nohup); cli_parse begins with it. */
void open_standard(const char *program);
/* That line: "program: interrupted: words"; `removes` (NULL: nothing) is a file that is of no use then. */
void stop_says(const char *words, const char *removes);
/* That file. */
const char *stop_useless(void);
/* What a program writes, and where, when a small allocation fails, which ends it with EXIT_FAIL: at first a line on stderr. */
void out_of_memory_says(int fd, const char *words);
/* 130 of SIGINT, 143 of SIGTERM, 129 of SIGHUP. */
enum exit_code exit_of_signal(int number);
/* The end of main(): `code`, or quits where stdout did not take what was printed. */
int finished(int code);

/* Prints "program: message" on stderr and exits with `code`. */
_Noreturn void quit(enum exit_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints "program: message" on stderr and goes on. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Does the glob match "study/cell/arm"? A bare word (no * ? [ or /) matches any part of it. NULL matches all. */
bool filter_matches(const char *filter, const char *name);

/* "convgauge 0.1.0". */
const char *cli_version(void);

#endif
