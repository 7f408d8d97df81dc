/* SPDX-License-Identifier: MIT
 * Batch normalisation: statistics over chunks of rows (with means far from zero, where E[x^2] - E[x]^2 would drown, and of channels that
 * are constant, as pixels of 0 to 255 are in places), the application, and both backward passes. Dead lanes hold loud values and must not
 * be heard. */
#include "trial_spans.h"

#include <math.h>
#include "mutants.h"
#include "trials_lines.h"

enum line { STATS, APPLY, BWD_STATS, BWD_APPLY };
enum slots { SLOT_X, SLOT_DY, SLOT_MEAN, SLOT_A, SLOT_B, SLOT_D };
enum inputs { ORDINARY, SPECIAL, CONSTANT, INPUTS };
enum rooms { ROOM_WANT, ROOM_SIZE = ROOM_WANT + 2, ROOM_PIXELS = ROOM_SIZE + 2, ROOM_PIXEL_SIZE, ROOM_FUSED, ROOM_LINES };

struct bn_case {
    struct batchnorm p;
    const float *x, *dy, *mean, *a, *b, *d; /* scale and shift are a and b */
    double *want[2], *size[2];              /* of the sums */
    double values;                          /* that a sum has */
    struct through through;                 /* what p points to, where it does */
    float *fused;                           /* apply's */
    double *dx, *dx_size;
    enum inputs inputs;
};

static const char *const problems[] = { "bn:n64c8h28", "bn:n64c16h14", "bn:n64c16h5", "bn:n64c10h3",  "bn:n64c32h26",
                                        "bn:n1c1h1",   "bn:n17c3h1w9", "bn:n33c33h2", "bn:n100c3h20", NULL };

static void draw(struct rng *r, char *text)
{
    struct batchnorm p = { .n = draw_images(r), .c = draw_between(r, 1, 33), .h = draw_between(r, 1, 15) };
    p.w = rng_below(r, 3) ? draw_between(r, 1, 15) : p.h;
    while (p.n * p.c * p.h * p.w > 60000) p.c = (p.c + 1) / 2, p.h = (p.h + 1) / 2;
    batchnorm_print(&p, text, CHECK_TEXT);
}

/* ---- oracles ---- */

static size_t at4(const struct batchnorm *p, int row, int w, int c)
{
    return (((size_t)row * (size_t)p->w + (size_t)w) * (size_t)p->c + (size_t)c) * LANES;
}

static int live(const struct batchnorm *p, int row)
{
    const int left = p->n - row / p->h * LANES;
    return left < LANES ? left : LANES;
}

/* dy, where a ReLU on top lets it pass. */
static double passed(const struct bn_case *k, size_t at)
{
    const struct through *t = k->p.through;
    const size_t c = at / LANES % (size_t)k->p.c;
    return !t || !t->relu || fmaf(k->x[at], t->scale[c], t->shift[c]) > 0 ? (double)k->dy[at] : 0;
}

/* Sums over the live values of channel c in the rows of f(x, dy), where f is one of a few. */
enum sum { SUM_X, SUM_SQUARES, SUM_DY, SUM_DYX };
struct total {
    double sum, size, count;
};

static struct total sum_of(const struct bn_case *k, struct span rows, int c, enum sum what, double around)
{
    struct total t = { 0 };
    for (int row = rows.begin; row < rows.end; row++)
        for (int w = 0; w < k->p.w; w++)
            for (int l = 0; l < live(&k->p, row); l++) {
                const size_t at = at4(&k->p, row, w, c) + (size_t)l;
                const double x = (double)k->x[at] - around, dy = passed(k, at);
                const double term = what == SUM_X ? x : what == SUM_SQUARES ? x * x : what == SUM_DY ? dy : dy * x;
                t.sum += term;
                t.size += fabs(term);
                t.count++;
            }
    return t;
}

/* A sum of n terms is off by about sqrt(n) roundings of random sign: twelve standard deviations are allowed. */
static double bound_of(double n) { return 4 * sqrt(n) + 8; }

/* Wanted sums and the sizes that errors are measured in. A mean is a guess, the first value plus the mean distance to it, plus the mean
 * distance to that, and rounded itself; one that is off by e adds n e^2 to the squares around it. */
static void want_sums(struct bn_case *k, struct span rows, bool stats)
{
    for (int c = 0; c < k->p.c; c++) {
        if (stats) {
            const double first = (double)k->x[at4(&k->p, rows.begin, 0, c)];
            const struct total x = sum_of(k, rows, c, SUM_X, first);
            const double mean = first + x.sum / x.count, bound = bound_of(x.count), rounded = 2 * fabs(mean) / bound;
            const double guess_off = bound * 0x1p-24 * (x.size / x.count + rounded);
            const double size = sum_of(k, rows, c, SUM_X, mean).size / x.count + guess_off + rounded, off = bound * 0x1p-24 * size;
            const struct total m2 = sum_of(k, rows, c, SUM_SQUARES, mean);
            k->want[0][c] = mean;
            k->size[0][c] = size;
            k->want[1][c] = m2.sum;
            k->size[1][c] = m2.sum + x.count * (2 * guess_off * guess_off + off * off * (1 + 0x1p24 / bound));
            k->values = x.count;
        } else {
            struct total dy = sum_of(k, rows, c, SUM_DY, 0), dyx = sum_of(k, rows, c, SUM_DYX, (double)k->mean[c]);
            k->want[0][c] = dy.sum;
            k->size[0][c] = dy.size;
            k->want[1][c] = dyx.sum;
            k->size[1][c] = dyx.size;
            k->values = dy.count;
        }
    }
}

static void want_pixels(struct check *c, struct bn_case *k)
{
    const struct batchnorm *p = &k->p;
    const size_t count = (size_t)image_blocks(p->n) * (size_t)p->h * (size_t)p->w * (size_t)p->c * LANES;
    k->fused = check_room(c, ROOM_FUSED, count * sizeof *k->fused);
    k->dx = check_room(c, ROOM_PIXELS, count * sizeof *k->dx);
    k->dx_size = check_room(c, ROOM_PIXEL_SIZE, count * sizeof *k->dx_size);
    for (size_t i = 0; i < count; i++) {
        const size_t ch = i / LANES % (size_t)p->c;
        const double x = (double)k->x[i] - (double)k->mean[ch], dy = passed(k, i);
        const float made = fmaf(k->x[i], k->a[ch], k->b[ch]);
        k->fused[i] = p->relu && !(made > 0) ? 0 : made;
        k->dx[i] = p->gated && !(k->x[i] > 0) ? 0 : (double)k->a[ch] * dy + (double)k->b[ch] * x + (double)k->d[ch];
        k->dx_size[i] = fabs((double)k->a[ch] * dy) + fabs((double)k->b[ch] * x) + fabs((double)k->d[ch]);
    }
}

/* ---- calls and checks ---- */

static const struct batchnorm_variant *row_of(const struct variant *v) { return (const void *)v; }

static void call_stats(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct bn_case *k = s->op;
    (void)in;
    row_of(v)->stats(&k->p, units, k->x, out[0], out[1]);
}

static void call_apply(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct bn_case *k = s->op;
    row_of(v)->apply(&k->p, units, in, k->a, k->b, out[0]);
}

static void call_bwd_stats(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct bn_case *k = s->op;
    (void)in;
    row_of(v)->bwd_stats(&k->p, units, k->x, k->dy, k->mean, out[0], out[1]);
}

static void call_bwd_apply(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct bn_case *k = s->op;
    row_of(v)->bwd_apply(&k->p, units, k->x, in, &(struct batchnorm_back){ k->mean, k->a, k->b, k->d }, out[0]);
}

static void verify_sums(const struct span_case *s, void *const *out)
{
    const struct bn_case *k = s->op;
    const struct tolerance t = { .bound = bound_of(k->values), .tiny = k->values * 0x1p-149 };
    for (int i = 0; i < 2; i++) check_close(s->c, &s->out[i].view, 0, (size_t)k->p.c, out[i], k->want[i], k->size[i], t);
}

/* A constant channel has its value as mean, and no spread. */
static void verify_stats(const struct span_case *s, void *const *out)
{
    const struct bn_case *k = s->op;
    verify_sums(s, out);
    for (int c = 0; k->inputs == CONSTANT && c < k->p.c; c++) {
        check_number(s->c, "a constant channel's mean", (double)((float *)out[0])[c], (double)k->x[c * LANES], 0);
        check_number(s->c, "a constant channel's m2", (double)((float *)out[1])[c], 0, 0);
    }
}

static void verify_apply(const struct span_case *s, void *const *out)
{
    const struct bn_case *k = s->op;
    const struct tensor_view *t = &s->out[0].view;
    check_bits(s->c, t, 0, view_count(t), out[0], k->fused, "one fused multiply-add");
    if (k->inputs != SPECIAL) check_dead(s->c, t, 0, view_count(t), out[0], DEAD_FINITE);
}

static void verify_bwd_apply(const struct span_case *s, void *const *out)
{
    const struct bn_case *k = s->op;
    const struct tensor_view *t = &s->out[0].view;
    check_close(s->c, t, 0, view_count(t), out[0], k->dx, k->dx_size, (struct tolerance){ .bound = 4, .tiny = 4 * 0x1p-149 });
    check_dead(s->c, t, 0, view_count(t), out[0], DEAD_ZERO);
}

/* ---- one problem ---- */

static float *input(struct check *c, int slot, const struct tensor_view *t, enum edge edge, float scale, float offset)
{
    size_t count = view_count(t);
    float *to = guard_place(&c->guards, slot, t->name, count * sizeof *to, t->images ? 64 : 4, edge);
    fill_floats(&c->rng, to, count);
    for (size_t i = 0; i < count; i++) to[i] = to[i] * scale + offset;
    return to;
}

/* One value for all of a channel: half are whole numbers of 0 to 255, half lie between them. */
static void make_constant(struct check *c, const struct batchnorm *p, float *x, size_t count)
{
    for (size_t ch = 0; ch < (size_t)p->c; ch++) {
        const double value = rng_uniform(&c->rng) * 256;
        x[ch * LANES] = (float)(ch % 2 ? value : floor(value));
    }
    for (size_t i = 0; i < count; i++) x[i] = x[i / LANES % (size_t)p->c * LANES];
}

static void make(struct check *c, struct bn_case *k, enum inputs inputs, enum edge edge)
{
    static const float offsets[] = { 0, 0, 1, -40, 1000 };
    const struct batchnorm *p = &k->p;
    const int b = image_blocks(p->n);
    const struct tensor_view x_view = { "x", p->n, 5, { b, p->h, p->w, p->c, LANES } },
                             dy_view = { "dy", p->n, 5, { b, p->h, p->w, p->c, LANES } };
    const float offset = offsets[rng_below(&c->rng, 5)];
    float *x = input(c, SLOT_X, &x_view, edge, 1, offset), *dy = input(c, SLOT_DY, &dy_view, edge, 1, 0);
    if (inputs == SPECIAL) sprinkle_specials(&c->rng, x, view_count(&x_view));
    if (inputs == SPECIAL) sprinkle_specials(&c->rng, dy, view_count(&dy_view));
    if (inputs == CONSTANT) make_constant(c, p, x, view_count(&x_view));
    for (int ch = 0; inputs == ORDINARY && offset == 0 && ch < p->c; ch++) x[ch * LANES] = 1000; /* a first value far from the rest */
    fill_dead(&x_view, x, DEAD_FINITE);
    fill_dead(&dy_view, dy, DEAD_ZERO);
    k->x = x;
    k->dy = dy;
    k->inputs = inputs;
    k->mean = input(c, SLOT_MEAN, &(struct tensor_view){ "mean", 0, 1, { p->c } }, edge, 0.1f, offset);
    k->a = input(c, SLOT_A, &(struct tensor_view){ "a", 0, 1, { p->c } }, edge, 2, 0);
    k->b = input(c, SLOT_B, &(struct tensor_view){ "b", 0, 1, { p->c } }, edge, 1, 0);
    k->d = input(c, SLOT_D, &(struct tensor_view){ "d", 0, 1, { p->c } }, edge, 1, 0.25f);
    k->through = (struct through){ k->a, k->b, rng_below(&c->rng, 2) };
    k->p.through = rng_below(&c->rng, 3) ? &k->through : NULL;
    k->p.relu = rng_below(&c->rng, 2);
    k->p.gated = rng_below(&c->rng, 2);
    for (int i = SLOT_X; i <= SLOT_D; i++) guard_seal(&c->guards, i);
    for (int i = 0; i < 2; i++) {
        k->want[i] = check_room(c, ROOM_WANT + i, (size_t)p->c * sizeof(double));
        k->size[i] = check_room(c, ROOM_SIZE + i, (size_t)p->c * sizeof(double));
    }
    want_pixels(c, k);
}

/* Sums over one chunk, or part of one. */
static void sum_trials(struct check *c, struct bn_case *k, struct span rows, enum edge edge)
{
    static const char *const names[2][2] = { { "mean", "m2" }, { "sum_dy", "sum_dyx" } };
    for (int backward = 0; backward < 2; backward++) {
        struct span_case s = { .c = c,
                               .units = image_blocks(k->p.n) * k->p.h,
                               .span = rows,
                               .cut = -1,
                               .edge = edge,
                               .outs = 2,
                               .call = backward ? call_bwd_stats : call_stats,
                               .verify = backward ? verify_sums : verify_stats,
                               .op = k };
        for (int i = 0; i < 2; i++)
            s.out[i] = (struct out){ .view = { names[backward][i], 0, 1, { k->p.c } }, .per_unit = (size_t)k->p.c, .bytes = sizeof(float) };
        want_sums(k, rows, !backward);
        for (int row = 0; row < c->rows; row++) span_try(&s, row, backward ? BWD_STATS : STATS);
    }
}

static void pixel_trials(struct check *c, struct bn_case *k, enum edge edge)
{
    const struct batchnorm *p = &k->p;
    const int b = image_blocks(p->n), rows = b * p->h;
    for (int backward = 0; backward < 2; backward++) {
        struct span_case s = { .c = c,
                               .units = rows,
                               .span = { 0, rows },
                               .cut = draw_between(&c->rng, 0, rows),
                               .edge = edge,
                               .outs = 1,
                               .aliased = backward ? k->dy : k->x,
                               .call = backward ? call_bwd_apply : call_apply,
                               .verify = backward ? verify_bwd_apply : verify_apply,
                               .op = k };
        s.out[0] = (struct out){ .view = { backward ? "dx" : "y", p->n, 5, { b, p->h, p->w, p->c, LANES } },
                                 .per_unit = (size_t)p->w * (size_t)p->c * LANES,
                                 .bytes = sizeof(float) };
        for (int row = 0; row < c->rows; row++) span_try(&s, row, backward ? BWD_APPLY : APPLY);
    }
}

/* ---- lines ---- */

struct lines_trial {
    struct check *c;
    struct bn_case k; /* of the numbers that lines have */
    const struct batchnorm_variant *v;
    struct span rows;
    size_t count;
    bool gated;
};

static void check_sums(const struct lines_trial *t, const struct batchnorm *p, const struct lined *x, const struct lined *dy)
{
    const struct bn_case *k = &t->k;
    const size_t c = (size_t)p->c;
    float *sums = check_room(t->c, ROOM_LINES, 8 * c * sizeof *sums), *same = sums + 4 * c;
    t->v->stats(&k->p, t->rows, k->x, sums, sums + c);
    t->v->bwd_stats(&k->p, t->rows, k->x, k->dy, k->mean, sums + 2 * c, sums + 3 * c);
    t->v->stats(p, t->rows, (const float *)(const void *)x->data, same, same + c);
    t->v->bwd_stats(p, t->rows, (const float *)(const void *)x->data, (const float *)(const void *)dy->data, k->mean, same + 2 * c,
                    same + 3 * c);
    check_bits(t->c, &(struct tensor_view){ "sums of lines", 0, 2, { 4, p->c } }, 0, 4 * c, same, sums, "those of floats");
}

static void lines_trial(void *context)
{
    const struct lines_trial *t = context;
    const struct bn_case *k = &t->k;
    t->c->current->lines++;
    const struct bf16_map map = { .n = k->p.n, .c = k->p.c, .h = k->p.h, .w = k->p.w };
    const struct batchnorm_back back = { k->mean, k->a, k->b, k->d };
    const struct lined x = lined_place(t->c, SLOT_OUTS, "lines of x", map, k->x),
                       dy = lined_place(t->c, SLOT_OUTS + 1, "lines of dy", map, k->dy);
    struct lined y = lined_place(t->c, SLOT_OUTS + 2, "lines of y", map, NULL);
    struct bf16_gate gate = { .lines = NULL };
    struct bf16_operands lines = { x.map, dy.map, y.map, t->gated ? &gate : NULL };
    struct batchnorm p = k->p;
    float *want = check_room(t->c, ROOM_LINES + 1, t->count * sizeof *want);
    p.lines = &lines;
    check_sums(t, &p, &x, &dy);
    t->v->apply(&k->p, t->rows, k->x, k->a, k->b, want);
    t->v->apply(&p, t->rows, (const float *)(const void *)x.data, k->a, k->b, (float *)(void *)y.data);
    lined_check(t->c, "lines of y", &y, t->rows, want, lines.gate, NULL);
    y = lined_place(t->c, SLOT_OUTS + 2, "lines of dx", map, NULL);
    lines.made = y.map;
    gate = (struct bf16_gate){ x.map, x.data };
    t->v->bwd_apply(&k->p, t->rows, k->x, k->dy, &back, want);
    t->v->bwd_apply(&p, t->rows, (const float *)(const void *)x.data, (const float *)(const void *)dy.data, &back, (float *)(void *)y.data);
    lined_check(t->c, "lines of dx", &y, t->rows, want, lines.gate, k->x);
}

static void lines_trials(struct check *c, const struct bn_case *k)
{
    const int rows = image_blocks(k->p.n) * k->p.h;
    struct lines_trial t = { .c = c, .k = *k, .gated = rng_below(&c->rng, 2) };
    t.count = (size_t)rows * (size_t)k->p.w * (size_t)k->p.c * LANES;
    t.rows.begin = draw_between(&c->rng, 0, rows - 1);
    t.rows.end = draw_between(&c->rng, t.rows.begin + 1, rows);
    float *x = check_room(c, ROOM_LINES + 2, t.count * sizeof *x), *dy = check_room(c, ROOM_LINES + 3, t.count * sizeof *dy);
    lined_rounded(k->x, t.count, x);
    lined_rounded(k->dy, t.count, dy);
    t.k.x = x, t.k.dy = dy, t.k.p.through = NULL, t.k.p.relu = t.k.p.gated = false;
    for (int row = 0; row < c->rows; row++) {
        t.v = row_of(c->row[row].variant);
        if (t.v->head.promises & TAKES_LINES) check_try(c, row, APPLY, lines_trial, &t);
    }
    for (int i = 0; i < 3; i++) guard_drop(&c->guards, SLOT_OUTS + i);
}

/* Up to three of the chunks that training uses, and a part of the last of them. */
static const char *run(struct check *c, const char *problem)
{
    struct bn_case k = { 0 };
    const char *wrong = batchnorm_parse(problem, &k.p);
    for (int inputs = 0; !wrong && inputs < INPUTS; inputs++) {
        enum edge edge = draw_edge(&c->rng);
        make(c, &k, (enum inputs)inputs, edge);
        const int chunks = batchnorm_chunks(&k.p);
        struct span chunk = { 0, 0 };
        for (int i = 0; i < 3 && i < chunks; i++) {
            chunk = batchnorm_chunk(&k.p, i == 2 ? chunks - 1 : i);
            sum_trials(c, &k, chunk, edge);
        }
        chunk.begin = draw_between(&c->rng, chunk.begin, chunk.end - 1);
        sum_trials(c, &k, chunk, edge);
        pixel_trials(c, &k, edge);
        lines_trials(c, &k);
    }
    return wrong;
}

const struct op_cases batchnorm_cases = { .op = OP_BATCHNORM,
                                          .directions = { "stats", "apply", "bwd_stats", "bwd_apply" },
                                          .problems = problems,
                                          .draw = draw,
                                          .run = run,
                                          .mutants = batchnorm_mutants };
