/* SPDX-License-Identifier: MIT
 * The tile contract (kernels/simd/t.h) seen through one table per implementation, so that they can be compared in one program. t_run.h
 * fills the table; t_amx.c, t_portable.c and, for vectors, a file per ISA (t_isa.c.in) instantiate it with their flags. */
#ifndef TESTS_T_API_H
#define TESTS_T_API_H

#include <stddef.h>
#include <stdint.h>
#include "../../kernels/bf16.h"
#include "../../kernels/kernels.h"

/* Four products in two sums: c0 += a0 b0, c0 += a1 b1, c1 += a0 b1, c1 += a1 b0, each operand with rows of its own length. */
struct t_case {
    int rows, pairs;
    bool zero; /* c1 starts from t_zero() */
    _Alignas(64) bf16 a[2][16][40], b[2][16][48];
    float c[2][16][20];
};

struct t_api {
    const char *name;
    bool (*runs)(void);                 /* on this CPU, under this system */
    void (*products)(struct t_case *t); /* c in place */
    void (*turn8)(const bf16 *from, bf16 *to, ptrdiff_t stride);
};

extern const struct t_api t_portable, t_amx;
#define T_TABLE(NAME, name, on) extern const struct t_api t_##name;
SIMD_ISAS(T_TABLE)
#undef T_TABLE

/* The implementations of this build; NULL ends them. */
extern const struct t_api *const t_apis[];

/* Compares with the definition on `cases` cases of each kind (ordinary, far apart, near 2^-126, denormal inputs, infinities and NaN).
 * Returns how many sums were compared, or -1 with the finding in `text`. */
long t_compare(const struct t_api *api, int cases, uint64_t seed, char *text, size_t size);

/* Rounding to bf16 against doubles, all patterns of the lower half at some upper halves. NULL, or the finding. */
const char *bf16_compare(char *text, size_t size);

#endif
