/* SPDX-License-Identifier: MIT
 * What the two halves of the convolution's cases share: the inputs and oracles of one problem (cases_conv.c) and the trials on one row
 * (trials_conv.c). */
#ifndef TESTS_CASES_CONV_H
#define TESTS_CASES_CONV_H

#include "check.h"

enum conv_line { FWD, BWD_DATA, BWD_WEIGHTS, ADJOINT };
enum { SPANS = 8 };

struct spans {
    int count;
    struct span at[SPANS];
};

/* One of the three results: what it should be, and where. */
struct side {
    struct tensor_view view;
    struct spans spans;  /* that are checked */
    size_t row, stride;  /* floats per counted row; floats from one span's oracle to the next (sums only) */
    double *want, *size; /* size NULL: exact */
    enum dead dead;
};

struct conv_case {
    struct check *c;
    struct conv p;
    const struct conv_variant *v; /* of the trial that runs */
    enum input_kind kind;
    bool whole;        /* small enough for whole spans, cuts and adjoints */
    bool tiny;         /* weights are denormal integers */
    enum edge edge[6]; /* of x w b dy, of outputs, of packed and scratch */
    struct tensor_view x_view, dy_view;
    float *x, *w, *b, *dy; /* b NULL: none */
    struct side y, dx, dw, db;
    int cut[2];                         /* of the rows of y and dx */
    const struct conv_variant *twin[3]; /* whose results on these inputs lie in slot SLOT_TWIN + line */
};

enum guard_use { SLOT_X, SLOT_W, SLOT_B, SLOT_DY, SLOT_OUT, SLOT_CUT, SLOT_DB, SLOT_PACKED, SLOT_SCRATCH, SLOT_TWIN };
enum room_use {
    ROOM_WIDE_X,
    ROOM_WIDE_W,
    ROOM_WIDE_B,
    ROOM_WIDE_DY,
    ROOM_WHOLE,
    ROOM_WANT,
    ROOM_SIZE = ROOM_WANT + 4,
    ROOM_LOOSE = ROOM_SIZE + 4,
    ROOM_SCRATCHES,
    ROOM_SUMS,
    ROOM_THROUGH
};

/* What is convolved, in double; b is read where the problem has a bias. */
struct conv_inputs {
    const double *x, *w, *b, *dy;
};

/* By the scalar reference in double, on every span of y, dx and dw: the results (want), or of absolute inputs the sums of |a*b| (size). */
void conv_oracle(const struct conv *p, const struct conv_inputs *in, const struct side *y, const struct side *dx, const struct side *dw,
                 const struct side *db, bool absolute);

/* A call that makes rows of a side. */
struct conv_cut {
    struct check *c;
    const struct side *side;
    int cut, slot; /* where the rows are cut; where the guard keeps a second result */
    enum edge edge;
    void (*call)(const void *context, struct span rows, float *out);
    const void *context;
};

/* [0, n) against two calls. Each part runs once on untouched memory, so that a write into the other part shows. */
void conv_against_cut(const struct conv_cut *t, const float *out);

/* A random problem, CHECK_TEXT bytes. */
void conv_draw(struct rng *r, char *text);

/* All trials of row `row` on this case. */
void conv_trials(struct conv_case *k, int row);

#endif
