/* SPDX-License-Identifier: MIT
 * What the fuzz targets (tests/fuzz) found, made into cases that run everywhere. Each names what went wrong before. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include "../../nets/data/idx.h"
#include "toy.h"

static void write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* The most address space this process ever had, in MiB. */
static long peak_mib(void)
{
    char line[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmPeak: %ld kB", &kib) == 1) break;
    if (file) fclose(file);
    return kib / 1024;
}

/* 56 bytes asked for 6.5 GB before anything was read. */
Test(fuzzed, an_idx_header_does_not_get_the_memory_it_asks_for)
{
    static const uint8_t images[56] = { 0, 0, 8, 3, 0, 1, 0x86, 0xa0, 0, 0, 1, 0, 0, 0, 1, 0 };
    char path[128];
    struct why why = { "" };
    int count = 0, h = 0, w = 0;
    uint8_t *pixels = NULL;
    write_bytes(toy_path(path, "huge.idx"), images, sizeof images);
    long before = peak_mib();
    if (before <= 0) cr_skip_test("this system has no /proc/self/status");
    cr_assert_eq(idx_read_images(path, &count, &h, &w, &pixels, &why), -EINVAL, "%s", why.text);
    cr_assert_not_null(strstr(why.text, "ends after 56 bytes, expected 100000 images of 256x256"), "%s", why.text);
    cr_assert_lt(peak_mib() - before, 256);
    unlink(path);
}

/* A small net with momentum. */
static struct plan *open_plan(void)
{
    struct net net = toy_net("1x4x4 dense2");
    struct plan *plan;
    struct why why = { "" };
    struct plan_options options = { .batch = 4, .training = true, .isas = 1u << ISA_SCALAR, .optimizer_slots = 1 };
    cr_assert_eq(net_plan(&net, &options, &plan, &why), 0, "%s", why.text);
    return plan;
}

/* Saves a run that stands after `images` images, `seen` of its epoch, `right` of them right, and loads it: the epoch where it resumes, or
 * the error. */
static int resumed_epoch(long images, long seen, long right)
{
    char path[128];
    struct why why = { "" };
    struct plan *plan = open_plan();
    struct position back = { 0 },
                    at = { .seed = 1, .epoch = 2, .step = 9, .running = { seen, right, 0.5 }, .images = images, .data_sha256 = "toy" };
    cr_assert_eq(checkpoint_save(toy_path(path, "counts.safetensors"), plan, "opt=sgd", &at, &why), 0, "%s", why.text);
    const int code = checkpoint_load(path, plan, &back, &why);
    if (code) cr_assert_not_null(strstr(why.text, "which no run has"), "%s", why.text);
    unlink(path);
    plan_close(plan);
    return code ? code : back.epoch;
}

/* Counts near LONG_MAX were taken, and overflowed with the next batch; then the run silently began anew. */
Test(fuzzed, counts_that_no_run_reaches_are_refused)
{
    cr_assert_eq(resumed_epoch(1000, 4, 3), 2);
    cr_assert_eq(resumed_epoch((long)MAX_EPOCHS * INT_MAX, INT_MAX, INT_MAX), 2);
    cr_assert_eq(resumed_epoch(LONG_MAX, 4, 3), -EINVAL);
    cr_assert_eq(resumed_epoch(1000, LONG_MAX, 3), -EINVAL);
    cr_assert_eq(resumed_epoch(1000, 4, 5), -EINVAL);
}

/* A tensor's name brought its line feed along, and an escape sequence would have come through as well. */
Test(fuzzed, messages_are_one_line_whatever_they_quote)
{
    static const char header[] = "{\"bad\\n\\u001b[2J\\u007f\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}    ";
    char path[128], bytes[sizeof header + 16] = { 0 };
    struct why why = { "" };
    struct plan *plan = open_plan();
    uint64_t length = sizeof header - 1;
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    write_bytes(toy_path(path, "lines.safetensors"), bytes, 8 + length + 4);
    cr_assert_eq(checkpoint_load(path, plan, NULL, &why), -EINVAL);
    cr_assert_not_null(strstr(why.text, "has a tensor \"bad??[2J?\" that the net lacks"), "%s", why.text);
    unlink(path);
    plan_close(plan);
}
