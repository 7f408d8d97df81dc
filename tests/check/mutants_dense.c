/* SPDX-License-Identifier: MIT
 * Wrong dense layers: the reference's row, tampered with before or after the call. */
#include "mutants.h"

static const struct dense_variant *good(void) { return kernels_of(ISA_SCALAR)->dense; }

static void fwd_right(const struct dense *p, struct span s, const float *x, const float *w, const float *b, float *y)
{
    good()->fwd(p, s, x, w, b, y);
}
static void data_right(const struct dense *p, struct span s, const float *dy, const float *w, float *dx)
{
    good()->bwd_data(p, s, dy, w, dx);
}
static void weights_right(const struct dense *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{
    good()->bwd_weights(p, s, dy, x, dw, db, t);
}

static void fwd_past(const struct dense *p, struct span s, const float *x, const float *w, const float *b, float *y)
{
    good()->fwd(p, s, x, w, b, y);
    if (s.end > s.begin) y[(size_t)s.end * LANES] = 0;
}

static void fwd_twice(const struct dense *p, struct span s, const float *x, const float *w, const float *b, float *y)
{
    good()->fwd(p, s, x, w, b, y);
    for (int k = s.begin; b && k < s.end; k++) y[k * LANES] += b[k];
}

static void fwd_no_bias(const struct dense *p, struct span s, const float *x, const float *w, const float *b, float *y)
{
    (void)b;
    good()->fwd(p, s, x, w, NULL, y);
}

static void fwd_short(const struct dense *p, struct span s, const float *x, const float *w, const float *b, float *y)
{
    good()->fwd(p, s, x, w, b, y);
    for (int k = s.begin; p->c % 8 == 1 && k < s.end; k++) y[k * LANES + 3] -= w[(k + 1) * p->c - 1] * x[(p->c - 1) * LANES + 3];
}

static void fwd_first_block(const struct dense *p, struct span s, const float *x, const float *w, const float *b, float *y)
{
    struct dense first = *p;
    if (first.n > 32) first.n = 32;
    good()->fwd(&first, s, x, w, b, y);
}

static void data_short(const struct dense *p, struct span s, const float *dy, const float *w, float *dx)
{
    good()->bwd_data(p, s, dy, w, dx);
    for (int c = s.begin; p->k % 4 == 3 && c < s.end; c++) dx[c * LANES] -= w[(p->k - 1) * p->c + c] * dy[(p->k - 1) * LANES];
}

static void data_adds(const struct dense *p, struct span s, const float *dy, const float *w, float *dx)
{
    float old = s.end > s.begin ? dx[s.begin * LANES] : 0;
    good()->bwd_data(p, s, dy, w, dx);
    if (s.end > s.begin) dx[s.begin * LANES] += old;
}

static void weights_dead(const struct dense *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{
    const size_t last = (size_t)(image_blocks(p->n) - 1) * (size_t)p->c * LANES;
    good()->bwd_weights(p, s, dy, x, dw, db, t);
    for (int c = s.begin; p->n % LANES && c < s.end; c++) dw[c] += x[last + (size_t)c * LANES + 15] * 1e-3f;
}

static void weights_no_db(const struct dense *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{
    good()->bwd_weights(p, s, dy, x, dw, s.end < p->c ? NULL : db, t);
}

static void weights_every_db(const struct dense *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{
    good()->bwd_weights(p, s, dy, x, dw, db, t);
    if (db && s.begin > 0) db[p->k - 1] = 0;
}

static void weights_scratch(const struct dense *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{
    good()->bwd_weights(p, s, dy, x, dw, db, t);
    t[dense_scratch_bytes(p) / sizeof *t] = 0;
}

static void weights_column(const struct dense *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{
    good()->bwd_weights(p, s, dy, x, dw, db, t);
    if (s.end == p->c && p->c % LANES && p->k > 1) dw[p->c * p->k - 1] = dw[p->c - 1];
}

#define MUTANT(NAME, FWD, DATA, WEIGHTS) \
    { \
        NAME, &(const struct dense_variant){ { "wrong", ISA_SCALAR, EXACT_ON_INTEGERS | SAME_BITS_OVER_SPANS }, FWD, DATA, WEIGHTS }.head \
    }

static const struct mutant mutants[] = {
    MUTANT("right", fwd_right, data_right, weights_right),
    MUTANT("fwd writes past its span", fwd_past, data_right, weights_right),
    MUTANT("fwd adds the bias twice", fwd_twice, data_right, weights_right),
    MUTANT("fwd forgets the bias", fwd_no_bias, data_right, weights_right),
    MUTANT("fwd drops the last input of a tail of one", fwd_short, data_right, weights_right),
    MUTANT("fwd stops after two blocks", fwd_first_block, data_right, weights_right),
    MUTANT("bwd_data drops the last output of a tail of three", fwd_right, data_short, weights_right),
    MUTANT("bwd_data adds to what was there", fwd_right, data_adds, weights_right),
    MUTANT("bwd_weights reads dead lanes", fwd_right, data_right, weights_dead),
    MUTANT("bwd_weights leaves db to the last span", fwd_right, data_right, weights_no_db),
    MUTANT("bwd_weights writes db in every span", fwd_right, data_right, weights_every_db),
    MUTANT("bwd_weights writes past its scratch", fwd_right, data_right, weights_scratch),
    MUTANT("bwd_weights takes the last column from the first row", fwd_right, data_right, weights_column),
};

const struct mutant *dense_mutants(int *count)
{
    *count = (int)(sizeof mutants / sizeof *mutants);
    return mutants;
}
