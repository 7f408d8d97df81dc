/* SPDX-License-Identifier: MIT
 * Checkpoints, loading. The file is somebody else's until proven otherwise: every length, type, shape and offset is checked against the
 * file's size and the net before a byte of the plan changes, and each refusal names the file, the tensor and the way out. */
#include "checkpoint.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct archive {
    const char *path;
    FILE *file;
    json_t *header;
    size_t data, data_bytes; /* where tensors start in the file, and how many bytes follow */
};

enum { MAX_HEADER = 100000000 }; /* the format's own limit */

/* ---- the file ---------------------------------------------------------------------------------------------------------------------- */

static int read_header(struct archive *a, size_t size, struct why *why)
{
    uint64_t length;
    int first;
    if (size < 9 || fread(&length, sizeof length, 1, a->file) != 1 || (first = getc(a->file)) == EOF)
        return why_fail(why, -EINVAL, "%s: %zu bytes are too few for a safetensors file; it was cut off, take another copy", a->path, size);
    if (first != '{' || length < 2 || length > MAX_HEADER)
        return why_fail(why, -EINVAL, "%s: not a safetensors file; give one that was made by --save or by safetensors", a->path);
    if (length > size - 8)
        return why_fail(why, -EINVAL, "%s: cut off in its header (%zu bytes of %" PRIu64 "); take another copy", a->path, size - 8, length);
    char *text = malloc(length);
    if (!text) return why_fail(why, -ENOMEM, "%s: no memory for a header of %" PRIu64 " bytes; free some", a->path, length);
    text[0] = (char)first;
    bool read = fread(text + 1, 1, length - 1, a->file) == length - 1;
    json_error_t error;
    a->header = read ? json_loadb(text, length, JSON_REJECT_DUPLICATES, &error) : NULL;
    free(text);
    if (!json_is_object(a->header))
        return why_fail(why, -EINVAL, "%s: its header is %s; take another copy", a->path, read ? "not a JSON object" : "not readable");
    a->data = 8 + length;
    a->data_bytes = size - a->data;
    return 0;
}

static void archive_close(struct archive *a)
{
    json_decref(a->header);
    if (a->file) fclose(a->file);
}

/* Closed again where it fails. */
static int archive_open(struct archive *a, const char *path, struct why *why)
{
    struct stat stat;
    *a = (struct archive){ .path = path, .file = fopen(path, "rb") };
    if (!a->file) return why_fail(why, -errno, "%s: cannot open the checkpoint: %s; name a file that --save wrote", path, strerror(errno));
    int code = fstat(fileno(a->file), &stat) != 0 ? -errno : 0;
    if (code) why_fail(why, code, "%s: cannot tell its size: %s", path, strerror(-code));
    else if (!S_ISREG(stat.st_mode)) code = why_fail(why, -EINVAL, "%s: not a regular file; give a safetensors file", path);
    else code = read_header(a, (size_t)stat.st_size, why);
    if (code) archive_close(a);
    return code;
}

/* A text of the file's metadata, or NULL. */
static const char *metadata(const struct archive *a, const char *key)
{
    return json_string_value(json_object_get(json_object_get(a->header, "__metadata__"), key));
}

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

/* Where entry e's bytes start among the data; check_all has been here. */
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
    json_int_t from = json_integer_value(json_array_get(offsets, 0)), to = json_integer_value(json_array_get(offsets, 1));
    if (from < 0 || to < from || (size_t)(to - from) != e->count * sizeof(float))
        return why_fail(why, -EINVAL, "%s: tensor \"%s\" has offsets that do not fit its shape; take another copy", a->path, e->name);
    *begin = (size_t)from;
    return 0;
}

static int read_values(struct archive *a, const struct entry *e, size_t begin, struct why *why)
{
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

/* Every tensor of the file lies inside it, wanted or not. One that the net lacks means another net; others' state and curves do no harm. */
static int check_all(const struct archive *a, const struct entry *list, int count, struct why *why)
{
    const char *name;
    json_t *tensor;
    json_object_foreach(a->header, name, tensor)
    {
        json_int_t end = json_integer_value(json_array_get(json_object_get(tensor, "data_offsets"), 1));
        if (end > 0 && (size_t)end > a->data_bytes)
            return why_fail(why, -EINVAL, "%s: cut off in tensor \"%.80s\" (%zu bytes of %" JSON_INTEGER_FORMAT "); take another copy",
                            a->path, name, a->data_bytes, end);
        bool known = strcmp(name, "__metadata__") == 0 || strncmp(name, "optimizer.", 10) == 0 || strncmp(name, "history.", 8) == 0;
        for (int i = 0; !known && i < count; i++) known = strcmp(name, list[i].name) == 0;
        if (!known)
            return why_fail(why, -EINVAL, "%s: has a tensor \"%.80s\" that the net lacks; load it into the net it was made for", a->path,
                            name);
    }
    return 0;
}

/* ---- position ---------------------------------------------------------------------------------------------------------------------- */

static bool read_count(const struct archive *a, const char *key, long high, long *value)
{
    const char *text = metadata(a, key);
    char *end;
    errno = 0;
    *value = text ? strtol(text, &end, 10) : -1;
    return text && end != text && *end == 0 && errno == 0 && *value >= 0 && *value <= high;
}

static bool read_number(const struct archive *a, const char *key, double *value)
{
    const char *text = metadata(a, key);
    char *end;
    *value = text ? strtod(text, &end) : 0;
    return text && end != text && *end == 0;
}

/* False: the file tells no position, or half of one. Losses may be NaN. Counts that no run reaches would overflow once it goes on. */
static bool read_position(const struct archive *a, struct position *at)
{
    const char *seed = metadata(a, "seed"), *data = metadata(a, "data_sha256");
    const long most_images = (long)MAX_EPOCHS * INT_MAX;
    long epoch, step;
    if (!seed || !data || strlen(data) >= sizeof at->data_sha256) return false;
    at->seed = strtoull(seed, NULL, 10);
    snprintf(at->data_sha256, sizeof at->data_sha256, "%s", data);
    if (!read_count(a, "epoch", MAX_EPOCHS, &epoch) || !read_count(a, "step", INT_MAX, &step) ||
        !read_count(a, "running_seen", INT_MAX, &at->running.seen) ||
        !read_count(a, "running_right", at->running.seen, &at->running.right) || !read_count(a, "images", most_images, &at->images) ||
        !read_number(a, "running_loss", &at->running.loss) || !read_number(a, "seconds", &at->seconds) ||
        !read_number(a, "best_test_acc", &at->best_test_acc))
        return false;
    at->epoch = (int)epoch;
    at->step = (int)step;
    return true;
}

/* ---- loading ----------------------------------------------------------------------------------------------------------------------- */

/* Checks all of the list, then reads it. What is not a weight and not there turns a resumption into a start from weights (at->epoch -1). */
static int load_entries(struct archive *a, struct entry *list, int count, struct position *at, struct why *why)
{
    size_t *begin = calloc((size_t)count, sizeof *begin);
    if (!begin) return why_fail(why, -ENOMEM, "%s: no memory to load it; free some", a->path);
    int code = check_all(a, list, count, why);
    for (int i = 0; code == 0 && i < count; i++) {
        bool needed = list[i].kind == ENTRY_WEIGHT || (at && at->epoch >= 0);
        if (list[i].kind != ENTRY_WEIGHT && at && !json_object_get(a->header, list[i].name)) at->epoch = -1;
        else if (needed) code = find(a, &list[i], &begin[i], why);
    }
    for (int i = 0; code == 0 && i < count; i++)
        if (list[i].kind == ENTRY_WEIGHT || (at && at->epoch >= 0)) code = read_values(a, &list[i], begin[i], why);
    free(begin);
    return code;
}

int checkpoint_load(const char *path, struct plan *plan, struct position *at, struct why *why)
{
    assert(path && plan);
    struct archive a;
    struct metrics *metrics = at ? at->metrics : NULL;
    int code = archive_open(&a, path, why);
    if (code) return code;
    char wanted[4096];
    const char *net = metadata(&a, "net");
    net_print(plan_net(plan), wanted, sizeof wanted);
    if (net && strcmp(net, wanted) != 0) code = why_fail(why, -EINVAL, "%s: made for another net; load it into \"%.300s\"", path, net);
    if (at && !read_position(&a, at)) *at = (struct position){ .epoch = -1, .metrics = metrics };
    int count = 0;
    struct entry *list = code ? NULL : checkpoint_entries(plan, metrics, at ? at->epoch : 0, &count);
    if (list) code = load_entries(&a, list, count, at, why);
    else if (code == 0) code = why_fail(why, -ENOMEM, "%s: no memory to load it; free some", path);
    free(list);
    archive_close(&a);
    return code;
}

static int load_text(const char *path, const char *key, char *text, size_t size, struct why *why)
{
    assert(path && text && size > 0);
    struct archive a;
    int code = archive_open(&a, path, why);
    if (code) return code;
    const char *value = metadata(&a, key);
    if (!value || strlen(value) >= size) code = why_fail(why, -EINVAL, "%s: its metadata tell no %s; give the %s yourself", path, key, key);
    else snprintf(text, size, "%s", value);
    archive_close(&a);
    return code;
}

int checkpoint_net(const char *path, char *text, size_t size, struct why *why) { return load_text(path, "net", text, size, why); }

int checkpoint_recipe(const char *path, char *text, size_t size, struct why *why) { return load_text(path, "recipe", text, size, why); }
