/* SPDX-License-Identifier: MIT
 * Softmax with cross-entropy, one image at a time. The largest logit is subtracted first, so that exp never overflows and the sum is at
 * least 1; exp and log are libm's in double. */
#include <assert.h>
#include "scalar.h"

static real exp_of(real x) { return (real)exp((double)x); }

/* One image: its logits stand LANES apart. `dz` may be NULL or `z`: z[k] is read before dz[k] is written. */
static void image(const struct loss *loss, bool live, const real *z, int label, real *value, uint8_t *predicted, real *dz)
{
    int largest = 0;
    for (int k = 1; k < loss->k; k++) {
        if (z[k * LANES] > z[largest * LANES]) largest = k;
    }
    const real top = z[largest * LANES];
    real sum = 0;
    for (int k = 0; k < loss->k; k++) sum += exp_of(z[k * LANES] - top);
    *predicted = (uint8_t)largest;
    *value = live ? (real)log((double)sum) - (z[label * LANES] - top) : 0;
    for (int k = 0; dz && k < loss->k; k++) {
        const real chance = exp_of(z[k * LANES] - top) / sum;
        dz[k * LANES] = live ? (chance - (real)(k == label)) / (real)loss->n : 0;
    }
}

static void scalar_softmax_xent(const struct loss *loss, struct span blocks, const real *z, const uint8_t *label, real *value,
                                uint8_t *predicted, real *dz)
{
    assert(blocks.begin >= 0);
    assert(blocks.end <= image_blocks(loss->n));
    for (int b = blocks.begin; b < blocks.end; b++) {
        const size_t at = lanes_at(b, 0, 1, 0, loss->k);
        for (int l = 0; l < LANES; l++) {
            const int i = b * LANES + l;
            image(loss, l < live_lanes(loss->n, b), z + at + l, label[i], &value[i], &predicted[i], dz ? dz + at + l : NULL);
        }
    }
}

const struct loss_variant scalar_loss_rows[] = { { { "plain", ISA_SCALAR, ANY_CUT }, scalar_softmax_xent }, { .head = { .algo = NULL } } };
