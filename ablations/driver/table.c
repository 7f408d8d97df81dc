/* SPDX-License-Identifier: MIT
 * Means, deviations and counts beside what was published: the lines, and as CSV or JSON; Markdown is driver_markdown.c. One table per data
 * set, never two in one; one line per cell or arm over its seeds, or in timing per thread count. The headline is the last epoch; what was
 * selected on the test set stands in its own column. */
#include "driver.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The values of one column over a line's rows. */
struct gather {
    double values[MAX_SEEDS];
    int n;
};

static double field(const struct row *row, size_t offset) { return *(const double *)(const void *)((const char *)row + offset); }

static bool same_line(const struct sweep *s, const struct run *run, const struct entry *e, int threads)
{
    return run->entry == e && (!s->wish->timing || run->threads == threads);
}

static struct summary column(const struct sweep *s, const struct entry *e, int threads, size_t offset)
{
    assert(offset < sizeof(struct row));
    static struct gather g;
    g.n = 0;
    for (int i = 0; i < s->run_count && g.n < MAX_SEEDS; i++) {
        if (s->runs[i].row && same_line(s, &s->runs[i], e, threads)) g.values[g.n++] = field(s->runs[i].row, offset);
    }
    return summarize(g.values, g.n);
}

/* Same seed, same initial stream, same order of data: the difference is taken per seed. */
static struct summary paired_difference(const struct sweep *s, const struct entry *arm, const struct entry *cell)
{
    assert(arm != cell);
    static struct gather g;
    g.n = 0;
    for (int i = 0; i < s->run_count; i++)
        for (int k = 0; k < s->run_count && s->runs[i].entry == arm && g.n < MAX_SEEDS; k++) {
            if (s->runs[k].entry != cell || s->runs[k].seed != s->runs[i].seed) continue;
            const struct row *one = s->runs[i].row, *other = s->runs[k].row;
            if (one && other) g.values[g.n++] = one->test_acc - other->test_acc;
        }
    return summarize(g.values, g.n);
}

double published_of(const struct line *l)
{
    assert(l->entry);
    return !*l->entry->arm && l->entry->zoo->published_acc > 0 ? l->entry->zoo->published_acc : NAN;
}

static const struct entry *cell_of(const struct sweep *s, const struct entry *arm)
{
    for (int i = 0; i < s->entry_count; i++)
        if (s->entries[i].zoo == arm->zoo && strcmp(s->entries[i].arm, arm->base) == 0) return &s->entries[i];
    return NULL;
}

static struct line line_of(const struct sweep *s, const struct entry *e, int threads)
{
    assert(e);
#define COLUMN(name) column(s, e, threads, offsetof(struct row, name))
    struct line line = { .entry = e,
                         .test = COLUMN(test_acc),
                         .best = COLUMN(best_test_acc),
                         .train = COLUMN(train_acc),
                         .loss = COLUMN(test_loss),
                         .train_speed = COLUMN(train_images_per_s),
                         .infer_speed = COLUMN(infer_images_per_s),
                         .arenas = COLUMN(bytes_arenas),
                         .peak = COLUMN(peak_rss_bytes),
                         .paired = { 0, NAN, NAN } };
#undef COLUMN
    const struct entry *cell = cell_of(s, e);
    for (int i = 0; i < s->run_count && !line.first; i++)
        if (same_line(s, &s->runs[i], e, threads)) line.first = s->runs[i].row;
    if (*e->arm && cell && !s->wish->timing) line.paired = paired_difference(s, e, cell);
    return line;
}

/* All lines on one data set that have rows; owned by the caller. */
static struct line *lines_of(const struct sweep *s, const struct dataset *data, int *count)
{
    assert(data);
    assert(count);
    struct line *lines = calloc((size_t)s->run_count + 1, sizeof *lines);
    if (!lines) quit(EXIT_FAIL, "out of memory for the table");
    *count = 0;
    for (int i = 0; i < s->run_count; i++) {
        const struct run *run = &s->runs[i];
        bool seen = run->entry->data != data;
        for (int k = 0; k < i && !seen; k++) seen = same_line(s, &s->runs[k], run->entry, run->threads);
        if (seen) continue;
        lines[*count] = line_of(s, run->entry, run->threads);
        if (lines[*count].first) ++*count;
    }
    return lines;
}

/* ---- CSV and JSON: the same fields */

static void put_text(json_t *record, const char *key, const char *text) { json_object_set_new(record, key, json_string(text)); }

static void put_count(json_t *record, const char *key, int count) { json_object_set_new(record, key, json_integer(count)); }

static void put_number(json_t *record, const char *key, double value) { json_object_set_new(record, key, real_or_null(value)); }

static json_t *line_record(const struct sweep *s, const struct line *l)
{
    const struct entry *e = l->entry;
    json_t *record = json_object();
    put_text(record, "kind", s->wish->timing ? "timing" : "accuracy");
    put_text(record, "study", s->study);
    put_text(record, "data", e->data->name);
    json_object_set_new(record, "synthetic", json_boolean(e->data->synthetic));
    put_text(record, "cell", e->cell);
    put_text(record, "arm", e->arm);
    put_text(record, "net", e->net);
    put_text(record, "recipe", e->recipe);
    put_number(record, "published", published_of(l));
    put_count(record, "n", l->test.n);
    put_number(record, "test_acc", l->test.mean);
    put_number(record, "test_acc_sd", l->test.sd);
    put_count(record, "paired_n", l->paired.n);
    put_number(record, "paired_difference", l->paired.mean);
    put_number(record, "paired_sd", l->paired.sd);
    put_number(record, "best_test_acc", l->best.mean);
    put_number(record, "train_acc", l->train.mean);
    put_number(record, "test_loss", l->loss.mean);
    put_number(record, "train_images_per_s", l->train_speed.mean);
    put_number(record, "infer_images_per_s", l->infer_speed.mean);
    put_text(record, "isa", l->first->isa);
    put_count(record, "threads", l->first->threads);
    json_object_set_new(record, "quiet", json_boolean(l->first->quiet));
    put_number(record, "bytes_arenas", l->arenas.mean);
    put_number(record, "peak_rss_bytes", l->peak.mean);
    return record;
}

static void csv_text(const char *text, FILE *out)
{
    bool quoted = strpbrk(text, ",\"\n");
    if (quoted) fputc('"', out);
    for (; *text; text++) fprintf(out, *text == '"' ? "\"\"" : "%c", *text);
    if (quoted) fputc('"', out);
}

static void csv_line(json_t *record, bool header, FILE *out)
{
    assert(json_is_object(record));
    const char *key, *comma = "";
    json_t *value;
    json_object_foreach(record, key, value)
    {
        fputs(comma, out);
        comma = ",";
        if (header) fputs(key, out);
        else if (json_is_string(value)) csv_text(json_string_value(value), out);
        else if (json_is_boolean(value)) fputs(json_is_true(value) ? "true" : "false", out);
        else if (!json_is_null(value)) fprintf(out, "%.9g", json_number_value(value));
    }
    fputc('\n', out);
}

/* ---- all formats */

/* The rows themselves, as they stand in their file. */
static void jsonl_rows(const struct sweep *s, const struct rows *rows, FILE *out)
{
    assert(out);
    FILE *in = rows->regular ? fopen(rows->path, "r") : NULL;
    char *line = NULL;
    size_t room = 0;
    while (in && getline(&line, &room, in) > 0) {
        json_t *row = json_loads(line, 0, NULL);
        const char *id = json_string_value(json_object_get(row, "id"));
        for (int i = 0; id && i < s->run_count; i++)
            if (strcmp(id, s->runs[i].id) == 0) {
                fputs(line, out);
                break;
            }
        json_decref(row);
    }
    free(line);
    if (in) fclose(in);
}

void table_print(struct sweep *s, const struct rows *rows, enum format format, FILE *out)
{
    assert(s->run_count > 0);
    assert(out);
    json_t *records = json_array();
    for (int i = 0; i < s->run_count; i++) s->runs[i].row = rows_find(rows, s->runs[i].id);
    for (int i = 0; i < s->entry_count && format != FORMAT_JSONL; i++) {
        const struct dataset *data = s->entries[i].data;
        bool seen = false;
        for (int k = 0; k < i; k++) seen |= s->entries[k].data == data;
        if (seen) continue;
        int count;
        struct line *lines = lines_of(s, data, &count);
        if (format == FORMAT_MD && count) markdown_print(s, rows, lines, count, data, out);
        for (int k = 0; k < count; k++) json_array_append_new(records, line_record(s, &lines[k]));
        free(lines);
    }
    if (format == FORMAT_JSON) {
        json_dumpf(records, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        fputc('\n', out);
    }
    for (size_t i = 0; i < json_array_size(records) && format == FORMAT_CSV; i++) {
        if (i == 0) csv_line(json_array_get(records, i), true, out);
        csv_line(json_array_get(records, i), false, out);
    }
    if (format == FORMAT_JSONL) jsonl_rows(s, rows, out);
    json_decref(records);
}
