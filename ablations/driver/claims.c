/* SPDX-License-Identifier: MIT
 * What a text says against what its rows say. A figure is held against the interval for one more run, measured as it was measured there;
 * what a run does or does not do, such as failing, against the share of our runs that do the same. A
 * claim is a comparison of two cells or arms: over common seeds the difference is paired, else Welch's; shares of runs by Fisher's exact
 * test. Holm's correction runs over the study's claims that have rows, so that twenty claims are not granted one false success. */
#include "driver.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The sweep's rows on one data set, whole: by run, NULL where there is none. */
struct found {
    const struct sweep *s;
    const struct dataset *data;
    json_t **rows;
};

static int run_of(const struct sweep *s, const char *id)
{
    for (int i = 0; id && i < s->run_count; i++)
        if (strcmp(s->runs[i].id, id) == 0) return i;
    return -1;
}

static struct found found_open(const struct sweep *s, const struct rows *rows, const struct dataset *data)
{
    struct found f = { s, data, calloc((size_t)s->run_count, sizeof(json_t *)) };
    FILE *in = rows->regular ? fopen(rows->path, "r") : NULL;
    char *line = NULL;
    size_t room = 0;
    if (!f.rows) quit(EXIT_FAIL, "out of memory for the tables");
    while (in && getline(&line, &room, in) > 0) {
        json_t *row = json_loads(line, 0, NULL);
        int i = run_of(s, json_string_value(json_object_get(row, "id")));
        if (i >= 0 && !f.rows[i] && s->runs[i].entry->data == data) f.rows[i] = json_incref(row);
        json_decref(row);
    }
    free(line);
    if (in) fclose(in);
    return f;
}

static void found_close(struct found *f)
{
    for (int i = 0; i < f->s->run_count; i++) json_decref(f->rows[i]);
    free(f->rows);
}

/* ---- one side of a comparison ------------------------------------------------------------------------------------------------------ */

struct side {
    int n;
    uint64_t seeds[MAX_SEEDS];
    double values[MAX_SEEDS];
    const struct entry *entry;
};

static bool is_entry(const struct entry *e, const char *cell, const char *arm)
{
    return strcmp(e->cell, cell) == 0 && strcmp(e->arm, arm ? arm : "") == 0;
}

/* Values that the rows do not tell are left out. */
static void side_of(const struct found *f, const char *cell, const char *arm, enum metric metric, double at, struct side *side)
{
    *side = (struct side){ 0 };
    for (int i = 0; i < f->s->run_count && side->n < MAX_SEEDS; i++) {
        const struct run *run = &f->s->runs[i];
        if (!f->rows[i] || !is_entry(run->entry, cell, arm)) continue;
        double value = metric_of(f->rows[i], metric, at);
        side->entry = run->entry;
        if (!isfinite(value)) continue;
        side->seeds[side->n] = run->seed;
        side->values[side->n++] = value;
    }
}

static int count_of(const struct side *side)
{
    int count = 0;
    for (int i = 0; i < side->n; i++) count += side->values[i] > 0.5;
    return count;
}

/* The values of a at seeds that b has, too. */
static struct side shared_with(const struct side *a, const struct side *b)
{
    struct side shared = { .entry = a->entry };
    for (int i = 0; i < a->n; i++)
        for (int k = 0; k < b->n; k++)
            if (a->seeds[i] == b->seeds[k]) {
                shared.seeds[shared.n] = a->seeds[i];
                shared.values[shared.n++] = a->values[i];
            }
    return shared;
}

/* Sides with two common seeds or more are cut to these, and compared in pairs: both are in the order of their seeds. */
static struct effect means_differ(struct side *a, struct side *b)
{
    static double differences[MAX_SEEDS];
    static struct side shared;
    shared = shared_with(a, b);
    if (shared.n < 2) return effect_welch(a->values, a->n, b->values, b->n);
    *b = shared_with(b, a);
    *a = shared;
    for (int i = 0; i < a->n; i++) differences[i] = a->values[i] - b->values[i];
    return effect_paired(differences, a->n);
}

static struct effect effect_of(const struct claim *c, struct side *a, struct side *b)
{
    static double beyond[MAX_SEEDS];
    if (metric_is_share(c->metric))
        return c->than_cell ? effect_shares(count_of(a), a->n, count_of(b), b->n) : effect_share(count_of(a), a->n, c->margin);
    if (c->than_cell) return means_differ(a, b);
    for (int i = 0; i < a->n; i++) beyond[i] = a->values[i] - c->margin;
    return effect_paired(beyond, a->n);
}

enum verdict claim_verdict(const struct claim *c, const struct effect *e, double p)
{
    if (c->relation == SAME) {
        assert(c->margin > 0 && c->than_cell);
        return e->low > -c->margin && e->high < c->margin ? HOLDS : e->low > c->margin || e->high < -c->margin ? HOLDS_NOT : NOT_SEPARABLE;
    }
    if (c->relation == NOT_MORE) return e->high < c->margin ? HOLDS : e->low > c->margin ? HOLDS_NOT : NOT_SEPARABLE;
    if (c->relation == NOT_LESS) return e->low > -c->margin ? HOLDS : e->high < -c->margin ? HOLDS_NOT : NOT_SEPARABLE;
    double sign = c->relation == MORE ? 1 : -1, most = c->relation == MORE ? e->high : -e->low;
    if (c->than_cell && c->margin > 0 && most < c->margin) return HOLDS_NOT;
    return !(p < 0.05) ? NOT_SEPARABLE : sign * e->mean > 0 ? HOLDS : HOLDS_NOT;
}

/* ---- claims ------------------------------------------------------------------------------------------------------------------------ */

struct finding {
    const struct claim *claim;
    struct effect effect;
    double p;
    enum verdict verdict;
    double value, than;
};

static double mean_of(const struct side *side) { return summarize(side->values, side->n).mean; }

/* Those with rows on both sides, verdicts made; returns how many. */
static int findings_make(const struct found *f, struct finding *findings)
{
    static struct side a, b;
    double p[MAX_TESTS];
    int n = 0;
    for (const struct claim *c = f->s->of->claims; c && c->says; c++) {
        side_of(f, c->cell, c->arm, c->metric, c->at, &a);
        b = (struct side){ 0 };
        if (c->than_cell) side_of(f, c->than_cell, c->than_arm, c->metric, c->at, &b);
        struct effect effect = effect_of(c, &a, &b);
        if (isnan(effect.low)) continue;
        assert(n < MAX_TESTS);
        p[n] = c->relation >= SAME ? NAN : effect.p;
        findings[n++] =
            (struct finding){ .claim = c, .effect = effect, .value = mean_of(&a), .than = c->than_cell ? mean_of(&b) : c->margin };
    }
    holm(p, n);
    for (int i = 0; i < n; i++) {
        findings[i].p = p[i];
        findings[i].verdict = claim_verdict(findings[i].claim, &findings[i].effect, p[i]);
    }
    return n;
}

static const char *verdict_words(const struct finding *f, char text[48])
{
    static const char *const words[] = { [HOLDS] = "holds", [HOLDS_NOT] = "does not hold" };
    if (f->verdict == NOT_SEPARABLE) snprintf(text, 48, "not separable at n = %d", f->effect.n);
    else snprintf(text, 48, "%s", words[f->verdict]);
    return text;
}

static const char *name_of(const char *cell, const char *arm, char text[160])
{
    snprintf(text, 160, arm ? "%s: %s" : "%s", cell, arm);
    return text;
}

static void print_claim(const struct finding *f, FILE *out)
{
    const struct claim *c = f->claim;
    const struct effect *e = &f->effect;
    static const char *const relations[] = { [MORE] = ">", [LESS] = "<", [SAME] = "=", [NOT_MORE] = "<=", [NOT_LESS] = ">=" };
    char one[160], other[160], metric[METRIC_NAME_SIZE], verdict[48], p[32] = "interval";
    int digits = metric_digits(c->metric);
    if (c->than_cell) name_of(c->than_cell, c->than_arm, other);
    else snprintf(other, sizeof other, "%g", c->margin);
    if (!isnan(f->p)) snprintf(p, sizeof p, f->p < 0.0001 ? "< 0.0001" : "%.4f", f->p);
    fprintf(out, "| %s | %s %s %s | %s | %.*f, %.*f | %+.*f [%+.*f, %+.*f] | %d | %s | %s |\n", c->says, name_of(c->cell, c->arm, one),
            relations[c->relation], other, metric_name(c->metric, c->at, metric), digits, f->value, digits, f->than, digits, e->mean,
            digits, e->low, digits, e->high, e->n, p, verdict_words(f, verdict));
}

/* ---- figures ----------------------------------------------------------------------------------------------------------------------- */

/* alike: runs that do the same, -1 where that is not the question. */
struct told {
    const struct figure *figure;
    struct summary ours;
    double low, high;
    int alike;
    const char *verdict;
};

/* Half of the last digit that the text gives; parameters are counted, or rounded to as many tens as they end in zeros. */
static double slack_of(const struct figure *figure)
{
    double unit = pow(10, -metric_digits(figure->metric));
    while (figure->metric == PARAMETERS && figure->value > 0 && fmod(figure->value, 10 * unit) == 0) unit *= 10;
    return 0.5 * unit;
}

/* Whether the text says what a run does or does not do, and then which of our runs do the same: their count, else -1. */
static int alike_of(const struct found *f, const struct figure *figure, const struct side *values)
{
    static struct side failed;
    if (metric_is_share(figure->metric)) return figure->value > 0.5 ? count_of(values) : values->n - count_of(values);
    if (figure->metric != TEST_ACC || figure->value >= FAILS) return -1;
    side_of(f, figure->cell, figure->arm, FAILED, 0, &failed);
    return count_of(&failed);
}

/* None of n does the same: is that enough to call it rare? */
static bool surely_rare(int n)
{
    double low, high;
    wilson(0, n, &low, &high);
    return high < 0.2;
}

static bool told_by(const struct found *f, const struct figure *figure, struct told *told)
{
    static struct side side;
    side_of(f, figure->cell, figure->arm, figure->metric, figure->at, &side);
    if (side.n == 0) return false;
    *told = (struct told){ .figure = figure, .ours = summarize(side.values, side.n) };
    told->alike = alike_of(f, figure, &side);
    told->low = told->high = NAN;
    if (told->alike < 0) one_more(&told->ours, &told->low, &told->high);
    if (metric_is_per_cent(figure->metric) && !isnan(told->low)) {
        told->low = fmax(told->low, 0);
        told->high = fmin(told->high, 100);
    }
    bool fact = figure->metric >= PARAMETERS;
    double slack = slack_of(figure);
    if (fact) told->low = told->high = told->ours.mean;
    told->verdict = !side.entry->study_data && !fact                                                     ? "not comparable: other data"
                    : (side.entry->shortened || side.entry->epochs != side.entry->study_epochs) && !fact ? "not comparable: a short run"
                    : side.n < 2 && !fact                                                                ? "one run"
                    : told->alike > 0                                                                    ? "inside"
                    : told->alike == 0 && !surely_rare(side.n)                                           ? "too few runs"
                    : told->alike == 0 ? (figure->metric != TEST_ACC && figure->value > 0.5 ? "published is above" : "published is below")
                    : figure->value < told->low - slack  ? (fact ? "wrong" : "published is below")
                    : figure->value > told->high + slack ? (fact ? "wrong" : "published is above")
                    : fact                               ? "right"
                                                         : "inside";
    return true;
}

static void print_figure(const struct told *t, FILE *out)
{
    char name[160], metric[METRIC_NAME_SIZE], spread[80] = "";
    int digits = metric_digits(t->figure->metric);
    if (t->figure->metric < PARAMETERS && t->ours.n > 1)
        snprintf(spread, sizeof spread, " ± %.*f [%.*f, %.*f], %d", digits, t->ours.sd, digits, t->low, digits, t->high, t->ours.n);
    if (t->alike >= 0) snprintf(spread, sizeof spread, ", %d of %d do the same", t->alike, t->ours.n);
    fprintf(out, "| %s | %s | %.*f | %.*f%s | %s | %s |\n", name_of(t->figure->cell, t->figure->arm, name),
            metric_name(t->figure->metric, t->figure->at, metric), digits, t->figure->value, digits, t->ours.mean, spread, t->verdict,
            t->figure->as);
}

/* ---- both -------------------------------------------------------------------------------------------------------------------------- */

void findings_print(const struct sweep *s, const struct rows *rows, const struct dataset *data, FILE *out)
{
    struct found f = found_open(s, rows, data);
    static struct finding findings[MAX_TESTS];
    struct told told;
    int n = findings_make(&f, findings), figures = 0;
    for (const struct figure *figure = s->of->figures; figure && figure->cell; figure++) {
        if (!told_by(&f, figure, &told)) continue;
        if (figures++ == 0)
            fprintf(out, "Figures of the text, each measured as it was measured there:\n\n"
                         "| cell | measure | published | ours: mean ± sd [95 %% for one more run], n | verdict | where it stands |\n"
                         "|---|---|---|---|---|---|\n");
        print_figure(&told, out);
    }
    if (figures) fprintf(out, "\n");
    if (n) {
        fprintf(out, "Claims of the text:\n\n| claim | compared | measure | means | difference [95 %% CI] | n | p (Holm) | verdict |\n"
                     "|---|---|---|---|---|---|---|---|\n");
        int tests = 0;
        for (int i = 0; i < n; i++) {
            print_claim(&findings[i], out);
            tests += !isnan(findings[i].p);
        }
        fprintf(out,
                "\nDifferences are paired over common seeds; shares by Fisher's exact test with Newcombe's interval. Holm over the %d "
                "with a p. A claim of no difference (=, <=, >=) is decided by its interval.\n\n",
                tests);
    }
    found_close(&f);
}

static json_t *side_record(const char *cell, const char *arm) { return json_pack("{s:s, s:s}", "cell", cell, "arm", arm ? arm : ""); }

static json_t *claim_record(const struct found *f, const struct finding *finding)
{
    const struct claim *c = finding->claim;
    const struct effect *e = &finding->effect;
    char metric[METRIC_NAME_SIZE], verdict[48];
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:s}", "kind", "claim", "study",
                     f->s->study, "data", f->data->name, "says", c->says, "of", side_record(c->cell, c->arm), "than",
                     c->than_cell ? side_record(c->than_cell, c->than_arm) : real_or_null(c->margin), "relation", relation_key(c->relation),
                     "metric", metric_name(c->metric, c->at, metric), "value", real_or_null(finding->value), "than_value",
                     real_or_null(finding->than), "effect", real_or_null(e->mean), "ci_low", real_or_null(e->low), "ci_high",
                     real_or_null(e->high), "n", e->n, "than_n", e->than_n, "p", real_or_null(e->p), "p_holm", real_or_null(finding->p),
                     "verdict", verdict_words(finding, verdict));
}

static json_t *figure_record(const struct found *f, const struct told *t)
{
    char metric[METRIC_NAME_SIZE];
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:s, s:s}", "kind", "figure", "study", f->s->study, "data",
                     f->data->name, "of", side_record(t->figure->cell, t->figure->arm), "metric",
                     metric_name(t->figure->metric, t->figure->at, metric), "published", real_or_null(t->figure->value), "mean",
                     real_or_null(t->ours.mean), "sd", real_or_null(t->ours.sd), "one_more_low", real_or_null(t->low), "one_more_high",
                     real_or_null(t->high), "n", t->ours.n, "verdict", t->verdict, "as", t->figure->as);
}

void findings_records(const struct sweep *s, const struct rows *rows, const struct dataset *data, json_t *records)
{
    assert(json_is_array(records));
    struct found f = found_open(s, rows, data);
    static struct finding findings[MAX_TESTS];
    struct told told;
    for (const struct figure *figure = s->of->figures; figure && figure->cell; figure++)
        if (told_by(&f, figure, &told)) json_array_append_new(records, figure_record(&f, &told));
    int n = findings_make(&f, findings);
    for (int i = 0; i < n; i++) json_array_append_new(records, claim_record(&f, &findings[i]));
    found_close(&f);
}
