/* SPDX-License-Identifier: MIT
 * What the two halves of the bf16 convolution's cases share: inputs and oracles of one problem (cases_conv_bf16.c), the trials on one row
 * (trials_conv_bf16.c). */
#ifndef TESTS_CASES_CONV_BF16_H
#define TESTS_CASES_CONV_BF16_H

#include "cases_conv.h"

enum bf16_line { BF16_FWD, BF16_BWD_DATA, BF16_BWD_WEIGHTS, BF16_CONVERT };

/* Operands in bf16, made by plain loops that share nothing with a kernel. */
struct bf16_operand {
    struct bf16_map map;
    size_t count; /* elements */
    bf16 *data;
};

struct bf16_case {
    struct check *c;
    struct conv p;
    const struct conv_bf16_variant *v; /* of the trial that runs */
    enum input_kind kind;
    bool whole; /* small enough for whole spans and cuts */
    enum edge edge[8];
    float *x, *w, *b, *dy;  /* as floats; x and dy as they are before rounding; b NULL: none */
    const float *backwards; /* x from its last number on */
    struct bf16_operand x_lines, dy_lines, dy_pairs;
    struct bf16_operand above, gated; /* lines of what of x is above zero; of `backwards` where x is, without a frame */
    struct side y, dx, dw, db;
    int cut[2];                              /* of the rows of y and dx */
    const struct conv_bf16_variant *twin[3]; /* whose results on these inputs lie in slot BF16_SLOT_TWIN + line */
};

enum bf16_slot {
    BF16_SLOT_X,
    BF16_SLOT_DY,
    BF16_SLOT_W,
    BF16_SLOT_B,
    BF16_SLOT_X_LINES,
    BF16_SLOT_DY_LINES,
    BF16_SLOT_DY_PAIRS,
    BF16_SLOT_OUT,
    BF16_SLOT_CUT,
    BF16_SLOT_DB,
    BF16_SLOT_PACKED,
    BF16_SLOT_SCRATCH,
    BF16_SLOT_TWIN
};

/* Behind those of cases_conv.h. */
enum bf16_room { ROOM_BACKWARDS = ROOM_SUMS + 1, ROOM_ABOVE, ROOM_GATED };

/* All trials of row `row` on this case. */
void conv_bf16_trials(struct bf16_case *k, int row);

#endif
