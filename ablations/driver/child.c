/* SPDX-License-Identifier: MIT
 * A run's own process. It tells its parent through a pipe, a line at a time:
 *   p SHARE                                         how far it is, 0 … 1, at most ten times a second
 *   e EPOCH TEST_ACC TEST_LOSS RUNNING_ACC LOSS     after each epoch
 *   r {…}                                           its results: it is done
 *   w MESSAGE                                       what its user should know
 *   x MESSAGE                                       why it could not do it */
#include "driver.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "../../kernels/runtime/clock.h"

struct telling {
    int fd;
    int epochs_told;
    double updates;
    uint64_t told_ns;
};

static void tell(void *context, int epoch, int step, int steps_per_epoch, const struct metrics *m)
{
    struct telling *t = context;
    uint64_t now = clock_ns();
    if (m->epochs > t->epochs_told) {
        int i = m->epochs - 1;
        dprintf(t->fd, "e %d %.6g %.6g %.6g %.6g\n", m->epochs, (double)m->test_acc_per_epoch[i], (double)m->test_loss_per_epoch[i],
                (double)m->train_acc_running_per_epoch[i], (double)m->train_loss_per_epoch[i]);
        t->epochs_told = m->epochs;
    } else if (now - t->told_ns > 100000000) {
        dprintf(t->fd, "p %.4f\n", ((double)epoch * steps_per_epoch + step) / t->updates);
        t->told_ns = now;
    }
}

static void tell_warning(void *context, const char *text) { dprintf(((const struct telling *)context)->fd, "w %s\n", text); }

_Noreturn static void give_up(int fd, const char *message)
{
    dprintf(fd, "x %s\n", message);
    _exit(EXIT_FAIL);
}

void run_child(const struct sweep *s, const struct rows *rows, const struct run *r, const struct cores *cores, int slot,
               const volatile sig_atomic_t *stop, int fd)
{
    assert(s->jobs > slot);
    assert(fd >= 0);
    static struct metrics metrics; /* 16 KB: not for the stack */
    static struct net net;
    static struct looking looking;
    static struct keep keep;
    struct recipe recipe;
    struct team *team;
    struct why why;
    struct telling telling = { .fd = fd, .updates = r->entry->updates };
    out_of_memory_says(fd, "x out of memory: free some, or give fewer --jobs");
    cores_confine(cores, slot, r->threads);
    if (team_open(&team, r->threads, cores->bind, &why)) give_up(fd, why.text);
    if (net_parse(r->entry->net, &net, &why) || recipe_parse(r->entry->recipe, &recipe, &why)) give_up(fd, why.text);
    struct train_options options = { .isas = s->options->isas,
                                     .algo = s->options->algo,
                                     .no_fuse = s->options->no_fuse,
                                     .no_blocks = s->options->no_blocks,
                                     .no_recompute = s->options->no_recompute,
                                     .team = team,
                                     .seed = r->seed,
                                     .evaluate_train = !s->wish->timing,
                                     .load = s->wish->load,
                                     .weights_only = s->wish->weights_only,
                                     .go_on_diverged = s->wish->go_on_diverged,
                                     .save = s->wish->save,
                                     .interrupted = stop,
                                     .progress = tell,
                                     .warn = tell_warning,
                                     .context = &telling };
    look_begin(&looking, s, r, &net, &recipe, &options);
    keep_begin(&keep, s, rows, r, &options);
    if (train_run(&net, &recipe, r->entry->data, &options, &metrics, &why)) give_up(fd, why.text);
    json_t *result = record_result(s, r, &metrics, team_pinned(team));
    look_end(&looking, result);
    char *text = json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(result);
    FILE *pipe = text ? fdopen(fd, "w") : NULL;
    if (!pipe || fprintf(pipe, "r %s\n", text) < 0 || fflush(pipe)) _exit(EXIT_FAIL);
    free(text);
    _exit(EXIT_OK); /* not exit: the parent's buffers are not ours to flush */
}
