/* SPDX-License-Identifier: MIT
 * Files are read one after another, by the reader of the programs themselves, and what the programs would leave out is left out here. */
#include "entries.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../record/cli.h"
#include "spool.h"

static const char *const agreed[AGREED] = { "weights_sha256", "test_acc", "train_acc", "test_loss" };

static void refused(void *context, const char *path, int number, const char *words)
{
    (void)context;
    warn("%s:%d: %s; left out", path, number, words);
}

/* ---- one row */

/* 0: null or missing. Numbers by value, all else by its text. */
static uint64_t content(struct text value)
{
    const double number = json_text_number(value);
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    if (!value.at || text_is(value, "null")) return 0;
    if (!isnan(number)) memcpy(&hash, &number, sizeof hash);
    else
        for (size_t i = 0; i < value.size; i++) hash = (hash ^ (unsigned char)value.at[i]) * 1099511628211u;
    return hash | 1;
}

static double number_or_zero(const struct members *m, const char *key)
{
    const double number = json_text_number(json_member(m, key));
    return isnan(number) ? 0 : number;
}

static const char *name(struct merging *g, const struct members *m, const char *key)
{
    const struct text text = json_text_string(json_member(m, key));
    return names_keep(&g->names, text.at ? text : (struct text){ "", 0 });
}

static int add(struct merging *g, const struct row_lines *l, struct why *why)
{
    assert(g->count <= g->room);
    const struct members *m = &l->members;
    const struct text id = json_text_string(json_member(m, "id"));
    if (!id.at || id.size == 0 || id.size >= ID_SIZE || !json_text_string(json_member(m, "net")).at) {
        refused(NULL, l->path, l->number, "no row: it has no id and net");
        return 0;
    }
    if (g->count == g->room) {
        g->room = g->room ? 2 * g->room : 1024;
        struct entry *list = realloc(g->list, g->room * sizeof *list);
        if (!list) return why_fail(why, -ENOMEM, "out of memory for %zu rows", g->room);
        g->list = list;
    }
    struct entry *e = &g->list[g->count++];
    *e = (struct entry){ .file = g->source_count,
                         .begin = l->begin,
                         .length = l->length,
                         .study = name(g, m, "study"),
                         .kind = name(g, m, "kind"),
                         .data = name(g, m, "data"),
                         .cell = name(g, m, "cell"),
                         .arm = name(g, m, "arm"),
                         .seed = number_or_zero(m, "seed"),
                         .threads = number_or_zero(m, "threads") };
    memcpy(e->id, id.at, id.size);
    if (!e->study || !e->kind || !e->data || !e->cell || !e->arm) return why_fail(why, -ENOMEM, "out of memory for %zu rows", g->count);
    e->timing = strcmp(e->kind, "timing") == 0;
    for (int i = 0; i < AGREED; i++) e->agreed[i] = content(json_member(m, agreed[i]));
    return 0;
}

/* ---- files */

static bool is_xz(const char *path)
{
    const size_t size = strlen(path);
    return size > 3 && strcmp(path + size - 3, ".xz") == 0;
}

static int read_one(struct merging *g, struct source *s, struct row_lines *l, struct why *why)
{
    assert(s->path);
    assert(!s->file);
    struct stat is;
    int status = spool_open(&s->file, s->path, why);
    if (status) return status;
    if (fstat(fileno(s->file), &is) == 0) s->device = is.st_dev, s->inode = is.st_ino;
    status = beside_open(&s->beside, s->path, refused, why);
    if (status == 0) status = row_lines_open(l, s->path, s->file, why);
    while (status == 0 && (status = row_lines_next(l, why)) == 1) status = add(g, l, why);
    const bool keep = is_xz(s->path);
    if (keep) l->file = NULL;
    else s->file = NULL;
    row_lines_close(l);
    return status;
}

int merging_read(struct merging *g, const char **paths, struct why *why)
{
    assert(paths);
    int count = 0, status = 0;
    while (paths[count]) count++;
    *g = (struct merging){ .sources = calloc((size_t)count, sizeof *g->sources) };
    struct row_lines *l = calloc(1, sizeof *l);
    if (!g->sources || !l) status = why_fail(why, -ENOMEM, "out of memory for %d files", count);
    if (l) l->refused = refused;
    for (int i = 0; status == 0 && i < count; i++) {
        g->sources[i].path = paths[i];
        status = read_one(g, &g->sources[i], l, why);
        g->source_count++;
    }
    free(l);
    return status;
}

/* ---- which, in which order */

static int by_id(const void *a, const void *b)
{
    const struct entry *one = *(struct entry *const *)a, *other = *(struct entry *const *)b;
    const int order = strcmp(one->id, other->id);
    return order ? order : (one > other) - (one < other); /* the list's order: of the files, of the lines */
}

/* Names that are shared are mostly one pointer. */
static int compare(const char *a, const char *b) { return a == b ? 0 : strcmp(a, b); }

static int by_place(const void *a, const void *b)
{
    const struct entry *one = *(struct entry *const *)a, *other = *(struct entry *const *)b;
    int order = compare(one->study, other->study);
    if (!order) order = compare(one->kind, other->kind);
    if (!order) order = compare(one->data, other->data);
    if (!order) order = compare(one->cell, other->cell);
    if (!order) order = compare(one->arm, other->arm);
    if (!order) order = (one->seed > other->seed) - (one->seed < other->seed);
    if (!order) order = (one->threads > other->threads) - (one->threads < other->threads);
    return order ? order : strcmp(one->id, other->id);
}

static void conflict(struct merging *g, const struct entry *kept, const struct entry *other)
{
    assert(kept->file < g->source_count);
    assert(other->file < g->source_count);
    char apart[128] = "";
    for (int i = 0; i < AGREED; i++)
        if (kept->agreed[i] != other->agreed[i])
            snprintf(apart + strlen(apart), sizeof apart - strlen(apart), "%s%s", *apart ? ", " : "", agreed[i]);
    if (!*apart) return;
    g->conflicts++;
    warn("conflict: %.16s %s/%s/%s seed %.0f: %s in %s and %s", other->id, other->study, other->cell, other->arm, other->seed, apart,
         g->sources[kept->file].path, g->sources[other->file].path);
}

int merging_choose(struct merging *g, struct why *why)
{
    assert(!g->chosen);
    struct entry **all = g->chosen = malloc((g->count + 1) * sizeof *all);
    if (!all) return why_fail(why, -ENOMEM, "out of memory for %zu rows", g->count);
    for (size_t i = 0; i < g->count; i++) all[i] = &g->list[i];
    qsort(all, g->count, sizeof(struct entry *), by_id);
    size_t kept = 0;
    for (size_t i = 0; i < g->count; i++) {
        if (kept == 0 || strcmp(all[kept - 1]->id, all[i]->id) != 0) all[kept++] = all[i];
        else if (all[i]->timing) all[kept - 1] = all[i]; /* a timing row belongs to its host: the last one counts */
        else conflict(g, all[kept - 1], all[i]);
    }
    assert(kept <= g->count);
    g->chosen_count = kept;
    return 0;
}

static int id_against(const void *id, const void *entry) { return strcmp(id, (*(struct entry *const *)entry)->id); }

bool merging_has(const struct merging *g, const char *id)
{
    assert(g->chosen);
    assert(id);
    return bsearch(id, g->chosen, g->chosen_count, sizeof(struct entry *), id_against);
}

void merging_order(struct merging *g) { qsort(g->chosen, g->chosen_count, sizeof(struct entry *), by_place); }

/* ---- lines */

/* As many files stay open as may. */
static int reopen(struct merging *g, struct source *s, struct why *why)
{
    assert(s->path);
    struct stat is;
    if (s->file) return 0;
    s->file = fopen(s->path, "re");
    for (int i = 0; !s->file && errno == EMFILE && i < g->source_count; i++)
        if (g->sources[i].file && !is_xz(g->sources[i].path)) {
            fclose(g->sources[i].file);
            g->sources[i].file = NULL;
            s->file = fopen(s->path, "re");
        }
    if (!s->file) return why_fail(why, -errno, "%s: %s", s->path, strerror(errno));
    if (fstat(fileno(s->file), &is) || is.st_dev != s->device || is.st_ino != s->inode)
        return why_fail(why, -EAGAIN, "%s: replaced while it was read; start again", s->path);
    return 0;
}

char *merging_line(struct merging *g, size_t i, size_t *length, struct why *why)
{
    assert(i < g->chosen_count);
    assert(length);
    const struct entry *e = g->chosen[i];
    struct source *s = &g->sources[e->file];
    char *text = malloc(e->length + 1), *line = NULL;
    if (!text) why_fail(why, -ENOMEM, "out of memory for a row");
    else if (reopen(g, s, why) == 0) {
        if (pread(fileno(s->file), text, e->length, e->begin) != (ssize_t)e->length)
            why_fail(why, -EIO, "%s: changed while it was read; start again", s->path);
        else line = beside_whole(&s->beside, text, e->length, length, why);
    }
    free(text);
    return line;
}

void merging_close(struct merging *g)
{
    for (int i = 0; i < g->source_count; i++) {
        if (g->sources[i].file) fclose(g->sources[i].file);
        beside_close(&g->sources[i].beside);
    }
    free(g->sources);
    free(g->list);
    free(g->chosen);
    names_free(&g->names);
    *g = (struct merging){ .count = 0 };
}
