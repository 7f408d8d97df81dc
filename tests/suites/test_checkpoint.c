/* SPDX-License-Identifier: MIT
 * Checkpoints: the format as its specification has it (read here by hand), and round trips. */
#include "checkpoints.h"

#include <errno.h>
#include <glob.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>

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
    assert_no_load(path, c, "lacks \"optimizer.0.0.conv.weight\", without which its run cannot go on");
    cr_assert_eq(checkpoint_load(path, c, NULL, NULL), 0);
    assert_same_plan(a, c, 0);
    unlink(path);
    plan_close(a);
    plan_close(b);
    plan_close(c);
}

Test(checkpoint, one_from_before_there_were_checksums)
{
    char path[128], old[128];
    static struct metrics curves, back;
    struct plan *a = open_plan(net_text, 2), *b = open_plan(net_text, 2);
    fill(a, 2);
    save_sample(toy_path(path, "new.safetensors"), a, &curves);
    change(path, toy_path(old, "old.safetensors"), NULL, NULL);
    struct position at = { .metrics = &back };
    struct why why = { "" };
    cr_assert_eq(checkpoint_load(old, b, &at, &why), 0, "%s", why.text);
    cr_assert(strstr(why.text, "has no checksums") && strncmp(why.text, old, strlen(old)) == 0, "%s", why.text);
    cr_assert(at.epoch == 2 && at.step == 70);
    assert_same_plan(a, b, 2);
    int tensors = 0;
    bool sealed = true;
    cr_assert(checkpoint_check(old, &tensors, &sealed, &why) == 0 && !sealed && tensors == 21);
    cr_assert(checkpoint_check(path, &tensors, &sealed, &why) == 0 && sealed && tensors == 21);
    unlink(path);
    unlink(old);
    plan_close(a);
    plan_close(b);
}

/* Files beside the path that begin with its name. */
static int beside(const char *path)
{
    char pattern[160];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s.*", path);
    const int count = glob(pattern, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    globfree(&found);
    return count;
}

Test(checkpoint, what_a_killed_save_left_is_swept)
{
    char path[128], stray[160];
    static struct metrics curves;
    struct plan *plan = open_plan(net_text, 1);
    toy_path(path, "swept.safetensors");
    snprintf(stray, sizeof stray, "%s.00112233445566ff.part", path);
    write_file(stray, "half a check", 12);
    save_sample(path, plan, &curves);
    cr_assert_eq(beside(path), 0);
    unlink(path);
    plan_close(plan);
}

Test(checkpoint, a_full_disk_leaves_the_old_file)
{
    char path[128];
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
    cr_assert_eq(beside(path), 0, "a part was left");
    cr_assert_eq(checkpoint_load(path, back, NULL, NULL), 0);
    assert_same_plan(plan, back, 0);
    unlink(path);
    plan_close(plan);
    plan_close(back);
}
