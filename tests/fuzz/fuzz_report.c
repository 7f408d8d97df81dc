/* SPDX-License-Identifier: MIT
 * The tables of a file of rows (--report), whatever its numbers and words are: of a cell and an arm with three seeds each, in every format.
 * Rows with the ids a, b … f of 64 letters each are those of the runs. */
#include "../../ablations/driver/driver.h"
#include "fuzz.h"

enum { SEEDS = 3, RUNS = 2 * SEEDS };

static char a_net[] = "1x28x28 dense10", a_recipe[] = "opt=sgd lr=0.1";
static const struct zoo_cell cells[] = { { .cell = "published", .net = a_net, .recipe = a_recipe, .published_acc = 99.3 },
                                         { .cell = NULL } };
static const struct zoo_study zoo = { .study = "toy", .data = "toy", .question = "?", .cells = cells };
static const struct study study = { .zoo = &zoo, .seeds = SEEDS, .quick_seeds = 1 };
static const struct dataset data_set = { .name = "toy", .classes = 10, .c = 1, .h = 28, .w = 28 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct options options;
    const struct wish wish = { .arms = true };
    struct entry entries[2];
    struct run runs[RUNS];
    struct rows rows;
    struct why why = { "" };
    for (int i = 0; i < 2; i++)
        entries[i] = (struct entry){ .cell = "published",
                                     .arm = i ? "arm" : "",
                                     .base = "",
                                     .zoo = cells,
                                     .data_name = "toy",
                                     .tier = 1,
                                     .study_data = true,
                                     .data = &data_set,
                                     .net = a_net,
                                     .recipe = a_recipe,
                                     .batch = 64,
                                     .epochs = 2,
                                     .study_epochs = 2,
                                     .test_images = 1000,
                                     .train_images = 5000 };
    for (int i = 0; i < RUNS; i++) {
        runs[i] = (struct run){ .entry = &entries[i / SEEDS], .seed = (uint64_t)(i % SEEDS), .threads = 1 };
        memset(runs[i].id, 'a' + i, ID_SIZE - 1);
    }
    struct sweep s = { .study = "toy",
                       .of = &study,
                       .options = &options,
                       .wish = &wish,
                       .cores = 1,
                       .jobs = 1,
                       .entries = entries,
                       .entry_count = 2,
                       .runs = runs,
                       .run_count = RUNS };
    if (rows_read(&rows, fuzz_file(".jsonl", data, size), &why)) return 0;
    static FILE *out;
    if (!out) out = fopen("/dev/null", "w");
    assert(out);
    for (int format = FORMAT_MD; format <= FORMAT_JSONL; format++) table_print(&s, &rows, (enum format)format, out);
    rows_close(&rows);
    return 0;
}
