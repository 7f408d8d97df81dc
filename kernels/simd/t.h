/* SPDX-License-Identifier: MIT
 * The tile contract: products of bf16 matrices as Intel's AMX makes them, and the same bits everywhere else. t_amx.h is the hardware;
 * t_portable.h is plain C and the definition; t_vectors.h is the twin on vectors (v.h), for AVX2, AVX-512 and NEON. A kernel over tiles is
 * written once. tests/check/t_compare.c compares every implementation with the definition.
 *
 * Eight tiles: 0 … 5 hold sums, [rows][16] floats; 6 the left operand, [rows][2 * pairs] bf16; 7 the right operand, [pairs][16 columns][2]
 * bf16. Six sums, because a product's latency is three to four times its issue and one operand is then loaded for six products; one
 * register of each operand is enough, since the hardware renames it. Tile numbers are written as digits (they are part of the
 * instruction); strides are bytes from row to row.
 *
 *   struct tiles t;                  the state of one call of a kernel
 *   t_begin(&t, rows, pairs)         1 … 16 each. From here to t_end() nothing else may compute in floats: see denormals.
 *   t_zero(&t, C)                    sums become +0
 *   t_load_c(&t, C, p, stride)       t_load_a(&t, p, stride)   t_load_b(&t, p, stride)
 *                                    what an operand was loaded from must not change until its last product
 *   t_mac(&t, C)                     C += left * right, see t_product()
 *   t_store(&t, C, p, stride)
 *   t_end(&t)
 *   t_turn8(from, to, stride)        8 lines of 16 images' pairs, from[8][16][2], to 8 rows of image pairs: row i, at to + i * stride, has
 *                                    for each line the words (image 2i, image 2i + 1) of its first and of its second member
 *
 * Arithmetic of a product, per element of C: e = o = 0; for k = 0 … pairs - 1: e = fma(a[2k], b[2k], e), o = fma(a[2k+1], b[2k+1], o);
 * then c = c + (e + o). Each step rounds to nearest even. Denormals count as zero when read, and a result that is denormal after rounding
 * (to 24 bits, the exponent unbounded, as x86 decides) becomes zero with its sign. The payload and sign of a NaN are left open.
 *
 * There is no way here by AVX512_BF16: vdpbf16ps rounds otherwise. */
#ifndef SIMD_T_H
#define SIMD_T_H

#include "../bf16.h"

/* A denormal becomes zero with its sign. */
INLINE float t_flushed(float a) { return fabsf(a) < 0x1p-126f ? copysignf(0, a) : a; }

/* fma with results flushed. a and b are bf16, so their product is exact in a float where it is not too small or too large for one, and an
 * addition is all the rounding there is: many times faster than fmaf() in software. Near 2^-126 a sum of 2^64 times the size has the
 * rounding that decides. Inputs are flushed already. */
INLINE float t_fma(float a, float b, float c)
{
    const float product = a * b, size = fabsf(product);
    const bool exact = (size > 0x1p-100f && size < INFINITY) || fpclassify(a) == FP_ZERO || fpclassify(b) == FP_ZERO;
    const float sum = exact ? product + c : fmaf(a, b, c);
    if (!(fabsf(sum) <= 0x1p-126f)) return sum;
    return fabsf(fmaf(a * 0x1p64f, b, c * 0x1p64f)) < 0x1p-62f ? copysignf(0, sum) : sum;
}

/* The definition: c[rows][16] += a[rows][2 * pairs] * b[pairs][16][2]; strides in elements. */
INLINE void t_product(int rows, int pairs, const bf16 *a, ptrdiff_t a_row, const bf16 *b, ptrdiff_t b_row, float (*c)[16])
{
    float right[32][16];
    for (int k = 0; k < 2 * pairs; k++)
        for (int n = 0; n < 16; n++) right[k][n] = t_flushed(bf16_value(b[k / 2 * b_row + 2 * n + k % 2]));
    for (int m = 0; m < rows; m++) {
        float sum[2][16] = { { 0 } };
        for (int k = 0; k < 2 * pairs; k++) {
            const float left = t_flushed(bf16_value(a[m * a_row + k]));
            for (int n = 0; n < 16; n++) sum[k % 2][n] = t_fma(left, right[k][n], sum[k % 2][n]);
        }
        for (int n = 0; n < 16; n++) c[m][n] = t_flushed(t_flushed(c[m][n]) + t_flushed(sum[0][n] + sum[1][n]));
    }
}

/* Line by line, for those without a better way, and for the last lines of a row. */
INLINE void t_turn1(const bf16 *from, bf16 *to, ptrdiff_t stride)
{
    for (int i = 0; i < 8; i++) {
        bf16 *words = (bf16 *)(void *)((char *)to + i * stride);
        for (int member = 0; member < 2; member++) {
            words[2 * member] = from[4 * i + member];
            words[2 * member + 1] = from[4 * i + 2 + member];
        }
    }
}

#endif
