/* SPDX-License-Identifier: MIT
 * Dense layers: whole numbers, the scalar reference in double, cuts over outputs and inputs, adjoint. */
#include "trial_spans.h"

#include <math.h>
#include "mutants.h"
#include "oracle.h"

enum line { FWD, BWD_DATA, BWD_WEIGHTS, ADJOINT };
enum slots { SLOT_X, SLOT_W, SLOT_B, SLOT_DY, SLOT_SCRATCH };
enum rooms { ROOM_WIDE, ROOM_WHOLE = ROOM_WIDE + 4, ROOM_WANT, ROOM_SIZE = ROOM_WANT + 4 };

struct dense_case {
    struct dense p;
    const float *x, *w, *b, *dy;
    float *scratch;
    double *want[4], *size[4]; /* y, dx, dw, db; sizes NULL: exact */
    struct span_case spans[3];
};

static const char *const problems[] = { "dense:n32c784k128",  "dense:n32c128k10",
                                        "dense:n32c3136k64",  "dense:n32c64k10",
                                        "dense:n64c2016k10",  "dense:n64c108k10",
                                        "dense:n1c144k50",    "dense:n1c50k10",
                                        "dense:n100c2187k10", "dense:n16c9216k50b0",
                                        "dense:n1c1k1",       "dense:n16c1k33",
                                        "dense:n33c17k1b0",   NULL };

static void draw(struct rng *r, char *text)
{
    struct dense p = { .n = draw_images(r), .c = draw_between(r, 1, 33), .k = draw_between(r, 1, 33), .bias = rng_below(r, 4) != 0 };
    if (rng_below(r, 3) == 0) p.c = draw_between(r, 34, 211);
    if (rng_below(r, 5) == 0) p.k = draw_between(r, 34, 131);
    dense_print(&p, text, CHECK_TEXT);
}

/* ---- calls and checks ---- */

static void call_fwd(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct dense_case *k = s->op;
    (void)in;
    ((const struct dense_variant *)(const void *)v)->fwd(&k->p, units, k->x, k->w, k->b, out[0]);
}

static void call_bwd_data(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct dense_case *k = s->op;
    (void)in;
    ((const struct dense_variant *)(const void *)v)->bwd_data(&k->p, units, k->dy, k->w, out[0]);
}

static void call_bwd_weights(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct dense_case *k = s->op;
    (void)in;
    guard_pattern(k->scratch, dense_scratch_bytes(&k->p));
    ((const struct dense_variant *)(const void *)v)->bwd_weights(&k->p, units, k->dy, k->x, out[0], out[1], k->scratch);
}

static struct tolerance tolerance_of(double terms) { return (struct tolerance){ .bound = terms + 2, .tiny = terms * 0x1p-149 }; }

static void verify_out(const struct span_case *s, void *const *out, int which, double terms)
{
    const struct dense_case *k = s->op;
    const struct tensor_view *t = &s->out[which == 3].view;
    check_close(s->c, t, 0, view_count(t), out[which == 3], k->want[which], k->size[which], tolerance_of(terms));
}

static bool finite_all(const double *a, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(a[i])) return false;
    return true;
}

static void verify_fwd(const struct span_case *s, void *const *out)
{
    const struct dense_case *k = s->op;
    size_t all = view_count(&s->out[0].view);
    verify_out(s, out, 0, k->p.c + 1);
    if (finite_all(k->want[0], all)) check_dead(s->c, &s->out[0].view, 0, all, out[0], DEAD_FINITE);
}

static void verify_bwd_data(const struct span_case *s, void *const *out)
{
    const struct dense_case *k = s->op;
    size_t all = view_count(&s->out[0].view);
    verify_out(s, out, 1, k->p.k);
    if (finite_all(k->want[1], all)) check_dead(s->c, &s->out[0].view, 0, all, out[0], DEAD_ZERO);
}

static void verify_bwd_weights(const struct span_case *s, void *const *out)
{
    const struct dense_case *k = s->op;
    verify_out(s, out, 2, k->p.n);
    if (out[1]) verify_out(s, out, 3, k->p.n);
}

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static void adjoint(void *context)
{
    const struct dense_case *k = context;
    const struct dense *p = &k->p;
    struct check *c = k->spans[FWD].c;
    void *out[3][2] = { { NULL } };
    double size = 0;
    for (int d = 0; d < 3; d++) {
        const struct span_case *s = &k->spans[d];
        for (int i = 0; i < s->outs; i++)
            out[d][i] = s->out[i].absent ? NULL
                                         : guard_place(&c->guards, SLOT_OUTS + d + 3 * i, s->out[i].view.name,
                                                       view_count(&s->out[i].view) * sizeof(float), 64, AT_END);
        s->call(s, c->current->variant, s->span, out[d], NULL);
    }
    size_t ys = view_count(&k->spans[FWD].out[0].view), xs = view_count(&k->spans[BWD_DATA].out[0].view);
    double through_y = dot(k->dy, out[FWD][0], ys), through_x = dot(k->x, out[BWD_DATA][0], xs),
           through_b = k->b ? dot(k->b, out[BWD_WEIGHTS][1], (size_t)p->k) : 0;
    double through_w = dot(k->w, out[BWD_WEIGHTS][0], (size_t)p->k * (size_t)p->c);
    for (size_t i = 0; i < ys; i++) size += fabs((double)k->dy[i]) * k->size[0][i];
    double allowed = 2 * (double)(p->c + p->k + p->n + 8) * 0x1p-24 * size;
    check_number(c, "<bwd_data(dy), x> + <db, b>", through_x + through_b, through_y, allowed);
    check_number(c, "<bwd_weights(dy, x), w> + <db, b>", through_w + through_b, through_y, allowed);
}

/* ---- one problem ---- */

static void set_spans(struct check *c, struct dense_case *k, enum edge edge)
{
    const struct dense *p = &k->p;
    const int b = image_blocks(p->n), columns = (p->c + LANES - 1) / LANES;
    k->spans[FWD] =
        (struct span_case){ .units = p->k, .call = call_fwd, .verify = verify_fwd, .outs = 1, .cut = draw_between(&c->rng, 0, p->k) };
    k->spans[BWD_DATA] = (struct span_case){
        .units = p->c, .call = call_bwd_data, .verify = verify_bwd_data, .outs = 1, .cut = draw_between(&c->rng, 0, p->c)
    };
    k->spans[BWD_WEIGHTS] = (struct span_case){ .units = p->c,
                                                .call = call_bwd_weights,
                                                .verify = verify_bwd_weights,
                                                .outs = 2,
                                                .alone = true,
                                                .cut = draw_between(&c->rng, 0, columns - 1) * LANES };
    k->spans[FWD].out[0] = (struct out){ .view = { "y", p->n, 3, { b, p->k, LANES } }, .per_unit = LANES };
    k->spans[BWD_DATA].out[0] = (struct out){ .view = { "dx", p->n, 3, { b, p->c, LANES } }, .per_unit = LANES };
    k->spans[BWD_WEIGHTS].out[0] = (struct out){ .view = { "dw", 0, 2, { p->k, p->c } }, .per_unit = 1 };
    k->spans[BWD_WEIGHTS].out[1] = (struct out){ .view = { "db", 0, 1, { p->k } }, .per_unit = 1, .whole = true, .absent = !p->bias };
    for (int d = 0; d < 3; d++) {
        struct span_case *s = &k->spans[d];
        s->c = c;
        s->span = (struct span){ 0, s->units };
        s->edge = edge;
        s->op = k;
        for (int i = 0; i < s->outs; i++) s->out[i].bytes = sizeof(float);
    }
}

static float *input(struct check *c, int slot, const struct tensor_view *t, size_t align, enum edge edge, enum input_kind kind, int largest)
{
    size_t count = view_count(t);
    float *to = guard_place(&c->guards, slot, t->name, count * sizeof *to, align, edge);
    if (kind == INPUT_INTEGERS) fill_integers(&c->rng, to, count, largest);
    else fill_floats(&c->rng, to, count);
    if (kind == INPUT_SPECIALS && (slot != SLOT_W || rng_below(&c->rng, 3) == 0)) sprinkle_specials(&c->rng, to, count);
    fill_dead(t, to, slot == SLOT_X ? DEAD_FINITE : DEAD_ZERO);
    guard_seal(&c->guards, slot);
    return to;
}

static void make_inputs(struct check *c, struct dense_case *k, enum input_kind kind, enum edge edge)
{
    const struct dense *p = &k->p;
    const int b = image_blocks(p->n), most = p->c > p->k ? p->c : p->k, terms = most > b * LANES ? most : b * LANES;
    int largest = (int)sqrt(0x1p24 / (terms + 1));
    if (largest > 100) largest = 100;
    k->x = input(c, SLOT_X, &(struct tensor_view){ "x", p->n, 3, { b, p->c, LANES } }, 64, edge, kind, largest);
    k->w = input(c, SLOT_W, &(struct tensor_view){ "w", 0, 2, { p->k, p->c } }, 4, edge, kind, largest);
    k->b = p->bias ? input(c, SLOT_B, &(struct tensor_view){ "b", 0, 1, { p->k } }, 4, edge, kind, largest) : NULL;
    if (!k->b) guard_drop(&c->guards, SLOT_B);
    k->dy = input(c, SLOT_DY, &(struct tensor_view){ "dy", p->n, 3, { b, p->k, LANES } }, 64, edge, kind, largest);
    k->scratch = guard_place(&c->guards, SLOT_SCRATCH, "scratch", dense_scratch_bytes(p), 64, edge);
}

static void want_whole(struct check *c, struct dense_case *k, const size_t *count)
{
    const struct dense *p = &k->p;
    size_t most = 0;
    for (int i = 0; i < 4; i++) most += count[i];
    int64_t *sums = check_room(c, ROOM_WHOLE, most * sizeof *sums), *at = sums;
    whole_dense_fwd(p, k->x, k->w, k->b, sums);
    whole_dense_bwd_data(p, k->dy, k->w, sums + count[0]);
    whole_dense_bwd_weights(p, k->dy, k->x, sums + count[0] + count[1], sums + count[0] + count[1] + count[2]);
    for (int i = 0; i < 4; at += count[i++]) {
        for (size_t j = 0; j < count[i]; j++) k->want[i][j] = (double)at[j];
        k->size[i] = NULL;
    }
}

static void reference(struct check *c, const struct dense_case *k, const size_t *count, bool absolute, double *const *to)
{
    const float *const from[] = { k->x, k->w, k->dy, k->b };
    const size_t counts[] = { count[1], count[2], count[0], k->b ? count[3] : 0 };
    double *wide[4];
    for (int i = 0; i < 4; i++) {
        wide[i] = check_room(c, ROOM_WIDE + i, (counts[i] + 1) * sizeof(double));
        if (counts[i]) widen(from[i], wide[i], counts[i], absolute);
    }
    oracle_dense_fwd(&k->p, wide[0], wide[1], k->b ? wide[3] : NULL, to[0]);
    oracle_dense_bwd_data(&k->p, wide[2], wide[1], to[1]);
    oracle_dense_bwd_weights(&k->p, wide[2], wide[0], to[2], to[3]);
}

static const char *run(struct check *c, const char *problem)
{
    struct dense_case k = { 0 };
    const char *wrong = dense_parse(problem, &k.p);
    if (wrong) return wrong;
    const size_t b = (size_t)image_blocks(k.p.n) * LANES,
                 count[] = { b * (size_t)k.p.k, b * (size_t)k.p.c, (size_t)k.p.k * (size_t)k.p.c, (size_t)k.p.k };
    for (int kind = INPUT_INTEGERS; kind <= INPUT_SPECIALS; kind++) {
        enum edge edge = draw_edge(&c->rng);
        make_inputs(c, &k, (enum input_kind)kind, edge);
        set_spans(c, &k, edge);
        for (int i = 0; i < 4; i++) {
            k.want[i] = check_room(c, ROOM_WANT + i, count[i] * sizeof(double));
            k.size[i] = check_room(c, ROOM_SIZE + i, count[i] * sizeof(double));
        }
        if (kind == INPUT_INTEGERS) {
            want_whole(c, &k, count);
        } else {
            reference(c, &k, count, false, k.want);
            reference(c, &k, count, true, k.size);
        }
        for (int row = 0; row < c->rows; row++) {
            c->row[row].exact += kind == INPUT_INTEGERS;
            for (int d = 0; d < 3; d++) span_try(&k.spans[d], row, d);
            if (kind == INPUT_FLOATS) check_try(c, row, ADJOINT, adjoint, &k);
            for (int i = 0; i < 6; i++) guard_drop(&c->guards, SLOT_OUTS + i);
        }
    }
    return NULL;
}

const struct op_cases dense_cases = { .op = OP_DENSE,
                                      .directions = { "fwd", "bwd_data", "bwd_weights", "adjoint" },
                                      .problems = problems,
                                      .draw = draw,
                                      .run = run,
                                      .mutants = dense_mutants };
