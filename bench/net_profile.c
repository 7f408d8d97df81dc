/* SPDX-License-Identifier: MIT
 * Where a training step's time goes. The pass itself says when a part ends (plan_watch), so nothing is timed twice or left out. Whole
 * steps, unwatched, are interleaved with the watched ones and stand below them. Figures are means over the faster half of
 * the steps: parts then add up, and a disturbance that hits a few steps does not count. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../kernels/runtime/clock.h"
#include "net_runner.h"

const struct column net_profile_columns[] = { { "net", "net", -26, 0 },
                                              { "layer", "#", 3, 0 },
                                              { "word", "layer", -21, 0 },
                                              { "out", "output", -10, 0 },
                                              { "us_forward", "forward us", 10, 1 },
                                              { "us_backward_data", "bwd data", 10, 1 },
                                              { "us_backward_weights", "bwd weights", 11, 1 },
                                              { "us_other", "other", 8, 1 },
                                              { "us", "sum us", 10, 1 },
                                              { "percent", "%", 6, 1 },
                                              { "gflops", "GFLOP/s", 7, 1 },
                                              { "batch", "", 0, 0 },
                                              { "variant", "", 0, 0 },
                                              { "threads", "", 0, 0 },
                                              { NULL, NULL, 0, 0 } };

enum { STEPS = 1000, FEWEST = 11 };

struct watch {
    uint64_t last;
    double now[NET_MAX_LAYERS + 1][PLAN_PARTS]; /* of the step under way; layer -1 stands last */
    double watched[STEPS], unwatched[STEPS];    /* whole steps, by the clock around them */
    float *seen;                                /* [step][layer][part] */
    int layers, steps;
};

static void part_ended(void *context, int layer, enum plan_part part)
{
    struct watch *w = context;
    const uint64_t now = clock_ns();
    w->now[layer < 0 ? w->layers : layer][part] += (double)(now - w->last) * 1e-9;
    w->last = now;
}

static size_t slot(const struct watch *w, int step, int layer, int part)
{
    return ((size_t)step * (size_t)(w->layers + 1) + (size_t)layer) * PLAN_PARTS + (size_t)part;
}

static void watched_step(struct runner *r, struct watch *w)
{
    assert(w->steps < STEPS);
    memset(w->now, 0, sizeof w->now);
    plan_watch(r->plan, part_ended, w);
    const uint64_t start = w->last = clock_ns();
    runner_run(r);
    w->watched[w->steps] = (double)(clock_ns() - start) * 1e-9;
    plan_watch(r->plan, NULL, NULL);
    for (int layer = 0; layer <= w->layers; layer++)
        for (int part = 0; part < PLAN_PARTS; part++) w->seen[slot(w, w->steps, layer, part)] = (float)w->now[layer][part];
    w->steps++;
}

/* The mean over the steps that took no longer than the median one. */
static double part_mean(const struct watch *w, int layer, enum plan_part part)
{
    double sum = 0;
    int count = 0;
    const double median = bench_stats_of(w->watched, w->steps).median;
    for (int i = 0; i < w->steps; i++) {
        if (w->watched[i] > median) continue;
        sum += (double)w->seen[slot(w, i, layer, (int)part)];
        count++;
    }
    assert(count > 0);
    return sum / count;
}

static double faster_half(const double *seconds, int count)
{
    const double median = bench_stats_of(seconds, count).median;
    double sum = 0;
    int taken = 0;
    for (int i = 0; i < count; i++)
        if (seconds[i] <= median) sum += seconds[i], taken++;
    assert(taken > 0);
    return sum / taken;
}

/* ---- rows ---- */

static const char *shape_text(struct shape s, char *text, size_t size)
{
    snprintf(text, size, "%dx%dx%d", s.c, s.h, s.w);
    return text;
}

/* A row: whose time it is (layer -1: no layer's), and what of it went where. */
struct part {
    int layer;
    const char *word, *out;
    double forward, data, weights, other, flops;
};

static double sum_of(const struct part *p) { return p->forward + p->data + p->weights + p->other; }

static void write_part(const struct runner *r, struct net_options *g, struct report *report, double whole, const struct part *p)
{
    json_t *row = runner_row(r, g->team, "profile");
    json_object_set_new(row, "layer", p->layer < 0 ? json_null() : json_integer(p->layer));
    json_object_set_new(row, "word", json_string(p->word));
    json_object_set_new(row, "out", json_string(p->out));
    json_object_set_new(row, "us_forward", real_or_null(p->forward * 1e6));
    json_object_set_new(row, "us_backward_data", real_or_null(p->data * 1e6));
    json_object_set_new(row, "us_backward_weights", real_or_null(p->weights * 1e6));
    json_object_set_new(row, "us_other", real_or_null(p->other * 1e6));
    json_object_set_new(row, "us", real_or_null(sum_of(p) * 1e6));
    json_object_set_new(row, "percent", real_or_null(100 * sum_of(p) / whole));
    json_object_set_new(row, "gflops", p->flops > 0 ? real_or_null(p->flops / sum_of(p) * 1e-9) : json_null());
    report_row(report, row);
    json_decref(row);
}

static void write_profile(const struct runner *r, const struct watch *w, struct net_options *g, struct report *report)
{
    assert(w->steps >= FEWEST);
    const double whole = faster_half(w->watched, w->steps), unwatched = faster_half(w->unwatched, w->steps);
    char out[48];
    struct part total = { .layer = -1, .word = "sum of the parts", .out = "", .flops = runner_flops(r) };
    for (int i = 0; i < w->layers; i++) {
        const struct layer *l = &r->net->net.layers[i];
        const struct plan_line line = plan_line(r->plan, i);
        const struct part p = { .layer = i,
                                .word = line.words,
                                .out = shape_text(l->out, out, sizeof out),
                                .forward = part_mean(w, i, PART_FORWARD),
                                .data = part_mean(w, i, PART_BACKWARD_DATA),
                                .weights = part_mean(w, i, PART_BACKWARD_WEIGHTS),
                                .flops = 2 * line.macs * r->batch };
        if (*line.words) write_part(r, g, report, whole, &p);
        total.forward += p.forward, total.data += p.data, total.weights += p.weights;
    }
    static const struct {
        enum plan_part part;
        const char *word;
    } others[] = { { PART_PACK, "packing" }, { PART_LOSS, "loss" }, { PART_STEP, "optimizer" } };
    for (int i = 0; i < 3; i++) {
        const struct part p = { .layer = -1, .word = others[i].word, .out = "", .other = part_mean(w, w->layers, others[i].part) };
        write_part(r, g, report, whole, &p);
        total.other += p.other;
    }
    write_part(r, g, report, whole, &total);
    const struct part same = { .layer = -1, .word = "the same steps, whole", .out = "", .other = whole, .flops = total.flops };
    write_part(r, g, report, whole, &same);
    const struct part alone = { .layer = -1, .word = "steps unwatched", .out = "", .other = unwatched, .flops = total.flops };
    write_part(r, g, report, whole, &alone);
}

void net_profile(struct bench_net *n, int batch, struct net_options *g, struct report *report)
{
    assert(n->net.count <= NET_MAX_LAYERS);
    struct runner r;
    struct why why;
    static struct watch w;
    const enum isa isa = (enum isa)isa_best(g->options->isas);
    if (!runner_asked(n, true, isa, g)) return;
    if (runner_open(&r, n, batch, true, isa, runner_algo(g), g, &why)) quit(EXIT_FAIL, "%s", why.text);
    w = (struct watch){ .layers = n->net.count };
    w.seen = malloc(slot(&w, STEPS, 0, 0) * sizeof *w.seen);
    if (!w.seen) quit(EXIT_FAIL, "out of memory");
    runner_run(&r);
    const uint64_t begin = clock_ns();
    while (w.steps < STEPS && (w.steps < FEWEST || (double)(clock_ns() - begin) * 1e-9 < 2 * g->rules.max_time)) {
        const uint64_t start = clock_ns();
        runner_run(&r);
        w.unwatched[w.steps] = (double)(clock_ns() - start) * 1e-9;
        watched_step(&r, &w);
    }
    write_profile(&r, &w, g, report);
    free(w.seen);
    plan_close(r.plan);
}
