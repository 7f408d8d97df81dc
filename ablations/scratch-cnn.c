/* SPDX-License-Identifier: MIT
 * scratch-cnn: why would the author's net not learn even one image? Arms put the bugs of that code, one at a time and all, around right
 * kernels: the backward pass goes layer by layer, and a wrong step stands between two right ones. They live here and nowhere else. Every
 * row carries a gradient check by finite differences, tensor by tensor. */
#include "driver/ablation.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "driver/probe.h"

/* ---- the bugs, as the author's code has them --------------------------------------------------------------------------------------- */

enum bug {
    ASCENT = 1,         /* delta is onehot - p, and is subtracted all the same: the loss is climbed */
    SCALAR_BIAS = 2,    /* a layer's bias gradients are summed to one number, which all its biases get */
    WRONG_FACTOR = 4,   /* dense layers send dW' delta down in place of W' delta */
    NO_DERIVATIVE = 8,  /* the derivative of the activation is worked out and not used */
    HALF_POOL = 16,     /* the pool's backward loop ends at 8 of 15 rows and columns */
    POSITIVE_START = 32 /* an earlier try: all weights from 0 up */
};

static const struct {
    const char *arm;
    unsigned bugs;
} buggy[] = {
    { "gradient ascent", ASCENT },
    { "scalar bias gradients", SCALAR_BIAS },
    { "dW in place of W", WRONG_FACTOR },
    { "no derivative", NO_DERIVATIVE },
    { "half a pool", HALF_POOL },
    { "all five bugs", ASCENT | SCALAR_BIAS | WRONG_FACTOR | NO_DERIVATIVE | HALF_POOL },
    { "all but the ascent", SCALAR_BIAS | WRONG_FACTOR | NO_DERIVATIVE | HALF_POOL },
    { "positive weights", POSITIVE_START },
    { "all five bugs, positive weights", 63 },
};

/* An arm is a bug and where: its name up to " at ". */
static unsigned bugs_of(const char *arm)
{
    assert(arm);
    const char *end = strstr(arm, " at ");
    size_t length = end ? (size_t)(end - arm) : strlen(arm);
    for (size_t i = 0; i < sizeof buggy / sizeof *buggy; i++)
        if (strlen(buggy[i].arm) == length && strncmp(buggy[i].arm, arm, length) == 0) return buggy[i].bugs;
    return 0;
}

/* ---- wrong steps ------------------------------------------------------------------------------------------------------------------- */

static size_t elements(struct shape s, int n) { return (size_t)image_blocks(n) * (size_t)s.c * (size_t)s.h * (size_t)s.w * LANES; }

static void negate(real *values, size_t count)
{
    for (size_t i = 0; i < count; i++) values[i] = -values[i];
}

/* dy of the layer below := dy of this one, as if the activation were the identity. */
static void pass_through(struct plan *plan, int layer, int n)
{
    assert(layer >= 0);
    assert(n >= 1);
    const struct layer *l = &plan_net(plan)->layers[layer];
    real *from = plan_output_gradient(plan, layer), *to = layer > 0 ? plan_output_gradient(plan, layer - 1) : NULL;
    if (to && to != from) memcpy(to, from, elements(l->out, n) * sizeof(real));
}

/* What comes from outputs beyond the eighth row or column is lost on its way down. */
static void cut_off(struct plan *plan, int layer, int n)
{
    assert(n >= 1);
    enum { KEPT = 8 };
    struct shape s = plan_net(plan)->layers[layer].out;
    real *dy = plan_output_gradient(plan, layer);
    for (int block = 0; block < image_blocks(n); block++)
        for (int h = 0; h < s.h; h++)
            for (int w = 0; w < s.w; w++)
                if (h >= KEPT || w >= KEPT)
                    memset(dy + (((size_t)block * (size_t)s.h + (size_t)h) * (size_t)s.w + (size_t)w) * (size_t)s.c * LANES, 0,
                           (size_t)s.c * LANES * sizeof(real));
}

static struct tensor weight_of(struct plan *plan, int layer)
{
    assert(layer >= 0);
    int i = 0;
    while (atoi(plan_tensor(plan, i).name) != layer) i++;
    return plan_tensor(plan, i);
}

/* Once to learn dW, once more with dW standing where W was: dx is wrong then, dW the same. */
static void wrong_factor(struct plan *plan, int layer)
{
    struct tensor w = weight_of(plan, layer);
    real *kept = malloc(w.count * sizeof(real));
    assert(kept);
    assert(w.rank == 2);
    memcpy(kept, w.value, w.count * sizeof(real));
    plan_backward_layer(plan, layer);
    memcpy(w.value, w.gradient, w.count * sizeof(real));
    plan_backward_layer(plan, layer);
    memcpy(w.value, kept, w.count * sizeof(real));
    free(kept);
}

static void sum_biases(struct plan *plan)
{
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        real sum = 0;
        if (!t.trained || t.rank != 1) continue;
        for (size_t k = 0; k < t.count; k++) sum += t.gradient[k];
        for (size_t k = 0; k < t.count; k++) t.gradient[k] = sum;
    }
}

static void wrong_backward(void *context, struct plan *plan, int n, int scale_n, bool accumulate, struct pass_key key)
{
    const struct look *look = context;
    const unsigned bugs = bugs_of(look->arm);
    const int last = plan_net(plan)->count - 1;
    assert(!accumulate);
    assert(bugs);
    plan_backward_begin(plan, n, scale_n, accumulate, key);
    if (bugs & ASCENT) negate(plan_output_gradient(plan, last), elements(plan_net(plan)->layers[last].out, n));
    for (int i = last; i >= plan_lowest(plan); i--) {
        enum layer_kind kind = plan_net(plan)->layers[i].kind;
        if (kind == LAYER_POOL && bugs & HALF_POOL) cut_off(plan, i, n);
        if (kind == LAYER_ACTIVATION && bugs & NO_DERIVATIVE) pass_through(plan, i, n);
        else if (kind == LAYER_DENSE && bugs & WRONG_FACTOR) wrong_factor(plan, i);
        else plan_backward_layer(plan, i);
    }
    if (bugs & SCALAR_BIAS) sum_biases(plan);
}

static void positive_start(void *context, struct plan *plan)
{
    (void)context;
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        for (size_t k = 0; t.trained && k < t.count; k++) t.value[k] = t.value[k] < 0 ? -t.value[k] : t.value[k];
    }
}

static void look_at(struct look *look, struct train_hooks *hooks)
{
    const unsigned bugs = bugs_of(look->arm);
    if (bugs & ~(unsigned)POSITIVE_START) hooks->backward = wrong_backward;
    if (bugs & POSITIVE_START) hooks->started = positive_start;
    probe_gradient(look, hooks->backward);
}

/* ---- arms -------------------------------------------------------------------------------------------------------------------------- */

#define P "published"
#define TRUE_STEP "lr=0.01"
#define LAYERS(act, pool) "1x32x32 conv2 " act " " pool " conv4 " act " " pool " dense50 " act " dense10"
#define ON_IMAGE(bug, words) \
    { ARM(P, bug, NULL, NULL, words ", at the author's rate"), .quick = true }, \
    { \
        ARM(P, bug " at 0.01", NULL, TRUE_STEP, words ", at twenty times the rate"), .quick = true, .base = "lr 0.01" \
    }
#define ON_SET(bug, words) \
    { \
        ARM("mnist", bug, NULL, NULL, words) \
    }
#define BUGS(where) \
    where("gradient ascent", "delta has the wrong sign: the loss is climbed"), \
        where("scalar bias gradients", "all biases of a layer get the sum of their gradients"), \
        where("dW in place of W", "dense layers send dW' delta down"), where("no derivative", "the activation's derivative is not used"), \
        where("half a pool", "the pool's backward ends at row and column 8 of 15"), \
        where("all five bugs", "the author's code as it was: all five"), \
        where("all but the ascent", "four of the five: the sign is put right")

static const struct arm arms[] = {
    { ARM(P, "lr 0.01", NULL, TRUE_STEP, "right gradients, twenty times the rate"), .quick = true },
    { ARM(P, "lr 0.1", NULL, "lr=0.1", "right gradients, 200 times the rate"), .quick = true },
    BUGS(ON_IMAGE),
    { ARM(P, "positive weights at 0.1", NULL, "lr=0.1", "an earlier try: uniform weights from 0 up, right gradients"), .base = "lr 0.1" },
    { ARM(P, "all five bugs, positive weights at 0.1", NULL, "lr=0.1", "an earlier try as it was"), .base = "lr 0.1", .tier = 3 },
    { ARM(P, "average pool at 0.01", LAYERS("leaky0.01", "avg2"), TRUE_STEP, "average in place of max pooling"), .base = "lr 0.01",
      .tier = 3 },
    { ARM(P, "plain ReLU at 0.01", LAYERS("relu", "max2"), TRUE_STEP, "ReLU in place of leaky ReLU"), .base = "lr 0.01", .tier = 3 },
    { ARM(P, "He init at 0.01", NULL, TRUE_STEP " init=he_uniform", "init: He, twenty times the rate"), .base = "lr 0.01", .tier = 3 },
    { ARM(P, "Xavier init at 0.01", NULL, TRUE_STEP " init=xavier_uniform", "init: Xavier, twenty times the rate"), .base = "lr 0.01",
      .tier = 3 },
    { ARM(P, "He init", NULL, "init=he_uniform", "init: He, at the author's rate"), .tier = 3 },
    { ARM(P, "Xavier init", NULL, "init=xavier_uniform", "init: Xavier, at the author's rate"), .tier = 3 },
    BUGS(ON_SET),
    { ARM("mnist", "average pool", LAYERS("leaky0.01", "avg2"), NULL, "average in place of max pooling") },
    { ARM("fashion-mnist", "average pool", LAYERS("leaky0.01", "avg2"), NULL, "average in place of max pooling") },
    { ARM("cifar-10-red", "average pool", LAYERS("leaky0.01", "avg2"), NULL, "average in place of max pooling") },
    { ARM("mnist", "plain ReLU", LAYERS("relu", "max2"), NULL, "ReLU in place of leaky ReLU") },
    { ARM("mnist", "lr 0.001", NULL, "lr=0.001", "rate: a tenth of 0.01"), .tier = 3 },
    { ARM("mnist", "lr 0.1", NULL, "lr=0.1", "rate: ten times 0.01"), .tier = 3 },
    { ARM("mnist", "He init", NULL, "init=he_uniform", "init: He in place of the framework's default"), .tier = 3 },
    { ARM("mnist", "positive weights", NULL, NULL, "an earlier try: uniform weights from 0 up, right gradients"), .tier = 3 },
    { .cell = NULL },
};

/* Shares of runs on the single image; where a bug costs tens of points, or a grid is only looked over, five runs do. */
static const struct seeds seeds_of[] = {
    { "scratch-cnn/published*", 20 }, { "*/average pool", 10 }, { "*/plain ReLU", 10 }, { "*/*/*", 5 }, { NULL, 0 }
};

extern const struct zoo_study scratch_cnn; /* nets/zoo/scratch_cnn.c */

int main(int argc, const char **argv)
{
    static const struct study study = {
        .zoo = &scratch_cnn, .arms = arms, .seeds = 10, .quick_seeds = 2, .look = look_at, .seeds_of = seeds_of
    };
    return ablation_main(&study, argc, argv);
}
