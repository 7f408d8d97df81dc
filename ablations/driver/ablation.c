/* SPDX-License-Identifier: MIT
 * A study program from its command line to its table: choose entries, open their data, name the runs, leave out those that have rows,
 * make the rest, print what there is. */
#include "ablation.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <popt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../../kernels/runtime/clock.h"
#include "../../nets/whole_file.h"
#include "driver.h"

enum { MAX_DATASETS = 8 };

/* Data sets stay in memory from here to the end: the children share them. */
struct data {
    struct dataset sets[MAX_DATASETS];
    int count;
};

/* ---- what there is */

static int list(const struct sweep *s, const struct study *study)
{
    assert(study->zoo);
    char name[256];
    if (s->options->format == FORMAT_JSON) {
        describe(s, stdout);
        return EXIT_OK;
    }
    printf("%s: %s\ndata: %s; seeds: %d; with --quick: %d", s->study, study->zoo->question, study->zoo->data, study->seeds,
           study->quick_seeds);
    if (study->quick_epochs) printf(" of %d epoch%s each", study->quick_epochs, study->quick_epochs == 1 ? "" : "s");
    printf("\n\n");
    for (int i = 0; i < s->entry_count; i++) {
        const struct entry *e = &s->entries[i];
        entry_name(s, e, name, sizeof name);
        if (!*e->arm && e->zoo->published_acc > 0) printf("%-44s  published %.2f: %s\n", name, e->zoo->published_acc, e->tests);
        else printf("%-44s  %s\n", name, e->tests ? e->tests : "");
    }
    return EXIT_OK;
}

static int summaries(const struct sweep *s)
{
    char name[256];
    for (int i = 0; i < s->entry_count; i++) {
        struct net net;
        if (net_parse(s->entries[i].net, &net, NULL)) return EXIT_FAIL;
        printf("%s%s\n", i ? "\n" : "", entry_name(s, &s->entries[i], name, sizeof name));
        printf("%s\n%s\n\n", s->entries[i].net, s->entries[i].recipe);
        net_summary(&net, s->entries[i].batch, stdout);
    }
    return EXIT_OK;
}

/* ---- data */

static int usable_cores(void)
{
    struct topology *topology;
    struct why why;
    if (topology_open(&topology, &why)) quit(EXIT_FAIL, "%s", why.text);
    int cores = topology_cores(topology);
    assert(cores >= 1);
    topology_close(topology);
    return cores;
}

/* Each then waits for the other, at every step. */
static void warn_threads(const struct sweep *s)
{
    int most = 0;
    for (int i = 0; i < s->options->thread_count; i++) most = s->options->threads[i] > most ? s->options->threads[i] : most;
    if (most > s->cores) warn("--threads %d: there are %d cores here, which they share", most, s->cores);
}

/* The team that makes procedural data is gone before the first fork. */
static void open_one(const struct sweep *s, const char *name, struct dataset *set)
{
    assert(name);
    assert(s->cores >= 1);
    struct team *team = NULL;
    struct why why;
    const struct options *o = s->options;
    if (s->wish->directory) {
        if (dataset_open_directory(o->data_dir, set, &why)) quit(EXIT_DATA, "%s", why.text);
        return;
    }
    if (team_open(&team, s->cores, o->bind, &why)) quit(EXIT_FAIL, "%s", why.text);
    int status = dataset_open(name, o->data_dir, o->env_data_dir, team, set, &why);
    team_close(team);
    if (status) quit(EXIT_DATA, "%s", why.text);
}

static void open_data(struct sweep *s, struct data *data)
{
    for (int i = 0; i < s->entry_count; i++) {
        struct entry *e = &s->entries[i];
        for (int k = 0; k < i && !e->data; k++)
            if (strcmp(s->entries[k].data_name, e->data_name) == 0) e->data = s->entries[k].data;
        if (e->data) continue;
        assert(data->count < MAX_DATASETS);
        open_one(s, e->data_name, &data->sets[data->count]);
        e->data = &data->sets[data->count++];
    }
}

/* ---- output */

/* Where rows are: --report, or --output if it takes rows (a dry run prints its list whatever --format says), else
 * results/local/<study>.jsonl, with shards a file for each. */
static const char *rows_path(const struct sweep *s, char *text, size_t size)
{
    assert(size > 0);
    if (s->wish->report) return s->wish->report;
    const char *output = s->options->output, *dot = output ? strrchr(output, '.') : NULL;
    if (output && (s->options->format == FORMAT_JSONL || (s->options->dry_run && dot && strcmp(dot, ".jsonl") == 0))) return output;
    if (s->options->shards > 1) snprintf(text, size, "results/local/%s.%d-of-%d.jsonl", s->study, s->options->shard, s->options->shards);
    else snprintf(text, size, "results/local/%s.jsonl", s->study);
    return text;
}

/* Asked before hours of work: can the table be written there? */
static void check_table_place(const struct options *o)
{
    if (!o->output || o->format == FORMAT_JSONL) return;
    FILE *f = fopen(o->output, "a");
    if (!f) quit(EXIT_FAIL, "%s: %s; give a place to write with --output", o->output, strerror(errno));
    fclose(f);
}

static int table_to_file(struct sweep *s, const struct rows *rows)
{
    assert(s->options->output);
    struct whole_file w;
    struct why why;
    int status = whole_open(&w, s->options->output, &why);
    if (status == 0) {
        table_print(s, rows, s->options->format, w.file);
        status = whole_close(&w, &why);
    }
    if (status) warn("%s; the rows are safe in %s: start again with another --output", why.text, rows->path);
    return status ? EXIT_FAIL : EXIT_OK;
}

static bool is_stdout(int fd)
{
    struct stat out;
    return fstat(STDOUT_FILENO, &out) == 0 && is_file(fd, &out);
}

static int table(struct sweep *s, const struct rows *rows)
{
    const struct options *o = s->options;
    if (o->output && o->format != FORMAT_JSONL) return table_to_file(s, rows);
    if (is_stdout(rows->fd)) /* the rows have gone there */
        return EXIT_OK;
    table_print(s, rows, o->output ? FORMAT_MD : o->format, stdout);
    if (ferror(stdout) || fflush(stdout)) {
        warn("stdout: %s; the rows are safe in %s", strerror(errno), rows->path);
        return EXIT_FAIL;
    }
    return EXIT_OK;
}

/* ---- runs */

static bool any_row(const struct sweep *s, const struct rows *rows)
{
    for (int i = 0; i < s->run_count; i++)
        if (rows_find(rows, s->runs[i].id)) return true;
    return false;
}

/* Runs of this shard that have no row yet, or pictures to draw. Returns how many; *done: how many have one. */
static int choose(const struct sweep *s, const struct rows *rows, const struct run **todo, int *done)
{
    assert(todo);
    assert(done);
    int count = 0;
    *done = 0;
    for (int i = 0; i < s->run_count; i++) {
        if (!run_is_ours(s, &s->runs[i])) continue;
        bool draw = pictures_wanted(s, &s->runs[i]) && pictures_missing(s, &s->runs[i]);
        if (!s->wish->again && !draw && rows_find(rows, s->runs[i].id)) {
            ++*done;
            if (rows->fd >= 0) keep_end(s, rows, &s->runs[i]); /* killed before it could */
        } else todo[count++] = &s->runs[i];
    }
    return count;
}

/* For scripts: all runs of the shard with their ids, those that have rows too. */
static int dry_run_json(const struct sweep *s, const struct rows *rows)
{
    json_t *list = json_array();
    for (int i = 0; i < s->run_count; i++) {
        const struct run *r = &s->runs[i];
        if (!run_is_ours(s, r)) continue;
        const struct entry *e = r->entry;
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:f, s:b}", "id", r->id, "study", s->study, "cell",
                                              e->cell, "arm", e->arm, "seed", (json_int_t)r->seed, "threads", r->threads, "tier", e->tier,
                                              "seconds", run_seconds(s, r) / s->jobs, "done", rows_find(rows, r->id) != NULL));
    }
    json_dumpf(list, stdout, JSON_REAL_PRECISION(4) | JSON_INDENT(0));
    json_decref(list);
    putchar('\n');
    return finished(EXIT_OK);
}

static int dry_run(const struct sweep *s, const struct rows *rows, const struct run *const *todo, int count, int done)
{
    assert(s->jobs >= 1);
    char name[320], time[32];
    double total = 0;
    if (s->options->format == FORMAT_JSON) return dry_run_json(s, rows);
    for (int i = 0; i < count; i++) {
        double seconds = run_seconds(s, todo[i]);
        total += seconds;
        printf("%-56s %10s   %s\n", run_name(s, todo[i], name, sizeof name), duration(seconds, time), todo[i]->entry->recipe);
    }
    const int jobs = count && count < s->jobs ? count : s->jobs;
    printf("%d to run, about %s with %d side by side; %d have rows already in %s\n", count,
           duration(count ? fmax(1, total / jobs) : 0, time), jobs, done, rows->path);
    return finished(EXIT_OK);
}

static int make(struct sweep *s, struct rows *rows, const struct run *const *todo, int count, int done)
{
    assert(count >= 0);
    assert(done >= 0);
    struct outcome outcome = { 0 };
    check_table_place(s->options);
    if (count < s->jobs) s->jobs = count ? count : 1;
    if (!s->options->quiet) {
        double seconds = 0;
        char time[32];
        for (int i = 0; i < count; i++) seconds += run_seconds(s, todo[i]);
        fprintf(stderr, "%s: %d to run, about %s with %d side by side; %d have rows; rows go to %s\n", s->study, count,
                duration(fmax(1, seconds / s->jobs), time), s->jobs, done, rows->path);
    }
    if (count) outcome = sweep_run(s, todo, count, rows);
    keep_close(s, rows);
    if (outcome.signal) {
        warn("interrupted: %d of %d runs are in %s; the same command continues from there", done + outcome.finished, done + count,
             rows->path);
        return (int)exit_of_signal(outcome.signal);
    }
    int status = table(s, rows);
    if (outcome.failed) warn("%d of %d runs failed; the same command tries them again", outcome.failed, count);
    return outcome.failed || outcome.unwritable ? EXIT_FAIL : status;
}

int ablation_run(const struct study *study, const struct options *options, const struct wish *wish)
{
    assert(study);
    assert(study->zoo);
    assert(options);
    assert(wish);
    static struct data data; /* children share it until the very end */
    struct sweep s = { .options = options, .wish = wish };
    struct rows rows;
    struct why why;
    char path[256];
    int done, status;
    sweep_entries(&s, study);
    if (options->list || wish->summary) {
        status = options->list ? list(&s, study) : summaries(&s);
        sweep_free(&s);
        return finished(status);
    }
    s.cores = usable_cores();
    warn_threads(&s);
    const bool runs = !options->dry_run && !wish->report;
    if (runs && wish->timing && !clock_moves()) quit(EXIT_FAIL, "the clock stands still or runs backwards here: nothing can be timed");
    if (runs) memory_check(&s);
    open_data(&s, &data);
    sweep_runs(&s);
    if (rows_read(&rows, rows_path(&s, path, sizeof path), &why)) quit(EXIT_FAIL, "%s", why.text);
    sweep_estimate(&s, &rows);
    if (wish->report && rows.count == 0)
        quit(EXIT_FAIL, "--report %s: no rows there; name a file of rows, like results/local/%s.jsonl", rows.path, s.study);
    if (wish->report && !any_row(&s, &rows))
        quit(EXIT_FAIL, "--report %s: none of its %d rows is a run of %s on the requested data and seeds; name another file, or --data",
             rows.path, rows.count, s.study);
    if (runs && rows_open(&rows, &why)) /* locked before it is asked what is to do */
        quit(EXIT_FAIL, "%s", why.text);
    if (wish->checkpoint_every && (!rows.regular || strncmp(rows.path, "/dev/", 5) == 0))
        quit(EXIT_USAGE, "--checkpoint-every: %s is no file to put checkpoints beside; give one by --output", rows.path);
    const struct run **todo = calloc((size_t)s.run_count, sizeof *todo);
    if (!todo) quit(EXIT_FAIL, "out of memory");
    int count = choose(&s, &rows, todo, &done);
    status = wish->report       ? table(&s, &rows)
             : options->dry_run ? dry_run(&s, &rows, todo, count, done)
                                : make(&s, &rows, todo, count, done);
    free(todo);
    rows_close(&rows);
    sweep_free(&s);
    while (data.count) dataset_close(&data.sets[--data.count]);
    return status;
}

enum { PICTURES_MOST = 1024 }; /* the names below it fit into a path of 4,096 */

bool goes_on_diverged(const char *word)
{
    if (!word || strcmp(word, "stop") == 0) return false;
    if (strcmp(word, "continue") != 0) quit(EXIT_USAGE, "--on-divergence %s: takes stop or continue", word);
    return true;
}

int every_of(int given)
{
    if (given < 0 || given > MAX_EPOCHS)
        quit(EXIT_USAGE, "--checkpoint-every %d: takes a number of epochs up to %d, or 0 for none", given, MAX_EPOCHS);
    return given;
}

int ablation_main(const struct study *study, int argc, const char **argv)
{
    assert(study);
    assert(study->zoo);
    int arms = 0, tier = 0, timing = 0, summary = 0, every = 0;
    char *report = NULL, *pictures = NULL, *on_divergence = NULL;
    const struct poptOption more[] = {
        { "arms", 0, POPT_ARG_NONE, &arms, 0, "run the arms, too, not only the published cells (--filter and --quick include them anyway)",
          NULL },
        { "tier", 0, POPT_ARG_INT, &tier, 0, "only one tier: 1 published cells, 2 arms that a claim needs, 3 others, 4 speedruns",
          "1|2|3|4" },
        { "report", 0, POPT_ARG_STRING, &report, 0, "run nothing, print tables of the rows in this file (verdicts: tools/report)", "FILE" },
        { "pictures", 0, POPT_ARG_STRING, &pictures, 0,
          "runs of the first seed also write filters, feature maps and more into DIR, as .npy", "DIR" },
        { "on-divergence", 0, POPT_ARG_STRING, &on_divergence, 0,
          "whether a run stops (the default) or continues once its loss is not finite", "stop|continue" },
        { "checkpoint-every", 0, POPT_ARG_INT, &every, 0,
          "write checkpoints beside the rows every N epochs: a stopped sweep resumes within its runs", "N" },
        { "timing", 0, POPT_ARG_NONE, &timing, 0, "measure speed instead: one short run per cell and thread count, nothing beside it",
          NULL },
        { "summary", 0, POPT_ARG_NONE, &summary, 0, "print a summary of each net (shapes, parameters, memory), and exit", NULL },
        POPT_TABLEEND
    };
    static struct options options; /* 8 KB of seeds: not for the stack */
    char example[3][160];
    const char *const name = study->zoo->study, *const examples[] = { example[0], example[1], example[2], NULL };
    snprintf(example[0], sizeof *example, "%s --quick", name);
    snprintf(example[1], sizeof *example, "%s --filter %s --seeds 0-9 --output rows.jsonl", name, study->zoo->cells->cell);
    snprintf(example[2], sizeof *example, "%s --arms --dry-run", name);
    const struct program program = { .name = name, .does = study->zoo->question, .takes = TAKES_ALL, .more = more, .examples = examples };
    cli_parse(&options, &program, argc, argv);
    if (tier < 0 || tier > TIER_SPEEDRUNS)
        quit(EXIT_USAGE, "--tier %d: takes 1 (published cells), 2 (arms that a claim needs), 3 (the other arms) or 4 (speedruns)", tier);
    if (report && options.output && options.format == FORMAT_JSONL)
        quit(EXIT_USAGE, "--report prints tables: --output takes a file that ends in .md, .csv or .json with it");
    if (pictures && strlen(pictures) > PICTURES_MOST) quit(EXIT_USAGE, "--pictures: takes a path of at most %d characters", PICTURES_MOST);
    struct wish wish = { .arms = arms,
                         .tier = tier,
                         .timing = timing,
                         .summary = summary,
                         .report = report,
                         .pictures = pictures,
                         .checkpoint_every = every_of(every),
                         .go_on_diverged = goes_on_diverged(on_divergence) };
    int status = ablation_run(study, &options, &wish);
    free(report);
    free(pictures);
    free(on_divergence);
    return status;
}
