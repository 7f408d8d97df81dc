/* SPDX-License-Identifier: MIT
 * kernelcheck: is every kernel right on this CPU? Walks the registry, prints one line per (op, ISA, algorithm) and, for what is wrong,
 * where it is wrong and the command that shows it again. It needs the C library alone, so it runs on a bare board and under emulation. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/runtime/clock.h"
#include "check.h"
#include "v_api.h"

enum { EXIT_WRONG = 1, EXIT_USAGE = 2, EXIT_NO_ISA = 3 };

struct arguments {
    struct check_options check;
    bool json, list, no_mutants, vectors; /* vectors: --op v */
    int printed;                          /* JSON objects so far */
};

#define OP_WORD(NAME, name) " " #name
#define ISA_WORD(NAME, name, on) " " #name
static const char help[] =
    "usage: kernelcheck [options]\n"
    "Checks every kernel variant of this build that can run here. Without options it takes less than two minutes.\n"
    "  --op OP[.DIRECTION]  " OPS(
        OP_WORD) "\n"
                 "                        e.g. conv.bwd_data; or v, the vector contract\n"
                 "  --isa ISA            " ISAS(
                     ISA_WORD) "\n"
                               "  --algo NAME           direct, plain ...\n"
                               "  --problem STRING      one problem, e.g. n64c16h26k16r3pad0 (with --op where the string fits several)\n"
                               "  --cases N             random problems per op (default 100; 300 divided by the ISAs where these are more "
                               "than three)\n"
                               "  --seed N              what they and their inputs are drawn from (default 1)\n"
                               "  --format text|json\n"
                               "  --drawn               random problems alone, without the fixed list: for emulators and sanitizers\n"
                               "  --no-mutants          leave out the judging of the judge: where a plain run has done it\n"
                               "  --list                what would be checked\n"
                               "  --help\n"
                               "Each option is also an environment variable (--isa: CONVGAUGE_ISA); options win.\n"
                               "Exit: 0 all right, 1 something is wrong, 2 bad usage or nothing matched, 3 that ISA cannot run here.\n";
#undef OP_WORD
#undef ISA_WORD

static _Noreturn __attribute__((format(printf, 2, 3))) void quit(int code, const char *format, ...)
{
    va_list arguments;
    fputs("kernelcheck: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(code);
}

/* ---- options ---- */

static void set_op(struct arguments *a, const char *text)
{
    a->vectors = strcmp(text, "v") == 0;
    if (a->vectors) return;
    char name[32];
    const char *dot = strchr(text, '.');
    size_t length = dot ? (size_t)(dot - text) : strlen(text);
    snprintf(name, sizeof name, "%.*s", length < sizeof name ? (int)length : 0, text);
    a->check.op = op_parse(name);
    if (a->check.op < 0) quit(EXIT_USAGE, "no op '%s'; kernelcheck --list names them", text);
    a->check.direction = dot ? dot + 1 : NULL;
    bool known = !dot;
    for (const char *const *d = check_cases[a->check.op]->directions; *d && !known; d++) known = strcmp(*d, dot + 1) == 0;
    if (!known) quit(EXIT_USAGE, "%s has no direction '%s'; kernelcheck --op %s --list names them", name, dot + 1, name);
}

static void set_isa(struct arguments *a, const char *text)
{
    char names[64];
    int isa = isa_parse(text);
    unsigned here = cpu_detect() & kernels_built();
    if (isa < 0) quit(EXIT_USAGE, "no ISA '%s'; there are %s", text, isa_list((1u << ISA_COUNT) - 1, names, sizeof names));
    if (!(here >> isa & 1))
        quit(EXIT_NO_ISA, "%s cannot run here; this build on this CPU has %s", text, isa_list(here, names, sizeof names));
    a->check.isas = 1u << isa;
}

static void set_algo(struct arguments *a, const char *text)
{
    const struct variant *v;
    for (int op = 0; op < OP_COUNT; op++)
        for (int isa = 0; isa < ISA_COUNT; isa++)
            for (int i = 0; (v = variant_at((enum op)op, (enum isa)isa, i)); i++)
                if (strcmp(v->algo, text) == 0) a->check.algo = v->algo;
    if (!a->check.algo) quit(EXIT_USAGE, "no algorithm '%s'; kernelcheck --list names them", text);
}

static void set_problem(struct arguments *a, const char *text) { a->check.problem = text; }

static unsigned long long whole(const char *name, const char *text, unsigned long long most)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (*text < '0' || *text > '9' || *end || errno || value > most)
        quit(EXIT_USAGE, "--%s wants a number up to %llu, not '%s'", name, most, text);
    return value;
}

static void set_cases(struct arguments *a, const char *text) { a->check.cases = (int)whole("cases", text, INT_MAX); }
static void set_seed(struct arguments *a, const char *text) { a->check.seed = whole("seed", text, ULLONG_MAX); }

static void set_format(struct arguments *a, const char *text)
{
    a->json = strcmp(text, "json") == 0;
    if (!a->json && strcmp(text, "text") != 0) quit(EXIT_USAGE, "--format is text or json, not '%s'", text);
}

static const struct {
    const char *name, *variable;
    void (*set)(struct arguments *a, const char *text);
} settings[] = { { "op", "CONVGAUGE_OP", set_op },
                 { "isa", "CONVGAUGE_ISA", set_isa },
                 { "algo", "CONVGAUGE_ALGO", set_algo },
                 { "problem", "CONVGAUGE_PROBLEM", set_problem },
                 { "cases", "CONVGAUGE_CASES", set_cases },
                 { "seed", "CONVGAUGE_SEED", set_seed },
                 { "format", "CONVGAUGE_FORMAT", set_format } };
enum { SETTINGS = sizeof settings / sizeof *settings, OPTION_LIST = SETTINGS, OPTION_DRAWN, OPTION_NO_MUTANTS, OPTION_HELP };

static void parse(struct arguments *a, int argc, char **argv)
{
    struct option options[SETTINGS + 5] = { 0 };
    const char *value[SETTINGS];
    for (int i = 0; i < SETTINGS; i++) {
        options[i] = (struct option){ settings[i].name, required_argument, NULL, i };
        value[i] = getenv(settings[i].variable);
    }
    options[OPTION_LIST] = (struct option){ "list", no_argument, NULL, OPTION_LIST };
    options[OPTION_DRAWN] = (struct option){ "drawn", no_argument, NULL, OPTION_DRAWN };
    options[OPTION_NO_MUTANTS] = (struct option){ "no-mutants", no_argument, NULL, OPTION_NO_MUTANTS };
    options[OPTION_HELP] = (struct option){ "help", no_argument, NULL, OPTION_HELP };
    for (int which; (which = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (which == OPTION_LIST) a->list = true;
        else if (which == OPTION_DRAWN) a->check.drawn_only = true;
        else if (which == OPTION_NO_MUTANTS) a->no_mutants = true;
        else if (which == OPTION_HELP) exit(fputs(help, stdout) < 0 ? EXIT_WRONG : 0);
        else if (which == '?') quit(EXIT_USAGE, "kernelcheck --help shows the options");
        else value[which] = optarg;
    }
    if (optind < argc) quit(EXIT_USAGE, "'%s' is not an option; kernelcheck --help shows them", argv[optind]);
    for (int i = 0; i < SETTINGS; i++)
        if (value[i] && *value[i]) settings[i].set(a, value[i]);
}

/* ---- output ---- */

static void print_again(const struct check *c, const struct check_row *r, const char *direction, const struct check_line *l)
{
    const char *op = op_name(c->cases->op), *isa = isa_name(r->variant->isa);
    if (l->failed_problem[0])
        printf("    again: kernelcheck --op %s.%s --isa %s --algo %s --problem %s --seed %llu\n", op, direction, isa, r->variant->algo,
               l->failed_problem, (unsigned long long)c->seed);
    else
        printf("    again: kernelcheck --op %s.%s --isa %s --algo %s --seed %llu\n", op, direction, isa, r->variant->algo,
               (unsigned long long)c->seed);
}

static void print_line(const struct check *c, const struct check_row *r, const char *direction, const struct check_line *l)
{
    char name[64], row[64];
    snprintf(name, sizeof name, "%s.%s", op_name(c->cases->op), direction);
    snprintf(row, sizeof row, "%s/%s", isa_name(r->variant->isa), r->variant->algo);
    printf("%-21s %-18s %-4s %6ld cases", name, row, l->failures ? "FAIL" : "OK", l->trials);
    if (l->failures) printf("  %ld wrong: %s  %s\n", l->failures, l->failed_problem, l->failure);
    else if (l->worst > 0) printf("  worst %.2g of bound  %s\n", l->worst, l->worst_problem);
    else printf("  exact\n");
    if (l->failures) print_again(c, r, direction, l);
}

/* Names and findings hold no control characters; quotes occur. */
static void print_string(const char *key, const char *text)
{
    printf(", \"%s\": \"", key);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

static void print_json(struct arguments *a, const struct check *c, const struct check_row *r, const char *direction,
                       const struct check_line *l)
{
    printf("%s\n  {\"op\": \"%s\"", a->printed++ ? "," : "", op_name(c->cases->op));
    print_string("direction", direction);
    print_string("isa", isa_name(r->variant->isa));
    print_string("algo", r->variant->algo);
    printf(", \"ok\": %s, \"cases\": %ld, \"wrong\": %ld, \"worst_of_bound\": %.4g, \"seed\": %llu", l->failures ? "false" : "true",
           l->trials, l->failures, l->worst, (unsigned long long)c->seed);
    print_string("worst_problem", l->worst_problem);
    if (l->failures) {
        print_string("failed_problem", l->failed_problem);
        print_string("finding", l->failure);
    }
    putchar('}');
}

static bool dead(const struct check_row *r)
{
    for (int d = 0; d < CHECK_DIRECTIONS; d++)
        if (r->line[d].failures) return true;
    return false;
}

static void print_mutants(struct arguments *a, const struct check *c)
{
    int killed = 0;
    for (int i = 1; i < c->rows; i++) killed += dead(&c->row[i]);
    const char *op = op_name(c->cases->op);
    if (a->json) {
        printf("%s\n  {\"op\": \"%s\", \"mutants\": %d, \"killed\": %d, \"right_lives\": %s}", a->printed++ ? "," : "", op, c->rows - 1,
               killed, dead(&c->row[0]) ? "false" : "true");
        return;
    }
    printf("%-40s %-4s %6d of %d killed\n", "", killed == c->rows - 1 && !dead(&c->row[0]) ? "OK" : "FAIL", killed, c->rows - 1);
    for (int i = 0; i < c->rows; i++) {
        if (i && !dead(&c->row[i])) printf("    survived: %s: %s\n", op, c->row[i].mutant);
        for (int d = 0; !i && d < CHECK_DIRECTIONS; d++)
            if (c->row[0].line[d].failures)
                printf("    convicted, though right: %s.%s: %s  %s\n", op, c->cases->directions[d], c->row[0].line[d].failed_problem,
                       c->row[0].line[d].failure);
    }
}

/* The vector headers themselves: a line per ISA that has one. */
static void check_vectors(struct arguments *a, struct check_total *total)
{
    enum { CASES_PER_PROBLEM = 20 };
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        char found[256];
        const struct v_api *api = v_api_of((enum isa)isa);
        if (!api || !(a->check.isas >> isa & 1)) continue;
        long made = v_compare(api, a->check.cases * CASES_PER_PROBLEM, a->check.seed, found, sizeof found);
        total->lines++;
        total->failures += made < 0;
        if (a->json) {
            printf("%s\n  {\"op\": \"v\"", a->printed++ ? "," : "");
            print_string("isa", isa_name((enum isa)isa));
            printf(", \"ok\": %s, \"cases\": %ld", made < 0 ? "false" : "true", made < 0 ? 0 : made);
            if (made < 0) print_string("finding", found);
            putchar('}');
        } else if (made < 0) {
            printf("%-21s %-18s FAIL  %s\n    again: kernelcheck --op v --isa %s --cases %d --seed %llu\n", "v", isa_name((enum isa)isa),
                   found, isa_name((enum isa)isa), a->check.cases, (unsigned long long)a->check.seed);
        } else {
            printf("%-21s %-18s OK   %6ld vectors of 16 compared\n", "v", isa_name((enum isa)isa), made);
        }
    }
    fflush(stdout);
}

static void report(const struct check *c, void *context)
{
    struct arguments *a = context;
    if (c->row[0].mutant) {
        print_mutants(a, c);
    } else {
        for (int i = 0; i < c->rows; i++)
            for (int d = 0; c->cases->directions[d]; d++) {
                const struct check_line *l = &c->row[i].line[d];
                if (!l->trials && !l->failures) continue;
                if (a->json) print_json(a, c, &c->row[i], c->cases->directions[d], l);
                else print_line(c, &c->row[i], c->cases->directions[d], l);
            }
    }
    fflush(stdout);
}

static void print_total(const struct arguments *a, const struct check_total *t, double seconds)
{
    printf("%s: %d lines, %ld cases, %d of %d mutants killed, %ld wrong, seed %llu, %.1f s on %s\n", t->failures ? "FAIL" : "OK", t->lines,
           t->trials, t->killed, t->mutants, t->failures, (unsigned long long)a->check.seed, seconds, cpu_name());
}

static void list_row(const struct variant *v, enum op op, bool here)
{
    static const struct {
        unsigned promise;
        const char *words;
    } promises[] = { { EXACT_ON_INTEGERS, "exact on integers" },
                     { SAME_BITS_OVER_ISA, "same bits over ISAs" },
                     { SAME_BITS_OVER_SPANS, "same bits over spans" } };
    char name[64];
    snprintf(name, sizeof name, "%s/%s", isa_name(v->isa), v->algo);
    printf("%-11s %-18s", op_name(op), name);
    for (const char *const *d = check_cases[op]->directions; *d; d++) printf(" %s", *d);
    const char *between = ": ";
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        if (!(v->promises & promises[i].promise)) continue;
        printf("%s%s", between, promises[i].words);
        between = ", ";
    }
    printf("%s\n", here ? "" : " (cannot run here)");
}

static int list(const struct arguments *a)
{
    const struct variant *v;
    const unsigned here = cpu_detect();
    int count = 0;
    for (int op = 0; op < OP_COUNT; op++)
        for (int isa = 0; isa < ISA_COUNT; isa++)
            for (int i = 0; (v = variant_at((enum op)op, (enum isa)isa, i)); i++) {
                if ((a->check.op >= 0 && a->check.op != op) || (a->check.algo && strcmp(a->check.algo, v->algo) != 0)) continue;
                if (!(a->check.isas >> isa & 1) && (here >> isa & 1)) continue;
                list_row(v, (enum op)op, here >> isa & 1);
                count++;
            }
    return count ? 0 : EXIT_USAGE;
}

/* As many rows share the time as there are ISAs: a CPU that has more of them takes no longer. */
static int default_cases(unsigned isas)
{
    enum { MOST = 100, OF_ALL_ISAS = 300 };
    int count = 0;
    for (; isas; isas &= isas - 1) count++;
    return count * MOST > OF_ALL_ISAS ? OF_ALL_ISAS / count : MOST;
}

int main(int argc, char **argv)
{
    struct arguments a = { .check = { .op = -1, .isas = cpu_detect() & kernels_built(), .cases = -1, .seed = 1 } };
    parse(&a, argc, argv);
    if (a.check.cases < 0) a.check.cases = default_cases(a.check.isas);
    a.check.mutants = !a.check.problem && !a.no_mutants;
    if (a.list) return list(&a);
    struct check_total total = { 0 }, vectors = { 0 };
    uint64_t start = clock_ns();
    if (a.json) putchar('[');
    if (a.vectors || (a.check.op < 0 && !a.check.algo && !a.check.problem)) check_vectors(&a, &vectors);
    const char *wrong = a.vectors ? NULL : check_walk(&a.check, report, &a, &total);
    total.lines += vectors.lines;
    total.failures += vectors.failures;
    if (a.json) printf("\n]\n");
    if (wrong) quit(EXIT_USAGE, "%s: %s", a.check.problem, wrong);
    if (total.lines == 0) quit(EXIT_USAGE, "nothing matched; kernelcheck --list shows what there is");
    if (!a.json) print_total(&a, &total, (double)(clock_ns() - start) * 1e-9);
    if (fflush(stdout) != 0 || ferror(stdout)) quit(EXIT_WRONG, "cannot write the report: %s", strerror(errno));
    return total.failures ? EXIT_WRONG : 0;
}
