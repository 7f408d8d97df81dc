/* SPDX-License-Identifier: MIT
 * kernelcheck: is every kernel right on this CPU? Walks the registry, prints one line per (op, ISA, algorithm) and, for what is wrong,
 * where it is wrong and the command that shows it again. It needs the C library alone, so it runs on a bare board and under emulation. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../kernels/runtime/clock.h"
#include "kernelcheck.h"
#include "v_api.h"

enum { EXIT_WRONG = 1, EXIT_USAGE = 2, EXIT_NO_ISA = 3, EXIT_INTERRUPTED = 130 };

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
    char names[128];
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
    static const char *const names[] = { [REPORT_TEXT] = "text", [REPORT_JSON] = "json", [REPORT_JUNIT] = "junit" };
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            a->format = (enum report_format)i;
            return;
        }
    quit(EXIT_USAGE, "--format is text, json or junit, not '%s'", text);
}

static void set_filter(struct arguments *a, const char *text) { a->check.filter = text; }
static void set_output(struct arguments *a, const char *text) { a->output = text; }
static void set_quick(struct arguments *a, const char *text) { (void)text, a->quick = true; }
static void set_quiet(struct arguments *a, const char *text) { (void)text, a->quiet = true; }
static void set_drawn(struct arguments *a, const char *text) { (void)text, a->check.drawn_only = true; }
static void set_no_mutants(struct arguments *a, const char *text) { (void)text, a->no_mutants = true; }
static void set_list(struct arguments *a, const char *text) { (void)text, a->list = true; }
static void set_version(struct arguments *a, const char *text) { (void)text, a->version = true; }
static void set_help(struct arguments *a, const char *text) { (void)text, a->help = true; }

#define OP_WORD(NAME, name) " " #name
#define ISA_WORD(NAME, name, on) " " #name
/* The one table of the options: parsing and help come from it. */
static const struct setting {
    const char *name, *takes; /* takes NULL: a switch */
    void (*set)(struct arguments *a, const char *text);
    const char *words;
} settings[] = {
    { "op", "OP[.DIRECTION]", set_op, "one of" OPS(OP_WORD) ", like conv or conv.bwd_data; or v, the vector contract" },
    { "isa", "ISA", set_isa, "one of" ISAS(ISA_WORD) " alone" },
    { "algo", "NAME", set_algo, "this algorithm alone, like direct or plain" },
    { "filter", "GLOB", set_filter, "only what this glob on op.direction/isa/algo matches; a bare word: any part of it" },
    { "problem", "STRING", set_problem, "one problem, like n64c16h26k16r3pad0 (with --op where the string fits several)" },
    { "cases", "N", set_cases, "random problems per op (default 100; 300 divided by the ISAs where these are more than three)" },
    { "seed", "N", set_seed, "seed of the random problems and of inputs (default 1)" },
    { "format", "text|json|junit", set_format, "of the report; junit is XML for CI systems" },
    { "output", "FILE", set_output, "write the report here (default: stdout)" },
    { "quick", NULL, set_quick, "a tenth of the random problems, and no mutants" },
    { "quiet", NULL, set_quiet, "no progress on stderr; in the text report only failures and the last line" },
    { "drawn", NULL, set_drawn, "only random problems, without the fixed list: for emulators and sanitizers" },
    { "no-mutants", NULL, set_no_mutants, "do not test the checks with deliberately wrong kernels: after a run that did" },
    { "list", NULL, set_list, "list what would be checked, and exit" },
    { "dry-run", NULL, set_list, "the same" },
    { "version", NULL, set_version, "print the version, and exit" },
    { "help", NULL, set_help, "print this help, and exit" },
};
#undef OP_WORD
#undef ISA_WORD
enum { SETTINGS = sizeof settings / sizeof *settings };

/* The words from column 26 on, in lines of at most 79 characters. */
static void print_wrapped(const char *words, int column)
{
    enum { AT = 26, END = 79 };
    for (const char *word = words; *word; word += strspn(word, " ")) {
        const int length = (int)strcspn(word, " ");
        if (column > AT && column + 1 + length > END) column = printf("\n") - 1;
        column += column < AT ? printf("%*s", AT - column, "") : column > AT ? printf(" ") : 0;
        column += printf("%.*s", length, word);
        word += length;
    }
    putchar('\n');
}

static void print_help(void)
{
    printf("Usage: kernelcheck [OPTION...]\n"
           "Checks every kernel variant of this build that can run here against the scalar\nloops in double precision.\n\n"
           "Options (each also a variable: --isa is CONVGAUGE_ISA):\n");
    for (int i = 0; i < SETTINGS; i++) {
        const struct setting *s = &settings[i];
        int column = printf("%s--%s%s%s", s->set == set_help ? "  -h, " : "      ", s->name, s->takes ? "=" : "", s->takes ? s->takes : "");
        if (column > 24) column = printf("\n") - 1;
        print_wrapped(s->words, column);
    }
    printf("\nExamples:\n"
           "  kernelcheck --quick\n"
           "  kernelcheck --op conv --isa avx2\n"
           "  kernelcheck --format junit --output kernelcheck.xml --quiet\n\n"
           "Exit status:\n"
           "  0    all kernels are right\n"
           "  1    a kernel is wrong, or the report could not be written\n"
           "  2    wrong usage, or nothing matched\n"
           "  3    that instruction set is not available here\n"
           "  130  stopped by Ctrl-C\n");
}

/* What CONVGAUGE_NO_MUTANTS says for "no-mutants"; NULL: nothing. */
static const char *variable_of(const struct setting *s)
{
    char variable[64];
    if (s->set == set_version || s->set == set_help) return NULL;
    snprintf(variable, sizeof variable, "CONVGAUGE_%s", s->name);
    for (char *c = variable; *c; c++) *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    const char *value = getenv(variable);
    const bool off = value && !s->takes && (strcmp(value, "0") == 0 || strcmp(value, "no") == 0 || strcmp(value, "false") == 0);
    return value && *value && !off ? value : NULL;
}

static void parse(struct arguments *a, int argc, char **argv)
{
    struct option options[SETTINGS + 1] = { 0 };
    const char *value[SETTINGS];
    for (int i = 0; i < SETTINGS; i++) {
        options[i] = (struct option){ settings[i].name, settings[i].takes ? required_argument : no_argument, NULL, i };
        value[i] = variable_of(&settings[i]);
    }
    for (int which; (which = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (which == '?') quit(EXIT_USAGE, "kernelcheck --help shows the options");
        if (which == 'h') which = SETTINGS - 1;
        value[which] = settings[which].takes ? optarg : "1";
        if (settings[which].set == set_help || settings[which].set == set_version) settings[which].set(a, NULL);
    }
    if (a->help || a->version) return;
    if (optind < argc) quit(EXIT_USAGE, "'%s' is not an option; kernelcheck --help shows them", argv[optind]);
    for (int i = 0; i < SETTINGS; i++)
        if (value[i] && *value[i]) settings[i].set(a, value[i]);
}

/* ---- what is done ---- */

/* What was asked on stdout has to get there. */
static int printed(void)
{
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout)) return 0;
    struct pollfd out = { .fd = STDOUT_FILENO };
    const bool unread = poll(&out, 1, 0) == 1 && (out.revents & POLLERR); /* the write that failed may be long ago, and its errno with it */
    if (errno == EPIPE || unread) return EXIT_WRONG;                      /* | head has seen enough: no words for that */
    quit(EXIT_WRONG, "stdout: %s; what was asked for could not be printed", strerror(errno ? errno : EIO));
}

/* The vector headers themselves: a line per ISA that has one. */
static void check_vectors(struct arguments *a, struct check_total *total)
{
    enum { CASES_PER_PROBLEM = 20 };
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        char found[256], name[64];
        const struct v_api *api = v_api_of((enum isa)isa);
        snprintf(name, sizeof name, "v/%s", isa_name((enum isa)isa));
        if (!api || !(a->check.isas >> isa & 1) || !check_matches(a->check.filter, name)) continue;
        long made = v_compare(api, a->check.cases * CASES_PER_PROBLEM, a->check.seed, found, sizeof found);
        total->lines++;
        total->failures += made < 0;
        report_vectors(a, (enum isa)isa, made, found);
    }
}

static void list_row(const struct variant *v, enum op op, bool here)
{
    static const struct {
        unsigned promise;
        const char *words;
    } promises[] = { { EXACT_ON_INTEGERS, "exact on integers" },
                     { SAME_BITS_OVER_ISA, "same bits over ISAs" },
                     { SAME_BITS_OVER_SPANS, "same bits over spans" },
                     { READS_THROUGH, "reads through" },
                     { TAKES_LINES, "takes lines" },
                     { GATES, "gates" } };
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
                if ((!(a->check.isas >> isa & 1) && (here >> isa & 1)) || !check_matches_row(&a->check, (enum op)op, v)) continue;
                list_row(v, (enum op)op, here >> isa & 1);
                count++;
            }
    if (!count) quit(EXIT_USAGE, "nothing matched; kernelcheck --list shows what there is");
    return printed();
}

/* As many rows share the time as there are ISAs: a CPU that has more of them takes no longer. */
static int default_cases(unsigned isas)
{
    enum { MOST = 100, OF_ALL_ISAS = 300 };
    int count = 0;
    for (; isas; isas &= isas - 1) count++;
    return count * MOST > OF_ALL_ISAS ? OF_ALL_ISAS / count : MOST;
}

static void stop(int number)
{
    static const char words[] = "kernelcheck: interrupted\n";
    (void)number;
    const ssize_t written = write(STDERR_FILENO, words, sizeof words - 1);
    (void)written;
    _exit(EXIT_INTERRUPTED);
}

static int check(struct arguments *a)
{
    struct check_total total = { 0 }, vectors = { 0 };
    uint64_t start = clock_ns();
    if (a->output && !freopen(a->output, "w", stdout)) quit(EXIT_WRONG, "--output %s: %s; give another place", a->output, strerror(errno));
    report_begin(a);
    if (a->vectors || (a->check.op < 0 && !a->check.algo && !a->check.problem)) check_vectors(a, &vectors);
    const char *wrong = a->vectors ? NULL : check_walk(&a->check, report_op, a, &total);
    total.lines += vectors.lines;
    total.failures += vectors.failures;
    if (wrong) quit(EXIT_USAGE, "%s: %s", a->check.problem, wrong);
    if (total.lines == 0) quit(EXIT_USAGE, "nothing matched; kernelcheck --list shows what there is");
    const int error = report_end(a, &total, (double)(clock_ns() - start) * 1e-9);
    if (error) quit(EXIT_WRONG, "cannot write the report: %s", strerror(error));
    return total.failures ? EXIT_WRONG : 0;
}

int main(int argc, char **argv)
{
    struct arguments a = { .check = { .op = -1, .isas = cpu_detect() & kernels_built(), .cases = -1, .seed = 1 } };
    signal(SIGINT, stop);
    signal(SIGPIPE, SIG_IGN);
    parse(&a, argc, argv);
    if (a.help) print_help();
    if (a.version) printf("kernelcheck convgauge " CONVGAUGE_VERSION "\n");
    if (a.help || a.version) return printed();
    if (a.check.cases < 0) a.check.cases = default_cases(a.check.isas) / (a.quick ? 10 : 1);
    a.check.mutants = !a.check.problem && !a.no_mutants && !a.quick && !a.check.filter;
    a.check.progress = report_progress;
    return a.list ? list(&a) : check(&a);
}
