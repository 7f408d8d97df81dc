/* SPDX-License-Identifier: MIT
 * bench-runtime: what it costs to use the workers at all, and what the machine gives. Forking and joining the team when its workers still
 * spin and when they sleep, beside a pair of pthread barriers; the FMA peak of every ISA; the bandwidth of every level of memory. */
#include <assert.h>
#include <math.h>
#include <popt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include "../kernels/runtime/clock.h"
#include "../kernels/runtime/team.h"
#include "report.h"

static const struct column columns[] = { { "what", "what", -12, 0 },        { "variant", "variant", -22, 0 },
                                         { "threads", "threads", 3, 0 },    { "us", "us", 10, 3 },
                                         { "ci_percent", "+-%", 5, 1 },     { "us_min", "min us", 10, 3 },
                                         { "us_p95", "p95 us", 10, 3 },     { "gflops", "GFLOP/s", 8, 1 },
                                         { "read_gbs", "read GB/s", 9, 1 }, { "triad_gbs", "triad GB/s", 10, 1 },
                                         { "bytes", "cache bytes", 0, 0 },  { NULL, NULL, 0, 0 } };

static bool wanted(const struct options *o, const char *what, const char *variant)
{
    char name[96];
    snprintf(name, sizeof name, "%s/%s", what, variant);
    return filter_matches(o->filter, name);
}

static json_t *row_of(const char *what, const char *variant, struct team *team)
{
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:b}", "kind", "runtime", "what", what, "problem", "", "variant", variant,
                            "threads", team_workers(team), "pinned", team_pinned(team), "ok", 1);
    assert(row);
    return row;
}

/* ---- forks and joins ---- */

static void nothing(void *context, int begin, int end, int worker) { (void)context, (void)begin, (void)end, (void)worker; }

static void fork_join(void *team) { team_run(team, team_workers(team), nothing, NULL); }

/* Workers that wait longer than they spin are asleep: this is the first call after a pause. */
static double wake_up(void *team, int calls)
{
    assert(calls >= 1);
    const struct timespec pause = { 0, 2000000 };
    uint64_t ns = 0;
    for (int i = 0; i < calls; i++) {
        nanosleep(&pause, NULL);
        const uint64_t start = clock_ns();
        fork_join(team);
        ns += clock_ns() - start;
    }
    return (double)ns * 1e-9;
}

/* The same with threads of their own that wait at a pthread barrier: one to start, one to end. */
struct barriers {
    pthread_barrier_t start, end;
    atomic_bool leave;
    struct team *team;
    atomic_int next;
};

static void *wait_for_work(void *context)
{
    struct barriers *b = context;
    struct topology *t;
    const int worker = atomic_fetch_add(&b->next, 1);
    assert(worker >= 1);
    assert(worker < team_workers(b->team));
    if (team_pinned(b->team) && topology_open(&t, NULL) == 0) { /* where the team's worker of that number is */
        topology_bind_self(t, team_planned_pu(b->team, worker));
        topology_close(t);
    }
    for (;;) {
        pthread_barrier_wait(&b->start);
        if (atomic_load(&b->leave)) return NULL;
        pthread_barrier_wait(&b->end);
    }
}

static void barrier_pair(void *context)
{
    struct barriers *b = context;
    pthread_barrier_wait(&b->start);
    pthread_barrier_wait(&b->end);
}

enum { BARRIER_THREADS = 256 };

/* The number of threads started, the caller left out. */
static int barriers_open(struct barriers *b, pthread_t *threads, struct team *team)
{
    int started = 0;
    const int workers = team_workers(team), most = workers - 1 < BARRIER_THREADS ? workers - 1 : BARRIER_THREADS;
    b->team = team;
    atomic_init(&b->leave, false);
    atomic_init(&b->next, 1);
    pthread_barrier_init(&b->start, NULL, (unsigned)most + 1);
    pthread_barrier_init(&b->end, NULL, (unsigned)most + 1);
    while (started < most)
        if (pthread_create(&threads[started++], NULL, wait_for_work, b)) quit(EXIT_FAIL, "cannot start a thread: fewer --threads");
    assert(started == most);
    return started;
}

static void barriers_close(struct barriers *b, const pthread_t *threads, int started)
{
    atomic_store(&b->leave, true);
    pthread_barrier_wait(&b->start);
    for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&b->start);
    pthread_barrier_destroy(&b->end);
}

static double read_clock(void *context, int calls)
{
    (void)context;
    assert(calls >= 1);
    const uint64_t start = clock_ns();
    for (int i = 1; i < calls; i++) clock_ns();
    const double seconds = (double)(clock_ns() - start) * 1e-9;
    return calls > 1 ? seconds : seconds / 2; /* two readings are one from end to end */
}

static int run_cases(const struct options *o, const struct bench_rules *rules, struct team *team, struct report *report)
{
    struct barriers barriers;
    pthread_t threads[BARRIER_THREADS];
    const int started = barriers_open(&barriers, threads, team);
    const struct {
        const char *what, *variant;
        struct bench_case one;
    } all[] = {
        { "fork-join", "team", { .run = fork_join, .context = team } },
        { "fork-join", "peer/pthread_barrier", { .run = barrier_pair, .context = &barriers } },
        { "wake-up", "team", { .timed = wake_up, .context = team } },
        { "clock", "clock_ns", { .timed = read_clock } },
    };
    int ran = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct bench_case c = all[i].one;
        char name[96];
        if (!wanted(o, all[i].what, all[i].variant)) continue;
        ran++;
        if (bench_sample(&c, 1, rules)) quit(EXIT_FAIL, "out of memory");
        json_t *row = row_of(all[i].what, all[i].variant, team);
        report_timing(row, &c);
        json_object_set_new(row, "env", report_environment(NAN));
        report_row(report, row);
        snprintf(name, sizeof name, "%s/%s/threads:%d", all[i].what, all[i].variant, team_workers(team));
        gbench_add(name, c.sample, c.samples, c.calls, NULL, 0);
        json_decref(row);
        bench_case_free(&c);
    }
    barriers_close(&barriers, threads, started);
    return ran;
}

/* ---- ceilings ---- */

static int run_ceilings(const struct options *o, struct team *team, struct report *report)
{
    struct machine m;
    int ran = 0;
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!(o->isas >> isa & 1) || !peak_has(isa) || !wanted(o, "peak", isa_name((enum isa)isa))) continue;
        json_t *row = row_of("peak", isa_name((enum isa)isa), team);
        json_object_set_new(row, "gflops", json_real(peak_measure(isa, team)));
        report_row(report, row);
        json_decref(row);
        ran++;
    }
    bool any = false;
    for (int level = 0; level < CACHE_LEVELS; level++) any = any || wanted(o, "bandwidth", cache_names[level]);
    if (any && machine_measure(&m, o->isas, team)) quit(EXIT_FAIL, "out of memory");
    for (int level = 0; level < CACHE_LEVELS; level++) {
        if (!wanted(o, "bandwidth", cache_names[level])) continue;
        json_t *row = row_of("bandwidth", cache_names[level], team);
        json_object_set_new(row, "read_gbs", real_or_null(m.read[level]));
        json_object_set_new(row, "triad_gbs", real_or_null(m.triad[level]));
        json_object_set_new(row, "bytes", json_integer((json_int_t)m.cache_bytes[level]));
        report_row(report, row);
        json_decref(row);
        ran++;
    }
    return ran;
}

static int list(const struct options *o)
{
    static const char *const names[][2] = { { "fork-join", "team" }, { "fork-join", "peer/pthread_barrier" },
                                            { "wake-up", "team" },   { "clock", "clock_ns" },
                                            { "peak", "ISA" },       { "bandwidth", "L1" },
                                            { "bandwidth", "L2" },   { "bandwidth", "L3" },
                                            { "bandwidth", "DRAM" } };
    int count = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (wanted(o, names[i][0], names[i][1])) count++, printf("%s/%s\n", names[i][0], names[i][1]);
    return count;
}

static int run_threads(const struct options *o, const struct bench_rules *rules, int threads, struct report *report)
{
    struct why why;
    struct team *team;
    threads = report_workers(o, threads);
    assert(threads >= 1);
    if (team_open(&team, threads, o->bind, &why)) quit(EXIT_FAIL, "%s", why.text);
    report_team(o, team);
    const int ran = run_cases(o, rules, team, report) + run_ceilings(o, team, report);
    team_close(team);
    return ran;
}

int main(int argc, char **argv)
{
    static struct options o;
    struct report report;
    struct noise noise;
    char text[1024];
    double max_time = 0;
    int ran = 0;
    const struct poptOption more[] = { { "max-time", 0, POPT_ARG_DOUBLE, &max_time, 0, "seconds per case at most (1)", "S" },
                                       POPT_TABLEEND };
    const bool gbench = gbench_flags(&argc, argv);
    static const char *const examples[] = { "bench-runtime --threads 1,all", "bench-runtime --filter peak --isa avx2",
                                            "bench-runtime --quick --output runtime.jsonl", NULL };
    const struct program program = { .name = "bench-runtime",
                                     .does = "Times the worker team, and measures the FMA peak and the memory bandwidths, on "
                                             "1 thread and on all cores unless told otherwise.",
                                     .takes = TAKES_BENCH,
                                     .more = more,
                                     .examples = examples,
                                     BENCH_WORDS("what/variant") };
    cli_parse(&o, &program, argc, (const char **)argv);
    struct bench_rules rules = bench_rules_default();
    rules.max_time = max_time > 0 ? max_time : o.quick ? 0.01 : rules.max_time;
    static const int both[] = { 1, THREADS_ALL };
    o.list = o.list || o.dry_run;
    const int *threads = o.thread_count ? o.threads : both, count = o.thread_count ? o.thread_count : 2;
    report_open(&report, &o, columns, gbench);
    noise_open(&noise);
    if (o.list) ran = list(&o);
    for (int i = 0; !o.list && i < count; i++) ran += run_threads(&o, &rules, threads[i], &report);
    if (!ran) {
        report_drop(&report);
        quit(EXIT_USAGE, "nothing to run: no case matches --filter %s; --list shows what there is", o.filter ? o.filter : "");
    }
    if (!o.list && *noise_read(&noise, text, sizeof text)) warn("timings are disturbed: %s", text);
    if (o.list) return report_listed(&o, o.thread_count ? ran : 2 * ran, rules.max_time);
    report_close(&report);
    return EXIT_OK;
}
