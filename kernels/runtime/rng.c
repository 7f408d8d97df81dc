/* SPDX-License-Identifier: MIT
 * Philox4x32-10: ten rounds of two 32 x 32 -> 64 bit products and a key that walks by the golden ratio and sqrt(3) - 1 (the paper's
 * constants). Everything else is a reading of its output. A stream's key is itself Philox of what the stream is for, so that neighbouring
 * seeds, epochs or layers share nothing. All of it is integer arithmetic or IEEE double: the same numbers on every host. */
#include "rng.h"

#include <assert.h>
#include <math.h>
#include "exact.h"

static const double TWO_PI = 0x1.921fb54442d18p+2;

static struct philox_block philox_round(struct philox_block x, struct philox_key key)
{
    uint64_t p0 = 0xD2511F53ull * x.w[0], p1 = 0xCD9E8D57ull * x.w[2];
    return (struct philox_block){ { (uint32_t)(p1 >> 32) ^ x.w[1] ^ key.k[0], (uint32_t)p1, (uint32_t)(p0 >> 32) ^ x.w[3] ^ key.k[1],
                                    (uint32_t)p0 } };
}

struct philox_block rng_philox(struct philox_key key, uint64_t counter_low, uint64_t counter_high)
{
    struct philox_block x = { { (uint32_t)counter_low, (uint32_t)(counter_low >> 32), (uint32_t)counter_high,
                                (uint32_t)(counter_high >> 32) } };
    for (int round = 0; round < 10; round++) {
        x = philox_round(x, key);
        key.k[0] += 0x9E3779B9u;
        key.k[1] += 0xBB67AE85u;
    }
    return x;
}

struct philox_key rng_stream_key(uint64_t seed, enum stream purpose, uint32_t a, uint32_t b)
{
    assert(purpose > 0);
    struct philox_key from_seed = { { (uint32_t)seed, (uint32_t)(seed >> 32) } };
    struct philox_block mixed = rng_philox(from_seed, (uint64_t)a << 32 | b, (uint64_t)purpose);
    return (struct philox_key){ { mixed.w[0], mixed.w[1] } };
}

struct rng rng_start(struct philox_key key) { return (struct rng){ .key = key, .used = 4 }; }

uint32_t rng_u32(struct rng *r)
{
    assert(r->used >= 0);
    assert(r->used <= 4);
    if (r->used == 4) {
        r->block = rng_philox(r->key, r->counter++, 0);
        r->used = 0;
    }
    return r->block.w[r->used++];
}

/* Lemire, "Fast random integer generation in an interval" (2019): the high half of a product is uniform once the few low halves
 * that would be over-represented are thrown back; 2^32 mod n is needed only when one might be. */
uint32_t rng_below(struct rng *r, uint32_t n)
{
    assert(n > 0);
    uint64_t product = (uint64_t)rng_u32(r) * n;
    if ((uint32_t)product < n) {
        uint32_t surplus = (0u - n) % n;
        while ((uint32_t)product < surplus) product = (uint64_t)rng_u32(r) * n;
    }
    return (uint32_t)(product >> 32);
}

double rng_uniform(struct rng *r) { return rng_u32(r) * 0x1p-32; }

/* Two words make one normal and the sine's twin is not kept: a reader's position then depends on how many were drawn only.
 * The radius's uniform is in (0, 1], so that the logarithm is finite; the largest |normal| is 6.67. */
double rng_normal(struct rng *r)
{
    double radius = sqrt(-2.0 * exact_log((rng_u32(r) + 1.0) * 0x1p-32));
    return radius * exact_cos(TWO_PI * rng_uniform(r));
}

void rng_permutation(struct philox_key key, int n, int *order)
{
    assert(n >= 0);
    assert(order || n == 0);
    struct rng r = rng_start(key);
    for (int i = 0; i < n; i++) order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        int j = (int)rng_below(&r, (uint32_t)i + 1), held = order[i];
        order[i] = order[j];
        order[j] = held;
    }
}
