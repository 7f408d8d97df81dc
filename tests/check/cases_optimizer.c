/* SPDX-License-Identifier: MIT
 * Optimizers: SGD bit by bit, since the contract fixes every rounding; Adam in double with its roundings counted. */
#include "trial_spans.h"

#include <math.h>
#include "mutants.h"

enum slots { SLOT_G };
enum rooms { ROOM_START, ROOM_WANT = ROOM_START + 3, ROOM_SIZE = ROOM_WANT + 3 };

struct optimizer_case {
    struct optimizer p;
    const float *g;
    float *start[3];           /* w m v before */
    double *want[3], *size[3]; /* after; sizes in units of 2^-24, all 0 for SGD */
};

static const char *const problems[] = { "sgd:v504m0n0f0d0",
                                        "sgd:v504m900n0f1d0",
                                        "sgd:v504m900n0f0d5",
                                        "sgd:v31m900n1f0d5",
                                        "adam:v504t1d0k0",
                                        "adam:v504t1d0k1",
                                        "adam:v31t1000d0k0",
                                        "adam:v31t7d5k0",
                                        "adamw:v31t7d100k0",
                                        "sgd:v1m500n1f1d1",
                                        NULL };

static void draw(struct rng *r, char *text)
{
    struct optimizer_problem p = { .vectors = draw_between(r, 1, 70) };
    p.decay = rng_below(r, 2) ? draw_between(r, 1, 100) : 0;
    if (rng_below(r, 2)) {
        p.momentum = rng_below(r, 3) ? draw_between(r, 1, 999) : 0;
        p.nesterov = rng_below(r, 2);
        p.first = rng_below(r, 2);
    } else {
        p.kind = rng_below(r, 2) ? OPTIMIZER_ADAM : OPTIMIZER_ADAMW;
        p.t = draw_between(r, 1, 2000);
        p.form = rng_below(r, 2) ? EPS_KERAS : EPS_PYTORCH;
    }
    optimizer_print(&p, text, CHECK_TEXT);
}

static void call(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct optimizer_case *k = s->op;
    (void)in;
    ((const struct optimizer_variant *)(const void *)v)->step(&k->p, units, out[0], k->g, out[1], out[2]);
}

static void verify(const struct span_case *s, void *const *out)
{
    const struct optimizer_case *k = s->op;
    for (int i = 0; i < 3; i++) {
        const struct tensor_view *t = &s->out[i].view;
        const bool exact = k->p.kind == OPTIMIZER_SGD;
        if (out[i])
            check_close(s->c, t, 0, view_count(t), out[i], k->want[i], exact ? NULL : k->size[i],
                        (struct tolerance){ .bound = 1, .tiny = 16 * 0x1p-149 });
    }
}

/* ---- oracles ---- */

static void want_sgd(struct optimizer_case *k, size_t i)
{
    const struct optimizer *p = &k->p;
    const float w = k->start[0][i], m = k->start[1][i], slope = fmaf(p->weight_decay, w, k->g[i]);
    const float velocity = p->momentum == 0 ? m : p->first ? slope : fmaf(p->momentum, m, slope);
    const float move = p->momentum == 0 ? slope : p->nesterov ? fmaf(p->momentum, velocity, slope) : velocity;
    k->want[0][i] = (double)fmaf(-p->rate, move, w);
    k->want[1][i] = (double)velocity;
}

/* Each size counts the roundings on the way, in units of 2^-24 of what they round. */
static void want_adam(struct optimizer_case *k, size_t i)
{
    const struct optimizer *p = &k->p;
    const double decay = (double)p->weight_decay, old = (double)k->start[0][i], g = (double)k->g[i];
    const double w = p->kind == OPTIMIZER_ADAMW ? old - (double)p->rate * decay * old : old,
                 slope = p->kind == OPTIMIZER_ADAM ? g + decay * old : g;
    const double m = (double)p->beta1 * (double)k->start[1][i] + (double)p->one_minus_beta1 * slope;
    const double v = (double)p->beta2 * (double)k->start[2][i] + (double)p->one_minus_beta2 * slope * slope;
    const double under = sqrt(v) * (double)p->root_scale + (double)p->eps, move = (double)p->step_size * m / under;
    const double slope_size = 2 * (fabs(g) + fabs(decay * old));
    const double m_size =
        fabs((double)p->beta1 * (double)k->start[1][i]) + 3 * (double)p->one_minus_beta1 * (fabs(slope) + slope_size) + fabs(m);
    const double v_size = 4 * v + 2 * (double)p->one_minus_beta2 * fabs(slope) * slope_size;
    k->want[0][i] = w - move;
    k->want[1][i] = m;
    k->want[2][i] = v;
    k->size[0][i] = 3 * fabs(w) + 8 * fabs(move) + (double)p->step_size * m_size / under + (v > 0 ? fabs(move) * v_size / v : 0);
    k->size[1][i] = m_size;
    k->size[2][i] = v_size;
}

static void make(struct check *c, struct optimizer_case *k, int vectors, bool specials, enum edge edge)
{
    const size_t count = (size_t)vectors * LANES;
    float *g = guard_place(&c->guards, SLOT_G, "g", count * sizeof *g, 64, edge);
    fill_floats(&c->rng, g, count);
    for (size_t i = 0; i < count; i++) g[i] = ldexpf(g[i], -(int)(i % 24));
    if (specials) sprinkle_specials(&c->rng, g, count);
    for (int i = 0; i < 3; i++) {
        k->start[i] = check_room(c, ROOM_START + i, count * sizeof(float));
        k->want[i] = check_room(c, ROOM_WANT + i, count * sizeof(double));
        k->size[i] = check_room(c, ROOM_SIZE + i, count * sizeof(double));
        fill_floats(&c->rng, k->start[i], count);
    }
    for (size_t i = 0; i < count; i++) {
        k->start[2][i] = fabsf(k->start[2][i]);                                          /* a mean of squares */
        if (i + 3 >= count) g[i] = k->start[0][i] = k->start[1][i] = k->start[2][i] = 0; /* the arena's padding stays zero */
    }
    guard_seal(&c->guards, SLOT_G);
    k->g = g;
    for (size_t i = 0; i < count; i++) {
        if (k->p.kind == OPTIMIZER_SGD) want_sgd(k, i);
        else want_adam(k, i);
    }
}

static const char *run(struct check *c, const char *problem)
{
    static const char *const names[] = { "w", "m", "v" };
    struct optimizer_problem p;
    const char *wrong = optimizer_parse(problem, &p);
    struct optimizer_case k = { .p = wrong ? (struct optimizer){ 0 } : optimizer_of(&p) };
    const int vectors = p.vectors;
    for (int specials = 0; !wrong && specials < 2; specials++) {
        enum edge edge = draw_edge(&c->rng);
        make(c, &k, vectors, specials, edge);
        struct span_case s = { .c = c,
                               .units = vectors,
                               .span = { 0, vectors },
                               .cut = draw_between(&c->rng, 0, vectors),
                               .edge = edge,
                               .outs = 3,
                               .call = call,
                               .verify = verify,
                               .op = &k };
        for (int i = 0; i < 3; i++)
            s.out[i] = (struct out){
                .view = { names[i], 0, 2, { vectors, LANES } }, .per_unit = LANES, .bytes = sizeof(float), .start = k.start[i]
            };
        s.out[1].absent = k.p.kind == OPTIMIZER_SGD && k.p.momentum == 0;
        s.out[2].absent = k.p.kind == OPTIMIZER_SGD;
        for (int row = 0; row < c->rows; row++) span_try(&s, row, 0);
    }
    return wrong;
}

const struct op_cases optimizer_cases = {
    .op = OP_OPTIMIZER, .directions = { "step" }, .problems = problems, .draw = draw, .run = run, .mutants = optimizer_mutants
};
