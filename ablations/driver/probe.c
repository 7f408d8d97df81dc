/* SPDX-License-Identifier: MIT
 * Looks inside a run. The signal is taken in a plan of its own, so that a run that is looked at has the bits of one that is not. */
#include "probe.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBE_IMAGES = 256 };

/* Four digits: what a picture can show. */
static json_t *rounded(double value)
{
    char text[32];
    if (!isfinite(value)) return json_null();
    snprintf(text, sizeof text, "%.4g", value);
    return json_real(strtod(text, NULL));
}

/* ---- signal ------------------------------------------------------------------------------------------------------------------------ */

struct signal {
    double rms, std;
};

/* y[B][units][16], n images. */
static struct signal signal_of(const real *y, size_t units, int n)
{
    assert(n > 0);
    assert(units > 0);
    double squares = 0, variances = 0;
    for (size_t unit = 0; unit < units; unit++) {
        double sum = 0, own = 0;
        for (int i = 0; i < n; i++) {
            double value = (double)y[((size_t)(i / LANES) * units + unit) * LANES + (size_t)(i % LANES)];
            sum += value;
            own += value * value;
        }
        squares += own / n;
        variances += fmax(0, own / n - sum / n * (sum / n));
    }
    return (struct signal){ sqrt(squares / (double)units), sqrt(variances / (double)units) };
}

static void record_signal(struct look *look, const struct plan *plan, int n)
{
    assert(look->extra);
    json_t *rms = json_array(), *std = json_array();
    for (int i = 0; i < look->net->count; i++) {
        struct shape s = look->net->layers[i].out;
        struct signal signal = signal_of(plan_output(plan, i), (size_t)s.c * (size_t)s.h * (size_t)s.w, n);
        json_array_append_new(rms, rounded(signal.rms));
        json_array_append_new(std, rounded(signal.std));
        if (i == look->net->count - 1) json_object_set_new(look->extra, "logit_std_at_init", rounded(signal.std));
    }
    json_object_set_new(look->extra, "signal_rms", rms);
    json_object_set_new(look->extra, "signal_std", std);
}

/* A plan of the untrained net with the first n training images in it, or NULL. */
static struct plan *probe_open(struct look *look, int n)
{
    assert(n > 0);
    struct plan_options options = {
        /* layer by layer: a study may step in between */
        .batch = n, .training = true, .isas = look->options->isas, .algo = look->options->algo, .team = look->options->team, .no_fuse = true
    };
    int index[PROBE_IMAGES];
    struct plan *plan;
    struct batcher *batcher;
    assert(n <= PROBE_IMAGES);
    if (net_plan(look->net, &options, &plan, NULL)) return NULL;
    if (batcher_open(&batcher, look->data, &look->recipe->transform, look->options->team, NULL)) {
        plan_close(plan);
        return NULL;
    }
    for (int i = 0; i < n; i++) index[i] = i;
    plan_init(plan, look->recipe->init, look->options->seed);
    batcher_fill(batcher, &look->data->train, index, n, NULL, plan_input(plan), plan_labels(plan));
    batcher_close(batcher);
    return plan;
}

void probe_signal(struct look *look)
{
    assert(look->net->count > 0);
    assert(look->extra);
    const struct images *images = &look->data->train;
    int n = images->count < PROBE_IMAGES ? images->count : PROBE_IMAGES;
    struct plan *plan = probe_open(look, n);
    if (!plan) return; /* the run will say why */
    plan_forward(plan, n, true, (struct pass_key){ look->options->seed, 0, 0 });
    record_signal(look, plan, n);
    plan_close(plan);
}

/* ---- gradient ---------------------------------------------------------------------------------------------------------------------- */

static double rms_difference(const real *a, const float *b, size_t n)
{
    assert(n > 0);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (b ? (double)b[i] : 0);
        sum += d * d;
    }
    return sqrt(sum / (double)n);
}

static double mean_loss(const struct plan *plan, int n)
{
    assert(n > 0);
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)plan_losses(plan)[i];
    return sum / n;
}

/* A step of a 300th of the tensor's length both ways: few units bend in it, and float32 keeps two or three digits of the difference. */
static double slope_over_length(struct plan *plan, const struct tensor *t, const real *gradient, int n, struct pass_key key)
{
    double length = rms_difference(gradient, NULL, t->count) * sqrt((double)t->count), loss[2];
    double size = rms_difference(t->value, NULL, t->count) * sqrt((double)t->count), step = (size > 0 ? size : 1) / 300;
    real *kept = malloc(t->count * sizeof(real));
    if (!kept || !(length > 0)) {
        free(kept);
        return NAN;
    }
    memcpy(kept, t->value, t->count * sizeof(real));
    for (int side = 0; side < 2; side++) {
        for (size_t k = 0; k < t->count; k++) t->value[k] = (real)((double)kept[k] + (side ? -step : step) * (double)gradient[k] / length);
        plan_changed(plan);
        plan_forward(plan, n, true, key);
        loss[side] = mean_loss(plan, n);
    }
    memcpy(t->value, kept, t->count * sizeof(real));
    plan_changed(plan);
    free(kept);
    return (loss[0] - loss[1]) / (2 * step) / length;
}

static void record_gradient(struct look *look, struct plan *plan, int n,
                            void (*backward)(void *, struct plan *, int, int, bool, struct pass_key))
{
    const struct pass_key key = { look->options->seed, 0, 0 };
    json_t *list = json_array();
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        if (!t.trained) continue;
        plan_forward(plan, n, true, key);
        if (backward) backward(look, plan, n, n, false, key);
        else plan_backward(plan, n, n, false, key);
        json_array_append_new(list, rounded(slope_over_length(plan, &t, t.gradient, n, key)));
    }
    json_object_set_new(look->extra, "gradient_check", list);
}

void probe_gradient(struct look *look, void (*backward)(void *, struct plan *, int, int, bool, struct pass_key))
{
    enum { MOST = 16 };
    int n = look->batch < MOST ? look->batch : MOST;
    assert(n > 0);
    assert(look->extra);
    struct plan *plan = probe_open(look, n);
    if (!plan) return; /* the run will say why */
    record_gradient(look, plan, n, backward);
    plan_close(plan);
}

/* ---- steps ------------------------------------------------------------------------------------------------------------------------- */

/* The weights before the update under way, tensor after tensor. */
struct steps {
    float *before;
    bool any;
    json_t *gradients, *updates;
};

/* Per trained tensor of more than one dimension: change since the copy or gradient, and a new copy. */
static void note(struct steps *steps, struct plan *plan)
{
    assert(steps->before);
    json_t *gradients = json_array(), *updates = json_array();
    size_t at = 0;
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        if (!t.trained || t.rank < 2) continue;
        json_array_append_new(gradients, rounded(rms_difference(t.gradient, NULL, t.count)));
        json_array_append_new(updates, rounded(rms_difference(t.value, steps->before + at, t.count)));
        for (size_t k = 0; k < t.count; k++) steps->before[at + k] = (float)t.value[k];
        at += t.count;
    }
    if (steps->any) json_array_append(steps->updates, updates);
    json_array_append_new(steps->gradients, gradients);
    json_decref(updates);
    steps->any = true;
}

static void step_backward(void *context, struct plan *plan, int n, int scale_n, bool accumulate, struct pass_key key)
{
    struct look *look = context;
    struct steps *steps = look->own;
    plan_backward(plan, n, scale_n, accumulate, key);
    if (!accumulate && steps->before) /* of a batch in parts the first stands for all */
        note(steps, plan);
}

static void steps_started(void *context, struct plan *plan)
{
    struct look *look = context;
    struct steps *steps = look->own;
    size_t count = 0;
    json_t *names = json_array();
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        if (!t.trained || t.rank < 2) continue;
        count += t.count;
        json_array_append_new(names, json_string(t.name));
    }
    steps->before = calloc(count, sizeof(float));
    json_object_set_new(look->extra, "step_tensors", names);
}

static void steps_finished(void *context, struct plan *plan)
{
    struct look *look = context;
    struct steps *steps = look->own;
    (void)plan;
    json_object_set_new(look->extra, "gradient_rms", steps->gradients);
    json_object_set_new(look->extra, "update_rms", steps->updates);
    free(steps->before);
}

void probe_steps(struct look *look, struct train_hooks *hooks)
{
    assert(look);
    assert(hooks);
    static struct steps steps;
    steps = (struct steps){ .gradients = json_array(), .updates = json_array() };
    look->own = &steps;
    *hooks = (struct train_hooks){ .started = steps_started, .backward = step_backward, .finished = steps_finished, .context = look };
}
