/* SPDX-License-Identifier: MIT
 * A study as data: what was published of its cells, which cells and arms there are, what each net is. tools/report reads this beside the
 * rows and ablations/claims/, so that nothing about a study is written twice. */
#include "driver.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static json_t *text_or_null(const char *text) { return text ? json_string(text) : json_null(); }

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
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:I, s:I, s:i, s:f, s:i}", "cell", e->cell, "arm",
                     e->arm, "base", e->base, "net", e->net, "recipe", e->recipe, "data", e->data_name, "batch", e->batch, "epochs",
                     e->study_epochs, "tier", e->tier, "tests", text_or_null(e->tests), "published",
                     real_or_null(!*e->arm && e->zoo->published_acc > 0 ? e->zoo->published_acc : NAN), "published_loss",
                     real_or_null(!*e->arm && e->zoo->published_loss > 0 ? e->zoo->published_loss : NAN), "published_steps_per_s",
                     real_or_null(!*e->arm && e->zoo->published_steps_per_s > 0 ? e->zoo->published_steps_per_s : NAN), "parameters",
                     (json_int_t)net_parameters(&net), "macs", (json_int_t)macs, "field", field, "memory", net_estimated(&net, 1).total,
                     "seeds", entry_seeds(s, e));
}

void describe(const struct sweep *s, FILE *out)
{
    assert(s->of);
    assert(s->entry_count > 0);
    json_t *entries = json_array(), *nets = json_object();
    for (int i = 0; i < s->entry_count; i++) {
        json_array_append_new(entries, entry_record(s, &s->entries[i]));
        if (!*s->entries[i].arm) json_object_set_new(nets, s->entries[i].cell, net_record(s->entries[i].net));
    }
    json_t *record = json_pack("{s:s, s:s, s:s, s:o, s:o}", "study", s->study, "question", s->of->zoo->question, "data", s->of->zoo->data,
                               "entries", entries, "nets", nets);
    json_dumpf(record, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    fputc('\n', out);
    json_decref(record);
}
