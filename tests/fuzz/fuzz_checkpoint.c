/* SPDX-License-Identifier: MIT
 * safetensors files: loaded as weights alone, as a run to resume, and by the questions for net and recipe. A refusal leaves the weights as
 * they were; what is taken is resumed and trained to its end. Every other mutation is made in the header, whose length is put right. */
#include "../../nets/train/train.h"
#include "fuzz.h"

enum { SIDE = 4, CLASSES = 3, IMAGES = 12, TEXT = 4096, LENGTH = 8 };

static uint8_t pixels[IMAGES * SIDE * SIDE], labels[IMAGES];
static const struct dataset data_set = { .name = "toy",
                                         .synthetic = true,
                                         .classes = CLASSES,
                                         .c = 1,
                                         .h = SIDE,
                                         .w = SIDE,
                                         .train = { IMAGES, pixels, labels },
                                         .test = { IMAGES, pixels, labels },
                                         .sha256 = "toy" };
static struct net net;
static struct recipe recipe;
static struct plan *plan;

static void prepare(void)
{
    struct why why = { "" };
    struct plan_options options = { .batch = 4, .training = true, .isas = 1u << ISA_SCALAR, .optimizer_slots = 1 };
    for (int i = 0; i < IMAGES; i++) labels[i] = (uint8_t)(i % CLASSES);
    for (int i = 0; i < IMAGES * SIDE * SIDE; i++) pixels[i] = (uint8_t)(i * 37);
    int code = net_parse("1x4x4 conv2b0 bn relu dense3", &net, &why);
    code = code ? code : recipe_parse("opt=sgd lr=0.01 momentum=0.9 batch=4 epochs=3", &recipe, &why);
    code = code ? code : net_plan(&net, &options, &plan, &why);
    assert(code == 0);
}

/* A hash of weights and statistics. */
static uint64_t weights(void)
{
    uint64_t hash = 0xCBF29CE484222325ull;
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        for (size_t j = 0; j < t.count * sizeof(real); j++) hash = (hash ^ ((const uint8_t *)t.value)[j]) * 0x100000001B3ull;
    }
    return hash;
}

static void load(const char *path, bool position)
{
    static struct metrics metrics;
    struct why why = { "" };
    struct position at = { .metrics = &metrics };
    plan_init(plan, (struct init){ INIT_DEFAULT, false }, 7);
    uint64_t before = weights();
    int code = checkpoint_load(path, plan, position ? &at : NULL, &why);
    if (code) {
        fuzz_refused(code, &why);
        assert(weights() == before);
    } else if (position) {
        assert(at.epoch >= -1 && at.epoch <= MAX_EPOCHS && at.step >= 0 && at.images >= 0 && strlen(at.data_sha256) < 65);
    }
}

static void resume(const char *path)
{
    static struct metrics metrics;
    struct why why = { "" };
    struct train_options options = { .isas = 1u << ISA_SCALAR, .seed = 5, .load = path };
    int code = train_run(&net, &recipe, &data_set, &options, &metrics, &why);
    if (code) fuzz_refused(code, &why);
    else assert(metrics.epochs >= 0 && metrics.epochs <= MAX_EPOCHS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT];
    struct why why = { "" };
    if (!plan) prepare();
    const char *path = fuzz_file(".safetensors", data, size);
    load(path, false);
    load(path, true);
    resume(path);
    int code = checkpoint_net(path, text, sizeof text, &why);
    if (code) fuzz_refused(code, &why);
    code = checkpoint_recipe(path, text, sizeof text, &why);
    if (code) fuzz_refused(code, &why);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    uint64_t length = 0;
    if (size > LENGTH) memcpy(&length, data, sizeof length);
    if (seed % 2 || size <= LENGTH || length == 0 || length > size - LENGTH) return LLVMFuzzerMutate(data, size, room);
    size_t rest = size - LENGTH - (size_t)length, most = room - LENGTH - rest;
    uint8_t *tensors = (uint8_t *)fuzz_text(data + LENGTH + length, rest);
    length = LLVMFuzzerMutate(data + LENGTH, (size_t)length, most);
    memcpy(data, &length, sizeof length);
    memcpy(data + LENGTH + length, tensors, rest);
    free(tensors);
    return LENGTH + (size_t)length + rest;
}
