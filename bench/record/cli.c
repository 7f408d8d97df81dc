/* SPDX-License-Identifier: MIT
 * Flags and environment become one `struct options`, checked here and nowhere below. Both go through the same popt table: set variables
 * become "--flag=value" words and are parsed first, the command line second, so that flags win and a message can name the source. */
#include "cli.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/runtime/claims.h"
#include "../../nets/data/dataset.h"
#include "../../nets/train/train.h"
#include "flags.h"

static const char *speaker = "convgauge"; /* the name before messages */

/* What was given for a common flag, and by what, for messages. */
struct given {
    const char *value;
    char *own, by[64];
};

static void say(const char *format, va_list arguments)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", speaker, text);
}

void quit(enum exit_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    exit((int)code);
}

void warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void cli_name(const char *name) { speaker = name; }

const char *cli_version(void) { return "convgauge " CONVGAUGE_VERSION; }

bool filter_matches(const char *filter, const char *name)
{
    assert(name);
    if (!filter) return true;
    return strpbrk(filter, "*?[/") ? fnmatch(filter, name, 0) == 0 : strstr(name, filter) != NULL;
}

/* A whole number in [low, high] at *text, which moves past it. */
static bool take_number(const char **text, uint64_t low, uint64_t high, uint64_t *value)
{
    assert(low <= high);
    if (!isdigit((unsigned char)**text)) return false;
    char *end;
    errno = 0;
    unsigned long long got = strtoull(*text, &end, 10);
    if (errno || got < low || got > high) return false;
    *value = got;
    *text = end;
    return true;
}

static int one_number(const struct given *g, int low, int high)
{
    assert(g->value);
    assert(low <= high);
    const char *text = g->value;
    uint64_t value;
    if (!take_number(&text, (uint64_t)low, (uint64_t)high, &value) || *text)
        quit(EXIT_USAGE, "%s %s: takes one whole number from %d to %d", g->by, g->value, low, high);
    return (int)value;
}

static void add_seed(struct options *o, const struct given *g, uint64_t seed)
{
    assert(o->seed_count >= 0);
    assert(o->seed_count <= MAX_SEEDS);
    for (int i = 0; i < o->seed_count; i++)
        if (o->seeds[i] == seed) quit(EXIT_USAGE, "%s %s: seed %llu stands twice", g->by, g->value, (unsigned long long)seed);
    if (o->seed_count == MAX_SEEDS) quit(EXIT_USAGE, "%s %s: at most %d seeds; cut the list and run twice", g->by, g->value, MAX_SEEDS);
    o->seeds[o->seed_count++] = seed;
}

static void parse_seeds(struct options *o, const struct given *g)
{
    assert(g->value);
    const char *text = g->value;
    do {
        uint64_t first = 0, last;
        bool ok = take_number(&text, 0, INT64_MAX - 1, &first);
        last = first;
        if (ok && *text == '-') {
            text++;
            ok = take_number(&text, first, INT64_MAX - 1, &last);
        }
        if (!ok || (*text && *text != ',')) quit(EXIT_USAGE, "%s %s: takes whole numbers and ranges, like 0-9 or 0,3,5-7", g->by, g->value);
        for (uint64_t seed = first; seed <= last; seed++) add_seed(o, g, seed);
    } while (*text++ == ',');
}

static void parse_threads(struct options *o, const struct given *g)
{
    assert(g->value);
    const char *text = g->value;
    do {
        uint64_t count = 0;
        bool all = strncmp(text, "all", 3) == 0;
        if (all) text += 3;
        if ((!all && !take_number(&text, 1, MAX_THREADS, &count)) || (*text && *text != ','))
            quit(EXIT_USAGE, "%s %s: takes counts from 1 to %d or all, like 1 or 1,2,all", g->by, g->value, MAX_THREADS);
        if (o->thread_count == MAX_THREADS_LIST) quit(EXIT_USAGE, "%s %s: at most %d counts", g->by, g->value, MAX_THREADS_LIST);
        o->threads[o->thread_count++] = all ? THREADS_ALL : (int)count;
    } while (*text++ == ',');
}

/* Is all of the text a number that fits? atol() takes words for 0. */
static bool whole(const char *text, long *value)
{
    uint64_t got;
    const bool is = take_number(&text, 0, INT32_MAX, &got) && !*text;
    *value = is ? (long)got : 0;
    return is;
}

/* An array job's place: Slurm's ids start at MIN and go by STEP, AWS Batch's start at 0. */
static bool shard_from_environment(struct options *o)
{
    static const struct {
        const char *id, *count, *first, *step;
    } schedulers[] = {
        { "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP" },
        { "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", NULL, NULL },
    };
    for (size_t i = 0; i < sizeof schedulers / sizeof *schedulers; i++) {
        const char *id = getenv(schedulers[i].id), *count = getenv(schedulers[i].count);
        if (!id || !count) continue;
        const char *first = schedulers[i].first ? getenv(schedulers[i].first) : NULL;
        const char *step = schedulers[i].step ? getenv(schedulers[i].step) : NULL;
        long at = 0, low = 0, by = 1, n = 0;
        const bool numbers = whole(id, &at) && whole(count, &n) && (!first || whole(first, &low)) && (!step || whole(step, &by));
        at -= low;
        if (!numbers || by < 1 || at < 0 || at % by || n < 1 || n > 1000000 || at / by >= n)
            quit(EXIT_USAGE, "%s=%s of %s=%s is no place in an array; give --shard i/n", schedulers[i].id, id, schedulers[i].count, count);
        o->shard = (int)(at / by) + 1;
        o->shards = (int)n;
        return true;
    }
    return false;
}

static void parse_shard(struct options *o, const struct given *g)
{
    if (strcmp(g->value, "auto") == 0) {
        if (!shard_from_environment(o))
            quit(EXIT_USAGE, "%s auto: no SLURM_ARRAY_TASK_ID and _COUNT, no AWS_BATCH_JOB_ARRAY_INDEX and _SIZE here; give i/n", g->by);
        return;
    }
    const char *text = g->value;
    uint64_t i, n;
    bool ok = take_number(&text, 1, 1000000, &i) && *text == '/';
    text += ok;
    if (!ok || !take_number(&text, i, 1000000, &n) || *text)
        quit(EXIT_USAGE, "%s %s: takes i/n with 1 <= i <= n, like 1/4, or auto", g->by, g->value);
    o->shard = (int)i;
    o->shards = (int)n;
}

/* In a program that runs nets AMX comes with the best ISA that computes in floats. */
static unsigned parse_isa(const struct given *g, bool nets)
{
    char list[128];
    unsigned here = cpu_detect() & kernels_built();
    assert(here);
    if (!g->value || strcmp(g->value, "auto") == 0) return here & ~ISAS_BY_NAME;
    int isa = isa_parse(g->value);
    if (isa < 0)
        quit(EXIT_USAGE, "%s %s: no such instruction set; known: %s", g->by, g->value, isa_list((1u << ISA_COUNT) - 1, list, sizeof list));
    if (!(here & 1u << isa))
        quit(EXIT_NO_ISA, "%s %s: not available here; this CPU and build run: %s", g->by, g->value, isa_list(here, list, sizeof list));
    return 1u << isa | (nets && isa == ISA_AMX ? 1u << isa_best(here) : 0);
}

static void check_algo(const struct given *g)
{
    assert(g->value);
    char list[256] = "auto";
    for (int isa = ISA_COUNT - 1; isa >= 0; isa--) {
        const struct variant *v;
        for (int i = 0; (v = variant_at(OP_CONV, (enum isa)isa, i)); i++) {
            if (strcmp(g->value, v->algo) == 0) return;
            size_t used = strlen(list);
            if (!strstr(list, v->algo)) snprintf(list + used, sizeof list - used, " %s", v->algo);
        }
    }
    if (strcmp(g->value, "auto")) quit(EXIT_USAGE, "%s %s: no such convolution algorithm; known: %s", g->by, g->value, list);
}

static enum format parse_format(const struct given *g, const char *output)
{
    static const char *const names[] = { [FORMAT_MD] = "md", [FORMAT_CSV] = "csv", [FORMAT_JSON] = "json", [FORMAT_JSONL] = "jsonl" };
    const char *dot = output ? strrchr(output, '.') : NULL, *word = g->value ? g->value : dot ? dot + 1 : "";
    for (int i = 0; i < 4; i++)
        if (strcmp(word, names[i]) == 0) return (enum format)i;
    if (g->value) quit(EXIT_USAGE, "%s %s: takes md, csv, json or jsonl", g->by, g->value);
    return output ? FORMAT_JSONL : FORMAT_MD;
}

static void check_data(const struct given *g)
{
    assert(g->value);
    char list[256] = "";
    for (int i = 0; dataset_names[i]; i++) {
        if (strcmp(g->value, dataset_names[i]) == 0) return;
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", dataset_names[i]);
    }
    quit(EXIT_USAGE, "%s %s: no such data set; known: %s", g->by, g->value, list);
}

static void fill(struct options *o, const struct program *program, const struct given g[FLAG_COUNT])
{
    o->list = g[FLAG_LIST].value;
    o->quick = g[FLAG_QUICK].value;
    o->dry_run = g[FLAG_DRY_RUN].value;
    o->quiet = g[FLAG_QUIET].value;
    o->no_fuse = g[FLAG_NO_FUSE].value;
    o->no_blocks = g[FLAG_NO_BLOCKS].value;
    o->no_recompute = g[FLAG_NO_RECOMPUTE].value;
    o->filter = g[FLAG_FILTER].value;
    o->data = g[FLAG_DATA].value;
    o->data_dir = g[FLAG_DATA_DIR].value;
    o->output = g[FLAG_OUTPUT].value;
    o->algo = g[FLAG_ALGO].value ? g[FLAG_ALGO].value : "auto";
    o->isas = parse_isa(&g[FLAG_ISA], program->takes & TAKES(NO_FUSE)); /* which is for programs that run nets */
    o->amx = g[FLAG_ISA].value && strcmp(g[FLAG_ISA].value, isa_name(ISA_AMX)) == 0;
    if (o->data) check_data(&g[FLAG_DATA]);
    if (g[FLAG_EPOCHS].value) o->epochs = one_number(&g[FLAG_EPOCHS], 1, MAX_EPOCHS);
    if (g[FLAG_SEEDS].value) parse_seeds(o, &g[FLAG_SEEDS]);
    if (g[FLAG_THREADS].value) parse_threads(o, &g[FLAG_THREADS]);
    if (g[FLAG_JOBS].value) o->jobs = one_number(&g[FLAG_JOBS], 1, MAX_THREADS);
    if (g[FLAG_BIND].value) {
        int bind = bind_parse(g[FLAG_BIND].value);
        if (bind < 0) quit(EXIT_USAGE, "%s %s: takes core, pu or none", g[FLAG_BIND].by, g[FLAG_BIND].value);
        o->bind = (enum bind)bind;
    }
    if (g[FLAG_ALGO].value) check_algo(&g[FLAG_ALGO]);
    o->format = parse_format(&g[FLAG_FORMAT], o->output);
    if (g[FLAG_SHARD].value) parse_shard(o, &g[FLAG_SHARD]);
}

/* CONVGAUGE_DATA_DIR for "data-dir". */
static void variable_name(const char *flag, char name[64])
{
    assert(flag);
    int n = snprintf(name, 64, "CONVGAUGE_%s", flag);
    assert(n > 0);
    assert(n < 64);
    for (char *c = name; *c; c++) *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

/* One popt pass over words; common flags go to given[], the program's own where their rows point. */
static void parse_words(struct given given[FLAG_COUNT], const struct program *program, int argc, const char **argv, bool environment)
{
    static const struct poptOption none[] = { POPT_TABLEEND };
    const struct poptOption *common = flags_of(program);
    const struct poptOption all[] = { { NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)(program->more ? program->more : none), 0, NULL, NULL },
                                      { NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)common, 0, NULL, NULL },
                                      POPT_TABLEEND };
    poptContext context = poptGetContext(program->name, argc, argv, all, POPT_CONTEXT_NO_EXEC);
    int flag;
    while ((flag = poptGetNextOpt(context)) > 0) {
        assert(flag < FLAG_COUNT);
        if (flag == FLAG_HELP) {
            flags_help(program);
            exit(finished(EXIT_OK));
        }
        free(given[flag].own);
        given[flag].own = poptGetOptArg(context);
        given[flag].value = given[flag].own ? given[flag].own : "1";
        for (const struct poptOption *row = common; row->longName; row++)
            if (row->val == flag && environment) variable_name(row->longName, given[flag].by);
            else if (row->val == flag) snprintf(given[flag].by, sizeof given[flag].by, "--%s", row->longName);
    }
    if (flag < -1) {
        const char *bad = poptBadOption(context, POPT_BADOPTION_NOALIAS);
        quit(EXIT_USAGE, "%s%s: %s; --help lists all flags", environment ? "from the environment: " : "", bad, poptStrerror(flag));
    }
    const char *rest = poptGetArg(context);
    if (rest) quit(EXIT_USAGE, "%s: takes flags only; --help lists them", rest);
    poptFreeContext(context);
}

static int words_from_environment(const struct poptOption *table, const char **words, int count, int room)
{
    assert(count >= 1);
    for (const struct poptOption *row = table; row && row->longName; row++) {
        char name[64];
        variable_name(row->longName, name);
        const char *value = getenv(name);
        if (!value || !*value || row->val == FLAG_VERSION || row->val == FLAG_HELP || row->val == FLAG_DATA_DIR) continue;
        bool flag = (row->argInfo & POPT_ARG_MASK) == POPT_ARG_NONE;
        if (flag && (strcmp(value, "0") == 0 || strcmp(value, "no") == 0 || strcmp(value, "false") == 0)) continue;
        char *word;
        if ((flag ? asprintf(&word, "--%s", row->longName) : asprintf(&word, "--%s=%s", row->longName, value)) < 0)
            quit(EXIT_FAIL, "out of memory");
        assert(count < room);
        words[count++] = word;
    }
    return count;
}

void cli_parse(struct options *o, const struct program *program, int argc, const char **argv)
{
    assert(o);
    assert(program);
    assert(program->name);
    assert(program->does);
    enum { ROOM = 64 };
    const char *words[ROOM] = { program->name };
    static struct given given[FLAG_COUNT]; /* the program's for its life: options point into its values */
    cli_name(program->name);
    open_standard(program->name);
    memset(given, 0, sizeof given);
    *o = (struct options){ .bind = BIND_CORE, .shard = 1, .shards = 1 };
    int count = words_from_environment(program->more, words, 1, ROOM - 1);
    count = words_from_environment(flags_of(program), words, count, ROOM - 1);
    parse_words(given, program, count, words, true);
    for (int i = 1; i < count; i++) free((char *)words[i]);
    parse_words(given, program, argc, argv, false);
    if (given[FLAG_VERSION].value) {
        printf("%s %s\n", program->name, cli_version());
        exit(finished(EXIT_OK));
    }
    const char *claims = getenv("CONVGAUGE_CLAIMS"); /* no flag: for tests, and for who places programs himself */
    if (!claims || strcmp(claims, "none") != 0) claims_begin(claims && *claims ? claims : "convgauge");
    const char *directory = getenv("CONVGAUGE_DATA_DIR");
    o->env_data_dir = directory && *directory ? directory : NULL;
    fill(o, program, given);
    assert(o->isas);
    assert(o->shard >= 1);
    assert(o->shard <= o->shards);
}
