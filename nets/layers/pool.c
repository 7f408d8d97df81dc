/* SPDX-License-Identifier: MIT
 * Maximum, average and global average over windows. Max-pool keeps which pixel of each window was the largest. */
#include <assert.h>
#include "layer.h"

#include "../plan/internal.h"
#include "words.h"

static bool read_pool(const char *text, struct layer *l, int kind)
{
    assert(kind == POOL_MAX || kind == POOL_AVG);
    struct pool *p = &l->pool;
    int pads[4] = { 0 }, count = 0;
    *p = (struct pool){ .kind = (enum pool_kind)kind };
    if (!read_whole(&text, &p->r)) return false;
    p->s = p->step = p->r;
    const struct option options[] = { { "step", WHOLE, &p->step },
                                      { "s", WHOLE, &p->s },
                                      { "pad", PADS, pads },
                                      { kind == POOL_AVG ? "count" : NULL, WHOLE, &count },
                                      { NULL, FLAG, NULL } };
    if (!read_options(text, options) || count > 1) return false;
    p->top = pads[0], p->bottom = pads[1], p->left = pads[2], p->right = pads[3];
    p->count_pad = count == 1;
    return true;
}

static bool read_gap(const char *text, struct layer *l, int kind)
{
    l->global = true;
    l->pool = (struct pool){ .kind = (enum pool_kind)kind, .step = 1 };
    return !*text;
}

static void print_pool(const struct layer *l, char *text, size_t size)
{
    const struct pool *p = &l->pool;
    if (l->global) {
        append(text, size, "gap");
        return;
    }
    append(text, size, "%s%d", p->kind == POOL_MAX ? "max" : "avg", p->r);
    append_unless(text, size, "s", p->s, p->r);
    append_unless(text, size, "step", p->step, p->r);
    append_pads(text, size, p->top, p->bottom, p->left, p->right);
    append_unless(text, size, "count", p->kind == POOL_AVG && p->count_pad, 0);
}

static const char *pool_shape(struct layer *l)
{
    assert(l->in.c >= 1);
    struct pool *p = &l->pool;
    p->n = 1, p->c = l->in.c, p->h = l->in.h, p->w = l->in.w;
    if (l->global) p->r = p->h, p->s = p->w, p->step = 1;
    const char *wrong = pool_complete(p);
    assert(wrong || p->p >= 1);
    assert(wrong || p->q >= 1);
    p->n = 0;
    l->out = (struct shape){ p->c, p->p, p->q };
    return wrong;
}

static struct window pool_window(const struct layer *l) { return (struct window){ l->pool.r, l->pool.step, l->pool.top }; }

static bool is_max(const struct layer *l) { return l->pool.kind == POOL_MAX; }

/* A maximum is one of the numbers; a pixel's gradient is one of those above where it has a place in one window at most. */
static bool keeps_bf16(const struct layer *l, enum work work)
{
    return is_max(l) && (work == WORK_FORWARD || (l->pool.r <= l->pool.step && l->pool.s <= l->pool.step));
}

static const char *pool_problem(const struct net *net, int i, int n, struct planned *l)
{
    assert(n >= 1);
    l->pool = net->layers[i].pool;
    l->pool.n = n;
    return pool_complete(&l->pool);
}

static void pool_images(struct planned *l, int n) { l->pool.n = n; }

static const char *pool_algorithm(const struct plan *plan, int i, char text[96])
{
    (void)i, (void)text;
    return plan->kernels->pool->head.algo;
}

static void pool_place(struct plan *plan, int i)
{
    const struct layer *what = &plan->net.layers[i];
    struct planned *l = &plan->layers[i];
    const int blocks = l->own_blocks ? plan->workers * l->own_blocks : image_blocks(plan->at_once);
    assert(blocks >= 1);
    if (plan->training && is_max(what)) l->argmax = plan_take(plan, ACTIVATIONS, block_at(blocks, what->out));
}

static bool takes_lines(const struct job *j) { return is_max(j->what) && j->plan->kernels->pool->head.promises & TAKES_LINES; }

static void forward_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    struct pool p = l->pool;
    struct lines_room room;
    p.lines = storage_operands(j, WORK_FORWARD, &room);
    j->plan->kernels->pool->fwd(&p, rows, l->x, l->y, j->plan->pass.training ? l->argmax : NULL);
    if (p.lines) storage_frame(j, WORK_FORWARD, rows);
}

static void data_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    struct pool p = l->pool;
    struct lines_room room;
    p.lines = storage_operands(j, WORK_DATA, &room);
    j->plan->kernels->pool->bwd(&p, rows, l->dy, l->argmax, l->dx);
    if (p.lines) storage_frame(j, WORK_DATA, rows);
}

static bool pool_stores(const struct planned *l, enum operand which)
{
    (void)l, (void)which;
    return true;
}

static const struct word words[] = {
    { "max", read_pool, POOL_MAX, "max2[s3][step1][pad1|pad1,0,1,0]", "max pooling: window 2x2, stride = window unless step" },
    { "avg", read_pool, POOL_AVG, "avg2[s3][step1][pad1|pad1,0,1,0][count1]", "average pooling; count1: padding counts" },
    { "gap", read_gap, POOL_AVG, "gap", "global average pooling" },
    { .name = NULL }
};

const struct layer_row layer_pool = {
    .name = "pool",
    .words = words,
    .print = print_pool,
    .shape = pool_shape,
    .window = pool_window,
    .way_out = "; change window or padding, or shrink the image less before it",
    .only_maxima = is_max,
    .keeps_bf16 = keeps_bf16,
    .stores = pool_stores,
    .takes_lines = takes_lines,
    .problem = pool_problem,
    .images = pool_images,
    .algorithm = pool_algorithm,
    .place = pool_place,
    .work = { [WORK_FORWARD] = { .rows = forward_rows }, [WORK_DATA] = { .rows = data_rows } },
};
