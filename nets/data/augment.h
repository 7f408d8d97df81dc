/* SPDX-License-Identifier: MIT
 * Random changes of one image: bytes in, bytes out, each step rounded to the nearest pixel value, as image libraries do. So whatever
 * the augmentation, scaling sees bytes and has one table. Geometry is done in 16.16 fixed point: the same bits on every host by
 * construction. */
#ifndef NETS_AUGMENT_H
#define NETS_AUGMENT_H

#include "../../kernels/runtime/rng.h"
#include "batch.h"

struct shape {
    int c, h, w;
};

/* 0, or -EINVAL with the recipe's word and its range, when an augmentation cannot be applied to images of that shape. */
int augment_check(const struct augment *a, struct shape shape, struct why *why);

/* Applies a[0 … count-1] in order to the image in `from`, using `other` (same size) in turn; both are overwritten. Returns the one that
 * holds the result. Each augmentation draws the same number of random words whether applied or not. */
uint8_t *augment_apply(const struct augment *a, int count, struct shape shape, struct rng *r, uint8_t *from, uint8_t *other);

#endif
