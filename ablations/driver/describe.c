/* SPDX-License-Identifier: MIT
 * A study as data: what was published, which cells and arms there are, what each net is, and which claims compare what. tools/report
 * reads this beside the rows, so that nothing about a study is written twice. Metrics go by key ("test_acc"), with the words and digits
 * that tables use. */
#include "driver.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const char *const metric_keys[] = {
    [TEST_ACC] = "test_acc",
    [BEST_TEST_ACC] = "best_test_acc",
    [TRAIN_ACC] = "train_acc",
    [RUNNING_ACC] = "running_acc",
    [TEST_LOSS] = "test_loss",
    [PRINTED_LOSS] = "printed_loss",
    [GAP] = "gap",
    [EPOCH_TEST_ACC] = "epoch_test_acc",
    [EPOCH_RUNNING_ACC] = "epoch_running_acc",
    [EPOCH_TEST_LOSS] = "epoch_test_loss",
    [BEST_EPOCH] = "best_epoch",
    [LATE_MEAN] = "late_mean",
    [LATE_SD] = "late_sd",
    [FIRST_REACHING] = "first_reaching",
    [STEPS_TO_FIT] = "steps_to_fit",
    [LOGIT_STD] = "logit_std",
    [SHIFT_LOSS] = "shift_loss",
    [FAILED] = "failed",
    [REACHED] = "reached",
    [BEST_REACHED] = "best_reached",
    [FITTED] = "fitted",
    [LEARNED] = "learned",
    [SPIKED] = "spiked",
    [PARAMETERS] = "parameters",
    [FIELD] = "field",
    [MEMORY] = "memory",
    [SIDE] = "side",
    [GRADIENT_ERROR] = "gradient_error",
    [SECONDS] = "seconds",
};

static json_t *text_or_null(const char *text) { return text ? json_string(text) : json_null(); }

static json_t *metric_record(enum metric metric, double at)
{
    char words[METRIC_NAME_SIZE];
    assert((size_t)metric < sizeof metric_keys / sizeof *metric_keys && metric_keys[metric]);
    return json_pack("{s:s, s:o, s:s, s:i, s:b}", "key", metric_keys[metric], "at", json_real(at), "words", metric_name(metric, at, words),
                     "digits", metric_digits(metric), "share", metric_is_share(metric));
}

/* Layer by layer what net_summary prints. */
static json_t *net_record(const char *text)
{
    struct net net;
    char word[96], shape[48];
    json_t *layers = json_array();
    if (net_parse(text, &net, NULL)) quit(EXIT_FAIL, "\"%s\" is no net", text);
    for (int i = 0; i < net.count; i++) {
        struct layer_facts facts = net_layer_facts(&net, i);
        snprintf(shape, sizeof shape, "%dx%dx%d", facts.out.c, facts.out.h, facts.out.w);
        json_array_append_new(layers,
                              json_pack("{s:s, s:s, s:I, s:i, s:I}", "layer", layer_print(&net.layers[i], word, sizeof word), "out", shape,
                                        "parameters", (json_int_t)facts.parameters, "field", facts.field, "macs", (json_int_t)facts.macs));
    }
    return layers;
}

static json_t *entry_record(const struct sweep *s, const struct entry *e)
{
    struct net net;
    double macs = 0;
    int field = 0;
    net_parse(e->net, &net, NULL);
    for (int i = 0; i < net.count; i++) {
        struct layer_facts facts = net_layer_facts(&net, i);
        macs += facts.macs;
        if (net.layers[i].kind == LAYER_CONV || net.layers[i].kind == LAYER_POOL) field = facts.field;
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:I, s:I, s:i, s:i}", "cell", e->cell, "arm", e->arm,
                     "base", e->base, "net", e->net, "recipe", e->recipe, "data", e->data_name, "batch", e->batch, "epochs",
                     e->study_epochs, "tests", text_or_null(e->tests), "published",
                     real_or_null(!*e->arm && e->zoo->published_acc > 0 ? e->zoo->published_acc : NAN), "published_loss",
                     real_or_null(!*e->arm && e->zoo->published_loss > 0 ? e->zoo->published_loss : NAN), "published_steps_per_s",
                     real_or_null(!*e->arm && e->zoo->published_steps_per_s > 0 ? e->zoo->published_steps_per_s : NAN), "parameters",
                     (json_int_t)net_parameters(&net), "macs", (json_int_t)macs, "field", field, "seeds", entry_seeds(s, e));
}

static json_t *figure_record(const struct sweep *s, const struct figure *f)
{
    double fact = NAN;
    for (int i = 0; i < s->entry_count && f->metric >= PARAMETERS; i++)
        if (strcmp(s->entries[i].cell, f->cell) == 0 && strcmp(s->entries[i].arm, f->arm ? f->arm : "") == 0) {
            json_t *row = json_pack("{s:s}", "net", s->entries[i].net);
            fact = metric_of(row, f->metric, f->at);
            json_decref(row);
        }
    return json_pack("{s:s, s:s, s:o, s:f, s:o, s:s}", "cell", f->cell, "arm", f->arm ? f->arm : "", "metric",
                     metric_record(f->metric, f->at), "published", f->value, "fact", real_or_null(fact), "as", f->as);
}

const char *relation_key(enum relation relation)
{
    static const char *const keys[] = {
        [MORE] = "more", [LESS] = "less", [SAME] = "same", [NOT_MORE] = "not_more", [NOT_LESS] = "not_less"
    };
    return keys[relation];
}

static json_t *claim_record(const struct claim *c)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:o, s:f}", "says", c->says, "cell", c->cell, "arm", c->arm ? c->arm : "", "relation",
                     relation_key(c->relation), "than_cell", text_or_null(c->than_cell), "than_arm", c->than_arm ? c->than_arm : "",
                     "metric", metric_record(c->metric, c->at), "margin", c->margin);
}

void describe(const struct sweep *s, FILE *out)
{
    assert(s->of && s->entry_count > 0);
    json_t *entries = json_array(), *nets = json_object(), *figures = json_array(), *claims = json_array();
    for (int i = 0; i < s->entry_count; i++) {
        json_array_append_new(entries, entry_record(s, &s->entries[i]));
        if (!*s->entries[i].arm) json_object_set_new(nets, s->entries[i].cell, net_record(s->entries[i].net));
    }
    for (const struct figure *f = s->of->figures; f && f->cell; f++) json_array_append_new(figures, figure_record(s, f));
    for (const struct claim *c = s->of->claims; c && c->says; c++) json_array_append_new(claims, claim_record(c));
    json_t *record = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "study", s->study, "question", s->of->zoo->question, "data",
                               s->of->zoo->data, "entries", entries, "nets", nets, "figures", figures, "claims", claims);
    json_dumpf(record, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    fputc('\n', out);
    json_decref(record);
}
