/* SPDX-License-Identifier: MIT
 * Nets measured whole. Training and inference have plans of their own, as programs that do one of them would. */
#include "net_run.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../kernels/runtime/rng.h"
#include "net_runner.h"

enum { VARIANTS = 16 };

/* ---- runners ---- */

/* Noise for images; every class among the labels. */
static void fill(struct plan *plan, int batch)
{
    assert(batch >= 1);
    const struct net *net = plan_net(plan);
    const size_t pixels = (size_t)net->in.c * (size_t)net->in.h * (size_t)net->in.w;
    const int classes = net->layers[net->count - 1].out.c;
    assert(classes >= 1);
    struct rng rng = rng_start(rng_stream_key(1, STREAM_TEST, 0, 0));
    real *x = plan_input(plan);
    for (size_t i = 0; i < (size_t)image_blocks(batch) * pixels * LANES; i++) {
        const size_t image = i / (pixels * LANES) * LANES + i % LANES;
        x[i] = image < (size_t)batch ? (real)rng_uniform(&rng) : 0;
    }
    for (int i = 0; i < image_blocks(batch) * LANES; i++) plan_labels(plan)[i] = (uint8_t)(i < batch ? i % classes : 0);
}

const char bf16_algo[] = "bf16";

const char *runner_algo(const struct net_options *g) { return g->bf16 ? bf16_algo : g->options->algo; }

/* Whose name a variant has: in bf16 that of the tiles, which are AMX's beside the best ISA for floats. */
static unsigned isas_of(enum isa isa, const char *algo, const struct net_options *g)
{
    const unsigned isas = g->options->isas;
    return 1u << isa | (algo == bf16_algo && isa_best(isas) == (int)isa ? isas & 1u << ISA_AMX : 0);
}

static const char *isa_shown(enum isa isa, const char *algo, const struct net_options *g)
{
    const int tiles = algo == bf16_algo ? isa_bf16(isas_of(isa, algo, g)) : -1;
    return isa_name(tiles >= 0 ? (enum isa)tiles : isa);
}

int runner_open(struct runner *r, const struct bench_net *n, int batch, bool training, enum isa isa, const char *algo,
                const struct net_options *g, struct why *why)
{
    assert(batch >= 1);
    assert(isa < ISA_COUNT);
    const bool rounded = algo == bf16_algo;
    const struct plan_options options = { .batch = batch,
                                          .training = training,
                                          .isas = isas_of(isa, algo, g),
                                          .algo = rounded ? g->options->algo : algo,
                                          .precision = rounded ? PRECISION_BF16 : PRECISION_FLOAT32,
                                          .team = g->team,
                                          .workers = g->planned_workers,
                                          .no_fuse = g->options->no_fuse,
                                          .no_blocks = g->options->no_blocks,
                                          .no_recompute = g->options->no_recompute,
                                          .optimizer_slots = recipe_optimizer_slots(&n->recipe) };
    *r = (struct runner){ .net = n, .batch = batch, .training = training, .isa = isa, .algo = algo, .precision = options.precision };
    r->no_fuse = options.no_fuse;
    r->no_blocks = options.no_blocks;
    r->no_recompute = options.no_recompute;
    r->planned_workers = options.workers;
    const int status = net_plan(&n->net, &options, &r->plan, why);
    if (status) return status;
    plan_init(r->plan, n->recipe.init, 1);
    fill(r->plan, batch);
    r->optimizer = recipe_optimizer(&n->recipe, 0, 1000, 1000);
    r->optimizer.rate = r->optimizer.step_size = 0;
    return 0;
}

void runner_run(void *runner)
{
    struct runner *r = runner;
    const struct pass_key key = { .seed = 1, .step = r->step++ };
    if (!r->training) {
        plan_forward(r->plan, r->batch, false, key);
        return;
    }
    plan_gradients(r->plan, r->batch, r->batch, false, key);
    plan_step(r->plan, &r->optimizer);
}

/* Nominal work of convolutions and dense layers: forward once, and in training twice more, less the gradient of the net's input. */
double runner_flops(const struct runner *r)
{
    assert(r->net);
    double flops = 0;
    bool first = true;
    for (int i = 0; i < r->net->net.count; i++) {
        const double macs = net_layer_facts(&r->net->net, i).macs;
        if (macs <= 0) continue;
        flops += 2 * macs * (!r->training ? 1 : first ? 2 : 3);
        first = false;
    }
    return flops * r->batch;
}

/* ---- variants ---- */

/* Which ISAs: all that SIMD sources are compiled for and that --isa allows; without any, what it allows. */
static bool wanted_isa(unsigned isas, int isa)
{
    const unsigned slow = 1u << ISA_SCALAR | 1u << ISA_PORTABLE, fast = isas & ~slow;
    return ((fast ? fast : isas) >> isa & 1) && isa_best(1u << isa) == isa; /* AMX has no floats */
}

static bool wanted(const struct net_options *g, const struct bench_net *n, bool training, enum isa isa, const char *algo)
{
    char name[192];
    snprintf(name, sizeof name, "%s/%s/%s/%s", n->name, training ? "train" : "infer", isa_shown(isa, algo, g), algo);
    return filter_matches(g->options->filter, name);
}

bool runner_asked(const struct bench_net *n, bool training, enum isa isa, struct net_options *g)
{
    const char *algo = runner_algo(g);
    if (!wanted(g, n, training, isa, algo)) return false;
    g->ran++;
    if (g->options->list) printf("%s/%s/%s/%s  %s\n", n->name, training ? "train" : "infer", isa_shown(isa, algo, g), algo, n->string);
    return !g->options->list;
}

/* auto, and beside it direct, which every published figure has beside it; or what --algo names, and bf16 if asked for. */
static int open_variants(const struct bench_net *n, int batch, bool training, const struct net_options *g, struct runner runners[VARIANTS])
{
    struct why why;
    int count = 0;
    const bool named = strcmp(g->options->algo, "auto") != 0;
    const char *const algos[] = { g->options->algo, g->bf16 ? bf16_algo : named ? NULL : "direct" };
    for (int isa = 0; isa < ISA_COUNT; isa++)
        for (int i = 0; i < 2 && algos[i]; i++) {
            if (!wanted_isa(g->options->isas, isa) || !wanted(g, n, training, (enum isa)isa, algos[i])) continue;
            if (!named && i == 1 && isa <= (g->bf16 ? (int)ISA_SCALAR : (int)ISA_PORTABLE)) continue;
            assert(count < VARIANTS);
            const int status = runner_open(&runners[count], n, batch, training, (enum isa)isa, algos[i], g, &why);
            if (status == -ENOMEM) quit(EXIT_FAIL, "%s", why.text);
            if (status) warn("%s: left out: %s", n->name, why.text);
            else count++;
        }
    return count;
}

void net_show(const struct bench_net *n, int batch, struct net_options *g)
{
    struct runner r;
    struct why why;
    const int isa = isa_best(g->options->isas);
    if (!runner_asked(n, true, (enum isa)isa, g)) return;
    if (runner_open(&r, n, batch, true, (enum isa)isa, runner_algo(g), g, &why)) quit(EXIT_FAIL, "%s: %s", n->name, why.text);
    printf("%s: %s\n", n->name, n->string);
    plan_print(r.plan, stdout);
    putchar('\n');
    plan_close(r.plan);
}

/* ---- rows ---- */

/* How much faster than the same case on one thread, when that was measured before in this run. */
static double scaling(struct net_options *g, const char *name, int threads, double seconds)
{
    for (int i = 0; i < g->single_count; i++)
        if (strcmp(g->singles[i].name, name) == 0) return g->singles[i].seconds / seconds;
    if (threads != 1) return NAN;
    struct single *more = realloc(g->singles, (size_t)(g->single_count + 1) * sizeof *more);
    if (!more) quit(EXIT_FAIL, "out of memory");
    g->singles = more;
    snprintf(more[g->single_count].name, sizeof more->name, "%s", name);
    more[g->single_count++].seconds = seconds;
    return 1;
}

static void add_bytes(json_t *row, const struct plan *plan)
{
    const struct plan_bytes b = plan_bytes(plan);
    json_object_set_new(row, "bytes_parameters", json_integer((json_int_t)b.parameters));
    json_object_set_new(row, "bytes_gradients", json_integer((json_int_t)b.gradients));
    json_object_set_new(row, "bytes_optimizer", json_integer((json_int_t)b.optimizer));
    json_object_set_new(row, "bytes_activations", json_integer((json_int_t)b.activations));
    json_object_set_new(row, "bytes_scratch", json_integer((json_int_t)b.scratch));
    json_object_set_new(row, "kib_total", json_real((double)(b.parameters + b.gradients + b.optimizer + b.activations + b.scratch) / 1024));
}

json_t *runner_row(const struct runner *r, struct team *team, const char *kind)
{
    char variant[64], planned[16] = "";
    const int tiles = plan_tiles(r->plan);
    const char *isa = isa_name(tiles >= 0 ? (enum isa)tiles : r->isa), *algo = r->precision == PRECISION_BF16 ? "auto" : r->algo;
    if (r->planned_workers) snprintf(planned, sizeof planned, "/for-%d", r->planned_workers);
    snprintf(variant, sizeof variant, "%s/%s%s%s%s%s", isa, r->algo, r->no_fuse ? "/no-fuse" : "", r->no_blocks ? "/no-blocks" : "",
             r->no_recompute ? "/no-recompute" : "", planned);
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:b, s:i, s:b}", "kind", kind, "net", r->net->name, "net_string",
                            r->net->string, "what", r->training ? "train" : "infer", "batch", r->batch, "variant", variant, "isa", isa,
                            "algo", algo, "fuse", !r->no_fuse, "threads", team_workers(team), "pinned", team_pinned(team));
    assert(row);
    if (r->precision == PRECISION_BF16) json_object_set_new(row, "precision", json_string("bf16"));
    if (r->no_blocks) json_object_set_new(row, "blocks", json_false());
    if (r->no_recompute) json_object_set_new(row, "recompute", json_false());
    return row;
}

static void write_row(const struct runner *r, const struct bench_case *c, const struct bench_case *reference, struct net_options *g,
                      struct report *report)
{
    const struct bench_stats least = reference ? bench_stats_of(reference->sample, reference->samples) : (struct bench_stats){ .min = NAN };
    const double peak = reference ? peak_flops(reference->context) / least.min : NAN;
    char name[192];
    const double seconds = bench_stats_of(c->sample, c->samples).median, flops = runner_flops(r) / seconds;
    json_t *row = runner_row(r, g->team, "net");
    report_timing(row, c);
    snprintf(name, sizeof name, "%s/%s/batch:%d/%s", r->net->name, r->training ? "train" : "infer", r->batch,
             json_string_value(json_object_get(row, "variant")));
    json_object_set_new(row, "ok", json_true());
    json_object_set_new(row, "cold", json_boolean(g->rules.cold));
    json_object_set_new(row, "images_per_s", json_real(r->batch / seconds));
    json_object_set_new(row, "gflops", json_real(flops * 1e-9));
    json_object_set_new(row, "peak_gflops", real_or_null(peak * 1e-9));
    json_object_set_new(row, "us_reference", real_or_null(reference ? least.median * 1e6 : NAN));
    json_object_set_new(row, "percent_of_peak", real_or_null(100 * flops / peak));
    json_object_set_new(row, "scaling", real_or_null(scaling(g, name, team_workers(g->team), seconds)));
    add_bytes(row, r->plan);
    const double moved = reference_moved(reference);
    report_moved(row, moved);
    g->disturbed += moved > REFERENCE_MOST;
    json_object_set_new(row, "env", report_environment(peak * 1e-9));
    report_row(report, row);
    const struct gbench_counter counters[] = { { "images_per_s", r->batch / seconds },
                                               { "gflops", flops * 1e-9 },
                                               { "percent_of_peak", 100 * flops / peak } };
    const size_t used = strlen(name);
    snprintf(name + used, sizeof name - used, "/threads:%d", team_workers(g->team));
    gbench_add(name, c->sample, c->samples, c->calls, counters, 3);
    json_decref(row);
}

static void measure_mode(struct bench_net *n, int batch, bool training, struct net_options *g, struct report *report)
{
    struct runner runners[VARIANTS];
    struct bench_case cases[2 * VARIANTS] = { 0 };
    struct peak peaks[VARIANTS];
    const int count = open_variants(n, batch, training, g, runners);
    int all = count, peak_case[VARIANTS];
    for (int i = 0; i < count; i++) cases[i] = (struct bench_case){ .run = runner_run, .context = &runners[i] };
    for (int i = 0; i < count; i++) {
        peak_case[i] = -1;
        for (int j = 0; j < i && peak_case[i] < 0; j++)
            if (runners[j].isa == runners[i].isa) peak_case[i] = peak_case[j];
        if (peak_case[i] >= 0 || !peak_has((int)runners[i].isa)) continue;
        peaks[i] = (struct peak){ g->team, (int)runners[i].isa };
        peak_case[i] = all;
        cases[all++] = (struct bench_case){ .run = peak_run, .context = &peaks[i], .beside = true };
    }
    assert(all <= 2 * VARIANTS);
    if (count && bench_sample(cases, all, &g->rules)) quit(EXIT_FAIL, "out of memory");
    for (int i = 0; i < count; i++) {
        write_row(&runners[i], &cases[i], peak_case[i] < 0 ? NULL : &cases[peak_case[i]], g, report);
        plan_close(runners[i].plan);
    }
    for (int i = 0; i < all; i++) bench_case_free(&cases[i]);
    g->ran += count;
}

void net_measure(struct bench_net *n, int batch, struct net_options *g, struct report *report)
{
    assert(n);
    assert(batch >= 1);
    for (int training = 1; training >= 0; training--) {
        if (!g->options->list) {
            measure_mode(n, batch, training, g, report);
            continue;
        }
        for (int isa = 0; isa < ISA_COUNT; isa++)
            if (wanted_isa(g->options->isas, isa)) runner_asked(n, training, (enum isa)isa, g);
    }
}
