/* SPDX-License-Identifier: MIT
 * Wrong activations, additions and dropouts: the reference's rows, tampered with before or after the call. */
#include "mutants.h"

#include <math.h>

#define COUNT(LIST) ((int)(sizeof(LIST) / sizeof *(LIST)))

/* ---- activation ---- */

static const struct activation_variant *good_activation(void) { return kernels_of(ISA_SCALAR)->activation; }

static void act_right(const struct activation *p, struct span s, const float *x, float *y) { good_activation()->fwd(p, s, x, y); }
static void slope_right(const struct activation *p, struct span s, const float *y, const float *dy, float *dx)
{
    good_activation()->bwd(p, s, y, dy, dx);
}

static void act_nan(const struct activation *p, struct span s, const float *x, float *y)
{
    for (int i = s.begin * LANES; i < s.end * LANES; i++) {
        const float in = x[i];
        good_activation()->fwd(p, (struct span){ i / LANES, i / LANES }, x, y);
        y[i] = p->kind == ACTIVATION_TANH ? (float)tanh((double)in) : in <= 0 ? (p->kind == ACTIVATION_RELU ? 0 : p->slope * in) : in;
    }
}

static void act_minus_zero(const struct activation *p, struct span s, const float *x, float *y)
{
    for (int i = s.begin * LANES; i < s.end * LANES; i++) {
        const float in = x[i];
        y[i] = p->kind == ACTIVATION_TANH ? (float)tanh((double)in) : in >= 0 ? in : p->kind == ACTIVATION_RELU ? 0 : p->slope * in;
    }
}

/* A rational approximation, good to four digits. */
static void act_rough(const struct activation *p, struct span s, const float *x, float *y)
{
    if (p->kind != ACTIVATION_TANH) return act_right(p, s, x, y);
    for (int i = s.begin * LANES; i < s.end * LANES; i++) {
        const float in = x[i] > 4.97f ? 4.97f : x[i] < -4.97f ? -4.97f : x[i], square = in * in;
        y[i] = in * (135135 + square * (17325 + square * (378 + square))) / (135135 + square * (62370 + square * (3150 + square * 28)));
    }
}

static void act_last(const struct activation *p, struct span s, const float *x, float *y)
{
    if (s.end - s.begin > 3 && (s.end - s.begin) % 4 == 1) s.end--;
    good_activation()->fwd(p, s, x, y);
}

static void act_not_in_place(const struct activation *p, struct span s, const float *x, float *y)
{
    for (int i = s.begin * LANES; i < s.end * LANES; i++) y[i] = 1;
    good_activation()->fwd(p, s, x, y);
}

static void slope_at_zero(const struct activation *p, struct span s, const float *y, const float *dy, float *dx)
{
    for (int i = s.begin * LANES; i < s.end * LANES; i++) {
        const float in = dy[i];
        dx[i] = p->kind == ACTIVATION_TANH ? (1 - y[i] * y[i]) * in : y[i] >= 0 ? in : p->kind == ACTIVATION_RELU ? 0 : p->slope * in;
    }
}

static void slope_of_tanh(const struct activation *p, struct span s, const float *y, const float *dy, float *dx)
{
    for (int i = s.begin * LANES; p->kind == ACTIVATION_TANH && i < s.end * LANES; i++) dx[i] = (1 - y[i]) * (1 + fabsf(y[i])) * dy[i];
    if (p->kind != ACTIVATION_TANH) good_activation()->bwd(p, s, y, dy, dx);
}

#define ACTIVATION(NAME, FWD, BWD) \
    { \
        NAME, &(const struct activation_variant){ { "wrong", ISA_SCALAR, SAME_BITS_OVER_SPANS }, FWD, BWD }.head \
    }

static const struct mutant wrong_activation[] = {
    ACTIVATION("right", act_right, slope_right),
    ACTIVATION("ReLU lets NaN through", act_nan, slope_right),
    ACTIVATION("ReLU keeps -0", act_minus_zero, slope_right),
    ACTIVATION("tanh is good to four digits", act_rough, slope_right),
    ACTIVATION("fwd leaves the last of 4n + 1 vectors out", act_last, slope_right),
    ACTIVATION("fwd cannot work in place", act_not_in_place, slope_right),
    ACTIVATION("bwd passes gradients at zero", act_right, slope_at_zero),
    ACTIVATION("bwd of tanh is wrong for negative values", act_right, slope_of_tanh),
};

const struct mutant *activation_mutants(int *count)
{
    *count = COUNT(wrong_activation);
    return wrong_activation;
}

/* ---- add ---- */

static const struct add_variant *good_add(void) { return kernels_of(ISA_SCALAR)->add; }

static void add_right(const struct add *p, struct span s, const float *a, const float *b, float *y) { good_add()->fwd(p, s, a, b, y); }
static void give_right(const struct add *p, struct span s, const float *dy, float *db) { good_add()->bwd(p, s, dy, db); }

static void add_uncropped(const struct add *p, struct span s, const float *a, const float *b, float *y)
{
    struct add same = *p;
    same.bw = p->w;
    good_add()->fwd(&same, s, a, b, y);
}

static void add_past(const struct add *p, struct span s, const float *a, const float *b, float *y)
{
    if (s.end > s.begin && s.end < image_blocks(p->n) * p->h) s.end++;
    good_add()->fwd(p, s, a, b, y);
}

static void give_overwrites(const struct add *p, struct span s, const float *dy, float *db)
{
    if (s.begin == 0 && s.end > 0) db[5] = 0;
    good_add()->bwd(p, s, dy, db);
}

static void give_past(const struct add *p, struct span s, const float *dy, float *db)
{
    if (s.begin > 0 && s.end > s.begin) s.begin--;
    good_add()->bwd(p, s, dy, db);
}

static void give_outside(const struct add *p, struct span s, const float *dy, float *db)
{
    good_add()->bwd(p, s, dy, db);
    if (p->bw > p->w && s.end > s.begin) db[p->w * p->c * LANES] += 1;
}

#define ADD(NAME, FWD, BWD) \
    { \
        NAME, &(const struct add_variant){ { "wrong", ISA_SCALAR, EXACT_ON_INTEGERS | SAME_BITS_OVER_SPANS }, FWD, BWD }.head \
    }

static const struct mutant wrong_add[] = {
    ADD("right", add_right, give_right),
    ADD("fwd takes the larger image's rows for its own", add_uncropped, give_right),
    ADD("fwd writes past its span", add_past, give_right),
    ADD("bwd overwrites", add_right, give_overwrites),
    ADD("bwd begins a row early", add_right, give_past),
    ADD("bwd adds outside the crop", add_right, give_outside),
};

const struct mutant *add_mutants(int *count)
{
    *count = COUNT(wrong_add);
    return wrong_add;
}

/* ---- dropout ---- */

static const struct dropout_variant *good_dropout(void) { return kernels_of(ISA_SCALAR)->dropout; }

static void drop_right(const struct dropout *p, struct span s, const float *x, float *y, uint16_t *mask)
{
    good_dropout()->fwd(p, s, x, y, mask);
}
static void undrop_right(const struct dropout *p, struct span s, const float *dy, const uint16_t *mask, float *dx)
{
    good_dropout()->bwd(p, s, dy, mask, dx);
}

static void drop_unscaled(const struct dropout *p, struct span s, const float *x, float *y, uint16_t *mask)
{
    for (int v = s.begin; v < s.end; v++) {
        float in[LANES];
        for (int l = 0; l < LANES; l++) in[l] = x[v * LANES + l];
        good_dropout()->fwd(p, (struct span){ v, v + 1 }, x, y, mask);
        for (int l = 0; l < LANES; l++) y[v * LANES + l] = mask[v] >> l & 1 ? in[l] : 0;
    }
}

static void drop_swapped(const struct dropout *p, struct span s, const float *x, float *y, uint16_t *mask)
{
    struct dropout other = *p;
    other.key[0] = p->key[1];
    other.key[1] = p->key[0];
    good_dropout()->fwd(&other, s, x, y, mask);
}

static void drop_one_more(const struct dropout *p, struct span s, const float *x, float *y, uint16_t *mask)
{
    struct dropout other = *p;
    if (other.threshold > 0) other.threshold--;
    good_dropout()->fwd(&other, s, x, y, mask);
}

/* Counts vectors from the beginning of the span: other threads, other masks. */
static void drop_by_span(const struct dropout *p, struct span s, const float *x, float *y, uint16_t *mask)
{
    const size_t at = (size_t)s.begin;
    good_dropout()->fwd(p, (struct span){ 0, s.end - s.begin }, x + at * LANES, y + at * LANES, mask + at);
}

static void drop_times_zero(const struct dropout *p, struct span s, const float *x, float *y, uint16_t *mask)
{
    for (int v = s.begin; v < s.end; v++) {
        bool nan[LANES];
        for (int l = 0; l < LANES; l++) nan[l] = isnan(x[v * LANES + l]);
        good_dropout()->fwd(p, (struct span){ v, v + 1 }, x, y, mask);
        for (int l = 0; l < LANES; l++)
            if (nan[l]) y[v * LANES + l] = NAN;
    }
}

static void undrop_ignores(const struct dropout *p, struct span s, const float *dy, const uint16_t *mask, float *dx)
{
    (void)mask;
    for (int i = s.begin * LANES; i < s.end * LANES; i++) dx[i] = dy[i] * (float)(65536.0 / (65536.0 - p->threshold));
}

#define DROPOUT(NAME, FWD, BWD) \
    { \
        NAME, &(const struct dropout_variant){ { "wrong", ISA_SCALAR, SAME_BITS_OVER_SPANS }, FWD, BWD }.head \
    }

static const struct mutant wrong_dropout[] = {
    DROPOUT("right", drop_right, undrop_right),
    DROPOUT("fwd forgets to scale", drop_unscaled, undrop_right),
    DROPOUT("fwd swaps the halves of its key", drop_swapped, undrop_right),
    DROPOUT("fwd drops at the threshold less one", drop_one_more, undrop_right),
    DROPOUT("fwd counts vectors from its span", drop_by_span, undrop_right),
    DROPOUT("fwd multiplies dropped elements by zero", drop_times_zero, undrop_right),
    DROPOUT("bwd ignores the mask", drop_right, undrop_ignores),
};

const struct mutant *dropout_mutants(int *count)
{
    *count = COUNT(wrong_dropout);
    return wrong_dropout;
}
