/* SPDX-License-Identifier: MIT
 * Files that are no checkpoints, or of another net, or damaged: each is refused with its reason before anything changes. */
#include <errno.h>
#include <sys/stat.h>
#include "checkpoints.h"

static const struct {
    const char *header;
    size_t data;
    const char *says;
} cases[] = {
    { "[1]", 0, "not a safetensors file" },
    { "{\"a\":1,\"a\":2}", 0, "not a JSON object" },
    { "{\"a\":", 0, "not a JSON object" },
    { "{}", 0, "has no tensor \"0.dense.weight\"" },
    { "{}", 64, "64 bytes follow its last tensor" },
    { "{\"0.dense.weight\":7}", 64, "tensor \"0.dense.weight\" is no object" },
    { "{\"0.dense.weight\":{\"dtype\":\"F16\",\"shape\":[2,4],\"data_offsets\":[0,16]}}", 16, "is F16, not F32; convert it" },
    { "{\"0.dense.weight\":{\"shape\":[2,4],\"data_offsets\":[0,32]}}", 32, "a type or shape that there is not" },
    { "{\"0.dense.weight\":{\"dtype\":\"F31\",\"shape\":[2,4],\"data_offsets\":[0,32]}}", 32, "a type or shape that there is not" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[4,2],\"data_offsets\":[0,32]}}", 32, "is 4x2, the net wants 2x4" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]}}", 32, "is 8, the net wants 2x4" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[-2,-4],\"data_offsets\":[0,32]}}", 32, "a type or shape that there is not" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4.0],\"data_offsets\":[0,32]}}", 32, "a type or shape that there is not" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4],\"data_offsets\":[0,32]}}", 32,
      "a type or shape that there is not" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"data_offsets\":[0,32]}}", 32, "a type or shape that there is not" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,28]}}", 28, "offsets that do not fit" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[-32,0]}}", 64, "offsets that do not fit" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[32,0]}}", 32, "offsets that do not fit" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4]}}", 64, "offsets that do not fit" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]},\"0.dense.bias\":{\"dtype\":\"F32\",\"shape\":["
      "2],\"data_offsets\":[16,24]}}",
      64, "tensor \"0.dense.bias\" begins at byte 16 of the data, not at 32" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]},\"0.dense.bias\":{\"dtype\":\"F32\",\"shape\":["
      "2],\"data_offsets\":[0,8]}}",
      32, "tensor \"0.dense.weight\" begins at byte 0 of the data, not at 8" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]},\"history.x\":{\"dtype\":\"F32\",\"shape\":[2,4]"
      ",\"data_offsets\":[0,32]},\"0.dense.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[32,40]}}",
      40, "begins at byte 0 of the data, not at 32" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]},\"0.dense.bias\":{\"dtype\":\"F32\",\"shape\":["
      "2],\"data_offsets\":[40,48]}}",
      48, "tensor \"0.dense.bias\" begins at byte 40 of the data, not at 32" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[16,48]},\"0.dense.bias\":{\"dtype\":\"F32\",\"shape\":["
      "2],\"data_offsets\":[48,56]}}",
      56, "tensor \"0.dense.weight\" begins at byte 16 of the data, not at 0" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]},\"0.dense.bias\":{\"dtype\":\"F32\",\"shape\":["
      "2],\"data_offsets\":[32,40]}}",
      56, "16 bytes follow its last tensor" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]},\"0.dense.bias\":{\"dtype\":\"F32\",\"shape\":["
      "2],\"data_offsets\":[32,40]}}",
      36, "cut off in tensor \"0.dense.bias\"" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[9223372036854775775,9223372036854775807]}}", 64,
      "begins at byte 9223372036854775775" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]}}", 32, "has no tensor \"0.dense.bias\"" },
    { "{\"0.dense.weight\":{\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]},\"0.dense.bias\":{\"dtype\":\"F32\",\"shape\":["
      "2],\"data_offsets\":[32,40]},\"1.conv.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[40,44]}}",
      44, "has a tensor \"1.conv.weight\" that the net lacks" },
    { "{\"__metadata__\":{\"net\":\"1x2x2 dense3\"}}", 0, "made for another net; load it into \"1x2x2 dense3\"" },
    { "{\"__metadata__\":{\"net\":7}}", 0, "its metadata's \"net\" is no text" },
    { "{\"__metadata__\":[]}", 0, "its metadata are no object" },
    { "{\"__metadata__\":{\"tensors_sha256\":\"ab\"}}", 0, "has one of its two checksums alone" },
};

Test(checkpoint_refused, other_peoples_files_are_refused_with_a_reason)
{
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

Test(checkpoint_refused, paths_that_are_no_files)
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

Test(checkpoint_refused, every_truncation_is_refused)
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
Test(checkpoint_refused, changed_bytes_do_no_harm)
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

/* Each bit of each byte: header, metadata, tensors. */
Test(checkpoint_refused, every_changed_byte_is_refused)
{
    char path[128];
    static struct metrics curves, back;
    struct plan *plan = open_plan("1x4x4 dense2", 1);
    fill(plan, 1);
    save_sample(toy_path(path, "bits.safetensors"), plan, &curves);
    size_t size;
    char *bytes = read_file(path, &size);
    for (size_t i = 0; i < size; i++) {
        const char old = bytes[i];
        bytes[i] = (char)(old ^ (1 << i % 8));
        write_file(path, bytes, size);
        struct position at = { .metrics = &back };
        struct why why = { "" };
        cr_assert_lt(checkpoint_load(path, plan, &at, &why), 0, "byte %zu, bit %zu: loaded", i, i % 8);
        bytes[i] = old;
    }
    write_file(path, bytes, size);
    struct position at = { .metrics = &back };
    struct why why = { "old words" };
    cr_assert_eq(checkpoint_load(path, plan, &at, &why), 0, "%s", why.text);
    cr_assert_str_eq(why.text, "", "a file that proves itself needs no remark");
    free(bytes);
    unlink(path);
    plan_close(plan);
}

/* A position is whole, or there is none: a run that was to go on never starts anew in silence. */
Test(checkpoint_refused, half_a_position_is_an_error)
{
    static const char *const keys[] = { "seed",         "epoch",  "step",    "running_seen",  "running_right",
                                        "running_loss", "images", "seconds", "best_test_acc", "data_sha256" };
    static const struct {
        const char *key, *value;
    } nonsense[] = { { "seed", "-1" },
                     { "seed", "18446744073709551616" },
                     { "seed", "" },
                     { "seed", "7 " },
                     { "epoch", "1e3" },
                     { "epoch", "-1" },
                     { "epoch", "99999" },
                     { "step", "0x10" },
                     { "step", "4294967296" },
                     { "running_seen", "+3" },
                     { "running_right", "11" },
                     { "images", "9e9" },
                     { "seconds", "inf" },
                     { "seconds", "-1" },
                     { "seconds", "nan" },
                     { "best_test_acc", "nan" },
                     { "best_test_acc", "101" },
                     { "running_loss", "low" },
                     { "running_loss", " 1" } };
    char path[128], part[128], says[64];
    static struct metrics curves;
    struct plan *plan = open_plan(net_text, 2), *before = open_plan(net_text, 2);
    save_sample(toy_path(path, "position.safetensors"), plan, &curves);
    toy_path(part, "part.safetensors");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        change(path, part, keys[i], NULL);
        snprintf(says, sizeof says, "half a position, \"%s\" is missing", keys[i]);
        assert_no_load(part, plan, says);
    }
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        change(path, part, nonsense[i].key, nonsense[i].value);
        snprintf(says, sizeof says, "its %s is \"%s\", which no run has", nonsense[i].key, nonsense[i].value);
        assert_no_load(part, plan, says);
        struct why why;
        cr_assert_eq(checkpoint_load(part, plan, NULL, &why), 0, "its weights load all the same: %s", why.text);
    }
    assert_same_plan(plan, before, 2);
    unlink(path);
    unlink(part);
    plan_close(plan);
    plan_close(before);
}

/* Headers as long as are read take a moment, longer ones none, and a FIFO none either. */
Test(checkpoint_refused, headers_take_time_by_their_length, .timeout = 60)
{
    char path[128];
    struct plan *plan = open_plan("1x2x2 dense2", 0);
    toy_path(path, "long.safetensors");
    for (int many = 90000; many <= 180000; many += 90000) {
        char *header = malloc((size_t)many * 90);
        int used = sprintf(header, "{");
        for (int i = 0; i < many; i++)
            used += sprintf(header + used, "%s\"optimizer.%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", i ? "," : "", i);
        strcpy(header + used, "}");
        write_safetensors(path, header, 0);
        assert_no_load(path, plan, many == 90000 ? "half a position" : "at most 8 MiB are read");
        free(header);
    }
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    assert_no_load(path, plan, "not a regular file");
    unlink(path);
    plan_close(plan);
}
