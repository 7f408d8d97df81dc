/* SPDX-License-Identifier: MIT
 * Our ops as oneDNN's descriptors. */
#include <string.h>
#include "onednn.h"

enum { FWD, BWD_DATA, BWD_WEIGHTS, BWD = 1 };
enum layout { ANY, NCHW, NHWC };

static dnnl_memory_desc_t described(int rank, const dnnl_dim_t *dims, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t md;
    dnnl_dims_t all = { 0 };
    memset(&md, 0, sizeof md);
    memcpy(all, dims, (size_t)rank * sizeof *dims);
    dnnl_memory_desc_init_by_tag(&md, rank, all, dnnl_f32, tag);
    return md;
}

static dnnl_format_tag_t image_tag(int layout)
{
    return layout == ANY ? dnnl_format_tag_any : layout == NCHW ? dnnl_nchw : dnnl_nhwc;
}

static void argument(struct onednn_shape *s, int name, dnnl_query_t query, int index, enum role role, bool lanes, dnnl_memory_desc_t plain)
{
    s->arg[s->args++] = (struct onednn_arg){ name, query, index, role, lanes, plain };
}

/* x, w, b, y of a product in plain layouts, then the arguments of a direction. */
static void product_arguments(struct onednn_shape *s, int direction, bool bias, const dnnl_memory_desc_t plain[4])
{
    if (direction == FWD) {
        argument(s, DNNL_ARG_SRC, dnnl_query_src_md, 0, T_X, true, plain[0]);
        argument(s, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, T_W, false, plain[1]);
        if (bias) argument(s, DNNL_ARG_BIAS, dnnl_query_weights_md, 1, T_B, false, plain[2]);
        argument(s, DNNL_ARG_DST, dnnl_query_dst_md, 0, T_Y, true, plain[3]);
        s->result = T_Y;
    } else if (direction == BWD_DATA) {
        argument(s, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, T_DY, true, plain[3]);
        argument(s, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, T_W, false, plain[1]);
        argument(s, DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, T_DX, true, plain[0]);
        s->result = T_DX;
    } else {
        argument(s, DNNL_ARG_SRC, dnnl_query_src_md, 0, T_X, true, plain[0]);
        argument(s, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, T_DY, true, plain[3]);
        argument(s, DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, 0, T_DW, false, plain[1]);
        if (bias) argument(s, DNNL_ARG_DIFF_BIAS, dnnl_query_diff_weights_md, 1, T_DB, false, plain[2]);
        s->result = T_DW;
    }
}

static bool conv_shape(const struct conv *c, int direction, int layout, int algorithm, struct onednn_shape *s)
{
    static const struct { dnnl_alg_kind_t kind; const char *name; } algorithms[ONEDNN_ALGORITHMS] = {
        { dnnl_convolution_direct, "direct" }, { dnnl_convolution_winograd, "winograd" }, { dnnl_convolution_auto, "auto" }
    };
    const dnnl_dim_t x[] = { c->n, c->c, c->h, c->w }, w[] = { c->k, c->c, c->r, c->s }, b[] = { c->k }, y[] = { c->n, c->k, c->p, c->q };
    const dnnl_dims_t steps = { c->step, c->step }, before = { c->top, c->left }, after = { c->bottom, c->right };
    const dnnl_memory_desc_t src = described(4, x, image_tag(layout)), dst = described(4, y, image_tag(layout)),
        weights = described(4, w, dnnl_format_tag_any), bias = described(1, b, dnnl_a), *biased = c->bias ? &bias : NULL;
    const dnnl_alg_kind_t kind = algorithms[algorithm].kind;
    const dnnl_memory_desc_t plain[] = { described(4, x, dnnl_nchw), described(4, w, dnnl_ohwi), bias, described(4, y, dnnl_nchw) };
    s->algorithm = algorithms[algorithm].name;
    product_arguments(s, direction, c->bias, plain);
    if (direction == FWD)
        return !dnnl_convolution_forward_desc_init(&s->op.conv, dnnl_forward_training, kind, &src, &weights, biased, &dst, steps, before,
                                                   after);
    if (direction == BWD_DATA)
        return !dnnl_convolution_backward_data_desc_init(&s->op.conv, kind, &src, &weights, &dst, steps, before, after);
    return !dnnl_convolution_backward_weights_desc_init(&s->op.conv, kind, &src, &weights, biased, &dst, steps, before, after);
}

static bool dense_shape(const struct dense *d, int direction, int layout, struct onednn_shape *s)
{
    const dnnl_dim_t x[] = { d->n, d->c }, w[] = { d->k, d->c }, b[] = { d->k }, y[] = { d->n, d->k };
    const dnnl_format_tag_t tag = layout == ANY ? dnnl_format_tag_any : dnnl_ab;
    const dnnl_memory_desc_t src = described(2, x, tag), dst = described(2, y, tag), weights = described(2, w, dnnl_format_tag_any),
        bias = described(1, b, dnnl_a), *biased = d->bias ? &bias : NULL;
    const dnnl_memory_desc_t plain[] = { described(2, x, dnnl_ab), described(2, w, dnnl_ab), bias, described(2, y, dnnl_ab) };
    product_arguments(s, direction, d->bias, plain);
    if (direction == FWD) return !dnnl_inner_product_forward_desc_init(&s->op.dense, dnnl_forward_training, &src, &weights, biased, &dst);
    if (direction == BWD_DATA) return !dnnl_inner_product_backward_data_desc_init(&s->op.dense, &src, &weights, &dst);
    return !dnnl_inner_product_backward_weights_desc_init(&s->op.dense, &src, &weights, biased, &dst);
}

static bool pool_shape(const struct pool *p, int direction, int layout, struct onednn_shape *s)
{
    const dnnl_dim_t x[] = { p->n, p->c, p->h, p->w }, y[] = { p->n, p->c, p->p, p->q };
    const dnnl_dims_t steps = { p->step, p->step }, window = { p->r, p->s }, before = { p->top, p->left },
        after = { p->bottom, p->right };
    const dnnl_alg_kind_t kind = p->kind == POOL_MAX ? dnnl_pooling_max
                               : p->count_pad ? dnnl_pooling_avg_include_padding : dnnl_pooling_avg_exclude_padding;
    /* pooling does not choose a layout itself: its own choice is the one that convolutions hand it, channels in blocks of eight */
    const dnnl_format_tag_t tag = layout == ANY ? dnnl_nChw8c : image_tag(layout);
    const dnnl_memory_desc_t src = described(4, x, tag), dst = described(4, y, tag), plain_x = described(4, x, dnnl_nchw),
        plain_y = described(4, y, dnnl_nchw);
    const dnnl_memory_desc_t none = { .ndims = 0 };
    if (direction == FWD) {
        argument(s, DNNL_ARG_SRC, dnnl_query_src_md, 0, T_X, true, plain_x);
        argument(s, DNNL_ARG_DST, dnnl_query_dst_md, 0, T_Y, true, plain_y);
        if (p->kind == POOL_MAX) argument(s, DNNL_ARG_WORKSPACE, dnnl_query_workspace_md, 0, TENSORS, false, none);
        s->result = T_Y;
        return !dnnl_pooling_forward_desc_init(&s->op.pool, dnnl_forward_training, kind, &src, &dst, steps, window, before, after);
    }
    argument(s, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, T_DY, true, plain_y);
    argument(s, DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, T_DX, true, plain_x);
    if (p->kind == POOL_MAX) argument(s, DNNL_ARG_WORKSPACE, dnnl_query_workspace_md, 0, TENSORS, false, none);
    s->needs_forward = p->kind == POOL_MAX;
    s->result = T_DX;
    return !dnnl_pooling_backward_desc_init(&s->op.pool, kind, &src, &dst, steps, window, before, after);
}

static bool batchnorm_shape(const struct batchnorm *p, int direction, int layout, struct onednn_shape *s)
{
    const dnnl_dim_t x[] = { p->n, p->c, p->h, p->w }, c[] = { p->c }, both[] = { 2, p->c };
    const dnnl_format_tag_t tag = layout == ANY ? dnnl_nChw8c : image_tag(layout);
    const dnnl_memory_desc_t data = described(4, x, tag), plain = described(4, x, dnnl_nchw), vector = described(1, c, dnnl_a),
        pair = described(2, both, dnnl_nc);
    argument(s, DNNL_ARG_SRC, dnnl_query_src_md, 0, T_X, true, plain);
    argument(s, DNNL_ARG_SCALE_SHIFT, dnnl_query_undef, 0, T_W, false, pair);
    argument(s, DNNL_ARG_MEAN, dnnl_query_undef, 0, TENSORS, false, vector);
    argument(s, DNNL_ARG_VARIANCE, dnnl_query_undef, 0, TENSORS, false, vector);
    if (direction == FWD) {
        argument(s, DNNL_ARG_DST, dnnl_query_dst_md, 0, T_Y, true, plain);
        s->result = T_Y;
        return !dnnl_batch_normalization_forward_desc_init(&s->op.batchnorm, dnnl_forward_training, &data, 1e-5f, dnnl_use_scaleshift);
    }
    argument(s, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, T_DY, true, plain);
    argument(s, DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, T_DX, true, plain);
    argument(s, DNNL_ARG_DIFF_SCALE_SHIFT, dnnl_query_undef, 0, TENSORS, false, pair);
    s->needs_forward = true;
    s->result = T_DX;
    return !dnnl_batch_normalization_backward_desc_init(&s->op.batchnorm, dnnl_backward, &data, &data, 1e-5f, dnnl_use_scaleshift);
}

bool onednn_shape(const struct problem *p, int direction, int layout, int algorithm, struct onednn_shape *s)
{
    memset(s, 0, sizeof *s);
    s->result = TENSORS;
    if (p->op == OP_CONV) return conv_shape(&p->conv, direction, layout, algorithm, s);
    if (algorithm > 0) return false;
    if (p->op == OP_DENSE) return layout != NHWC && dense_shape(&p->dense, direction, layout, s);
    if (p->op == OP_POOL) return pool_shape(&p->pool, direction, layout, s);
    if (p->op == OP_BATCHNORM) return batchnorm_shape(&p->batchnorm, direction, layout, s);
    return false;
}
