/* SPDX-License-Identifier: MIT
 * Included by v_<isa>.c after that ISA's header: the functions of the table, each 16 lanes in steps of V. */
#ifndef TESTS_V_RUN_H
#define TESTS_V_RUN_H

#include "v_api.h"

#define EACH for (int i = 0; i < LANES; i += V)
#define A v_load(in->a.f + i)
#define B v_load(in->b.f + i)
#define C v_load(in->c.f + i)
#define UA vu_load(in->a.u + i)
#define UB vu_load(in->b.u + i)

/* Masks come back as bits, with anything above lane V - 1 made loud. */
static uint32_t bits_at(vm mask, int lane)
{
    const unsigned bits = v_bits(mask);
    return bits >> (V - 1) > 1 ? 0xDEAD0000u : bits << lane;
}

static void run_floats(enum v_fn fn, const struct v_args *in, union lanes *out)
{
    float *to = out->f;
    switch (fn) {
    case V_LOAD: EACH v_store(to + i, A); break;
    case V_SET: EACH v_store(to + i, v_set(in->a.f[i])); break;
    case V_ZERO: EACH v_store(to + i, v_zero()); break;
    case V_ADD: EACH v_store(to + i, v_add(A, B)); break;
    case V_SUB: EACH v_store(to + i, v_sub(A, B)); break;
    case V_MUL: EACH v_store(to + i, v_mul(A, B)); break;
    case V_DIV: EACH v_store(to + i, v_div(A, B)); break;
    case V_SQRT: EACH v_store(to + i, v_sqrt(A)); break;
    case V_NEG: EACH v_store(to + i, v_neg(A)); break;
    case V_FMA: EACH v_store(to + i, v_fma(A, B, C)); break;
    case V_MAX: EACH v_store(to + i, v_max(A, B)); break;
    case V_SELECT: EACH v_store(to + i, v_select(v_gt(A, B), B, C)); break;
    case V_KEEP: EACH v_store(to + i, v_keep(v_gt(A, B), C)); break;
    case V_MASK: EACH v_store(to + i, v_select(v_mask(in->bits >> i), A, B)); break;
    case V_OF: EACH v_store(to + i, v_of(UA)); break;
    case V_FROM_INT: EACH v_store(to + i, v_from_int(UA)); break;
    default: break;
    }
}

static void run_masks(enum v_fn fn, const struct v_args *in, union lanes *out)
{
    switch (fn) {
    case V_GT: EACH out->u[0] |= bits_at(v_gt(A, B), i); break;
    case V_EQ: EACH out->u[0] |= bits_at(v_eq(A, B), i); break;
    case V_BITS: EACH out->u[0] |= bits_at(v_mask(in->bits >> i), i); break;
    case VU_LT: EACH out->u[0] |= bits_at(vu_lt(UA, UB), i); break;
    default: break;
    }
}

/* Integers are stored as the floats of the same bits: a store does not touch bits. */
static void run_integers(enum v_fn fn, const struct v_args *in, union lanes *out)
{
    float *to = out->f;
    switch (fn) {
    case VU_SET: EACH v_store(to + i, v_of(vu_set(in->a.u[i]))); break;
    case VU_LOAD: EACH v_store(to + i, v_of(UA)); break;
    case VU_ADD: EACH v_store(to + i, v_of(vu_add(UA, UB))); break;
    case VU_XOR: EACH v_store(to + i, v_of(vu_xor(UA, UB))); break;
    case VU_AND: EACH v_store(to + i, v_of(vu_and(UA, UB))); break;
    case VU_SHR_1: EACH v_store(to + i, v_of(vu_shr(UA, 1))); break;
    case VU_SHR_16: EACH v_store(to + i, v_of(vu_shr(UA, 16))); break;
    case VU_SHR_31: EACH v_store(to + i, v_of(vu_shr(UA, 31))); break;
    case VU_SHL_1: EACH v_store(to + i, v_of(vu_shl(UA, 1))); break;
    case VU_SHL_16: EACH v_store(to + i, v_of(vu_shl(UA, 16))); break;
    case VU_SHL_23: EACH v_store(to + i, v_of(vu_shl(UA, 23))); break;
    case VU_SHL_31: EACH v_store(to + i, v_of(vu_shl(UA, 31))); break;
    case VU_MUL: EACH v_store(to + i, v_of(vu_mul(UA, UB))); break;
    case VU_MULHI: EACH v_store(to + i, v_of(vu_mulhi(UA, UB))); break;
    case VU_OF: EACH v_store(to + i, v_of(vu_of(A))); break;
    case VU_ROUND: EACH v_store(to + i, v_of(vu_round(A))); break;
    default: break;
    }
}

static void run(enum v_fn fn, const struct v_args *in, union lanes *out)
{
    for (int i = 0; i < LANES; i++) out->u[i] = 0;
    run_floats(fn, in, out);
    run_masks(fn, in, out);
    run_integers(fn, in, out);
}

static void load_n(const float *from, int n, float *to) { v_store(to, v_load_n(from, n)); }
static void store_n(float *to, const float *from, int n) { v_store_n(to, v_load(from), n); }
static void load_u8(const uint8_t *from, float *to) { EACH v_store(to + i, v_load_u8(from + i)); }
static void store_u8(uint8_t *to, const float *from) { EACH v_store_u8(to + i, v_load(from + i)); }
static void sum4(const float *a, float *out) { v_sum4(a, out); }
static void sum16(const float *a, float *out) { v_sum16(a, out); }
static void turn16(const float *from, float *to, ptrdiff_t stride) { v_transpose16(from, to, stride); }

#define V_API(ISA) \
    { \
        ISA, V, run, load_n, store_n, load_u8, store_u8, sum4, sum16, turn16 \
    }

#endif
