/* SPDX-License-Identifier: MIT
 * Pooling. The contract fixes the order of everything but the shares of the average's gradient, so nearly all is compared bit by bit with
 * an oracle of its own. Inputs are full of ties (a handful of integers), NaN, infinities and both zeros. */
#include "trial_spans.h"

#include <math.h>
#include <string.h>
#include "mutants.h"
#include "oracle.h"
#include "trials_lines.h"

enum line { FWD, BWD, ADJOINT };
enum slots { SLOT_X, SLOT_DY, SLOT_ARGMAX };
enum rooms { ROOM_Y, ROOM_SUM, ROOM_ARGMAX, ROOM_DX, ROOM_SIZE, ROOM_LINES };

struct pool_case {
    struct pool p;
    const float *x, *dy;
    const uint8_t *argmax; /* what backward reads: the oracle's */
    float *y_want, *dx_want;
    uint8_t *argmax_want;
    double *avg_sum, *avg_want, *avg_size;
    struct tensor_view x_view, y_view;
    bool specials;
    const struct span_case *fwd, *bwd;
};

static const char *const problems[] = { "max:n64c32h26r2step2pad0",
                                        "max:n64c16h24r2step2pad0",
                                        "max:n64c8h28r2step2pad0",
                                        "max:n64c16h14r2step2pad0",
                                        "max:n32c64h14r2step2pad0",
                                        "max:n100c3h28r2pad0",
                                        "max:n100c3h28r2pad0,1,0,1",
                                        "max:n100c3h28r3pad1",
                                        "max:n1c2h30r2step2pad0",
                                        "max:n1c4h13r2step2pad0",
                                        "avg:n1c4h13r2step2pad0",
                                        "avg:n64c10h3r3pad0",
                                        "avg:n64c10h1r1pad0",
                                        "avg:n31c5h7r3step2count1pad1",
                                        "avg:n31c5h7r3step2pad1",
                                        "max:n2c2h16r16pad0",
                                        "max:n17c1h1w9r1s3step4pad0,0,2,1",
                                        "max:n33c33h5w3r2s3step3pad1,0,2,1",
                                        "avg:n15c3h12w11r11pad10",
                                        NULL };

static void draw(struct rng *r, char *text)
{
    struct pool p;
    do {
        p = (struct pool){
            .kind = rng_below(r, 2) ? POOL_MAX : POOL_AVG, .n = draw_images(r), .c = draw_between(r, 1, 33), .h = draw_between(r, 1, 17)
        };
        p.w = rng_below(r, 3) ? draw_between(r, 1, 17) : p.h;
        p.r = rng_below(r, 3) ? draw_between(r, 1, 3) : draw_between(r, 1, 11);
        p.s = rng_below(r, 3) ? p.r : draw_between(r, 1, 6);
        p.step = draw_between(r, 1, 4);
        p.top = rng_below(r, 2) ? draw_between(r, 0, p.r - 1) : 0;
        p.bottom = rng_below(r, 2) ? draw_between(r, 0, p.r - 1) : 0;
        p.left = rng_below(r, 2) ? draw_between(r, 0, p.s - 1) : 0;
        p.right = rng_below(r, 2) ? draw_between(r, 0, p.s - 1) : 0;
        p.count_pad = p.kind == POOL_AVG && rng_below(r, 2);
    } while (pool_complete(&p) != NULL || (double)p.n * p.c * p.h * p.w * p.r * p.s > 1.5e6);
    pool_print(&p, text, CHECK_TEXT);
}

/* ---- calls and checks ---- */

static void call_fwd(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct pool_case *k = s->op;
    (void)in;
    ((const struct pool_variant *)(const void *)v)->fwd(&k->p, units, k->x, out[0], out[1]);
}

static void call_bwd(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct pool_case *k = s->op;
    (void)in;
    ((const struct pool_variant *)(const void *)v)->bwd(&k->p, units, k->dy, k->p.kind == POOL_MAX ? k->argmax : NULL, out[0]);
}

static void verify_fwd(const struct span_case *s, void *const *out)
{
    const struct pool_case *k = s->op;
    size_t all = view_count(&k->y_view);
    if (k->p.kind == POOL_MAX) check_bits(s->c, &k->y_view, 0, all, out[0], k->y_want, "the first of the largest");
    else check_close(s->c, &k->y_view, 0, all, out[0], k->avg_sum, NULL, (struct tolerance){ 0 }); /* a sum's sign of zero is open */
    if (out[1] && k->p.kind == POOL_MAX) check_bytes(s->c, &s->out[1].view, 0, all, out[1], k->argmax_want, "the first of the largest");
    if (out[1] && k->p.kind == POOL_AVG && !guard_unwritten(out[1], 0, all)) check_fail(s->c, "the average wrote argmax");
    if (!k->specials) check_dead(s->c, &k->y_view, 0, all, out[0], DEAD_FINITE);
}

static void verify_bwd(const struct span_case *s, void *const *out)
{
    const struct pool_case *k = s->op;
    const struct tensor_view *t = &s->out[0].view;
    size_t all = view_count(t);
    const struct tolerance shares = { .bound = (double)k->p.r * k->p.s + 2, .tiny = 256 * 0x1p-149 };
    if (k->p.kind == POOL_AVG) check_close(s->c, t, 0, all, out[0], k->avg_want, k->avg_size, shares);
    else check_bits(s->c, t, 0, all, out[0], k->dx_want, "in row-major order");
    check_dead(s->c, t, 0, all, out[0], DEAD_ZERO);
}

/* <dy, pool(x)> = <bwd(dy), x>: each side of one variant. */
static void adjoint(void *context)
{
    const struct pool_case *k = context;
    struct check *c = k->fwd->c;
    struct guards *g = &c->guards;
    size_t ys = view_count(&k->y_view), xs = view_count(&k->x_view);
    float *y = guard_place(g, SLOT_OUTS, "y", ys * sizeof *y, 64, AT_END),
          *dx = guard_place(g, SLOT_OUTS + 1, "dx", xs * sizeof *dx, 64, AT_END);
    uint8_t *argmax = guard_place(g, SLOT_OUTS + 2, "argmax", ys, 16, AT_END);
    struct pool_case own = *k;
    own.argmax = argmax;
    struct span_case back = *k->bwd;
    back.op = &own;
    call_fwd(k->fwd, c->current->variant, k->fwd->span, (void *[]){ y, argmax }, NULL);
    call_bwd(&back, c->current->variant, back.span, (void *[]){ dx }, NULL);
    double through_y = 0, through_x = 0, size = 0;
    for (size_t i = 0; i < ys; i++) through_y += (double)k->dy[i] * (double)y[i];
    for (size_t i = 0; i < xs; i++) {
        through_x += (double)k->x[i] * (double)dx[i];
        size += fabs((double)k->x[i] * (double)dx[i]);
    }
    for (size_t i = 0; i < ys; i++) size += fabs((double)k->dy[i] * (double)y[i]);
    check_number(c, "<bwd(dy), x>", through_x, through_y, size * 0x1p-24 * (k->p.r * k->p.s + 2));
}

/* ---- lines ---- */

struct lines_trial {
    struct check *c;
    const struct pool_case *k;
    const float *x, *dy; /* the numbers that lines have */
    struct span out, in; /* rows of y and of dx */
    bool gated;
};

static const float *cast(const bf16 *lines) { return (const float *)(const void *)lines; }

static void lines_trial(void *context)
{
    const struct lines_trial *t = context;
    struct check *c = t->c;
    struct pool p = t->k->p;
    const struct pool_variant *v = (const void *)c->current->variant;
    const struct bf16_map inside = { .n = p.n, .c = p.c, .h = p.h, .w = p.w }, outside = { .n = p.n, .c = p.c, .h = p.p, .w = p.q };
    const struct lined x = lined_place(c, SLOT_OUTS, "lines of x", inside, t->x);
    struct lined dy = lined_place(c, SLOT_OUTS + 1, "lines of y", outside, NULL);
    struct bf16_gate gate = { .lines = NULL };
    struct bf16_operands lines = { .x = x.map, .made = dy.map, .gate = t->gated ? &gate : NULL };
    const struct pool floats = p;
    const size_t xs = view_count(&t->k->x_view), ys = view_count(&t->k->y_view);
    float *want = check_room(c, ROOM_LINES + 2, (xs + ys) * sizeof *want);
    uint8_t *taken = check_room(c, ROOM_LINES + 3, 2 * ys);
    c->current->lines++;
    memset(taken, 0, 2 * ys);
    p.lines = &lines;
    v->fwd(&floats, t->out, t->x, want, taken);
    v->fwd(&p, t->out, cast(x.data), (float *)(void *)dy.data, taken + ys);
    lined_check(c, "lines of y", &dy, t->out, want, lines.gate, NULL);
    check_bytes(c, &t->k->y_view, 0, ys, taken + ys, taken, "of floats");
    dy = lined_place(c, SLOT_OUTS + 1, "lines of dy", outside, t->dy);
    const struct lined dx = lined_place(c, SLOT_OUTS + 2, "lines of dx", inside, NULL);
    gate = (struct bf16_gate){ x.map, x.data };
    lines.dy = dy.map, lines.made = dx.map;
    v->bwd(&floats, t->in, t->dy, t->k->argmax, want);
    v->bwd(&p, t->in, cast(dy.data), t->k->argmax, (float *)(void *)dx.data);
    lined_check(c, "lines of dx", &dx, t->in, want, lines.gate, t->x);
}

static struct span some_rows(struct check *c, int rows)
{
    const int begin = draw_between(&c->rng, 0, rows - 1);
    return (struct span){ begin, draw_between(&c->rng, begin + 1, rows) };
}

static void lines_trials(struct check *c, const struct pool_case *k)
{
    const size_t xs = view_count(&k->x_view), ys = view_count(&k->y_view);
    float *x = check_room(c, ROOM_LINES, xs * sizeof *x), *dy = check_room(c, ROOM_LINES + 1, ys * sizeof *dy);
    struct lines_trial t = { .c = c, .k = k, .x = x, .dy = dy, .gated = rng_below(&c->rng, 2) };
    lined_rounded(k->x, xs, x);
    lined_rounded(k->dy, ys, dy);
    t.out = some_rows(c, image_blocks(k->p.n) * k->p.p);
    t.in = some_rows(c, image_blocks(k->p.n) * k->p.h);
    for (int row = 0; row < c->rows && k->p.kind == POOL_MAX; row++)
        if (c->row[row].variant->promises & TAKES_LINES) check_try(c, row, FWD, lines_trial, &t);
    for (int i = 0; i < 3; i++) guard_drop(&c->guards, SLOT_OUTS + i);
}

/* ---- one problem ---- */

static void special_values(struct rng *r, float *x, size_t count)
{
    static const float values[] = { -1, 0, -0.0f, 1, NAN, INFINITY, -INFINITY, 0x1p-149f };
    for (size_t i = 0; i < count; i++)
        if (rng_below(r, 4) == 0) x[i] = values[rng_below(r, 8)];
}

static void make(struct check *c, struct pool_case *k, enum input_kind kind, enum edge edge)
{
    const struct pool *p = &k->p;
    const int b = image_blocks(p->n);
    k->x_view = (struct tensor_view){ "x", p->n, 5, { b, p->h, p->w, p->c, LANES } };
    k->y_view = (struct tensor_view){ "y", p->n, 5, { b, p->p, p->q, p->c, LANES } };
    size_t xs = view_count(&k->x_view), ys = view_count(&k->y_view);
    float *x = guard_place(&c->guards, SLOT_X, "x", xs * sizeof *x, 64, edge),
          *dy = guard_place(&c->guards, SLOT_DY, "dy", ys * sizeof *dy, 64, edge);
    uint8_t *argmax = guard_place(&c->guards, SLOT_ARGMAX, "argmax", ys, 16, edge);
    k->specials = kind == INPUT_SPECIALS;
    if (kind == INPUT_FLOATS) fill_floats(&c->rng, x, xs);
    else fill_integers(&c->rng, x, xs, kind == INPUT_INTEGERS ? 2 : 9);
    if (k->specials) special_values(&c->rng, x, xs);
    if (kind == INPUT_INTEGERS) fill_integers(&c->rng, dy, ys, 50);
    else fill_floats(&c->rng, dy, ys);
    fill_dead(&k->x_view, x, DEAD_FINITE);
    fill_dead(&k->y_view, dy, DEAD_ZERO);
    k->y_want = check_room(c, ROOM_Y, ys * sizeof(float));
    k->argmax_want = check_room(c, ROOM_ARGMAX, ys);
    k->dx_want = check_room(c, ROOM_DX, xs * sizeof(double));
    k->avg_want = (double *)(void *)k->dx_want;
    k->avg_size = check_room(c, ROOM_SIZE, xs * sizeof(double));
    plain_pool_fwd(p, x, k->y_want, p->kind == POOL_MAX ? k->argmax_want : NULL);
    k->avg_sum = check_room(c, ROOM_SUM, ys * sizeof(double));
    widen(k->y_want, k->avg_sum, ys, false);
    for (size_t i = 0; i < ys; i++) argmax[i] = p->kind == POOL_MAX ? k->argmax_want[i] : 0;
    if (p->kind == POOL_MAX) plain_max_bwd(p, dy, argmax, k->dx_want);
    else plain_avg_bwd(p, dy, k->avg_want, k->avg_size);
    for (int i = SLOT_X; i <= SLOT_ARGMAX; i++) guard_seal(&c->guards, i);
    k->x = x;
    k->dy = dy;
    k->argmax = argmax;
}

static void trials(struct check *c, struct pool_case *k, enum input_kind kind, enum edge edge)
{
    const struct pool *p = &k->p;
    const int b = image_blocks(p->n);
    struct span_case fwd = { .c = c,
                             .units = b * p->p,
                             .span = { 0, b * p->p },
                             .cut = draw_between(&c->rng, 0, b * p->p),
                             .edge = edge,
                             .outs = 2,
                             .call = call_fwd,
                             .verify = verify_fwd,
                             .op = k };
    fwd.out[0] = (struct out){ .view = k->y_view, .per_unit = (size_t)p->q * (size_t)p->c * LANES, .bytes = sizeof(float) };
    fwd.out[1] = fwd.out[0];
    fwd.out[1].view.name = "argmax";
    fwd.out[1].bytes = 1;
    fwd.out[1].absent = rng_below(&c->rng, 4) == 0;
    struct span_case bwd = { .c = c,
                             .units = b * p->h,
                             .span = { 0, b * p->h },
                             .cut = draw_between(&c->rng, 0, b * p->h),
                             .edge = edge,
                             .outs = 1,
                             .call = call_bwd,
                             .verify = verify_bwd,
                             .op = k };
    bwd.out[0] = (struct out){ .view = k->x_view, .per_unit = (size_t)p->w * (size_t)p->c * LANES, .bytes = sizeof(float) };
    bwd.out[0].view.name = "dx";
    k->fwd = &fwd;
    k->bwd = &bwd;
    for (int row = 0; row < c->rows; row++) {
        c->row[row].exact += kind == INPUT_INTEGERS;
        span_try(&fwd, row, FWD);
        span_try(&bwd, row, BWD);
        if (kind == INPUT_FLOATS) check_try(c, row, ADJOINT, adjoint, k);
        for (int i = 0; i < 3; i++) guard_drop(&c->guards, SLOT_OUTS + i);
    }
    k->fwd = k->bwd = NULL;
}

static const char *run(struct check *c, const char *problem)
{
    struct pool_case k = { 0 };
    const char *wrong = pool_parse(problem, &k.p);
    for (int kind = INPUT_INTEGERS; !wrong && kind <= INPUT_SPECIALS; kind++) {
        enum edge edge = draw_edge(&c->rng);
        make(c, &k, (enum input_kind)kind, edge);
        trials(c, &k, (enum input_kind)kind, edge);
        lines_trials(c, &k);
    }
    return wrong;
}

const struct op_cases pool_cases = {
    .op = OP_POOL, .directions = { "fwd", "bwd", "adjoint" }, .problems = problems, .draw = draw, .run = run, .mutants = pool_mutants
};
