/* SPDX-License-Identifier: MIT
 * Tensors as lines of bf16, for ops that take them beside floats (struct bf16_operands): made and compared by plain loops. What such a
 * kernel has to make is what the same row makes of the widened numbers, rounded. */
#ifndef TESTS_TRIALS_LINES_H
#define TESTS_TRIALS_LINES_H

#include "check.h"

struct lined {
    struct bf16_map map;
    size_t count;
    bf16 *data;
};

/* Memory of slot `slot` for a tensor of that many images, in a frame of 0 to 2 on each side: the floats x[B][h][w][c][16] rounded, or
 * nothing (NULL). The frame is loud. */
struct lined lined_place(struct check *c, int slot, const char *name, struct bf16_map map, const float *x);
/* The numbers that lines of x hold. */
void lined_rounded(const float *x, size_t count, float *to);
/* Rows [begin, end) hold `want` rounded, through the gate (NULL: none) whose lines hold `open`; all else is as it was placed. */
void lined_check(struct check *c, const char *name, const struct lined *got, struct span rows, const float *want,
                 const struct bf16_gate *gate, const float *open);

#endif
