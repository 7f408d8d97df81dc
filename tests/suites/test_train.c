/* SPDX-License-Identifier: MIT
 * Training runs on a toy data set: they learn, have the same bits over threads, feed big batches in
 * parts, and say what is wrong with what they are asked for. */
#include <math.h>
#include <unistd.h>
#include "runs.h"

Test(train, learns_and_reports)
{
    struct dataset d = toy_open(300, 100);
    struct train_options options = { .seed = 1, .evaluate_train = true };
    struct metrics m = run(small_net, "opt=adam lr=0.01 batch=32 epochs=6", &d, options);
    cr_assert_eq(m.epochs, 6);
    cr_assert_gt(m.test_acc, 95, "test accuracy %g", m.test_acc);
    cr_assert_gt(m.train_acc, 95);
    cr_assert_lt(m.test_loss, m.test_loss_per_epoch[0]);
    cr_assert_lt(m.train_loss_per_epoch[5], m.train_loss_per_epoch[0]);
    cr_assert_eq((float)m.test_acc, m.test_acc_per_epoch[5]);
    cr_assert_eq((float)m.test_loss, m.test_loss_per_epoch[5]);
    cr_assert_eq((float)m.train_acc_running, m.train_acc_running_per_epoch[5]);
    for (int i = 0; i < 6; i++) cr_assert_geq((float)m.best_test_acc, m.test_acc_per_epoch[i]);
    cr_assert(m.seconds > 0 && m.train_images_per_s > 0 && m.infer_images_per_s > 0);
    cr_assert_float_eq(m.train_images_per_s * m.seconds, 6 * 300, 1e-6);
    cr_assert(m.bytes.parameters > 0 && m.bytes.gradients > 0 && m.bytes.optimizer > m.bytes.gradients && m.bytes.activations > 0);
    cr_assert_eq(strlen(m.weights_sha256), 64u);
    toy_close(&d);
}

/* A rate that moves nothing: what is tested is the net as it began, and inference knows no dropout. */
Test(train, tests_run_in_inference_mode)
{
    struct dataset d = toy_open(64, 48);
    const char *recipe = "opt=sgd lr=1e-30 batch=32";
    struct metrics with = run("1x12x12 dense16 relu drop0.9 dense4", recipe, &d, (struct train_options){ .seed = 1 });
    struct metrics without = run("1x12x12 dense16 relu dense4", recipe, &d, (struct train_options){ .seed = 1 });
    cr_assert_eq(with.test_loss, without.test_loss);
    cr_assert_eq(with.test_acc, without.test_acc);
    toy_close(&d);
}

Test(train, train_accuracy_is_left_out_unless_asked_for)
{
    struct dataset d = toy_open(64, 16);
    struct metrics m = run(small_net, "batch=32", &d, (struct train_options){ .seed = 1 });
    cr_assert(isnan(m.train_acc) && isnan(m.train_loss) && !isnan(m.train_acc_running));
    toy_close(&d);
}

Test(train, same_seed_same_bits_and_other_seed_others)
{
    struct dataset d = toy_open(200, 40);
    const char *recipe = "opt=sgd lr=0.05 momentum=0.9 batch=32 epochs=2 augment=shift:1,rotate:10";
    struct metrics a = run(rich_net, recipe, &d, (struct train_options){ .seed = 1 });
    struct metrics b = run(rich_net, recipe, &d, (struct train_options){ .seed = 1 });
    struct metrics c = run(rich_net, recipe, &d, (struct train_options){ .seed = 2 });
    cr_assert_str_eq(a.weights_sha256, b.weights_sha256);
    cr_assert_str_neq(a.weights_sha256, c.weights_sha256);
    toy_close(&d);
}

Test(train, same_bits_for_any_number_of_workers)
{
    struct dataset d = toy_open(200, 40);
    struct metrics m[3];
    for (int workers = 1; workers <= 3; workers++) {
        struct team *team;
        cr_assert_eq(team_open(&team, workers, BIND_NONE, NULL), 0);
        struct train_options options = { .seed = 1, .team = team };
        m[workers - 1] = run(rich_net, "opt=adam lr=0.01 batch=64 epochs=2 augment=shift:1", &d, options);
        team_close(team);
    }
    for (int i = 1; i < 3; i++) {
        cr_assert_str_eq(m[i].weights_sha256, m[0].weights_sha256, "%d workers", i + 1);
        cr_assert_eq(m[i].test_loss, m[0].test_loss);
        cr_assert_eq(memcmp(m[i].train_loss_per_epoch, m[0].train_loss_per_epoch, sizeof m[0].train_loss_per_epoch), 0);
    }
    toy_close(&d);
}

/* ---- batches ------------------------------------------------------------------------------------------------------------------------- */

static int steps_seen;

static void count_steps(void *context, int epoch, int step, int steps_per_epoch, const struct metrics *so_far)
{
    (void)context, (void)epoch, (void)step, (void)steps_per_epoch, (void)so_far;
    steps_seen++;
}

static int steps_of(const char *recipe, const struct dataset *d)
{
    steps_seen = 0;
    struct metrics m = run(small_net, recipe, d, (struct train_options){ .seed = 1, .progress = count_steps });
    return steps_seen - m.epochs;
}

Test(batches, the_last_short_one_counts_unless_dropped)
{
    struct dataset d = toy_open(100, 16);
    cr_assert_eq(steps_of("batch=32 epochs=2", &d), 8);
    cr_assert_eq(steps_of("batch=32 epochs=2 drop_last=1", &d), 6);
    cr_assert_eq(steps_of("batch=1000 epochs=2", &d), 2);
    cr_assert_eq(steps_of("batch=32 epochs=1 updates=10", &d), 10);
    cr_assert_eq(steps_of("batch=32 epochs=9 updates=3", &d), 3);
    toy_close(&d);
}

/* One update of 2,100 images: train_run() feeds parts of PLAN_WAVE, here the plan takes all. Same bits. */
Test(batches, parts_give_the_bits_of_the_whole)
{
    struct dataset d = toy_open(2100, 16);
    char path[128];
    struct net net = toy_net(small_net);
    struct recipe recipe = toy_recipe("opt=sgd lr=0.5 batch=4096 epochs=1");
    struct train_options once = { .seed = 5, .save = toy_path(path, "parts") };
    struct metrics m = run(small_net, "opt=sgd lr=0.5 batch=4096 epochs=1", &d, once);
    struct plan *whole, *parts;
    struct plan_options options = { .batch = 2100, .training = true, .isas = cpu_detect() };
    cr_assert_eq(net_plan(&net, &options, &whole, NULL), 0);
    cr_assert_gt(plan_bytes(whole).activations, m.bytes.activations); /* its input is larger */
    options.batch = 16;
    cr_assert_eq(net_plan(&net, &options, &parts, NULL), 0);
    struct why why = { "" };
    cr_assert_eq(checkpoint_load(path, parts, NULL, &why), 0, "%s", why.text);
    struct batcher *batcher;
    cr_assert_eq(batcher_open(&batcher, &d, &recipe.transform, NULL, NULL), 0);
    static int all[2100], order[2100];
    for (int i = 0; i < 2100; i++) all[i] = i;
    batcher_epoch_order(5, 0, all, 2100, order);
    plan_init(whole, recipe.init, 5);
    batcher_fill(batcher, &d.train, order, 2100, &(struct augment_key){ .seed = 5 }, plan_input(whole), plan_labels(whole));
    plan_gradients(whole, 2100, 2100, false, (struct pass_key){ .seed = 5 });
    struct optimizer o = recipe_optimizer(&recipe, 0, 1, 1);
    plan_step(whole, &o);
    for (int i = 0; i < plan_tensors(whole); i++) {
        struct tensor a = plan_tensor(whole, i), b = plan_tensor(parts, i);
        cr_assert_eq(memcmp(a.value, b.value, a.count * sizeof *a.value), 0, "%s", a.name);
    }
    batcher_close(batcher);
    plan_close(whole);
    plan_close(parts);
    unlink(path);
    toy_close(&d);
}

Test(batches, batch_norm_gets_its_whole_batch)
{
    struct dataset d = toy_open(2100, 16);
    struct metrics a = run("1x12x12 conv2 relu dense4", "batch=2100", &d, (struct train_options){ .seed = 1 });
    struct metrics b = run("1x12x12 conv2 bn relu dense4", "batch=2100", &d, (struct train_options){ .seed = 1 });
    cr_assert_gt(b.bytes.activations, 2 * a.bytes.activations);
    toy_close(&d);
}

/* A single value per channel has no variance: refused before the first update, also where it is an epoch's last batch that has one. */
Test(batches, batch_norm_needs_more_than_one_value)
{
    static const char *const one = "1x12x12 dense8 bn relu dense4", *const many = "1x12x12 conv2 bn relu dense4";
    struct dataset d = toy_open(65, 16);
    struct train_options none = { .seed = 1 };
    assert_refused(one, "batch=1", &d, none, -EINVAL, "layer 1 \"bn\" gets 8x1x1: a batch of 1 image");
    assert_refused(one, "batch=32", &d, none, -EINVAL, "65 in batches of 32 leave 1, set another batch= or drop_last=1");
    assert_refused(one, "batch=64 updates=2", &d, none, -EINVAL, "drop_last=1");
    run(one, "batch=64 updates=1", &d, none); /* never comes to it */
    run(one, "batch=32 drop_last=1 epochs=1", &d, none);
    run(one, "batch=63 epochs=1", &d, none);
    run(many, "batch=1 updates=2", &d, none);
    run(many, "batch=32 epochs=1", &d, none);
    toy_close(&d);
}

/* ---- the rest ------------------------------------------------------------------------------------------------------------------------ */

static void keep_warning(void *context, const char *text) { snprintf(context, 256, "%s", text); }

/* The loss is infinite in the third update and NaN from then on: no accuracy is one, and what was saved stays as it was. */
Test(train, diverged_runs_say_so_and_stop)
{
    struct dataset d = toy_open(64, 16);
    const char *net = "1x12x12 dense64 leaky0.01 dense64 leaky0.01 dense4", *recipe = "lr=100000 batch=8 epochs=3 raw=1";
    char room[128], warning[256] = "";
    const char *path = toy_path(room, "diverged.safetensors");
    unlink(path);
    struct metrics m = run(net, recipe, &d, (struct train_options){ .seed = 1, .evaluate_train = true, .save = path });
    cr_assert(m.diverged_at >= 1 && m.diverged_at < 8 && m.epochs == 0, "%d, %d epochs", m.diverged_at, m.epochs);
    cr_assert(isnan(m.test_acc) && isnan(m.best_test_acc) && isnan(m.test_loss) && isnan(m.train_acc));
    cr_assert_eq(strlen(m.weights_sha256), 64u);
    cr_assert_neq(access(path, F_OK), 0, "weights that are no numbers are not saved");
    const int at = m.diverged_at;
    m = run(net, recipe, &d, (struct train_options){ .seed = 1, .go_on_diverged = true, .save = path });
    cr_assert(m.diverged_at == at && m.epochs == 3 && isnan(m.test_acc), "%d, %d epochs", m.diverged_at, m.epochs);
    cr_assert_not(isfinite(m.train_loss_per_epoch[2]), "%g", (double)m.train_loss_per_epoch[2]);
    m = run(net, recipe, &d, (struct train_options){ .load = path, .weights_only = true, .warn = keep_warning, .context = warning });
    cr_assert(strstr(warning, "are not finite") && m.diverged_at == 1, "%s; %d", warning, m.diverged_at);
    unlink(path);
    toy_close(&d);
}

Test(train, a_run_that_learns_has_not_diverged)
{
    struct dataset d = toy_open(64, 16);
    cr_assert_eq(run(small_net, "opt=adam lr=0.01 batch=8 epochs=1", &d, (struct train_options){ .seed = 1 }).diverged_at, 0);
    toy_close(&d);
}

Test(train, split_validates_on_what_is_left)
{
    struct dataset d = toy_open(200, 16);
    memset(d.test.labels, 0, 16);
    struct metrics m = run(small_net, "opt=adam lr=0.01 batch=32 epochs=8 select=split:150", &d, (struct train_options){ .seed = 1 });
    cr_assert_gt(m.test_acc, 90, "%g: the test set's labels are wrong, the training set's are not", m.test_acc);
    cr_assert_float_eq(m.train_images_per_s * m.seconds, 8 * 150, 1e-6);
    toy_close(&d);
}

Test(train, evaluate_tells_every_prediction)
{
    struct dataset d = toy_open(100, 50);
    struct net net = toy_net(small_net);
    struct recipe recipe = toy_recipe("");
    struct plan *plan;
    struct batcher *batcher;
    int index[50], right = 0;
    uint8_t predicted[50];
    struct plan_options options = { .batch = 24, .isas = cpu_detect() };
    cr_assert_eq(net_plan(&net, &options, &plan, NULL), 0);
    cr_assert_eq(batcher_open(&batcher, &d, &recipe.transform, NULL, NULL), 0);
    plan_init(plan, recipe.init, 1);
    for (int i = 0; i < 50; i++) index[i] = 49 - i;
    struct evaluation e = train_evaluate(plan, batcher, &d.test, index, 50, 24, predicted);
    for (int i = 0; i < 50; i++) {
        cr_assert_lt(predicted[i], TOY_CLASSES);
        right += predicted[i] == d.test.labels[index[i]];
    }
    cr_assert_float_eq(e.accuracy, 2.0 * right, 1e-12);
    cr_assert(e.loss > 0.5 && e.loss < 5, "%g", e.loss);
    e = train_evaluate(plan, batcher, &d.test, index, 0, 24, NULL);
    cr_assert(isnan(e.accuracy) && isnan(e.loss));
    batcher_close(batcher);
    plan_close(plan);
    toy_close(&d);
}

Test(train, what_does_not_fit_is_refused)
{
    struct dataset d = toy_open(64, 16);
    struct train_options none = { 0 };
    assert_refused("1x28x28 dense4", "", &d, none, -EINVAL, "the net takes 1x28x28, toy with this recipe gives 1x12x12");
    assert_refused("1x12x12 dense4", "pad=32", &d, none, -EINVAL, "gives 1x32x32");
    assert_refused("1x12x12 dense10", "", &d, none, -EINVAL, "the net ends in 10 outputs, toy has 4 classes; end the net with dense4");
    assert_refused("1x12x12 dense4", "epochs=1001", &d, none, -EINVAL, "1001 epochs requested; at most 1000 are possible");
    assert_refused("1x12x12 dense4", "batch=1 updates=2000000000", &d, none, -EINVAL, "epochs requested");
    assert_refused("1x12x12 dense4", "select=split:64", &d, none, -EINVAL, "so that images remain to validate on");
    none.save = "/no/such/folder/x.safetensors";
    assert_refused("1x12x12 dense4", "", &d, none, -ENOENT, "/no/such/folder/x.safetensors: cannot save");
    none.save = NULL;
    none.load = "/no/such/file";
    assert_refused("1x12x12 dense4", "", &d, none, -ENOENT, "/no/such/file: cannot open");
    toy_close(&d);
}
