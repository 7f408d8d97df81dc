/* SPDX-License-Identifier: MIT
 * How our problems are said to oneDNN (onednn_shapes.c): the op's descriptor and its arguments. */
#ifndef BENCH_PEERS_ONEDNN_H
#define BENCH_PEERS_ONEDNN_H

#include <dnnl.h>
#include "../kernel.h"

enum { ONEDNN_ARGS = 9, ONEDNN_LAYOUTS = 3, ONEDNN_ALGORITHMS = 3 };

struct onednn_arg {
    int name;                       /* DNNL_ARG_… */
    dnnl_query_t query; int index;  /* where its layout is asked for; undef: plain */
    enum role role;                 /* our tensor; TENSORS: none (left by a forward pass, or not looked at) */
    bool lanes;                     /* ours has 16 images innermost */
    dnnl_memory_desc_t plain;       /* how the tensor lies once it has not */
};

struct onednn_shape {
    union {
        dnnl_convolution_desc_t conv;
        dnnl_pooling_desc_t pool;
        dnnl_batch_normalization_desc_t batchnorm;
        dnnl_inner_product_desc_t dense;
    } op;
    struct onednn_arg arg[ONEDNN_ARGS];
    int args;
    enum role result;
    const char *algorithm;          /* NULL: the op has but one */
    bool needs_forward;
};

/* layout: 0 its own choice, 1 nchw, 2 nhwc. False: it has no such op, layout or algorithm. */
bool onednn_shape(const struct problem *p, int direction, int layout, int algorithm, struct onednn_shape *s);

#endif
