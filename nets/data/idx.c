/* SPDX-License-Identifier: MIT
 * A damaged header must not ask for the machine's memory: sizes are checked first, and memory grows with the bytes that really come. */
#include "idx.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "source.h"

enum { IDX_MAX_SIDE = 1024, IDX_MAX_COUNT = 100 * 1000 * 1000 };
static const size_t IDX_MAX_BYTES = (size_t)1 << 33, IDX_FIRST_BYTES = (size_t)1 << 22;

static uint32_t big_endian(const uint8_t *b) { return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]; }

/* What a file that is not wanted is, as far as its first four bytes tell; "" where they tell nothing. */
static void name_kind(uint32_t magic, char *text, size_t size)
{
    static const struct {
        uint32_t code;
        const char *name;
    } types[] = { { 0x08, "unsigned bytes" },  { 0x09, "signed bytes" }, { 0x0b, "16-bit integers" },
                  { 0x0c, "32-bit integers" }, { 0x0d, "floats" },       { 0x0e, "doubles" } };
    text[0] = 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (magic >> 8 == types[i].code && (magic & 255) > 0)
            snprintf(text, size, "idx of %s in %u dimension%s", types[i].name, magic & 255, (magic & 255) > 1 ? "s" : "");
    if (magic == 0xfd377a58) snprintf(text, size, "xz data; end its name in .xz");
}

static int read_header(struct source *s, int rank, uint32_t *sizes, struct why *why)
{
    uint8_t header[16];
    char found[64];
    uint32_t want = 0x800u + (uint32_t)rank;
    const char *kind = rank == 3 ? "idx images" : "idx labels";
    int error = source_read(s, header, 4, kind, why);
    if (error) return error;
    uint32_t magic = big_endian(header);
    name_kind(magic, found, sizeof found);
    if (magic != want && *found)
        return why_fail(why, -EINVAL, "%s: %s; %s are idx of unsigned bytes in %d dimension%s: put such a file there", source_path(s),
                        found, rank == 3 ? "images" : "labels", rank, rank > 1 ? "s" : "");
    if (magic != want)
        return why_fail(why, -EINVAL, "%s: starts with 0x%08x, expected 0x%08x (%s): " SOURCE_WAY_OUT, source_path(s), magic, want, kind);
    error = source_read(s, header + 4, 4 * (size_t)rank, kind, why);
    for (int i = 0; i < rank && !error; i++) sizes[i] = big_endian(header + 4 + 4 * i);
    return error;
}

/* From nothing to `bytes`, twice as many each time; what there is by then is the caller's to free, on failure too. */
static int read_growing(struct source *s, size_t bytes, const char *what, uint8_t **body, struct why *why)
{
    int error = 0;
    for (size_t got = 0, room = 0; got < bytes && !error; got = room) {
        room = room ? 2 * room : IDX_FIRST_BYTES;
        if (room > bytes) room = bytes;
        uint8_t *more = realloc(*body, room);
        if (!more) return why_fail(why, -ENOMEM, "%s: no memory for %zu bytes (%s)", source_path(s), room, what);
        *body = more;
        error = source_read(s, more + got, room - got, what, why);
    }
    return error;
}

static int read_body(struct source *s, size_t bytes, const char *what, uint8_t **body, struct why *why)
{
    assert(bytes > 0);
    uint8_t *b = NULL;
    int error = source_fits(s, bytes, what, why);
    if (!error) error = read_growing(s, bytes, what, &b, why);
    if (!error) error = source_at_end(s, what, why);
    if (error) free(b);
    else *body = b;
    return error;
}

static int read_images(struct source *s, int *count, int *h, int *w, uint8_t **pixels, struct why *why)
{
    uint32_t n[3] = { 0 };
    char what[64];
    int error = read_header(s, 3, n, why);
    if (error) return error;
    snprintf(what, sizeof what, "%u images of %ux%u", n[0], n[1], n[2]);
    if ((*h && n[1] != (uint32_t)*h) || (*w && n[2] != (uint32_t)*w))
        return why_fail(why, -EINVAL, "%s: %s, expected %dx%d: " SOURCE_WAY_OUT, source_path(s), what, *h, *w);
    if (n[0] < 1 || n[0] > IDX_MAX_COUNT || n[1] < 1 || n[1] > IDX_MAX_SIDE || n[2] < 1 || n[2] > IDX_MAX_SIDE ||
        (size_t)n[0] * n[1] * n[2] > IDX_MAX_BYTES)
        return why_fail(why, -EINVAL, "%s: %s, expected 1 … %d images of 1x1 … %dx%d in at most %zu MiB: " SOURCE_WAY_OUT, source_path(s),
                        what, IDX_MAX_COUNT, IDX_MAX_SIDE, IDX_MAX_SIDE, IDX_MAX_BYTES >> 20);
    error = read_body(s, (size_t)n[0] * n[1] * n[2], what, pixels, why);
    if (error) return error;
    *count = (int)n[0];
    *h = (int)n[1];
    *w = (int)n[2];
    return 0;
}

int idx_read_images(const char *path, int *count, int *h, int *w, uint8_t **pixels, struct why *why)
{
    assert(count);
    assert(pixels);
    assert(*h >= 0);
    assert(*w >= 0);
    struct source *s;
    int error = source_open(&s, path, why);
    if (error) return error;
    error = read_images(s, count, h, w, pixels, why);
    source_close(s);
    return error;
}

int idx_read_labels(const char *path, int *count, uint8_t **labels, struct why *why)
{
    assert(count);
    assert(labels);
    struct source *s;
    uint32_t n = 0;
    char what[64];
    int error = source_open(&s, path, why);
    if (error) return error;
    error = read_header(s, 1, &n, why);
    snprintf(what, sizeof what, "%u labels", n);
    if (!error && (n < 1 || n > IDX_MAX_COUNT))
        error = why_fail(why, -EINVAL, "%s: %s, expected 1 … %d: " SOURCE_WAY_OUT, path, what, IDX_MAX_COUNT);
    if (!error) error = read_body(s, n, what, labels, why);
    if (!error) *count = (int)n;
    source_close(s);
    return error;
}
