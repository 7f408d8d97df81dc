/* SPDX-License-Identifier: MIT
 * Where a run starts from when it loads a checkpoint: is it this run's own, and where does it stand? */
#include "resume.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 4096 };

/* Is going on with ours what the saved recipe would have done so far? Length may differ where no rate depends on it. */
static bool same_so_far(const struct recipe *ours, const char *saved)
{
    struct recipe theirs;
    char a[TEXT_SIZE], b[TEXT_SIZE];
    if (recipe_parse(saved, &theirs, NULL) != 0) return false;
    if (ours->schedule == SCHEDULE_CONSTANT || ours->schedule == SCHEDULE_STEP) {
        theirs.epochs = ours->epochs;
        theirs.updates = ours->updates;
    }
    return strcmp(recipe_print(ours, a, sizeof a), recipe_print(&theirs, b, sizeof b)) == 0;
}

/* The curves came with the checkpoint; the rest follows from them and the position. */
static void restore_metrics(const struct position *at)
{
    assert(at->metrics);
    assert(at->epoch <= MAX_EPOCHS);
    struct metrics *m = at->metrics;
    m->epochs = at->epoch;
    m->seconds = at->seconds;
    m->train_images_per_s = m->seconds > 0 ? (double)at->images / m->seconds : 0;
    if (m->epochs == 0) return;
    m->best_test_acc = at->best_test_acc;
    m->train_acc_running = (double)m->train_acc_running_per_epoch[m->epochs - 1];
    m->test_acc = (double)m->test_acc_per_epoch[m->epochs - 1];
    m->test_loss = (double)m->test_loss_per_epoch[m->epochs - 1];
}

static int load_start(const struct resume *r, struct position *from, struct why *why)
{
    assert(r->options->load);
    const struct train_options *o = r->options;
    struct position at = { .epoch = -1, .metrics = from->metrics };
    char saved[TEXT_SIZE];
    struct why remark = { "" };
    int code = checkpoint_load(o->load, r->plan, o->weights_only ? NULL : &at, &remark);
    if (code) return why_fail(why, code, "%s", remark.text);
    if (*remark.text && o->warn) o->warn(o->context, remark.text);
    if (at.epoch < 0) return 0;
    code = checkpoint_recipe(o->load, saved, sizeof saved, why);
    if (code) return code;
    if (!same_so_far(r->recipe, saved))
        return why_fail(why, -EINVAL, "%s: made by the recipe \"%.300s\"; resume with that, or take its weights only", o->load, saved);
    if (at.seed != o->seed)
        return why_fail(why, -EINVAL, "%s: made with seed %llu, this run has %llu; resume with that, or take its weights only", o->load,
                        (unsigned long long)at.seed, (unsigned long long)o->seed);
    if (strcmp(at.data_sha256, r->data->sha256) != 0)
        return why_fail(why, -EINVAL, "%s: trained on other data than this %s; resume on that, or take its weights only", o->load,
                        r->data->name);
    long begin = (long)at.epoch * r->steps_per_epoch;
    if (at.step > r->steps || (at.step != r->steps && (at.step < begin || at.step >= begin + r->steps_per_epoch)))
        return why_fail(why, -EINVAL, "%s: stands at epoch %d, update %d, which this run of %d updates has not; ask for more epochs",
                        o->load, at.epoch, at.step, r->steps);
    *from = at;
    restore_metrics(&at);
    return 0;
}

/* A file may hold anything: weights that are not finite are loaded as they are, and reported. */
static void warn_of_weights(const struct resume *r)
{
    for (int i = 0; r->options->warn && i < plan_tensors(r->plan); i++) {
        const struct tensor t = plan_tensor(r->plan, i);
        size_t bad = 0;
        for (size_t j = 0; j < t.count; j++) bad += isfinite(t.value[j]) ? 0 : 1;
        char text[384];
        if (bad == 0) continue;
        snprintf(text, sizeof text, "%.120s: %zu of %zu numbers of %s are not finite; take a checkpoint from before it diverged",
                 r->options->load, bad, t.count, t.name);
        r->options->warn(r->options->context, text);
        return;
    }
}

int resume_load(const struct resume *r, struct position *from, struct why *why)
{
    assert(r);
    assert(from);
    const int code = load_start(r, from, why);
    if (code == 0) warn_of_weights(r);
    return code;
}
