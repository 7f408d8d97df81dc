/* SPDX-License-Identifier: MIT
 * bench-nets: training step and inference of every net of the zoo, or of any net string. Data lie in memory and the learning rate is zero:
 * weights stand still, so that every step is the same work however long it is measured. */
#include <assert.h>
#include <errno.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>
#include "../kernels/runtime/claims.h"
#include "../nets/zoo/zoo.h"
#include "net_run.h"

static const struct column columns[] = { { "net", "net", -34, 0 },
                                         { "what", "what", -6, 0 },
                                         { "batch", "batch", 5, 0 },
                                         { "variant", "variant", -16, 0 },
                                         { "threads", "threads", 3, 0 },
                                         { "us", "us", 11, 1 },
                                         { "ci_percent", "+-%", 5, 1 },
                                         { "images_per_s", "images/s", 9, 0 },
                                         { "gflops", "GFLOP/s", 7, 1 },
                                         { "percent_of_peak", "% peak", 6, 1 },
                                         { "scaling", "x 1 thread", 6, 2 },
                                         { "kib_total", "KiB", 8, 0 },
                                         { "note", "note", -1, 0 },
                                         { "us_min", "", 0, 1 },
                                         { "us_p95", "", 0, 1 },
                                         { "us_ci_low", "", 0, 1 },
                                         { "us_ci_high", "", 0, 1 },
                                         { "bytes_parameters", "", 0, 0 },
                                         { "bytes_gradients", "", 0, 0 },
                                         { "bytes_optimizer", "", 0, 0 },
                                         { "bytes_activations", "", 0, 0 },
                                         { "bytes_scratch", "", 0, 0 },
                                         { "peak_gflops", "", 0, 1 },
                                         { "net_string", "", 0, 0 },
                                         { NULL, NULL, 0, 0 } };

enum { BATCHES = 32, BATCH_MOST = 1000 };

struct request {
    char *net, *batch, *precision, *turns;
    double rel_ci, max_time;
    int plan, profile, units, cold;
};

struct nets {
    struct bench_net *list;
    int count;
};

static void add(struct nets *nets, const char *name, const char *string, const char *recipe)
{
    assert(name);
    assert(string);
    assert(recipe);
    struct why why;
    struct bench_net n = { 0 };
    snprintf(n.name, sizeof n.name, "%s", name);
    if (net_parse(string, &n.net, &why) || recipe_parse(recipe, &n.recipe, &why)) quit(EXIT_USAGE, "%s", why.text);
    net_print(&n.net, n.string, sizeof n.string);
    n.batch = n.recipe.batch < BATCH_MOST ? n.recipe.batch : BATCH_MOST;
    for (int i = 0; i < nets->count; i++)
        if (strcmp(nets->list[i].string, n.string) == 0 && nets->list[i].batch == n.batch) return;
    struct bench_net *more = realloc(nets->list, (size_t)(nets->count + 1) * sizeof *more);
    if (!more) quit(EXIT_FAIL, "out of memory");
    nets->list = more;
    nets->list[nets->count++] = n;
}

/* The zoo (a net that several cells share at one batch stands once), one of its cells, or a typed net. */
static void gather(struct nets *nets, const struct request *r)
{
    char name[64];
    for (int i = 0; zoo_studies[i]; i++)
        for (const struct zoo_cell *cell = zoo_studies[i]->cells; cell->cell; cell++) {
            snprintf(name, sizeof name, "%s/%s", zoo_studies[i]->study, cell->cell);
            if (!r->net || strcmp(r->net, name) == 0) add(nets, name, cell->net, cell->recipe);
        }
    if (r->net && !nets->count) add(nets, "custom", r->net, "batch=64");
}

static int read_batches(const char *text, int batches[BATCHES])
{
    int count = 0;
    for (const char *at = text; text && *at; count++) {
        char *end;
        const long n = strtol(at, &end, 10);
        if (end == at || n < 1 || n > 100000 || (*end && *end != ',') || count == BATCHES)
            quit(EXIT_USAGE, "--batch %s: takes up to %d counts of 1 to 100000, like 1,32,64", text, BATCHES);
        batches[count] = (int)n;
        at = *end ? end + 1 : end;
    }
    assert(count <= BATCHES);
    return count;
}

/* Every net at every batch on one team. */
static void run_threads(const struct nets *nets, const struct request *r, struct net_options *g, int threads, struct report *report)
{
    struct why why;
    int batches[BATCHES];
    const int count = read_batches(r->batch, batches);
    const struct options *o = g->options;
    if (team_open(&g->team, o->list ? 1 : report_workers(o, threads), o->bind, &why)) quit(EXIT_FAIL, "%s", why.text);
    report_team(o, g->team);
    for (int i = 0; i < nets->count; i++)
        for (int b = 0; b < (count ? count : 1); b++) {
            struct bench_net *n = &nets->list[i];
            const int batch = count ? batches[b] : o->quick && n->batch > LANES ? LANES : n->batch;
            if (r->plan) net_show(n, batch, g);
            else if (r->profile) net_profile(n, batch, g, report);
            else if (r->units) net_units(n, batch, g, report);
            else net_measure(n, batch, g, report);
        }
    team_close(g->team);
}

static bool is_bf16(const char *precision)
{
    if (precision && strcmp(precision, "float32") != 0 && strcmp(precision, "bf16") != 0)
        quit(EXIT_USAGE, "--precision %s: takes float32 or bf16", precision);
    return precision && strcmp(precision, "bf16") == 0;
}

static void run(const struct request *r, const struct options *o, bool gbench)
{
    static const int one = 1;
    struct nets nets = { 0 };
    struct report report;
    struct noise noise;
    char text[1024];
    struct net_options g = { .options = o, .bf16 = is_bf16(r->precision), .rules = bench_rules_default() };
    if (r->rel_ci > 0) g.rules.rel_ci = r->rel_ci;
    g.rules.max_time = r->max_time > 0 ? r->max_time : o->quick ? 0.01 : g.rules.max_time;
    g.rules.cold = r->cold;
    gather(&nets, r);
    if (r->turns) claims_begin(NULL); /* both are interleaved on the same cores */
    if (r->turns && turns_open(r->turns)) quit(EXIT_USAGE, "--turns %s: takes two open pipes, as bench-turns gives them", r->turns);
    if (r->units && (r->profile || o->thread_count))
        quit(EXIT_USAGE, "--units counts on one thread and by itself: leave out --profile and --threads");
    if (r->plan && o->output) quit(EXIT_USAGE, "--plan prints to stdout: leave out --output");
    report_open(&report, o, r->profile ? net_profile_columns : r->units ? net_units_columns : columns, gbench);
    const char *none = o->list || r->plan ? NULL : counters_open();
    if (none && !o->quiet) warn("no hardware counters: %s", none);
    noise_open(&noise);
    for (int i = 0; i < (o->thread_count && !o->list ? o->thread_count : 1); i++)
        run_threads(&nets, r, &g, o->thread_count ? o->threads[i] : one, &report);
    counters_close();
    if (!g.ran) {
        report_drop(&report);
        quit(EXIT_USAGE, "nothing to run: no net matches%s%s; --list shows what there is", o->filter ? " --filter " : " these flags",
             o->filter ? o->filter : "");
    }
    if (g.disturbed)
        report_remark(&report, "\n%d cases were disturbed: the FMA loop beside them moved by more than %.0f %%.", g.disturbed,
                      100 * REFERENCE_MOST);
    if (!o->list && !r->plan && *noise_read(&noise, text, sizeof text)) warn("timings are disturbed: %s", text);
    if (!o->list) report_close(&report);
    else report_listed(o, g.ran, g.rules.max_time);
    free(nets.list);
    free(g.singles);
}

int main(int argc, char **argv)
{
    struct request r = { 0 };
    const struct poptOption more[] = {
        { "net", 0, POPT_ARG_STRING, &r.net, 0, "a net string like \"1x28x28 conv8 relu max2 dense10\", or a cell of the zoo", "NET" },
        { "batch", 0, POPT_ARG_STRING, &r.batch, 0, "images per step, like 1,32,64 (default: the recipe's, at most 1000)", "LIST" },
        { "precision", 0, POPT_ARG_STRING, &r.precision, 0,
          "float32 (the default), or bf16: beside float32, and in --plan, --profile and --units by itself", "float32|bf16" },
        { "profile", 0, POPT_ARG_NONE, &r.profile, 0, "where a training step's time goes, layer by layer", NULL },
        { "units", 0, POPT_ARG_NONE, &r.units, 0,
          "print how many units of work a training step has, and a model of its speed on 64 workers", NULL },
        { "plan", 0, POPT_ARG_NONE, &r.plan, 0, "print the plan of a training step: variants, fused layers, where tensors are stored",
          NULL },
        { "rel-ci", 0, POPT_ARG_DOUBLE, &r.rel_ci, 0, "stop when the median's 95 % interval is narrower than this share (0.02)", "X" },
        { "max-time", 0, POPT_ARG_DOUBLE, &r.max_time, 0, "seconds per case at most (1)", "S" },
        { "turns", 0, POPT_ARG_STRING, &r.turns, 0, "interleave with another process: see bench/tools/bench-turns", "IN,OUT" },
        { "cold", 0, POPT_ARG_NONE, &r.cold, 0, "empty the caches before every step", NULL },
        POPT_TABLEEND
    };
    static struct options options;
    const bool gbench = gbench_flags(&argc, argv);
    static const char *const examples[] = { "bench-nets --net compact-net/published --threads 1,all",
                                            "bench-nets --net \"1x28x28 conv8 relu max2 dense10\" --batch 1,64 --output nets.jsonl",
                                            "bench-nets --net kernel-size/3x3 --profile", NULL };
    const struct program program = { .name = "bench-nets",
                                     .does = "Times training steps and inference of the studied nets, or of any. "
                                             "--benchmark_... flags are Google Benchmark's.",
                                     .takes = TAKES_BENCH | TAKES(ALGO) | TAKES(NO_FUSE) | TAKES(NO_BLOCKS) | TAKES(NO_RECOMPUTE),
                                     .more = more,
                                     .examples = examples,
                                     BENCH_WORDS("study/cell/train|infer/isa/algo") };
    cli_parse(&options, &program, argc, (const char **)argv);
    options.list = options.list || options.dry_run;
    if (options.amx && !is_bf16(r.precision))
        quit(EXIT_NO_ISA, "--isa amx: computes in bf16 alone, and nets are measured in float32; leave it out, or add --precision bf16");
    run(&r, &options, gbench);
    free(r.net);
    free(r.batch);
    free(r.precision);
    free(r.turns);
    return EXIT_OK;
}
