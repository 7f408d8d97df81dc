/* SPDX-License-Identifier: MIT
 * Checkpoints: the format as its specification has it (read here by hand), round trips, and what happens with every file that is not
 * one. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "toy.h"

static const char net_text[] = "1x12x12 conv3sameb0 bn relu max2 dense4";

static struct plan *open_plan(const char *text, int slots)
{
    struct net net = toy_net(text);
    struct plan *plan;
    struct why why = { "" };
    struct plan_options options = { .batch = 16, .training = true, .isas = cpu_detect(), .optimizer_slots = slots };
    cr_assert_eq(net_plan(&net, &options, &plan, &why), 0, "%s", why.text);
    plan_init(plan, (struct init){ INIT_DEFAULT, false }, 7);
    return plan;
}

/* Numbers that tell every element of every tensor apart. */
static void fill(struct plan *plan, int slots)
{
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        for (size_t j = 0; j < t.count; j++) {
            t.value[j] = (real)(i + 1) + (real)j / 1024;
            for (int s = 0; s < slots && t.trained; s++) plan_optimizer_slot(plan, s, i)[j] = -(real)(100 * (s + 1) + i) - (real)j / 1024;
        }
    }
}

static void assert_same_plan(const struct plan *a, const struct plan *b, int slots)
{
    for (int i = 0; i < plan_tensors(a); i++) {
        struct tensor t = plan_tensor(a, i), u = plan_tensor(b, i);
        cr_assert_eq(memcmp(t.value, u.value, t.count * sizeof *t.value), 0, "%s", t.name);
        for (int s = 0; s < slots && t.trained; s++)
            cr_assert_eq(memcmp(plan_optimizer_slot(a, s, i), plan_optimizer_slot(b, s, i), t.count * sizeof *t.value), 0, "%s", t.name);
    }
}

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    char *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* Header and data apart, for files made by hand. */
static void write_safetensors(const char *path, const char *header, size_t data)
{
    FILE *file = fopen(path, "wb");
    uint64_t length = strlen(header);
    fwrite(&length, sizeof length, 1, file);
    fwrite(header, 1, length, file);
    for (size_t i = 0; i < data; i++) putc(0, file);
    fclose(file);
}

static void save_sample(const char *path, struct plan *plan, struct metrics *curves)
{
    struct position at = { .seed = 12345678901234567890u,
                           .epoch = 2,
                           .step = 70,
                           .running = { 10, 7, 0.1 },
                           .images = 2210,
                           .seconds = 1.5,
                           .best_test_acc = 99.44,
                           .data_sha256 = "abc",
                           .metrics = curves };
    struct why why = { "" };
    cr_assert_eq(checkpoint_save(path, plan, "opt=adam lr=0.01", &at, &why), 0, "%s", why.text);
}

Test(checkpoint, brings_everything_back)
{
    char path[128], text[256];
    static struct metrics curves = { .test_acc_per_epoch = { 50, 75 }, .train_loss_per_epoch = { 2, NAN } }, back;
    struct plan *a = open_plan(net_text, 2), *b = open_plan(net_text, 2);
    fill(a, 2);
    save_sample(toy_path(path, "all.safetensors"), a, &curves);
    struct position at = { .metrics = &back };
    struct why why = { "" };
    cr_assert_eq(checkpoint_load(path, b, &at, &why), 0, "%s", why.text);
    assert_same_plan(a, b, 2);
    cr_assert(at.seed == 12345678901234567890u && at.epoch == 2 && at.step == 70 && at.images == 2210);
    cr_assert(at.running.seen == 10 && at.running.right == 7 && at.running.loss == 0.1);
    cr_assert(at.seconds == 1.5 && at.best_test_acc == 99.44);
    cr_assert_str_eq(at.data_sha256, "abc");
    cr_assert(back.test_acc_per_epoch[0] == 50 && back.test_acc_per_epoch[1] == 75 && back.test_acc_per_epoch[2] == 0);
    cr_assert(back.train_loss_per_epoch[0] == 2 && isnan(back.train_loss_per_epoch[1]));
    cr_assert_eq(checkpoint_net(path, text, sizeof text, &why), 0);
    cr_assert_str_eq(text, net_text);
    cr_assert_eq(checkpoint_recipe(path, text, sizeof text, &why), 0);
    cr_assert_str_eq(text, "opt=adam lr=0.01");
    unlink(path);
    plan_close(a);
    plan_close(b);
}

/* What safetensors' own reader demands: offsets that follow each other without holes from 0 to the end, sizes that fit shapes. */
Test(checkpoint, is_a_safetensors_file)
{
    char path[128];
    static struct metrics curves;
    struct plan *plan = open_plan(net_text, 2);
    fill(plan, 2);
    save_sample(toy_path(path, "format.safetensors"), plan, &curves);
    size_t size;
    char *bytes = read_file(path, &size);
    uint64_t length;
    memcpy(&length, bytes, sizeof length);
    cr_assert_eq(length % 8, 0u);
    cr_assert_eq(bytes[8], '{');
    json_t *header = json_loadb(bytes + 8, length, JSON_REJECT_DUPLICATES, NULL), *value;
    cr_assert(json_is_object(header));
    const char *name;
    json_int_t end = 0;
    int tensors = 0;
    json_object_foreach(header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0) continue;
        json_t *shape = json_object_get(value, "shape"), *offsets = json_object_get(value, "data_offsets");
        json_int_t count = 1;
        for (size_t i = 0; i < json_array_size(shape); i++) count *= json_integer_value(json_array_get(shape, i));
        cr_assert_str_eq(json_string_value(json_object_get(value, "dtype")), "F32");
        cr_assert_eq(json_integer_value(json_array_get(offsets, 0)), end, "%s", name);
        end += 4 * count;
        cr_assert_eq(json_integer_value(json_array_get(offsets, 1)), end, "%s", name);
        tensors++;
    }
    cr_assert_eq(8 + length + (size_t)end, size);
    cr_assert_eq(tensors, 7 + 2 * 5 + 4); /* conv, four of batch norm, two of dense; two slots of what is trained; four curves */
    float first;
    memcpy(&first, bytes + 8 + length, sizeof first);
    cr_assert_eq(first, 1);
    json_decref(header);
    free(bytes);
    unlink(path);
    plan_close(plan);
}

Test(checkpoint, weights_alone_load_into_any_plan_of_the_net)
{
    char path[128];
    static struct metrics curves;
    struct plan *a = open_plan(net_text, 2), *b = open_plan(net_text, 0), *c = open_plan(net_text, 2);
    fill(a, 2);
    save_sample(toy_path(path, "weights.safetensors"), a, &curves);
    cr_assert_eq(checkpoint_load(path, b, NULL, NULL), 0);
    assert_same_plan(a, b, 0);
    save_sample(path, b, &curves); /* no optimizer state in it now */
    struct position at = { .epoch = 5 };
    cr_assert_eq(checkpoint_load(path, c, &at, NULL), 0);
    cr_assert_eq(at.epoch, -1);
    assert_same_plan(a, c, 0);
    unlink(path);
    plan_close(a);
    plan_close(b);
    plan_close(c);
}

static void assert_no_load(const char *path, struct plan *plan, const char *part)
{
    struct position at = { .epoch = 0 };
    struct why why = { "" };
    cr_assert_lt(checkpoint_load(path, plan, &at, &why), 0, "loaded");
    cr_assert_not_null(strstr(why.text, part), "\"%s\" does not say \"%s\"", why.text, part);
    cr_assert_eq(strncmp(why.text, path, strlen(path)), 0, "\"%s\" does not begin with the file", why.text);
    cr_assert_null(strchr(why.text, '\n'));
}

Test(checkpoint, other_peoples_files_are_refused_with_a_reason)
{
    static const struct {
        const char *header;
        size_t data;
        const char *says;
    } cases[] = {
        { "[1]", 0, "not a safetensors file" },
        { "{\"a\":1,\"a\":2}", 0, "not a JSON object" },
        { "{\"a\":", 0, "not a JSON object" },
        { "{}", 64, "has no tensor \"0.dense.weight\"" },
        { "{\"0.dense.weight\":7}", 64, "has no tensor \"0.dense.weight\"" },
        { "{\"0.dense.weight\":{\"dtype\":\"F16\",\"shape\":[2,4],\"data_offsets\":[0,16]}}", 64, "is F16, not F32; convert it" },
        { "{\"0.dense.weight\":{\"shape\":[2,4],\"data_offsets\":[0,32]}}", 64, "is untyped" },
        { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[4,2],\"data_offsets\":[0,32]}}", 64, "is 4x2, the net wants 2x4" },
        { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]}}", 64, "is 8, the net wants 2x4" },
        { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"data_offsets\":[0,32]}}", 64, "the net wants 2x4" },
        { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,28]}}", 64, "offsets that do not fit" },
        { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[-32,0]}}", 64, "offsets that do not fit" },
        { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4]}}", 64, "offsets that do not fit" },
        { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[40,72]}}", 64, "cut off in tensor" },
        { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[9223372036854775775,9223372036854775807]}}", 64,
          "cut off in tensor" },
        { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]}}", 64, "has no tensor \"0.dense.bias\"" },
        { "{\"1.conv.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 64,
          "has a tensor \"1.conv.weight\" that the net lacks" },
        { "{\"__metadata__\":{\"net\":\"1x2x2 dense3\"}}", 64, "made for another net; load it into \"1x2x2 dense3\"" },
    };
    char path[128];
    toy_path(path, "foreign.safetensors");
    struct plan *plan = open_plan("1x2x2 dense2", 0), *before = open_plan("1x2x2 dense2", 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_safetensors(path, cases[i].header, cases[i].data);
        assert_no_load(path, plan, cases[i].says);
    }
    assert_same_plan(plan, before, 0);
    write_safetensors(path,
                      "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]},"
                      "\"0.dense.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[32,40]}}",
                      40);
    struct position at;
    cr_assert_eq(checkpoint_load(path, plan, &at, NULL), 0);
    cr_assert_eq(at.epoch, -1);
    cr_assert_eq(plan_tensor(plan, 0).value[0], 0);
    char text[16];
    struct why why;
    cr_assert_eq(checkpoint_net(path, text, sizeof text, &why), -EINVAL);
    cr_assert_not_null(strstr(why.text, "tell no net; give the net yourself"));
    unlink(path);
    plan_close(plan);
    plan_close(before);
}

Test(checkpoint, paths_that_are_no_files)
{
    struct plan *plan = open_plan("1x2x2 dense2", 0);
    assert_no_load("/no/such/file", plan, "No such file");
    assert_no_load("/tmp", plan, "not a regular file");
    assert_no_load("/dev/null", plan, "not a regular file");
    struct position at = { .epoch = 0 };
    struct why why = { "" };
    cr_assert_eq(checkpoint_save("/no/such/folder/x", plan, "", &at, &why), -ENOENT);
    cr_assert_not_null(strstr(why.text, "/no/such/folder/x: cannot save the checkpoint: No such file"), "%s", why.text);
    cr_assert_eq(checkpoint_save("/dev/null", plan, "", &at, &why), -EINVAL);
    cr_assert_not_null(strstr(why.text, "/dev/null: is there and not a regular file"), "%s", why.text);
    static char endless[5000];
    memset(endless, 'x', sizeof endless - 1);
    cr_assert_eq(checkpoint_save(endless, plan, "", &at, &why), -ENAMETOOLONG);
    plan_close(plan);
}

Test(checkpoint, every_truncation_is_refused)
{
    char path[128];
    static struct metrics curves;
    struct plan *plan = open_plan(net_text, 1), *before = open_plan(net_text, 1);
    save_sample(toy_path(path, "cut.safetensors"), plan, &curves);
    size_t size;
    char *bytes = read_file(path, &size);
    for (size_t cut = 0; cut < size; cut += cut < 16 || size - cut < 40 ? 1 : 97) {
        write_file(path, bytes, cut);
        assert_no_load(path, plan, "take another copy");
    }
    assert_same_plan(plan, before, 1);
    free(bytes);
    unlink(path);
    plan_close(plan);
    plan_close(before);
}

/* Random changes of the header load or are refused, but never crash; sanitizers watch. */
Test(checkpoint, changed_bytes_do_no_harm)
{
    char path[128];
    static struct metrics curves, back;
    struct plan *plan = open_plan(net_text, 1);
    save_sample(toy_path(path, "fuzz.safetensors"), plan, &curves);
    size_t size;
    char *bytes = read_file(path, &size);
    struct rng rng = rng_start(rng_stream_key(1, STREAM_TEST, 1, 0));
    int refused = 0;
    for (int trial = 0; trial < 400; trial++) {
        uint32_t place = rng_below(&rng, trial % 4 ? 2000 : 8);
        char old = bytes[place];
        bytes[place] = (char)rng_below(&rng, 256);
        write_file(path, bytes, size);
        struct position at = { .metrics = &back };
        struct why why = { "" };
        int code = checkpoint_load(path, plan, &at, &why);
        cr_assert(code == 0 || strncmp(why.text, path, strlen(path)) == 0, "%s", why.text);
        refused += code != 0;
        bytes[place] = old;
    }
    cr_assert_gt(refused, 100);
    free(bytes);
    unlink(path);
    plan_close(plan);
}

Test(checkpoint, a_full_disk_leaves_the_old_file)
{
    char path[128], temporary[160];
    static struct metrics curves;
    struct plan *plan = open_plan(net_text, 1), *back = open_plan(net_text, 1);
    fill(plan, 1);
    save_sample(toy_path(path, "full.safetensors"), plan, &curves);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = { 1000, 1000 };
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct position at = { .epoch = 0 };
    struct why why = { "" };
    cr_assert_eq(checkpoint_save(path, plan, "", &at, &why), -EFBIG, "%s", why.text);
    cr_assert_not_null(strstr(why.text, "an older one there is untouched"));
    snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    cr_assert_neq(access(temporary, F_OK), 0, "%s was left", temporary);
    cr_assert_eq(checkpoint_load(path, back, NULL, NULL), 0);
    assert_same_plan(plan, back, 0);
    unlink(path);
    plan_close(plan);
    plan_close(back);
}
