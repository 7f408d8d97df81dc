/* SPDX-License-Identifier: MIT
 * Softmax with cross-entropy, which is log-softmax with negative log-likelihood: one stable pass, max subtracted first. */
#ifndef KERNELS_LOSS_H
#define KERNELS_LOSS_H

#include "base.h"

/* The problem. The mean over images is the caller's: value is per image, dz has the division by N in it. The N is that of the whole batch,
 * whatever span of blocks a call computes. */
struct loss {
    int n, k; /* images, classes */
};

/* "loss:n64k10", up to 256 classes. NULL, or what is wrong; print gives `text`. */
const char *loss_parse(const char *text, struct loss *p);
const char *loss_print(const struct loss *p, char *text, size_t size);

/* z[B][K][16] logits, label[B][16] (dead lanes: anything below K).
 * value[B][16] = log(sum exp(z)) - z[label], 0 in dead lanes;  predicted[B][16] = index of the largest logit, the first on ties;
 * dz[B][K][16] = (softmax(z) - onehot) / N, 0 in dead lanes; dz may be NULL (inference) or z itself. Image blocks [begin, end).
 * exp and log are ours: relative error <= 4 * 2^-24. A logit that is NaN or +Inf makes the value and all of dz of its image NaN, as in
 * every framework; the target's being -Inf makes the value +Inf. */
typedef void loss_fn(const struct loss *p, struct span blocks, const real *z, const uint8_t *label, real *value, uint8_t *predicted,
                     real *dz);

/* A row of the table of loss: what it is and promises, and its functions, none of them NULL. */
struct loss_variant {
    struct variant head;
    loss_fn *softmax_xent; /* values, predictions, gradients */
};

#endif
