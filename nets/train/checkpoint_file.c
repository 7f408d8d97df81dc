/* SPDX-License-Identifier: MIT
 * A safetensors file, checked before anything is taken from it. It is untrusted until checked: header, types, shapes
 * and offsets must be what the format's reference reader (safetensors' Metadata::validate) takes, tensors one after another without
 * holes from the first byte of the data to the last, and checksums must hold. */
#include "checkpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../sha256.h"

enum { HEADER_MOST = 8 << 20 }; /* bytes; a net of 256 layers has some 100 KB, and the format's own limit of 100 MB takes jansson 10 GB */

#define COPY "take another copy"

/* ---- the header */

static int read_header(struct archive *a, size_t size, struct why *why)
{
    uint64_t length;
    int first;
    if (size < 9 || fread(&length, sizeof length, 1, a->file) != 1 || (first = getc(a->file)) == EOF)
        return why_fail(why, -EINVAL, "%s: %zu bytes are too few for a safetensors file; it was cut off, " COPY, a->path, size);
    if (first != '{' || length < 2)
        return why_fail(why, -EINVAL, "%s: not a safetensors file; give one that was made by --save or by safetensors", a->path);
    if (length > size - 8)
        return why_fail(why, -EINVAL, "%s: cut off in its header (%zu bytes of %" PRIu64 "); " COPY, a->path, size - 8, length);
    if (length > HEADER_MOST)
        return why_fail(why, -EINVAL, "%s: a header of %" PRIu64 " bytes; at most %d MiB are read: give a file of this net alone", a->path,
                        length, HEADER_MOST >> 20);
    char *text = malloc(length);
    if (!text) return why_fail(why, -ENOMEM, "%s: no memory for a header of %" PRIu64 " bytes; free some", a->path, length);
    text[0] = (char)first;
    bool read = fread(text + 1, 1, length - 1, a->file) == length - 1;
    json_error_t error;
    a->header = read ? json_loadb(text, length, JSON_REJECT_DUPLICATES, &error) : NULL;
    free(text);
    if (!json_is_object(a->header))
        return why_fail(why, -EINVAL, "%s: its header is %s; " COPY, a->path, read ? "not a JSON object" : "not readable");
    a->data = 8 + length;
    a->data_bytes = size - a->data;
    return 0;
}

const char *archive_text(const struct archive *a, const char *key)
{
    assert(a->header);
    assert(key);
    return json_string_value(json_object_get(json_object_get(a->header, "__metadata__"), key));
}

static int check_metadata(const struct archive *a, struct why *why)
{
    json_t *metadata = json_object_get(a->header, "__metadata__"), *value;
    const char *key;
    if (metadata && !json_is_object(metadata)) return why_fail(why, -EINVAL, "%s: its metadata are no object; " COPY, a->path);
    json_object_foreach(metadata, key, value) if (!json_is_string(value)) return why_fail(
        why, -EINVAL, "%s: its metadata's \"%.80s\" is no text; " COPY, a->path, key);
    return 0;
}

/* ---- the layout */

struct extent {
    const char *name;
    uint64_t begin, end;
};

static const struct {
    const char *name;
    unsigned bytes;
} types[] = { { "F32", 4 },     { "F64", 8 },     { "F16", 2 },     { "BF16", 2 }, { "I64", 8 }, { "I32", 4 },
              { "I16", 2 },     { "I8", 1 },      { "U64", 8 },     { "U32", 4 },  { "U16", 2 }, { "U8", 1 },
              { "F8_E5M2", 1 }, { "F8_E4M3", 1 }, { "F8_E8M0", 1 }, { "C64", 8 },  { "BOOL", 1 } };

/* A whole number not below 0. */
static bool count_of(const json_t *value, uint64_t *count)
{
    *count = (uint64_t)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

/* The bytes that type and shape ask for; false where there is no such thing, or past what 64 bits hold. */
static bool bytes_of(const json_t *tensor, uint64_t *bytes)
{
    const char *type = json_string_value(json_object_get(tensor, "dtype"));
    const json_t *shape = json_object_get(tensor, "shape");
    *bytes = 0;
    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, type) == 0) *bytes = types[i].bytes;
    if (*bytes == 0 || !json_is_array(shape)) return false;
    for (size_t i = 0; i < json_array_size(shape); i++) {
        uint64_t extent;
        if (!count_of(json_array_get(shape, i), &extent) || __builtin_mul_overflow(*bytes, extent, bytes)) return false;
    }
    return true;
}

static int read_extent(const struct archive *a, const char *name, const json_t *tensor, struct extent *e, struct why *why)
{
    const json_t *offsets = json_object_get(tensor, "data_offsets");
    uint64_t bytes;
    e->name = name;
    if (!json_is_object(tensor)) return why_fail(why, -EINVAL, "%s: tensor \"%.80s\" is no object; " COPY, a->path, name);
    if (!bytes_of(tensor, &bytes))
        return why_fail(why, -EINVAL, "%s: tensor \"%.80s\" has a type or shape that there is not; " COPY, a->path, name);
    if (json_array_size(offsets) != 2 || !count_of(json_array_get(offsets, 0), &e->begin) ||
        !count_of(json_array_get(offsets, 1), &e->end) || e->end < e->begin || e->end - e->begin != bytes)
        return why_fail(why, -EINVAL, "%s: tensor \"%.80s\" has offsets that do not fit its shape; " COPY, a->path, name);
    return 0;
}

static int by_begin(const void *x, const void *y)
{
    const struct extent *a = x, *b = y;
    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

/* One after another, from the first byte of the data to the last. */
static int check_order(const struct archive *a, struct extent *list, size_t count, struct why *why)
{
    uint64_t end = 0;
    qsort(list, count, sizeof *list, by_begin);
    for (size_t i = 0; i < count; end = list[i++].end) {
        if (list[i].begin != end)
            return why_fail(why, -EINVAL, "%s: tensor \"%.80s\" begins at byte %" PRIu64 " of the data, not at %" PRIu64 "; " COPY, a->path,
                            list[i].name, list[i].begin, end);
        if (list[i].end > a->data_bytes)
            return why_fail(why, -EINVAL, "%s: cut off in tensor \"%.80s\" (%zu bytes of %" PRIu64 "); " COPY, a->path, list[i].name,
                            a->data_bytes, list[i].end);
    }
    return end == a->data_bytes
               ? 0
               : why_fail(why, -EINVAL, "%s: %" PRIu64 " bytes follow its last tensor; " COPY, a->path, (uint64_t)a->data_bytes - end);
}

static int check_layout(struct archive *a, struct why *why)
{
    const char *name;
    json_t *tensor;
    size_t count = 0;
    struct extent *list = malloc((json_object_size(a->header) + 1) * sizeof *list);
    int code = list ? 0 : why_fail(why, -ENOMEM, "%s: no memory to load it; free some", a->path);
    json_object_foreach(a->header, name, tensor) if (code == 0 && strcmp(name, "__metadata__") != 0) code =
        read_extent(a, name, tensor, &list[count++], why);
    if (code == 0) code = check_order(a, list, count, why);
    a->tensors = (int)count;
    free(list);
    return code;
}

/* ---- checksums */

static int check_sums(struct archive *a, struct why *why)
{
    const char *tensors = archive_text(a, TENSORS_KEY), *metadata = archive_text(a, METADATA_KEY);
    char hex[65];
    a->sealed = tensors && metadata;
    if (!tensors && !metadata) return 0;
    if (!a->sealed) return why_fail(why, -EINVAL, "%s: has one of its two checksums alone; " COPY, a->path);
    json_t *others = json_copy(json_object_get(a->header, "__metadata__"));
    if (others) json_object_del(others, METADATA_KEY);
    const bool hashed = others && metadata_hash(others, hex);
    json_decref(others);
    if (!hashed) return why_fail(why, -ENOMEM, "%s: no memory to load it; free some", a->path);
    if (strcmp(hex, metadata) != 0) return why_fail(why, -EINVAL, "%s: its metadata were changed since it was saved; " COPY, a->path);
    if (fseeko(a->file, (off_t)a->data, SEEK_SET) || !sha256_file(a->file, hex))
        return why_fail(why, -EIO, "%s: cannot be read; check the disk", a->path);
    if (strcmp(hex, tensors) != 0) return why_fail(why, -EINVAL, "%s: its tensors were changed since it was saved; " COPY, a->path);
    return 0;
}

void archive_close(struct archive *a)
{
    json_decref(a->header);
    if (a->file) fclose(a->file);
    *a = (struct archive){ .file = NULL };
}

int archive_open(struct archive *a, const char *path, struct why *why)
{
    struct stat is;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO without a writer would be waited for */
    *a = (struct archive){ .path = path };
    if (fd < 0) return why_fail(why, -errno, "%s: cannot open the checkpoint: %s; name a file that --save wrote", path, strerror(errno));
    int code = fstat(fd, &is) ? why_fail(why, -errno, "%s: cannot tell its size: %s", path, strerror(errno)) : 0;
    if (code == 0 && !S_ISREG(is.st_mode)) code = why_fail(why, -EINVAL, "%s: not a regular file; give a safetensors file", path);
    if (code == 0 && !(a->file = fdopen(fd, "rb"))) code = why_fail(why, -ENOMEM, "%s: no memory to load it; free some", path);
    if (!a->file) close(fd);
    code = code ? code : read_header(a, (size_t)is.st_size, why);
    code = code ? code : check_metadata(a, why);
    code = code ? code : check_layout(a, why);
    code = code ? code : check_sums(a, why);
    if (code) archive_close(a);
    return code;
}

int checkpoint_check(const char *path, int *tensors, bool *sealed, struct why *why)
{
    assert(path);
    assert(tensors);
    assert(sealed);
    struct archive a;
    int code = archive_open(&a, path, why);
    if (code) return code;
    *tensors = a.tensors;
    *sealed = a.sealed;
    archive_close(&a);
    return 0;
}
