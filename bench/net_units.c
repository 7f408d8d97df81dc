/* SPDX-License-Identifier: MIT
 * How far a training step can be dealt out: what units every fork-join of it has, and what that leaves on paper for more workers than
 * this machine has. One worker runs the step, and its team tells us of every fork-join (team_watch), so that what is counted is what
 * runs, fused or not. On W workers a region of u units that took t takes t * ceil(u / W) / u and a fork-join; what lies
 * between regions stays as it is. Memory and caches are taken to grow with the workers: an upper limit. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include "../kernels/runtime/clock.h"
#include "net_runner.h"

const struct column net_units_columns[] = { { "net", "net", -34, 0 },
                                            { "batch", "batch", 5, 0 },
                                            { "variant", "variant", -12, 0 },
                                            { "us", "us", 10, 1 },
                                            { "regions", "fork-joins", 10, 0 },
                                            { "units_least", "fewest units", 12, 0 },
                                            { "units_median", "median", 7, 0 },
                                            { "percent_below_64", "% of time below 64", 18, 1 },
                                            { "percent_serial", "% serial", 8, 1 },
                                            { "speedup_2", "x 2", 5, 2 },
                                            { "speedup_8", "x 8", 5, 2 },
                                            { "speedup_16", "x 16", 5, 1 },
                                            { "speedup_64", "x 64", 5, 1 },
                                            { NULL, NULL, 0, 0 } };

enum { REGIONS = 1 << 16, WANTED = 64 };

/* Forking and joining: what bench-runtime finds for two workers, and a post and a look for every further one. */
static const double FORK_JOIN = 0.5e-6, PER_WORKER = 0.05e-6;

struct region {
    int units;
    double seconds;
}; /* the least over the steps */

static struct seen {
    struct region list[REGIONS];
    int count, most;
    double inside; /* of this step */
} seen;

static void see(void *context, int units, uint64_t nanoseconds)
{
    struct seen *s = context;
    if (s->count == REGIONS) quit(EXIT_USAGE, "--units: the step has more than %d fork-joins; take a smaller --batch", REGIONS);
    const double seconds = (double)nanoseconds * 1e-9;
    struct region *r = &s->list[s->count++];
    const bool known = s->count <= s->most;
    s->inside += seconds;
    assert(!known || r->units == units); /* every step is cut alike */
    *r = (struct region){ units, known ? fmin(r->seconds, seconds) : seconds };
}

static int ascending(const void *a, const void *b)
{
    const struct region *x = a, *y = b;
    return (x->units > y->units) - (x->units < y->units);
}

static double regions_on(int workers)
{
    assert(workers >= 1);
    double sum = 0;
    for (int i = 0; i < seen.most; i++) {
        const struct region *r = &seen.list[i];
        const int active = r->units < workers ? r->units : workers, longest = (r->units + workers - 1) / workers;
        sum += r->seconds * longest / r->units + (active > 1 ? FORK_JOIN + PER_WORKER * active : 0);
    }
    return sum;
}

/* serial: seconds of a step outside of all regions */
static void write_units(const struct runner *r, struct net_options *g, struct report *report, double serial)
{
    assert(seen.most > 0);
    static const int workers[] = { 2, 4, 8, 16, 32, 64 };
    char key[24];
    double below = 0;
    const double all = regions_on(1), step = all + serial;
    for (int i = 0; i < seen.most; i++) below += seen.list[i].units < WANTED ? seen.list[i].seconds : 0;
    qsort(seen.list, (size_t)seen.most, sizeof *seen.list, ascending);
    json_t *row = runner_row(r, g->team, "units");
    json_object_set_new(row, "us", real_or_null(step * 1e6));
    json_object_set_new(row, "regions", json_integer(seen.most));
    json_object_set_new(row, "units_least", json_integer(seen.list[0].units));
    json_object_set_new(row, "units_median", json_integer(seen.list[seen.most / 2].units));
    json_object_set_new(row, "percent_below_64", real_or_null(100 * below / step));
    json_object_set_new(row, "percent_serial", real_or_null(100 * serial / step));
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        snprintf(key, sizeof key, "speedup_%d", workers[i]);
        json_object_set_new(row, key, real_or_null(step / (serial + regions_on(workers[i]))));
    }
    json_object_set_new(row, "env", report_environment(NAN));
    report_row(report, row);
    json_decref(row);
}

/* As planned for so many workers; apart: layer by layer. */
static void units_of(struct bench_net *n, int batch, struct net_options *g, struct report *report, int workers, bool apart)
{
    struct runner r;
    struct why why;
    const enum isa isa = (enum isa)isa_best(g->options->isas);
    double serial = INFINITY;
    struct options options = *g->options;
    options.no_fuse |= apart;
    const struct net_options alone = { .options = &options, .bf16 = g->bf16, .team = g->team, .planned_workers = workers };
    if (runner_open(&r, n, batch, true, isa, runner_algo(g), &alone, &why)) quit(EXIT_FAIL, "%s", why.text);
    runner_run(&r);
    seen.most = 0;
    team_watch(g->team, see, &seen);
    const uint64_t begin = clock_ns();
    for (int steps = 0; steps < 3 || (steps < BENCH_SAMPLES && (double)(clock_ns() - begin) * 1e-9 < g->rules.max_time); steps++) {
        seen.count = 0;
        seen.inside = 0;
        const uint64_t start = clock_ns();
        runner_run(&r);
        serial = fmin(serial, (double)(clock_ns() - start) * 1e-9 - seen.inside);
        assert(seen.most == 0 || seen.most == seen.count);
        seen.most = seen.count;
    }
    team_watch(g->team, NULL, NULL);
    write_units(&r, g, report, serial);
    plan_close(r.plan);
}

void net_units(struct bench_net *n, int batch, struct net_options *g, struct report *report)
{
    if (!runner_asked(n, true, (enum isa)isa_best(g->options->isas), g)) return;
    /* Fewer blocks than workers are cut into rows: what a plan for one worker leaves of 64 is not what one for 64 does. */
    if (!g->options->no_fuse) units_of(n, batch, g, report, 0, false), units_of(n, batch, g, report, WANTED, false);
    units_of(n, batch, g, report, 0, true);
}
