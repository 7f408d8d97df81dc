/* SPDX-License-Identifier: MIT
 * What the suites of checkpoints share: plans whose numbers tell every element apart, and files made by hand. */
#ifndef TESTS_CHECKPOINTS_H
#define TESTS_CHECKPOINTS_H

#include <jansson.h>
#include "toy.h"

static const char net_text[] = "1x12x12 conv3sameb0 bn relu max2 dense4";

static inline struct plan *open_plan(const char *text, int slots)
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
static inline void fill(struct plan *plan, int slots)
{
    for (int i = 0; i < plan_tensors(plan); i++) {
        struct tensor t = plan_tensor(plan, i);
        for (size_t j = 0; j < t.count; j++) {
            t.value[j] = (real)(i + 1) + (real)j / 1024;
            for (int s = 0; s < slots && t.trained; s++) plan_optimizer_slot(plan, s, i)[j] = -(real)(100 * (s + 1) + i) - (real)j / 1024;
        }
    }
}

static inline void assert_same_plan(const struct plan *a, const struct plan *b, int slots)
{
    for (int i = 0; i < plan_tensors(a); i++) {
        struct tensor t = plan_tensor(a, i), u = plan_tensor(b, i);
        cr_assert_eq(memcmp(t.value, u.value, t.count * sizeof *t.value), 0, "%s", t.name);
        for (int s = 0; s < slots && t.trained; s++)
            cr_assert_eq(memcmp(plan_optimizer_slot(a, s, i), plan_optimizer_slot(b, s, i), t.count * sizeof *t.value), 0, "%s", t.name);
    }
}

static inline char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    char *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static inline void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* Header and data apart, for files made by hand. */
static inline void write_safetensors(const char *path, const char *header, size_t data)
{
    FILE *file = fopen(path, "wb");
    uint64_t length = strlen(header);
    fwrite(&length, sizeof length, 1, file);
    fwrite(header, 1, length, file);
    for (size_t i = 0; i < data; i++) putc(0, file);
    fclose(file);
}

static inline void save_sample(const char *path, struct plan *plan, struct metrics *curves)
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

static inline void assert_no_load(const char *path, struct plan *plan, const char *part)
{
    struct position at = { .epoch = 0 };
    struct why why = { "" };
    cr_assert_lt(checkpoint_load(path, plan, &at, &why), 0, "loaded");
    cr_assert_not_null(strstr(why.text, part), "\"%s\" does not say \"%s\"", why.text, part);
    cr_assert_eq(strncmp(why.text, path, strlen(path)), 0, "\"%s\" does not begin with the file", why.text);
    cr_assert_null(strchr(why.text, '\n'));
}

/* The file once more, its metadata changed: without checksums, and `key` as told, NULL: gone. */
static inline void change(const char *from, const char *to, const char *key, const char *value)
{
    size_t size;
    char *bytes = read_file(from, &size);
    uint64_t length;
    memcpy(&length, bytes, sizeof length);
    json_t *header = json_loadb(bytes + 8, length, 0, NULL), *metadata = json_object_get(header, "__metadata__");
    cr_assert(json_object_del(metadata, "tensors_sha256") == 0 && json_object_del(metadata, "metadata_sha256") == 0);
    if (key && !value) json_object_del(metadata, key);
    if (value) json_object_set_new(metadata, key, json_string(value));
    char *text = json_dumps(header, 0);
    FILE *file = fopen(to, "wb");
    uint64_t now = strlen(text);
    fwrite(&now, sizeof now, 1, file);
    fwrite(text, 1, now, file);
    fwrite(bytes + 8 + length, 1, size - 8 - length, file);
    fclose(file);
    free(text);
    json_decref(header);
    free(bytes);
}

#endif
