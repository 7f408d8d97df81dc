/* SPDX-License-Identifier: MIT
 * The table for people: Markdown with its notes, and under it, on a terminal alone, the same as small bars. */
#include "driver.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- words and numbers */

/* A number of any size with the digits that matter, "" for NAN; whole ones by thousands. */
static const char *shown(double value, int digits, char text[48])
{
    if (!isfinite(value)) {
        text[0] = 0;
    } else if (digits >= 0 && fabs(value) >= 1e5) { /* a loss that has gone away */
        snprintf(text, 48, "%.2e", value);
    } else if (digits >= 0 || value < 1000) {
        snprintf(text, 48, "%.*f", digits < 0 ? 0 : digits, value);
    } else if (value < 1e6) {
        long whole = lround(value);
        snprintf(text, 48, "%ld,%03ld", whole / 1000, whole % 1000);
    } else {
        long whole = lround(value);
        snprintf(text, 48, "%ld,%03ld,%03ld", whole / 1000000, whole / 1000 % 1000, whole % 1000);
    }
    return text;
}

/* "99.21 ± 0.10, 10" of an accuracy; of a difference with its sign. */
static const char *spread(const struct summary *v, bool difference, char text[96])
{
    assert(v->n >= 0);
    if (v->n == 0) text[0] = 0;
    else if (v->n == 1) snprintf(text, 96, difference ? "%+.2f, 1" : "%.2f, 1", v->mean);
    else snprintf(text, 96, difference ? "%+.2f ± %.2f, %d" : "%.2f ± %.2f, %d", v->mean, v->sd, v->n);
    return text;
}

/* "cell" or "cell: arm"; returns the characters it takes. */
static int name_of(const struct line *l, char text[96])
{
    assert(l->entry);
    return snprintf(text, 96, "%s%s%s", l->entry->cell, *l->entry->arm ? ": " : "", l->entry->arm);
}

static bool any_published(const struct line *lines, int count)
{
    for (int i = 0; i < count; i++)
        if (isfinite(published_of(&lines[i]))) return true;
    return false;
}

/* ---- the table */

static void md_accuracy(const struct line *lines, int count, FILE *out)
{
    bool arms = false, published_any = any_published(lines, count);
    for (int i = 0; i < count; i++) arms |= lines[i].paired.n > 0;
    fprintf(out, "| cell |%s mean ± sd, n |%s best on test | train | test loss | images/s | MB |\n",
            published_any ? " published | reproduced" : "", arms ? " minus what it changes, paired |" : "");
    fprintf(out, "|---|%s---|%s---|---|---|---|---|\n", published_any ? "---|" : "", arms ? "---|" : "");
    for (int i = 0; i < count; i++) {
        const struct line *l = &lines[i];
        char name[96], published[48], test[96], paired[96], best[48], train[48], loss[48], speed[48];
        shown(published_of(l), 2, published);
        name_of(l, name);
        fprintf(out, "| %s |", name);
        if (published_any) fprintf(out, " %s |", published);
        fprintf(out, " %s |", spread(&l->test, false, test));
        if (arms) fprintf(out, " %s |", spread(&l->paired, true, paired));
        fprintf(out, " %s | %s | %s | %s | %.1f of %.0f |\n", shown(l->best.mean, 2, best), shown(l->train.mean, 2, train),
                shown(l->loss.mean, 4, loss), shown(l->train_speed.mean, -1, speed), l->arenas.mean / 1e6, l->peak.mean / 1e6);
    }
}

static void md_timing(const struct line *lines, int count, FILE *out)
{
    assert(count > 0);
    fprintf(out, "| cell | threads | isa | training images/s | inference images/s | MB |\n|---|---|---|---|---|---|\n");
    for (int i = 0; i < count; i++) {
        const struct line *l = &lines[i];
        char name[96], train[48], infer[48];
        name_of(l, name);
        fprintf(out, "| %s | %d | %s | %s | %s | %.1f of %.0f |\n", name, l->first->threads, l->first->isa,
                shown(l->train_speed.mean, -1, train), shown(l->infer_speed.mean, -1, infer), l->arenas.mean / 1e6, l->peak.mean / 1e6);
    }
}

static void md_notes(const struct sweep *s, const struct rows *rows, const struct line *lines, int count, FILE *out)
{
    assert(count > 0);
    double p = lines[0].test.mean / 100, n = lines[0].entry->test_images;
    char images[48];
    bool quiet = true;
    for (int i = 0; i < count; i++) quiet &= lines[i].first->quiet;
    fprintf(out, "\n");
    if (!s->wish->timing) {
        fprintf(out, "Test accuracy in per cent after the last epoch; \"best on test\" picks the epoch on the test set and is no result. ");
        if (p > 0 && p < 1)
            fprintf(out, "One run's binomial standard error on %s images is %.2f. ", shown(n, -1, images), 100 * sqrt(p * (1 - p) / n));
    }
    fprintf(out, "Images/s cover training steps with batch assembly%s. MB: planned arenas of peak resident memory, data set included.\n",
            quiet ? "" : ", measured beside other runs (not quiet: --timing measures alone)");
    for (int i = 0; i < count && !s->wish->timing; i++) {
        const struct entry *e = lines[i].entry;
        if (isfinite(published_of(&lines[i])) && e->zoo->published_as)
            fprintf(out, "\nPublished for %s, %.2f: %s.\n", e->cell, e->zoo->published_acc, e->zoo->published_as);
    }
    if (!s->wish->timing && s->of->arms) fprintf(out, "\nIntervals and verdicts: tools/report %s\n", rows->path);
    fprintf(out, "\n");
}

/* ---- bars */

enum { BAR_WIDTH = 44 };

static int name_width(const struct line *lines, int count)
{
    char text[96];
    int widest = 0;
    for (int i = 0; i < count; i++) {
        int width = name_of(&lines[i], text);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static int place(double value, double low, double high)
{
    double at = high > low ? (value - low) / (high - low) * (BAR_WIDTH - 1) : 0;
    return (int)lround(fmax(0, fmin(BAR_WIDTH - 1, at)));
}

/* Ours with one standard deviation to each side and the published value, all on one scale. */
static void accuracy_bars(const struct line *lines, int count, FILE *out)
{
    double low = 100, high = 0; /* fmin and fmax pass over NAN */
    for (int i = 0; i < count; i++) {
        const struct summary *v = &lines[i].test;
        low = fmax(0, fmin(fmin(low, published_of(&lines[i])), fmin(v->mean, v->mean - v->sd)));
        high = fmin(100, fmax(fmax(high, published_of(&lines[i])), fmax(v->mean, v->mean + v->sd)));
    }
    fprintf(out, "%.2f to %.2f %%: ● ours ± 1 sd%s\n", low, high, any_published(lines, count) ? ", ○ published" : "");
    for (int i = 0; i < count; i++) {
        const struct line *l = &lines[i];
        const char *marks[BAR_WIDTH];
        char name[96];
        const double from = l->test.mean - l->test.sd, to = l->test.mean + l->test.sd;
        for (int k = 0; k < BAR_WIDTH; k++)
            marks[k] = isfinite(from) && k >= place(from, low, high) && k <= place(to, low, high) ? "─" : " ";
        if (isfinite(published_of(l))) marks[place(published_of(l), low, high)] = "○";
        if (isfinite(l->test.mean)) marks[place(l->test.mean, low, high)] = "●";
        name_of(l, name);
        fprintf(out, "  %-*s ", name_width(lines, count), name);
        for (int k = 0; k < BAR_WIDTH; k++) fputs(marks[k], out);
        fprintf(out, " %6.2f\n", l->test.mean);
    }
    fprintf(out, "\n");
}

static void speed_bars(const struct line *lines, int count, FILE *out)
{
    double most = 0;
    for (int i = 0; i < count; i++) most = fmax(most, lines[i].train_speed.mean);
    fprintf(out, "training images/s\n");
    for (int i = 0; i < count; i++) {
        char name[96], speed[48];
        int length = most > 0 ? place(lines[i].train_speed.mean, 0, most) + 1 : 0;
        name_of(&lines[i], name);
        fprintf(out, "  %-*s %2d ", name_width(lines, count), name, lines[i].first->threads);
        for (int k = 0; k < BAR_WIDTH; k++) fputs(k < length ? "█" : " ", out);
        fprintf(out, " %s\n", shown(lines[i].train_speed.mean, -1, speed));
    }
    fprintf(out, "\n");
}

void markdown_print(const struct sweep *s, const struct rows *rows, const struct line *lines, int count, const struct dataset *data,
                    FILE *out)
{
    assert(count > 0);
    assert(data);
    const char *kind = s->wish->timing ? ", speed" : s->options->quick ? ", quick" : "";
    fprintf(out, "### %s on %s%s%s\n\n", s->study, data->name, data->synthetic ? " (synthetic)" : "", kind);
    if (s->wish->timing) md_timing(lines, count, out);
    else md_accuracy(lines, count, out);
    md_notes(s, rows, lines, count, out);
    if (at_terminal(out)) (s->wish->timing ? speed_bars : accuracy_bars)(lines, count, out);
}
