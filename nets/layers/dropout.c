/* SPDX-License-Identifier: MIT
 * Dropout: at inference the identity. In training its bits are drawn by a vector's number within the batch, so it counts vectors from the
 * batch's beginning even where it is given a piece of it, and its output has a place there. */
#include <assert.h>
#include "layer.h"

#include "../../kernels/runtime/rng.h"
#include "../plan/internal.h"
#include "words.h"

static const float DROP_MAX = 0.999f; /* the kernel's threshold has 16 bits and must stay below 2^16 */

static bool read_drop(const char *text, struct layer *l, int detail)
{
    (void)detail;
    return read_decimal(&text, &l->dropout.rate) && !*text;
}

static void print_drop(const struct layer *l, char *text, size_t size) { append_decimal(text, size, "drop", l->dropout.rate); }

static const char *drop_shape(struct layer *l)
{
    return l->dropout.rate >= 0 && l->dropout.rate <= DROP_MAX ? NULL : "the rate is a share dropped, 0 to 0.999";
}

static const char *drop_algorithm(const struct plan *plan, int i, char text[96])
{
    (void)i, (void)text;
    return plan->kernels->dropout->head.algo;
}

static void drop_place(struct plan *plan, int i)
{
    assert(plan->at_once >= 1);
    struct planned *l = &plan->layers[i];
    if (plan->training)
        l->mask = plan_take(plan, ACTIVATIONS, block_at(image_blocks(plan->at_once), plan->net.layers[i].out) / LANES * sizeof *l->mask);
}

static struct dropout dropout_of(const struct job *j)
{
    assert(j->layer->ordinal < NET_MAX_LAYERS);
    struct pass_key key = j->plan->pass.key;
    uint32_t which = (uint32_t)j->layer->ordinal + key.part * NET_MAX_LAYERS;
    struct philox_key stream = rng_stream_key(key.seed, STREAM_DROPOUT, key.step, which);
    return (struct dropout){ dropout_threshold(j->what->dropout.rate), { stream.k[0], stream.k[1] } };
}

/* The batch's beginning, of what begins `first` elements behind it. */
static real *from_first(const real *x, size_t first) { return (real *)((uintptr_t)x - first * sizeof *x); }

/* In inference mode nothing is dropped; where the output has a buffer of its own that is a copy, which a threshold of 0 makes. */
static void forward_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    const int before = j->first * j->what->out.h;
    const size_t first = block_at(j->first, j->what->out);
    const struct dropout none = { .threshold = 0 }, some = dropout_of(j);
    if (!j->plan->pass.training && l->x == l->y) return;
    const struct span vectors = row_vectors((struct span){ before + rows.begin, before + rows.end }, j->what->out);
    j->plan->kernels->dropout->fwd(j->plan->pass.training ? &some : &none, vectors, from_first(l->x, first), from_first(l->y, first),
                                   l->mask ? l->mask - first / LANES : NULL);
}

static void data_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    const struct dropout dropout = { .threshold = dropout_threshold(j->what->dropout.rate) };
    j->plan->kernels->dropout->bwd(&dropout, row_vectors(rows, j->what->out), l->dy, l->mask, l->dx);
}

static bool drop_stores(const struct planned *l, enum operand which)
{
    (void)l, (void)which;
    return true;
}

static const struct word words[] = { { "drop", read_drop, 0, "drop0.2", "dropout of a fifth, in training" }, { .name = NULL } };

const struct layer_row layer_dropout = {
    .name = "dropout",
    .words = words,
    .print = print_drop,
    .shape = drop_shape,
    .elementwise = true,
    .passes_at_inference = true,
    .in_place = true,
    .over = NEED_SIGN,
    .whole_output = true,
    .stores = drop_stores,
    .algorithm = drop_algorithm,
    .place = drop_place,
    .work = { [WORK_FORWARD] = { .rows = forward_rows }, [WORK_DATA] = { .rows = data_rows } },
};
