/* SPDX-License-Identifier: MIT
 * How long a run will take: by rows of its net where there are any, else by the median step of a tenth of a second of its own training,
 * once for each net. That is told in processor time: the estimate is of a machine with nothing else to do, whatever it is doing now.
 * Evaluation is counted by its images, a third of a training image each (one pass of three). Good to some 20 %; only listings read it. */
#include "driver.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 128, STEPS = 3, MOST = 512 }; /* a full batch of ten thousand is not waited for */

struct trial {
    double last, spent, step[MOST];
    int steps, epochs;
    volatile sig_atomic_t enough;
};

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* What lies between two steps of one epoch is a step; evaluation and the first step are left out. */
static void count_step(void *context, int epoch, int step, int steps_per_epoch, const struct metrics *m)
{
    (void)epoch, (void)step, (void)steps_per_epoch;
    struct trial *t = context;
    const double now = processor_seconds();
    if (t->last > 0 && m->epochs == t->epochs && t->steps < MOST) {
        t->spent += now - t->last;
        t->step[t->steps++] = now - t->last;
    }
    t->last = now;
    t->epochs = m->epochs;
    t->enough = t->steps >= STEPS && t->spent > 0.1;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Images per second of one processor, NAN where a trial cannot be made. */
static double trial_speed(const struct sweep *s, const struct entry *e)
{
    static struct metrics metrics;
    static struct net net;
    struct recipe recipe;
    struct team *team;
    struct trial trial = { .steps = 0 };
    if (net_parse(e->net, &net, NULL) || recipe_parse(e->recipe, &recipe, NULL) || team_open(&team, 1, BIND_NONE, NULL)) return NAN;
    recipe.batch = recipe.batch < BATCH ? recipe.batch : BATCH;
    recipe.schedule = SCHEDULE_CONSTANT;
    recipe.updates = MOST;
    struct train_options options = { .isas = s->options->isas,
                                     .algo = s->options->algo,
                                     .team = team,
                                     .interrupted = &trial.enough,
                                     .progress = count_step,
                                     .context = &trial };
    train(&net, &recipe, e->data, &options, &metrics, NULL);
    team_close(team);
    qsort(trial.step, (size_t)trial.steps, sizeof *trial.step, by_size);
    const double step = trial.steps ? trial.step[trial.steps / 2] : NAN;
    return step > 0 ? fmin(recipe.batch, e->train_images) / step : NAN;
}

/* A batch of one takes a vector's time; above BATCH nothing changes any more. */
static bool same_batch(double a, double b) { return fmin(a, BATCH) == fmin(b, BATCH); }

/* The fastest row of the net with one worker: what else a machine did can only have slowed it. NAN: none. */
static double row_speed(const struct rows *rows, const struct entry *e)
{
    double fastest = NAN;
    for (int i = 0; i < rows->count; i++) {
        const struct row *row = &rows->list[i];
        if (row->threads != 1 || !(row->train_images_per_s > 0) || !same_batch(row->batch, e->batch) || strcmp(row->net, e->net) != 0)
            continue;
        fastest = fmax(fastest, row->train_images_per_s);
    }
    return fastest;
}

void sweep_measure(struct sweep *s, const struct rows *rows)
{
    assert(s->run_count > 0);
    for (int i = 0; i < s->entry_count; i++) {
        struct entry *e = &s->entries[i];
        for (int k = 0; k < i && !(e->images_per_s > 0); k++)
            if (strcmp(s->entries[k].net, e->net) == 0 && same_batch(s->entries[k].batch, e->batch))
                e->images_per_s = s->entries[k].images_per_s;
        if (!(e->images_per_s > 0)) e->images_per_s = row_speed(rows, e);
        if (!(e->images_per_s > 0) && e->images > 0) e->images_per_s = trial_speed(s, e);
    }
}

double run_seconds(const struct sweep *s, const struct run *r)
{
    const struct entry *e = r->entry;
    assert(s->cores > 0 && r->threads > 0);
    return e->images_per_s > 0 ? (e->images + e->tested / 3) / (e->images_per_s * fmin(r->threads, s->cores)) : 0;
}
