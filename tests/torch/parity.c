/* SPDX-License-Identifier: MIT
 * Our side of tools/dev/check-torch: runs a net and writes all inputs and outputs as one safetensors file (float32, images first,
 * then height, width, channel), so that PyTorch can do the same with the same numbers.
 *
 *   parity steps OUT NET RECIPE N STEPS SEED         STEPS updates on N random images each; of the first one everything, then gradients
 *   parity evaluate OUT NET RECIPE DATA IMAGES WEIGHTS       the first IMAGES test images under these weights, batched by the recipe
 *   parity data OUT NET RECIPE DATA IMAGES           the first IMAGES training images */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/runtime/rng.h"
#include "../../nets/plan/internal.h"
#include "../../nets/train/train.h"

static _Noreturn void quit(const char *what)
{
    fprintf(stderr, "parity: %s\n", what);
    exit(1);
}

static void *room(size_t bytes)
{
    void *p = calloc(bytes ? bytes : 1, 1);
    if (!p) quit("out of memory");
    return p;
}

/* ---- what is written --------------------------------------------------------------------------------------------------------------- */

enum { MAX_ITEMS = 8192 };
struct item {
    char name[80];
    int rank, extent[4];
    size_t count;
    float *value;
};
static struct item items[MAX_ITEMS];
static int item_count;

static struct item *item(const char *name, int rank, const int *extent)
{
    if (item_count == MAX_ITEMS) quit("too many tensors: take fewer steps");
    struct item *i = &items[item_count++];
    snprintf(i->name, sizeof i->name, "%s", name);
    i->rank = rank;
    i->count = 1;
    for (int d = 0; d < rank; d++) i->count *= (size_t)(i->extent[d] = extent[d]);
    i->value = room(i->count * sizeof *i->value);
    return i;
}

static void keep_tensor(const char *prefix, const struct tensor *t, const real *value)
{
    char name[80];
    snprintf(name, sizeof name, "%s%s", prefix, t->name);
    struct item *i = item(name, t->rank, t->extent);
    for (size_t j = 0; j < t->count; j++) i->value[j] = value[j];
}

/* From lanes: x[B][H][W][C][16], the first n images. */
static void keep_images(const char *name, const real *x, int n, struct shape s)
{
    size_t pixels = (size_t)s.h * (size_t)s.w * (size_t)s.c;
    struct item *i = item(name, 4, (int[]){ n, s.h, s.w, s.c });
    for (int image = 0; image < n; image++)
        for (size_t p = 0; p < pixels; p++)
            i->value[(size_t)image * pixels + p] = x[((size_t)(image / LANES) * pixels + p) * LANES + (size_t)(image % LANES)];
}

/* What each element was multiplied by: 0 or the scale. */
static void keep_mask(const char *name, const struct planned *l, const struct layer *what, int n)
{
    struct shape s = what->out;
    size_t pixels = (size_t)s.h * (size_t)s.w * (size_t)s.c;
    const float scale = 65536.0F / (65536.0F - (float)dropout_threshold(what->dropout.rate));
    struct item *i = item(name, 4, (int[]){ n, s.h, s.w, s.c });
    for (int image = 0; image < n; image++)
        for (size_t p = 0; p < pixels; p++)
            i->value[(size_t)image * pixels + p] = l->mask[(size_t)(image / LANES) * pixels + p] >> (image % LANES) & 1 ? scale : 0;
}

/* Which tap each window of a max-pool took. */
static void keep_taps(const char *name, const struct planned *l, const struct layer *what, int n)
{
    struct shape s = what->out;
    size_t pixels = (size_t)s.h * (size_t)s.w * (size_t)s.c;
    struct item *i = item(name, 4, (int[]){ n, s.h, s.w, s.c });
    for (int image = 0; image < n; image++)
        for (size_t p = 0; p < pixels; p++)
            i->value[(size_t)image * pixels + p] = l->argmax[((size_t)(image / LANES) * pixels + p) * LANES + (size_t)(image % LANES)];
}

static void keep_labels(const char *name, const uint8_t *labels, int n)
{
    struct item *i = item(name, 1, &n);
    for (int image = 0; image < n; image++) i->value[image] = labels[image];
}

/* The header is JSON, padded with blanks to eight bytes. */
static void write_items(const char *path, const char *net)
{
    FILE *file = fopen(path, "wb");
    char *header = NULL;
    size_t length = 0, offset = 0;
    FILE *text = open_memstream(&header, &length);
    if (!file || !text) quit("cannot write the output");
    fprintf(text, "{\"__metadata__\":{\"net\":\"%s\"}", net);
    for (int i = 0; i < item_count; i++) {
        fprintf(text, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[", items[i].name);
        for (int d = 0; d < items[i].rank; d++) fprintf(text, "%s%d", d ? "," : "", items[i].extent[d]);
        fprintf(text, "],\"data_offsets\":[%zu,%zu]}", offset, offset + items[i].count * sizeof(float));
        offset += items[i].count * sizeof(float);
    }
    fputc('}', text);
    for (long at = ftell(text); at % 8; at++) fputc(' ', text);
    fclose(text);
    uint64_t size = length;
    bool ok = fwrite(&size, sizeof size, 1, file) == 1 && fwrite(header, 1, length, file) == length;
    for (int i = 0; i < item_count; i++) ok = ok && fwrite(items[i].value, sizeof(float), items[i].count, file) == items[i].count;
    if (fclose(file) != 0 || !ok) quit("cannot write the output");
    free(header);
}

/* ---- steps ------------------------------------------------------------------------------------------------------------------------- */

static void draw_batch(struct plan *plan, int n, struct rng *rng)
{
    const struct net *net = plan_net(plan);
    size_t pixels = (size_t)net->in.c * (size_t)net->in.h * (size_t)net->in.w;
    real *x = plan_input(plan);
    for (size_t i = 0; i < (size_t)image_blocks(n) * pixels * LANES; i++)
        x[i] = (int)(i / (pixels * LANES)) * LANES + (int)(i % LANES) < n ? (real)rng_normal(rng) : 0;
    memset(plan_labels(plan), 0, (size_t)image_blocks(n) * LANES);
    for (int i = 0; i < n; i++) plan_labels(plan)[i] = (uint8_t)rng_below(rng, (uint32_t)net->layers[net->count - 1].out.c);
}

/* Away from the start, where gamma is 1 and beta 0. */
static void stir(struct plan *plan, struct rng *rng)
{
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        for (size_t j = 0; t.trained && t.rank == 1 && j < t.count; j++) t.value[j] += (real)(0.2 * rng_normal(rng));
    }
}

/* A fused step keeps neither a max-pool's taps nor every mask: a second plan of the same net, which does each layer by itself and over the
 * whole batch, is given the same weights and batch. Its gradients have to be the same bits. */
static void watch(struct plan *watcher, struct plan *plan, struct pass_key key, int n)
{
    const struct shape in = plan_net(plan)->in;
    for (int i = 0; i < plan_tensors(plan); i++)
        memcpy(plan_tensor(watcher, i).value, plan_tensor(plan, i).value, plan_tensor(plan, i).count * sizeof(real));
    memcpy(plan_input(watcher), plan_input(plan), (size_t)image_blocks(n) * (size_t)(in.c * in.h * in.w) * LANES * sizeof(real));
    memcpy(plan_labels(watcher), plan_labels(plan), (size_t)image_blocks(n) * LANES);
    plan_gradients(watcher, n, n, false, key);
    plan_gradients(plan, n, n, false, key);
    for (int i = 0; i < plan_tensors(plan); i++) {
        const struct tensor a = plan_tensor(plan, i), b = plan_tensor(watcher, i);
        if (a.trained && memcmp(a.gradient, b.gradient, a.count * sizeof(real)) != 0)
            quit("a fused step has other bits than its layers alone");
    }
}

static void keep_inputs(const struct plan *plan, int step, int n)
{
    char name[80];
    snprintf(name, sizeof name, "x.%d", step);
    keep_images(name, plan->input, n, plan->net.in);
    snprintf(name, sizeof name, "labels.%d", step);
    keep_labels(name, plan->labels, n);
    for (int i = 0; i < plan->net.count; i++) {
        snprintf(name, sizeof name, "mask.%d.%d", step, i);
        if (plan->net.layers[i].kind == LAYER_DROPOUT) keep_mask(name, &plan->layers[i], &plan->net.layers[i], n);
        snprintf(name, sizeof name, "tap.%d", i);
        if (plan->layers[i].argmax && step == 0) keep_taps(name, &plan->layers[i], &plan->net.layers[i], n);
    }
}

static void keep_tensors(const struct plan *plan, const char *prefix, bool gradients, bool trained, bool statistics)
{
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        if (t.trained ? trained : statistics) keep_tensor(prefix, &t, gradients ? t.gradient : t.value);
    }
}

static void keep_results(const struct plan *plan, int n)
{
    struct shape logits = plan->net.layers[plan->net.count - 1].out;
    keep_images("logits", plan_logits(plan), n, logits);
    struct item *losses = item("losses", 1, &n);
    for (int i = 0; i < n; i++) losses->value[i] = plan_losses(plan)[i];
    keep_tensors(plan, "gradient.", true, true, false);
    keep_tensors(plan, "tracked.", false, false, true);
}

static void steps(struct plan *plan, struct plan *watcher, const struct recipe *recipe, int n, int count, uint64_t seed)
{
    struct rng rng = rng_start(rng_stream_key(seed, STREAM_TEST, 2, 0));
    plan_init(plan, recipe->init, seed);
    stir(plan, &rng);
    keep_tensors(plan, "", false, true, true);
    for (int step = 0; step < count; step++) {
        struct pass_key key = { .seed = seed, .step = (uint32_t)step };
        draw_batch(plan, n, &rng);
        watch(watcher, plan, key, n);
        keep_inputs(watcher, step, n);
        if (step == 0) keep_results(plan, n);
        char prefix[32];
        snprintf(prefix, sizeof prefix, "step.%d.", step);
        keep_tensors(plan, prefix, true, true, false);
        struct optimizer o = recipe_optimizer(recipe, step, count, count);
        plan_step(plan, &o);
    }
    keep_tensors(plan, "final.", false, true, true);
    plan_forward(plan, n, false, (struct pass_key){ 0 });
    keep_images("inference", plan_logits(plan), n, plan->net.layers[plan->net.count - 1].out);
}

/* ---- data -------------------------------------------------------------------------------------------------------------------------- */

/* The first `count` images as a batch has them, and with `predict` what the net makes of them. */
static void images_of(struct plan *plan, const struct recipe *recipe, const struct dataset *d, bool predict, int count)
{
    const struct images *images = predict ? &d->test : &d->train;
    struct why why = { "" };
    struct batcher *batcher;
    struct shape s = plan->net.in;
    size_t pixels = (size_t)s.h * (size_t)s.w * (size_t)s.c;
    if (count > images->count || batcher_open(&batcher, d, &recipe->transform, NULL, &why) != 0)
        quit(why.text[0] ? why.text : "there are not so many images");
    int *index = room((size_t)count * sizeof *index);
    uint8_t *predicted = room((size_t)count);
    struct item *x = item("x", 4, (int[]){ count, s.h, s.w, s.c });
    for (int i = 0; i < count; i++) index[i] = i;
    for (int done = 0, now; done < count; done += now) {
        now = count - done < plan->batch ? count - done : plan->batch;
        batcher_fill(batcher, images, index + done, now, NULL, plan->input, plan->labels);
        for (int i = 0; i < now; i++)
            for (size_t p = 0; p < pixels; p++)
                x->value[(size_t)(done + i) * pixels + p] = plan->input[((size_t)(i / LANES) * pixels + p) * LANES + (size_t)(i % LANES)];
    }
    keep_labels("labels", images->labels, count);
    if (predict) {
        const struct evaluation e = train_evaluate(plan, batcher, images, index, count, plan->batch, predicted);
        keep_labels("predicted", predicted, count);
        printf("%.17g %.17g\n", e.accuracy, e.loss);
    }
    batcher_close(batcher);
    free(predicted);
    free(index);
}

/* ---- the program ------------------------------------------------------------------------------------------------------------------- */

static int number(const char *text, int low)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < low || value > 10000000) quit("a number is wrong; see the head of tests/torch/parity.c");
    return (int)value;
}

/* Whole: each layer by itself, over the whole batch, with all that it computes kept. */
static struct plan *open_plan(const char *text, const struct recipe *recipe, int n, bool whole)
{
    struct net net;
    struct why why = { "" };
    struct plan *plan = NULL;
    struct plan_options options = { .batch = n,
                                    .training = true,
                                    .isas = cpu_detect(),
                                    .precision = recipe->precision,
                                    .optimizer_slots = recipe_optimizer_slots(recipe),
                                    .no_fuse = whole,
                                    .no_recompute = whole,
                                    .no_blocks = whole };
    if (net_parse(text, &net, &why) != 0 || net_plan(&net, &options, &plan, &why) != 0) quit(why.text);
    return plan;
}

int main(int argc, char **argv)
{
    static char net[4096];
    static struct recipe recipe;
    struct why why = { "" };
    const char *mode = argc > 1 ? argv[1] : "";
    bool is_steps = strcmp(mode, "steps") == 0 && argc == 8, is_data = strcmp(mode, "data") == 0 && argc == 7;
    bool is_evaluate = strcmp(mode, "evaluate") == 0 && argc == 8;
    if (!is_steps && !is_data && !is_evaluate)
        quit("usage: parity steps OUT NET RECIPE N STEPS SEED | evaluate OUT NET RECIPE DATA IMAGES WEIGHTS | "
             "data OUT NET RECIPE DATA IMAGES");
    if (recipe_parse(argv[4], &recipe, &why) != 0) quit(why.text);
    struct plan *plan = open_plan(argv[3], &recipe, is_steps ? number(argv[5], 1) : recipe.batch, false);
    net_print(plan_net(plan), net, sizeof net);
    if (is_steps) {
        struct plan *watcher = open_plan(argv[3], &recipe, plan->batch, true);
        steps(plan, watcher, &recipe, plan->batch, number(argv[6], 1), (uint64_t)number(argv[7], 0));
        plan_close(watcher);
    } else {
        struct dataset d;
        if (dataset_open(argv[5], NULL, NULL, NULL, &d, &why) != 0 || train_check(plan_net(plan), &recipe, &d, &why) != 0) quit(why.text);
        if (is_evaluate && checkpoint_load(argv[7], plan, NULL, &why) != 0) quit(why.text);
        images_of(plan, &recipe, &d, is_evaluate, number(argv[6], 1));
        dataset_close(&d);
    }
    write_items(argv[2], net);
    plan_close(plan);
    return 0;
}
