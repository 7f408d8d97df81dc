/* SPDX-License-Identifier: MIT
 * Skip connections, bit by bit. */
#include "trial_spans.h"

#include "mutants.h"

enum line { FWD, BWD };
enum slots { SLOT_A, SLOT_B, SLOT_DY };
enum rooms { ROOM_Y, ROOM_DB, ROOM_START };

struct add_case {
    struct add p;
    const float *a, *b, *dy;
    float *y, *db, *start; /* wanted; start is db before */
};

static const char *const problems[] = { "add:n64c3h24w24bh28bw28", "add:n64c16h8w8bh8bw8", "add:n1c1h1w1bh1bw1", NULL };

static void draw(struct rng *r, char *text)
{
    struct add p = { .h = draw_between(r, 1, 9) };
    p.w = draw_between(r, 1, 9);
    p.n = draw_images(r);
    p.c = draw_between(r, 1, 12);
    p.bh = p.h + (int)rng_below(r, 4);
    p.bw = p.w + (int)rng_below(r, 4);
    add_print(&p, text, CHECK_TEXT);
}

static void call_fwd(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct add_case *k = s->op;
    ((const struct add_variant *)(const void *)v)->fwd(&k->p, units, in, k->b, out[0]);
}

static void call_bwd(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct add_case *k = s->op;
    (void)in;
    ((const struct add_variant *)(const void *)v)->bwd(&k->p, units, k->dy, out[0]);
}

static void verify(const struct span_case *s, void *const *out)
{
    const struct add_case *k = s->op;
    const struct tensor_view *t = &s->out[0].view;
    check_bits(s->c, t, 0, view_count(t), out[0], s->call == call_fwd ? k->y : k->db, "the sum");
}

static float *input(struct check *c, int slot, const struct tensor_view *t, enum edge edge, bool specials, enum dead dead)
{
    float *to = guard_place(&c->guards, slot, t->name, view_count(t) * sizeof *to, 64, edge);
    fill_floats(&c->rng, to, view_count(t));
    if (specials) sprinkle_specials(&c->rng, to, view_count(t));
    fill_dead(t, to, dead);
    guard_seal(&c->guards, slot);
    return to;
}

static void make(struct check *c, struct add_case *k, bool specials, enum edge edge)
{
    const struct add *p = &k->p;
    const int blocks = image_blocks(p->n);
    const struct tensor_view small = { "a", p->n, 5, { blocks, p->h, p->w, p->c, LANES } },
                             large = { "b", p->n, 5, { blocks, p->bh, p->bw, p->c, LANES } };
    const size_t pixel = (size_t)p->c * LANES, ys = view_count(&small), bs = view_count(&large);
    k->a = input(c, SLOT_A, &small, edge, specials, DEAD_FINITE);
    k->b = input(c, SLOT_B, &large, edge, specials, DEAD_FINITE);
    k->dy = input(c, SLOT_DY, &(struct tensor_view){ "dy", p->n, 5, { blocks, p->h, p->w, p->c, LANES } }, edge, specials, DEAD_ZERO);
    k->y = check_room(c, ROOM_Y, ys * sizeof(float));
    k->db = check_room(c, ROOM_DB, bs * sizeof(float));
    k->start = check_room(c, ROOM_START, bs * sizeof(float));
    fill_floats(&c->rng, k->start, bs);
    for (size_t i = 0; i < bs; i++) k->db[i] = k->start[i];
    for (size_t i = 0; i < ys; i++) {
        const size_t column = i / pixel % (size_t)p->w, row = i / pixel / (size_t)p->w, block = row / (size_t)p->h;
        const size_t at = ((block * (size_t)p->bh + row % (size_t)p->h) * (size_t)p->bw + column) * pixel + i % pixel;
        k->y[i] = k->a[i] + k->b[at];
        k->db[at] += k->dy[i];
    }
}

static const char *run(struct check *c, const char *problem)
{
    struct add_case k = { 0 };
    const char *wrong = add_parse(problem, &k.p);
    for (int i = 0; !wrong && i < 4; i++) {
        const bool backward = i % 2;
        const int blocks = image_blocks(k.p.n), rows = blocks * k.p.h;
        enum edge edge = draw_edge(&c->rng);
        make(c, &k, i >= 2, edge);
        struct span_case s = { .c = c,
                               .units = rows,
                               .span = { 0, rows },
                               .cut = draw_between(&c->rng, 0, rows),
                               .edge = edge,
                               .outs = 1,
                               .aliased = backward ? NULL : k.a,
                               .call = backward ? call_bwd : call_fwd,
                               .verify = verify,
                               .op = &k };
        s.out[0] = (struct out){ .view = { "y", k.p.n, 5, { blocks, k.p.h, k.p.w, k.p.c, LANES } },
                                 .per_unit = (size_t)(k.p.w * k.p.c) * LANES,
                                 .bytes = sizeof(float) };
        if (backward)
            s.out[0] = (struct out){ .view = { "db", k.p.n, 5, { blocks, k.p.bh, k.p.bw, k.p.c, LANES } },
                                     .bytes = sizeof(float),
                                     .start = k.start };
        for (int row = 0; row < c->rows; row++) {
            c->row[row].exact++;
            span_try(&s, row, backward ? BWD : FWD);
        }
    }
    return wrong;
}

const struct op_cases add_cases = {
    .op = OP_ADD, .directions = { "fwd", "bwd" }, .problems = problems, .draw = draw, .run = run, .mutants = add_mutants
};
