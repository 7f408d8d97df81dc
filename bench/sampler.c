/* SPDX-License-Identifier: MIT
 * The sampler: warm-up, calls per sample, turns, and when to stop. Medians are compared, not means: a disturbance makes some samples
 * longer and none shorter. The interval of a median needs no distribution: its bounds are two of the ordered samples, chosen so that the
 * binomial distribution gives them 95 %. */
#include "bench.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "../kernels/runtime/clock.h"
#include "record/cli.h"

/* A sample lasts long enough that reading the clock (some 30 ns) is below 0.1 %, and short enough that many fit between two interrupts. */
static const double SAMPLE_SECONDS = 100e-6, WARM_SECONDS = 10e-3, CENTURY = 3.2e9;
enum { FLUSH_BYTES = 64 << 20, CALLS_MAX = 1 << 20, FEWEST = 3, STANDS_STILL = 30 };

struct bench_rules bench_rules_default(void) { return (struct bench_rules){ .rel_ci = 0.02, .max_time = 1, .min_samples = 11 }; }

/* ---- statistics ---- */

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The largest k for which [x(k), x(n-1-k)], counted from 0, holds the median with 95 %: P(Binomial(n, 1/2) <= k) <= 0.025. -1: none. */
static int median_interval(int n)
{
    assert(n >= 1);
    double term = pow(0.5, n), sum = 0;
    int k = 0;
    for (; k < n / 2; k++) {
        sum += term;
        if (sum > 0.025) break;
        term = term * (n - k) / (k + 1);
    }
    return k - 1;
}

struct bench_stats bench_stats_of(const double *sample, int n)
{
    assert(n >= 1);
    assert(n <= BENCH_SAMPLES);
    double x[BENCH_SAMPLES];
    memcpy(x, sample, (size_t)n * sizeof *x);
    qsort(x, (size_t)n, sizeof *x, ascending);
    const int k = median_interval(n), p95 = (int)ceil(0.95 * n) - 1;
    return (struct bench_stats){ .n = n,
                                 .min = x[0],
                                 .median = (x[(n - 1) / 2] + x[n / 2]) / 2,
                                 .p95 = x[p95],
                                 .low = k < 0 ? NAN : x[k],
                                 .high = k < 0 ? NAN : x[n - 1 - k] };
}

/* ---- one sample ---- */

/* Reads and writes more than the last-level cache of most machines holds, so that what a case needs is no longer there. */
static void empty_caches(unsigned char *flush)
{
    for (size_t i = 0; i < FLUSH_BYTES; i += 64) flush[i]++;
}

/* A clock that stands still or goes back makes no rows: such a difference, unsigned, is centuries. */
static double trusted(double seconds)
{
    if (seconds < 0 || seconds > CENTURY) quit(EXIT_FAIL, CLOCK_BROKEN);
    return seconds; /* or NAN: a case that failed */
}

static double one_sample(const struct bench_case *c, int calls)
{
    assert(calls >= 1);
    if (c->timed) return trusted(c->timed(c->context, calls)) / calls;
    const uint64_t start = clock_ns();
    for (int i = 0; i < calls; i++) c->run(c->context);
    return trusted((double)(clock_ns() - start) * 1e-9) / calls;
}

/* Runs the case until it is warm, and from its fastest call finds how many make a sample. */
static void warm_up(struct bench_case *c, const struct bench_rules *rules)
{
    double spent = 0, fastest = INFINITY;
    int tries = 0;
    const uint64_t start = clock_ns();
    while (tries < 1000 && (spent < WARM_SECONDS || tries < 2) && spent < rules->max_time) {
        const double seconds = one_sample(c, 1);
        spent += seconds;
        if (seconds < fastest) fastest = seconds;
        if (++tries == STANDS_STILL && clock_ns() <= start) quit(EXIT_FAIL, CLOCK_BROKEN);
    }
    assert(tries > 0);
    /* what a call that times itself does besides (a pause, a reset) must not make a sample of seconds */
    const double whole = (double)(clock_ns() - start) * 1e-9 / tries;
    const double calls = fmin(ceil(SAMPLE_SECONDS / fmax(fastest, 1e-9)), ceil(WARM_SECONDS / whole));
    c->calls = rules->cold || calls < 1 ? 1 : calls > CALLS_MAX ? CALLS_MAX : (int)calls;
}

static void count_events(struct bench_case *c, unsigned char *flush)
{
    if (flush) empty_caches(flush);
    counters_start();
    one_sample(c, c->calls);
    c->counts = counters_stop();
    c->counts.cycles /= c->calls;
    c->counts.instructions /= c->calls;
    c->counts.cache_misses /= c->calls;
}

/* ---- turns ---- */

static bool known(const struct bench_case *c, const struct bench_rules *rules)
{
    if (c->samples < rules->min_samples) return false;
    const struct bench_stats s = bench_stats_of(c->sample, c->samples);
    return s.high - s.low <= rules->rel_ci * s.median; /* false while there is no interval */
}

/* Out of time: it takes no more turns. A slow case still gets a few samples, unless one alone takes all the time. */
static bool spent(const struct bench_case *c, const struct bench_rules *rules)
{
    if (c->samples == BENCH_SAMPLES) return true;
    return c->spent >= rules->max_time && (c->samples >= FEWEST || c->spent >= 4 * rules->max_time);
}

/* What a turn begins with. Warm means that the case's own data are in the caches again: whoever came before has driven them out. A call of
 * a tenth of a millisecond or more does that itself. */
static void settle(const struct bench_case *c, const struct bench_rules *rules, unsigned char *flush)
{
    const struct timespec pause = { 0, (long)(rules->pause * 1e9) };
    if (rules->pause > 0) nanosleep(&pause, NULL);
    if (rules->cold) empty_caches(flush);
    else if (c->calls > 1 || rules->pause > 0) one_sample(c, 1);
}

static bool take_turns(struct bench_case *cases, int count, const struct bench_rules *rules, unsigned char *flush)
{
    bool all_known = true;
    int turns = 0;
    for (int i = 0; i < count; i++) {
        struct bench_case *c = &cases[i];
        if (spent(c, rules)) continue;
        settle(c, rules, flush);
        const double seconds = one_sample(c, c->calls);
        assert(c->samples < BENCH_SAMPLES);
        if (seconds == 0) quit(EXIT_FAIL, CLOCK_BROKEN); /* a call of the warm-up may be below the clock's resolution, a sample is not */
        c->sample[c->samples++] = seconds;
        c->spent += isnan(seconds) ? INFINITY : seconds * c->calls;
        turns += !c->beside;
        all_known = (c->beside || known(c, rules)) && all_known;
    }
    return turns > 0 && !all_known;
}

int bench_sample(struct bench_case *cases, int count, const struct bench_rules *rules)
{
    assert(cases);
    assert(count > 0);
    assert(rules->max_time > 0);
    unsigned char *flush = rules->cold ? calloc(1, FLUSH_BYTES) : NULL;
    bool memory = flush || !rules->cold;
    for (int i = 0; i < count; i++) {
        struct bench_case *c = &cases[i];
        c->samples = 0;
        c->spent = 0;
        c->sample = malloc(BENCH_SAMPLES * sizeof *c->sample);
        memory = memory && c->sample;
    }
    if (!memory) {
        for (int i = 0; i < count; i++) bench_case_free(&cases[i]);
        free(flush);
        return -ENOMEM;
    }
    for (int i = 0; i < count; i++) {
        warm_up(&cases[i], rules);
        count_events(&cases[i], flush);
    }
    while (turns_pass(take_turns(cases, count, rules, flush))) {}
    free(flush);
    return 0;
}

void bench_case_free(struct bench_case *c)
{
    free(c->sample);
    c->sample = NULL;
    c->samples = 0;
}

const double REFERENCE_MOST = 0.1;

double reference_moved(const struct bench_case *c)
{
    enum { PARTS = 4, OF_EACH = 5 };
    double least = INFINITY, most = 0;
    if (!c || c->samples < PARTS * OF_EACH) return NAN;
    for (int i = 0; i < PARTS; i++) {
        const int begin = i * c->samples / PARTS, end = (i + 1) * c->samples / PARTS;
        const double median = bench_stats_of(c->sample + begin, end - begin).median;
        least = fmin(least, median);
        most = fmax(most, median);
    }
    return most / least - 1;
}
