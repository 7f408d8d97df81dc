/* SPDX-License-Identifier: MIT
 * The file of rows, as a killed run or an editor may leave it: rows that are there are found again by their id, and a row appended to
 * whatever it was is read back, with none lost before it. */
#include "../../ablations/driver/driver.h"
#include "fuzz.h"

static const char fresh[] = "00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff";

/* The number of rows that are found again; *has: whether the fresh one is among them. */
static int count(const char *path, bool *has)
{
    struct rows rows;
    struct why why = { "" };
    assert(rows_read(&rows, path, &why) == 0);
    int n = rows.count;
    for (int i = 0; i < n; i++) {
        const struct row *row = &rows.list[i];
        assert(strlen(row->id) < sizeof row->id);
        assert(row->net);
        assert(strlen(row->id) != ID_SIZE - 1 || rows_find(&rows, row->id));
    }
    *has = rows_find(&rows, fresh) != NULL;
    rows_close(&rows);
    return n;
}

static void append(const char *path)
{
    struct rows rows;
    struct why why = { "" };
    json_t *row = json_pack("{s:s, s:s, s:i, s:f}", "id", fresh, "net", "1x4x4 dense2", "seed", 1, "test_acc", 50.0);
    assert(row && rows_read(&rows, path, &why) == 0 && rows_open(&rows, &why) == 0 && rows_append(&rows, row, &why) == 0);
    rows_close(&rows);
    json_decref(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(".jsonl", data, size);
    bool had, has;
    const int before = count(path, &had);
    append(path);
    const int gained = count(path, &has) - before, more = gained - !had; /* a row that is there is not appended again */
    assert(has);
    assert(more == 0 || more == 1); /* 1: a torn line that lacked its newline alone is a row again */
    return 0;
}
