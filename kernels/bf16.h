/* SPDX-License-Identifier: MIT
 * bf16: the upper half of a float. Tensors in bf16 hold their channels in pairs, so that a pixel is lines of 64 bytes for 16 images:
 * x[B][H][W][ceil(C / 2)][16][2]; the missing member of an odd C is zero. One line is a row of a tile's right operand (simd/t.h). */
#ifndef KERNELS_BF16_H
#define KERNELS_BF16_H

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t bf16;

enum { LINE = 32 }; /* bf16 in a line: 16 images' pairs */

static inline float bf16_value(bf16 a)
{
    const uint32_t bits = (uint32_t)a << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Rounded to nearest even by integer operations, denormals included; every NaN becomes 0x7fc0. */
static inline bf16 bf16_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0;
    return (bf16)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

/* Lines of a pixel of c channels. */
static inline int bf16_lines(int c) { return (c + 1) / 2; }

#endif
