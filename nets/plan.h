/* SPDX-License-Identifier: MIT
 * Private to plans: what was chosen and placed per layer. buffers.c decides who writes where, plan.c measures and places, pass.c runs. */
#ifndef NETS_PLAN_H
#define NETS_PLAN_H

#include "../kernels/runtime/arena.h"
#include "net.h"

/* ---- who writes where (buffers.c) ------------------------------------------------------------------------------------------------ */

/* Indices into the buffer lists; several layers share one when they write in place or when it is free again. */
struct buffers {
    int lowest;                         /* the first layer with parameters: gradients go no deeper; without any, the count */
    int value[NET_MAX_LAYERS];          /* of the layer's output; INPUT_BUFFER: the net's input itself */
    int gradient[NET_MAX_LAYERS];       /* of dy; NO_BUFFER below `lowest` and in inference plans */
    int values, gradients;              /* how many there are */
    size_t value_size[NET_MAX_LAYERS], gradient_size[NET_MAX_LAYERS];          /* elements per image */
};
enum { INPUT_BUFFER = -1, NO_BUFFER = -2 };

void buffers_assign(const struct net *net, bool training, struct buffers *buffers);

/* ---- the plan ---------------------------------------------------------------------------------------------------------------------- */

enum family { PARAMETERS, GRADIENTS, OPTIMIZER, ACTIVATIONS, SCRATCH, FAMILIES };

/* Sums over images run over waves of so many blocks, added in order; within a wave over chunks, added by a tree. */
enum { WAVE_BLOCKS = PLAN_WAVE / LANES };

struct planned {
    union {                             /* the op's problem; n is the pass's */
        struct conv conv;
        struct pool pool;
        struct dense dense;
        struct batchnorm batchnorm;
        struct add add;
    };
    const struct conv_variant *variant[CONV_DIRECTIONS];    /* conv only */
    int tensor, tensors;                /* first in plan->tensors, and how many */
    int ordinal;                        /* among layers of its kind */
    int wave;                           /* conv: blocks per wave */
    const real *x, *skip;               /* what is read; skip: add's source */
    real *y;
    real *dy, *dx;                      /* dx NULL: nobody below needs it */
    real *packed[2];                    /* conv, by direction; NULL where never read */
    uint8_t *which;                     /* max-pool, training */
    uint16_t *kept;                     /* dropout, training */
    real *mean, *variance;              /* batch norm: of the batch, for backward */
};

struct placed { struct tensor tensor; size_t offset; };         /* offset in elements among the trained ones or among the statistics */

enum { MAX_TENSORS = 4 * NET_MAX_LAYERS };

struct plan {
    struct net net;
    int batch, workers, optimizer_slots;
    bool training;
    struct team *team;
    const struct kernels *kernels;
    struct buffers buffers;
    struct planned layers[NET_MAX_LAYERS];
    int tensors;
    struct placed tensor[MAX_TENSORS];
    size_t trained, statistics;         /* elements, each tensor rounded up to 16 */

    bool placing;                       /* the walk takes memory; before, it measures */
    size_t measured[FAMILIES];
    struct arena arenas[FAMILIES];
    real *parameters, *statistic, *gradients, *slots[2];
    real *input, *losses;
    uint8_t *labels, *best;
    real *values[NET_MAX_LAYERS], *value_gradients[NET_MAX_LAYERS];
    real *partials;                     /* sums of chunks, [chunk][stride] */
    real *coefficients, *sums;          /* batch norm's per-channel factors, three arrays of `channels`; its sums, four */
    size_t partial_count, channels;     /* elements; the widest batch norm, rounded up to 16 */
    size_t worker_bytes;
    real **worker_scratch;              /* [workers] */

    bool *stale;                        /* [2] by direction: packed weights are older than the weights */
    plan_watch_fn *watch; void *watch_context;
    struct { int n; bool training, accumulate; struct pass_key key; } pass;             /* under way, or the last one */
};

/* Elements rounded up to whole vectors. */
static inline size_t round16(size_t n)
{
    return (n + LANES - 1) / LANES * LANES;
}

/* Elements of one chunk's sums for a layer's weight and bias, as they lie in the gradients: each rounded up to 16. */
size_t plan_stride(const struct plan *plan, int layer);
/* Value or gradient of tensor `which` (0 weight or gamma, 1 bias or beta, 2 and 3 running mean and variance) of a layer; NULL: has none. */
real *plan_value_of(const struct plan *plan, int layer, int which);
real *plan_gradient_of(const struct plan *plan, int layer, int which);

/* ---- passes (pass.c drives, forward.c and backward.c hold one function per kind of layer) ------------------------------------------ */

typedef void layer_fn(struct plan *plan, int layer);
extern layer_fn *const layer_forward[], *const layer_backward[];         /* by enum layer_kind; backward only from `lowest` on */
/* The gradient of `layer` is there from the layer behind it: adds the dy of every add whose source it is. */
void backward_skips(struct plan *plan, int layer);

/* A part of the pass has ended. */
static inline void watched(const struct plan *plan, int layer, enum plan_part part)
{
    if (plan->watch)
        plan->watch(plan->watch_context, layer, part);
}

/* Of 2^16: see dropout.h. */
static inline uint32_t dropout_threshold(float rate)
{
    return (uint32_t)((double)rate * 65536 + 0.5);
}

/* What a worker needs to know about its piece of a layer. */
struct job {
    const struct plan *plan;
    const struct planned *layer;
    const struct layer *what;
    int index;                          /* of the layer */
    real *to;                           /* sums: where they go */
    int block, chunks;                  /* sums: first image block of the wave; its chunks */
    size_t stride;                      /* sums: elements from chunk to chunk */
    bool add;                           /* sums: to what is there already */
};

static inline struct job job_of(const struct plan *plan, int layer)
{
    return (struct job){ .plan = plan, .layer = &plan->layers[layer], .what = &plan->net.layers[layer], .index = layer };
}

/* Vectors of 16 that a tensor of this shape has in the pass under way. */
static inline int pass_vectors(const struct plan *plan, struct shape s)
{
    return image_blocks(plan->pass.n) * s.c * s.h * s.w;
}

/* Rows of it that hold h rows per image block. */
static inline int pass_rows(const struct plan *plan, int h)
{
    return image_blocks(plan->pass.n) * h;
}

#endif
