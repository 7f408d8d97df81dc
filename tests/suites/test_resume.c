/* SPDX-License-Identifier: MIT
 * Stopping and resuming: a run that was stopped and goes on has the bits of one that was not, and what does not fit is refused. */
#include <unistd.h>
#include "runs.h"

static void assert_same_run(const struct metrics *a, const struct metrics *b)
{
    cr_assert_str_eq(a->weights_sha256, b->weights_sha256);
    cr_assert_eq(a->epochs, b->epochs);
    cr_assert_eq(a->test_acc, b->test_acc);
    cr_assert_eq(a->test_loss, b->test_loss);
    cr_assert_eq(a->best_test_acc, b->best_test_acc);
    cr_assert_eq(a->train_acc_running, b->train_acc_running);
    cr_assert_eq(memcmp(a->test_acc_per_epoch, b->test_acc_per_epoch, sizeof a->test_acc_per_epoch), 0);
    cr_assert_eq(memcmp(a->test_loss_per_epoch, b->test_loss_per_epoch, sizeof a->test_loss_per_epoch), 0);
    cr_assert_eq(memcmp(a->train_acc_running_per_epoch, b->train_acc_running_per_epoch, sizeof a->train_acc_running_per_epoch), 0);
    cr_assert_eq(memcmp(a->train_loss_per_epoch, b->train_loss_per_epoch, sizeof a->train_loss_per_epoch), 0);
}

static volatile sig_atomic_t stop;
static int steps_seen, stop_at;

static void stop_at_the_end(void *context, int epoch, int step, int steps_per_epoch, const struct metrics *so_far)
{
    (void)context, (void)epoch, (void)so_far;
    stop = step == steps_per_epoch;
}

/* A run that is interrupted when its first epoch is over: path has what it was then. */
static void run_one_epoch(const char *net_text, const char *recipe_text, const struct dataset *d, uint64_t seed, const char *path)
{
    struct train_options options = { .seed = seed, .save = path, .interrupted = &stop, .progress = stop_at_the_end };
    assert_refused(net_text, recipe_text, d, options, -EINTR, "updates; resume by loading");
    stop = 0;
}

Test(resume, after_an_epoch_gives_the_bits_of_not_stopping)
{
    static const char *const recipes[] = {
        "opt=sgd lr=0.05 batch=32 epochs=3",
        "opt=sgd lr=0.05 momentum=0.9 nesterov=1 schedule=cosine batch=32 epochs=3 augment=shift:1",
        "opt=adam lr=0.01 schedule=onecycle:0.3 batch=48 epochs=3",
        "opt=adamw lr=0.01 warmup=9 batch=32 epochs=3 drop_last=1",
    };
    struct dataset d = toy_open(200, 40);
    char path[128];
    toy_path(path, "epoch.safetensors");
    for (int i = 0; i < 4; i++) {
        struct metrics whole = run(rich_net, recipes[i], &d, (struct train_options){ .seed = 3 });
        run_one_epoch(rich_net, recipes[i], &d, 3, path);
        struct metrics rest = run(rich_net, recipes[i], &d, (struct train_options){ .seed = 3, .load = path, .save = path });
        assert_same_run(&rest, &whole);
        struct metrics none = run(rich_net, recipes[i], &d, (struct train_options){ .seed = 3, .load = path });
        assert_same_run(&none, &whole);
    }
    unlink(path);
    toy_close(&d);
}

static void count_steps(void *context, int epoch, int step, int steps_per_epoch, const struct metrics *so_far)
{
    (void)context, (void)epoch, (void)step, (void)steps_per_epoch, (void)so_far;
    if (++steps_seen == stop_at) stop = 1;
}

Test(resume, in_the_middle_of_an_epoch_too)
{
    struct dataset d = toy_open(200, 40);
    char path[128], saved[200];
    toy_path(path, "middle.safetensors");
    snprintf(saved, sizeof saved, "interrupted after 9 of 14 updates; resume by loading %s", path);
    const char *recipe = "opt=adam lr=0.01 batch=32 epochs=2";
    struct metrics whole = run(rich_net, recipe, &d, (struct train_options){ .seed = 3 });
    stop_at = 7 + 1 + 2; /* seven steps, the epoch's evaluation, two steps */
    struct train_options options = { .seed = 3, .save = path, .interrupted = &stop, .progress = count_steps };
    assert_refused(rich_net, recipe, &d, options, -EINTR, saved);
    stop = 0;
    struct metrics rest = run(rich_net, recipe, &d, (struct train_options){ .seed = 3, .load = path });
    assert_same_run(&rest, &whole);
    unlink(path);
    toy_close(&d);
}

Test(resume, interrupted_between_epochs_and_without_a_file)
{
    struct dataset d = toy_open(64, 16);
    stop_at = 2;
    assert_refused(small_net, "batch=64 epochs=3", &d, (struct train_options){ .interrupted = &stop, .progress = count_steps }, -EINTR,
                   "interrupted after 1 of 3 updates; nothing was saved");
    toy_close(&d);
}

Test(resume, longer_is_fine_where_no_rate_depends_on_length)
{
    struct dataset d = toy_open(100, 16);
    char path[128];
    toy_path(path, "longer.safetensors");
    struct metrics whole = run(small_net, "batch=32 epochs=3", &d, (struct train_options){ .seed = 1 });
    run(small_net, "batch=32 epochs=1", &d, (struct train_options){ .seed = 1, .save = path });
    struct metrics rest = run(small_net, "batch=32 epochs=3", &d, (struct train_options){ .seed = 1, .load = path });
    assert_same_run(&rest, &whole);
    unlink(path);
    toy_close(&d);
}

Test(resume, of_another_run_is_refused_but_weights_can_be_taken)
{
    struct dataset d = toy_open(100, 16), other = toy_open(104, 16);
    char path[128];
    toy_path(path, "other.safetensors");
    run_one_epoch(small_net, "schedule=cosine batch=32 epochs=2", &d, 1, path);
    struct train_options load = { .seed = 1, .load = path };
    const char *same = "schedule=cosine batch=32 epochs=2", *longer = "schedule=cosine batch=32 epochs=3";
    assert_refused(small_net, longer, &d, load, -EINVAL, "made by the recipe \"opt=sgd lr=0.01 schedule=cosine");
    assert_refused(small_net, same, &other, load, -EINVAL, "trained on other data than this toy");
    load.seed = 2;
    assert_refused(small_net, same, &d, load, -EINVAL, "made with seed 1, this run has 2");
    load.weights_only = true;
    struct metrics m = run(small_net, "opt=adam lr=0.001 batch=16 epochs=1", &other, load);
    cr_assert_eq(m.epochs, 1);
    assert_refused(rich_net, "batch=32", &d, load, -EINVAL, "made for another net; load it into \"1x12x12 conv4same relu");
    unlink(path);
    toy_close(&d);
    toy_close(&other);
}
