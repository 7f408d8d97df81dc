/* SPDX-License-Identifier: MIT
 * kernel-size: is 3x3 > 7x7 > 5x5 real, and what does a larger kernel cost? The arms ask for the reasons that the article gives. Each
 * trained net is also tested on images shifted by up to 1, 2, 3 and 4 pixels each way, to see what pooling is good for. */
#include "driver/ablation.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define TAIL "dense64 relu dense10"

/* What the arms are compared with: five epochs on a sixth of the images, a twelfth of the time. They ask for a difference, not for the
 * published figure. */
#define SMALL "10,000 images"
#define SMALL_WORDS "select=first:10000 epochs=5"

static const struct arm arms[] = {
    { ARM("3x3", SMALL, NULL, SMALL_WORDS, "what the arms on 10,000 images are compared with"), .quick = true },
    { ARM("5x5", SMALL, NULL, SMALL_WORDS, "what the arms on 10,000 images are compared with") },
    { ARM("dense", SMALL, NULL, SMALL_WORDS, "what the arms on 10,000 images are compared with") },
    { ARM("5x5", "two 3x3", "1x28x28 conv32same relu conv32same relu max2 conv64same relu conv64same relu max2 " TAIL, SMALL_WORDS,
          "two stacked 3x3 for one 5x5: the same field with 18 in place of 25 weights"),
      .base = SMALL },
    { ARM("dense", "dense 277", "1x28x28 dense277 relu dense10", NULL, "as many parameters as 3x3: do convolutions win at equal size?") },
    { ARM("dense", "permuted pixels", NULL, "permute=1", "one fixed pixel permutation of all images: a dense net does not care"),
      .quick = true },
    { ARM("3x3", "permuted pixels", NULL, "permute=1 " SMALL_WORDS, "one fixed pixel permutation of all images: a conv net should fall"),
      .quick = true, .base = SMALL },
    { ARM("3x3", "as small as dense", "1x28x28 conv16same relu max2 conv32same relu max2 dense60 relu dense10", SMALL_WORDS,
          "a conv net of 99,550 parameters, fewer than the dense net's 101,770"),
      .base = SMALL },
    { ARM("3x3", "one conv layer", "1x28x28 conv32same relu max2 " TAIL, SMALL_WORDS, "depth: one conv layer"), .base = SMALL },
    { ARM("3x3", "three conv layers", "1x28x28 conv32same relu max2 conv64same relu max2 conv64same relu " TAIL, SMALL_WORDS,
          "depth: three conv layers; \"more would overfit\" shows in the gap between train and test"),
      .base = SMALL },
    { ARM("3x3", "32 and 32 filters", "1x28x28 conv32same relu max2 conv32same relu max2 " TAIL, SMALL_WORDS,
          "filters: \"doubled, for more complex combinations\""),
      .base = SMALL },
    { ARM("3x3", "64 and 64 filters", "1x28x28 conv64same relu max2 conv64same relu max2 " TAIL, SMALL_WORDS, "filters: 64 in both layers"),
      .base = SMALL },
    { ARM("3x3", "average pool", "1x28x28 conv32same relu avg2 conv64same relu avg2 " TAIL, SMALL_WORDS, "max against average"),
      .base = SMALL },
    { ARM("3x3", "no pooling", "1x28x28 conv32same relu conv64same relu " TAIL, SMALL_WORDS,
          "pooling: \"reduces parameters, and adds tolerance to small shifts\""),
      .base = SMALL },
    { ARM("3x3", "stride 2", "1x28x28 conv32step2same relu conv64step2same relu " TAIL, SMALL_WORDS,
          "stride in place of pooling: \"stride 1, so no information is skipped\""),
      .base = SMALL },
    { ARM("3x3", "tanh", "1x28x28 conv32same tanh max2 conv64same tanh max2 dense64 tanh dense10", SMALL_WORDS, "ReLU against tanh"),
      .base = SMALL },
    ARM_BF16("3x3"),
    ARM_BF16("5x5"),
    ARM_BF16("7x7"),
    { ARM("3x3", "valid", "1x28x28 conv32 relu max2 conv64 relu max2 " TAIL, SMALL_WORDS, "no padding"), .base = SMALL },
    { .cell = NULL },
};

/* ---- shifted test images ----------------------------------------------------------------------------------------------------------- */

enum { MOST_SHIFT = 4 };

/* Per cent right among all test images, each shifted by its own whole pixels, up to `most` each way: keyed by the image alone. */
static double shifted_accuracy(const struct look *look, struct plan *plan, int most)
{
    assert(most >= 0);
    assert(most <= MOST_SHIFT);
    assert(look->batch <= PLAN_WAVE);
    struct transform transform = look->recipe->transform;
    struct batcher *batcher;
    const struct images *images = &look->data->test;
    transform.augments = most > 0;
    transform.augment[0] = (struct augment){ AUGMENT_SHIFT, most, 1 };
    if (batcher_open(&batcher, look->data, &transform, look->options->team, NULL)) return 0;
    int right = 0, batch = look->batch;
    for (int done = 0; done < images->count; done += batch) {
        int index[PLAN_WAVE], n = images->count - done < batch ? images->count - done : batch;
        for (int i = 0; i < n; i++) index[i] = done + i;
        batcher_fill(batcher, images, index, n, &(struct augment_key){ 0 }, plan_input(plan), plan_labels(plan));
        plan_forward(plan, n, false, (struct pass_key){ 0 });
        for (int i = 0; i < n; i++) right += plan_predicted(plan)[i] == plan_labels(plan)[i];
    }
    batcher_close(batcher);
    return 100.0 * right / images->count;
}

static void test_shifted(void *context, struct plan *plan)
{
    const struct look *look = context;
    json_t *list = json_array();
    for (int most = 0; most <= MOST_SHIFT; most++) json_array_append_new(list, json_real(shifted_accuracy(look, plan, most)));
    json_object_set_new(look->extra, "test_acc_shifted", list);
}

static void look_at(struct look *look, struct train_hooks *hooks)
{
    (void)look;
    hooks->finished = test_shifted;
}

/* The slowest get fewer. */
static const struct seeds seeds_of[] = { { "*/bf16", 10 },      { "*/no pooling", 5 },  { "*/5x5/*", 5 },
                                         { "*/64 and 64*", 5 }, { "*/three conv*", 5 }, { NULL, 0 } };

extern const struct zoo_study kernel_size; /* nets/zoo/kernel_size.c */

int main(int argc, const char **argv)
{
    static const struct study study = { .zoo = &kernel_size,
                                        .arms = arms,
                                        .seeds = 10,
                                        .quick_seeds = 2,
                                        .quick_epochs = 1,
                                        .quick_recipe = "select=first:12000",
                                        .look = look_at,
                                        .seeds_of = seeds_of };
    return ablation_main(&study, argc, argv);
}
