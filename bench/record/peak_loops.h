/* SPDX-License-Identifier: MIT
 * The loops of peak.h for one ISA: included after its vector header by a file that CMake writes for each (peak_isa.c.in). */
#include "peak.h"

enum { STREAMS = 256 / V }; /* vectors per round of a stream: 1 KiB, more than the compiler wants to keep in registers at once */

static inline float fma_chains(long rounds)
{
    vf sum[V_CHAINS];
    const vf a = v_set(0.999f), b = v_set(0.001f);
    UNROLL_FOR (int i = 0; i < V_CHAINS; i++) sum[i] = v_set((float)i);
    for (long round = 0; round < rounds; round++) {
        UNROLL_FOR (int i = 0; i < V_CHAINS; i++) sum[i] = v_fma(sum[i], a, b);
    }
    float out[V], total = 0;
    UNROLL_FOR (int i = 1; i < V_CHAINS; i++) sum[0] = v_add(sum[0], sum[i]);
    v_store(out, sum[0]);
    for (int i = 0; i < V; i++) total += out[i];
    return total;
}

static inline float read_stream(const float *a, size_t count)
{
    vf sum[8];
    UNROLL_FOR (int i = 0; i < 8; i++) sum[i] = v_zero();
    for (size_t at = 0; at < count; at += STREAMS * V) {
        for (int i = 0; i < STREAMS; i += 8) {
            UNROLL_FOR (int j = 0; j < 8; j++) sum[j] = v_add(sum[j], v_load(a + at + (size_t)((i + j) * V)));
        }
    }
    float out[V], total = 0;
    UNROLL_FOR (int i = 1; i < 8; i++) sum[0] = v_add(sum[0], sum[i]);
    v_store(out, sum[0]);
    for (int i = 0; i < V; i++) total += out[i];
    return total;
}

static inline void triad_streams(float *a, const float *b, const float *c, size_t count)
{
    const vf s = v_set(3.0f);
    for (size_t at = 0; at < count; at += 4 * V) {
        UNROLL_FOR (size_t j = 0; j < 4; j++) v_store(a + at + j * V, v_fma(s, v_load(c + at + j * V), v_load(b + at + j * V)));
    }
}

#define CEILING_OF(isa) \
    { \
        isa, 2.0 * V_CHAINS *V, fma_chains, read_stream, triad_streams \
    }
