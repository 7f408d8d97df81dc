/* SPDX-License-Identifier: MIT
 * The one list of ops. Tables, names, checks, their mutants and the benches are made from it; of X(NAME, name) it expects
 *   kernels/<name>.h             struct <name>, the problem; the contracts; struct <name>_variant, a row
 *   kernels/problem.c            its problem string, read and printed
 *   kernels/scalar/<name>.c      scalar_<name>_rows[]
 *   kernels/simd/rows.h          <name>_rows[]
 *   tests/check/cases_<name>.c   <name>_cases and <name>_mutants()
 *   bench/ops_*.c                <name>_bench
 * Numbers key the streams that tests draw from: append, never renumber. */
#ifndef KERNELS_OPS_H
#define KERNELS_OPS_H

#include "conv.h"
#include "conv_bf16.h"
#include "pool.h"
#include "batchnorm.h"
#include "dense.h"
#include "activation.h"
#include "add.h"
#include "dropout.h"
#include "loss.h"
#include "optimizer.h"

/* In the order in which people look for them. */
#define OPS(X) \
    X(CONV, conv) \
    X(POOL, pool) \
    X(BATCHNORM, batchnorm) \
    X(DENSE, dense) \
    X(ACTIVATION, activation) \
    X(ADD, add) \
    X(DROPOUT, dropout) \
    X(LOSS, loss) \
    X(OPTIMIZER, optimizer) \
    X(CONV_BF16, conv_bf16)

/* What a kernel can do; the header of each op has its contract. */
#define OP_NUMBER(NAME, name) OP_##NAME,
enum op { OPS(OP_NUMBER) OP_COUNT };
#undef OP_NUMBER

#endif
