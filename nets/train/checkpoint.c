/* SPDX-License-Identifier: MIT
 * Checkpoints, saving. safetensors are eight bytes with the header's length, a JSON header padded with spaces so that data starts on eight
 * bytes, then all tensors without gaps, float32 little-endian. A half-written file is never seen (whole_file.h). */
#include "checkpoint.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "../sha256.h"
#include "../whole_file.h"

enum { SLOTS = 2, CURVES = 4 };

static void add_tensor(struct entry *e, enum entry_kind kind, const struct tensor *t, int slot, real *value)
{
    assert(t->rank >= 1);
    assert(slot < SLOTS);
    *e = (struct entry){ .kind = kind, .rank = t->rank, .count = t->count, .value = value };
    memcpy(e->extent, t->extent, sizeof e->extent);
    if (kind == ENTRY_STATE) snprintf(e->name, sizeof e->name, "optimizer.%d.%s", slot, t->name);
    else snprintf(e->name, sizeof e->name, "%s", t->name);
}

struct entry *checkpoint_entries(const struct plan *plan, struct metrics *metrics, int epochs, int *count)
{
    assert(plan);
    assert(count);
    int tensors = plan_tensors(plan);
    struct entry *list = calloc((size_t)tensors * (1 + SLOTS) + CURVES, sizeof *list);
    if (!list) return NULL;
    *count = 0;
    for (int slot = -1; slot < SLOTS; slot++) {
        for (int i = 0; i < tensors; i++) {
            struct tensor t = plan_tensor(plan, i);
            real *state = slot < 0 ? NULL : plan_optimizer_slot(plan, slot, i);
            if (slot < 0) add_tensor(&list[(*count)++], ENTRY_WEIGHT, &t, slot, t.value);
            else if (state) add_tensor(&list[(*count)++], ENTRY_STATE, &t, slot, state);
        }
    }
    if (!metrics || epochs <= 0) return list;
    assert(epochs <= MAX_EPOCHS);
    const struct {
        const char *name;
        float *curve;
    } curves[CURVES] = {
        { "history.test_acc", metrics->test_acc_per_epoch },
        { "history.test_loss", metrics->test_loss_per_epoch },
        { "history.train_acc_running", metrics->train_acc_running_per_epoch },
        { "history.train_loss", metrics->train_loss_per_epoch },
    };
    for (int i = 0; i < CURVES; i++) {
        struct entry *e = &list[(*count)++];
        *e = (struct entry){ .kind = ENTRY_CURVE, .rank = 1, .extent = { epochs }, .count = (size_t)epochs, .curve = curves[i].curve };
        snprintf(e->name, sizeof e->name, "%s", curves[i].name);
    }
    return list;
}

/* ---- saving ------------------------------------------------------------------------------------------------------------------------ */

static void set_text(json_t *object, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void set_text(json_t *object, const char *key, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_object_set_new(object, key, json_string(text));
}

/* The next `n` values of an entry from `done` on as float32; they are copied because the double build's are wider. */
enum { SOME = 1024 };
static size_t some_values(const struct entry *e, size_t done, float some[SOME])
{
    assert(done < e->count);
    const size_t n = e->count - done < SOME ? e->count - done : SOME;
    for (size_t i = 0; i < n; i++) some[i] = e->curve ? e->curve[done + i] : (float)e->value[done + i];
    return n;
}

static void tensors_hash(const struct entry *list, int count, char hex[65])
{
    struct sha256_ctx context;
    float some[SOME];
    sha256_init(&context);
    for (int i = 0; i < count; i++)
        for (size_t done = 0, n; done < list[i].count; done += n) {
            n = some_values(&list[i], done, some);
            sha256_update(&context, n * sizeof *some, (const uint8_t *)some);
        }
    sha256_finish(&context, hex);
}

bool metadata_hash(const json_t *metadata, char hex[65])
{
    assert(metadata);
    char *text = json_dumps(metadata, JSON_COMPACT | JSON_SORT_KEYS);
    if (text) sha256_hex(&(struct sha256_part){ text, strlen(text) }, 1, hex);
    free(text);
    return text;
}

/* NULL: out of memory. */
static json_t *make_metadata(const struct plan *plan, const char *recipe, const struct position *at, const struct entry *list, int count)
{
    char net[4096], hex[65];
    json_t *m = json_object();
    set_text(m, "net", "%s", net_print(plan_net(plan), net, sizeof net));
    set_text(m, "recipe", "%s", recipe);
    set_text(m, "data_sha256", "%s", at->data_sha256);
    set_text(m, "seed", "%" PRIu64, at->seed);
    set_text(m, "epoch", "%d", at->epoch);
    set_text(m, "step", "%d", at->step);
    set_text(m, "running_seen", "%ld", at->running.seen);
    set_text(m, "running_right", "%ld", at->running.right);
    set_text(m, "running_loss", "%.17g", at->running.loss);
    set_text(m, "images", "%ld", at->images);
    set_text(m, "seconds", "%.17g", at->seconds);
    set_text(m, "best_test_acc", "%.17g", at->best_test_acc);
    tensors_hash(list, count, hex);
    set_text(m, TENSORS_KEY, "%s", hex);
    if (metadata_hash(m, hex)) {
        set_text(m, METADATA_KEY, "%s", hex);
        return m;
    }
    json_decref(m);
    return NULL;
}

/* The header's text, padded to eight bytes; the caller frees it. NULL when memory is out. Takes the metadata. */
static char *make_header(const struct entry *list, int count, json_t *metadata, size_t *bytes)
{
    if (!metadata) return NULL;
    json_t *header = json_object();
    json_object_set_new(header, "__metadata__", metadata);
    size_t offset = 0;
    for (int i = 0; i < count; i++) {
        json_t *shape = json_array();
        for (int d = 0; d < list[i].rank; d++) json_array_append_new(shape, json_integer(list[i].extent[d]));
        size_t end = offset + list[i].count * sizeof(float);
        json_object_set_new(
            header, list[i].name,
            json_pack("{s:s, s:o, s:[I,I]}", "dtype", "F32", "shape", shape, "data_offsets", (json_int_t)offset, (json_int_t)end));
        offset = end;
    }
    char *text = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    if (!text) return NULL;
    size_t length = strlen(text);
    *bytes = (length + 7) / 8 * 8;
    char *padded = realloc(text, *bytes + 1);
    if (!padded) {
        free(text);
        return NULL;
    }
    memset(padded + length, ' ', *bytes - length);
    return padded;
}

static bool write_values(FILE *file, const struct entry *e)
{
    float some[SOME];
    for (size_t done = 0, n; done < e->count; done += n) {
        n = some_values(e, done, some);
        if (fwrite(some, sizeof *some, n, file) != n) return false;
    }
    return true;
}

/* 0 or negative errno. */
static int write_file(const char *path, const struct entry *list, int count, const char *header, size_t header_bytes)
{
    struct whole_file w;
    const uint64_t length = header_bytes;
    int code = whole_open(&w, path, NULL);
    if (code) return code;
    bool ok = fwrite(&length, sizeof length, 1, w.file) == 1 && fwrite(header, 1, header_bytes, w.file) == header_bytes;
    for (int i = 0; ok && i < count; i++) ok = write_values(w.file, &list[i]);
    return whole_close(&w, NULL);
}

int checkpoint_save(const char *path, const struct plan *plan, const char *recipe, const struct position *at, struct why *why)
{
    assert(path);
    assert(plan);
    assert(recipe);
    assert(at);
    assert(at->epoch >= 0);
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode))
        return why_fail(why, -EINVAL, "%s: is there and not a regular file; save the checkpoint elsewhere", path);
    int count = 0;
    size_t header_bytes = 0;
    struct entry *list = checkpoint_entries(plan, at->metrics, at->epoch, &count);
    char *header = list ? make_header(list, count, make_metadata(plan, recipe, at, list, count), &header_bytes) : NULL;
    int code = header ? write_file(path, list, count, header, header_bytes) : -ENOMEM;
    free(header);
    free(list);
    return code ? why_fail(why, code, "%s: cannot save the checkpoint: %s; an older one there is untouched", path, strerror(-code)) : 0;
}
