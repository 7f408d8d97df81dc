/* SPDX-License-Identifier: MIT
 * What flags and environment become. What they must not be, message by message, is in tests/cli. */
#include <criterion/criterion.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>
#include "../../bench/record/cli.h"

static struct options options;

/* Parses "--a 1 --b" with no program's own flags. */
static const struct options *parse(const char *line)
{
    static char words[256];
    const char *argv[32] = { "test" };
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
    const struct program program = { .name = "test", .does = "a test", .takes = TAKES_ALL };
    cli_parse(&options, &program, argc, argv);
    return &options;
}

Test(cli, defaults)
{
    const struct options *o = parse("");
    cr_assert(!o->list && !o->quick && !o->dry_run && !o->quiet && !o->filter && !o->data && !o->data_dir && !o->output);
    cr_assert(o->epochs == 0 && o->seed_count == 0 && o->thread_count == 0 && o->jobs == 0 && o->bind == BIND_CORE);
    cr_assert(o->isas == (cpu_detect() & kernels_built() & ~ISAS_BY_NAME) && o->format == FORMAT_MD && o->shard == 1 && o->shards == 1);
    cr_assert_str_eq(o->algo, "auto");
}

Test(cli, lists)
{
    const struct options *o = parse("--seeds 0-3,7,9-10 --threads 1,2,all");
    const uint64_t seeds[] = { 0, 1, 2, 3, 7, 9, 10 };
    cr_assert(o->seed_count == 7);
    for (int i = 0; i < 7; i++) cr_assert(o->seeds[i] == seeds[i]);
    cr_assert(o->thread_count == 3 && o->threads[0] == 1 && o->threads[1] == 2 && o->threads[2] == THREADS_ALL);
}

Test(cli, format_follows_output)
{
    cr_assert(parse("--output t.csv")->format == FORMAT_CSV);
    cr_assert(parse("--output t.json")->format == FORMAT_JSON);
    cr_assert(parse("--output t.md")->format == FORMAT_MD);
    cr_assert(parse("--output t.jsonl")->format == FORMAT_JSONL);
    cr_assert(parse("--output rows")->format == FORMAT_JSONL);
    cr_assert(parse("--output t.csv --format md")->format == FORMAT_MD);
}

Test(cli, one_isa)
{
    cr_assert(parse("--isa portable")->isas == 1u << ISA_PORTABLE);
    cr_assert(parse("--isa auto")->isas == (cpu_detect() & kernels_built() & ~ISAS_BY_NAME));
}

Test(cli, environment_is_weaker)
{
    setenv("CONVGAUGE_SEEDS", "5", 1);
    setenv("CONVGAUGE_DRY_RUN", "1", 1);
    setenv("CONVGAUGE_QUIET", "0", 1);
    setenv("CONVGAUGE_EPOCHS", "nonsense", 1);
    setenv("CONVGAUGE_DATA_DIR", "/somewhere", 1);
    const struct options *o = parse("--epochs 3");
    cr_assert(o->seed_count == 1 && o->seeds[0] == 5 && o->dry_run && !o->quiet && o->epochs == 3);
    cr_assert(!o->data_dir, "the variable is one more place to look, not the only one");
    cr_assert_str_eq(o->env_data_dir, "/somewhere");
    o = parse("--epochs 3 --seeds 8");
    cr_assert(o->seed_count == 1 && o->seeds[0] == 8);
}

Test(cli, own_flags)
{
    char *net = NULL;
    int summary = 0;
    const struct poptOption more[] = { { "net", 0, POPT_ARG_STRING, &net, 0, "", NULL },
                                       { "summary", 0, POPT_ARG_NONE, &summary, 0, "", NULL },
                                       POPT_TABLEEND };
    const char *argv[] = { "test", "--summary" };
    setenv("CONVGAUGE_NET", "1x28x28 dense10", 1);
    const struct program program = { .name = "test", .does = "a test", .takes = TAKES_ALL, .more = more };
    cli_parse(&options, &program, 2, argv);
    cr_assert_str_eq(net, "1x28x28 dense10");
    cr_assert(summary);
}

Test(cli, array_jobs)
{
    setenv("SLURM_ARRAY_TASK_ID", "14", 1);
    setenv("SLURM_ARRAY_TASK_COUNT", "3", 1);
    setenv("SLURM_ARRAY_TASK_MIN", "10", 1);
    setenv("SLURM_ARRAY_TASK_STEP", "2", 1);
    const struct options *o = parse("--shard auto");
    cr_assert(o->shard == 3 && o->shards == 3);
    unsetenv("SLURM_ARRAY_TASK_ID");
    setenv("AWS_BATCH_JOB_ARRAY_INDEX", "0", 1);
    setenv("AWS_BATCH_JOB_ARRAY_SIZE", "8", 1);
    o = parse("--shard auto");
    cr_assert(o->shard == 1 && o->shards == 8);
    o = parse("--shard 2/5");
    cr_assert(o->shard == 2 && o->shards == 5);
}

/* The place is id - first: with sanitizers this is where an overflow would show. */
static void parse_place(const char *id, const char *first, const char *step)
{
    setenv("SLURM_ARRAY_TASK_ID", id, 1);
    setenv("SLURM_ARRAY_TASK_COUNT", "4", 1);
    setenv("SLURM_ARRAY_TASK_MIN", first, 1);
    setenv("SLURM_ARRAY_TASK_STEP", step, 1);
    parse("--shard auto");
}

Test(cli, array_place_too_low, .exit_code = EXIT_USAGE) { parse_place("-9223372036854775808", "9223372036854775807", "1"); }
Test(cli, array_place_too_high, .exit_code = EXIT_USAGE) { parse_place("9223372036854775807", "-1", "1"); }
Test(cli, array_place_below_first, .exit_code = EXIT_USAGE) { parse_place("0", "2147483647", "1"); }
Test(cli, array_step_zero, .exit_code = EXIT_USAGE) { parse_place("3", "1", "0"); }
Test(cli, array_step_too_high, .exit_code = EXIT_USAGE) { parse_place("3", "1", "18446744073709551616"); }

Test(cli, filters)
{
    const char *cell = "compact-net/published", *arm = "compact-net/published/no dropout";
    cr_assert(filter_matches(NULL, cell));
    cr_assert(filter_matches("dropout", arm) && !filter_matches("dropout", cell));
    cr_assert(filter_matches("*/published", cell) && !filter_matches("*/published", arm));
    cr_assert(filter_matches("compact-net/published", cell) && !filter_matches("compact-net/published", arm));
    cr_assert(filter_matches("compact*/no*", arm));
}

Test(cli, seed_twice, .exit_code = EXIT_USAGE) { parse("--seeds 0-9,3"); }

Test(cli, absent_isa, .exit_code = EXIT_NO_ISA) { parse(cpu_detect() & kernels_built() & 1u << ISA_NEON ? "--isa avx2" : "--isa neon"); }
