/* SPDX-License-Identifier: MIT
 * From a study and flags to the list of runs, in order of value: the published cells with all their seeds, then the arms. Every string is
 * parsed and every net fitted to its data here, before the first run starts, so that a typing error costs nothing. */
#include "driver.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TIMING_IMAGES = 19200, TIMING_UPDATES = 5 }; /* a timing run trains on so many images, in no fewer updates */

const char *entry_name(const struct sweep *s, const struct entry *e, char *text, size_t size)
{
    assert(size > 0);
    snprintf(text, size, *e->arm ? "%s/%s/%s" : "%s/%s", s->study, e->cell, e->arm);
    return text;
}

const char *run_name(const struct sweep *s, const struct run *r, char *text, size_t size)
{
    assert(r->entry);
    assert(size > 0);
    char name[256];
    entry_name(s, r->entry, name, sizeof name);
    if (s->wish->timing) snprintf(text, size, "%s threads %d", name, r->threads);
    else snprintf(text, size, "%s seed %llu", name, (unsigned long long)r->seed);
    return text;
}

static void *grown(void *list, int count, size_t size)
{
    assert(count >= 0);
    void *more = realloc(list, (size_t)(count + 1) * size);
    if (!more) quit(EXIT_FAIL, "out of memory for the list of runs");
    return more;
}

static char *copy(const char *text)
{
    assert(text);
    char *own = strdup(text);
    if (!own) quit(EXIT_FAIL, "out of memory");
    return own;
}

static struct recipe recipe_or_quit(const char *name, const char *text)
{
    struct recipe recipe;
    struct why why;
    if (recipe_parse(text, &recipe, &why)) quit(EXIT_USAGE, "%s: %s", name, why.text);
    return recipe;
}

/* AMX computes in bf16 alone, the scalar reference in floats alone. */
static void check_isa(const struct sweep *s, const struct recipe *r, const char *name)
{
    const struct options *o = s->options;
    if (r->precision == PRECISION_FLOAT32 && o->amx)
        quit(EXIT_NO_ISA, "%s: --isa amx computes in bf16 alone, and this is in float32; leave it out, or add precision=bf16", name);
    if (r->precision == PRECISION_BF16 && isa_bf16(o->isas) < 0)
        quit(EXIT_NO_ISA, "%s: precision=bf16 has no reference implementation; leave --isa scalar out", name);
}

/* The entry's recipe: the cell's words, the arm's, then what the flags change; later words win. */
static void compose(const struct sweep *s, const struct study *study, const struct arm *arm, struct entry *e, const char *name)
{
    assert(e->zoo);
    char words[RECIPE_WORDS], canonical[1024];
    const int length = snprintf(words, sizeof words, "%s %s", e->zoo->recipe, arm && arm->recipe ? arm->recipe : "");
    if (length >= RECIPE_WORDS - RECIPE_FLAGS)
        quit(EXIT_USAGE, "%s: the recipe is longer than %d characters", name, RECIPE_WORDS - RECIPE_FLAGS - 1);
    struct recipe recipe = recipe_or_quit(name, words);
    e->study_epochs = recipe.epochs;
    int epochs = s->options->epochs ? s->options->epochs : s->options->quick && study->quick_epochs ? study->quick_epochs : 0;
    size_t used = (size_t)length;
    bool quick = s->options->quick && study->quick_recipe && !s->wish->timing;
    e->shortened = quick || s->wish->timing;
    if (quick) used += (size_t)snprintf(words + used, sizeof words - used, " %s", study->quick_recipe);
    if (s->wish->timing)
        snprintf(words + used, sizeof words - used, " select=all epochs=1 updates=%d",
                 (int)fmax(TIMING_UPDATES, (double)TIMING_IMAGES / recipe.batch));
    else if (epochs) snprintf(words + used, sizeof words - used, " epochs=%d updates=0", epochs);
    recipe = recipe_or_quit(name, words);
    e->recipe = copy(recipe_print(&recipe, canonical, sizeof canonical));
    check_isa(s, &recipe, name);
    e->precision = recipe.precision;
    e->batch = recipe.batch;
    assert(e->batch >= 1);
}

static int tier_of(const struct arm *arm) { return !arm ? 1 : arm->tier ? arm->tier : 2; }

static void add_entry(struct sweep *s, const struct study *study, const struct zoo_cell *cell, const struct arm *arm, int place)
{
    assert(cell->cell);
    assert(place >= 0);
    char name[256], canonical[4096];
    const char *own = cell->data ? cell->data : study->zoo->data, *asked = s->options->data;
    struct entry e = { .cell = cell->cell,
                       .arm = arm ? arm->arm : "",
                       .base = arm && arm->base ? arm->base : "",
                       .tests = arm ? arm->tests : cell->published_as,
                       .zoo = cell,
                       .place = place,
                       .tier = tier_of(arm),
                       .data_name = asked ? asked : own,
                       .study_data = !s->wish->directory && (!asked || strcmp(asked, own) == 0) };
    struct net net;
    struct why why;
    entry_name(s, &e, name, sizeof name);
    if (net_parse(arm && arm->net ? arm->net : cell->net, &net, &why)) quit(EXIT_USAGE, "%s: %s", name, why.text);
    compose(s, study, arm, &e, name);
    if (strlen(net_print(&net, canonical, sizeof canonical)) == sizeof canonical - 1)
        quit(EXIT_USAGE, "%s: the net's string is longer than %zu characters", name, sizeof canonical - 2);
    e.net = copy(canonical);
    for (int i = 0; i < net.count; i++) {
        struct layer_facts facts = net_layer_facts(&net, i);
        e.flops += 6 * facts.macs + 10.0 * facts.out.c * facts.out.h * facts.out.w; /* forward, twice backward; element-wise work */
    }
    s->entries = grown(s->entries, s->entry_count, sizeof e);
    s->entries[s->entry_count++] = e;
}

static const struct zoo_cell *cell_of_arm(const struct study *study, const struct arm *arm)
{
    assert(arm->cell);
    for (const struct zoo_cell *cell = study->zoo->cells; cell->cell; cell++)
        if (strcmp(cell->cell, arm->cell) == 0) return cell;
    quit(EXIT_FAIL, "%s: arm \"%s\" belongs to no cell", study->zoo->study, arm->arm);
}

static bool is_arm(const struct study *study, const char *cell, const char *arm)
{
    for (const struct arm *a = study->arms; a->cell; a++)
        if (strcmp(a->cell, cell) == 0 && strcmp(a->arm, arm) == 0) return true;
    return false;
}

/* A base that names nothing would be left out silently for ever. */
static void check_bases(const struct study *study)
{
    for (const struct arm *a = study->arms; a && a->cell; a++)
        if (a->base && !is_arm(study, a->cell, a->base))
            quit(EXIT_FAIL, "%s: arm \"%s\" changes \"%s\", which does not exist", study->zoo->study, a->arm, a->base);
}

/* --filter chooses among all there is; without it: the cells, the arms of --quick with --quick, all arms with --arms, a tier's.
 * Speedruns have the machine to themselves, all of it, so their tier must be asked for before one is made. */
static bool wanted(const struct sweep *s, const struct arm *arm, const char *name)
{
    const struct wish *wish = s->wish;
    const struct options *o = s->options;
    if (o->filter && !filter_matches(o->filter, name)) return false;
    if (wish->tier) return wish->tier == tier_of(arm);
    const bool made = !o->list && !o->dry_run && !wish->summary && !wish->report && !wish->timing;
    if (made && tier_of(arm) == TIER_SPEEDRUNS) return false;
    return !arm || o->filter || o->list || wish->arms || wish->report || (o->quick && arm->quick);
}

void sweep_entries(struct sweep *s, const struct study *study)
{
    assert(study->zoo);
    assert(s->options);
    assert(s->wish);
    assert(s->entry_count == 0);
    s->study = study->zoo->study;
    s->of = study;
    check_bases(study);
    char name[256];
    int place = 0;
    const struct options *o = s->options;
    for (const struct zoo_cell *cell = study->zoo->cells; cell->cell; cell++, place++) {
        snprintf(name, sizeof name, "%s/%s", s->study, cell->cell);
        if (wanted(s, NULL, name)) add_entry(s, study, cell, NULL, place);
    }
    for (const struct arm *arm = study->arms; arm && arm->cell; arm++, place++) {
        snprintf(name, sizeof name, "%s/%s/%s", s->study, arm->cell, arm->arm);
        if (wanted(s, arm, name)) add_entry(s, study, cell_of_arm(study, arm), arm, place);
    }
    if (s->entry_count == 0 && s->wish->tier && !o->filter) quit(EXIT_USAGE, "--tier %d: %s has no arms there", s->wish->tier, s->study);
    if (s->entry_count == 0)
        quit(EXIT_USAGE, "--filter %s matches no cell or arm; --list shows them, and speedruns want --tier %d, too",
             o->filter ? o->filter : "", TIER_SPEEDRUNS);
}

static int selected(const struct selection *s, const struct images *images, int classes)
{
    switch (s->kind) {
    case SELECT_PER_CLASS: return s->count * classes;
    case SELECT_FIRST:
    case SELECT_SPLIT: return s->count;
    case SELECT_SINGLE: return 1;
    case SELECT_ALL:
    case SELECT_TRAIN: break;
    }
    return images->count;
}

/* Epochs, steps and images of one run of the entry. */
static void size_up(struct entry *e, const struct recipe *r, bool timing)
{
    const struct dataset *d = e->data;
    assert(d->classes >= 1);
    assert(r->batch >= 1);
    int n = selected(&r->train, &d->train, d->classes);
    e->test_images = r->train.kind == SELECT_SPLIT  ? d->train.count - n
                     : r->test.kind == SELECT_TRAIN ? n
                                                    : selected(&r->test, &d->test, d->classes);
    e->train_images = n;
    double per_epoch = fmax(1, r->drop_last ? n / r->batch : ceil((double)n / r->batch));
    e->updates = r->updates ? r->updates : r->epochs * per_epoch;
    e->epochs = (int)ceil(e->updates / per_epoch);
    e->images = r->updates ? r->updates * fmin(n, r->batch) : (double)n * r->epochs;
    e->tested = (double)e->test_images * e->epochs + (timing ? 0 : n);
}

/* False with the reason: the net does not fit the data, or the recipe asks for what cannot be. */
static bool fit(const struct sweep *s, struct entry *e, struct why *why)
{
    assert(e->data);
    char name[256];
    struct net net;
    entry_name(s, e, name, sizeof name);
    struct recipe recipe = recipe_or_quit(name, e->recipe);
    if (net_parse(e->net, &net, why) || train_check(&net, &recipe, e->data, why)) return false;
    size_up(e, &recipe, s->wish->timing);
    if (e->epochs > MAX_EPOCHS)
        why_fail(why, -EINVAL, "%d epochs requested; at most %d are possible, set epochs= or updates= lower", e->epochs, MAX_EPOCHS);
    return e->epochs <= MAX_EPOCHS;
}

/* On a data set of the user's choice the cells that fit it are run; nothing is left out silently, and not everything at all. */
static void fit_all(struct sweep *s, bool *fits)
{
    char name[256];
    struct why why;
    int left_out = 0;
    for (int i = 0; i < s->entry_count; i++) {
        fits[i] = fit(s, &s->entries[i], &why);
        left_out += !fits[i];
        if (!fits[i] && (s->entries[i].study_data || left_out == s->entry_count))
            quit(EXIT_USAGE, "%s: %s", entry_name(s, &s->entries[i], name, sizeof name), why.text);
        if (!fits[i] && !s->options->quiet) warn("%s is left out: %s", entry_name(s, &s->entries[i], name, sizeof name), why.text);
    }
}

/* Does training an image cost the same in both? Only the net, the batch, the images' way in and the optimizer's kind count. */
static bool costs_as(const struct entry *a, const struct entry *b)
{
    const struct recipe x = recipe_or_quit(a->cell, a->recipe), y = recipe_or_quit(b->cell, b->recipe);
    const struct transform *t = &x.transform, *u = &y.transform;
    bool alike = strcmp(a->net, b->net) == 0 && a->data == b->data && x.batch == y.batch && x.optimizer == y.optimizer &&
                 t->augments == u->augments && t->permute == u->permute;
    for (int i = 0; alike && i < t->augments; i++) alike = t->augment[i].kind == u->augment[i].kind;
    return alike;
}

/* Timing rows of arms: one for each cost. */
static bool timed_already(const struct sweep *s, const struct entry *e)
{
    for (const struct entry *before = s->entries; *e->arm && before < e; before++)
        if (costs_as(before, e)) return true;
    return false;
}

static void add_run(struct sweep *s, const struct entry *e, uint64_t seed, int threads)
{
    assert(threads >= 1 || threads == THREADS_ALL);
    struct run run = { .entry = e, .seed = seed, .threads = threads == THREADS_ALL ? s->cores : threads };
    run_make_id(s, &run);
    for (int i = 0; i < s->run_count; i++) /* "1,all" on one core */
        if (strcmp(s->runs[i].id, run.id) == 0) return;
    s->runs = grown(s->runs, s->run_count, sizeof run);
    s->runs[s->run_count++] = run;
}

int entry_seeds(const struct sweep *s, const struct entry *e)
{
    assert(s->of);
    char name[256];
    const struct study *study = s->of;
    if (s->options->quick) return study->quick_seeds;
    for (const struct seeds *rule = study->seeds_of; rule && rule->filter; rule++)
        if (filter_matches(rule->filter, entry_name(s, e, name, sizeof name))) return rule->seeds;
    return *e->arm && study->arm_seeds ? study->arm_seeds : study->seeds;
}

void sweep_runs(struct sweep *s)
{
    assert(s->entry_count > 0);
    assert(s->run_count == 0);
    assert(s->cores > 0);
    const struct options *o = s->options;
    static const int one_and_all[] = { 1, THREADS_ALL };
    if (!s->wish->timing && o->thread_count > 1)
        quit(EXIT_USAGE, "--threads with several counts is for timing rows (--timing): accuracy has the same bits for any count");
    bool *fits = calloc((size_t)s->entry_count, sizeof *fits);
    if (!fits) quit(EXIT_FAIL, "out of memory for the list of runs");
    fit_all(s, fits);
    for (int i = 0; i < s->entry_count; i++) {
        const struct entry *e = &s->entries[i];
        if (!fits[i] || (s->wish->timing && timed_already(s, e))) continue;
        if (s->wish->timing) {
            const int *threads = o->thread_count ? o->threads : one_and_all;
            for (int t = 0; t < (o->thread_count ? o->thread_count : 2); t++) add_run(s, e, o->seed_count ? o->seeds[0] : 0, threads[t]);
        } else {
            int seeds = o->seed_count ? o->seed_count : entry_seeds(s, e);
            for (int k = 0; k < seeds; k++)
                add_run(s, e, o->seed_count ? o->seeds[k] : (uint64_t)k,
                        o->thread_count                   ? o->threads[0]
                        : s->wish->tier == TIER_SPEEDRUNS ? THREADS_ALL
                                                          : 1);
        }
    }
    free(fits);
    int threads = s->run_count ? s->runs[0].threads : 1;
    s->jobs = s->wish->timing ? 1 : o->jobs ? o->jobs : s->cores / threads;
    s->jobs = s->jobs < 1 ? 1 : s->jobs;
}

void sweep_free(struct sweep *s)
{
    for (int i = 0; i < s->entry_count; i++) {
        free(s->entries[i].net);
        free(s->entries[i].recipe);
    }
    free(s->entries);
    free(s->runs);
}

bool run_is_ours(const struct sweep *s, const struct run *r)
{
    assert(s->options->shards >= 1);
    const uint64_t turn = (uint64_t)r->entry->place + (s->wish->timing ? (uint64_t)r->threads : r->seed);
    return turn % (uint64_t)s->options->shards == (uint64_t)s->options->shard - 1;
}

/* A vector costs as much when it is not full, so a batch of one counts as LANES images; testing is one pass of three. */
double run_work(const struct run *r)
{
    assert(r->entry);
    const struct entry *e = r->entry;
    const double updates = fmax(1, e->updates), batch = ceil(e->images / updates / LANES) * LANES;
    return (updates * batch + e->tested / 3) * e->flops;
}
