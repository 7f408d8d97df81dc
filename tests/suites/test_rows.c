/* SPDX-License-Identifier: MIT
 * The file of rows and what stands in one: ids, strict JSON, torn lines, full disks. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../../ablations/driver/driver.h"

static char folder[64], path[128];

static void setup(void)
{
    snprintf(folder, sizeof folder, "/tmp/rows-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/deep/er/rows.jsonl", folder);
}

static void teardown(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert(system(command) == 0); /* NOLINT(cert-env33-c) */
}

TestSuite(rows, .init = setup, .fini = teardown);

static const struct zoo_cell cell = { .cell = "published", .published_acc = 99.44 };
static const struct dataset data = { .name = "strokes", .synthetic = true, .classes = 10, .sha256 = "d0" };
static struct options options = { .algo = "auto", .isas = 1u << ISA_PORTABLE };
static struct wish wish;

static struct entry entry_(void)
{
    static char net[] = "1x28x28 dense10", recipe[] = "opt=sgd lr=0.01 batch=64 epochs=2";
    return (struct entry){ .cell = "published",
                           .arm = "",
                           .zoo = &cell,
                           .data_name = "strokes",
                           .data = &data,
                           .net = net,
                           .recipe = recipe,
                           .batch = 64,
                           .epochs = 2,
                           .study_epochs = 2 };
}

static struct sweep sweep(void)
{
    return (struct sweep){ .study = "compact-net", .options = &options, .wish = &wish, .cores = 1, .jobs = 1 };
}

static struct run run_of(const struct sweep *s, const struct entry *e, uint64_t seed, int threads)
{
    struct run run = { .entry = e, .seed = seed, .threads = threads };
    run_make_id(s, &run);
    return run;
}

static json_t *row_of(const struct sweep *s, const struct run *run, double loss)
{
    static struct metrics m;
    m = (struct metrics){ .epochs = 2,
                          .test_acc = 99.19,
                          .best_test_acc = 99.3,
                          .test_loss = loss,
                          .train_acc = 99.5,
                          .train_images_per_s = 1000,
                          .test_acc_per_epoch = { 99.3F, 99.19F },
                          .train_loss_per_epoch = { 0.25F, (float)loss },
                          .bytes = { 10, 20, 30, 40, 50 },
                          .weights_sha256 = "ab" };
    json_t *result = record_result(s, run, &m, true), *environment = environment_record();
    json_t *row = record_row(s, run, result, 1e6, false, environment);
    json_decref(result);
    json_decref(environment);
    return row;
}

static void append(struct rows *rows, uint64_t seed)
{
    struct why why;
    struct sweep s = sweep();
    struct entry e = entry_();
    struct run run = run_of(&s, &e, seed, 1);
    json_t *row = row_of(&s, &run, 0.03);
    cr_assert(rows_append(rows, row, &why) == 0, "%s", why.text);
    json_decref(row);
}

Test(rows, id_is_what_makes_the_bits)
{
    struct sweep s = sweep();
    struct entry e = entry_(), other = entry_();
    struct run run = run_of(&s, &e, 3, 1), seed = run_of(&s, &e, 4, 1), threads = run_of(&s, &e, 3, 2);
    cr_assert(strlen(run.id) == 64);
    cr_assert_str_neq(run.id, seed.id);
    cr_assert_str_eq(run.id, threads.id, "accuracy has the same bits for any number of threads");
    other.arm = "no dropout";
    cr_assert_str_neq(run.id, run_of(&s, &other, 3, 1).id);
    other = entry_();
    char recipe[] = "opt=sgd lr=0.02 batch=64 epochs=2";
    other.recipe = recipe;
    cr_assert_str_neq(run.id, run_of(&s, &other, 3, 1).id);
    wish.timing = true;
    struct run one = run_of(&s, &e, 3, 1), two = run_of(&s, &e, 3, 2);
    cr_assert_str_neq(one.id, run.id);
    cr_assert_str_neq(one.id, two.id, "timing has not");
}

Test(rows, names_that_stay)
{
    static const char *const names[] = { "id",
                                         "kind",
                                         "study",
                                         "cell",
                                         "arm",
                                         "seed",
                                         "data",
                                         "data_sha256",
                                         "net",
                                         "recipe",
                                         "batch",
                                         "epochs",
                                         "published",
                                         "test_acc",
                                         "train_acc",
                                         "train_acc_running",
                                         "best_test_acc",
                                         "test_loss",
                                         "test_acc_per_epoch",
                                         "train_acc_running_per_epoch",
                                         "train_loss_per_epoch",
                                         "test_loss_per_epoch",
                                         "train_images_per_s",
                                         "infer_images_per_s",
                                         "seconds",
                                         "bytes_parameters",
                                         "bytes_gradients",
                                         "bytes_optimizer",
                                         "bytes_activations",
                                         "bytes_scratch",
                                         "peak_rss_bytes",
                                         "isa",
                                         "algo",
                                         "threads",
                                         "pinned",
                                         "quiet",
                                         "weights_sha256",
                                         "env" };
    static const char *const env[] = { "cpu", "compiler",    "flags",    "commit",     "dirty",
                                       "os",  "virtualised", "governor", "huge_pages", "fma_peak_gflops" };
    struct sweep s = sweep();
    struct entry e = entry_();
    struct run run = run_of(&s, &e, 3, 1);
    json_t *row = row_of(&s, &run, 0.03);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) cr_assert(json_object_get(row, names[i]), "%s is missing", names[i]);
    for (size_t i = 0; i < sizeof env / sizeof *env; i++)
        cr_assert(json_object_get(json_object_get(row, "env"), env[i]), "env.%s is missing", env[i]);
    cr_assert(!json_object_get(row, "not_finite"));
    json_decref(row);
}

Test(rows, not_finite_is_null_and_said)
{
    struct sweep s = sweep();
    struct entry e = entry_();
    struct run run = run_of(&s, &e, 3, 1);
    json_t *row = row_of(&s, &run, (double)NAN), *not_finite = json_object_get(row, "not_finite");
    cr_assert(json_is_null(json_object_get(row, "test_loss")));
    cr_assert(json_is_null(json_array_get(json_object_get(row, "train_loss_per_epoch"), 1)));
    cr_assert_str_eq(json_string_value(json_object_get(not_finite, "test_loss")), "nan");
    cr_assert_str_eq(json_string_value(json_object_get(not_finite, "train_loss_per_epoch[1]")), "nan");
    cr_assert(json_object_size(not_finite) == 2);
    char *text = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(9));
    cr_assert(text && strstr(text, "\"test_acc\":99.19,") && strstr(text, "[99.3,99.19]"), "floats are written as short as they are exact");
    free(text);
    json_decref(row);
}

Test(rows, written_and_read_back)
{
    struct rows rows, again;
    struct why why;
    struct sweep s = sweep();
    struct entry e = entry_();
    cr_assert(rows_read(&rows, path, &why) == 0 && rows.count == 0, "nothing there is fine");
    cr_assert(rows_open(&rows, &why) == 0, "%s", why.text);
    append(&rows, 3);
    append(&rows, 4);
    cr_assert(rows.count == 2);
    cr_assert(rows_read(&again, path, &why) == 0 && again.count == 2);
    const struct row *row = rows_find(&again, run_of(&s, &e, 4, 1).id);
    cr_assert(row && row->seed == 4 && row->threads == 1 && row->test_acc == 99.19);
    cr_assert(row->bytes_arenas == 150 && row->peak_rss_bytes == 1e6);
    cr_assert(!rows_find(&again, run_of(&s, &e, 5, 1).id));
    rows_close(&rows);
    rows_close(&again);
}

/* Changes the byte at `at` of the file, from its end where negative. */
static void damage(long at, char to)
{
    FILE *f = fopen(path, "r+");
    cr_assert(f && fseek(f, at, at < 0 ? SEEK_END : SEEK_SET) == 0 && fputc(to, f) == to && fclose(f) == 0);
}

/* Every byte of a row, changed, is found: as no JSON or by the checksum. Without its checksum a row is one of before and taken. */
Test(rows, a_changed_byte_is_found)
{
    struct rows rows;
    struct why why;
    cr_assert(rows_read(&rows, path, &why) == 0 && rows_open(&rows, &why) == 0);
    append(&rows, 3);
    append(&rows, 4);
    rows_close(&rows);
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t length = f ? getline(&line, &room, f) : -1;
    cr_assert(length > 0 && strstr(line, ",\"crc32\":\""));
    fclose(f);
    for (long i = 0; i < length - 1; i++) {
        damage(i, line[i] == '1' ? '2' : '1');
        cr_assert(rows_read(&rows, path, &why) == 0 && rows.count == 1 && rows.list[0].seed == 4, "byte %ld", i);
        rows_close(&rows);
        damage(i, line[i]);
    }
    char *checksum = strstr(line, ",\"crc32\"");
    snprintf(checksum, 3, "}\n");
    f = fopen(path, "w");
    cr_assert(f && fputs(line, f) >= 0 && fclose(f) == 0);
    cr_assert(rows_read(&rows, path, &why) == 0 && rows.count == 1 && rows.list[0].seed == 3);
    rows_close(&rows);
    free(line);
}

/* Numbers that nothing holds, texts where numbers belong, ids that are none: each is left out or NAN, and nothing aborts. */
Test(rows, odd_values)
{
    static const char *const lines[] = {
        "{\"id\":5,\"net\":\"n\"}",
        "{\"id\":\"a\",\"net\":null}",
        "{\"id\":\"a\",\"net\":\"n\",\"test_acc\":1e999}",
        "{\"id\":\"a\",\"net\":\"n\",\"seed\":99999999999999999999}",
        "[1]",
        "\xff",
        "{\"id\":\"1\",\"net\":\"n\",\"test_acc\":\"NaN\",\"seed\":-1,\"threads\":1e300,\"batch\":[],\"quiet\":1}",
        "{\"id\":\"2\",\"net\":\"n\",\"test_acc\":1e308,\"seed\":1.5,\"threads\":9999999999}"
    };
    struct rows rows;
    struct why why;
    make_folders(path);
    FILE *f = fopen(path, "w");
    cr_assert(f);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) fprintf(f, "%s\n", lines[i]);
    fclose(f);
    cr_assert(rows_read(&rows, path, &why) == 0 && rows.count == 2);
    cr_assert(isnan(rows.list[0].test_acc) && isnan(rows.list[0].batch) && rows.list[0].seed == 0 && rows.list[0].threads == 0);
    cr_assert(!rows.list[0].quiet && isnan(rows.list[0].bytes_arenas));
    cr_assert(rows.list[1].test_acc == 1e308 && rows.list[1].seed == 0 && rows.list[1].threads == 0);
    rows_close(&rows);
}

Test(rows, found_among_many)
{
    enum { MANY = 3000 };
    struct rows rows;
    struct why why;
    make_folders(path);
    FILE *f = fopen(path, "w");
    cr_assert(f);
    for (int i = 0; i < MANY; i++) fprintf(f, "{\"id\":\"%064d\",\"net\":\"n%d\",\"seed\":%d}\n", i * 7919 % MANY, i % 5, i);
    fprintf(f, "{\"id\":\"%064d\",\"net\":\"n\",\"seed\":77777}\n", 0);
    fclose(f);
    cr_assert(rows_read(&rows, path, &why) == 0 && rows.count == MANY + 1);
    char id[ID_SIZE];
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "%064d", i * 7919 % MANY);
        const struct row *row = rows_find(&rows, id);
        cr_assert(row && row->seed == (uint64_t)i && row->net[1] == '0' + i % 5, "the first of an id");
    }
    snprintf(id, sizeof id, "%064d", MANY);
    cr_assert(!rows_find(&rows, id));
    rows_close(&rows);
}

/* A file that cannot be read is no file without rows. */
Test(rows, a_file_that_cannot_be_read)
{
    struct rows rows;
    struct why why;
    cr_assert(rows_read(&rows, "/proc/self/mem", &why) < 0 && strstr(why.text, "/proc/self/mem:1: "), "%s", why.text);
    rows_close(&rows);
}

Test(rows, torn_line)
{
    struct rows rows;
    struct why why;
    cr_assert(rows_read(&rows, path, &why) == 0 && rows_open(&rows, &why) == 0);
    append(&rows, 3);
    cr_assert(write(rows.fd, "{\"id\":\"", 7) == 7);
    rows_close(&rows);
    cr_assert(rows_read(&rows, path, &why) == 0 && rows.count == 1 && rows.torn_end);
    cr_assert(rows_open(&rows, &why) == 0);
    append(&rows, 4);
    append(&rows, 5);
    rows_close(&rows);
    cr_assert(rows_read(&rows, path, &why) == 0 && rows.count == 3 && !rows.torn_end, "the next row stands on its own line");
    rows_close(&rows);
}

Test(rows, full_disk)
{
    struct rows rows;
    struct why why;
    struct stat before, after;
    struct sweep s = sweep();
    struct entry e = entry_();
    cr_assert(rows_read(&rows, path, &why) == 0 && rows_open(&rows, &why) == 0);
    append(&rows, 3);
    cr_assert(stat(path, &before) == 0);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = { (rlim_t)before.st_size + 100, RLIM_INFINITY };
    cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    struct run run = run_of(&s, &e, 4, 1);
    json_t *row = row_of(&s, &run, 0.03);
    cr_assert(rows_append(&rows, row, &why) == -EFBIG && rows.count == 1);
    cr_assert(strstr(why.text, "earlier rows are intact"), "%s", why.text);
    cr_assert(stat(path, &after) == 0 && after.st_size == before.st_size, "the part that went through is taken back");
    json_decref(row);
    rows_close(&rows);
}

/* rm and sed -i under a run: rows to come are in the file that has the name, and none is doubled by a start beside it. */
Test(rows, a_file_removed_or_replaced_under_a_run)
{
    struct rows rows, again;
    struct why why;
    char other[160];
    snprintf(other, sizeof other, "%s.other", path);
    cr_assert(rows_read(&rows, path, &why) == 0 && rows_open(&rows, &why) == 0);
    append(&rows, 1);
    cr_assert(unlink(path) == 0);
    append(&rows, 2);
    cr_assert(rows_read(&again, path, &why) == 0 && again.count == 1 && again.list[0].seed == 2);
    rows_close(&again);
    FILE *f = fopen(other, "w");
    cr_assert(f && fputs("{\"id\":\"torn", f) >= 0 && fclose(f) == 0 && rename(other, path) == 0);
    append(&rows, 3);
    rows_close(&rows);
    cr_assert(rows_read(&again, path, &why) == 0 && again.count == 1 && again.list[0].seed == 3);
    rows_close(&again);
}

Test(rows, what_was_written_before_the_lock_is_read_under_it)
{
    struct rows one, other;
    struct why why;
    cr_assert(rows_read(&one, path, &why) == 0);
    cr_assert(rows_read(&other, path, &why) == 0 && rows_open(&other, &why) == 0);
    append(&other, 7);
    rows_close(&other);
    cr_assert(rows_open(&one, &why) == 0 && one.count == 1 && one.list[0].seed == 7);
    rows_close(&one);
}

Test(rows, unwritable)
{
    struct rows rows;
    struct why why;
    cr_assert(rows_read(&rows, folder, &why) == 0 && !rows.regular);
    cr_assert(rows_open(&rows, &why) == -EISDIR && strstr(why.text, "--output"), "%s", why.text);
    rows_close(&rows);
    cr_assert(rows_read(&rows, "/dev/full", &why) == 0 && rows_open(&rows, &why) == 0);
    struct sweep s = sweep();
    struct entry e = entry_();
    struct run run = run_of(&s, &e, 4, 1);
    json_t *row = row_of(&s, &run, 0.03);
    cr_assert(rows_append(&rows, row, &why) == -ENOSPC);
    json_decref(row);
    rows_close(&rows);
}
