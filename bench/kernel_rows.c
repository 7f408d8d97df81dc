/* SPDX-License-Identifier: MIT
 * What is told of a group: a row per entry with its share of the FMA peak and of the roof (the time that either the arithmetic of exact
 * taps or moving every tensor once takes at least), Google Benchmark's benchmarks, and the summary. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "kernel_contest.h"

/* ---- rows ---- */

static double case_median(const struct bench_case *c) { return bench_stats_of(c->sample, c->samples).median; }

double case_least(const struct bench_case *c) { return bench_stats_of(c->sample, c->samples).min; }

/* Median of the case of that name in the group, or NAN. */
static double median_named(const struct group *k, const char *isa, const char *algo)
{
    for (int i = 0; i < k->entries; i++)
        if (strcmp(k->entry[i].isa, isa) == 0 && strcmp(k->entry[i].algo, algo) == 0) return case_median(&k->cases[i]);
    return NAN;
}

struct roof {
    double seconds, peak, reference;
    const char *by;
};

static struct roof roof_of(const struct group *k, const struct entry *e, const struct work *w)
{
    assert(e->peak < ISA_COUNT);
    const struct machine *m = &k->g->machine;
    const int at = k->peak_case[e->peak];
    const enum cache_level level = machine_level(m, w->bytes, team_workers(k->g->team));
    const double peak = at < 0 ? NAN : peak_flops(&k->peaks[e->peak]) / case_least(&k->cases[at]);
    const double compute = w->exact_flops / peak, memory = w->bytes / (m->triad[level] * 1e9);
    const double reference = at < 0 ? NAN : case_median(&k->cases[at]);
    return (struct roof){ fmax(compute, memory), peak, reference, compute >= memory ? "FMA" : cache_names[level] };
}

/* Of the loop that most entries are measured by. */
static double group_moved(const struct group *k)
{
    const int at = k->entries ? k->peak_case[group_best_peak(k)] : -1;
    return at < 0 ? NAN : reference_moved(&k->cases[at]);
}

json_t *group_row(struct group *k, int i, json_t *environment)
{
    assert(i >= 0);
    assert(i < k->entries);
    const struct entry *e = &k->entry[i];
    const struct bench_case *c = &k->cases[i];
    const char *direction = op_benches[k->problem.op]->directions[k->direction];
    const struct work w = op_benches[k->problem.op]->work(&k->problem, k->direction);
    const struct roof roof = roof_of(k, e, &w);
    const double seconds = case_median(c);
    char what[64], variant[96];
    snprintf(what, sizeof what, "%s.%s", op_name(k->problem.op), direction);
    snprintf(variant, sizeof variant, "%s/%s", e->isa, e->algo);
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:b, s:b}", "kind", "kernel", "what", what, "problem",
                            k->problem.text, "variant", variant, "isa", e->isa, "algo", e->algo, "threads", team_workers(k->g->team),
                            "pinned", team_pinned(k->g->team), "cold", k->g->rules.cold, "ok", 1);
    assert(row);
    report_timing(row, c);
    json_object_set_new(row, "flops", json_real(w.flops));
    json_object_set_new(row, "bytes", json_real(w.bytes));
    json_object_set_new(row, "gflops", json_real(w.flops / seconds * 1e-9));
    json_object_set_new(row, "gflops_exact", json_real(w.exact_flops / seconds * 1e-9));
    json_object_set_new(row, "peak_gflops", real_or_null(roof.peak * 1e-9));
    json_object_set_new(row, "us_reference", real_or_null(roof.reference * 1e6));
    json_object_set_new(row, "percent_of_peak", real_or_null(100 * w.flops / seconds / roof.peak));
    json_object_set_new(row, "percent_of_roof", real_or_null(100 * roof.seconds / seconds));
    json_object_set_new(row, "bound_by", json_string(roof.by));
    json_object_set_new(row, "times_scalar", real_or_null(median_named(k, "scalar", "plain") / seconds));
    if (!e->floats) json_object_set_new(row, "times_onednn", real_or_null(median_named(k, "peer", group_onednn(k)) / seconds));
    for (int j = 0; j < k->entries && k->problem.op == OP_CONV_BF16; j++)
        if (k->entry[j].floats) json_object_set_new(row, "times_float32", json_real(case_median(&k->cases[j]) / seconds));
    if (k->problem.op == OP_CONV_BF16 && !e->floats) json_object_set_new(row, "precision", json_string("bf16"));
    json_object_set_new(row, "error_of_bound", real_or_null(e->error));
    json_object_set_new(row, "auto", json_boolean(e->automatic));
    json_object_set_new(row, "us_pack", real_or_null(entry_pack_seconds(&k->entry[i]) * 1e6));
    json_object_set_new(row, "note", json_string(e->note));
    report_moved(row, group_moved(k));
    if (e->onednn) json_object_set_new(row, "version", json_sprintf("oneDNN %s", k->g->onednn));
    json_object_set(row, "env", environment);
    return row;
}

void group_to_gbench(const struct group *k, const json_t *row, const struct bench_case *c)
{
    assert(json_is_object(row));
    static const char *const names[] = {
        "gflops", "percent_of_peak", "percent_of_roof", "error_of_bound", "cycles", "ipc", "cache_misses"
    };
    enum { COUNT = sizeof names / sizeof *names };
    struct gbench_counter counters[COUNT];
    char name[256];
    for (int i = 0; i < COUNT; i++) {
        const json_t *value = json_object_get(row, names[i]);
        counters[i] = (struct gbench_counter){ names[i], json_is_real(value) ? json_real_value(value) : NAN };
    }
    snprintf(name, sizeof name, "%s/%s/%s/threads:%d", json_string_value(json_object_get(row, "what")), k->problem.text,
             json_string_value(json_object_get(row, "variant")), team_workers(k->g->team));
    gbench_add(name, c->sample, c->samples, c->calls, counters, COUNT);
}

void group_book(struct group *k)
{
    assert(k->entries > 0);
    struct group_options *g = k->g;
    const double baseline = median_named(k, "peer", group_onednn(k));
    struct ratios *ratios = &g->ratios[k->problem.op == OP_CONV_BF16];
    double best = INFINITY;
    if (group_moved(k) > REFERENCE_MOST) { /* its ratios are in the rows, marked; sums do without them */
        g->disturbed++;
        return;
    }
    for (int i = 0; i < k->entries; i++)
        if (strcmp(k->entry[i].isa, "peer") != 0 && !k->entry[i].floats) best = fmin(best, case_median(&k->cases[i]));
    for (int i = 0; i < k->entries; i++) {
        double alike = INFINITY;
        for (int j = 0; j < k->entries; j++)
            if (strcmp(k->entry[i].isa, k->entry[j].isa) == 0) alike = fmin(alike, case_median(&k->cases[j]));
        if (!k->entry[i].automatic || strcmp(k->entry[i].isa, "scalar") == 0) continue;
        g->autos++;
        g->auto_slow += case_median(&k->cases[i]) > 1.1 * alike;
    }
    if (isnan(baseline) || isinf(best)) return;
    ratios->sum += log(baseline / best);
    ratios->count++;
    ratios->lost += baseline < best;
}

/* ---- around the rows ---- */

void group_machine(const struct group_options *g, struct report *report)
{
    const struct machine *m = &g->machine;
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if ((g->options->isas >> isa & 1) && peak_has(isa))
            report_remark(report, "%s: FMA peak of %s on %d thread%s: %.1f GFLOP/s", cpu_name(), isa_name((enum isa)isa),
                          team_workers(g->team), team_workers(g->team) > 1 ? "s" : "", peak_measure(isa, g->team));
    report_remark(report, "Bandwidth in GB/s, read / triad: L1 %.0f / %.0f, L2 %.0f / %.0f, L3 %.0f / %.0f, DRAM %.1f / %.1f",
                  m->read[CACHE_L1], m->triad[CACHE_L1], m->read[CACHE_L2], m->triad[CACHE_L2], m->read[CACHE_L3], m->triad[CACHE_L3],
                  m->read[CACHE_DRAM], m->triad[CACHE_DRAM]);
    if (g->onednn) report_remark(report, "Peer: oneDNN %s, the best of its layouts and algorithms", g->onednn);
}

void group_summary(const struct group_options *g, struct report *report)
{
    static const char *const formats[] = { "", " in bf16" };
    for (int i = 0; i < 2; i++) {
        const struct ratios *r = &g->ratios[i];
        assert(r->lost <= r->count);
        if (!r->count) continue;
        report_remark(report, "\nBest of ours against oneDNN%s: geometric mean %.2f x over %d lines; oneDNN was faster on %d.", formats[i],
                      exp(r->sum / r->count), r->count, r->lost);
    }
    if (g->disturbed)
        report_remark(report, "%d groups were disturbed (their FMA loop moved by more than %.0f %%): marked above, and left out here.",
                      g->disturbed, 100 * REFERENCE_MOST);
    if (g->autos)
        report_remark(report, "Of %d convolutions, auto was more than 10 %% slower than the best of its ISA on %d.", g->autos,
                      g->auto_slow);
}
