/* SPDX-License-Identifier: MIT
 * The trial that nearly all ops share: a result made of one to four tensors, cut into spans of units. It calls the kernel on the whole
 * span and lets the op verify, then: cut in two (nothing outside a span may be touched, the bits must be the same), in place where the
 * contract says "may be", and against the portable twin. */
#ifndef TESTS_TRIAL_SPANS_H
#define TESTS_TRIAL_SPANS_H

#include "check.h"

enum { OUTS = 4, SLOT_OUTS = 10, SLOT_OTHERS = 14, SLOT_TWIN = 18 }; /* ops keep their inputs in slots below these */

/* A tensor that the kernel writes. Element i belongs to unit (i / per_unit) % units; per_unit 0: units are spread otherwise, and what a
 * span leaves alone is not looked at (sums would be counted twice, which the cut shows). */
struct out {
    struct tensor_view view;
    size_t per_unit;
    size_t bytes;       /* of an element: 4 (float), 2 or 1 */
    const float *start; /* what is there before the call; NULL: the pattern of "not written" */
    bool whole;         /* belongs to the call: written by the span that begins at 0 whatever its length */
    bool absent;        /* the kernel gets NULL */
};

struct span_case {
    struct check *c;
    const struct variant *v; /* set by span_try */
    int units;
    struct span span; /* the units of this trial */
    bool alone;       /* calls share memory of the op's case: not for several threads */
    int cut;          /* where it is cut in two; negative: sums over the span, which write all of their outs */
    enum edge edge;
    int outs;
    struct out out[OUTS];
    const float *aliased; /* the input that out[0] may overwrite; NULL: none */
    /* Calls variant v on `units`. `in` is the aliased input, or out[0] holding a copy of it. */
    void (*call)(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in);
    /* Compares the results of the whole span with the oracle. */
    void (*verify)(const struct span_case *s, void *const *out);
    const void *op; /* the op's own case */
};

/* One trial of row `row`. */
void span_try(struct span_case *s, int row, int direction);

#endif
