/* SPDX-License-Identifier: MIT
 * Activations, one element at a time. tanh is libm's in double, rounded once: better than the contract asks of the others. */
#include <assert.h>
#include "scalar.h"

static void scalar_activation_fwd(const struct activation *activation, struct span vectors, const real *x, real *y)
{
    assert(vectors.begin >= 0);
    assert(activation->kind <= ACTIVATION_TANH);
    for (size_t i = (size_t)vectors.begin * LANES; i < (size_t)vectors.end * LANES; i++) {
        switch (activation->kind) {
        case ACTIVATION_RELU: y[i] = x[i] > 0 ? x[i] : 0; break;
        case ACTIVATION_LEAKY: y[i] = x[i] > 0 ? x[i] : activation->slope * x[i]; break;
        case ACTIVATION_TANH: y[i] = (real)tanh((double)x[i]); break;
        }
    }
}

static void scalar_activation_bwd(const struct activation *activation, struct span vectors, const real *y, const real *dy, real *dx)
{
    assert(vectors.begin >= 0);
    assert(activation->kind <= ACTIVATION_TANH);
    for (size_t i = (size_t)vectors.begin * LANES; i < (size_t)vectors.end * LANES; i++) {
        switch (activation->kind) {
        case ACTIVATION_RELU: dx[i] = y[i] > 0 ? dy[i] : 0; break;
        case ACTIVATION_LEAKY: dx[i] = y[i] > 0 ? dy[i] : activation->slope * dy[i]; break;
        case ACTIVATION_TANH: dx[i] = (1 - y[i] * y[i]) * dy[i]; break;
        }
    }
}

const struct activation_variant scalar_activation_rows[] = {
    { { "plain", ISA_SCALAR, ANY_CUT }, scalar_activation_fwd, scalar_activation_bwd }, { .head = { .algo = NULL } }
};
