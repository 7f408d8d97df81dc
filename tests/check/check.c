/* SPDX-License-Identifier: MIT
 * The walk: for every op the rows of the registry, for every problem all rows, for every row its trials. Then the mutants. */
#include "check.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OP_CASES(NAME, name) extern const struct op_cases name##_cases;
OPS(OP_CASES)
#undef OP_CASES

#define OP_CASES(NAME, name) &name##_cases,
const struct op_cases *const check_cases[OP_COUNT] = { OPS(OP_CASES) };
#undef OP_CASES

/* Problems are drawn from stream 100 + op, data from stream op. */
enum { MUTANT_PROBLEMS = 400, RARE_PROBLEMS = 400, STREAM_PROBLEMS = 100 };

static _Noreturn void no_memory(size_t bytes)
{
    fprintf(stderr, "no memory for %zu bytes of test data; try a smaller problem (--problem)\n", bytes);
    exit(1);
}

void *check_room(struct check *c, int i, size_t bytes)
{
    assert(i >= 0 && i < (int)(sizeof c->room / sizeof *c->room));
    if (c->room[i].bytes < bytes) {
        free(c->room[i].data);
        c->room[i].data = malloc(bytes);
        if (!c->room[i].data) no_memory(bytes);
        c->room[i].bytes = bytes;
    }
    return c->room[i].data;
}

static struct check *check_open(const struct op_cases *cases, uint64_t seed)
{
    struct check *c = calloc(1, sizeof *c);
    if (!c) no_memory(sizeof *c);
    c->cases = cases;
    c->seed = seed;
    return c;
}

static void check_close_all(struct check *c)
{
    for (size_t i = 0; i < sizeof c->room / sizeof *c->room; i++) free(c->room[i].data);
    guard_close(&c->guards);
    free(c);
}

static bool row_failed(const struct check_row *r)
{
    for (int d = 0; d < CHECK_DIRECTIONS; d++)
        if (r->line[d].failures) return true;
    return false;
}

bool check_matches(const char *filter, const char *name)
{
    if (!filter) return true;
    return strpbrk(filter, "*?[/") ? fnmatch(filter, name, 0) == 0 : strstr(name, filter) != NULL;
}

static bool matches(const char *filter, const struct op_cases *cases, int direction, const struct variant *v)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s/%s/%s", op_name(cases->op), cases->directions[direction], isa_name(v->isa), v->algo);
    return check_matches(filter, name);
}

bool check_matches_row(const struct check_options *o, enum op op, const struct variant *v)
{
    for (int d = 0; check_cases[op]->directions[d]; d++)
        if (matches(o->filter, check_cases[op], d, v)) return true;
    return false;
}

/* Is the direction of the row asked for, by --op and --filter? */
static bool asked(const struct check *c, const struct check_row *r, int direction)
{
    return (!c->direction || strcmp(c->direction, c->cases->directions[direction]) == 0) &&
           matches(c->filter, c->cases, direction, r->variant);
}

bool check_wants(const struct check *c, int row, int direction)
{
    assert(row < c->rows && direction < CHECK_DIRECTIONS);
    if (c->row[row].mutant) return !row_failed(&c->row[row]);
    if (c->row[row].rests) return false;
    return asked(c, &c->row[row], direction);
}

bool check_try(struct check *c, int row, int direction, void (*work)(void *), void *context)
{
    if (!check_wants(c, row, direction)) return true;
    char text[160];
    c->current = &c->row[row];
    c->line = &c->current->line[direction];
    c->failed = false;
    c->line->trials++;
    const char *died = guard_call(&c->guards, work, context, text, sizeof text);
    if (died) check_fail(c, "%s", died);
    const char *broken = guard_verify(&c->guards, text, sizeof text);
    if (broken) check_fail(c, "%s", broken);
    if (c->failed) c->line->failures++;
    return !c->failed;
}

void check_fail(struct check *c, const char *format, ...)
{
    if (c->failed) return;
    c->failed = true;
    if (c->line->failures) return; /* only the line's first finding is told */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->line->failure, sizeof c->line->failure, format, arguments);
    va_end(arguments);
    snprintf(c->line->failed_problem, CHECK_TEXT, "%s", c->problem);
}

const struct variant *check_twin(struct check *c, const struct variant *v)
{
    const struct variant *twin;
    for (int i = 0; (twin = variant_at(c->cases->op, ISA_PORTABLE, i)); i++)
        if (strcmp(twin->algo, v->algo) == 0) return twin;
    check_fail(c, "promises the same bits over ISAs, but portable has no row '%s'", v->algo);
    return NULL;
}

/* ---- rows ---- */

static void add_row(struct check *c, const struct variant *v, const char *mutant)
{
    assert(c->rows < CHECK_ROWS);
    int at = c->rows++;
    if (!mutant) /* algorithms together: the portable twin of one is kept for all its ISAs */
        for (; at > 0 && strcmp(c->row[at - 1].variant->algo, v->algo) > 0; at--) c->row[at] = c->row[at - 1];
    memset(&c->row[at], 0, sizeof c->row[at]);
    c->row[at].variant = v;
    c->row[at].mutant = mutant;
}

static void collect(struct check *c, const struct check_options *o)
{
    const struct variant *v;
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!(o->isas >> isa & 1)) continue;
        for (int i = 0; (v = variant_at(c->cases->op, (enum isa)isa, i)); i++)
            if ((!o->algo || strcmp(o->algo, v->algo) == 0) && check_matches_row(o, c->cases->op, v)) add_row(c, v, NULL);
    }
}

/* A promise that no trial tested, and a row that no problem suited, are failures: passing must mean something. */
static void verify_row(struct check *c, struct check_row *r, bool all_directions)
{
    static const char *const names[] = { "exact on integers", "same bits over ISAs", "same bits over spans",
                                         "reads through",     "takes lines",         "gates" };
    const long tested[] = { r->exact, r->over_isa, r->over_spans, r->through, r->lines, r->gates };
    c->current = r;
    c->problem[0] = '\0';
    for (int d = 0; c->cases->directions[d]; d++) {
        c->line = &r->line[d];
        c->failed = c->line->failures != 0;
        if (!c->line->trials && asked(c, r, d)) check_fail(c, "no problem suited this row: supports() refused all");
        for (int i = 0; all_directions && d == 0 && i < 6; i++)
            if ((r->variant->promises >> i & 1) && !tested[i]) check_fail(c, "promises \"%s\", but no trial could test it", names[i]);
        if (c->failed && !c->line->failures) c->line->failures = 1;
    }
}

/* ---- problems ---- */

static uint32_t hash_text(const char *text)
{
    uint32_t hash = 2166136261u;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

static const char *run_problem(struct check *c, const char *problem)
{
    snprintf(c->problem, CHECK_TEXT, "%s", problem);
    c->rng = rng_start(rng_stream_key(c->seed, STREAM_TEST, (uint32_t)c->cases->op, hash_text(problem)));
    c->threads = rng_below(&c->rng, 3) ? 1 : draw_between(&c->rng, 2, CHECK_THREADS);
    for (int i = 0; i < GUARD_SLOTS; i++) guard_drop(&c->guards, i);
    return c->cases->run(c, problem);
}

static void run_drawn(struct check *c, int i)
{
    char problem[CHECK_TEXT];
    struct rng r = rng_start(rng_stream_key(c->seed, STREAM_TEST, STREAM_PROBLEMS + (uint32_t)c->cases->op, (uint32_t)i));
    c->cases->draw(&r, problem);
    const char *wrong = run_problem(c, problem);
    if (wrong) { /* a mistake in the cases themselves */
        fprintf(stderr, "drawn problem '%s': %s\n", problem, wrong);
        abort();
    }
}

/* Has each direction of the row been tried, and each promise? */
static bool is_tested(const struct check *c, const struct check_row *r)
{
    const unsigned kept = (r->exact ? EXACT_ON_INTEGERS : 0u) | (r->over_isa ? SAME_BITS_OVER_ISA : 0u) |
                          (r->over_spans ? SAME_BITS_OVER_SPANS : 0u) | (r->through ? READS_THROUGH : 0u) | (r->lines ? TAKES_LINES : 0u) |
                          (r->gates ? GATES : 0u);
    bool tested = c->direction || c->filter || (r->variant->promises & ~kept) == 0;
    for (int d = 0; c->cases->directions[d]; d++) tested = tested && (r->line[d].trials || !asked(c, r, d));
    return tested;
}

/* Few problems may suit none of a row that takes rare shapes: the others rest then, and it gets more. */
static bool somebody_waits(struct check *c)
{
    bool waits = false;
    for (int i = 0; i < c->rows; i++) {
        c->row[i].rests = is_tested(c, &c->row[i]);
        waits = waits || !c->row[i].rests;
    }
    return waits;
}

static const char *walk_op(struct check *c, const struct check_options *o, void *context)
{
    int fixed = 0;
    if (o->problem) return run_problem(c, o->problem);
    while (!o->drawn_only && c->cases->problems[fixed]) fixed++;
    for (int i = 0; i < fixed + o->cases; i++) {
        if (o->progress) o->progress(context, c->cases->op, i, fixed + o->cases);
        const char *wrong = NULL;
        if (i < fixed) wrong = run_problem(c, c->cases->problems[i]);
        else run_drawn(c, i - fixed);
        if (wrong) return wrong;
    }
    for (int i = 0; i < RARE_PROBLEMS && somebody_waits(c); i++) run_drawn(c, o->cases + i);
    for (int i = 0; i < c->rows; i++) verify_row(c, &c->row[i], !o->direction && !o->filter);
    return NULL;
}

static bool all_killed(const struct check *c)
{
    for (int i = 1; i < c->rows; i++)
        if (!row_failed(&c->row[i])) return false;
    return true;
}

/* Mutants get drawn problems until all are dead, and not for ever. Row 0 is right and must live: a check that convicts everything
 * checks nothing. */
static void walk_mutants(const struct op_cases *cases, uint64_t seed, check_report_fn *report, void *context, struct check_total *total)
{
    struct check *c = check_open(cases, seed);
    int count = 0;
    const struct mutant *mutant = cases->mutants(&count);
    for (int i = 0; i < count; i++) add_row(c, mutant[i].variant, mutant[i].name);
    for (int i = 0; i < MUTANT_PROBLEMS && !(i > 5 && all_killed(c)); i++) run_drawn(c, i);
    assert(count > 2);
    for (int i = 1; i < count; i++) total->killed += row_failed(&c->row[i]);
    total->mutants += count - 1;
    total->failures += row_failed(&c->row[0]);
    report(c, context);
    check_close_all(c);
}

static void add_total(const struct check *c, struct check_total *total)
{
    for (int i = 0; i < c->rows; i++)
        for (int d = 0; d < CHECK_DIRECTIONS; d++) {
            total->lines += c->row[i].line[d].trials > 0;
            total->trials += c->row[i].line[d].trials;
            total->failures += c->row[i].line[d].failures > 0;
        }
}

static bool has_direction(const struct op_cases *cases, const char *direction)
{
    for (int d = 0; cases->directions[d]; d++)
        if (strcmp(cases->directions[d], direction) == 0) return true;
    return false;
}

/* One op of the registry. A problem string of another op is no error as long as some op reads it. */
static const char *walk_cases(const struct op_cases *cases, const struct check_options *o, check_report_fn *report, void *context,
                              struct check_total *total)
{
    struct check *c = check_open(cases, o->seed);
    c->direction = o->direction;
    c->filter = o->filter;
    collect(c, o);
    const char *wrong = c->rows ? walk_op(c, o, context) : NULL;
    if (!wrong && c->rows) {
        add_total(c, total);
        report(c, context);
    }
    check_close_all(c);
    return wrong;
}

const char *check_walk(const struct check_options *o, check_report_fn *report, void *context, struct check_total *total)
{
    const char *wrong = NULL;
    memset(total, 0, sizeof *total);
    for (int op = 0; op < OP_COUNT; op++) {
        const struct op_cases *cases = check_cases[op];
        if ((o->op >= 0 && op != o->op) || (o->direction && !has_direction(cases, o->direction))) continue;
        const char *problem_wrong = walk_cases(cases, o, report, context, total);
        if (problem_wrong) wrong = problem_wrong;
        if (o->mutants && !problem_wrong) walk_mutants(cases, o->seed, report, context, total);
    }
    total->failures += total->mutants - total->killed;
    return total->lines ? NULL : wrong;
}

const char *check_one(const struct variant *v, enum op op, const char *problem, uint64_t seed, char *text, size_t size)
{
    assert(v && op < OP_COUNT);
    struct check *c = check_open(check_cases[op], seed);
    add_row(c, v, NULL);
    const char *wrong = run_problem(c, problem);
    long trials = 0;
    if (wrong) snprintf(text, size, "%s: %s", problem, wrong);
    for (int d = 0; d < CHECK_DIRECTIONS; d++) {
        trials += c->row[0].line[d].trials;
        if (!wrong && c->row[0].line[d].failures) {
            wrong = "failed";
            snprintf(text, size, "%s.%s: %s", op_name(op), check_cases[op]->directions[d], c->row[0].line[d].failure);
        }
    }
    if (!wrong && !trials) {
        wrong = "unsuited";
        snprintf(text, size, "%s: %s/%s does not support it", problem, isa_name(v->isa), v->algo);
    }
    check_close_all(c);
    return wrong ? text : NULL;
}
