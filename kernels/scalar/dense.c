/* SPDX-License-Identifier: MIT
 * Dense: three matrix products, each element one sum in the order that the contract gives. Scratch is for those who transpose; not here. */
#include <assert.h>
#include "scalar.h"

/* Offset of w[k][c]. */
static size_t weight(const struct dense *dense, int k, int c) { return (size_t)k * (size_t)dense->c + (size_t)c; }

static void scalar_dense_fwd(const struct dense *dense, struct span outputs, const real *x, const real *w, const real *bias, real *y)
{
    assert(outputs.begin >= 0);
    assert(outputs.end <= dense->k);
    for (int b = 0; b < image_blocks(dense->n); b++) {
        for (int k = outputs.begin; k < outputs.end; k++) {
            real *out = y + lanes_at(b, 0, 1, k, dense->k);
            for (int l = 0; l < LANES; l++) out[l] = bias ? bias[k] : 0;
            for (int c = 0; c < dense->c; c++) {
                const real *in = x + lanes_at(b, 0, 1, c, dense->c);
                for (int l = 0; l < LANES; l++) out[l] += w[weight(dense, k, c)] * in[l];
            }
        }
    }
}

static void scalar_dense_bwd_data(const struct dense *dense, struct span inputs, const real *dy, const real *w, real *dx)
{
    assert(inputs.begin >= 0);
    assert(inputs.end <= dense->c);
    for (int b = 0; b < image_blocks(dense->n); b++) {
        for (int c = inputs.begin; c < inputs.end; c++) {
            real *out = dx + lanes_at(b, 0, 1, c, dense->c);
            for (int l = 0; l < LANES; l++) out[l] = 0;
            for (int k = 0; k < dense->k; k++) {
                const real *in = dy + lanes_at(b, 0, 1, k, dense->k);
                for (int l = 0; l < LANES; l++) out[l] += w[weight(dense, k, c)] * in[l];
            }
        }
    }
}

/* Feature i of `features` of image n. */
static real value_of(const real *tensor, int n, int i, int features)
{
    return tensor[lanes_at(n / LANES, 0, 1, i, features) + (size_t)(n % LANES)];
}

static void scalar_dense_bwd_weights(const struct dense *dense, struct span inputs, const real *dy, const real *x, real *dw, real *db,
                                     real *scratch)
{
    (void)scratch;
    assert(inputs.begin >= 0);
    assert(inputs.end <= dense->c);
    for (int k = 0; k < dense->k; k++) {
        for (int c = inputs.begin; c < inputs.end; c++) {
            real sum = 0;
            for (int n = 0; n < dense->n; n++) sum += value_of(dy, n, k, dense->k) * value_of(x, n, c, dense->c);
            dw[weight(dense, k, c)] = sum;
        }
        if (!db || inputs.begin > 0) continue;
        db[k] = 0;
        for (int n = 0; n < dense->n; n++) db[k] += value_of(dy, n, k, dense->k);
    }
}

const struct dense_variant scalar_dense_rows[] = {
    { { "plain", ISA_SCALAR, EXACT_ANY_CUT }, scalar_dense_fwd, scalar_dense_bwd_data, scalar_dense_bwd_weights },
    { .head = { .algo = NULL } }
};
