/* SPDX-License-Identifier: MIT
 * One table has every common flag; a program takes a subset. popt parses by it, help prints it, and tools/dev/man-pages makes man pages and
 * completions of the help: values that can be listed stand in the argument's place as a|b|c. */
#include "flags.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define ISA_CHOICE(NAME, name, on) "|" #name

static const struct poptOption common[] = {
    { "list", 0, POPT_ARG_NONE, NULL, FLAG_LIST, "list what there is to run, and exit", NULL },
    { "dry-run", 0, POPT_ARG_NONE, NULL, FLAG_DRY_RUN, "list what would be run, with estimates, and exit: nothing is measured or written",
      NULL },
    { "quick", 0, POPT_ARG_NONE, NULL, FLAG_QUICK, "a few epochs and seeds: minutes on two cores", NULL },
    { "quiet", 0, POPT_ARG_NONE, NULL, FLAG_QUIET, "no progress on stderr, only errors and warnings", NULL },
    { "filter", 0, POPT_ARG_STRING, NULL, FLAG_FILTER, "only what this glob on study/cell/arm matches; a bare word: any part of it",
      "GLOB" },
    { "data", 0, POPT_ARG_STRING, NULL, FLAG_DATA, "data set to use in place of the study's", "mnist|fashion-mnist|cifar-10|strokes" },
    { "data-dir", 0, POPT_ARG_STRING, NULL, FLAG_DATA_DIR,
      "look for the data only here, in DIR/NAME/ and DIR itself: train-images-idx3-ubyte, train-labels-idx1-ubyte, "
      "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, or data_batch_1.bin to _5.bin and test_batch.bin; plain, .gz or .xz",
      "DIR" },
    { "epochs", 0, POPT_ARG_STRING, NULL, FLAG_EPOCHS, "in place of the recipe's", "N" },
    { "seeds", 0, POPT_ARG_STRING, NULL, FLAG_SEEDS, "seeds to run, like 0-9 or 0,3,5-7", "LIST" },
    { "threads", 0, POPT_ARG_STRING, NULL, FLAG_THREADS, "workers per run, like 1 or 1,2,all", "LIST" },
    { "jobs", 0, POPT_ARG_STRING, NULL, FLAG_JOBS, "runs side by side (default: as many as usable cores allow)", "N" },
    { "bind", 0, POPT_ARG_STRING, NULL, FLAG_BIND, "pin workers to cores (default), to hardware threads (pu), or not at all",
      "core|pu|none" },
    { "isa", 0, POPT_ARG_STRING, NULL, FLAG_ISA, "instruction set (default: the best here)", &(ISAS(ISA_CHOICE))[1] },
    { "algo", 0, POPT_ARG_STRING, NULL, FLAG_ALGO, "convolution algorithm (default: auto, by a cost model fitted to measurements)",
      "NAME" },
    { "no-fuse", 0, POPT_ARG_NONE, NULL, FLAG_NO_FUSE, "run every layer by itself: same bits, for comparing speed", NULL },
    { "no-blocks", 0, POPT_ARG_NONE, NULL, FLAG_NO_BLOCKS,
      "fuse layers, but pass the whole batch through each group of layers before the next: same bits", NULL },
    { "no-recompute", 0, POPT_ARG_NONE, NULL, FLAG_NO_RECOMPUTE, "store everything that backward reads: same bits", NULL },
    { "format", 0, POPT_ARG_STRING, NULL, FLAG_FORMAT, "format of the output (default: by --output's ending, md on stdout)",
      "md|csv|json|jsonl" },
    { "output", 0, POPT_ARG_STRING, NULL, FLAG_OUTPUT, "jsonl: append rows here, and skip runs that have a row; else: the table goes here",
      "FILE" },
    { "shard", 0, POPT_ARG_STRING, NULL, FLAG_SHARD, "part i of n, or auto: from Slurm's or AWS Batch's array variables", "i/n" },
    { "version", 0, POPT_ARG_NONE, NULL, FLAG_VERSION, "print the version, and exit", NULL },
    { "help", 'h', POPT_ARG_NONE, NULL, FLAG_HELP, "print this help, and exit", NULL },
    POPT_TABLEEND
};

const struct poptOption *flags_of(const struct program *program)
{
    static struct poptOption table[sizeof common / sizeof *common];
    int count = 0;
    assert(program);
    for (const struct poptOption *row = common; row->longName; row++) {
        if (row->val != FLAG_VERSION && row->val != FLAG_HELP && !(program->takes >> row->val & 1)) continue;
        table[count] = *row;
        if (row->val == FLAG_OUTPUT && program->output) table[count].descrip = program->output;
        if (row->val == FLAG_FILTER && program->filter) table[count].descrip = program->filter;
        if (row->val == FLAG_QUICK && program->quick) table[count].descrip = program->quick;
        count++;
    }
    assert(count < (int)(sizeof table / sizeof *table));
    table[count] = (struct poptOption)POPT_TABLEEND;
    return table;
}

/* The words from column `at` on, in lines that end before column `end`; the cursor stands at column `from`. */
static void wrapped(const char *words, int from, int at, int end)
{
    assert(words);
    assert(at < end);
    int column = from;
    for (const char *word = words; *word; word += strspn(word, " ")) {
        const int length = (int)strcspn(word, " ");
        if (column > at && column + 1 + length > end) column = printf("\n") - 1;
        if (column < at) column += printf("%*s", at - column, "");
        else if (column > at) column += printf(" ");
        column += printf("%.*s", length, word);
        word += length;
    }
    putchar('\n');
}

static void rows(const char *heading, const struct poptOption *table)
{
    enum { INDENT = 6, WORDS = 26, END = 79 };
    printf("\n%s\n", heading);
    for (const struct poptOption *row = table; row->longName; row++) {
        int column = row->shortName ? printf("  -%c, ", row->shortName) : printf("%*s", INDENT, "");
        column += printf("--%s%s%s", row->longName, row->argDescrip ? "=" : "", row->argDescrip ? row->argDescrip : "");
        if (column + 2 > WORDS) column = printf("\n") - 1;
        wrapped(row->descrip, column, WORDS, END);
    }
}

void flags_help(const struct program *program)
{
    assert(program->name);
    static const struct {
        int code;
        const char *words;
        unsigned long of; /* only programs that take this flag; 0: all */
    } codes[] = { { EXIT_OK, "done", 0 },
                  { EXIT_FAIL, "a run or check failed, memory ran out, or something could not be written", 0 },
                  { EXIT_USAGE, "wrong usage, or nothing matched", 0 },
                  { EXIT_NO_ISA, "that instruction set is not available here", 0 },
                  { EXIT_DATA, "the data set is missing or damaged", TAKES(DATA) },
                  { EXIT_HANGUP, "stopped by a closed terminal; 130 by Ctrl-C; 143 by SIGTERM", 0 } };
    printf("Usage: %s [OPTION...]\n", program->name);
    wrapped(program->does, 0, 0, 79);
    if (program->more) rows("Options of this program:", program->more);
    rows("Common options (each also a variable: --bind is CONVGAUGE_BIND):", flags_of(program));
    if (program->examples) printf("\nExamples:\n");
    for (const char *const *line = program->examples; line && *line; line++) printf("  %s\n", *line);
    printf("\nExit status:\n");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (!codes[i].of || program->takes & codes[i].of) printf("  %-4d %s\n", codes[i].code, codes[i].words);
}
