/* SPDX-License-Identifier: MIT
 * A recipe is everything about a training run but the net, the data set and the seed; and a string of key=value words a person can type:
 *
 *   opt=adam lr=0.01 batch=64 epochs=20 norm=0.1307,0.3081
 *
 *   opt=sgd|adam|adamw   lr=   momentum=0.9   nesterov=1   wd=   beta1= beta2= eps=   epsform=keras     (defaults: PyTorch's)
 *   schedule=constant | step:EVERY:FACTOR | cosine | onecycle:WARM (share of steps, 0.3)   warmup=STEPS
 *   batch=  epochs=  updates=N (exactly N steps, whatever the epochs)   drop_last=1
 *   init=default|he_uniform|he_normal|xavier_uniform|xavier_normal   bias=zero   precision=float32|bf16
 *   norm=MEAN,SD (of pixels / 255; the default 0,1 is plain /255)   raw=1 (pixels 0…255 as they are)
 *   pad=32 (zero-pad to 32x32)   channel=red   permute=SEED (one fixed pixel permutation)
 *   augment=rotate:15,shift:2,cropresize:22:0.1     any of these, in the order written, training images only
 *   select=perclass:1000 | first:3000 | single:7 | split:55000 (train on a random 55,000, validate on the rest: "test" results are then
 *     validation's)
 *   testselect=perclass:100 | train (the training images, as some articles measured: "test" results are then training's)
 * Later words win, so an arm is a recipe with words added; a change of opt= drops what was said before for the other family, and raw and
 * norm replace each other. none, all, default, 0 take a word back.
 * recipe_print writes the canonical form (opt, lr, batch, epochs, and all that differs from the defaults, keys in this order); it stands in
 * every row and its id. */
#ifndef NETS_RECIPE_H
#define NETS_RECIPE_H

#include "../data/batch.h"
#include "../net.h"

/* How the learning rate goes over a run. */
enum schedule_kind {
    SCHEDULE_CONSTANT,
    SCHEDULE_STEP,     /* times step_factor every step_epochs epochs */
    SCHEDULE_COSINE,   /* half a cosine from the rate to zero */
    SCHEDULE_ONE_CYCLE /* up for warm_share of the steps, then down to nothing (Smith and Topin 2018; PyTorch's OneCycleLR) */
};

/* The words of a recipe as numbers; a value without pointers. */
struct recipe {
    enum optimizer_kind optimizer;
    enum eps_form eps_form; /* Adam: where eps stands, see kernels/optimizer.h */
    double rate, momentum, weight_decay, beta1, beta2, eps;
    bool nesterov;
    enum schedule_kind schedule;
    int step_epochs;
    double step_factor, warm_share;
    int warmup_steps;           /* the rate grows linearly over the first so many updates, whatever the schedule */
    int batch, epochs, updates; /* images per update; passes over the training images; updates 0: no limit */
    bool drop_last;             /* an epoch's last batch is left out when it is not full */
    struct init init;
    enum precision precision;
    struct transform transform;   /* of every image; augmentation of training images alone */
    struct selection train, test; /* which images of either half take part */
};

/* PyTorch's defaults with opt=sgd lr=0.01 batch=64 epochs=1. */
struct recipe recipe_default(void);
/* Starts from recipe_default(). 0, or -EINVAL with the word, what it takes or what keys there are. */
int recipe_parse(const char *text, struct recipe *r, struct why *why);
/* The canonical string, at most `size` bytes with the final 0 (2048 are enough for any); returns `text`. */
const char *recipe_print(const struct recipe *r, char *text, size_t size);

/* Arrays of state per parameter that its optimizer keeps: struct plan_options wants to know. */
int recipe_optimizer_slots(const struct recipe *r);
/* The scalars for plan_step of update `step` (from 0) of `steps` in all, `steps_per_epoch` each. No libm. */
struct optimizer recipe_optimizer(const struct recipe *r, int step, int steps_per_epoch, int steps);

#endif
