/* SPDX-License-Identifier: MIT
 * The vector contract (kernels/simd/v.h) seen through one table per ISA header, so that headers with different vector widths can be
 * compared in one program: every function on 16 lanes at a time. v_run.h fills the table; CMake writes a file per ISA that
 * instantiates it (v_isa.c.in) with that ISA's flags. */
#ifndef TESTS_V_API_H
#define TESTS_V_API_H

#include <stddef.h>
#include <stdint.h>
#include "../../kernels/kernels.h"

union lanes {
    float f[LANES];
    uint32_t u[LANES];
};

struct v_args {
    union lanes a, b, c;
    unsigned bits;
};

/* Functions of the contract that work lane by lane; the shifts with the constants that kernels use, and the ends of the range. */
/* clang-format off */
enum v_fn {
    V_LOAD, V_SET, V_ZERO, V_ADD, V_SUB, V_MUL, V_DIV, V_SQRT, V_NEG, V_FMA, V_MAX, V_GT, V_EQ, V_SELECT, V_KEEP, V_MASK, V_BITS,
    VU_SET, VU_LOAD, VU_ADD, VU_XOR, VU_AND, VU_SHR_1, VU_SHR_16, VU_SHR_31, VU_SHL_1, VU_SHL_16, VU_SHL_23, VU_SHL_31, VU_LT, VU_MUL,
        VU_MULHI,
    VU_OF, V_OF, VU_ROUND, V_FROM_INT, V_FUNCTIONS
};
/* clang-format on */

struct v_api {
    enum isa isa;
    int width;                                                            /* V */
    void (*run)(enum v_fn fn, const struct v_args *in, union lanes *out); /* `out` is set in all lanes */
    void (*load_n)(const float *from, int n, float *to);                  /* to: width floats */
    void (*store_n)(float *to, const float *from, int n);
    void (*load_u8)(const uint8_t *from, float *to); /* 16 each way */
    void (*store_u8)(uint8_t *to, const float *from);
    void (*sum4)(const float *a, float *out);
    void (*sum16)(const float *a, float *out);
    void (*turn16)(const float *from, float *to, ptrdiff_t stride);
};

extern const struct v_api v_portable;
#define V_TABLE(NAME, name, on) extern const struct v_api v_##name;
SIMD_ISAS(V_TABLE)
#undef V_TABLE

const char *v_name(enum v_fn fn);

/* The table of an ISA, or NULL when this build has none. */
const struct v_api *v_api_of(enum isa isa);

/* Compares every function with the portable one on `cases` sets of random and special values. Returns how many comparisons were made, or
 * -1 with the finding in `text`. */
long v_compare(const struct v_api *api, int cases, uint64_t seed, char *text, size_t size);

#endif
