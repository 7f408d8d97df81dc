/* SPDX-License-Identifier: MIT
 * What the driver's files share: a sweep is entries (a cell or an arm, named by its exact strings) times seeds or thread counts; a run is
 * one of them, with the id of the row it makes; rows are what is on disk. Programs use ablation.h instead. */
#ifndef ABLATIONS_DRIVER_H
#define ABLATIONS_DRIVER_H

#include <jansson.h>
#include <stdio.h>
#include "../../bench/record/environment.h"
#include "../../bench/record/rows.h"
#include "ablation.h"

struct entry {
    const char *cell, *arm;     /* arm "": the cell itself */
    const char *base;           /* the arm of the cell that it changes; "": the cell itself */
    const char *tests;          /* what the arm tests, or what was published; may be NULL */
    const struct zoo_cell *zoo; /* the cell, with its published values */
    const char *data_name;      /* --data, or the cell's, or the study's */
    int place, tier;            /* among all that the study has, wanted or not; as `wish` counts tiers */
    bool shortened;             /* by --quick: no published value is comparable */
    bool study_data;            /* that is the cell's own: its published values are comparable */
    const struct dataset *data; /* opened between sweep_entries and sweep_runs */
    char *net, *recipe;         /* canonical; owned */
    enum precision precision;
    int batch, epochs, study_epochs; /* study_epochs: as the study's recipe has it, where a quick run has fewer */
    double images, updates, flops;   /* images and steps of the whole run; flops per image of training, roughly */
    int test_images, train_images;   /* that an accuracy is over; that training chooses from */
    double tested;                   /* images evaluated in the whole run */
    double images_per_s;             /* of training with one worker, for estimates; 0 or NAN: unknown */
};

struct run {
    const struct entry *entry;
    uint64_t seed;
    int threads;
    char id[ID_SIZE];
    const struct row *row; /* looked up for the table; NULL: none yet */
};

struct sweep {
    const char *study;
    const struct study *of;
    const struct options *options;
    const struct wish *wish;
    int cores, jobs; /* usable cores; runs side by side */
    struct entry *entries;
    int entry_count;
    struct run *runs;
    int run_count; /* all, whatever the shard */
};

/* ---- plan.c */

/* The entries that flags choose; quits with a message when a string is wrong or nothing matches the filter. */
void sweep_entries(struct sweep *s, const struct study *study);
/* The runs, once every entry has its data; quits with a message when a net does not fit them. */
void sweep_runs(struct sweep *s);
void sweep_free(struct sweep *s);
/* How many seeds the entry gets where --seeds does not say. */
int entry_seeds(const struct sweep *s, const struct entry *e);
/* "study/cell" or "study/cell/arm". */
const char *entry_name(const struct sweep *s, const struct entry *e, char *text, size_t size);
/* The same and what sets the run apart: " seed 3" or " threads 2". */
const char *run_name(const struct sweep *s, const struct run *r, char *text, size_t size);
/* Is it this shard's? The answer depends on the run alone, not on what else is asked for: shards stay apart whatever they list. */
bool run_is_ours(const struct sweep *s, const struct run *r);
/* Relative cost of a run, for the bar. */
double run_work(const struct run *r);

/* ---- speed.c */

/* Every entry's speed: of rows, else by its arithmetic. Nothing is measured. */
void sweep_estimate(struct sweep *s, const struct rows *rows);
/* Seconds of a run by that; 0: unknown. */
double run_seconds(const struct sweep *s, const struct run *r);

/* ---- record.c: what stands in a row */

/* sha256 over what makes the run's bits. */
void run_make_id(const struct sweep *s, struct run *r);
/* The child's part: results of a finished run. Non-finite numbers become null and are named in "not_finite". New reference. */
json_t *record_result(const struct sweep *s, const struct run *r, const struct metrics *m, bool pinned);
/* The whole row: head, result, memory, environment. Borrows result and environment; new reference. */
json_t *record_row(const struct sweep *s, const struct run *r, json_t *result, double peak_rss_bytes, bool quiet, json_t *environment);

/* ---- progress.c: stderr; a bar on a terminal, plain lines otherwise */

struct progress {
    bool quiet, terminal, colour, drawn;
    int done, total;
    double work_done, work_total;
    uint64_t start_ns, drawn_ns;
};

/* Is it a terminal that can draw? */
bool at_terminal(FILE *out);
void progress_open(struct progress *p, bool quiet, int total, double work_total);
/* A line that stays. */
void progress_say(struct progress *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Redraws the bar now and then; work: done in all, running runs' shares included. */
void progress_draw(struct progress *p, double work, int running);
/* Takes the bar off the terminal: before any other line, and at the end. */
void progress_clear(struct progress *p);
/* Seconds still to go at the rate so far, or NAN. */
double progress_left(const struct progress *p, double work);
/* "45 s", "12 min", "3 h 20 min". */
const char *duration(double seconds, char text[32]);

/* ---- memory.c */

/* Before the data are read: says how much memory all of it takes and how much there is; quits with the way out where that is too little. */
void memory_check(const struct sweep *s);

/* ---- cores.c */

struct cores {
    struct topology *own, *all; /* what this sweep's runs are placed on; all that is usable, to see whom others have left */
    enum bind bind;             /* none where other programs of ours have the cores */
    bool claimed;
    int jobs;
};

/* Claims the cores of s->jobs runs side by side; of fewer, which s->jobs then says, where that is all that is free and --jobs was not
 * given. 0 or negative errno. */
int cores_open(struct cores *c, struct sweep *s, const struct run *const *todo, int count, struct why *why);
void cores_close(struct cores *c);
/* In a child: keeps it on the cores of its slot, and lets it end with its parent. */
void cores_confine(const struct cores *c, int slot, int threads);

/* ---- child.c */

/* A run in its own process, confined to the cores of its slot; its words go to fd. Asked to stop by *stop. Does not return. */
_Noreturn void run_child(const struct sweep *s, const struct rows *rows, const struct run *r, const struct cores *cores, int slot,
                         const volatile sig_atomic_t *stop, int fd);

/* ---- run.c */

struct outcome {
    int finished, failed, signal;
    bool unwritable;
};

/* Makes the runs todo[0 … count-1], jobs at a time, and appends their rows. signal: SIGINT or SIGTERM when interrupted. */
struct outcome sweep_run(const struct sweep *s, const struct run *const *todo, int count, struct rows *rows);

/* ---- table.c */

/* Looks up every run's row, then prints the table of all runs that have a row (jsonl: the rows themselves, copied from their file). */
void table_print(struct sweep *s, const struct rows *rows, enum format format, FILE *out);

struct summary {
    int n;
    double mean, sd; /* NAN where n is too small */
};

/* One line of a table. */
struct line {
    const struct entry *entry;
    const struct row *first; /* for what all its rows share: threads, isa … */
    struct summary test, best, train, loss, train_speed, infer_speed, arenas, peak;
    struct summary paired; /* arm minus what it changes, over common seeds; n 0: none */
};

/* The published accuracy of a cell; NAN where there is none, and of arms. */
double published_of(const struct line *line);

/* ---- markdown.c */

/* The lines of one data set as a table with its notes; on a terminal a picture of it, too. */
void markdown_print(const struct sweep *s, const struct rows *rows, const struct line *lines, int count, const struct dataset *data,
                    FILE *out);

/* ---- pictures.c */

/* Does this run draw? In which folder, and is nothing there yet? */
bool pictures_wanted(const struct sweep *s, const struct run *r);
const char *pictures_folder(const struct sweep *s, const struct run *r, char *text, size_t size);
bool pictures_missing(const struct sweep *s, const struct run *r);
/* Of a trained plan; and last what the study put into `extra`, less what is too long for a row. */
void pictures_write(const struct sweep *s, const struct look *look, struct plan *plan);
void pictures_looks(const struct look *look);

/* ---- grammar.c: what --net and --recipe take */

void grammar_net(FILE *out);
void grammar_recipe(FILE *out);

/* ---- look.c */

struct looking {
    struct look look;
    const struct sweep *s;
    void (*then)(void *context, struct plan *plan);
    char folder[4096];
};

/* Sets the hooks of a run; and puts what the study measured into its result. */
void look_begin(struct looking *l, const struct sweep *s, const struct run *r, const struct net *net, const struct recipe *recipe,
                struct train_options *options);
void look_end(struct looking *l, json_t *result);

/* ---- keep.c */

struct keep {
    char path[4096];
};

/* In a child: where the run's checkpoint goes, and that it goes on from what is there already. */
void keep_begin(struct keep *k, const struct sweep *s, const struct rows *rows, const struct run *r, struct train_options *options);
/* Its row is there: the checkpoint goes. */
void keep_end(const struct sweep *s, const struct rows *rows, const struct run *r);
/* No run is under way: the folder goes, if nothing is in it. */
void keep_close(const struct sweep *s, const struct rows *rows);

/* ---- stats.c */

/* Of the finite ones among values[0 … n-1]. */
struct summary summarize(const double *values, int n);

/* ---- describe.c */

/* The study as JSON: entries, nets, what was published of its cells. */
void describe(const struct sweep *s, FILE *out);

#endif
