/* SPDX-License-Identifier: MIT
 * What runs in oneDNN's own process: how our problems are said to it, that is the op's shape and its arguments (onednn_shapes.c), then in
 * the words of the version that is here (onednn_v2.c, onednn_v3.c: one of them is built), and the fastest way it has (onednn.c). */
#ifndef BENCH_PEERS_ONEDNN_H
#define BENCH_PEERS_ONEDNN_H

#include <dnnl.h>
#include "../kernel.h"

/* A tensor's layout: a struct in version 2, a handle in version 3. NULL: there is no such tensor. */
#if DNNL_VERSION_MAJOR < 3
typedef const dnnl_memory_desc_t *onednn_md;
#else
typedef const_dnnl_memory_desc_t onednn_md;
#endif

enum { ONEDNN_ARGS = 9, ONEDNN_ALGORITHMS = 3, ONEDNN_MDS = 16 };
/* LAYOUT_ANY is its own choice; pooling and batch norm make none, and take the blocks of channels that convolutions hand them. */
enum onednn_layout { LAYOUT_ANY, LAYOUT_NCHW, LAYOUT_NHWC, LAYOUT_8C, LAYOUT_16C, ONEDNN_LAYOUTS };
#define ONEDNN_LAYOUT_NAMES \
    { \
        "any", "nchw", "nhwc", "nChw8c", "nChw16c" \
    }

struct onednn_arg {
    int name; /* DNNL_ARG_… */
    dnnl_query_t query;
    int index;      /* where its layout is asked for; undef: plain */
    enum role role; /* our tensor; TENSORS: none (left by a forward pass, or not looked at) */
    size_t from;    /* where in our tensor it begins */
    bool lanes;     /* ours has 16 images innermost */
    int rank;
    dnnl_dims_t dims;
    onednn_md plain; /* how the tensor lies once it has not */
};

struct onednn_shape {
    enum op op;
    int direction;
    dnnl_alg_kind_t kind;
    dnnl_data_type_t operand_type, result_type; /* of a product */
    onednn_md src, weights, bias, dst;          /* in backward passes their gradients lie alike */
    dnnl_dims_t steps, window, before, after;
    struct onednn_arg arg[ONEDNN_ARGS];
    int args;
    enum role result;
    const char *algorithm; /* NULL: the op has but one */
    bool needs_forward;
    onednn_md made[ONEDNN_MDS]; /* all of the above, to be freed */
    int mades;
};

/* False: it has no such op, layout or algorithm. Closed by onednn_shape_close in either case. */
bool onednn_shape(const struct problem *p, int direction, enum onednn_layout layout, int algorithm, struct onednn_shape *s);
void onednn_shape_close(struct onednn_shape *s);

/* ---- what the versions say differently ---- */

onednn_md onednn_md_open(int rank, const dnnl_dim_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag);
void onednn_md_close(onednn_md md);
/* forward: the hint that backward passes want. */
dnnl_status_t onednn_describe(const struct onednn_shape *s, dnnl_engine_t engine, dnnl_primitive_desc_t forward, dnnl_primitive_desc_t *pd);

/* ---- the fastest way (onednn.c) ---- */

enum { ONEDNN_TRIALS = ONEDNN_LAYOUTS * ONEDNN_ALGORITHMS };

/* What is tried, in memory that both processes share: where one died, the next leaves that combination out. */
struct onednn_trials {
    volatile int at; /* layout * ONEDNN_ALGORITHMS + algorithm; ONEDNN_TRIALS: all were tried */
    bool died[ONEDNN_TRIALS];
};

/* Capped to the best of `isas`. text, "3.2.1 (avx512)"; NULL: text says why not. */
const char *onednn_start(unsigned isas, char *text, size_t size);

struct onednn;
/* NULL: it does not do that, or fails to. text: what was chosen ("any/direct, jit:avx2"). */
struct onednn *onednn_quickest(const struct problem *p, int direction, struct team *team, struct onednn_trials *trials, char *text,
                               size_t size);
/* Seconds of so many calls; NAN when one failed. */
double onednn_time(struct onednn *o, int calls);
/* NULL when its result is that in the problem's tensor up to rounding, else text. */
const char *onednn_compare(struct onednn *o, char *text, size_t size);
void onednn_close(struct onednn *o);

#endif
