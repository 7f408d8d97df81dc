/* SPDX-License-Identifier: MIT
 * Dropout, bit by bit. The oracle asks Philox for each element by itself. */
#include "trial_spans.h"

#include <math.h>
#include "mutants.h"

enum line { FWD, BWD };
enum slots { SLOT_X, SLOT_DY, SLOT_MASK };
enum rooms { ROOM_Y, ROOM_DX };

struct dropout_case {
    struct dropout p;
    const float *x, *dy;
    const uint16_t *mask;
    float *y, *dx; /* wanted */
};

static const char *const problems[] = { "drop:t13107v9408", "drop:t13107v40", "drop:t0v9", "drop:t65535v9", "drop:t32768v1", NULL };

static void draw(struct rng *r, char *text)
{
    const struct dropout p = { .threshold = (uint32_t)draw_between(r, 0, 65535) };
    dropout_print(&p, draw_vectors(r), text, CHECK_TEXT);
}

static bool is_kept(const struct dropout *p, int vector, int lane)
{
    const struct philox_key key = { { p->key[0], p->key[1] } };
    const uint32_t word = rng_philox(key, (uint64_t)vector / 8, (uint64_t)lane).w[vector % 8 / 2];
    return (vector % 2 ? word >> 16 : word & 0xFFFF) >= p->threshold;
}

static void call_fwd(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct dropout_case *k = s->op;
    ((const struct dropout_variant *)(const void *)v)->fwd(&k->p, units, in, out[0], out[1]);
}

static void call_bwd(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct dropout_case *k = s->op;
    ((const struct dropout_variant *)(const void *)v)->bwd(&k->p, units, in, k->mask, out[0]);
}

static void verify(const struct span_case *s, void *const *out)
{
    const struct dropout_case *k = s->op;
    const struct tensor_view *t = &s->out[0].view;
    check_bits(s->c, t, 0, view_count(t), out[0], s->call == call_fwd ? k->y : k->dx, "Philox has it");
    const uint16_t *mask = s->call == call_fwd ? out[1] : NULL;
    for (int v = 0; mask && v < s->units; v++)
        if (mask[v] != k->mask[v]) return check_fail(s->c, "mask[%d] = %04x, want %04x", v, mask[v], k->mask[v]);
}

static void make(struct check *c, struct dropout_case *k, int vectors, bool specials, enum edge edge)
{
    const size_t count = (size_t)vectors * LANES;
    const float scale = (float)(65536.0 / (65536.0 - k->p.threshold));
    float *x = guard_place(&c->guards, SLOT_X, "x", count * sizeof *x, 64, edge),
          *dy = guard_place(&c->guards, SLOT_DY, "dy", count * sizeof *dy, 64, edge);
    uint16_t *mask = guard_place(&c->guards, SLOT_MASK, "mask", (size_t)vectors * sizeof *mask, 2, edge);
    k->p.key[0] = rng_u32(&c->rng);
    k->p.key[1] = rng_u32(&c->rng);
    fill_floats(&c->rng, x, count);
    fill_floats(&c->rng, dy, count);
    if (specials) sprinkle_specials(&c->rng, x, count);
    if (specials) sprinkle_specials(&c->rng, dy, count);
    k->y = check_room(c, ROOM_Y, count * sizeof *k->y);
    k->dx = check_room(c, ROOM_DX, count * sizeof *k->dx);
    for (int v = 0; v < vectors; v++) {
        mask[v] = 0;
        for (int l = 0; l < LANES; l++) {
            const size_t i = (size_t)v * LANES + (size_t)l;
            const bool keep = is_kept(&k->p, v, l);
            mask[v] = (uint16_t)(mask[v] | keep << l);
            k->y[i] = keep ? x[i] * scale : 0;
            k->dx[i] = keep ? dy[i] * scale : 0;
        }
    }
    for (int i = SLOT_X; i <= SLOT_MASK; i++) guard_seal(&c->guards, i);
    k->x = x;
    k->dy = dy;
    k->mask = mask;
}

static const char *run(struct check *c, const char *problem)
{
    struct dropout_case k = { 0 };
    int vectors;
    const char *wrong = dropout_parse(problem, &k.p, &vectors);
    for (int i = 0; !wrong && i < 4; i++) {
        const bool backward = i % 2;
        enum edge edge = draw_edge(&c->rng);
        make(c, &k, vectors, i >= 2, edge);
        struct span_case s = { .c = c,
                               .units = vectors,
                               .span = { 0, vectors },
                               .cut = draw_between(&c->rng, 0, vectors),
                               .edge = edge,
                               .outs = backward ? 1 : 2,
                               .aliased = backward ? k.dy : k.x,
                               .call = backward ? call_bwd : call_fwd,
                               .verify = verify,
                               .op = &k };
        s.out[0] = (struct out){ .view = { backward ? "dx" : "y", 0, 2, { vectors, LANES } }, .per_unit = LANES, .bytes = sizeof(float) };
        s.out[1] = (struct out){ .view = { "mask", 0, 1, { vectors } }, .per_unit = 1, .bytes = sizeof(uint16_t) };
        for (int row = 0; row < c->rows; row++) span_try(&s, row, backward ? BWD : FWD);
    }
    return wrong;
}

const struct op_cases dropout_cases = {
    .op = OP_DROPOUT, .directions = { "fwd", "bwd" }, .problems = problems, .draw = draw, .run = run, .mutants = dropout_mutants
};
