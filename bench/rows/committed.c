/* SPDX-License-Identifier: MIT */
#include "committed.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "spool.h"

bool is_curve(struct text key)
{
    static const char *const keys[] = { "test_acc_per_epoch",   "test_loss_per_epoch", "train_acc_running_per_epoch",
                                        "train_loss_per_epoch", "signal_rms",          "signal_std",
                                        "gradient_check",       "not_finite" }; /* as long as a run or a net: most of what rows hold */
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (text_is(key, keys[i])) return true;
    return false;
}

bool is_shared(struct text key) { return text_is(key, "env") || text_is(key, "data_sha256") || text_is(key, "numerics"); }

/* ---- what is where */

char *path_beside(const char *path, const char *ending)
{
    assert(path);
    assert(ending);
    static const char *const own[] = { ".jsonl.xz", ".jsonl" };
    size_t size = strlen(path);
    for (size_t i = 0; i < 2; i++)
        if (size > strlen(own[i]) && strcmp(path + size - strlen(own[i]), own[i]) == 0) size -= strlen(own[i]);
    char *beside;
    return asprintf(&beside, "%.*s%s", (int)size, path, ending) < 0 ? NULL : beside;
}

char *path_of_environments(const char *path)
{
    assert(path);
    const char *slash = strrchr(path, '/');
    char *beside;
    return asprintf(&beside, "%.*senvironments.json", slash ? (int)(slash - path) + 1 : 0, path) < 0 ? NULL : beside;
}

json_t *environments_read(const char *path, struct why *why)
{
    assert(path);
    json_error_t error;
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT) return json_object();
    const int first = file ? getc(file) : EOF;
    if (file && first == EOF && !ferror(file)) { /* made for its lock by a merge that was killed */
        fclose(file);
        return json_object();
    }
    json_t *read = file && ungetc(first, file) == first ? json_loadf(file, 0, &error) : NULL;
    if (!file) why_fail(why, -errno, "%s: %s", path, strerror(errno));
    else if (!json_is_object(read)) why_fail(why, -EINVAL, "%s: no JSON object; restore it from git", path);
    if (file) fclose(file);
    if (json_is_object(read)) return read;
    json_decref(read);
    return NULL;
}

/* ---- curves */

static int by_id(const void *a, const void *b) { return strcmp(((const struct curve *)a)->id, ((const struct curve *)b)->id); }

static int add_curve(struct beside *b, const struct row_lines *l, struct text id, struct why *why)
{
    assert(id.size < ID_SIZE);
    assert(b->count <= b->room);
    if (b->count == b->room) {
        b->room = b->room ? 2 * b->room : 256;
        struct curve *list = realloc(b->curves, b->room * sizeof *list);
        if (!list) return why_fail(why, -ENOMEM, "%s: out of memory", l->path);
        b->curves = list;
    }
    struct curve *c = &b->curves[b->count++];
    *c = (struct curve){ .begin = l->begin, .length = l->length };
    memcpy(c->id, id.at, id.size);
    return 0;
}

static int read_curves(struct beside *b, const char *path, void (*refused)(void *, const char *, int, const char *), struct why *why)
{
    assert(b->file);
    assert(refused);
    struct row_lines *l = calloc(1, sizeof *l);
    if (!l) return why_fail(why, -ENOMEM, "%s: out of memory", path);
    l->refused = refused;
    int status = row_lines_open(l, path, b->file, why);
    while (status == 0 && (status = row_lines_next(l, why)) == 1) {
        const struct text id = json_text_string(json_member(&l->members, "id"));
        status = 0;
        if (id.at && id.size < ID_SIZE) status = add_curve(b, l, id, why);
        else refused(NULL, path, l->number, "no curves: it has no id");
    }
    l->file = NULL;
    row_lines_close(l);
    free(l);
    if (b->count) qsort(b->curves, b->count, sizeof *b->curves, by_id);
    return status;
}

int beside_open(struct beside *b, const char *path, void (*refused)(void *, const char *, int, const char *), struct why *why)
{
    assert(b);
    assert(path);
    *b = (struct beside){ .count = 0 };
    char *environments = path_of_environments(path), *curves = path_beside(path, ".curves.jsonl.xz");
    int status = environments && curves ? 0 : why_fail(why, -ENOMEM, "%s: out of memory", path);
    if (status == 0 && access(environments, F_OK) == 0 && !(b->environments = environments_read(environments, why))) status = -EINVAL;
    if (status == 0 && access(curves, F_OK) == 0) {
        status = spool_open(&b->file, curves, why);
        if (status == 0) status = read_curves(b, curves, refused, why);
    }
    free(environments);
    free(curves);
    if (status) beside_close(b);
    return status;
}

void beside_close(struct beside *b)
{
    json_decref(b->environments);
    if (b->file) fclose(b->file);
    free(b->curves);
    *b = (struct beside){ .count = 0 };
}

/* ---- whole again */

/* The members of the line of curves that the row has not, after a comma each. */
static bool put_curves(const struct beside *b, const struct members *row, FILE *out)
{
    const struct text id = json_text_string(json_member(row, "id"));
    struct curve wanted = { .begin = 0 };
    if (!b->count || !id.at || id.size >= ID_SIZE) return true;
    memcpy(wanted.id, id.at, id.size);
    const struct curve *c = bsearch(&wanted, b->curves, b->count, sizeof wanted, by_id);
    if (!c) return true;
    struct members *m = malloc(sizeof *m);
    char *line = malloc(c->length + 1);
    bool fine = m && line && pread(fileno(b->file), line, c->length, c->begin) == (ssize_t)c->length && !json_members(line, c->length, m);
    for (int i = 0; fine && i < m->count; i++) {
        const struct member *curve = &m->list[i];
        bool there = text_is(curve->key, "id") || text_is(curve->key, "crc32");
        for (int k = 0; k < row->count && !there; k++)
            there = row->list[k].key.size == curve->key.size && memcmp(row->list[k].key.at, curve->key.at, curve->key.size) == 0;
        if (!there) fprintf(out, ",\"%.*s\":%.*s", (int)curve->key.size, curve->key.at, (int)curve->value.size, curve->value.at);
    }
    free(m);
    free(line);
    return fine;
}

static bool put_row(const struct beside *b, const struct members *m, FILE *out)
{
    char name[32];
    for (int i = 0; i < m->count; i++) {
        const struct text key = m->list[i].key, value = m->list[i].value, hash = json_text_string(value);
        char *text = NULL;
        if (text_is(key, "crc32")) continue;
        if (b->environments && is_shared(key) && hash.at && hash.size < sizeof name) {
            snprintf(name, sizeof name, "%.*s", (int)hash.size, hash.at);
            const json_t *environment = json_object_get(b->environments, name);
            text = environment ? json_dumps(environment, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
        }
        fprintf(out, "%c\"%.*s\":", i ? ',' : '{', (int)key.size, key.at);
        if (text) fputs(text, out);
        else fwrite(value.at, 1, value.size, out);
        free(text);
    }
    const bool fine = put_curves(b, m, out);
    fputc('}', out);
    return fine;
}

/* Has the row anything to be made whole? */
static bool is_compact(const struct beside *b, const struct members *m)
{
    struct curve wanted = { .begin = 0 };
    for (int i = 0; i < m->count && b->environments; i++) {
        const struct text hash = json_text_string(m->list[i].value);
        if (is_shared(m->list[i].key) && hash.at && hash.size < 32) return true;
    }
    const struct text id = json_text_string(json_member(m, "id"));
    if (!b->count || !id.at || id.size >= ID_SIZE) return false;
    memcpy(wanted.id, id.at, id.size);
    return bsearch(&wanted, b->curves, b->count, sizeof wanted, by_id);
}

char *beside_whole(const struct beside *b, const char *text, size_t length, size_t *whole, struct why *why)
{
    assert(text);
    assert(whole);
    char *line = NULL, *made = NULL;
    size_t size = 0;
    struct members *m = b->environments || b->count ? malloc(sizeof *m) : NULL;
    const bool compact = m && !json_members(text, length, m) && is_compact(b, m);
    if (!compact) {
        line = malloc(length + 1);
        if (line) memcpy(line, text, length), line[length] = '\n';
        *whole = length + 1;
    } else {
        FILE *out = open_memstream(&made, &size);
        const bool fine = out && put_row(b, m, out) && !ferror(out);
        if (out && fclose(out) == 0 && fine) line = row_line_of(made, size, whole);
        free(made);
    }
    free(m);
    if (!line) why_fail(why, -ENOMEM, "a row could not be made whole: out of memory, or its file was changed meanwhile");
    return line;
}
