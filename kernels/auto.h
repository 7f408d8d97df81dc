/* SPDX-License-Identifier: MIT
 * Private to auto.c and to what fits and checks it: what a convolution costs by each algorithm, as a weighted sum of a few counts. */
#ifndef KERNELS_AUTO_H
#define KERNELS_AUTO_H

#include "conv.h"

enum { AUTO_TERMS = 6, AUTO_CANDIDATES = 16 };

/* A way of computing one direction: counts of what it does per image block, and what each costs, in ns. */
struct auto_cost {
    const char *algo, *model; /* the variant; and the counts that stand for it, of which a variant has several where it goes several ways */
    double terms[AUTO_TERMS];
    double ns; /* by auto_table.h */
};

/* Fills costs[AUTO_CANDIDATES] with those that a problem has; returns how many. Square kernels at step 1 alone have any. */
int auto_costs(const struct conv *p, enum conv_direction direction, struct auto_cost *costs);

#endif
