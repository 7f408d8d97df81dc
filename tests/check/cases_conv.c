/* SPDX-License-Identifier: MIT
 * Convolution's problems, inputs and oracles. Four kinds of input per problem: small integers (exact, against whole numbers), denormal
 * integers (exact, and nothing may be flushed to zero), floats (against the scalar reference in double), and floats with NaN, infinities
 * and denormals among them. Large problems are checked on a few rows, since the oracle is slow; small ones whole, cut in two, and by the
 * adjoint identities. */
#include "cases_conv.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "mutants.h"
#include "oracle.h"

static const double WHOLE_FLOPS = 6e6, WINDOW_FLOPS = 15e6;

static const char *const problems[] = {
    /* the layers of the studied nets at their batch sizes; those of more work have fewer images or channels here: portable C is slow, and
     * test_golden has them as they are */
    "n64c16h26k16r3pad0", "n64c1h28k8r3pad1", "n64c8h28k8r3pad1", "n64c8h14k16r3pad1", "n64c16h14k16r3pad1", "n64c16h7k16r3pad0",
    "n64c16h5k10r3pad0", "n32c1h28k32r3pad1", "n32c1h28k32r5pad2", "n32c1h28k32r7pad3", "n17c32h14k64r3pad1", "n17c16h14k24r5pad2",
    "n17c16h14k24r7pad3", "n64c1h28k64r3pad0", "n17c64h12k32r3pad0", "n64c32h12k16r3pad0", "n33c32h26k16r3pad0", "n64c16h11k16r3pad0",
    "n64c16h5k12r3pad0", "n1c1h32k2r3pad0", "n1c2h15k4r3pad0", "n1000c1h28k3r3pad1", "n1000c3h20k3r3pad1", "n64c16h28k10r1pad0",
    /* small ones for the algorithms of square kernels, one with terms that wrap around a transform of 16, and of one input channel */
    "n17c5h9k7r3pad1", "n19c4h10w8k6r5pad2", "n17c6h9w13k4r7pad3", "n16c4h14k4r7pad3", "n17c1h17w38k7r3pad1", "n3c1h11w35k9r5pad2,1,0,3",
    "n18c1h9w41k5r7pad3",
    /* kernels of an even extent, and such a term */
    "n17c5h10w13k6r4pad2,1,1,2", "n16c7h13k21r2pad0", "n17c4h14w11k5r6pad2,3,3,2", "n16c5h15k4r4pad2",
    /* four kernels of 4x4: all of their taps, and not */
    "n17c5h13w19k6r8pad3,0,2,4", "n16c4h9k13r7pad3", "n18c17h7w12k5r6pad1",
    /* Fourier transforms with so many weights that their rows are packed; no column of taps around the first place */
    "n17c32h14k64r7pad3", "n17c32h12k36r5pad0", "n17c16h17k10r3pad0",
    /* corners: one pixel, all padding but one, steps that jump over pixels, kernels as large as the image, four different sides */
    "n1c1h1k1r1pad0", "n16c1h1k1r11pad10", "n17c2h1w9k3r1s3pad0,0,1,1", "n5c3h9w1k2r3s1pad2,0,0,0", "n31c3h9k7r11pad5",
    "n2c5h8k3r2step3pad1", "n33c2h9k4r4step4pad3", "n15c4h7w5k5r3s5step2b0pad1,2,3,0", "n47c33h3k31r3pad1", "n16c7h11k13r11pad0",
    "n3c2h6k2r1step4pad0", "n48c4h4k8r2s3pad0,1,2,0", "n20c5h13w2k6r5s2b0pad4,0,1,0", NULL
};

/* ---- drawing ---- */

static const int steps[] = { 1, 1, 1, 2, 2, 3, 4 };

static int draw_channels(struct rng *r)
{
    static const int primes[] = { 37, 41, 43, 47, 53, 61, 67 };
    return rng_below(r, 12) ? draw_between(r, 1, 33) : primes[rng_below(r, 7)];
}

static int draw_kernel(struct rng *r) { return rng_below(r, 3) ? draw_between(r, 1, 5) : draw_between(r, 1, CONV_KERNEL_MAX); }

/* One problem in three is of a shape that has algorithms of its own: a square kernel on an image that is not too small, and few enough
 * channels for checking the whole. */
static bool draw_square(struct rng *r, struct conv *p)
{
    static const int channels[] = { 9, 6, 5 };
    if (rng_below(r, 3)) return false;
    const int which = (int)rng_below(r, 3);
    *p = (struct conv){ .n = draw_between(r, 1, which ? 16 : 18),
                        .c = rng_below(r, 4) ? draw_between(r, 4, channels[which]) : 1,
                        .h = draw_between(r, 8, 12),
                        .w = draw_between(r, 8, 12),
                        .k = draw_between(r, 4, channels[which]),
                        .r = 3 + 2 * which,
                        .s = 3 + 2 * which,
                        .step = 1 };
    return true;
}

static int draw_extent(struct rng *r) { return rng_below(r, 6) ? draw_between(r, 1, 18) : 1; }

static void draw_pads(struct rng *r, int kernel, int *before, int *after)
{
    int style = (int)rng_below(r, 3);
    *before = style == 0 ? 0 : style == 1 ? (kernel - 1) / 2 : draw_between(r, 0, kernel - 1);
    *after = style == 2 ? draw_between(r, 0, kernel - 1) : *before;
}

/* Extents are drawn freely, then made smaller until the work fits: most problems small, a few of some MFLOP. */
void conv_draw(struct rng *r, char *text)
{
    struct conv p;
    bool square;
    do {
        p = (struct conv){ .n = draw_images(r), .c = draw_channels(r), .h = draw_extent(r), .k = draw_channels(r), .r = draw_kernel(r) };
        p.w = rng_below(r, 3) ? draw_extent(r) : p.h;
        p.s = rng_below(r, 3) ? p.r : draw_kernel(r);
        p.step = steps[rng_below(r, sizeof steps / sizeof *steps)];
        square = draw_square(r, &p);
        p.bias = rng_below(r, 4) != 0;
        draw_pads(r, p.r, &p.top, &p.bottom);
        draw_pads(r, p.s, &p.left, &p.right);
    } while (conv_complete(&p) != NULL);
    double most = square ? INFINITY : ldexp(40e3, draw_between(r, 0, 4));
    while (conv_flops_exact(&p) > most && p.n > 1) p.n = p.n > 16 ? p.n - 16 : p.n / 2;
    while (conv_flops_exact(&p) > most && p.c * p.k > 1) *(p.c > p.k ? &p.c : &p.k) /= 2;
    conv_print(&p, text, CHECK_TEXT);
}

/* ---- spans ---- */

/* A few rows of a problem that is too large: the first, the last, and some in the middle where the work allows it. */
static struct spans windows(struct rng *r, int rows, double flops)
{
    int length = (int)(WINDOW_FLOPS / (flops / rows) / 3);
    length = length < 1 ? 1 : length > 3 ? 3 : length;
    if (3 * length >= rows) return (struct spans){ 1, { { 0, rows } } };
    int middle = draw_between(r, length, rows - 2 * length);
    if (flops / rows > WINDOW_FLOPS / 3) return (struct spans){ 2, { { rows - 1, rows }, { middle, middle + 1 } } };
    return (struct spans){ 3, { { 0, length }, { rows - length, rows }, { middle, middle + length } } };
}

/* The chunks that training uses, as many as there is room for, and part of one: the contract allows any span. */
static struct spans chunks(struct rng *r, const struct conv *p)
{
    struct spans s = { 0 };
    const struct conv_variant *v = kernels_of(ISA_PORTABLE)->conv;
    int count = conv_chunks(v, p), step = (count + SPANS - 2) / (SPANS - 1);
    for (int i = 0; i < count; i += step) s.at[s.count++] = conv_chunk(v, p, i);
    struct span part = s.at[rng_below(r, (uint32_t)s.count)];
    part.begin = draw_between(r, part.begin, part.end - 1);
    part.end = draw_between(r, part.begin + 1, part.end);
    s.at[s.count++] = part;
    assert(s.count <= SPANS);
    return s;
}

static void set_spans(struct conv_case *k)
{
    struct rng *r = &k->c->rng;
    const struct conv *p = &k->p;
    const int blocks = image_blocks(p->n);
    double flops = conv_flops_exact(p) * blocks * (double)LANES / p->n;
    k->whole = flops <= WHOLE_FLOPS;
    k->cut[FWD] = draw_between(r, 0, blocks * p->p);
    k->cut[BWD_DATA] = draw_between(r, 0, blocks * p->h);
    if (k->whole) {
        k->y.spans = (struct spans){ 1, { { 0, blocks * p->p } } };
        k->dx.spans = (struct spans){ 1, { { 0, blocks * p->h } } };
        k->dw.spans = chunks(r, p);
    } else {
        k->y.spans = k->dw.spans = windows(r, blocks * p->p, flops);
        k->dx.spans = windows(r, blocks * p->h, flops);
    }
}

static void set_views(struct conv_case *k)
{
    const struct conv *p = &k->p;
    const int b = image_blocks(p->n);
    k->x_view = (struct tensor_view){ "x", p->n, 5, { b, p->h, p->w, p->c, LANES } };
    k->dy_view = (struct tensor_view){ "dy", p->n, 5, { b, p->p, p->q, p->k, LANES } };
    k->y = (struct side){ .view = { "y", p->n, 5, { b, p->p, p->q, p->k, LANES } },
                          .row = (size_t)p->q * (size_t)p->k * LANES,
                          .dead = DEAD_FINITE };
    k->dx = (struct side){ .view = { "dx", p->n, 5, { b, p->h, p->w, p->c, LANES } },
                           .row = (size_t)p->w * (size_t)p->c * LANES,
                           .dead = DEAD_ZERO };
    k->dw = (struct side){ .view = { "dw", 0, 4, { p->k, p->r, p->s, p->c } } };
    k->db = (struct side){ .view = { "db", 0, 1, { p->k } }, .stride = (size_t)p->k };
    k->dw.stride = view_count(&k->dw.view);
}

/* ---- inputs ---- */

/* The largest integers that keep every sum of products of all three directions below 2^24. */
static int largest_integer(const struct conv_case *k)
{
    const struct conv *p = &k->p;
    double taps = (double)p->r * p->s, terms = fmax(taps * p->c, taps * p->k) + 1;
    for (int i = 0; i < k->dw.spans.count; i++)
        terms = fmax(terms, (double)(k->dw.spans.at[i].end - k->dw.spans.at[i].begin) * p->q * (double)LANES);
    int largest = (int)sqrt(0x1p24 / terms - 1);
    return largest < 1 ? 1 : largest > 9 ? 9 : largest;
}

static float *input(struct conv_case *k, int slot, const struct tensor_view *t, size_t align, int largest)
{
    struct rng *r = &k->c->rng;
    size_t count = view_count(t);
    float *to = guard_place(&k->c->guards, slot, t->name, count * sizeof *to, align, k->edge[slot]);
    if (largest) fill_integers(r, to, count, largest);
    else fill_floats(r, to, count);
    return to;
}

static void make_inputs(struct conv_case *k)
{
    struct guards *g = &k->c->guards;
    struct rng *r = &k->c->rng;
    const struct conv *p = &k->p;
    const struct tensor_view w_view = { "w", 0, 4, { p->k, p->r, p->s, p->c } }, b_view = { "b", 0, 1, { p->k } };
    int largest = k->kind == INPUT_INTEGERS ? largest_integer(k) : 0, special = draw_between(r, 0, 3);
    for (int i = 0; i < 6; i++) k->edge[i] = draw_edge(r);
    k->x = input(k, SLOT_X, &k->x_view, 64, largest);
    k->w = input(k, SLOT_W, &w_view, 4, largest);
    k->b = p->bias ? input(k, SLOT_B, &b_view, 4, largest) : NULL;
    k->dy = input(k, SLOT_DY, &k->dy_view, 64, largest);
    if (k->kind == INPUT_SPECIALS) {
        if (special != 1) sprinkle_specials(r, k->x, view_count(&k->x_view));
        if (special == 1) sprinkle_specials(r, k->w, view_count(&w_view));
        if (special != 2) sprinkle_specials(r, k->dy, view_count(&k->dy_view));
        if (special == 3 && k->b) sprinkle_specials(r, k->b, (size_t)p->k);
    }
    for (size_t i = 0; k->tiny && i < view_count(&w_view); i++) k->w[i] *= 0x1p-149f;
    for (int i = 0; k->tiny && k->b && i < p->k; i++) k->b[i] *= 0x1p-149f;
    fill_dead(&k->x_view, k->x, DEAD_FINITE);
    fill_dead(&k->dy_view, k->dy, DEAD_ZERO);
    guard_seal(g, SLOT_X);
    guard_seal(g, SLOT_W);
    guard_seal(g, SLOT_DY);
    if (p->bias) guard_seal(g, SLOT_B);
    else guard_drop(g, SLOT_B);
}

/* ---- oracles ---- */

static void to_reals(const int64_t *from, double *to, size_t count, double scale)
{
    for (size_t i = 0; i < count; i++) to[i] = (double)from[i] * scale;
}

/* What tiny weights are divided by before whole numbers can be taken of them. */
static void want_whole(struct conv_case *k)
{
    struct check *c = k->c;
    const struct conv *p = &k->p;
    double scale = k->tiny ? 0x1p-149 : 1;
    size_t y = view_count(&k->y.view), dx = view_count(&k->dx.view), w = k->dw.stride, most = (y > dx ? y : dx) + w + (size_t)p->k;
    int64_t *sums = check_room(c, ROOM_WHOLE, most * sizeof *sums);
    float *wide = check_room(c, ROOM_WIDE_W, (w + (size_t)p->k) * sizeof *wide), *bias = p->bias ? wide + w : NULL;
    for (size_t i = 0; i < w; i++) wide[i] = (float)((double)k->w[i] / scale);
    for (int i = 0; bias && i < p->k; i++) bias[i] = (float)((double)k->b[i] / scale);
    for (int i = 0; i < k->y.spans.count; i++) whole_conv_fwd(p, k->y.spans.at[i], k->x, wide, bias, sums);
    to_reals(sums, k->y.want, y, scale);
    for (int i = 0; i < k->dx.spans.count; i++) whole_conv_bwd_data(p, k->dx.spans.at[i], k->dy, wide, sums);
    to_reals(sums, k->dx.want, dx, scale);
    for (int i = 0; i < k->dw.spans.count && !k->tiny; i++) {
        whole_conv_bwd_weights(p, k->dw.spans.at[i], k->dy, k->x, sums, sums + w);
        to_reals(sums, k->dw.want + (size_t)i * w, w, 1);
        to_reals(sums + w, k->db.want + (size_t)i * (size_t)p->k, (size_t)p->k, 1);
    }
    k->y.size = k->dx.size = k->dw.size = k->db.size = NULL;
}

void conv_oracle(const struct conv *p, const struct conv_inputs *in, const struct side *y, const struct side *dx, const struct side *dw,
                 const struct side *db, bool absolute)
{
    for (int i = 0; i < y->spans.count; i++)
        oracle_conv_fwd(p, y->spans.at[i], in->x, in->w, p->bias ? in->b : NULL, absolute ? y->size : y->want);
    for (int i = 0; i < dx->spans.count; i++) oracle_conv_bwd_data(p, dx->spans.at[i], in->dy, in->w, absolute ? dx->size : dx->want);
    for (int i = 0; i < dw->spans.count; i++)
        oracle_conv_bwd_weights(p, dw->spans.at[i], in->dy, in->x, (absolute ? dw->size : dw->want) + (size_t)i * dw->stride,
                                (absolute ? db->size : db->want) + (size_t)i * (size_t)p->k);
}

/* The scalar reference in double on the inputs (want), or on their absolute values, which gives the sum of |a*b| that bounds are measured
 * in (size). */
static void reference(struct conv_case *k, bool absolute)
{
    struct check *c = k->c;
    const struct conv *p = &k->p;
    size_t xs = view_count(&k->x_view), dys = view_count(&k->dy_view), ws = k->dw.stride;
    double *x = check_room(c, ROOM_WIDE_X, xs * sizeof *x), *dy = check_room(c, ROOM_WIDE_DY, dys * sizeof *dy);
    double *w = check_room(c, ROOM_WIDE_W, ws * sizeof *w), *b = check_room(c, ROOM_WIDE_B, (size_t)p->k * sizeof *b);
    widen(k->x, x, xs, absolute);
    widen(k->dy, dy, dys, absolute);
    widen(k->w, w, ws, absolute);
    if (p->bias) widen(k->b, b, (size_t)p->k, absolute);
    conv_oracle(p, &(struct conv_inputs){ x, w, b, dy }, &k->y, &k->dx, &k->dw, &k->db, absolute);
}

static void make_wants(struct conv_case *k)
{
    struct side *const sides[] = { &k->y, &k->dx, &k->dw, &k->db };
    for (int i = 0; i < 4; i++) {
        size_t bytes = view_count(&sides[i]->view) * (i < 2 ? 1 : (size_t)k->dw.spans.count) * sizeof(double);
        sides[i]->want = check_room(k->c, ROOM_WANT + i, bytes);
        sides[i]->size = check_room(k->c, ROOM_SIZE + i, bytes);
        if (!k->whole) memset(sides[i]->want, 0, bytes), memset(sides[i]->size, 0, bytes);
    }
    if (k->kind == INPUT_INTEGERS) {
        want_whole(k);
    } else {
        reference(k, false);
        reference(k, true);
    }
}

static const char *run(struct check *c, const char *problem)
{
    static const struct {
        enum input_kind kind;
        bool tiny;
    } kinds[] = { { INPUT_INTEGERS, false }, { INPUT_FLOATS, false }, { INPUT_INTEGERS, true }, { INPUT_SPECIALS, false } };
    struct conv p;
    const char *wrong = conv_parse(problem, &p);
    for (int i = 0; !wrong && i < 4; i++) {
        struct conv_case k = { .c = c, .p = p, .kind = kinds[i].kind, .tiny = kinds[i].tiny };
        set_views(&k);
        set_spans(&k);
        if (i >= 2 && !k.whole) break;
        make_inputs(&k);
        make_wants(&k);
        for (int row = 0; row < c->rows; row++) conv_trials(&k, row);
    }
    return wrong;
}

const struct op_cases conv_cases = { .op = OP_CONV,
                                     .directions = { "fwd", "bwd_data", "bwd_weights", "adjoint" },
                                     .problems = problems,
                                     .draw = conv_draw,
                                     .run = run,
                                     .mutants = conv_mutants };
