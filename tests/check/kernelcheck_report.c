/* SPDX-License-Identifier: MIT
 * What kernelcheck found, as text for people, as JSON, or as JUnit XML for CI systems: there a line of the report is a test case, a mutant
 * that lives is a failure of its op. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../kernels/runtime/clock.h"
#include "kernelcheck.h"

/* ---- progress ---- */

static bool drawn;

void report_progress(void *context, enum op op, int done, int total)
{
    static uint64_t last_ns;
    const struct arguments *a = context;
    const bool terminal = isatty(STDERR_FILENO);
    const uint64_t now = clock_ns();
    if (a->quiet || (terminal ? done && now - last_ns < 100000000 : done)) return;
    last_ns = now;
    if (!terminal) fprintf(stderr, "kernelcheck: %s: %d problems\n", op_name(op), total);
    else fprintf(stderr, "\r\033[K%s: problem %d of %d", op_name(op), done + 1, total);
    fflush(stderr);
    drawn = terminal;
}

static void clear_progress(void)
{
    if (drawn) fputs("\r\033[K", stderr);
    drawn = false;
}

/* ---- text ---- */

static bool dead(const struct check_row *r)
{
    for (int d = 0; d < CHECK_DIRECTIONS; d++)
        if (r->line[d].failures) return true;
    return false;
}

/* The command that brings a failure back. */
static const char *again(const struct check *c, const struct check_row *r, const char *direction, const struct check_line *l, char *text,
                         size_t size)
{
    const bool problem = l->failed_problem[0];
    snprintf(text, size, "kernelcheck --op %s.%s --isa %s --algo %s%s%s --seed %llu", op_name(c->cases->op), direction,
             isa_name(r->variant->isa), r->variant->algo, problem ? " --problem " : "", problem ? l->failed_problem : "",
             (unsigned long long)c->seed);
    return text;
}

static void text_line(const struct arguments *a, const struct check *c, const struct check_row *r, const char *direction,
                      const struct check_line *l)
{
    char name[64], row[64], command[512];
    if (a->quiet && !l->failures) return;
    snprintf(name, sizeof name, "%s.%s", op_name(c->cases->op), direction);
    snprintf(row, sizeof row, "%s/%s", isa_name(r->variant->isa), r->variant->algo);
    fprintf(a->out, "%-21s %-18s %-4s %6ld cases", name, row, l->failures ? "FAIL" : "OK", l->trials);
    if (l->failures) fprintf(a->out, "  %ld wrong: %s  %s\n", l->failures, l->failed_problem, l->failure);
    else if (l->worst > 0) fprintf(a->out, "  worst %.2g of bound  %s\n", l->worst, l->worst_problem);
    else fprintf(a->out, "  exact\n");
    if (l->failures) fprintf(a->out, "    again: %s\n", again(c, r, direction, l, command, sizeof command));
}

static void text_mutants(const struct arguments *a, const struct check *c, int killed)
{
    const char *op = op_name(c->cases->op);
    const bool good = killed == c->rows - 1 && !dead(&c->row[0]);
    if (a->quiet && good) return;
    fprintf(a->out, "%-40s %-4s %6d of %d killed\n", a->quiet ? op : "", good ? "OK" : "FAIL", killed, c->rows - 1);
    for (int i = 0; i < c->rows; i++) {
        if (i && !dead(&c->row[i])) fprintf(a->out, "    survived: %s: %s\n", op, c->row[i].mutant);
        for (int d = 0; !i && d < CHECK_DIRECTIONS; d++)
            if (c->row[0].line[d].failures)
                fprintf(a->out, "    convicted, though right: %s.%s: %s  %s\n", op, c->cases->directions[d],
                        c->row[0].line[d].failed_problem, c->row[0].line[d].failure);
    }
}

/* ---- JSON ---- */

/* Names and findings hold no control characters; quotes occur. */
static void json_text(FILE *out, const char *key, const char *text)
{
    fprintf(out, ", \"%s\": \"", key);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void json_line(struct arguments *a, const struct check *c, const struct check_row *r, const char *direction,
                      const struct check_line *l)
{
    fprintf(a->out, "%s\n  {\"op\": \"%s\"", a->printed++ ? "," : "", op_name(c->cases->op));
    json_text(a->out, "direction", direction);
    json_text(a->out, "isa", isa_name(r->variant->isa));
    json_text(a->out, "algo", r->variant->algo);
    fprintf(a->out, ", \"ok\": %s, \"cases\": %ld, \"wrong\": %ld, \"worst_of_bound\": %.4g, \"seed\": %llu",
            l->failures ? "false" : "true", l->trials, l->failures, l->worst, (unsigned long long)c->seed);
    json_text(a->out, "worst_problem", l->worst_problem);
    if (l->failures) {
        json_text(a->out, "failed_problem", l->failed_problem);
        json_text(a->out, "finding", l->failure);
    }
    fputc('}', a->out);
}

/* ---- JUnit ---- */

static void xml_text(FILE *out, const char *text)
{
    for (; *text; text++) switch (*text) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        default: fputc(*text, out);
        }
}

/* failure NULL: it passed. */
static void junit_case(struct arguments *a, const char *class, const char *name, const char *failure, const char *more)
{
    a->printed++;
    a->failed += failure != NULL;
    fprintf(a->out, "  <testcase classname=\"kernelcheck.%s\" name=\"", class);
    xml_text(a->out, name);
    fprintf(a->out, failure ? "\">\n    <failure message=\"" : "\"/>\n");
    if (!failure) return;
    xml_text(a->out, failure);
    fputs("\">", a->out);
    xml_text(a->out, more);
    fputs("</failure>\n  </testcase>\n", a->out);
}

static void junit_line(struct arguments *a, const struct check *c, const struct check_row *r, const char *direction,
                       const struct check_line *l)
{
    char class[64], name[64], command[512], failure[512];
    snprintf(class, sizeof class, "%s.%s", op_name(c->cases->op), direction);
    snprintf(name, sizeof name, "%s/%s", isa_name(r->variant->isa), r->variant->algo);
    snprintf(failure, sizeof failure, "%ld wrong of %ld: %s %s", l->failures, l->trials, l->failed_problem, l->failure);
    junit_case(a, class, name, l->failures ? failure : NULL, again(c, r, direction, l, command, sizeof command));
}

/* ---- all of them ---- */

void report_begin(struct arguments *a)
{
    a->out = stdout;
    if (a->format == REPORT_JUNIT) a->out = open_memstream(&a->cases, &a->length);
    if (a->format == REPORT_JSON) fputc('[', a->out);
}

static void report_mutants(struct arguments *a, const struct check *c)
{
    char name[64], survivors[1024] = "";
    int killed = 0;
    const char *op = op_name(c->cases->op);
    for (int i = 1; i < c->rows; i++) {
        const size_t used = strlen(survivors);
        killed += dead(&c->row[i]);
        if (!dead(&c->row[i])) snprintf(survivors + used, sizeof survivors - used, "survived: %s\n", c->row[i].mutant);
    }
    const bool good = killed == c->rows - 1 && !dead(&c->row[0]);
    snprintf(name, sizeof name, "%d mutants", c->rows - 1);
    if (a->format == REPORT_TEXT) text_mutants(a, c, killed);
    else if (a->format == REPORT_JUNIT) junit_case(a, op, name, good ? NULL : "a mutant lives, or a right variant does not", survivors);
    else
        fprintf(a->out, "%s\n  {\"op\": \"%s\", \"mutants\": %d, \"killed\": %d, \"right_lives\": %s}", a->printed++ ? "," : "", op,
                c->rows - 1, killed, dead(&c->row[0]) ? "false" : "true");
}

void report_op(const struct check *c, void *context)
{
    static void (*const line[])(struct arguments *, const struct check *, const struct check_row *, const char *,
                                const struct check_line *) = { [REPORT_JSON] = json_line, [REPORT_JUNIT] = junit_line };
    struct arguments *a = context;
    clear_progress();
    if (c->row[0].mutant) report_mutants(a, c);
    for (int i = 0; i < c->rows && !c->row[0].mutant; i++)
        for (int d = 0; c->cases->directions[d]; d++) {
            const struct check_line *l = &c->row[i].line[d];
            if (!l->trials && !l->failures) continue;
            if (a->format == REPORT_TEXT) text_line(a, c, &c->row[i], c->cases->directions[d], l);
            else line[a->format](a, c, &c->row[i], c->cases->directions[d], l);
        }
    fflush(a->out);
}

void report_vectors(struct arguments *a, enum isa isa, long made, const char *finding)
{
    char command[160];
    const char *name = isa_name(isa);
    snprintf(command, sizeof command, "kernelcheck --op v --isa %s --cases %d --seed %llu", name, a->check.cases,
             (unsigned long long)a->check.seed);
    clear_progress();
    if (a->format == REPORT_JUNIT) {
        junit_case(a, "v", name, made < 0 ? finding : NULL, command);
    } else if (a->format == REPORT_JSON) {
        fprintf(a->out, "%s\n  {\"op\": \"v\"", a->printed++ ? "," : "");
        json_text(a->out, "isa", name);
        fprintf(a->out, ", \"ok\": %s, \"cases\": %ld", made < 0 ? "false" : "true", made < 0 ? 0 : made);
        if (made < 0) json_text(a->out, "finding", finding);
        fputc('}', a->out);
    } else if (made < 0) {
        fprintf(a->out, "%-21s %-18s FAIL  %s\n    again: %s\n", "v", name, finding, command);
    } else if (!a->quiet) {
        fprintf(a->out, "%-21s %-18s OK   %6ld vectors of 16 compared\n", "v", name, made);
    }
    fflush(a->out);
}

int report_end(struct arguments *a, const struct check_total *t, double seconds)
{
    clear_progress();
    if (a->format == REPORT_JSON) printf("\n]\n");
    if (a->format == REPORT_TEXT)
        printf("%s: %d lines, %ld cases, %d of %d mutants killed, %ld wrong, seed %llu, %.1f s on %s\n", t->failures ? "FAIL" : "OK",
               t->lines, t->trials, t->killed, t->mutants, t->failures, (unsigned long long)a->check.seed, seconds, cpu_name());
    if (a->format == REPORT_JUNIT) {
        fclose(a->out);
        printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"kernelcheck\" tests=\"%d\" failures=\"%d\" "
               "time=\"%.1f\">\n%s</testsuite>\n",
               a->printed, a->failed, seconds, a->cases);
        free(a->cases);
    }
    errno = 0;
    return fflush(stdout) != 0 || ferror(stdout) ? (errno ? errno : EIO) : 0;
}
