/* SPDX-License-Identifier: MIT
 * Writing the committed form. Its lines carry no checksums: results/seals.txt holds a hash of each, and an old line stays as it is. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../../nets/sha256.h"
#include "../../nets/whole_file.h"
#include "committed.h"

enum { HASH_SIZE = 13, BLOCK = 1 << 16 };

struct compact {
    struct whole_file rows, curves, environments;
    char *environments_path;
    int lock; /* on environments.json: others of its folder write it, too */
    json_t *known;
    lzma_stream xz;
};

/* As tools/convgauge_report/rows.py writes it: nine digits where they hold the number. To be freed. */
static char *dump(const json_t *value, size_t flags)
{
    assert(value);
    char *text = json_dumps(value, flags | JSON_REAL_PRECISION(9));
    json_t *again = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    const bool same = again && json_equal(again, value);
    json_decref(again);
    if (same) return text;
    free(text);
    return json_dumps(value, flags | JSON_REAL_PRECISION(17));
}

/* The lock of the file of that name, made where it was not; -1 with errno. */
static int locked(const char *path)
{
    struct stat open_, there;
    for (int i = 0; i < OPEN_TRIES; i++) {
        int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0 || flock(fd, LOCK_EX)) return fd; /* file systems without locks go on without */
        if (fstat(fd, &open_) == 0 && stat(path, &there) == 0 && open_.st_ino == there.st_ino && open_.st_dev == there.st_dev) return fd;
        close(fd); /* replaced meanwhile */
    }
    return -1;
}

static int open_files(struct compact *c, const char *path, struct why *why)
{
    char *curves = path_beside(path, ".curves.jsonl.xz");
    c->environments_path = path_of_environments(path);
    if (!curves || !c->environments_path) {
        free(curves);
        return why_fail(why, -ENOMEM, "%s: out of memory", path);
    }
    c->lock = locked(c->environments_path);
    int status = c->lock < 0 ? why_fail(why, -errno, "%s: %s", c->environments_path, strerror(errno)) : 0;
    if (status == 0) c->known = environments_read(c->environments_path, why);
    if (status == 0 && !c->known) status = -EINVAL;
    if (status == 0) status = whole_open(&c->environments, c->environments_path, why);
    if (status == 0) status = whole_open(&c->curves, curves, why);
    if (status == 0) status = whole_open(&c->rows, path, why);
    if (status == 0 && lzma_easy_encoder(&c->xz, 9, LZMA_CHECK_CRC64) != LZMA_OK)
        status = why_fail(why, -ENOMEM, "%s: out of memory", curves);
    free(curves);
    return status;
}

int compact_open(struct compact **made, const char *path, struct why *why)
{
    assert(made);
    assert(path);
    struct compact *c = *made = calloc(1, sizeof *c);
    if (!c) return why_fail(why, -ENOMEM, "%s: out of memory", path);
    c->xz = (lzma_stream)LZMA_STREAM_INIT;
    int status = open_files(c, path, why);
    if (status) compact_drop(c);
    return status;
}

static bool put_xz(struct compact *c, const char *text, size_t size, lzma_action action)
{
    assert(c->curves.file);
    static uint8_t out[BLOCK];
    lzma_ret code = LZMA_OK;
    c->xz.next_in = (const uint8_t *)text;
    c->xz.avail_in = size;
    while (code == LZMA_OK && (action == LZMA_FINISH || c->xz.avail_in)) {
        c->xz.next_out = out;
        c->xz.avail_out = sizeof out;
        code = lzma_code(&c->xz, action);
        fwrite(out, 1, sizeof out - c->xz.avail_out, c->curves.file); /* what failed is asked when it is closed */
    }
    return code == LZMA_OK || code == LZMA_STREAM_END;
}

/* The value's name among the environments, which learn it; false: out of memory. */
static bool name_of(struct compact *c, struct text value, char name[HASH_SIZE])
{
    assert(value.at);
    char hex[65];
    json_t *shared = json_loadb(value.at, value.size, JSON_DECODE_ANY, NULL);
    char *text = shared ? dump(shared, JSON_SORT_KEYS | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) : NULL;
    if (text) {
        sha256_hex(&(struct sha256_part){ text, strlen(text) }, 1, hex);
        memcpy(name, hex, HASH_SIZE - 1);
        name[HASH_SIZE - 1] = 0;
    }
    const bool fine = text && json_object_set(c->known, name, shared) == 0;
    free(text);
    json_decref(shared);
    return fine;
}

int compact_add(struct compact *c, const char *text, size_t length, struct why *why)
{
    assert(c->rows.file);
    assert(text);
    char *made = NULL, name[HASH_SIZE];
    size_t size = 0;
    struct members *m = malloc(sizeof *m);
    FILE *curves = open_memstream(&made, &size), *rows = c->rows.file;
    bool fine = m && curves && !json_members(text, length, m), any = false;
    const struct text id = fine ? json_member(m, "id") : (struct text){ "", 0 };
    if (fine) fprintf(curves, "{\"id\":%.*s", (int)id.size, id.at);
    char before = '{';
    for (int i = 0; fine && i < m->count; i++) {
        const struct text key = m->list[i].key, value = m->list[i].value;
        const bool curve = is_curve(key);
        any |= curve;
        if (text_is(key, "crc32")) continue;
        fprintf(curve ? curves : rows, "%c\"%.*s\":", curve ? ',' : before, (int)key.size, key.at);
        if (!curve) before = ',';
        if (is_shared(key) && (fine = name_of(c, value, name))) fprintf(rows, "\"%s\"", name);
        else fwrite(value.at, 1, value.size, curve ? curves : rows);
    }
    fputs("}\n", rows);
    if (curves) {
        fputs("}\n", curves);
        fine = fclose(curves) == 0 && fine;
    }
    if (fine && any) fine = put_xz(c, made, size, LZMA_RUN);
    free(made);
    free(m);
    return fine ? 0 : why_fail(why, -ENOMEM, "out of memory for a row");
}

static int place(struct whole_file *w, struct why *why)
{
    if (!whole_unchanged(w)) return whole_close(w, why);
    whole_drop(w);
    return 0;
}

/* Rows come last: killed between two of them, old rows still find all that is theirs. */
int compact_close(struct compact *c, struct why *why)
{
    assert(c->known);
    assert(c->environments.file);
    char *text = dump(c->known, JSON_INDENT(1) | JSON_SORT_KEYS);
    int status = text && put_xz(c, NULL, 0, LZMA_FINISH) ? 0 : why_fail(why, -ENOMEM, "out of memory");
    if (status == 0) fprintf(c->environments.file, "%s\n", text);
    free(text);
    if (status == 0) status = place(&c->environments, why);
    if (status == 0) status = place(&c->curves, why);
    if (status == 0) status = place(&c->rows, why);
    compact_drop(c);
    return status;
}

void compact_drop(struct compact *c)
{
    assert(c);
    struct stat is;
    whole_drop(&c->rows);
    whole_drop(&c->curves);
    whole_drop(&c->environments);
    if (c->lock >= 0) {
        if (c->environments_path && fstat(c->lock, &is) == 0 && is.st_nlink && is.st_size == 0) unlink(c->environments_path); /* ours */
        close(c->lock);
    }
    lzma_end(&c->xz);
    json_decref(c->known);
    free(c->environments_path);
    free(c);
}
