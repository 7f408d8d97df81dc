/* SPDX-License-Identifier: MIT
 * One training run. A step's images are fed in parts of at most PLAN_WAVE: the plan is measured for one part and gradients accumulate over
 * the parts in order, so a full batch of ten thousand has the bits of the whole and the memory of a part. Batch norm needs its whole batch
 * at once and gets it. Where a run stands is one `struct position`, saved with the weights: a resumed run does what the uninterrupted one
 * would have done. */
#include "resume.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/runtime/clock.h"
#include "../sha256.h"

enum { TEXT_SIZE = 4096 };

struct run {
    const struct net *net;
    const struct recipe *recipe;
    const struct dataset *data;
    const struct train_options *options;
    struct metrics *metrics;
    struct plan *plan;
    struct batcher *batcher;
    const struct images *test_images; /* data->test, or data->train where the recipe validates */
    int *train, *test, *order;        /* indices of images */
    int train_count, test_count;
    int batch, part; /* images of a step, and of one pass */
    int steps_per_epoch, steps;
    struct position at;
    float *weights; /* room to hash them as float32 */
    long parameters;
    long inferred; /* images evaluated, and how long that took */
    double infer_seconds;
};

/* ---- passes ------------------------------------------------------------------------------------------------------------------------ */

/* Adds what the forward pass of n images came to. Lanes in order: the sum has the same bits whoever asks. */
static void tally_pass(struct tally *t, const struct plan *plan, const uint8_t *labels, int n)
{
    const real *losses = plan_losses(plan);
    const uint8_t *predicted = plan_predicted(plan);
    for (int i = 0; i < n; i++) {
        t->right += predicted[i] == labels[i];
        t->loss += (double)losses[i];
    }
    t->seen += n;
}

static double percent(const struct tally *t) { return t->seen ? 100.0 * (double)t->right / (double)t->seen : NAN; }

static double mean_loss(const struct tally *t) { return t->seen ? t->loss / (double)t->seen : NAN; }

struct evaluation train_evaluate(struct plan *plan, struct batcher *batcher, const struct images *images, const int *index, int n,
                                 int batch, uint8_t *predicted)
{
    assert(n >= 0);
    assert(batch > 0);
    struct tally tally = { 0 };
    for (int done = 0; done < n;) {
        int now = n - done < batch ? n - done : batch;
        batcher_fill(batcher, images, index + done, now, NULL, plan_input(plan), plan_labels(plan));
        plan_forward(plan, now, false, (struct pass_key){ 0 });
        tally_pass(&tally, plan, plan_labels(plan), now);
        if (predicted) memcpy(predicted + done, plan_predicted(plan), (size_t)now);
        done += now;
    }
    return (struct evaluation){ percent(&tally), mean_loss(&tally) };
}

static void timed_evaluate(struct run *r, const struct images *images, const int *index, int n, double *accuracy, double *loss)
{
    uint64_t start = clock_ns();
    const struct evaluation e = train_evaluate(r->plan, r->batcher, images, index, n, r->part, NULL);
    *accuracy = e.accuracy;
    *loss = e.loss;
    r->infer_seconds += (double)(clock_ns() - start) * 1e-9;
    r->inferred += n;
    r->metrics->infer_images_per_s = r->infer_seconds > 0 ? (double)r->inferred / r->infer_seconds : 0;
}

/* A loss that is not finite: nor are the logits, or weights before them. The first time is kept. */
static void watch_divergence(struct run *r, double loss)
{
    if (!isfinite(loss) && r->metrics->diverged_at == 0) r->metrics->diverged_at = r->at.step;
}

/* Is there nothing more to learn? */
static bool given_up(const struct run *r) { return r->metrics->diverged_at > 0 && !r->options->go_on_diverged; }

/* One update from the images index[0 … n-1]. */
static void run_step(struct run *r, const int *index, int n)
{
    struct plan *plan = r->plan;
    const struct train_hooks *hooks = &r->options->hooks;
    const struct augment_key changes = { r->options->seed, (uint32_t)r->at.epoch };
    struct pass_key key = { .seed = r->options->seed, .step = (uint32_t)r->at.step };
    assert(n > 0);
    assert(n <= r->batch);
    assert(r->at.step < r->steps);
    for (int done = 0; done < n; done += r->part, key.part++) {
        int now = n - done < r->part ? n - done : r->part;
        batcher_fill(r->batcher, &r->data->train, index + done, now, &changes, plan_input(plan), plan_labels(plan));
        if (hooks->backward) plan_forward(plan, now, true, key);
        else plan_gradients(plan, now, n, done > 0, key);
        tally_pass(&r->at.running, plan, plan_labels(plan), now);
        if (hooks->backward) hooks->backward(hooks->context, plan, now, n, done > 0, key);
    }
    struct optimizer o = recipe_optimizer(r->recipe, r->at.step, r->steps_per_epoch, r->steps);
    plan_step(plan, &o);
    r->at.step++;
    r->at.images += n;
    watch_divergence(r, r->at.running.loss);
}

/* ---- epochs ------------------------------------------------------------------------------------------------------------------------ */

static int run_save(struct run *r, struct why *why)
{
    char recipe[TEXT_SIZE];
    if (!r->options->save) return 0;
    return checkpoint_save(r->options->save, r->plan, recipe_print(r->recipe, recipe, sizeof recipe), &r->at, why);
}

static void report(const struct run *r, int epoch, int step)
{
    if (r->options->progress) r->options->progress(r->options->context, epoch, step, r->steps_per_epoch, r->metrics);
}

static int finish_epoch(struct run *r, struct why *why)
{
    struct metrics *m = r->metrics;
    int epoch = r->at.epoch, steps = r->at.step - epoch * r->steps_per_epoch;
    assert(epoch < MAX_EPOCHS);
    m->train_acc_running = percent(&r->at.running);
    m->train_acc_running_per_epoch[epoch] = (float)m->train_acc_running;
    m->train_loss_per_epoch[epoch] = (float)mean_loss(&r->at.running);
    timed_evaluate(r, r->test_images, r->test, r->test_count, &m->test_acc, &m->test_loss);
    watch_divergence(r, m->test_loss);
    m->test_acc_per_epoch[epoch] = (float)m->test_acc;
    m->test_loss_per_epoch[epoch] = (float)m->test_loss;
    if (epoch == 0 || m->test_acc > r->at.best_test_acc) r->at.best_test_acc = m->test_acc;
    m->best_test_acc = r->at.best_test_acc;
    r->at.running = (struct tally){ 0 };
    m->epochs = ++r->at.epoch;
    report(r, epoch, steps);
    const int every = r->options->save_every;
    return given_up(r) || (every && r->at.epoch % every && r->at.step < r->steps) ? 0 : run_save(r, why);
}

static bool interrupted(const struct run *r) { return r->options->interrupted && *r->options->interrupted; }

static int fail_interrupted(const struct run *r, struct why *why)
{
    const char *save = r->options->save;
    return why_fail(why, -EINTR, "interrupted after %d of %d updates; %s%s", r->at.step, r->steps,
                    save ? "resume by loading " : "nothing was saved, start again", save ? save : "");
}

/* From where the run stands to the end of its epoch. The whole epoch's order is made anew: it depends on seed and epoch alone. */
static int run_epoch(struct run *r, struct why *why)
{
    int begin = r->at.epoch * r->steps_per_epoch, end = begin + r->steps_per_epoch < r->steps ? begin + r->steps_per_epoch : r->steps;
    assert(r->at.step >= begin);
    assert(r->at.step < end);
    uint64_t start = clock_ns();
    batcher_epoch_order(r->options->seed, (uint32_t)r->at.epoch, r->train, r->train_count, r->order);
    while (r->at.step < end && !given_up(r)) {
        int first = (r->at.step - begin) * r->batch, left = r->train_count - first;
        run_step(r, r->order + first, left < r->batch ? left : r->batch);
        uint64_t now = clock_ns();
        r->at.seconds += (double)(now - start) * 1e-9;
        r->metrics->seconds = r->at.seconds;
        r->metrics->train_images_per_s = r->at.seconds > 0 ? (double)r->at.images / r->at.seconds : 0;
        report(r, r->at.epoch, r->at.step - begin);
        if (r->at.step < end && interrupted(r)) {
            int code = run_save(r, why);
            return code ? code : fail_interrupted(r, why);
        }
        start = clock_ns();
    }
    return given_up(r) ? 0 : finish_epoch(r, why);
}

/* ---- start ------------------------------------------------------------------------------------------------------------------------- */

int train_check(const struct net *net, const struct recipe *recipe, const struct dataset *d, struct why *why)
{
    assert(net);
    assert(recipe);
    assert(d);
    int c, h, w;
    transform_shape(&recipe->transform, d, &c, &h, &w);
    if (net->in.c != c || net->in.h != h || net->in.w != w)
        return why_fail(why, -EINVAL,
                        "the net takes %dx%dx%d, %s with this recipe gives %dx%dx%d; begin the net so, or see pad=", net->in.c, net->in.h,
                        net->in.w, d->name, c, h, w);
    const int outputs = net->count ? net->layers[net->count - 1].out.c : net->in.c;
    if (outputs != d->classes)
        return why_fail(why, -EINVAL, "the net ends in %d outputs, %s has %d classes; end the net with dense%d", outputs, d->name,
                        d->classes, d->classes);
    int code = transform_check(&recipe->transform, d, why);
    code = code ? code : selection_check(&recipe->train, &d->train, d->classes, why);
    return code ? code : selection_check(&recipe->test, &d->test, d->classes, why);
}

static int choose_images(struct run *r, struct why *why)
{
    const struct dataset *d = r->data;
    const struct recipe *recipe = r->recipe;
    bool split = recipe->train.kind == SELECT_SPLIT, on_train = recipe->test.kind == SELECT_TRAIN;
    uint64_t seed = r->options->seed;
    const struct selection *tested = split || on_train ? &recipe->train : &recipe->test;
    r->test_images = split || on_train ? &d->train : &d->test;
    size_t train = (size_t)d->train.count + 1, test = (size_t)r->test_images->count + 1;
    r->train = malloc(train * sizeof(int));
    r->order = malloc(train * sizeof(int));
    r->test = malloc(test * sizeof(int));
    if (!r->train || !r->order || !r->test)
        return why_fail(why, -ENOMEM, "no memory for the indices of %zu images; free some", train + test);
    r->train_count = selection_make(&recipe->train, &d->train, d->classes, seed, false, r->train, why);
    if (r->train_count < 0) return r->train_count;
    r->test_count = selection_make(tested, r->test_images, d->classes, seed, split, r->test, why);
    if (r->test_count < 0) return r->test_count;
    if (r->train_count == 0 || r->test_count == 0)
        return why_fail(why, -EINVAL, "%s: %d images to train on, %d to test on; select some of both", d->name, r->train_count,
                        r->test_count);
    return 0;
}

/* How many steps there are, and how many images one pass takes. */
static int count_steps(struct run *r, struct why *why)
{
    const struct recipe *recipe = r->recipe;
    assert(recipe->batch > 0);
    assert(r->train_count > 0);
    r->batch = recipe->batch < r->train_count ? recipe->batch : r->train_count;
    r->part = r->batch > PLAN_WAVE && !net_mixes_images(r->net) ? PLAN_WAVE : r->batch;
    r->steps_per_epoch = r->train_count / r->batch + (!recipe->drop_last && r->train_count % r->batch ? 1 : 0);
    assert(r->steps_per_epoch >= 1);
    long steps = recipe->updates ? recipe->updates : (long)recipe->epochs * r->steps_per_epoch;
    long epochs = (steps + r->steps_per_epoch - 1) / r->steps_per_epoch;
    if (epochs > MAX_EPOCHS || steps > INT_MAX)
        return why_fail(why, -EINVAL, "%ld epochs requested; at most %d are possible, set epochs= or updates= lower", epochs, MAX_EPOCHS);
    r->steps = (int)steps;
    return 0;
}

/* Before the first step: does each batch train the net, an epoch's last and short one, too, where the run comes to it? */
static int check_batches(const struct run *r, struct why *why)
{
    const int code = net_check_batch(r->net, r->batch, why), rest = r->train_count % r->batch;
    if (code != 0 || rest == 0 || r->recipe->drop_last || r->steps < r->steps_per_epoch) return code;
    struct why of_rest = { "" };
    if (net_check_batch(r->net, rest, &of_rest) == 0) return 0;
    return why_fail(why, -EINVAL, "%s: %d in batches of %d leave %d, set another batch= or drop_last=1", of_rest.text, r->train_count,
                    r->batch, rest);
}

static int open_plan(struct run *r, struct why *why)
{
    assert(r->part >= 1);
    assert(r->part <= r->batch);
    const struct train_options *o = r->options;
    struct plan_options plan = { .batch = r->part,
                                 .training = true,
                                 .isas = o->isas,
                                 .precision = r->recipe->precision,
                                 .algo = o->algo,
                                 .optimizer_slots = recipe_optimizer_slots(r->recipe),
                                 .team = o->team,
                                 .no_fuse = o->no_fuse || o->hooks.backward,
                                 .no_blocks = o->no_blocks,
                                 .no_recompute = o->no_recompute };
    int code = net_plan(r->net, &plan, &r->plan, why);
    code = code ? code : batcher_open(&r->batcher, r->data, &r->recipe->transform, o->team, why);
    if (code) return code;
    r->metrics->bytes = plan_bytes(r->plan);
    r->metrics->fused = !plan.no_fuse;
    r->metrics->tiles = plan_tiles(r->plan);
    for (int i = 0; i < plan_tensors(r->plan); i++)
        r->parameters += plan_tensor(r->plan, i).trained ? (long)plan_tensor(r->plan, i).count : 0;
    r->weights = malloc((size_t)r->parameters * sizeof(float) + 1);
    return r->weights ? 0 : why_fail(why, -ENOMEM, "no memory for %ld parameters; free some", r->parameters);
}

static int run_open(struct run *r, struct why *why)
{
    int code = train_check(r->net, r->recipe, r->data, why);
    code = code ? code : choose_images(r, why);
    code = code ? code : count_steps(r, why);
    code = code ? code : check_batches(r, why);
    code = code ? code : open_plan(r, why);
    if (code) return code;
    r->at = (struct position){ .seed = r->options->seed, .metrics = r->metrics };
    snprintf(r->at.data_sha256, sizeof r->at.data_sha256, "%s", r->data->sha256);
    plan_init(r->plan, r->recipe->init, r->options->seed);
    if (r->options->load)
        code = resume_load(&(struct resume){ r->options, r->recipe, r->data, r->plan, r->steps, r->steps_per_epoch }, &r->at, why);
    if (code == 0 && r->options->hooks.started) r->options->hooks.started(r->options->hooks.context, r->plan);
    return code;
}

static void run_close(struct run *r)
{
    batcher_close(r->batcher);
    plan_close(r->plan);
    free(r->train);
    free(r->test);
    free(r->order);
    free(r->weights);
}

/* ---- end --------------------------------------------------------------------------------------------------------------------------- */

static void hash_weights(struct run *r)
{
    size_t used = 0;
    for (int i = 0; i < plan_tensors(r->plan); i++) {
        struct tensor t = plan_tensor(r->plan, i);
        for (size_t j = 0; t.trained && j < t.count; j++) r->weights[used++] = (float)t.value[j];
    }
    assert(used == (size_t)r->parameters);
    struct sha256_part part = { r->weights, used * sizeof(float) };
    sha256_hex(&part, 1, r->metrics->weights_sha256);
}

static void finish(struct run *r)
{
    struct metrics *m = r->metrics;
    if (r->inferred == 0 && !m->diverged_at) /* resumed at its end: nothing was trained, but speed and exact results are wanted */
        timed_evaluate(r, r->test_images, r->test, r->test_count, &m->test_acc, &m->test_loss);
    if (r->options->evaluate_train && !m->diverged_at)
        timed_evaluate(r, &r->data->train, r->train, r->train_count, &m->train_acc, &m->train_loss);
    if (m->diverged_at) m->test_acc = m->best_test_acc = m->test_loss = m->train_acc = m->train_loss = m->train_acc_running = NAN;
    hash_weights(r);
    if (r->options->hooks.finished) r->options->hooks.finished(r->options->hooks.context, r->plan);
}

int train_run(const struct net *net, const struct recipe *recipe, const struct dataset *data, const struct train_options *options,
              struct metrics *metrics, struct why *why)
{
    assert(net);
    assert(recipe);
    assert(data);
    assert(options);
    assert(metrics);
    *metrics = (struct metrics){ .train_acc = NAN, .train_loss = NAN };
    struct run run = { .net = net, .recipe = recipe, .data = data, .options = options, .metrics = metrics };
    int code = run_open(&run, why);
    while (code == 0 && run.at.step < run.steps && !given_up(&run)) {
        code = run_epoch(&run, why);
        if (code == 0 && run.at.step < run.steps && interrupted(&run)) code = fail_interrupted(&run, why);
    }
    if (code == 0) finish(&run);
    run_close(&run);
    return code;
}
