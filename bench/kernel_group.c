/* SPDX-License-Identifier: MIT
 * A group's life: verdicts on all rows, tensors, cases, turns, rows of the report. The FMA peak is interleaved with the others, so that
 * "% of peak" compares what met the same machine. */
#include "kernel_contest.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../kernels/runtime/clock.h"
#include "peers/peers.h"

enum { SEED = 1 };

/* ---- verdicts ---- */

static void collect(const struct check *c, void *context)
{
    struct verdicts *all = context;
    for (int i = 0; i < c->rows; i++)
        for (int d = 0; c->cases->directions[d]; d++) {
            const struct check_line *l = &c->row[i].line[d];
            if (!l->trials) continue;
            assert(all->count < (int)(sizeof all->list / sizeof *all->list));
            struct verdict *v = &all->list[all->count++];
            *v = (struct verdict){ .variant = c->row[i].variant, .worst = l->worst };
            snprintf(v->direction, sizeof v->direction, "%s", c->cases->directions[d]);
            if (l->failures) snprintf(v->finding, sizeof v->finding, "%s: %s", c->cases->directions[d], l->failure);
        }
}

/* Of one direction; of all where the check knows the direction by other names (batch norm's passes) or is about several (adjoint). */
static const char *verdict(const struct verdicts *all, const struct variant *v, const char *direction, double *worst)
{
    const char *finding = NULL;
    bool own = false;
    *worst = NAN;
    for (int i = 0; i < all->count; i++) own = own || (all->list[i].variant == v && strcmp(all->list[i].direction, direction) == 0);
    for (int i = 0; i < all->count; i++) {
        const struct verdict *one = &all->list[i];
        if (one->variant != v || (own && strcmp(one->direction, direction) != 0)) continue;
        *worst = isnan(*worst) ? one->worst : fmax(*worst, one->worst);
        if (one->finding[0] && !finding) finding = one->finding;
    }
    return finding;
}

/* All variants of the problem at once, when the first that is to be timed asks: a filter does not wait for what it leaves out. */
static void check_all(struct group *k)
{
    const struct options *o = k->g->options;
    struct check_total total;
    const struct check_options check = { .op = (int)k->problem.op,
                                         .isas = o->isas,
                                         .problem = k->problem.text,
                                         .seed = SEED,
                                         .algo = strcmp(o->algo, "auto") ? o->algo : NULL };
    k->checked = true;
    check_walk(&check, collect, &k->verdicts, &total);
}

/* ---- entries ---- */

static bool wanted(const struct group *k, const char *isa, const char *algo)
{
    char name[256];
    snprintf(name, sizeof name, "%s.%s/%s/%s/%s", op_name(k->problem.op), op_benches[k->problem.op]->directions[k->direction],
             k->problem.text, isa, algo);
    return filter_matches(k->g->options->filter, name);
}

enum isa group_best_peak(const struct group *k)
{
    int best = ISA_SCALAR;
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if ((k->g->options->isas >> isa & 1) && peak_has(isa) && isa_best(1u << isa) == isa) best = isa; /* of floats */
    return (enum isa)best;
}

const char *group_onednn(const struct group *k) { return k->problem.op == OP_CONV_BF16 ? "onednn-bf16" : "onednn"; }

/* A wrong variant has its row, without a time. */
static void convict(struct group *k, struct report *report, const struct entry *e, const char *finding)
{
    char note[640], what[64];
    snprintf(note, sizeof note, "WRONG, not timed: %s", finding);
    snprintf(what, sizeof what, "%s.%s", op_name(k->problem.op), op_benches[k->problem.op]->directions[k->direction]);
    char variant[96];
    snprintf(variant, sizeof variant, "%s/%s", e->isa, e->algo);
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:s}", "kind", "kernel", "what", what, "problem", k->problem.text, "variant",
                            variant, "threads", team_workers(k->g->team), "ok", 0, "note", note);
    assert(row);
    report_row(report, row);
    warn("%s %s %s: %s", what, k->problem.text, variant, note);
    json_decref(row);
    k->wrong++;
}

static void add_variant(struct group *k, struct report *report, const struct variant *v, const char *isa, const char *algo)
{
    const struct op_bench *op = op_benches[k->problem.op];
    const char *finding = NULL;
    char text[512];
    if ((op->supports && !op->supports(v, &k->problem)) || !wanted(k, isa, algo)) return;
    const bool peer = strcmp(isa, "peer") == 0, alone = peer || strcmp(isa, "mutant") == 0; /* checked by itself, not in the walk */
    const bool automatic = k->problem.op == OP_CONV && !alone &&
                           &conv_pick(&k->problem.conv, (enum conv_direction)k->direction, 1u << v->isa, NULL)->head == v;
    if (k->g->picked && !alone && !(k->problem.op == OP_CONV ? automatic : v == variant_at(k->problem.op, v->isa, 0))) return;
    struct entry *e = &k->entry[k->entries];
    assert(k->entries < ENTRIES);
    *e = (struct entry){ .isa = isa, .algo = algo, .variant = v, .error = NAN, .automatic = automatic };
    e->peak = peak_has((int)v->isa) ? v->isa : group_best_peak(k);
    const bool checks = k->g->check && !k->g->options->list;
    if (checks && !alone && !k->checked) check_all(k);
    if (checks)
        finding = alone ? check_one(v, k->problem.op, k->problem.text, SEED, text, sizeof text)
                        : verdict(&k->verdicts, v, op->directions[k->direction], &e->error);
    if (finding) return convict(k, report, e, finding);
    if (strcmp(isa, "mutant") == 0) return; /* right on this problem; still nothing to time */
    const char *note = peer ? "scalar reference, -O3 -march=native" : !k->g->check ? "not checked" : e->automatic ? "auto" : "";
    snprintf(e->note, sizeof e->note, "%s", note);
    k->entries++;
}

/* What bf16 is for is to be faster than floats: what auto takes for the shape stands beside it. */
static void add_floats(struct group *k, struct report *report)
{
    const unsigned isas = isa_best(k->g->options->isas) < 0 ? cpu_detect() : k->g->options->isas;
    const struct conv_variant *v = conv_pick(&k->floats.conv, (enum conv_direction)k->direction, isas, NULL);
    char text[512];
    assert(v);
    assert(k->entries < ENTRIES);
    if (!wanted(k, isa_name(v->head.isa), "float32")) return;
    struct entry *e = &k->entry[k->entries];
    *e = (struct entry){ .isa = isa_name(v->head.isa), .algo = "float32", .variant = &v->head, .floats = true, .error = NAN };
    e->peak = peak_has((int)v->head.isa) ? v->head.isa : group_best_peak(k);
    const char *finding =
        k->g->check && !k->g->options->list ? check_one(&v->head, OP_CONV, k->floats.text, SEED, text, sizeof text) : NULL;
    if (finding) return convict(k, report, e, finding);
    snprintf(e->note, sizeof e->note, "auto: %s", v->head.algo);
    k->entries++;
}

static void add_entries(struct group *k, struct report *report)
{
    const struct options *o = k->g->options;
    const struct variant *v;
    const bool any = strcmp(o->algo, "auto") == 0;
    k->entries = 0;
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        /* portable is the definition, compiled for sanitizers, not for speed: timed only when asked for by name */
        if (!(o->isas >> isa & 1) || (isa == ISA_PORTABLE && o->isas != 1u << ISA_PORTABLE)) continue;
        if (k->g->picked && isa == ISA_SCALAR && o->isas & ~(1u << ISA_SCALAR | 1u << ISA_PORTABLE)) continue;
        for (int i = 0; (v = variant_at(k->problem.op, (enum isa)isa, i)); i++)
            if (any || strcmp(o->algo, v->algo) == 0) add_variant(k, report, v, isa_name((enum isa)isa), v->algo);
    }
    int mutants = 0;
    const struct mutant *mutant = k->g->mutants ? check_cases[k->problem.op]->mutants(&mutants) : NULL;
    for (int i = 1; i < mutants; i++) add_variant(k, report, mutant[i].variant, "mutant", mutant[i].name);
    if (!k->entries) return; /* peers alone are no comparison */
    const struct variant *native = k->g->native ? kernels_row(k->g->native, k->problem.op, 0) : NULL;
    if (native) add_variant(k, report, native, "peer", "autovec");
    if (k->problem.op == OP_CONV_BF16) add_floats(k, report);
}

/* Opens oneDNN after ours has run, so that it has something to compare with. */
static void add_onednn(struct group *k, struct report *report)
{
    struct entry e = { .isa = "peer", .algo = group_onednn(k), .error = NAN, .peak = group_best_peak(k) };
    char text[256];
    if (k->problem.op == OP_CONV_BF16 && k->g->options->isas >> ISA_AMX & 1) e.peak = ISA_AMX;
    if (!k->g->onednn || !k->entries || !wanted(k, e.isa, e.algo)) return;
    kernel_run(&k->entry[0].kernel);
    e.onednn = onednn_peer_open(&k->problem, k->direction, k->g->team, e.note, sizeof e.note);
    if (!e.onednn) return;
    const char *finding = k->g->check ? onednn_peer_compare(e.onednn, text, sizeof text) : NULL;
    if (finding) {
        onednn_peer_close(e.onednn);
        return convict(k, report, &e, finding);
    }
    assert(k->entries < ENTRIES);
    k->entry[k->entries++] = e;
}

/* ---- turns ---- */

double entry_pack_seconds(struct entry *e)
{
    const struct op_bench *op = e->variant ? op_benches[e->kernel.problem->op] : NULL;
    double best = INFINITY;
    if (!op || !e->kernel.packed_bytes) return NAN;
    assert(op->pack);
    for (int i = 0; i < 5; i++) {
        const uint64_t start = clock_ns();
        op->pack(&e->kernel);
        best = fmin(best, (double)(clock_ns() - start) * 1e-9);
    }
    return best;
}

/* Cases of all entries, then of the peaks that they are measured by. Their number. */
static int make_cases(struct group *k)
{
    assert(k->entries <= ENTRIES);
    int count = 0;
    for (int isa = 0; isa < ISA_COUNT; isa++) k->peak_case[isa] = -1;
    for (int i = 0; i < k->entries; i++) {
        struct entry *e = &k->entry[i];
        k->cases[count++] = e->onednn ? (struct bench_case){ .timed = onednn_peer_time, .context = e->onednn }
                                      : (struct bench_case){ .run = kernel_run, .context = &e->kernel };
    }
    for (int i = 0; i < k->entries; i++) {
        const int isa = (int)k->entry[i].peak;
        if (!peak_has(isa) || k->peak_case[isa] >= 0) continue;
        k->peaks[isa] = (struct peak){ k->g->team, isa };
        k->peak_case[isa] = count;
        k->cases[count++] = (struct bench_case){ .run = peak_run, .context = &k->peaks[isa], .beside = true };
    }
    return count;
}

/* oneDNN stands last; when it has come to an end while it was timed, it has no time. */
static void drop_dead(struct group *k, struct report *report)
{
    assert(k->entries <= ENTRIES);
    struct entry *last = k->entries ? &k->entry[k->entries - 1] : NULL;
    const char *end = last && last->onednn ? onednn_peer_end(last->onednn) : NULL;
    if (!end) return;
    convict(k, report, last, end);
    onednn_peer_close(last->onednn);
    k->entries--;
}

/* ---- a direction ---- */

static void run_direction(struct group *k, struct report *report)
{
    add_entries(k, report);
    for (int i = 0; i < k->entries; i++)
        if (kernel_open(&k->entry[i].kernel, k->entry[i].floats ? &k->floats : &k->problem, k->entry[i].variant, k->direction, k->g->team))
            quit(EXIT_FAIL, "out of memory");
    add_onednn(k, report);
    const int count = make_cases(k);
    if (k->entries && bench_sample(k->cases, count, &k->g->rules)) quit(EXIT_FAIL, "out of memory");
    drop_dead(k, report);
    const int best = (int)group_best_peak(k), peak = k->entries ? k->peak_case[best] : -1;
    json_t *environment = report_environment(peak < 0 ? NAN : peak_flops(&k->peaks[best]) / case_least(&k->cases[peak]) * 1e-9);
    for (int i = 0; i < k->entries; i++) {
        json_t *row = group_row(k, i, environment);
        report_row(report, row);
        group_to_gbench(k, row, &k->cases[i]);
        json_decref(row);
    }
    json_decref(environment);
    if (k->entries) group_book(k);
    k->g->ran += k->entries;
    for (int i = 0; i < count; i++) bench_case_free(&k->cases[i]);
    for (int i = 0; i < k->entries; i++) {
        onednn_peer_close(k->entry[i].onednn);
        if (k->entry[i].variant) kernel_close(&k->entry[i].kernel);
    }
}

static void list_direction(struct group *k)
{
    add_entries(k, NULL);
    for (int i = 0; i < k->entries; i++)
        printf("%s.%s/%s/%s/%s\n", op_name(k->problem.op), op_benches[k->problem.op]->directions[k->direction], k->problem.text,
               k->entry[i].isa, k->entry[i].algo);
    k->g->ran += k->entries;
}

/* No net computes the gradient of its input, so nothing with one channel has a default backward-data; a filter gets it. */
static bool pointless(const struct group *k)
{
    return k->problem.op == OP_CONV && k->direction == 1 && k->problem.conv.c == 1 && !k->g->options->filter;
}

int contest_run(const char *problem, struct group_options *g, struct report *report)
{
    assert(problem);
    assert(g);
    static struct group k;
    k = (struct group){ .g = g };
    const char *wrong = problem_parse(problem, &k.problem);
    assert(!wrong);
    if (k.problem.op == OP_CONV_BF16) {
        char shape[PROBLEM_TEXT];
        wrong = problem_parse(conv_print(&k.problem.conv_bf16.shape, shape, sizeof shape), &k.floats);
        assert(!wrong);
    }
    if (!g->options->list && (problem_open(&k.problem) || problem_open(&k.floats))) quit(EXIT_FAIL, "%s: out of memory", problem);
    for (k.direction = 0; op_benches[k.problem.op]->directions[k.direction]; k.direction++) {
        if (pointless(&k)) continue;
        if (g->options->list) list_direction(&k);
        else run_direction(&k, report);
    }
    problem_close(&k.problem);
    problem_close(&k.floats);
    return k.wrong;
}
