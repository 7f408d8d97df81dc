/* SPDX-License-Identifier: MIT
 * The bf16 rows of an ISA's table, for rows.h and for those that have no others. Constants expected: ISA. */
#ifndef SIMD_ROWS_BF16_H
#define SIMD_ROWS_BF16_H

#include "conv_bf16_weights.h"
#include "convert_bf16.h"

static const struct conv_bf16_variant conv_bf16_rows[] = { { .head = { "tiles", ISA,
                                                                       EXACT_ON_INTEGERS | SAME_BITS_OVER_ISA | SAME_BITS_OVER_SPANS },
                                                             .lines = convert_lines,
                                                             .gated_lines = convert_gated_lines,
                                                             .row_pairs = convert_pairs,
                                                             .row_pairs_of_lines = convert_pairs_of_lines,
                                                             .floats = convert_floats,
                                                             .round = convert_round,
                                                             .packed_bytes = conv_bf16_packed_bytes,
                                                             .scratch_bytes = conv_bf16_scratch_bytes,
                                                             .bound = conv_bf16_bound,
                                                             .pack = conv_bf16_pack,
                                                             .fwd = conv_bf16_fwd,
                                                             .bwd_data = conv_bf16_bwd_data,
                                                             .bwd_weights = conv_bf16_bwd_weights },
                                                           { .head = { .algo = NULL } } };

#endif
