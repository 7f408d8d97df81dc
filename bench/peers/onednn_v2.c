/* SPDX-License-Identifier: MIT
 * oneDNN's version 2: layouts are structs, and a primitive is described in two steps. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "onednn.h"

static const float EPS = 1e-5f;
enum { BATCHNORM_FLAGS = dnnl_use_scale | dnnl_use_shift };

onednn_md onednn_md_open(int rank, const dnnl_dim_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t *md = calloc(1, sizeof *md);
    if (!md || !dnnl_memory_desc_init_by_tag(md, rank, dims, type, tag)) return md;
    free(md);
    return NULL;
}

void onednn_md_close(onednn_md md) { free((dnnl_memory_desc_t *)(uintptr_t)md); }

union op_desc {
    dnnl_convolution_desc_t conv;
    dnnl_pooling_desc_t pool;
    dnnl_batch_normalization_desc_t batchnorm;
    dnnl_inner_product_desc_t dense;
};

static dnnl_status_t conv(const struct onednn_shape *s, dnnl_convolution_desc_t *d)
{
    if (s->direction == 0)
        return dnnl_convolution_forward_desc_init(d, dnnl_forward_training, s->kind, s->src, s->weights, s->bias, s->dst, s->steps,
                                                  s->before, s->after);
    if (s->direction == 1)
        return dnnl_convolution_backward_data_desc_init(d, s->kind, s->src, s->weights, s->dst, s->steps, s->before, s->after);
    return dnnl_convolution_backward_weights_desc_init(d, s->kind, s->src, s->weights, s->bias, s->dst, s->steps, s->before, s->after);
}

static dnnl_status_t dense(const struct onednn_shape *s, dnnl_inner_product_desc_t *d)
{
    if (s->direction == 0) return dnnl_inner_product_forward_desc_init(d, dnnl_forward_training, s->src, s->weights, s->bias, s->dst);
    if (s->direction == 1) return dnnl_inner_product_backward_data_desc_init(d, s->src, s->weights, s->dst);
    return dnnl_inner_product_backward_weights_desc_init(d, s->src, s->weights, s->bias, s->dst);
}

static dnnl_status_t pool(const struct onednn_shape *s, dnnl_pooling_desc_t *d)
{
    if (s->direction == 0)
        return dnnl_pooling_forward_desc_init(d, dnnl_forward_training, s->kind, s->src, s->dst, s->steps, s->window, s->before, s->after);
    return dnnl_pooling_backward_desc_init(d, s->kind, s->src, s->dst, s->steps, s->window, s->before, s->after);
}

static dnnl_status_t batchnorm(const struct onednn_shape *s, dnnl_batch_normalization_desc_t *d)
{
    if (s->direction == 0) return dnnl_batch_normalization_forward_desc_init(d, dnnl_forward_training, s->src, EPS, BATCHNORM_FLAGS);
    return dnnl_batch_normalization_backward_desc_init(d, dnnl_backward, s->src, s->src, EPS, BATCHNORM_FLAGS);
}

dnnl_status_t onednn_describe(const struct onednn_shape *s, dnnl_engine_t engine, dnnl_primitive_desc_t forward, dnnl_primitive_desc_t *pd)
{
    union op_desc d;
    assert(engine);
    assert(s->direction == 0 || forward);
    const dnnl_status_t status = s->op == OP_CONV    ? conv(s, &d.conv)
                                 : s->op == OP_DENSE ? dense(s, &d.dense)
                                 : s->op == OP_POOL  ? pool(s, &d.pool)
                                                     : batchnorm(s, &d.batchnorm);
    return status ? status : dnnl_primitive_desc_create(pd, &d, NULL, engine, forward);
}
