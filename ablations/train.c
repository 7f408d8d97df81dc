/* SPDX-License-Identifier: MIT
 * train: any net on any data with any recipe, by the same driver as the studies: a typed net is a study of one cell. A checkpoint that is
 * loaded changes the bits and stands neither in the net nor in the recipe: its hash goes into the cell's name and so into the row's id. */
#include "driver/driver.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../nets/sha256.h"
#include "../nets/whole_file.h"

enum { NAME_MOST = 60 };

struct request {
    char *net, *recipe, *load, *save, *on_divergence, *name;
    int every, weights_only, summary, help_net, help_recipe;
};

/* The zoo's cell named "study/cell", and its study. */
static const struct zoo_cell *zoo_find(const char *name, const struct zoo_study **study)
{
    assert(name);
    assert(study);
    for (int i = 0; zoo_studies[i]; i++)
        for (const struct zoo_cell *cell = zoo_studies[i]->cells; cell->cell; cell++) {
            size_t length = strlen(zoo_studies[i]->study);
            if (strncmp(name, zoo_studies[i]->study, length) == 0 && name[length] == '/' && strcmp(name + length + 1, cell->cell) == 0) {
                *study = zoo_studies[i];
                return cell;
            }
        }
    return NULL;
}

static int list_zoo(void)
{
    for (int i = 0; zoo_studies[i]; i++)
        for (const struct zoo_cell *cell = zoo_studies[i]->cells; cell->cell; cell++)
            printf("%s/%s\n  net     %s\n  recipe  %s\n  data    %s\n", zoo_studies[i]->study, cell->cell, cell->net, cell->recipe,
                   cell->data ? cell->data : zoo_studies[i]->data);
    return finished(EXIT_OK);
}

/* "custom from 1a2b3c4d5e6f": what a run starts from is a part of its id */
static void name_after_file(const char *cell, const char *path, bool weights_only, char *name, size_t size)
{
    assert(path);
    assert(size > 0);
    struct stat is = { .st_mode = 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO without a writer would be waited for */
    FILE *f = fd < 0 || fstat(fd, &is) || !S_ISREG(is.st_mode) ? NULL : fdopen(fd, "rb");
    char hex[65];
    if (!f)
        quit(EXIT_FAIL, "--load %s: %s; name a checkpoint that --save wrote", path, is.st_mode ? "not a regular file" : strerror(errno));
    if (!sha256_file(f, hex)) quit(EXIT_FAIL, "--load %s: %s; name a checkpoint that --save wrote", path, strerror(errno));
    fclose(f);
    snprintf(name, size, "%s from %.12s%s", cell, hex, weights_only ? ", weights only" : "");
}

/* Before the data are read and hours are trained: opens the file as saving will, and drops it. */
static void check_save(const char *path)
{
    assert(path);
    struct stat there;
    struct whole_file w;
    int status = *path ? 0 : ENOENT;
    if (!status && stat(path, &there) == 0 && !S_ISREG(there.st_mode)) status = S_ISDIR(there.st_mode) ? EISDIR : EINVAL;
    if (!status) status = -whole_open(&w, path, NULL);
    if (status) quit(EXIT_FAIL, "--save %s: %s; give a place to write", path, strerror(status));
    whole_drop(&w);
}

/* What is not said is taken from the zoo's cell, or for a typed net from nowhere: no data set is chosen silently. */
static void check(const struct request *r, const struct options *o, const char *net, const struct zoo_cell *known)
{
    if (!net)
        quit(EXIT_USAGE, "--net is missing: a net like \"1x28x28 conv8 relu max2 dense10\", or one of --list like compact-net/published");
    if (!known && !o->data && !o->data_dir && !r->summary)
        quit(EXIT_USAGE, "--data is missing: mnist, fashion-mnist, cifar-10 or strokes, or --data-dir with idx or CIFAR-10 files");
    if (r->save) check_save(r->save);
    if (r->save && o->seed_count > 1) quit(EXIT_USAGE, "--save %s: takes one seed; run it once per seed with a file for each", r->save);
    if (r->load && o->seed_count > 1 && !r->weights_only)
        quit(EXIT_USAGE, "--load %s: resumes one seed; give that one, or --weights-only to start several from these weights", r->load);
}

static int run(const struct request *r, const struct options *o)
{
    static char cell_name[128], saved[4096];
    struct why why;
    const struct zoo_study *study = NULL;
    const struct zoo_cell *known = r->net ? zoo_find(r->net, &study) : NULL;
    if (!r->net && r->load && checkpoint_net(r->load, saved, sizeof saved, &why)) quit(EXIT_FAIL, "--load %s", why.text);
    const char *net = r->net ? r->net : r->load ? saved : NULL;
    check(r, o, net, known);
    static char words[RECIPE_WORDS];
    snprintf(words, sizeof words, "%s %s", known ? known->recipe : "", r->recipe ? r->recipe : ""); /* too long: refused below */
    const char *const called = r->name ? r->name : known ? r->net : "custom";
    if (r->name && (strlen(r->name) > NAME_MOST || strpbrk(r->name, "/\\\"\n"))) /* it stands in paths and tables */
        quit(EXIT_USAGE, "--name %s: takes up to %d characters, no slashes and no quotes", r->name, NAME_MOST);
    snprintf(cell_name, sizeof cell_name, "%s", called);
    if (r->load) name_after_file(called, r->load, r->weights_only, cell_name, sizeof cell_name);
    struct zoo_cell cells[2] = { known ? *known : (struct zoo_cell){ .net = net }, { .cell = NULL } };
    cells[0].cell = cell_name;
    cells[0].recipe = words;
    if (r->recipe || r->load) /* no longer what was published */
        cells[0].published_acc = cells[0].published_loss = 0;
    struct zoo_study zoo_study = { .study = "train", .data = study ? study->data : "custom", .question = "", .cells = cells };
    struct study one = { .zoo = &zoo_study, .seeds = 1, .quick_seeds = 1, .quick_epochs = 1 };
    struct wish wish = { .directory = o->data_dir && !o->data && !known,
                         .epoch_lines = true,
                         .again = r->save,
                         .summary = r->summary,
                         .weights_only = r->weights_only,
                         .checkpoint_every = every_of(r->every),
                         .go_on_diverged = goes_on_diverged(r->on_divergence),
                         .load = r->load,
                         .save = r->save };
    return ablation_run(&one, o, &wish);
}

int main(int argc, const char **argv)
{
    struct request r = { 0 };
    const struct poptOption more[] = {
        { "net", 0, POPT_ARG_STRING, &r.net, 0, "a net string, or a cell of the zoo (--list); default: --load's", "NET" },
        { "name", 0, POPT_ARG_STRING, &r.name, 0,
          "the name of this run in rows (default: custom), by which bench/tools/compare --by cell groups runs", "NAME" },
        { "recipe", 0, POPT_ARG_STRING, &r.recipe, 0, "like \"opt=adam lr=0.01 epochs=3\"; a cell's own with these words added", "WORDS" },
        { "load", 0, POPT_ARG_STRING, &r.load, 0, "start from this safetensors file: resume its run, if it records a position", "FILE" },
        { "weights-only", 0, POPT_ARG_NONE, &r.weights_only, 0, "take only the weights of --load, and start from update 0", NULL },
        { "save", 0, POPT_ARG_STRING, &r.save, 0, "write a safetensors file after every epoch", "FILE" },
        { "checkpoint-every", 0, POPT_ARG_INT, &r.every, 0,
          "write checkpoints beside the rows every N epochs: a stopped sweep resumes within its runs", "N" },
        { "on-divergence", 0, POPT_ARG_STRING, &r.on_divergence, 0,
          "whether a run stops (the default) or continues once its loss is not finite", "stop|continue" },
        { "summary", 0, POPT_ARG_NONE, &r.summary, 0, "print the net's summary (shapes, parameters, memory), and exit", NULL },
        { "help-net", 0, POPT_ARG_NONE, &r.help_net, 0, "print what --net takes, and exit", NULL },
        { "help-recipe", 0, POPT_ARG_NONE, &r.help_recipe, 0, "print what --recipe takes, and exit", NULL },
        POPT_TABLEEND
    };
    static const char *const examples[] = { "train --net \"1x28x28 conv8 relu max2 dense10\" --recipe \"opt=adam lr=0.01\" --data mnist",
                                            "train --net compact-net/published --data fashion-mnist --seeds 0-9 --output rows.jsonl",
                                            "train --net \"1x28x28 dense10\" --data mnist --save net.safetensors --quiet", NULL };
    const struct program program = { .name = "train",
                                     .does = "Trains a net on a data set: one run per seed, a row of results each.",
                                     .takes = TAKES_ALL & ~TAKES(FILTER),
                                     .more = more,
                                     .examples = examples };
    static struct options options;
    cli_parse(&options, &program, argc, argv);
    if (r.help_net) grammar_net(stdout);
    if (r.help_recipe) grammar_recipe(stdout);
    if (r.help_net || r.help_recipe) return finished(EXIT_OK);
    int status = options.list ? list_zoo() : run(&r, &options);
    free(r.net);
    free(r.name);
    free(r.recipe);
    free(r.load);
    free(r.save);
    free(r.on_divergence);
    return status;
}
