/* SPDX-License-Identifier: MIT
 * The benches' sampler: statistics on samples whose answers are known, turns, and when it stops. Cases here time themselves, so that no
 * machine's speed decides. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../bench/apart.h"
#include "../../bench/bench.h"
#include "../../kernels/runtime/clock.h"
#include "../../kernels/runtime/cpu.h"
#include "../../kernels/runtime/rng.h"

/* ---- statistics ---- */

static struct bench_stats of_first(int n)
{
    double x[BENCH_SAMPLES];
    for (int i = 0; i < n; i++) x[i] = (double)((i * 7919) % n + 1); /* 1 … n in some order: n is prime to 7919 */
    return bench_stats_of(x, n);
}

/* A loop that stands, one that a neighbour slows for the last quarter, one with a few interrupts, one of which too little is known. */
Test(bench_stats, a_reference_that_moved)
{
    double x[40];
    struct bench_case loop = { .sample = x, .samples = 40 };
    for (int i = 0; i < 40; i++) x[i] = 1 + (i % 13 == 0 ? 5 : 0);
    cr_assert_float_eq(reference_moved(&loop), 0, 1e-12, "single interrupts are no move");
    for (int i = 30; i < 40; i++) x[i] = 1.25;
    cr_assert_float_eq(reference_moved(&loop), 0.25, 1e-12);
    cr_assert_gt(0.25, REFERENCE_MOST);
    loop.samples = 19;
    cr_assert(isnan(reference_moved(&loop)) && isnan(reference_moved(NULL)));
}

Test(bench_stats, known_answers)
{
    const struct bench_stats s = of_first(20);
    cr_assert_float_eq(s.median, 10.5, 1e-12);
    cr_assert_float_eq(s.min, 1, 1e-12);
    cr_assert_float_eq(s.p95, 19, 1e-12);
    /* the tables of the sign test: n = 20 leaves out five on either side (coverage 95.9 %), n = 6 none (96.9 %), n = 5 has no interval */
    cr_assert_float_eq(s.low, 6, 1e-12);
    cr_assert_float_eq(s.high, 15, 1e-12);
    cr_assert_float_eq(of_first(6).low, 1, 1e-12);
    cr_assert_float_eq(of_first(6).high, 6, 1e-12);
    cr_assert(isnan(of_first(5).low));
    cr_assert_float_eq(of_first(1).median, 1, 1e-12);
}

Test(bench_stats, the_interval_holds_the_median)
{
    enum { TRIES = 4000, N = 40 };
    struct rng r = rng_start(rng_stream_key(5, STREAM_TEST, 0, 0));
    int held = 0;
    for (int i = 0; i < TRIES; i++) {
        double x[N];
        for (int j = 0; j < N; j++) x[j] = rng_uniform(&r) * rng_uniform(&r); /* skewed */
        const struct bench_stats s = bench_stats_of(x, N);
        held += s.low <= 0.18668 && 0.18668 <= s.high; /* median of the product of two uniforms */
    }
    cr_assert_geq(held, TRIES * 94 / 100, "%d of %d", held, TRIES);
    cr_assert_leq(held, TRIES * 99 / 100, "%d of %d", held, TRIES);
}

/* ---- sampling ---- */

struct clockwork {
    double seconds, jitter;
    struct rng rng;
    int calls, dies_after; /* 0: never */
    char *log;
};

static double tick(void *context, int calls)
{
    struct clockwork *c = context;
    double seconds = 0;
    for (int i = 0; i < calls; i++) {
        c->calls++;
        if (c->log) strcat(c->log, c->seconds < 1.5e-3 ? "a" : "b");
        seconds += c->seconds * (1 + c->jitter * rng_uniform(&c->rng));
    }
    return c->dies_after && c->calls > c->dies_after ? NAN : seconds;
}

static struct clockwork clockwork(double seconds, double jitter)
{
    return (struct clockwork){ .seconds = seconds, .jitter = jitter, .rng = rng_start(rng_stream_key(1, STREAM_TEST, 0, 0)) };
}

Test(bench_sampler, stops_when_the_median_is_known)
{
    struct clockwork steady = clockwork(1e-3, 0), wild = clockwork(1e-3, 3);
    struct bench_rules rules = bench_rules_default();
    struct bench_case c[] = { { .timed = tick, .context = &steady }, { .timed = tick, .context = &wild } };
    cr_assert_eq(bench_sample(c, 1, &rules), 0);
    cr_assert_eq(c[0].samples, rules.min_samples);
    bench_case_free(&c[0]);
    rules.max_time = 0.2;
    cr_assert_eq(bench_sample(c, 2, &rules), 0);
    /* the wild one is never known: both go on, interleaved, until each has spent its time */
    cr_assert_geq(c[1].spent, 0.2);
    cr_assert_leq(c[1].spent, 0.21);
    cr_assert_gt(c[0].samples, rules.min_samples);
    bench_case_free(&c[0]);
    bench_case_free(&c[1]);
}

Test(bench_sampler, takes_turns)
{
    char log[4096] = "";
    struct clockwork a = clockwork(1e-3, 0), b = clockwork(2e-3, 0);
    struct bench_rules rules = bench_rules_default();
    struct bench_case c[] = { { .timed = tick, .context = &a }, { .timed = tick, .context = &b } };
    a.log = b.log = log;
    cr_assert_eq(bench_sample(c, 2, &rules), 0);
    cr_assert_not_null(strstr(log, "abababababababababab"), "%s", log);
    cr_assert_eq(c[0].samples, c[1].samples);
    bench_case_free(&c[0]);
    bench_case_free(&c[1]);
}

Test(bench_sampler, what_fails_is_left_and_the_rest_goes_on)
{
    struct clockwork steady = clockwork(1e-3, 0), dying = clockwork(1e-3, 0);
    struct bench_rules rules = bench_rules_default();
    struct bench_case c[] = { { .timed = tick, .context = &steady }, { .timed = tick, .context = &dying } };
    dying.dies_after = 15; /* ten calls warm it up */
    cr_assert_eq(bench_sample(c, 2, &rules), 0);
    cr_assert_eq(c[0].samples, rules.min_samples);
    cr_assert_lt(c[1].samples, rules.min_samples);
    cr_assert(isnan(c[1].sample[c[1].samples - 1]));
    bench_case_free(&c[0]);
    bench_case_free(&c[1]);
}

Test(bench_sampler, small_work_is_sampled_in_batches)
{
    struct clockwork small = clockwork(1e-6, 0);
    struct bench_rules rules = bench_rules_default();
    struct bench_case c = { .timed = tick, .context = &small };
    cr_assert_eq(bench_sample(&c, 1, &rules), 0);
    cr_assert(c.calls == 100 || c.calls == 101, "%d", c.calls); /* a tenth of a millisecond */
    cr_assert_float_eq(c.sample[0], 1e-6, 1e-12);
    bench_case_free(&c);
    rules.cold = true;
    cr_assert_eq(bench_sample(&c, 1, &rules), 0);
    cr_assert_eq(c.calls, 1);
    bench_case_free(&c);
}

static void a_millisecond(void *context)
{
    (void)context;
    const uint64_t start = clock_ns();
    while (clock_ns() - start < 1000000) {}
}

Test(bench_sampler, wall_time_is_the_clocks)
{
    struct bench_rules rules = { .rel_ci = 0.5, .max_time = 0.1, .min_samples = 6 };
    struct bench_case c = { .run = a_millisecond };
    cr_assert_eq(bench_sample(&c, 1, &rules), 0);
    cr_assert_geq(bench_stats_of(c.sample, c.samples).min, 1e-3);
    cr_assert_lt(bench_stats_of(c.sample, c.samples).min, 2e-3);
    bench_case_free(&c);
}

/* ---- the machine ---- */

Test(bench_machine, ceilings_are_plausible)
{
    struct machine m;
    const unsigned isas = cpu_detect();
    cr_assert_eq(machine_measure(&m, isas, NULL), 0);
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!(isas >> isa & 1) || !peak_has(isa)) continue;
        cr_assert_gt(peak_measure(isa, NULL), 1.0, "%s", isa_name((enum isa)isa));
        cr_assert_gt(m.read[CACHE_L1], 0.1);
        cr_assert_gt(m.triad[CACHE_DRAM], 0.01);
    }
    cr_assert_eq(machine_level(&m, 1024, 1), CACHE_L1);
    cr_assert_eq(machine_level(&m, 1e12, 1), CACHE_DRAM);
}

Test(bench_noise, another_process_is_noticed)
{
    struct noise n;
    char text[1024];
    noise_open(&n);
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        const uint64_t start = clock_ns();
        while (clock_ns() - start < 700000000) {}
        _exit(0);
    }
    usleep(500000);
    cr_assert_not_null(strstr(noise_read(&n, text, sizeof text), "other processes used"), "%s", text);
}

/* ---- a process apart ---- */

/* Answers a number with the next one; what else is asked of it is an end. */
static size_t serve(void *context, const void *request, void *answer)
{
    const int number = *(const int *)request;
    if (number == -1) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would make an exit of it */
        raise(SIGSEGV);
    }
    if (number == -2) _exit(3);
    if (number == -3) pause();
    *(int *)answer = number + *(int *)context;
    return sizeof number;
}

static int ask(struct apart *a, int number, int *answer, struct why *why)
{
    return apart_ask(a, &number, sizeof number, answer, sizeof *answer, number == -3 ? 0.1 : 60, why);
}

Test(bench_apart, it_answers_and_has_what_was_there_before)
{
    struct apart a;
    struct why why;
    int step = 2, answer = 0;
    cr_assert_eq(apart_open(&a, serve, &step, &why), 0);
    step = 100; /* not seen over there */
    cr_assert_eq(ask(&a, 40, &answer, &why), 0);
    cr_assert_eq(answer, 42);
    cr_assert_eq(ask(&a, 1, &answer, &why), 0);
    cr_assert_eq(answer, 3);
    apart_close(&a);
    apart_close(&a);
}

Test(bench_apart, its_end_is_told_and_ours_goes_on)
{
    static const struct {
        int request, code;
        const char *words;
    } ends[] = { { -1, -ECHILD, "crashed: Segmentation fault" },
                 { -2, -ECHILD, "ended with exit code 3" },
                 { -3, -ETIMEDOUT, "gave no answer in 0.1 s" } };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct apart a;
        struct why why;
        int step = 1, answer = 0;
        cr_assert_eq(apart_open(&a, serve, &step, &why), 0);
        cr_assert_eq(ask(&a, ends[i].request, &answer, &why), ends[i].code);
        cr_assert_str_eq(why.text, ends[i].words);
        cr_assert_eq(ask(&a, 1, &answer, &why), -ECHILD);
        apart_close(&a);
    }
}
