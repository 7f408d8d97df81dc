/* SPDX-License-Identifier: MIT
 * Checkpoints, loading. The file has been checked (checkpoint_file.c); here its tensors and its position are compared with the net
 * before a byte of the plan changes, and each refusal names the file, the tensor and the way out. */
#include "checkpoint.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- tensors ----------------------------------------------------------------------------------------------------------------------- */

static const char *shape_text(const json_t *shape, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < json_array_size(shape) && used < size; i++) {
        json_int_t extent = json_integer_value(json_array_get(shape, i));
        used += (size_t)snprintf(text + used, size - used, "%s%" JSON_INTEGER_FORMAT, i ? "x" : "", extent);
    }
    return text;
}

static bool same_shape(const json_t *shape, const struct entry *e)
{
    if (!json_is_array(shape) || json_array_size(shape) != (size_t)e->rank) return false;
    for (int i = 0; i < e->rank; i++) {
        const json_t *extent = json_array_get(shape, (size_t)i);
        if (!json_is_integer(extent) || json_integer_value(extent) != e->extent[i]) return false;
    }
    return true;
}

/* Where entry e's bytes start among the data. */
static int find(const struct archive *a, const struct entry *e, size_t *begin, struct why *why)
{
    const json_t *tensor = json_object_get(a->header, e->name), *shape = json_object_get(tensor, "shape");
    const json_t *offsets = json_object_get(tensor, "data_offsets");
    const char *type = json_string_value(json_object_get(tensor, "dtype"));
    if (!json_is_object(tensor))
        return why_fail(why, -EINVAL, "%s: has no tensor \"%s\"; load it into the net it was made for", a->path, e->name);
    if (!type || strcmp(type, "F32") != 0)
        return why_fail(why, -EINVAL, "%s: tensor \"%s\" is %.16s, not F32; convert it to float32", a->path, e->name,
                        type ? type : "untyped");
    if (!same_shape(shape, e)) {
        char got[64], want[64] = "";
        for (int i = 0, used = 0; i < e->rank; i++)
            used += snprintf(want + used, sizeof want - (size_t)used, "%s%d", i ? "x" : "", e->extent[i]);
        return why_fail(why, -EINVAL, "%s: tensor \"%s\" is %s, the net wants %s; load it into the net it was made for", a->path, e->name,
                        shape_text(shape, got, sizeof got), want);
    }
    *begin = (size_t)json_integer_value(json_array_get(offsets, 0));
    return 0;
}

static int read_values(struct archive *a, const struct entry *e, size_t begin, struct why *why)
{
    assert(e->curve || e->value);
    float some[1024];
    bool ok = fseeko(a->file, (off_t)(a->data + begin), SEEK_SET) == 0;
    for (size_t done = 0; ok && done < e->count;) {
        size_t n = e->count - done < 1024 ? e->count - done : 1024;
        ok = fread(some, sizeof *some, n, a->file) == n;
        for (size_t i = 0; ok && i < n; i++) {
            if (e->curve) e->curve[done + i] = some[i];
            else e->value[done + i] = (real)some[i];
        }
        done += n;
    }
    return ok ? 0 : why_fail(why, -EIO, "%s: cannot read tensor \"%s\"; check the disk", a->path, e->name);
}

/* A tensor that the net lacks means another net; others' state and curves do no harm. */
static int check_all(const struct archive *a, const struct entry *list, int count, struct why *why)
{
    const char *name;
    json_t *tensor;
    json_object_foreach(a->header, name, tensor)
    {
        bool known = strcmp(name, "__metadata__") == 0 || strncmp(name, "optimizer.", 10) == 0 || strncmp(name, "history.", 8) == 0;
        for (int i = 0; !known && i < count; i++) known = strcmp(name, list[i].name) == 0;
        if (!known)
            return why_fail(why, -EINVAL, "%s: has a tensor \"%.80s\" that the net lacks; load it into the net it was made for", a->path,
                            name);
    }
    return 0;
}

/* ---- position ---------------------------------------------------------------------------------------------------------------------- */

#define WEIGHTS_ONLY "take another copy, or its weights only"

/* Digits alone. */
static bool read_count(const struct archive *a, const char *key, uint64_t high, uint64_t *value, struct why *why)
{
    const char *text = archive_text(a, key);
    char *end = NULL;
    errno = 0;
    *value = text ? strtoull(text, &end, 10) : 0;
    if (text && isdigit((unsigned char)*text) && *end == 0 && errno == 0 && *value <= high) return true;
    if (!text) why_fail(why, -EINVAL, "%s: half a position, \"%s\" is missing; " WEIGHTS_ONLY, a->path, key);
    else why_fail(why, -EINVAL, "%s: its %s is \"%.40s\", which no run has; " WEIGHTS_ONLY, a->path, key, text);
    return false;
}

/* From 0 to `high`; `high` NAN: any number, NaN included, as a loss may be. */
static bool read_number(const struct archive *a, const char *key, double high, double *value, struct why *why)
{
    const char *text = archive_text(a, key);
    char *end = NULL;
    *value = text ? strtod(text, &end) : 0;
    if (text && *text && !isspace((unsigned char)*text) && *end == 0 && (isnan(high) || (*value >= 0 && *value <= high))) return true;
    if (!text) why_fail(why, -EINVAL, "%s: half a position, \"%s\" is missing; " WEIGHTS_ONLY, a->path, key);
    else why_fail(why, -EINVAL, "%s: its %s is \"%.40s\", which no run has; " WEIGHTS_ONLY, a->path, key, text);
    return false;
}

static bool has_position(const struct archive *a)
{
    static const char *const keys[] = { "seed",         "epoch",  "step",    "running_seen",  "running_right",
                                        "running_loss", "images", "seconds", "best_test_acc", "data_sha256" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (archive_text(a, keys[i])) return true;
    const char *name;
    json_t *tensor;
    json_object_foreach(a->header, name, tensor) if (strncmp(name, "optimizer.", 10) == 0 || strncmp(name, "history.", 8) == 0) return true;
    return false;
}

/* epoch -1 where the file tells nothing of a run; half of it, or what no run has, is an error, not a start from the beginning. Counts that
 * no run reaches would overflow once it goes on. */
static int read_position(const struct archive *a, struct position *at, struct why *why)
{
    const uint64_t most_images = (uint64_t)MAX_EPOCHS * INT_MAX;
    const char *data = archive_text(a, "data_sha256");
    uint64_t epoch, step, seen, right, images;
    if (!has_position(a)) {
        at->epoch = -1;
        return 0;
    }
    if (!read_count(a, "seed", UINT64_MAX, &at->seed, why) || !read_count(a, "epoch", MAX_EPOCHS, &epoch, why) ||
        !read_count(a, "step", INT_MAX, &step, why) || !read_count(a, "running_seen", INT_MAX, &seen, why) ||
        !read_count(a, "running_right", seen, &right, why) || !read_count(a, "images", most_images, &images, why) ||
        !read_number(a, "running_loss", (double)NAN, &at->running.loss, why) || !read_number(a, "seconds", 1e12, &at->seconds, why) ||
        !read_number(a, "best_test_acc", 100, &at->best_test_acc, why))
        return -EINVAL;
    if (!data || strlen(data) >= sizeof at->data_sha256)
        return why_fail(why, -EINVAL, "%s: half a position, \"data_sha256\" is missing; " WEIGHTS_ONLY, a->path);
    snprintf(at->data_sha256, sizeof at->data_sha256, "%s", data);
    at->epoch = (int)epoch;
    at->step = (int)step;
    at->running.seen = (long)seen;
    at->running.right = (long)right;
    at->images = (long)images;
    return 0;
}

/* ---- loading ----------------------------------------------------------------------------------------------------------------------- */

/* Checks all of the list, then reads it. */
static int load_entries(struct archive *a, struct entry *list, int count, const struct position *at, struct why *why)
{
    assert(count >= 1);
    size_t *begin = calloc((size_t)count, sizeof *begin);
    if (!begin) return why_fail(why, -ENOMEM, "%s: no memory to load it; free some", a->path);
    int code = check_all(a, list, count, why);
    for (int i = 0; code == 0 && i < count; i++) {
        if (list[i].kind == ENTRY_WEIGHT) code = find(a, &list[i], &begin[i], why);
        else if (!at || at->epoch < 0) continue;
        else if (json_object_get(a->header, list[i].name)) code = find(a, &list[i], &begin[i], why);
        else
            code = why_fail(why, -EINVAL,
                            "%s: lacks \"%s\", without which its run cannot go on; resume by its own recipe, or take its weights only",
                            a->path, list[i].name);
    }
    for (int i = 0; code == 0 && i < count; i++)
        if (list[i].kind == ENTRY_WEIGHT || (at && at->epoch >= 0)) code = read_values(a, &list[i], begin[i], why);
    free(begin);
    return code;
}

int checkpoint_load(const char *path, struct plan *plan, struct position *at, struct why *why)
{
    assert(path);
    assert(plan);
    struct archive a;
    struct position read = { .metrics = at ? at->metrics : NULL };
    int code = archive_open(&a, path, why);
    if (code) return code;
    char wanted[4096];
    const char *net = archive_text(&a, "net");
    net_print(plan_net(plan), wanted, sizeof wanted);
    if (net && strcmp(net, wanted) != 0) code = why_fail(why, -EINVAL, "%s: made for another net; load it into \"%.300s\"", path, net);
    if (code == 0 && at) code = read_position(&a, &read, why);
    int count = 0;
    struct entry *list = code ? NULL : checkpoint_entries(plan, read.metrics, read.epoch, &count);
    if (list) code = load_entries(&a, list, count, at ? &read : NULL, why);
    else if (code == 0) code = why_fail(why, -ENOMEM, "%s: no memory to load it; free some", path);
    if (code == 0 && at) *at = read;
    if (code == 0 && why) *why = (struct why){ "" };
    if (code == 0 && !a.sealed) why_fail(why, 1, "%s: has no checksums, being older than they are: accepted as it is", path);
    free(list);
    archive_close(&a);
    return code;
}

static int load_text(const char *path, const char *key, char *text, size_t size, struct why *why)
{
    assert(path);
    assert(text);
    assert(size > 0);
    struct archive a;
    int code = archive_open(&a, path, why);
    if (code) return code;
    const char *value = archive_text(&a, key);
    if (!value || strlen(value) >= size) code = why_fail(why, -EINVAL, "%s: its metadata tell no %s; give the %s yourself", path, key, key);
    else snprintf(text, size, "%s", value);
    archive_close(&a);
    return code;
}

int checkpoint_net(const char *path, char *text, size_t size, struct why *why) { return load_text(path, "net", text, size, why); }

int checkpoint_recipe(const char *path, char *text, size_t size, struct why *why) { return load_text(path, "recipe", text, size, why); }
