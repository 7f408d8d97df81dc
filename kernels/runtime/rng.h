/* SPDX-License-Identifier: MIT
 * Philox4x32-10 (Salmon et al., SC'11): random numbers as a pure function of (key, counter), so that what an element gets does not depend
 * on threads, order or ISA. Every consumer has its own stream: a key made from the run's seed and what it is for. No libm. */
#ifndef RUNTIME_RNG_H
#define RUNTIME_RNG_H

#include <stdint.h>

/* What a stream is, and what one counter of it gives: 128 random bits. */
struct philox_key {
    uint32_t k[2];
};
struct philox_block {
    uint32_t w[4];
};

/* The block at a 128-bit counter: ten rounds, the same on every host. Counters that differ give independent blocks. */
struct philox_block rng_philox(struct philox_key key, uint64_t counter_low, uint64_t counter_high);

/* What a stream is for. The numbers are part of every result's bits: append, never renumber. */
enum stream {
    STREAM_INIT = 1,    /* initial weights, see nets/net.h */
    STREAM_ORDER = 2,   /* the order of an epoch's images */
    STREAM_DROPOUT = 3, /* dropout masks, see kernels/dropout.h */
    STREAM_AUGMENT = 4, /* augmentation of an image */
    STREAM_SELECT = 5,  /* which images take part; the fixed permutation of pixels */
    STREAM_STROKES = 6, /* the synthetic digits */
    STREAM_TEST = 7     /* inputs of tests and benches */
};

/* Key of stream (seed, purpose, a, b); e.g. init: a = op kind, b = ordinal among layers of that kind; order: a = epoch. */
struct philox_key rng_stream_key(uint64_t seed, enum stream purpose, uint32_t a, uint32_t b);

/* A sequential reader of one stream, for code that is not parallel (init, shuffles, tests). */
struct rng {
    struct philox_key key;
    uint64_t counter;          /* of the next block */
    struct philox_block block; /* … and the one being read … */
    int used;                  /* … of whose four words so many are gone */
};
/* From the stream's beginning. A value: copy it to read the same numbers again. */
struct rng rng_start(struct philox_key key);
uint32_t rng_u32(struct rng *r);               /* uniform over all 2^32 */
uint32_t rng_below(struct rng *r, uint32_t n); /* uniform in [0, n), unbiased (Lemire); n > 0 */
double rng_uniform(struct rng *r);             /* [0, 1), 32 bits */
double rng_normal(struct rng *r);              /* mean 0, sd 1 (Box-Muller on our own log, sin, cos: see exact.h) */

/* A random permutation of 0 … n-1 into order[n] (Fisher-Yates). */
void rng_permutation(struct philox_key key, int n, int *order);

#endif
