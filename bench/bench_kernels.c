/* SPDX-License-Identifier: MIT
 * bench-kernels: every variant of the registry, and peers, on problems of the studied nets. All that do the same direction of the same
 * problem are interleaved; a wrong one is named and not timed. */
#include <assert.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>
#include "../kernels/runtime/claims.h"
#include "kernel_group.h"
#include "kernel_problems.h"
#include "peers/peers.h"

static const struct column columns[] = { { "what", "what", -16, 0 },
                                         { "problem", "problem", -24, 0 },
                                         { "variant", "variant", -18, 0 },
                                         { "threads", "threads", 3, 0 },
                                         { "us", "us", 10, 2 },
                                         { "ci_percent", "+-%", 5, 1 },
                                         { "us_min", "min us", 10, 2 },
                                         { "us_p95", "p95", 0, 3 },
                                         { "gflops", "GFLOP/s", 7, 1 },
                                         { "percent_of_peak", "% peak", 6, 1 },
                                         { "percent_of_roof", "% roof", 6, 1 },
                                         { "times_scalar", "x scalar", 8, 1 },
                                         { "times_onednn", "x oneDNN", 8, 2 },
                                         { "error_of_bound", "err/bound", 9, 2 },
                                         { "note", "note", -1, 0 },
                                         { "us_ci_low", "", 0, 3 },
                                         { "us_ci_high", "", 0, 3 },
                                         { "gflops_exact", "", 0, 3 },
                                         { "peak_gflops", "", 0, 1 },
                                         { "bound_by", "", 0, 0 },
                                         { "us_pack", "", 0, 3 },
                                         { "cycles", "", 0, 0 },
                                         { "ipc", "", 0, 2 },
                                         { "cache_misses", "", 0, 0 },
                                         { "version", "", 0, 0 },
                                         { NULL, NULL, 0, 0 } };

struct request {
    char *problem, *peers, *set, *turns;
    double rel_ci, max_time;
    int cold, no_check, mutants, picked;
};

static void gather(struct problem_list *list, const struct request *r, const struct options *o)
{
    struct why why = { "out of memory" };
    struct problem p;
    int status = 0;
    const bool table = r->set && strcmp(r->set, "table") == 0;
    if (r->set && !table && strcmp(r->set, "all") != 0) quit(EXIT_USAGE, "--set %s: takes table or all", r->set);
    if (r->problem && r->problem[0] == '@') status = problems_read(list, r->problem + 1, &why);
    else if (r->problem && *r->problem) status = problems_add(list, r->problem);
    else if (o->quick) status = problems_add(list, "n16c4h8k4r3pad1") || problems_add(list, "max:n16c4h8r2step2pad0");
    else status = problems_default(list, table, &why);
    if (status) quit(r->problem ? EXIT_USAGE : EXIT_FAIL, "%s", why.text);
    for (int i = 0; i < list->count; i++) {
        const char *wrong = problem_parse(list->text[i], &p);
        if (wrong) quit(EXIT_USAGE, "%s: %s", list->text[i], wrong);
    }
}

/* "onednn" and "autovec": what was asked for by name and is not here is an error, what is not here by default is said. */
static void choose_peers(struct group_options *g, const struct request *r, const struct options *o)
{
    assert(!g->onednn);
    assert(!g->native);
    struct why why;
    const bool named = r->peers != NULL;
    const char *wanted = named ? r->peers : "onednn,autovec";
    char copy[64];
    snprintf(copy, sizeof copy, "%s", wanted);
    for (char *word = strtok(copy, ","); word; word = strtok(NULL, ",")) {
        if (strcmp(word, "onednn") == 0) {
            g->onednn = onednn_version(o->isas, &why);
            if (!g->onednn && named) quit(EXIT_FAIL, "oneDNN is not here: %s", why.text);
            if (!g->onednn) warn("skipping the peer onednn: %s", why.text);
        } else if (strcmp(word, "autovec") == 0) {
            g->native = native_kernels();
            if (!g->native && named) quit(EXIT_FAIL, "the peer autovec is not here: it was not built, or for another CPU");
            if (!g->native) warn("skipping the peer autovec: it was not built, or for another CPU");
        } else if (strcmp(word, "none") != 0) {
            quit(EXIT_USAGE, "--peers %s: takes onednn, autovec, both with a comma, or none", wanted);
        }
    }
}

static int run_threads(const struct problem_list *list, struct group_options *g, const struct options *o, int threads,
                       struct report *report)
{
    struct why why;
    struct team *team;
    int wrong = 0;
    threads = o->list ? 1 : report_workers(o, threads);
    assert(threads >= 1);
    if (team_open(&team, threads, o->bind, &why)) quit(EXIT_FAIL, "%s", why.text);
    report_team(o, team);
    g->team = team;
    g->rules.pause = threads > 1 ? 2e-3 : 0;
    if (!o->list && machine_measure(&g->machine, o->isas, team)) quit(EXIT_FAIL, "out of memory");
    if (!o->list) group_machine(g, report);
    for (int i = 0; i < list->count; i++) wrong += contest_run(list->text[i], g, report);
    team_close(team);
    return wrong;
}

static int run(const struct request *r, const struct options *o, bool gbench)
{
    struct problem_list list = { 0 };
    struct report report;
    struct noise noise;
    char text[1024];
    static const int one = 1;
    struct group_options g = {
        .options = o, .rules = bench_rules_default(), .check = !r->no_check, .mutants = r->mutants, .picked = r->picked
    };
    if (r->rel_ci > 0) g.rules.rel_ci = r->rel_ci;
    g.rules.max_time = r->max_time > 0 ? r->max_time : o->quick ? 0.01 : g.rules.max_time;
    g.rules.cold = r->cold;
    gather(&list, r, o);
    if (r->turns) claims_begin(NULL); /* both are interleaved on the same cores */
    if (r->turns && turns_open(r->turns)) quit(EXIT_USAGE, "--turns %s: takes two open pipes, as bench-turns gives them", r->turns);
    if (!o->list) choose_peers(&g, r, o);
    report_open(&report, o, columns, gbench);
    const char *none = o->list ? NULL : counters_open();
    if (none && !o->quiet) warn("no hardware counters: %s", none);
    noise_open(&noise);
    const int *threads = o->thread_count ? o->threads : &one;
    int wrong = 0;
    for (int i = 0; i < (o->thread_count && !o->list ? o->thread_count : 1); i++) wrong += run_threads(&list, &g, o, threads[i], &report);
    counters_close();
    if (!g.ran && !wrong) {
        report_drop(&report);
        quit(EXIT_USAGE, "nothing to run: no case matches%s%s; --list shows what there is", o->filter ? " --filter " : "",
             o->filter ? o->filter : " these flags");
    }
    if (!o->list) group_summary(&g, &report);
    if (!o->list && *noise_read(&noise, text, sizeof text)) warn("timings are disturbed: %s", text);
    if (!o->list) report_close(&report);
    else report_listed(o, g.ran, g.rules.max_time);
    problems_free(&list);
    return wrong ? EXIT_FAIL : EXIT_OK;
}

int main(int argc, char **argv)
{
    struct request r = { 0 };
    const struct poptOption more[] = {
        { "problem", 0, POPT_ARG_STRING, &r.problem, 0, "like n64c16h26k16r3pad0, or @FILE with one a line", "P" },
        { "set", 0, POPT_ARG_STRING, &r.set, 0, "the table of shapes, or all (default): the zoo's layers too", "table|all" },
        { "peers", 0, POPT_ARG_STRING, &r.peers, 0, "onednn, autovec, both with a comma (default), or none", "LIST" },
        { "rel-ci", 0, POPT_ARG_DOUBLE, &r.rel_ci, 0, "stop when the median's 95 % interval is narrower than this share (0.02)", "X" },
        { "max-time", 0, POPT_ARG_DOUBLE, &r.max_time, 0, "seconds per case at most (1)", "S" },
        { "picked", 0, POPT_ARG_NONE, &r.picked, 0, "of convgauge's variants, only those that the planner would choose", NULL },
        { "turns", 0, POPT_ARG_STRING, &r.turns, 0, "interleave with another process: see bench/tools/bench-turns", "IN,OUT" },
        { "cold", 0, POPT_ARG_NONE, &r.cold, 0, "empty the caches before every call", NULL },
        { "mutants", 0, POPT_ARG_NONE, &r.mutants, 0, "add the checks' deliberately wrong variants: they must be refused", NULL },
        { "no-check", 0, POPT_ARG_NONE, &r.no_check, 0, "time without checking first (for profilers only; rows say so)", NULL },
        POPT_TABLEEND
    };
    static struct options options;
    const bool gbench = gbench_flags(&argc, argv);
    static const char *const examples[] = { "bench-kernels --problem n64c16h26k16r3pad0",
                                            "bench-kernels --set table --filter \"conv.fwd/*\" --output kernels.jsonl",
                                            "bench-kernels --peers none --isa avx2 --quick", NULL };
    const struct program program = { .name = "bench-kernels",
                                     .does = "Times every kernel variant beside oneDNN and the compiler's own loops. "
                                             "--benchmark_... flags are Google Benchmark's.",
                                     .takes = TAKES_BENCH | TAKES(ALGO),
                                     .more = more,
                                     .examples = examples,
                                     BENCH_WORDS("op.direction/problem/isa/algo") };
    cli_parse(&options, &program, argc, (const char **)argv);
    options.list = options.list || options.dry_run;
    const int status = run(&r, &options, gbench);
    free(r.problem);
    free(r.peers);
    free(r.set);
    free(r.turns);
    return status;
}
