/* SPDX-License-Identifier: MIT
 * ReLU, leaky ReLU and tanh, element by element. The smallest op: copy it to add your own. */
#ifndef KERNELS_ACTIVATION_H
#define KERNELS_ACTIVATION_H

#include "base.h"

/* Functions of one value. Their gradient is told from the output alone, so that the input need not be kept. At 0 it is that of the
 * negative side, 0 or `slope`, as in PyTorch. */
enum activation_kind { ACTIVATION_RELU, ACTIVATION_LEAKY, ACTIVATION_TANH };

/* The problem. How many values there are is the span's matter. */
struct activation {
    enum activation_kind kind; /* which function */
    float slope;               /* leaky: y = x > 0 ? x : slope * x, slope > 0 */
};

/* "relu:v37", "leaky:v37" (slope 0.01), "tanh:v37": 37 vectors of 16 floats. NULL, or what is wrong; print gives `text`. */
const char *activation_parse(const char *text, struct activation *p, int *vectors);
const char *activation_print(const struct activation *p, int vectors, char *text, size_t size);

/* y = f(x) for vectors (16 floats each) [begin, end); y may be x. ReLU: x > 0 ? x : 0, so NaN gives 0.
 * tanh: from our own exp, error <= 4 * 2^-24 relative to 1, odd, saturates to +-1. */
typedef void activation_fwd_fn(const struct activation *p, struct span vectors, const real *x, real *y);

/* dx = f'(x) * dy, told from y alone: y > 0 ? dy : 0; y > 0 ? dy : slope * dy; (1 - y*y) * dy. dx may be dy. */
typedef void activation_bwd_fn(const struct activation *p, struct span vectors, const real *y, const real *dy, real *dx);

/* A row of the table of activation: what it is and promises, and its functions, none of them NULL. */
struct activation_variant {
    struct variant head;
    activation_fwd_fn *fwd; /* values */
    activation_bwd_fn *bwd; /* gradients */
};

#endif
