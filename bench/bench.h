/* SPDX-License-Identifier: MIT
 * The benches' common part. A *case* is something that can be called; a *group* is cases that do the same work and are compared: they are
 * sampled interleaved (A B C A B C …), so that a disturbance of the machine meets all of them, until the medians are known well enough or
 * the time is up. A *sample* is the mean of so many calls that the clock's grain and its reading do not count. All samples are kept.
 *
 * The samples then go two ways: to our rows (report.c), and into Google Benchmark by manual time (gbench.cc), out of whose reporters they
 * come as from any of its programs. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "record/machine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sampling (sampler.c) ---------------------------------------------------------------------------------------------------- */

enum { BENCH_SAMPLES = 1000 };

#define CLOCK_BROKEN "the clock stands still or goes back here: nothing can be measured; see /sys/devices/system/clocksource"

/* Hardware counters of the calling thread, per call; NAN where the system gives none. */
struct bench_counts {
    double cycles, instructions, cache_misses;
};

struct bench_case {
    void (*run)(void *context);                /* one call, timed from outside … */
    double (*timed)(void *context, int calls); /* … or, when set, so many calls that time themselves: seconds. NAN: no more of it */
    void *context;
    bool beside; /* measured beside the others without a say in when to stop: a reference such as the peak */
    /* results */
    double *sample;
    int samples;  /* seconds per call */
    int calls;    /* per sample */
    double spent; /* seconds, warm-up left out; INFINITY: it has failed */
    struct bench_counts counts;
};

struct bench_rules {
    double rel_ci;   /* stop when the median's 95 % interval is narrower than this share of it … */
    double max_time; /* … or a case has had so many seconds */
    int min_samples;
    bool cold;    /* caches are emptied before every call; a sample is one call */
    double pause; /* seconds of quiet before every sample: the other teams' threads stop spinning in it */
};

struct bench_rules bench_rules_default(void);

/* Samples the group. Every case has at least one sample afterwards. 0, or -ENOMEM. */
int bench_sample(struct bench_case *cases, int count, const struct bench_rules *rules);
void bench_case_free(struct bench_case *c);

/* Of samples, in seconds: the median's 95 % interval from order statistics; low, high NAN below six samples, which cannot give one. */
struct bench_stats {
    int n;
    double min, median, p95, low, high;
};
struct bench_stats bench_stats_of(const double *sample, int n);

/* How far the FMA loop that was sampled beside a group moved while it was: the largest of the medians over four parts of the time against
 * the smallest, less 1. NAN where there is none or it has too few samples. Beyond REFERENCE_MOST a ratio of that group is marked. */
double reference_moved(const struct bench_case *reference);
extern const double REFERENCE_MOST;

/* ---- turns between two programs (turns.c) ---------------------------------------------------------------------------------------- */

/* "IN,OUT": the ends of two pipes by which this program and another one (see bench/tools/bench-turns) hand each other the turn. Waits for
 * it. 0, or -EINVAL: no such pipes, or nobody there. */
int turns_open(const char *text);
/* Hands the turn over and waits until it is back. more: whether this group needs more samples; returns whether either program does. Without
 * a partner: more. */
bool turns_pass(bool more);

/* ---- hardware counters (counters.c) --------------------------------------------------------------------------------------------- */

/* Counters of the calling thread. counters_open: NULL, or why there are none. */
const char *counters_open(void);
void counters_start(void);
struct bench_counts counters_stop(void);
void counters_close(void);

/* ---- Google Benchmark (gbench.cc) ---------------------------------------------------------------------------------------------- */

/* Takes Google Benchmark's own flags (--benchmark_…) out of argv; true when there were any: then its reporters speak. */
bool gbench_flags(int *argc, char **argv);
void gbench_context(const char *key, const char *value);

struct gbench_counter {
    const char *name;
    double value;
};

/* One benchmark: sample i becomes repetition i with manual time. Counters that are not finite are left out (its JSON would be broken). */
void gbench_add(const char *name, const double *sample, int samples, int calls, const struct gbench_counter *counters, int count);

/* Runs what was added through its reporters as its flags say. The number of benchmarks that its filter let through. */
int gbench_run(void);
/* The same as JSON in memory, to be freed by the caller; NULL when nothing passed its filter. */
char *gbench_json(void);

#ifdef __cplusplus
}
#endif

#endif
