/* SPDX-License-Identifier: MIT
 * bf16: the upper half of a float. A tensor x[B][H][W][C][16] has two forms in bf16, both in lines of 64 bytes:
 *
 *   lines           [B][top + H + bottom][left + W + right][ceil(C / 2)][16][2]: a line is two channels of 16 images, a row of a tile's
 *                   right operand (simd/t.h). The missing member of an odd C is zero, and so is the frame around each image, so that a
 *                   convolution reads its border like any pixel.
 *   pairs of rows   [B][ceil(H / 2)][W][C][2][16]: a line is one channel of 16 images in two rows, one above the other; of a tile's left
 *                   operand a row. The missing row of an odd H is zero. */
#ifndef KERNELS_BF16_H
#define KERNELS_BF16_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Sign, 8 bits of exponent, 7 of fraction: the range of float, steps of 2^-8 relative. Only stored; all arithmetic is of floats. */
typedef uint16_t bf16;

enum { LINE = 32 }; /* bf16 in a line: 16 images' pairs */

/* The float of the same value: exact, NaN and infinities too. */
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

/* A tensor of n images in its frame, which holds zeros: what makes lines (conv_bf16.h) writes them, too. */
struct bf16_map {
    int n, c, h, w;               /* images, channels, height, width without the frame */
    int top, bottom, left, right; /* rows and columns of the frame, each 0 or more */
};

/* What a ReLU does, for who makes lines: of what it reads (lines NULL) as it makes values, all that is not above zero becomes +0; of a
 * gradient, all where the value that it made, in lines of the same shape, is not above zero. */
struct bf16_gate {
    struct bf16_map map; /* of the lines */
    const bf16 *lines;
};

/* Of an op whose tensors are lines, cast to floats: how they lie. What is made is rounded to nearest even, through the gate, and is the
 * bits of the same on floats, widened before and rounded after. */
struct bf16_operands {
    struct bf16_map x, dy;        /* where they are read; every NaN is 0x7fc0 */
    struct bf16_map made;         /* y or dx, whose frame is left alone */
    const struct bf16_gate *gate; /* NULL: none */
};

/* Rows of an image block, frame included. */
static inline int bf16_map_rows(const struct bf16_map *m) { return m->top + m->h + m->bottom; }
/* Lines of a row. */
static inline int bf16_map_pitch(const struct bf16_map *m) { return (m->left + m->w + m->right) * bf16_lines(m->c); }

/* Elements (2 bytes each) to allocate, at 64 bytes' alignment: of lines, frame included. */
static inline size_t bf16_lines_count(const struct bf16_map *m)
{
    return (size_t)((m->n + 15) / 16) * (size_t)bf16_map_rows(m) * (size_t)bf16_map_pitch(m) * LINE;
}
/* The same of pairs of rows, which have no frame. */
static inline size_t bf16_pairs_count(const struct bf16_map *m)
{
    return (size_t)((m->n + 15) / 16) * (size_t)((m->h + 1) / 2) * (size_t)m->w * (size_t)m->c * LINE;
}

#endif
