/* SPDX-License-Identifier: MIT
 * What one row says, by name: figures that stand in it, figures of its curves, facts of its net. Claims and published figures ask for
 * these alone, so that both are measured the same way. */
#include "driver.h"

#include <assert.h>
#include <math.h>

static const double fitted_loss = 0.1; /* the right class has 90 % */

static double field(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Element i of a curve, from 0. */
static double at_epoch(const json_t *row, const char *curve, int i)
{
    const json_t *value = json_array_get(json_object_get(row, curve), (size_t)i);
    return i >= 0 && json_is_number(value) ? json_number_value(value) : NAN;
}

static int epochs(const json_t *row) { return (int)json_array_size(json_object_get(row, "test_acc_per_epoch")); }

static struct summary late(const json_t *row, double at)
{
    double values[MAX_EPOCHS];
    int n = 0, first = (int)at - 1;
    for (int i = first; i < epochs(row) && n < MAX_EPOCHS; i++) values[n++] = at_epoch(row, "test_acc_per_epoch", i);
    return summarize(values, n);
}

static double best_epoch(const json_t *row)
{
    int best = 0;
    for (int i = 1; i < epochs(row); i++)
        if (at_epoch(row, "test_acc_per_epoch", i) > at_epoch(row, "test_acc_per_epoch", best)) best = i;
    return epochs(row) ? (double)(best + 1) : NAN;
}

/* The first epoch, from 1, that reaches or falls below a figure. */
static double first_epoch(const json_t *row, const char *curve, double figure, bool below)
{
    for (int i = 0; i < epochs(row); i++) {
        double value = at_epoch(row, curve, i);
        if (below ? value < figure : value >= figure) return i + 1;
    }
    return NAN;
}

/* A loss that is not finite is a spike, too. */
static double spiked(const json_t *row)
{
    for (int i = 1; i < epochs(row); i++) {
        double before = at_epoch(row, "train_loss_per_epoch", i - 1), now = at_epoch(row, "train_loss_per_epoch", i);
        if (!(now <= 2 * before)) return 1;
    }
    return 0;
}

/* NAN stays NAN: a run that does not tell is none. */
static double reached(double value, double at) { return isnan(value) ? NAN : value >= at ? 1 : 0; }

static double gradient_error(const json_t *row)
{
    const json_t *list = json_object_get(row, "gradient_check");
    double worst = NAN;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const double ratio = at_epoch(row, "gradient_check", (int)i);
        worst = fmax(worst, fabs(1 - ratio) / fmax(1, fabs(ratio)));
    }
    return worst;
}

/* Conv and pool layers are counted from 1. */
static double layer_fact(const struct net *net, double at, bool side)
{
    for (int i = 0, seen = 0; i < net->count; i++) {
        enum layer_kind kind = net->layers[i].kind;
        if ((kind == LAYER_CONV || kind == LAYER_POOL) && ++seen == (int)at)
            return side ? net->layers[i].out.h : net_layer_facts(net, i).field;
    }
    return NAN;
}

static double net_fact(const json_t *row, enum metric metric, double at)
{
    struct net net;
    const char *text = json_string_value(json_object_get(row, "net"));
    if (!text || net_parse(text, &net, NULL)) return NAN;
    return metric == PARAMETERS ? (double)net_parameters(&net)
           : metric == MEMORY   ? net_estimated(&net, 1).total
                                : layer_fact(&net, at, metric == SIDE);
}

double metric_of(const json_t *row, enum metric metric, double at)
{
    double accuracy = field(row, "test_acc");
    switch (metric) {
    case TEST_ACC: return accuracy;
    case BEST_TEST_ACC: return field(row, "best_test_acc");
    case TRAIN_ACC: return field(row, "train_acc");
    case RUNNING_ACC: return field(row, "train_acc_running");
    case TEST_LOSS: return field(row, "test_loss");
    case PRINTED_LOSS: return field(row, "test_loss") / at;
    case GAP: return field(row, "train_acc") - accuracy;
    case EPOCH_TEST_ACC: return at_epoch(row, "test_acc_per_epoch", (int)at - 1);
    case EPOCH_RUNNING_ACC: return at_epoch(row, "train_acc_running_per_epoch", (int)at - 1);
    case EPOCH_TEST_LOSS: return at_epoch(row, "test_loss_per_epoch", (int)at - 1);
    case BEST_EPOCH: return best_epoch(row);
    case LATE_MEAN: return late(row, at).mean;
    case LATE_SD: return late(row, at).sd;
    case FIRST_REACHING: return first_epoch(row, "test_acc_per_epoch", at, false);
    case STEPS_TO_FIT: return first_epoch(row, "train_loss_per_epoch", fitted_loss, true);
    case LOGIT_STD: return field(row, "logit_std_at_init");
    case SHIFT_LOSS: return at_epoch(row, "test_acc_shifted", 0) - at_epoch(row, "test_acc_shifted", (int)at);
    case FAILED: return isnan(accuracy) ? NAN : accuracy < FAILS ? 1 : 0;
    case REACHED: return reached(accuracy, at);
    case BEST_REACHED: return reached(field(row, "best_test_acc"), at);
    case FITTED: return epochs(row) ? at_epoch(row, "train_loss_per_epoch", epochs(row) - 1) < fitted_loss ? 1 : 0 : NAN;
    case LEARNED: return reached(field(row, "train_acc"), 100);
    case SPIKED: return epochs(row) ? spiked(row) : NAN;
    case GRADIENT_ERROR: return gradient_error(row);
    case SECONDS: return json_is_true(json_object_get(row, "quiet")) ? field(row, "seconds") : NAN;
    case PARAMETERS:
    case FIELD:
    case SIDE:
    case MEMORY: return net_fact(row, metric, at);
    }
    return NAN;
}

bool metric_is_share(enum metric metric) { return metric >= FAILED && metric <= SPIKED; }

/* Words for printf with at most one place, for `at`; and how many decimals a figure takes. */
static const struct {
    const char *words;
    int digits;
} names[] = {
    [TEST_ACC] = { "test accuracy", 2 },
    [BEST_TEST_ACC] = { "test accuracy, best epoch on test", 2 },
    [TRAIN_ACC] = { "training-set accuracy", 2 },
    [RUNNING_ACC] = { "running train accuracy", 2 },
    [TEST_LOSS] = { "test loss", 4 },
    [PRINTED_LOSS] = { "test loss as printed (over %g)", 4 },
    [GAP] = { "train minus test accuracy", 2 },
    [EPOCH_TEST_ACC] = { "test accuracy, epoch %g", 2 },
    [EPOCH_RUNNING_ACC] = { "running train accuracy, epoch %g", 2 },
    [EPOCH_TEST_LOSS] = { "test loss, epoch %g", 4 },
    [BEST_EPOCH] = { "best epoch on test", 1 },
    [LATE_MEAN] = { "mean test accuracy from epoch %g on", 2 },
    [LATE_SD] = { "sd of test accuracy from epoch %g on", 3 },
    [FIRST_REACHING] = { "first epoch at %g %%", 1 },
    [STEPS_TO_FIT] = { "steps until fitted", 0 },
    [LOGIT_STD] = { "std of logits over images at init", 4 },
    [SHIFT_LOSS] = { "accuracy lost by shifts up to %g px", 2 },
    [FAILED] = { "share of runs below 20 %%", 2 },
    [REACHED] = { "share of runs at %g %%", 2 },
    [BEST_REACHED] = { "share of runs at %g %%, best epoch on test", 2 },
    [FITTED] = { "share of runs with a loss below 0.1", 2 },
    [LEARNED] = { "share of runs with all training images right", 2 },
    [SPIKED] = { "share of runs with a loss spike", 2 },
    [GRADIENT_ERROR] = { "worst tensor of the gradient check", 3 },
    [PARAMETERS] = { "parameters", 0 },
    [FIELD] = { "receptive field of layer %g", 0 },
    [MEMORY] = { "summary's estimated MB", 2 },
    [SIDE] = { "output rows of layer %g", 0 },
    [SECONDS] = { "seconds of training, alone on the machine", 3 },
};

const char *metric_name(enum metric metric, double at, char text[METRIC_NAME_SIZE])
{
    assert((size_t)metric < sizeof names / sizeof *names && names[metric].words);
    snprintf(text, METRIC_NAME_SIZE, names[metric].words, at);
    return text;
}

bool metric_is_per_cent(enum metric metric)
{
    return metric == TEST_ACC || metric == BEST_TEST_ACC || metric == TRAIN_ACC || metric == RUNNING_ACC || metric == EPOCH_TEST_ACC ||
           metric == EPOCH_RUNNING_ACC;
}

int metric_digits(enum metric metric) { return names[metric].digits; }
