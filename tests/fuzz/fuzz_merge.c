/* SPDX-License-Identifier: MIT
 * Two files of rows, as machines, killed runs and editors may leave them, merged: each id once, every line a row that the programs take,
 * too, and a merge of the result is the result. An input is both files, one after the other behind a line of its own that says MERGE. */
#include "../../bench/rows/entries.h"
#include "fuzz.h"

static const char *const separator = "MERGE\n";

/* Merges into a file; how many rows it has, -1 where it is refused. */
static long merge(const char **paths, const char *to)
{
    struct merging m = { .count = 0 };
    struct why why = { "" };
    long count = -1;
    int status = merging_read(&m, paths, &why);
    if (status == 0) status = merging_choose(&m, &why);
    if (status) fuzz_refused(status, &why);
    if (status == 0 && m.conflicts == 0) {
        FILE *out = fopen(to, "w");
        assert(out);
        for (size_t i = 0; i < m.chosen_count; i++) assert(merging_has(&m, m.chosen[i]->id));
        merging_order(&m);
        count = (long)m.chosen_count;
        for (size_t i = 0; i < m.chosen_count; i++) {
            size_t length;
            char *line = merging_line(&m, i, &length, &why);
            assert(line && length > 1 && line[length - 1] == '\n' && !memchr(line, '\n', length - 1));
            assert(fwrite(line, 1, length, out) == length);
            free(line);
        }
        assert(fclose(out) == 0);
    }
    merging_close(&m);
    return count;
}

static void same(const char *one, const char *other)
{
    FILE *a = fopen(one, "r"), *b = fopen(other, "r");
    assert(a && b);
    for (int c = 0, d = 0; c != EOF;) {
        c = getc(a);
        d = getc(b);
        assert(c == d);
    }
    fclose(a);
    fclose(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char first[160], merged[160], again[160];
    const uint8_t *at = memmem(data, size, separator, strlen(separator));
    const size_t part = at ? (size_t)(at - data) : size;
    const uint8_t *rest = at ? at + strlen(separator) : data + size;
    snprintf(first, sizeof first, "%s", fuzz_file(".a.jsonl", data, part));
    const char *second = fuzz_file(".b.jsonl", rest, size - (size_t)(rest - data));
    snprintf(merged, sizeof merged, "%s.m.jsonl", second);
    snprintf(again, sizeof again, "%s.n.jsonl", second);
    const long count = merge((const char *[]){ first, second, NULL }, merged);
    if (count < 0) return 0;
    struct rows rows;
    struct why why = { "" };
    assert(rows_read(&rows, merged, &why) == 0 && rows.count == count);
    rows_close(&rows);
    assert(merge((const char *[]){ merged, NULL }, again) == count);
    same(merged, again);
    return 0;
}
