/* SPDX-License-Identifier: MIT
 * Inverted dropout: an element is dropped with probability threshold / 2^16, kept ones are scaled by 2^16 / (2^16 - threshold).
 * The 16 random bits of element (vector v, lane l) are a pure function of the key: word (v % 8) / 2, half v % 2 (low first) of
 * rng_philox(key, counter_low = v / 8, counter_high = l). Dropped where they are below the threshold. */
#ifndef KERNELS_DROPOUT_H
#define KERNELS_DROPOUT_H

#include "base.h"

/* The problem: which values go is a pure function of key, vector and lane; the scale is 65536 / (65536 - threshold). */
struct dropout {
    uint32_t threshold; /* round(rate * 65536), 0 … 65535 */
    uint32_t key[2];    /* of this step and layer: rng_stream_key(seed, STREAM_DROPOUT, step, layer) */
};

/* "drop:t13107v37": threshold 13107 (rate 0.2), 37 vectors of 16 floats; key 0. NULL, or what is wrong; print gives `text`. */
const char *dropout_parse(const char *text, struct dropout *p, int *vectors);
const char *dropout_print(const struct dropout *p, int vectors, char *text, size_t size);

/* y = keep ? x * scale : 0 for vectors (16 floats each) [begin, end); mask[v] has bit l set where lane l is kept. y may be x. */
typedef void dropout_fwd_fn(const struct dropout *p, struct span vectors, const real *x, real *y, uint16_t *mask);

/* dx = dy * scale where mask has the lane, else 0. dx may be dy. */
typedef void dropout_bwd_fn(const struct dropout *p, struct span vectors, const real *dy, const uint16_t *mask, real *dx);

/* A row of the table of dropout: what it is and promises, and its functions, none of them NULL. */
struct dropout_variant {
    struct variant head;
    dropout_fwd_fn *fwd; /* values, and which stay */
    dropout_bwd_fn *bwd; /* gradients of those */
};

#endif
