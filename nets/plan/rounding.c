/* SPDX-License-Identifier: MIT
 * In bf16 every value between layers and every gradient of one is a number that bf16 has (docs/kernels/bf16.md): the net's input, and
 * what a stage makes, once it is made, but the logits. What keeps such numbers needs no rounding. */
#include "internal.h"

#include "../layers/tiles.h"

/* What comes behind the layer is the identity at inference, as dropout is: then its output is the logits there. */
static bool is_last(const struct net *net, int layer)
{
    for (int i = layer + 1; i < net->count; i++)
        if (!layer_row(net->layers[i].kind)->passes_at_inference) return false;
    return true;
}

bool output_rounded(const struct plan *plan, int layer) { return plan->tiles && !is_last(&plan->net, layer); }

/* What the stage makes of the layer's images, and its shape; NULL: nothing that is rounded. */
static real *made_by(const struct plan *plan, const struct planned *l, enum work work, int layer, struct shape *shape)
{
    const struct layer *what = &plan->net.layers[layer];
    const struct layer_row *row = layer_row(what->kind);
    if (!plan->tiles) return NULL;
    if (work == WORK_DATA && layer > 0 && plan->layers[layer - 1].gradient_stored == STORED_BF16) return NULL;
    if (work == WORK_FORWARD && plan->layers[layer].stored == STORED_BF16) return NULL;
    *shape = work == WORK_DATA ? what->in : what->out;
    if (work == WORK_SKIPS) return l->dy;
    if ((work != WORK_FORWARD && work != WORK_DATA) || (row->keeps_bf16 && row->keeps_bf16(what, work))) return NULL;
    return work == WORK_DATA ? l->dx : output_rounded(plan, layer) ? l->y : NULL;
}

void round_rows(const struct job *job, enum work work, struct span rows)
{
    struct shape shape;
    real *made = made_by(job->plan, job->layer, work, job->index, &shape);
    if (made) tiles_round(job->plan, row_vectors(rows, shape), made);
}

struct rounding {
    const struct plan *plan;
    struct shape shape;
    real *made;
};

static void round_blocks(void *context, int begin, int end, int worker)
{
    (void)worker;
    const struct rounding *r = context;
    tiles_round(r->plan, row_vectors((struct span){ begin * r->shape.h, end * r->shape.h }, r->shape), r->made);
}

void round_whole(struct plan *plan, struct team *team, enum work work, int layer)
{
    struct rounding r = { .plan = plan };
    r.made = made_by(plan, &plan->layers[layer], work, layer, &r.shape);
    if (r.made) team_run(team, image_blocks(plan->pass.n), round_blocks, &r);
}
