/* SPDX-License-Identifier: MIT
 * --checkpoint-every: what an unfinished run of a sweep has come to, in a folder beside the rows, under the id that its row will have. Net,
 * recipe, seed, data and numerics are in the id, so what is found under it is this run's; and training from it has the bits of a run that
 * was never interrupted. It is gone once the row is there. */
#include "driver.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder, or the run's file in it. */
static const char *place_of(const struct rows *rows, const struct run *r, char *text, size_t size)
{
    const char *dot = strrchr(rows->path, '.');
    const size_t stem = dot && !strchr(dot, '/') ? (size_t)(dot - rows->path) : strlen(rows->path);
    snprintf(text, size, "%.*s.checkpoints%s%.16s%s", (int)stem, rows->path, r ? "/" : "", r ? r->id : "", r ? ".safetensors" : "");
    return text;
}

/* What a study does to its weights at the start, or sees of every step, is in no file: such a run starts anew. */
static bool can_go_on(const struct train_options *o) { return !o->hooks.started && !o->hooks.backward; }

void keep_begin(struct keep *k, const struct sweep *s, const struct rows *rows, const struct run *r, struct train_options *options)
{
    char text[sizeof(struct why) + 64];
    struct why why;
    int tensors;
    bool sealed;
    if (!s->wish->checkpoint_every || s->wish->timing || s->wish->save || !can_go_on(options)) return;
    mkdir(place_of(rows, NULL, k->path, sizeof k->path), 0777); /* what is wrong with it shows when the file is written */
    place_of(rows, r, k->path, sizeof k->path);
    options->save = k->path;
    options->save_every = s->wish->checkpoint_every;
    if (access(k->path, F_OK)) return;
    if (checkpoint_check(k->path, &tensors, &sealed, &why) == 0) {
        options->load = k->path;
        return;
    }
    snprintf(text, sizeof text, "%s; the run starts from the beginning", why.text);
    options->warn(options->context, text);
}

void keep_end(const struct sweep *s, const struct rows *rows, const struct run *r)
{
    char path[4096];
    if (!s->wish->checkpoint_every) return;
    unlink(place_of(rows, r, path, sizeof path));
}

void keep_close(const struct sweep *s, const struct rows *rows)
{
    char path[4096];
    if (s->wish->checkpoint_every) rmdir(place_of(rows, NULL, path, sizeof path)); /* what is not done yet is in it: then it stays */
}
