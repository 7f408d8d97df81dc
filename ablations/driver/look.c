/* SPDX-License-Identifier: MIT
 * What looks at a run from inside: the study's own hooks, and the pictures when they are asked for. */
#include "driver.h"

#include <assert.h>

/* Full batches are no smaller than the mean one; a batch in parts is fed in waves. */
static int plan_takes(const struct entry *e)
{
    double mean = e->images / e->updates;
    return mean > PLAN_WAVE ? PLAN_WAVE : mean < 1 ? 1 : (int)mean;
}

/* The study's own hook comes after ours: it may leave the plan in any state. The look is what hooks get; it is our first member. */
static void draw(void *context, struct plan *plan)
{
    const struct looking *l = context;
    pictures_write(l->s, &l->look, plan);
    if (l->then) l->then(context, plan);
}

void look_begin(struct looking *l, const struct sweep *s, const struct run *r, const struct net *net, const struct recipe *recipe,
                struct train_options *options)
{
    assert(s->of);
    assert(r->entry->data);
    *l = (struct looking){ .s = s };
    l->look = (struct look){ .cell = r->entry->cell,
                             .arm = r->entry->arm,
                             .net = net,
                             .recipe = recipe,
                             .data = r->entry->data,
                             .options = options,
                             .batch = plan_takes(r->entry),
                             .extra = json_object(),
                             .folder = pictures_wanted(s, r) ? pictures_folder(s, r, l->folder, sizeof l->folder) : NULL };
    options->hooks.context = &l->look;
    if (s->of->look && !s->wish->timing) s->of->look(&l->look, &options->hooks);
    if (l->look.folder) {
        l->then = options->hooks.finished;
        options->hooks.finished = draw;
        options->no_fuse = true; /* every layer's output is there */
    }
}

void look_end(struct looking *l, json_t *result)
{
    if (l->look.folder) pictures_looks(&l->look);
    json_object_update(result, l->look.extra);
    json_decref(l->look.extra);
}
