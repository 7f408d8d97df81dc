/* SPDX-License-Identifier: MIT
 * Our ops as oneDNN sees them: tensors, windows, and which argument is which of ours. */
#include <assert.h>
#include <string.h>
#include "onednn.h"

enum { FWD, BWD_DATA, BWD_WEIGHTS, BWD = 1 };

/* A layout that the shape owns. */
static onednn_md described(struct onednn_shape *s, int rank, const dnnl_dim_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    assert(rank >= 1);
    assert(rank <= 4);
    dnnl_dims_t all = { 0 };
    memcpy(all, dims, (size_t)rank * sizeof *dims);
    assert(s->mades < ONEDNN_MDS);
    return s->made[s->mades++] = onednn_md_open(rank, all, type, tag);
}

void onednn_shape_close(struct onednn_shape *s)
{
    for (int i = 0; i < s->mades; i++) onednn_md_close(s->made[i]);
    s->mades = 0;
}

static dnnl_format_tag_t image_tag(enum onednn_layout layout)
{
    assert(layout < ONEDNN_LAYOUTS);
    static const dnnl_format_tag_t tags[ONEDNN_LAYOUTS] = { dnnl_format_tag_any, dnnl_nchw, dnnl_nhwc, dnnl_nChw8c, dnnl_nChw16c };
    return tags[layout];
}

/* A tensor of ours in plain layout. */
struct plain {
    enum role role;
    bool lanes;
    int rank;
    dnnl_dim_t dims[4];
    dnnl_format_tag_t tag;
};

static void argument(struct onednn_shape *s, int name, dnnl_query_t query, int index, const struct plain *p)
{
    assert(s->args < ONEDNN_ARGS);
    struct onednn_arg *a = &s->arg[s->args++];
    *a = (struct onednn_arg){ .name = name, .query = query, .index = index, .role = p->role, .lanes = p->lanes, .rank = p->rank };
    memcpy(a->dims, p->dims, (size_t)p->rank * sizeof *p->dims);
    if (p->rank) a->plain = described(s, p->rank, p->dims, dnnl_f32, p->tag);
}

static struct plain as(struct plain p, enum role role)
{
    p.role = role;
    return p;
}

/* The arguments of a direction of a product y = x w + b. */
static void product_arguments(struct onednn_shape *s, bool bias, struct plain x, struct plain w, struct plain b, struct plain y)
{
    const struct plain dx = as(x, T_DX), dw = as(w, T_DW), db = as(b, T_DB), dy = as(y, T_DY);
    if (s->direction == FWD) {
        argument(s, DNNL_ARG_SRC, dnnl_query_src_md, 0, &x);
        argument(s, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, &w);
        if (bias) argument(s, DNNL_ARG_BIAS, dnnl_query_weights_md, 1, &b);
        argument(s, DNNL_ARG_DST, dnnl_query_dst_md, 0, &y);
        s->result = T_Y;
    } else if (s->direction == BWD_DATA) {
        argument(s, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, &dy);
        argument(s, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, &w);
        argument(s, DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, &dx);
        s->result = T_DX;
    } else {
        argument(s, DNNL_ARG_SRC, dnnl_query_src_md, 0, &x);
        argument(s, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, &dy);
        argument(s, DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, 0, &dw);
        if (bias) argument(s, DNNL_ARG_DIFF_BIAS, dnnl_query_diff_weights_md, 1, &db);
        s->result = T_DW;
    }
}

/* src, weights and dst of a product of these tensors. */
static void product_layouts(struct onednn_shape *s, const struct plain *x, const struct plain *w, const struct plain *y,
                            dnnl_format_tag_t tag)
{
    const dnnl_data_type_t read = s->operand_type, made = s->result_type;
    s->src = described(s, x->rank, x->dims, s->direction == BWD_DATA ? made : read, tag);
    s->dst = described(s, y->rank, y->dims, s->direction == FWD ? made : read, tag);
    s->weights = described(s, w->rank, w->dims, s->direction == BWD_WEIGHTS ? made : read, dnnl_format_tag_any);
}

static void two(dnnl_dims_t to, int high, int wide)
{
    to[0] = high;
    to[1] = wide;
}

static bool conv_shape(const struct conv *c, enum onednn_layout layout, int algorithm, struct onednn_shape *s)
{
    assert(algorithm >= 0);
    assert(algorithm < ONEDNN_ALGORITHMS);
    static const struct {
        dnnl_alg_kind_t kind;
        const char *name;
    } algorithms[ONEDNN_ALGORITHMS] = { { dnnl_convolution_direct, "direct" },
                                        { dnnl_convolution_winograd, "winograd" },
                                        { dnnl_convolution_auto, "auto" } };
    const struct plain x = { T_X, true, 4, { c->n, c->c, c->h, c->w }, dnnl_nchw },
                       w = { T_W, false, 4, { c->k, c->c, c->r, c->s }, dnnl_ohwi }, b = { T_B, false, 1, { c->k }, dnnl_a },
                       y = { T_Y, true, 4, { c->n, c->k, c->p, c->q }, dnnl_nchw };
    s->kind = algorithms[algorithm].kind;
    s->algorithm = algorithms[algorithm].name;
    product_layouts(s, &x, &w, &y, image_tag(layout));
    if (c->bias) s->bias = described(s, 1, b.dims, dnnl_f32, dnnl_a);
    two(s->steps, c->step, c->step);
    two(s->before, c->top, c->left);
    two(s->after, c->bottom, c->right);
    product_arguments(s, c->bias, x, w, b, y);
    return true;
}

static bool dense_shape(const struct dense *d, enum onednn_layout layout, struct onednn_shape *s)
{
    const struct plain x = { T_X, true, 2, { d->n, d->c }, dnnl_ab }, w = { T_W, false, 2, { d->k, d->c }, dnnl_ab },
                       b = { T_B, false, 1, { d->k }, dnnl_a }, y = { T_Y, true, 2, { d->n, d->k }, dnnl_ab };
    product_layouts(s, &x, &w, &y, layout == LAYOUT_ANY ? dnnl_format_tag_any : dnnl_ab);
    if (d->bias) s->bias = described(s, 1, b.dims, dnnl_f32, dnnl_a);
    product_arguments(s, d->bias, x, w, b, y);
    return true;
}

/* Operands in bf16. Results are tried in float32, which ours are, and in bf16, which is less to write. A problem that is a dense layer
 * (conv_bf16_dense) is one here. */
static bool bf16_shape(const struct conv *c, enum onednn_layout layout, int algorithm, struct onednn_shape *s)
{
    if (algorithm > 1) return false;
    s->operand_type = dnnl_bf16;
    s->result_type = algorithm == 0 ? dnnl_f32 : dnnl_bf16;
    if (c->n == LANES && c->w == 1 && c->r * c->s == 1 && c->p == c->h && c->q == 1) {
        const struct dense d = { .n = c->h * LANES, .c = c->c, .k = c->k, .bias = c->bias };
        s->op = OP_DENSE;
        if (layout > LAYOUT_NCHW || !dense_shape(&d, layout, s)) return false;
    } else {
        s->op = OP_CONV;
        if (!conv_shape(c, layout, 0, s)) return false;
    }
    s->algorithm = algorithm == 0 ? "to f32" : "to bf16";
    return true;
}

static bool pool_shape(const struct pool *p, enum onednn_layout layout, struct onednn_shape *s)
{
    const struct plain x = { T_X, true, 4, { p->n, p->c, p->h, p->w }, dnnl_nchw },
                       y = { T_Y, true, 4, { p->n, p->c, p->p, p->q }, dnnl_nchw }, dx = as(x, T_DX), dy = as(y, T_DY),
                       workspace = { .role = TENSORS };
    s->kind = p->kind == POOL_MAX ? dnnl_pooling_max : p->count_pad ? dnnl_pooling_avg_include_padding : dnnl_pooling_avg_exclude_padding;
    s->src = described(s, 4, x.dims, dnnl_f32, image_tag(layout));
    s->dst = described(s, 4, y.dims, dnnl_f32, image_tag(layout));
    two(s->steps, p->step, p->step);
    two(s->window, p->r, p->s);
    two(s->before, p->top, p->left);
    two(s->after, p->bottom, p->right);
    if (s->direction == FWD) {
        argument(s, DNNL_ARG_SRC, dnnl_query_src_md, 0, &x);
        argument(s, DNNL_ARG_DST, dnnl_query_dst_md, 0, &y);
    } else {
        argument(s, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, &dy);
        argument(s, DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, &dx);
        s->needs_forward = p->kind == POOL_MAX;
    }
    if (p->kind == POOL_MAX) argument(s, DNNL_ARG_WORKSPACE, dnnl_query_workspace_md, 0, &workspace);
    s->result = s->direction == FWD ? T_Y : T_DX;
    return true;
}

static bool batchnorm_shape(const struct batchnorm *p, enum onednn_layout layout, struct onednn_shape *s)
{
    const struct plain x = { T_X, true, 4, { p->n, p->c, p->h, p->w }, dnnl_nchw }, y = as(x, T_Y), dx = as(x, T_DX), dy = as(x, T_DY),
                       scale = { T_W, false, 1, { p->c }, dnnl_a }, left = as(scale, TENSORS);
    s->src = described(s, 4, x.dims, dnnl_f32, image_tag(layout));
    s->dst = described(s, 4, x.dims, dnnl_f32, image_tag(layout));
    argument(s, DNNL_ARG_SRC, dnnl_query_src_md, 0, &x);
    argument(s, DNNL_ARG_SCALE, dnnl_query_undef, 0, &scale);
    argument(s, DNNL_ARG_MEAN, dnnl_query_undef, 0, &left);
    argument(s, DNNL_ARG_VARIANCE, dnnl_query_undef, 0, &left);
    if (s->direction == FWD || DNNL_VERSION_MAJOR < 3) { /* a backward pass must have it in version 2, must not in version 3 */
        argument(s, DNNL_ARG_SHIFT, dnnl_query_undef, 0, &scale);
        s->arg[s->args - 1].from = (size_t)p->c;
    }
    if (s->direction == FWD) {
        argument(s, DNNL_ARG_DST, dnnl_query_dst_md, 0, &y);
        s->result = T_Y;
        return true;
    }
    argument(s, DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0, &dy);
    argument(s, DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0, &dx);
    argument(s, DNNL_ARG_DIFF_SCALE, dnnl_query_undef, 0, &left);
    argument(s, DNNL_ARG_DIFF_SHIFT, dnnl_query_undef, 0, &left);
    s->needs_forward = true;
    s->result = T_DX;
    return true;
}

bool onednn_shape(const struct problem *p, int direction, enum onednn_layout layout, int algorithm, struct onednn_shape *s)
{
    assert(direction >= 0);
    assert(direction < DIRECTIONS);
    *s = (struct onednn_shape){ .op = p->op, .direction = direction, .operand_type = dnnl_f32, .result_type = dnnl_f32, .result = TENSORS };
    const bool blocks = layout == LAYOUT_8C || layout == LAYOUT_16C;
    if (p->op == OP_CONV) return !blocks && conv_shape(&p->conv, layout, algorithm, s);
    if (p->op == OP_CONV_BF16) return !blocks && bf16_shape(&p->conv_bf16.shape, layout, algorithm, s);
    if (algorithm > 0) return false;
    if (p->op == OP_DENSE) return layout <= LAYOUT_NCHW && dense_shape(&p->dense, layout, s);
    if (layout == LAYOUT_ANY) return false;
    if (p->op == OP_POOL) return pool_shape(&p->pool, layout, s);
    return p->op == OP_BATCHNORM && batchnorm_shape(&p->batchnorm, layout, s);
}
