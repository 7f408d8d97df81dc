/* SPDX-License-Identifier: MIT
 * What stands in a row, under the names that stay. The id hashes what makes the run's bits and nothing else; the commit stands in env only:
 * "numerics", the hash of tests/golden/weights.txt (and bf16.txt in a row in bf16), stands for it, so that a commit that changes no bits
 * invalidates no row. */
#include "driver.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "../../nets/sha256.h"

static const char *isa_used(const struct sweep *s)
{
    assert(s->options);
    int isa = isa_best(s->options->isas);
    assert(isa >= 0);
    return isa_name((enum isa)isa);
}

static const char *numerics(const struct entry *e)
{
    if (e->precision == PRECISION_BF16) return CONVGAUGE_NUMERICS_BF16;
    return CONVGAUGE_NUMERICS;
}

/* "tiles=amx\n" in bf16, where timings depend on it. */
static const char *tiles_line(const struct sweep *s, const struct entry *e, char text[32])
{
    const int tiles = e->precision == PRECISION_BF16 ? isa_bf16(s->options->isas) : -1;
    *text = 0;
    if (tiles >= 0) snprintf(text, 32, "tiles=%s\n", isa_name((enum isa)tiles));
    return text;
}

void run_make_id(const struct sweep *s, struct run *r)
{
    assert(r->entry);
    assert(r->entry->data);
    char *text;
    const struct entry *e = r->entry;
    int length = asprintf(&text, "kind=%s\nstudy=%s\ncell=%s\narm=%s\nnet=%s\nrecipe=%s\nseed=%" PRIu64 "\ndata_sha256=%s\nnumerics=%s\n",
                          s->wish->timing ? "timing" : "accuracy", s->study, e->cell, e->arm, e->net, e->recipe, r->seed, e->data->sha256,
                          numerics(e));
    char extra[160] = "", tiles[32];
    if (s->wish->timing)
        snprintf(extra, sizeof extra, "threads=%d\nisa=%s\nalgo=%s\n%s%s%s%s", r->threads, isa_used(s), s->options->algo,
                 tiles_line(s, e, tiles), s->options->no_fuse ? "no-fuse\n" : "", s->options->no_blocks ? "no-blocks\n" : "",
                 s->options->no_recompute ? "no-recompute\n" : "");
    else if (strcmp(isa_used(s), "scalar") == 0) /* the others, any thread count, fusion and schedule give the same bits */
        snprintf(extra, sizeof extra, "isa=scalar\n");
    if (!s->wish->timing && strcmp(s->options->algo, "auto") != 0)
        snprintf(extra + strlen(extra), sizeof extra - strlen(extra), "algo=%s\n", s->options->algo);
    if (length < 0) quit(EXIT_FAIL, "out of memory");
    struct sha256_part parts[] = { { text, (size_t)length }, { extra, strlen(extra) } };
    sha256_hex(parts, 2, r->id);
    free(text);
}

/* As that, and "not_finite" says which field was what. */
static json_t *real_or_noted(json_t *record, const char *field, double value)
{
    assert(record);
    assert(field);
    if (isfinite(value)) return json_real(value);
    json_t *list = json_object_get(record, "not_finite");
    if (!list) {
        list = json_object();
        json_object_set_new(record, "not_finite", list);
    }
    json_object_set_new(list, field, json_string(isnan(value) ? "nan" : value > 0 ? "inf" : "-inf"));
    return json_null();
}

static void set_real(json_t *record, const char *field, double value)
{
    json_object_set_new(record, field, real_or_noted(record, field, value));
}

/* A speed that nothing was timed for, as a run's that diverged before it was first evaluated, is null. */
static void set_speed(json_t *record, const char *field, double images_per_s)
{
    json_object_set_new(record, field, images_per_s > 0 ? json_real(images_per_s) : json_null());
}

/* Seven digits hold a float; six keep 99.19 from being written as 99.1900024. */
static double six_digits(float value)
{
    assert(isfinite(value));
    char text[32];
    snprintf(text, sizeof text, "%.6g", (double)value);
    return strtod(text, NULL);
}

static void set_reals(json_t *record, const char *field, const float *values, int n)
{
    assert(n >= 0);
    assert(values || n == 0);
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        char at[64];
        snprintf(at, sizeof at, "%s[%d]", field, i);
        json_array_append_new(list, real_or_noted(record, at, isfinite(values[i]) ? six_digits(values[i]) : (double)values[i]));
    }
    json_object_set_new(record, field, list);
}

static void set_bytes(json_t *record, const char *field, size_t bytes)
{
    json_object_set_new(record, field, json_integer((json_int_t)bytes));
}

json_t *record_result(const struct sweep *s, const struct run *r, const struct metrics *m, bool pinned)
{
    assert(m->epochs >= 0);
    assert(m->epochs <= MAX_EPOCHS);
    json_t *record = json_object();
    json_object_set_new(record, "epochs", json_integer(m->epochs));
    set_real(record, "test_acc", m->test_acc);
    if (m->diverged_at) json_object_set_new(record, "diverged_at_update", json_integer(m->diverged_at));
    if (s->wish->timing) /* no pass over the training set there */
        json_object_set_new(record, "train_acc", json_null());
    else set_real(record, "train_acc", m->train_acc);
    set_real(record, "train_acc_running", m->train_acc_running);
    set_real(record, "best_test_acc", m->best_test_acc);
    set_real(record, "test_loss", m->test_loss);
    set_reals(record, "test_acc_per_epoch", m->test_acc_per_epoch, m->epochs);
    set_reals(record, "train_acc_running_per_epoch", m->train_acc_running_per_epoch, m->epochs);
    set_reals(record, "train_loss_per_epoch", m->train_loss_per_epoch, m->epochs);
    set_reals(record, "test_loss_per_epoch", m->test_loss_per_epoch, m->epochs);
    set_speed(record, "train_images_per_s", m->train_images_per_s);
    set_speed(record, "infer_images_per_s", m->infer_images_per_s);
    set_real(record, "seconds", m->seconds);
    set_bytes(record, "bytes_parameters", m->bytes.parameters);
    set_bytes(record, "bytes_gradients", m->bytes.gradients);
    set_bytes(record, "bytes_optimizer", m->bytes.optimizer);
    set_bytes(record, "bytes_activations", m->bytes.activations);
    set_bytes(record, "bytes_scratch", m->bytes.scratch);
    json_object_set_new(record, "isa", json_string(isa_used(s)));
    if (m->tiles >= 0) {
        json_object_set_new(record, "precision", json_string("bf16"));
        json_object_set_new(record, "tiles", json_string(isa_name((enum isa)m->tiles)));
    }
    json_object_set_new(record, "algo", json_string(s->options->algo));
    json_object_set_new(record, "fuse", json_boolean(m->fused));
    if (s->options->no_blocks) json_object_set_new(record, "blocks", json_false());
    if (s->options->no_recompute) json_object_set_new(record, "recompute", json_false());
    json_object_set_new(record, "threads", json_integer(r->threads));
    json_object_set_new(record, "pinned", json_boolean(pinned));
    json_object_set_new(record, "weights_sha256", json_string(m->weights_sha256));
    return record;
}

json_t *record_row(const struct sweep *s, const struct run *r, json_t *result, double peak_rss_bytes, bool quiet, json_t *environment)
{
    assert(json_is_object(result));
    assert(json_is_object(environment));
    const struct entry *e = r->entry;
    char finished[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(finished, sizeof finished, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:i, s:i}", "id", r->id, "kind",
                            s->wish->timing ? "timing" : "accuracy", "study", s->study, "cell", e->cell, "arm", e->arm, "seed",
                            (json_int_t)r->seed, "data", e->data->name, "data_sha256", e->data->sha256, "net", e->net, "recipe", e->recipe,
                            "batch", e->batch, "epochs", e->epochs);
    assert(row);
    json_object_set_new(row, "published", e->zoo->published_acc > 0 ? json_real(e->zoo->published_acc) : json_null());
    json_object_set_new(row, "published_loss", e->zoo->published_loss > 0 ? json_real(e->zoo->published_loss) : json_null());
    json_object_update(row, result);
    set_bytes(row, "peak_rss_bytes", (size_t)peak_rss_bytes);
    json_object_set_new(row, "quiet", json_boolean(quiet));
    json_object_set_new(row, "finished", json_string(finished));
    json_object_set_new(row, "numerics", json_string(numerics(e)));
    json_object_set(row, "env", environment);
    return row;
}
