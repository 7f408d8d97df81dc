/* SPDX-License-Identifier: MIT
 * Problems, inputs and oracles of the convolution in bf16. Three kinds of input: small integers (exact, against whole numbers), floats that
 * have to be rounded (against the reference loops in double on the rounded ones), and floats with NaN, infinities and denormals among
 * them, for which the portable twin is what is right, bit by bit. Large problems are checked on a few rows. */
#include "cases_conv_bf16.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "mutants.h"
#include "oracle.h"

static const double WHOLE_FLOPS = 4e5, WINDOW_FLOPS = 2e5;

static const char *const problems[] = {
    /* layers of the studied nets */
    "bf16:n16c8h28k8r3pad1", "bf16:n16c16h26k16r3pad0", "bf16:n16c64h26k32r3pad0", "bf16:n17c32h14k64r3pad1", "bf16:n16c64h14k64r3pad1",
    "bf16:n16c32h14k64r5pad2", "bf16:n16c32h14k64r7pad3", "bf16:n16c1h28k32r3pad1", "bf16:n17c1h28k32r7pad3", "bf16:n33c16h7k16r3pad0",
    "bf16:n33c16h5k10r3pad0", "bf16:n16c16h12k10r1pad0",
    /* dense layers: a pixel, and blocks as rows */
    "bf16:n64c784h1k10r1pad0", "bf16:n16c49h4w1k10r1pad0",
    /* several pixels in a tile, odd channels, tiles that do not come out even, turned rows in several bands */
    "bf16:n16c8h6w7k4r3pad1", "bf16:n16c2h5w9k1r3pad1", "bf16:n5c4h3w2k8r3pad1", "bf16:n16c5h7w6k3r5pad2", "bf16:n16c24h6k24r3pad1",
    "bf16:n16c40h5k33r3pad1", "bf16:n16c64h26w30k2r3pad1", "bf16:n16c17h6k17r1pad0",
    /* corners: one pixel, all padding but one, steps that jump over pixels, four different sides, phases without taps */
    "bf16:n1c1h1k1r1pad0", "bf16:n16c1h1k1r11pad10", "bf16:n17c2h1w9k3r1s3pad0,0,1,1", "bf16:n5c3h9w1k2r3s1pad2,0,0,0",
    "bf16:n2c5h8k3r2step3pad1", "bf16:n33c2h9k4r4step4pad3", "bf16:n15c4h7w5k5r3s5step2b0pad1,2,3,0", "bf16:n16c16h9k16r3step2pad1",
    "bf16:n16c18h8k34r3step2pad1", "bf16:n3c2h6k2r1step4pad0", "bf16:n48c4h4k8r2s3pad0,1,2,0", "bf16:n20c5h13w2k6r5s2b0pad4,0,1,0", NULL
};

static void draw(struct rng *r, char *text)
{
    char shape[CHECK_TEXT];
    conv_draw(r, shape);
    snprintf(text, CHECK_TEXT, "bf16:%.*s", CHECK_TEXT - 8, shape);
}

/* ---- spans ---- */

static struct spans windows(struct rng *r, int rows, double flops)
{
    int length = (int)(WINDOW_FLOPS / (flops / rows) / 2) & ~1;
    length = length < 2 ? 2 : length;
    if (2 * length >= rows) return (struct spans){ 1, { { 0, rows } } };
    const int middle = draw_between(r, 0, (rows - 2) / 2) * 2; /* one span for sums, too: they begin at even rows of one block */
    return (struct spans){ 2, { { middle, middle + 2 }, { rows - 1, rows } } };
}

/* The chunks that training uses, as many as there is room for, and a part of one: whole pairs of rows. */
static struct spans chunks(struct rng *r, const struct conv *p)
{
    struct spans s = { 0 };
    enum { CHUNKS = 2 };
    const int count = conv_bf16_chunks(p), step = (count + CHUNKS - 1) / CHUNKS;
    for (int i = 0; i < count; i += step) s.at[s.count++] = conv_bf16_chunk(p, i);
    struct span part = s.at[rng_below(r, (uint32_t)s.count)];
    const int block = part.begin / p->p * p->p, rows = (part.end < block + p->p ? part.end : block + p->p) - part.begin;
    part.begin += draw_between(r, 0, (rows - 1) / 2) * 2;
    part.end = part.end <= part.begin + 2 || rng_below(r, 2) ? part.end : part.begin + 2 < block + p->p ? part.begin + 2 : block + p->p;
    s.at[s.count++] = part;
    return s;
}

static struct spans even(struct spans s, const struct conv *p)
{
    for (int i = 0; i < s.count; i++) {
        struct span *at = &s.at[i];
        at->begin -= at->begin % p->p % 2;
        const int block = at->begin / p->p * p->p;
        if (at->end > block + p->p) at->end = block + p->p;
        if ((at->end - block) % 2 && at->end != block + p->p) at->end++;
    }
    return s;
}

static void set_sides(struct bf16_case *k)
{
    struct rng *r = &k->c->rng;
    const struct conv *p = &k->p;
    const int blocks = image_blocks(p->n);
    const double flops = conv_flops_exact(p) * blocks * (double)LANES / p->n;
    k->whole = flops <= WHOLE_FLOPS;
    k->y = (struct side){ .view = { "y", p->n, 5, { blocks, p->p, p->q, p->k, LANES } }, .row = (size_t)p->q * (size_t)p->k * LANES };
    k->dx = (struct side){ .view = { "dx", p->n, 5, { blocks, p->h, p->w, p->c, LANES } }, .row = (size_t)p->w * (size_t)p->c * LANES };
    k->dw = (struct side){ .view = { "dw", 0, 4, { p->k, p->r, p->s, p->c } } };
    k->db = (struct side){ .view = { "db", 0, 1, { p->k } }, .stride = (size_t)p->k };
    k->dw.stride = view_count(&k->dw.view);
    k->y.dead = DEAD_FINITE;
    k->dx.dead = DEAD_ZERO;
    k->cut[0] = draw_between(r, 0, blocks * p->p);
    k->cut[1] = draw_between(r, 0, blocks * p->h);
    if (k->whole) {
        k->y.spans = (struct spans){ 1, { { 0, blocks * p->p } } };
        k->dx.spans = (struct spans){ 1, { { 0, blocks * p->h } } };
        k->dw.spans = chunks(r, p);
    } else {
        k->y.spans = windows(r, blocks * p->p, flops);
        k->dx.spans = windows(r, blocks * p->h, flops);
        k->dw.spans = even(k->y.spans, p);
    }
}

/* ---- inputs ---- */

/* The largest integers that keep every sum of products of all three directions below 2^24. */
static int largest_integer(const struct bf16_case *k)
{
    const struct conv *p = &k->p;
    double taps = (double)p->r * p->s, terms = fmax(taps * p->c, taps * p->k) + 1;
    for (int i = 0; i < k->dw.spans.count; i++)
        terms = fmax(terms, (double)(k->dw.spans.at[i].end - k->dw.spans.at[i].begin) * p->q * (double)LANES);
    const int largest = (int)sqrt(0x1p24 / terms - 1);
    return largest < 1 ? 1 : largest > 9 ? 9 : largest;
}

static float *floats(struct bf16_case *k, int slot, const char *name, size_t count, int largest)
{
    struct rng *r = &k->c->rng;
    float *to = guard_place(&k->c->guards, slot, name, count * sizeof *to, slot <= BF16_SLOT_DY ? 64 : 4, k->edge[slot % 8]);
    if (largest) fill_integers(r, to, count, largest);
    else fill_floats(r, to, count);
    if (k->kind == INPUT_SPECIALS) sprinkle_specials(r, to, count);
    return to;
}

static float at_pixel(const struct bf16_map *m, const float *x, int block, int h, int w, int c, int lane)
{
    if (h < 0 || h >= m->h || w < 0 || w >= m->w || c >= m->c) return 0;
    return x[((((size_t)block * (size_t)m->h + (size_t)h) * (size_t)m->w + (size_t)w) * (size_t)m->c + (size_t)c) * LANES + (size_t)lane];
}

static void make_lines(struct bf16_case *k, int slot, const char *name, struct bf16_map m, const float *x, struct bf16_operand *o)
{
    *o = (struct bf16_operand){ .map = m, .count = bf16_lines_count(&m) };
    bf16 *to = o->data = guard_place(&k->c->guards, slot, name, o->count * sizeof *to, 64, k->edge[slot % 8]);
    for (int block = 0; block < image_blocks(m.n); block++)
        for (int h = -m.top; h < m.h + m.bottom; h++)
            for (int w = -m.left; w < m.w + m.right; w++)
                for (int i = 0; i < bf16_lines(m.c) * LINE; i++)
                    *to++ = bf16_of(at_pixel(&m, x, block, h, w, i / LINE * 2 + i % 2, i % LINE / 2));
    guard_seal(&k->c->guards, slot);
}

static void make_pairs(struct bf16_case *k, const float *x, struct bf16_operand *o)
{
    const struct bf16_map m = { .n = k->p.n, .c = k->p.k, .h = k->p.p, .w = k->p.q };
    *o = (struct bf16_operand){ .map = m, .count = bf16_pairs_count(&m) };
    bf16 *to = o->data =
        guard_place(&k->c->guards, BF16_SLOT_DY_PAIRS, "pairs of dy", o->count * sizeof *to, 64, k->edge[BF16_SLOT_DY_PAIRS]);
    for (int block = 0; block < image_blocks(m.n); block++)
        for (int h = 0; h < m.h; h += 2)
            for (int i = 0; i < m.w * m.c; i++)
                for (int at = 0; at < LINE; at++) *to++ = bf16_of(at_pixel(&m, x, block, h + at / LANES, i / m.c, i % m.c, at % LANES));
    guard_seal(&k->c->guards, BF16_SLOT_DY_PAIRS);
}

/* What gates let through. */
static void make_gated(struct bf16_case *k, size_t count)
{
    float *backwards = check_room(k->c, ROOM_BACKWARDS, count * sizeof *backwards);
    for (size_t i = 0; i < count; i++) backwards[i] = k->x[count - 1 - i];
    k->backwards = backwards;
    k->above = k->x_lines;
    k->gated = (struct bf16_operand){ .map = { .n = k->p.n, .c = k->p.c, .h = k->p.h, .w = k->p.w } };
    k->gated.count = bf16_lines_count(&k->gated.map);
    bf16 *above = k->above.data = check_room(k->c, ROOM_ABOVE, k->above.count * sizeof *above);
    bf16 *to = k->gated.data = check_room(k->c, ROOM_GATED, k->gated.count * sizeof *to);
    for (size_t i = 0; i < k->above.count; i++) above[i] = bf16_value(k->x_lines.data[i]) > 0 ? k->x_lines.data[i] : 0;
    for (int pixel = 0; pixel < image_blocks(k->p.n) * k->p.h * k->p.w; pixel++)
        for (int i = 0; i < bf16_lines(k->p.c) * LINE; i++) {
            const int block = pixel / (k->p.h * k->p.w), h = pixel / k->p.w % k->p.h, w = pixel % k->p.w, c = i / LINE * 2 + i % 2;
            const float x = at_pixel(&k->gated.map, k->x, block, h, w, c, i % LINE / 2);
            *to++ = bf16_value(bf16_of(x)) > 0 ? bf16_of(at_pixel(&k->gated.map, backwards, block, h, w, c, i % LINE / 2)) : 0;
        }
}

static void make_inputs(struct bf16_case *k)
{
    struct guards *g = &k->c->guards;
    const struct conv *p = &k->p;
    const int largest = k->kind == INPUT_INTEGERS ? largest_integer(k) : 0;
    for (int i = 0; i < 8; i++) k->edge[i] = draw_edge(&k->c->rng);
    k->x = floats(k, BF16_SLOT_X, "x", view_count(&k->dx.view), largest);
    k->dy = floats(k, BF16_SLOT_DY, "dy", view_count(&k->y.view), largest);
    k->w = floats(k, BF16_SLOT_W, "w", k->dw.stride, largest);
    k->b = p->bias ? floats(k, BF16_SLOT_B, "b", (size_t)p->k, largest) : NULL;
    fill_dead(&k->dx.view, k->x, DEAD_FINITE);
    fill_dead(&k->y.view, k->dy, DEAD_ZERO);
    make_lines(k, BF16_SLOT_X_LINES, "lines of x", conv_bf16_x(p), k->x, &k->x_lines);
    make_lines(k, BF16_SLOT_DY_LINES, "lines of dy", conv_bf16_dy(p), k->dy, &k->dy_lines);
    make_pairs(k, k->dy, &k->dy_pairs);
    make_gated(k, view_count(&k->dx.view));
    for (int i = 0; i < 3; i++) guard_seal(g, BF16_SLOT_X + i);
    if (p->bias) guard_seal(g, BF16_SLOT_B);
    else guard_drop(g, BF16_SLOT_B);
}

/* ---- oracles ---- */

static float *rounded(struct bf16_case *k, int room, const float *from, size_t count)
{
    float *to = check_room(k->c, room, count * sizeof *to);
    for (size_t i = 0; i < count; i++) to[i] = bf16_value(bf16_of(from[i]));
    return to;
}

/* In double, on the rounded inputs or their absolute values. */
static void oracle(struct bf16_case *k, bool absolute)
{
    struct check *c = k->c;
    const struct conv *p = &k->p;
    const size_t xs = view_count(&k->dx.view), dys = view_count(&k->y.view), ws = k->dw.stride;
    double *x = check_room(c, ROOM_WIDE_X, xs * sizeof *x), *dy = check_room(c, ROOM_WIDE_DY, dys * sizeof *dy);
    double *w = check_room(c, ROOM_WIDE_W, ws * sizeof *w), *b = check_room(c, ROOM_WIDE_B, (size_t)p->k * sizeof *b);
    widen(rounded(k, ROOM_WHOLE, k->x, xs), x, xs, absolute);
    widen(rounded(k, ROOM_WHOLE, k->dy, dys), dy, dys, absolute);
    widen(rounded(k, ROOM_WHOLE, k->w, ws), w, ws, absolute);
    if (p->bias) widen(k->b, b, (size_t)p->k, absolute);
    conv_oracle(p, &(struct conv_inputs){ x, w, b, dy }, &k->y, &k->dx, &k->dw, &k->db, absolute);
}

static void make_wants(struct bf16_case *k)
{
    struct side *const sides[] = { &k->y, &k->dx, &k->dw, &k->db };
    for (int i = 0; i < 4; i++) {
        const size_t bytes = view_count(&sides[i]->view) * (i < 2 ? 1 : (size_t)k->dw.spans.count) * sizeof(double);
        sides[i]->want = check_room(k->c, ROOM_WANT + i, bytes);
        sides[i]->size = check_room(k->c, ROOM_SIZE + i, bytes);
        memset(sides[i]->want, 0, bytes), memset(sides[i]->size, 0, bytes);
    }
    if (k->kind == INPUT_SPECIALS) return;
    oracle(k, false);
    if (k->kind == INPUT_FLOATS) oracle(k, true);
    else k->y.size = k->dx.size = k->dw.size = k->db.size = NULL; /* exact */
}

static const char *run(struct check *c, const char *problem)
{
    static const enum input_kind kinds[] = { INPUT_INTEGERS, INPUT_FLOATS, INPUT_SPECIALS };
    struct conv_bf16 p;
    const char *wrong = conv_bf16_parse(problem, &p);
    for (int i = 0; !wrong && i < 3; i++) {
        struct bf16_case k = { .c = c, .p = p.shape, .kind = kinds[i] };
        set_sides(&k);
        if (k.kind == INPUT_SPECIALS && !k.whole) break;
        make_inputs(&k);
        make_wants(&k);
        for (int row = 0; row < c->rows; row++) conv_bf16_trials(&k, row);
    }
    return wrong;
}

const struct op_cases conv_bf16_cases = { .op = OP_CONV_BF16,
                                          .directions = { "fwd", "bwd_data", "bwd_weights", "convert" },
                                          .problems = problems,
                                          .draw = draw,
                                          .run = run,
                                          .mutants = conv_bf16_mutants };
