/* SPDX-License-Identifier: MIT
 * oneDNN's version 3: layouts are handles, and a primitive is described by one call. */
#include <assert.h>
#include "onednn.h"

static const float EPS = 1e-5f;
enum { BATCHNORM_FLAGS = dnnl_use_scale | dnnl_use_shift };

onednn_md onednn_md_open(int rank, const dnnl_dim_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t md;
    return dnnl_memory_desc_create_with_tag(&md, rank, dims, type, tag) ? NULL : md;
}

void onednn_md_close(onednn_md md)
{
    if (md) dnnl_memory_desc_destroy((dnnl_memory_desc_t)(uintptr_t)md);
}

static dnnl_status_t conv(const struct onednn_shape *s, dnnl_engine_t engine, dnnl_primitive_desc_t forward, dnnl_primitive_desc_t *pd)
{
    if (s->direction == 0)
        return dnnl_convolution_forward_primitive_desc_create(pd, engine, dnnl_forward_training, s->kind, s->src, s->weights, s->bias,
                                                              s->dst, s->steps, NULL, s->before, s->after, NULL);
    if (s->direction == 1)
        return dnnl_convolution_backward_data_primitive_desc_create(pd, engine, s->kind, s->src, s->weights, s->dst, s->steps, NULL,
                                                                    s->before, s->after, forward, NULL);
    return dnnl_convolution_backward_weights_primitive_desc_create(pd, engine, s->kind, s->src, s->weights, s->bias, s->dst, s->steps, NULL,
                                                                   s->before, s->after, forward, NULL);
}

static dnnl_status_t dense(const struct onednn_shape *s, dnnl_engine_t engine, dnnl_primitive_desc_t forward, dnnl_primitive_desc_t *pd)
{
    if (s->direction == 0)
        return dnnl_inner_product_forward_primitive_desc_create(pd, engine, dnnl_forward_training, s->src, s->weights, s->bias, s->dst,
                                                                NULL);
    if (s->direction == 1)
        return dnnl_inner_product_backward_data_primitive_desc_create(pd, engine, s->src, s->weights, s->dst, forward, NULL);
    return dnnl_inner_product_backward_weights_primitive_desc_create(pd, engine, s->src, s->weights, s->bias, s->dst, forward, NULL);
}

static dnnl_status_t pool(const struct onednn_shape *s, dnnl_engine_t engine, dnnl_primitive_desc_t forward, dnnl_primitive_desc_t *pd)
{
    static const dnnl_dims_t dense_window = { 0, 0 };
    if (s->direction == 0)
        return dnnl_pooling_forward_primitive_desc_create(pd, engine, dnnl_forward_training, s->kind, s->src, s->dst, s->steps, s->window,
                                                          dense_window, s->before, s->after, NULL);
    return dnnl_pooling_backward_primitive_desc_create(pd, engine, s->kind, s->src, s->dst, s->steps, s->window, dense_window, s->before,
                                                       s->after, forward, NULL);
}

dnnl_status_t onednn_describe(const struct onednn_shape *s, dnnl_engine_t engine, dnnl_primitive_desc_t forward, dnnl_primitive_desc_t *pd)
{
    assert(engine);
    assert(s->direction == 0 || forward);
    if (s->op == OP_CONV) return conv(s, engine, forward, pd);
    if (s->op == OP_DENSE) return dense(s, engine, forward, pd);
    if (s->op == OP_POOL) return pool(s, engine, forward, pd);
    assert(s->op == OP_BATCHNORM);
    if (s->direction == 0)
        return dnnl_batch_normalization_forward_primitive_desc_create(pd, engine, dnnl_forward_training, s->src, s->dst, EPS,
                                                                      BATCHNORM_FLAGS, NULL);
    return dnnl_batch_normalization_backward_primitive_desc_create(pd, engine, dnnl_backward, s->src, s->dst, s->src, EPS, BATCHNORM_FLAGS,
                                                                   forward, NULL);
}
