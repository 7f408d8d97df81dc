/* SPDX-License-Identifier: MIT
 * ReLU, leaky ReLU and tanh. Backward needs their output: of ReLU its sign alone, of tanh its value. */
#include <assert.h>
#include "layer.h"

#include "../plan/internal.h"
#include "words.h"

static bool read_activation(const char *text, struct layer *l, int kind)
{
    assert(kind >= 0);
    assert(kind <= ACTIVATION_TANH);
    l->activation.kind = (enum activation_kind)kind;
    return (kind != ACTIVATION_LEAKY || read_decimal(&text, &l->activation.slope)) && !*text;
}

static void print_activation(const struct layer *l, char *text, size_t size)
{
    const struct activation *a = &l->activation;
    if (a->kind == ACTIVATION_LEAKY) append_decimal(text, size, "leaky", a->slope);
    else append(text, size, "%s", a->kind == ACTIVATION_RELU ? "relu" : "tanh");
}

static const char *activation_shape(struct layer *l)
{
    const bool slope = l->activation.slope > 0 && l->activation.slope <= 1;
    return l->activation.kind == ACTIVATION_LEAKY && !slope ? "the slope must be above 0 and at most 1" : NULL;
}

static enum need needs_output(const struct layer *l) { return l->activation.kind == ACTIVATION_TANH ? NEED_VALUE : NEED_SIGN; }

/* ReLU of a maximum is the maximum of ReLUs; relu_after_pool (nets/plan/plan.c) says what becomes of gradients. */
static bool keeps_order(const struct layer *l) { return l->activation.kind == ACTIVATION_RELU; }

/* ReLU chooses between a number and zero. */
static bool keeps_bf16(const struct layer *l, enum work work)
{
    (void)work;
    return l->activation.kind == ACTIVATION_RELU;
}

static const char *activation_algorithm(const struct plan *plan, int i, char text[96])
{
    (void)i, (void)text;
    return plan->kernels->activation->head.algo;
}

static void forward_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    j->plan->kernels->activation->fwd(&j->what->activation, row_vectors(rows, j->what->out), j->layer->x, j->layer->y);
}

static void data_rows(const struct job *j, struct span rows, int worker)
{
    (void)worker;
    const struct planned *l = j->layer;
    j->plan->kernels->activation->bwd(&j->what->activation, row_vectors(rows, j->what->out), l->y, l->dy, l->dx);
}

static bool activation_stores(const struct planned *l, enum operand which)
{
    (void)l, (void)which;
    return true;
}

static const struct word words[] = { { "relu", read_activation, ACTIVATION_RELU, "relu", "max(x, 0)" },
                                     { "leaky", read_activation, ACTIVATION_LEAKY, "leaky0.01", "leaky ReLU: x below 0 times 0.01" },
                                     { "tanh", read_activation, ACTIVATION_TANH, "tanh", "hyperbolic tangent" },
                                     { .name = NULL } };

const struct layer_row layer_activation = {
    .name = "activation",
    .words = words,
    .print = print_activation,
    .shape = activation_shape,
    .elementwise = true,
    .in_place = true,
    .operations = 1,
    .over = NEED_NOTHING,
    .needs_output = needs_output,
    .keeps_order = keeps_order,
    .keeps_bf16 = keeps_bf16,
    .stores = activation_stores,
    .algorithm = activation_algorithm,
    .work = { [WORK_FORWARD] = { .rows = forward_rows }, [WORK_DATA] = { .rows = data_rows } },
};
