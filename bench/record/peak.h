/* SPDX-License-Identifier: MIT
 * What a core can do at most, written once against the vector contract: chains of fused multiply-adds that wait for nothing but
 * themselves, and the two streams, a sum of an array and a triad. The ISA's vector header says how many chains
 * hide the latency. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include <stddef.h>
#include "../../kernels/runtime/cpu.h"

struct ceiling {
    enum isa isa;
    double flops_per_round;
    float (*fma)(long rounds);                   /* the sum keeps the compiler honest */
    float (*read)(const float *a, size_t count); /* count: a multiple of 256 */
    void (*triad)(float *a, const float *b, const float *c, size_t count);
};

#endif
