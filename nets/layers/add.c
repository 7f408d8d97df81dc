/* SPDX-License-Identifier: MIT
 * Adds the output of an earlier layer, its source. Backward lends its dy to the layer below, and gives the source its share once the layer
 * above the source has written the source's gradient: that is work of the source's place in the net, WORK_SKIPS. */
#include "layer.h"

#include <assert.h>
#include <string.h>
#include "../plan/internal.h"
#include "words.h"

static bool read_add(const char *text, struct layer *l, int detail)
{
    (void)detail;
    return read_whole(&text, &l->add.back) && !*text;
}

static void print_add(const struct layer *l, char *text, size_t size) { append(text, size, "add%d", l->add.back); }

static int add_source(const struct layer *l) { return l->add.back; }

static const char *add_problem(const struct net *net, int i, int n, struct planned *l)
{
    assert(n >= 1);
    const struct shape in = net->layers[i].in, from = net_source_shape(net, i);
    assert(from.c == in.c);
    assert(from.h >= in.h);
    assert(from.w >= in.w);
    l->add = (struct add){ n, in.c, in.h, in.w, from.h, from.w };
    return NULL;
}

static void add_images(struct planned *l, int n) { l->add.n = n; }

static const char *add_algorithm(const struct plan *plan, int i, char text[96])
{
    (void)i, (void)text;
    return plan->kernels->add->head.algo;
}

/* Backward copies. */
static bool keeps_bf16(const struct layer *l, enum work work)
{
    (void)l;
    return work == WORK_DATA;
}

static void forward_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    j->plan->kernels->add->fwd(&l->add, rows, l->x, l->skip, l->y);
}

/* dx is dy: a copy only where both are needed apart (see buffers.c). */
static void data_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    const struct span vectors = row_vectors(rows, j->what->out);
    if (l->dx != l->dy)
        memcpy(l->dx + (size_t)vectors.begin * LANES, l->dy + (size_t)vectors.begin * LANES,
               (size_t)(vectors.end - vectors.begin) * LANES * sizeof(real));
}

static void skip_rows(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct job *j = context;
    j->plan->kernels->add->bwd(&j->layer->add, (struct span){ begin, end }, j->layer->dy, j->to);
}

/* The gradient of `layer` is there from the layer behind it: adds the dy of every add whose source it is. */
static void skips_whole(struct plan *plan, struct team *team, int layer)
{
    for (int i = layer + 2; i < plan->net.count; i++) {
        struct job job = job_of(plan, i);
        if (net_source(&plan->net, i) != layer) continue;
        job.to = plan->layers[layer].dy;
        assert(job.to);
        assert(job.to != job.layer->dy);
        team_run(team, pass_rows(plan, job.layer->add.h), skip_rows, &job);
    }
}

static const struct word words[] = {
    { "add", read_add, 0, "add3", "adds the output of three layers before (its top-left crop when larger)" }, { .name = NULL }
};

const struct layer_row layer_add = {
    .name = "add", .words = words, .print = print_add, .source = add_source, .elementwise = true, .in_place = true, .over = NEED_NOTHING,
    .keeps_bf16 = keeps_bf16, .problem = add_problem, .images = add_images, .algorithm = add_algorithm,
    .work = {
        [WORK_FORWARD] = { .rows = forward_rows }, [WORK_DATA] = { .rows = data_rows }, [WORK_SKIPS] = { .whole = skips_whole },
    },
};
