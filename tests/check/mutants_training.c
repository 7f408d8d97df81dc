/* SPDX-License-Identifier: MIT
 * Wrong losses and optimizers: the reference's rows, tampered with before or after the call. */
#include "mutants.h"

#include <math.h>

#define COUNT(LIST) ((int)(sizeof(LIST) / sizeof *(LIST)))

/* ---- loss ---- */

static void good_loss(const struct loss *p, struct span s, const float *z, const uint8_t *label, float *value, uint8_t *predicted,
                      float *dz)
{
    kernels_of(ISA_SCALAR)->loss->softmax_xent(p, s, z, label, value, predicted, dz);
}

static void loss_right(const struct loss *p, struct span s, const float *z, const uint8_t *label, float *value, uint8_t *predicted,
                       float *dz)
{
    good_loss(p, s, z, label, value, predicted, dz);
}

static void loss_tie(const struct loss *p, struct span s, const float *z, const uint8_t *label, float *value, uint8_t *predicted, float *dz)
{
    for (int i = s.begin * LANES; i < s.end * LANES; i++) {
        const float *at = z + i / LANES * p->k * LANES + i % LANES;
        predicted[i] = 0;
        for (int k = 1; k < p->k; k++)
            if (at[k * LANES] >= at[predicted[i] * LANES]) predicted[i] = (uint8_t)k;
    }
    uint8_t other[LANES];
    for (int b = s.begin; b < s.end; b++) good_loss(p, (struct span){ b, b + 1 }, z, label, value, other - b * LANES, dz);
}

/* Overflows where a logit exceeds 88. */
static void loss_unstable(const struct loss *p, struct span s, const float *z, const uint8_t *label, float *value, uint8_t *predicted,
                          float *dz)
{
    for (int i = s.begin * LANES; i < s.end * LANES && i < p->n; i++) {
        const float *at = z + i / LANES * p->k * LANES + i % LANES;
        float sum = 0;
        for (int k = 0; k < p->k; k++) sum += expf(at[k * LANES]);
        value[i] = logf(sum) - at[label[i] * LANES];
    }
    float stable[LANES];
    for (int b = s.begin; b < s.end; b++) {
        good_loss(p, (struct span){ b, b + 1 }, z, label, stable - b * LANES, predicted, dz);
        for (int l = 0; l < LANES; l++)
            if (b * LANES + l >= p->n) value[b * LANES + l] = 0;
    }
}

static void loss_padded_mean(const struct loss *p, struct span s, const float *z, const uint8_t *label, float *value, uint8_t *predicted,
                             float *dz)
{
    good_loss(p, s, z, label, value, predicted, dz);
    for (int i = s.begin * p->k * LANES; dz && i < s.end * p->k * LANES; i++) dz[i] *= (float)p->n / (float)(image_blocks(p->n) * LANES);
}

static void loss_dead(const struct loss *p, struct span s, const float *z, const uint8_t *label, float *value, uint8_t *predicted,
                      float *dz)
{
    struct loss all = *p;
    all.n = image_blocks(p->n) * LANES;
    good_loss(&all, s, z, label, value, predicted, dz);
    for (int i = s.begin * p->k * LANES; dz && i < s.end * p->k * LANES; i++) dz[i] *= (float)all.n / (float)p->n;
}

/* Faults where there is no dz. The guard catches that; a sanitizer would end the program first. */
__attribute__((no_sanitize("address", "undefined"))) static void
loss_needs_dz(const struct loss *p, struct span s, const float *z, const uint8_t *label, float *value, uint8_t *predicted, float *dz)
{
    good_loss(p, s, z, label, value, predicted, dz);
    if (s.end > s.begin) dz[s.begin * p->k * LANES] += 0;
}

static void loss_labels_predicted(const struct loss *p, struct span s, const float *z, const uint8_t *label, float *value,
                                  uint8_t *predicted, float *dz)
{
    good_loss(p, s, z, label, value, predicted, dz);
    for (int i = s.begin * LANES; i < s.end * LANES; i++) predicted[i] = label[i];
}

#define LOSS(NAME, FUNCTION) \
    { \
        NAME, &(const struct loss_variant){ { "wrong", ISA_SCALAR, SAME_BITS_OVER_SPANS }, FUNCTION }.head \
    }

static const struct mutant wrong_loss[] = {
    LOSS("right", loss_right),
    LOSS("the last of a tie is predicted", loss_tie),
    LOSS("the largest logit is not subtracted", loss_unstable),
    LOSS("the mean counts dead lanes", loss_padded_mean),
    LOSS("dead lanes have a loss", loss_dead),
    LOSS("dz may not be NULL", loss_needs_dz),
    LOSS("predicted is the label", loss_labels_predicted),
};

const struct mutant *loss_mutants(int *count)
{
    *count = COUNT(wrong_loss);
    return wrong_loss;
}

/* ---- optimizer ---- */

static void good_step(const struct optimizer *o, struct span s, float *w, const float *g, float *m, float *v)
{
    kernels_of(ISA_SCALAR)->optimizer->step(o, s, w, g, m, v);
}

static void step_right(const struct optimizer *o, struct span s, float *w, const float *g, float *m, float *v)
{
    good_step(o, s, w, g, m, v);
}

static void step_past(const struct optimizer *o, struct span s, float *w, const float *g, float *m, float *v)
{
    good_step(o, s, w, g, m, v);
    if (s.end > s.begin) w[s.end * LANES] = 0;
}

static void step_plain_momentum(const struct optimizer *o, struct span s, float *w, const float *g, float *m, float *v)
{
    struct optimizer other = *o;
    other.nesterov = false;
    good_step(&other, s, w, g, m, v);
}

static void step_not_first(const struct optimizer *o, struct span s, float *w, const float *g, float *m, float *v)
{
    struct optimizer other = *o;
    other.first = false;
    good_step(&other, s, w, g, m, v);
}

static void step_coupled(const struct optimizer *o, struct span s, float *w, const float *g, float *m, float *v)
{
    struct optimizer other = *o;
    if (o->kind == OPTIMIZER_ADAMW) other.kind = OPTIMIZER_ADAM;
    good_step(&other, s, w, g, m, v);
}

static void step_no_decay(const struct optimizer *o, struct span s, float *w, const float *g, float *m, float *v)
{
    struct optimizer other = *o;
    other.weight_decay = 0;
    good_step(&other, s, w, g, m, v);
}

static void step_uncorrected(const struct optimizer *o, struct span s, float *w, const float *g, float *m, float *v)
{
    struct optimizer other = *o;
    other.root_scale = 1;
    good_step(&other, s, w, g, m, v);
}

static void step_rounded(const struct optimizer *o, struct span s, float *w, const float *g, float *m, float *v)
{
    if (o->kind != OPTIMIZER_SGD || o->momentum > 0) return good_step(o, s, w, g, m, v);
    for (int i = s.begin * LANES; i < s.end * LANES; i++) {
        const volatile float decayed = o->weight_decay * w[i], move = o->rate * (g[i] + decayed);
        w[i] -= move;
    }
}

static void step_forgets_squares(const struct optimizer *o, struct span s, float *w, const float *g, float *m, float *v)
{
    good_step(o, s, w, g, m, v);
    for (int i = s.begin * LANES; v && i < s.end * LANES; i++) v[i] -= o->one_minus_beta2 * g[i] * g[i] * 1e-3f;
}

#define OPTIMIZER(NAME, STEP) \
    { \
        NAME, &(const struct optimizer_variant){ { "wrong", ISA_SCALAR, SAME_BITS_OVER_SPANS }, STEP }.head \
    }

static const struct mutant wrong_optimizer[] = {
    OPTIMIZER("right", step_right),
    OPTIMIZER("writes past its span", step_past),
    OPTIMIZER("ignores Nesterov", step_plain_momentum),
    OPTIMIZER("treats the first step like any other", step_not_first),
    OPTIMIZER("AdamW decays as Adam does", step_coupled),
    OPTIMIZER("forgets weight decay", step_no_decay),
    OPTIMIZER("does not correct the second moment's bias", step_uncorrected),
    OPTIMIZER("rounds products of SGD", step_rounded),
    OPTIMIZER("second moment is off by a thousandth", step_forgets_squares),
};

const struct mutant *optimizer_mutants(int *count)
{
    *count = COUNT(wrong_optimizer);
    return wrong_optimizer;
}
