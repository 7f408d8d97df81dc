/* SPDX-License-Identifier: MIT
 * Activations: ReLU and leaky ReLU bit by bit, tanh against libm's in double within its promise; odd, saturating, NaN kept. */
#include "trial_spans.h"

#include <math.h>
#include "mutants.h"

enum line { FWD, BWD };
enum slots { SLOT_X, SLOT_Y, SLOT_DY };
enum rooms { ROOM_WANT, ROOM_WIDE, ROOM_SIZE };

struct activation_case {
    struct activation p;
    const float *x, *y, *dy;
    float *want;         /* ReLU and leaky ReLU */
    double *wide, *size; /* tanh */
};

static const char *const problems[] = { "relu:v1", "leaky:v1", "tanh:v1", "relu:v4096", "leaky:v4096", "tanh:v4096", NULL };

static void draw(struct rng *r, char *text)
{
    const struct activation p = { .kind = (enum activation_kind)rng_below(r, 3) };
    activation_print(&p, draw_vectors(r), text, CHECK_TEXT);
}

static void call_fwd(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct activation_case *k = s->op;
    ((const struct activation_variant *)(const void *)v)->fwd(&k->p, units, in, out[0]);
}

static void call_bwd(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct activation_case *k = s->op;
    ((const struct activation_variant *)(const void *)v)->bwd(&k->p, units, k->y, in, out[0]);
}

/* tanh is odd to the bit: the inputs hold each value with both signs, in neighbouring lanes. */
static void verify_odd(const struct span_case *s, const float *x, const float *y, size_t count)
{
    for (size_t i = 0; i + 1 < count; i += 2)
        if (x[i] == -x[i + 1] && y[i] != -y[i + 1])
            return check_fail(s->c, "tanh(%.9g) = %.9g, but tanh(%.9g) = %.9g", (double)x[i], (double)y[i], (double)x[i + 1],
                              (double)y[i + 1]);
}

static void verify(const struct span_case *s, void *const *out)
{
    const struct activation_case *k = s->op;
    const struct tensor_view *t = &s->out[0].view;
    size_t all = view_count(t);
    if (k->p.kind == ACTIVATION_TANH) {
        check_close(s->c, t, 0, all, out[0], k->wide, k->size, (struct tolerance){ .bound = 4, .tiny = 4 * 0x1p-149 });
        if (s->call == call_fwd) verify_odd(s, k->x, out[0], all);
    } else {
        check_bits(s->c, t, 0, all, out[0], k->want, "the definition has it");
    }
}

static float f(const struct activation *p, float at, float passed)
{
    return at > 0 ? passed : p->kind == ACTIVATION_RELU ? 0 : p->slope * passed;
}

/* Values from denormals to far beyond saturation, each with its negative beside it. */
static void spread_values(struct rng *r, float *x, size_t count)
{
    fill_floats(r, x, count);
    for (size_t i = 0; i + 1 < count; i += 2) {
        x[i] = ldexpf(x[i], draw_between(r, -30, 7));
        x[i + 1] = -x[i];
    }
}

static void make(struct check *c, struct activation_case *k, int vectors, bool specials, enum edge edge)
{
    const size_t count = (size_t)vectors * LANES;
    float *x = guard_place(&c->guards, SLOT_X, "x", count * sizeof *x, 64, edge),
          *y = guard_place(&c->guards, SLOT_Y, "y", count * sizeof *y, 64, edge);
    float *dy = guard_place(&c->guards, SLOT_DY, "dy", count * sizeof *dy, 64, edge);
    spread_values(&c->rng, x, count);
    fill_floats(&c->rng, dy, count);
    if (specials) sprinkle_specials(&c->rng, x, count);
    for (size_t i = 0; i < count; i++) y[i] = k->p.kind == ACTIVATION_TANH ? (float)tanh((double)x[i]) : f(&k->p, x[i], x[i]);
    if (specials) sprinkle_specials(&c->rng, dy, count);
    for (int i = SLOT_X; i <= SLOT_DY; i++) guard_seal(&c->guards, i);
    k->x = x;
    k->y = y;
    k->dy = dy;
    k->want = check_room(c, ROOM_WANT, count * sizeof *k->want);
    k->wide = check_room(c, ROOM_WIDE, count * sizeof *k->wide);
    k->size = check_room(c, ROOM_SIZE, count * sizeof *k->size);
}

static void want(struct activation_case *k, size_t count, bool backward)
{
    for (size_t i = 0; i < count; i++) {
        const double y = (double)k->y[i], dy = (double)k->dy[i];
        k->want[i] = backward ? f(&k->p, k->y[i], k->dy[i]) : f(&k->p, k->x[i], k->x[i]);
        k->wide[i] = backward ? (1 - y * y) * dy : tanh((double)k->x[i]);
        k->size[i] = backward ? fabs(dy) : 1;
    }
}

static const char *run(struct check *c, const char *problem)
{
    struct activation_case k = { 0 };
    int vectors;
    const char *wrong = activation_parse(problem, &k.p, &vectors);
    for (int i = 0; !wrong && i < 4; i++) {
        const bool specials = i >= 2, backward = i % 2;
        enum edge edge = draw_edge(&c->rng);
        make(c, &k, vectors, specials, edge);
        want(&k, (size_t)vectors * LANES, backward);
        struct span_case s = { .c = c,
                               .units = vectors,
                               .span = { 0, vectors },
                               .cut = draw_between(&c->rng, 0, vectors),
                               .edge = edge,
                               .outs = 1,
                               .aliased = backward ? k.dy : k.x,
                               .call = backward ? call_bwd : call_fwd,
                               .verify = verify,
                               .op = &k };
        s.out[0] = (struct out){ .view = { backward ? "dx" : "y", 0, 2, { vectors, LANES } }, .per_unit = LANES, .bytes = sizeof(float) };
        for (int row = 0; row < c->rows; row++) span_try(&s, row, backward ? BWD : FWD);
    }
    return wrong;
}

const struct op_cases activation_cases = {
    .op = OP_ACTIVATION, .directions = { "fwd", "bwd" }, .problems = problems, .draw = draw, .run = run, .mutants = activation_mutants
};
