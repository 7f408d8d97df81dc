/* SPDX-License-Identifier: MIT
 * The reference kernels that sum over neighbours: conv, dense, pool, add. On small whole numbers everything is exact, so forward is
 * compared with loops in the images' natural order, and backward by the adjoint identities, equal to the last bit. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/kernels.h"
#include "../../kernels/runtime/rng.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct rng numbers(uint32_t which) { return rng_start(rng_stream_key(3, STREAM_TEST, 0x5ca1a, which)); }

/* `count` floats, NaN until written. Freed with the test's process; remembered, so that a leak checker can reach them till then. */
static real *tensor(size_t count)
{
    static real *volatile taken[4096];
    static size_t count_taken;
    real *t = aligned_alloc(64, (count * sizeof *t + 63) / 64 * 64);
    cr_assert_not_null((taken[count_taken++ % 4096] = t));
    for (size_t i = 0; i < count; i++) t[i] = (real)NAN;
    return t;
}

static real *whole_numbers(struct rng *r, size_t count)
{
    real *t = tensor(count);
    for (size_t i = 0; i < count; i++) t[i] = (real)((int)rng_below(r, 9) - 4);
    return t;
}

static real *fractions(struct rng *r, size_t count)
{
    real *t = tensor(count);
    for (size_t i = 0; i < count; i++) t[i] = (real)(2 * rng_uniform(r) - 1);
    return t;
}

/* Gradients hold zeros in dead lanes. */
static void kill_dead_lanes(real *t, int n, size_t count)
{
    const size_t block = count / (size_t)image_blocks(n);
    for (size_t i = 0; i < count; i++) {
        if (i / block * LANES + i % LANES >= (size_t)n) t[i] = 0;
    }
}

static size_t image_count(int n, int c, int h, int w) { return (size_t)image_blocks(n) * LANES * (size_t)c * (size_t)h * (size_t)w; }

/* Where image i's pixel stands in a tensor [B][H][W][C][16]. */
static size_t at(int i, int h, int w, int c, int H, int W, int C)
{
    return ((((size_t)(i / LANES) * (size_t)H + (size_t)h) * (size_t)W + (size_t)w) * (size_t)C + (size_t)c) * LANES + (size_t)(i % LANES);
}

static double dot(const real *a, const real *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static bool same(const real *a, const real *b, size_t count) { return memcmp(a, b, count * sizeof *a) == 0; }

static bool untouched(const real *t, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        if (!isnan(t[i])) { return false; }
    }
    return true;
}

/* ---- conv ---- */

static const char *const convs[] = {
    "n16c1h5k1r3pad0",   "n5c3h6w4k2r3pad1",       "n33c2h7k3r3step2pad1,0,0,1",
    "n1c1h1k1r3pad1",    "n17c4h5k5r1pad0",        "n2c2h9w8k2r5s3step3b0pad2,1,0,2",
    "n3c1h11k2r11pad10", "n18c2h4w1k3r1step4pad0",
};

/* Output (i, p, q, k) by the header's formula. */
static double conv_value(const struct conv *c, const real *x, const real *w, const real *b, int i, int p, int q, int k)
{
    double sum = b ? (double)b[k] : 0;
    for (int r = 0; r < c->r; r++) {
        for (int s = 0; s < c->s; s++) {
            const int h = p * c->step + r - c->top, column = q * c->step + s - c->left;
            if (h < 0 || h >= c->h || column < 0 || column >= c->w) continue;
            for (int j = 0; j < c->c; j++) {
                const int weight = ((k * c->r + r) * c->s + s) * c->c + j;
                sum += (double)w[weight] * (double)x[at(i, h, column, j, c->h, c->w, c->c)];
            }
        }
    }
    return sum;
}

struct conv_test {
    struct conv p;
    size_t nx, ny, nw;
    struct span out, in; /* all rows of y and of x */
    real *x, *dy, *w, *b, *y, *dx, *dw, *db;
};

static struct conv_test conv_setup(const char *text, bool whole, uint32_t which)
{
    struct conv_test t = { 0 };
    const char *wrong = conv_parse(text, &t.p);
    cr_assert_null(wrong, "%s: %s", text, wrong);
    struct rng r = numbers(which);
    real *(*draw)(struct rng *, size_t) = whole ? whole_numbers : fractions;
    t.nx = image_count(t.p.n, t.p.c, t.p.h, t.p.w);
    t.ny = image_count(t.p.n, t.p.k, t.p.p, t.p.q);
    t.nw = (size_t)t.p.k * (size_t)t.p.r * (size_t)t.p.s * (size_t)t.p.c;
    t.out = (struct span){ 0, image_blocks(t.p.n) * t.p.p };
    t.in = (struct span){ 0, image_blocks(t.p.n) * t.p.h };
    t.x = draw(&r, t.nx);
    t.dy = draw(&r, t.ny);
    kill_dead_lanes(t.dy, t.p.n, t.ny);
    t.w = draw(&r, t.nw);
    t.b = t.p.bias ? draw(&r, (size_t)t.p.k) : NULL;
    t.y = tensor(t.ny);
    t.dx = tensor(t.nx);
    t.dw = tensor(t.nw);
    t.db = t.p.bias ? tensor((size_t)t.p.k) : NULL;
    return t;
}

static void conv_run(const struct conv_variant *v, struct conv_test *t)
{
    real *packed = tensor(t->nw);
    for (int direction = CONV_FWD; direction <= CONV_BWD_DATA; direction++) {
        cr_assert_eq(v->packed_bytes(&t->p, (enum conv_direction)direction), t->nw * sizeof(real));
        v->pack(&t->p, (enum conv_direction)direction, t->w, packed);
        if (direction == CONV_FWD) v->fwd(&t->p, t->out, t->x, packed, t->b, t->y, NULL);
        else v->bwd_data(&t->p, t->in, t->dy, packed, t->dx, NULL);
    }
    v->bwd_weights(&t->p, t->out, t->dy, t->x, t->dw, t->db, NULL);
    cr_assert_eq(v->scratch_bytes(&t->p), 0u);
    cr_assert(v->supports(&t->p));
}

static void conv_is_right(const struct conv_variant *v, const char *text, uint32_t which)
{
    struct conv_test t = conv_setup(text, true, which);
    const struct conv *c = &t.p;
    conv_run(v, &t);
    for (int i = 0; i < c->n; i++) {
        for (int o = 0; o < c->p * c->q * c->k; o++) {
            const int p = o / c->k / c->q, q = o / c->k % c->q, k = o % c->k;
            const double got = (double)t.y[at(i, p, q, k, c->p, c->q, c->k)], want = conv_value(c, t.x, t.w, t.b, i, p, q, k);
            cr_assert(got == want, "%s %s: image %d, y[%d][%d][%d] = %g, want %g", v->head.algo, text, i, p, q, k, got, want);
        }
    }
    double through = dot(t.dy, t.y, t.ny);
    for (int k = 0; c->bias && k < c->k; k++) through -= (double)t.b[k] * (double)t.db[k];
    cr_assert_eq(dot(t.dx, t.x, t.nx), through, "%s %s: backward-data is not the adjoint", v->head.algo, text);
    cr_assert_eq(dot(t.dw, t.w, t.nw), through, "%s %s: backward-weights is not the adjoint", v->head.algo, text);
    for (int k = 0; c->bias && k < c->k; k++) {
        double sum = 0;
        for (size_t i = 0; i < t.ny; i++) sum += (int)(i / LANES % (size_t)c->k) == k ? (double)t.dy[i] : 0;
        cr_assert_eq((double)t.db[k], sum);
    }
}

Test(scalar_conv, forward_by_the_formula_and_backward_its_adjoint)
{
    int rows = 0;
    for (const struct conv_variant *v = kernels_of(ISA_SCALAR)->conv; v->head.algo; v++, rows++) {
        for (uint32_t i = 0; i < COUNT(convs); i++) conv_is_right(v, convs[i], i);
    }
    cr_assert_eq(rows, 2);
}

/* The adjoint identity for one weight alone: dw[j] is what y answers to a unit weight. */
Test(scalar_conv, every_weight_has_its_own_gradient)
{
    for (uint32_t i = 0; i < COUNT(convs); i++) {
        struct conv_test t = conv_setup(convs[i], true, i);
        const struct conv_variant *v = conv_pick(&t.p, CONV_FWD, 1u << ISA_SCALAR, "plain");
        conv_run(v, &t);
        for (size_t j = 0; j < t.nw; j += 1 + t.nw / 16) {
            memset(t.w, 0, t.nw * sizeof *t.w);
            t.w[j] = 1;
            v->fwd(&t.p, t.out, t.x, t.w, NULL, t.y, NULL);
            cr_assert_eq((double)t.dw[j], dot(t.dy, t.y, t.ny), "%s: dw[%zu]", convs[i], j);
        }
    }
}

Test(scalar_conv, autovec_has_the_bits_of_plain)
{
    for (uint32_t i = 0; i < COUNT(convs); i++) {
        struct conv_test a = conv_setup(convs[i], false, i), b = conv_setup(convs[i], false, i);
        conv_run(conv_pick(&a.p, CONV_FWD, 1u << ISA_SCALAR, "plain"), &a);
        conv_run(conv_pick(&b.p, CONV_FWD, 1u << ISA_SCALAR, "autovec"), &b);
        cr_assert(same(a.y, b.y, a.ny) && same(a.dx, b.dx, a.nx) && same(a.dw, b.dw, a.nw), "%s", convs[i]);
    }
}

Test(scalar_conv, spans_write_their_rows_alone)
{
    struct conv_test whole = conv_setup("n33c2h7k3r3step2pad1,0,0,1", false, 1), cut = conv_setup("n33c2h7k3r3step2pad1,0,0,1", false, 1);
    const struct conv_variant *v = conv_pick(&whole.p, CONV_FWD, 1u << ISA_SCALAR, "plain");
    const size_t y_row = whole.ny / (size_t)whole.out.end, x_row = whole.nx / (size_t)whole.in.end;
    conv_run(v, &whole);
    v->fwd(&cut.p, (struct span){ 2, 5 }, cut.x, cut.w, cut.b, cut.y, NULL);
    v->bwd_data(&cut.p, (struct span){ 3, 8 }, cut.dy, cut.w, cut.dx, NULL);
    cr_assert(untouched(cut.y, 0, 2 * y_row) && untouched(cut.y, 5 * y_row, cut.ny));
    cr_assert(untouched(cut.dx, 0, 3 * x_row) && untouched(cut.dx, 8 * x_row, cut.nx));
    v->fwd(&cut.p, (struct span){ 0, 2 }, cut.x, cut.w, cut.b, cut.y, NULL);
    v->fwd(&cut.p, (struct span){ 5, cut.out.end }, cut.x, cut.w, cut.b, cut.y, NULL);
    v->bwd_data(&cut.p, (struct span){ 0, 3 }, cut.dy, cut.w, cut.dx, NULL);
    v->bwd_data(&cut.p, (struct span){ 8, cut.in.end }, cut.dy, cut.w, cut.dx, NULL);
    cr_assert(same(whole.y, cut.y, whole.ny) && same(whole.dx, cut.dx, whole.nx));
}

Test(scalar_conv, chunks_add_up_to_the_whole_gradient)
{
    struct conv_test t = conv_setup("n49c2h16k3r3pad1", true, 2);
    const struct conv_variant *v = conv_pick(&t.p, CONV_FWD, 1u << ISA_SCALAR, "plain");
    conv_run(v, &t);
    real *sum = tensor(t.nw), *part = tensor(t.nw), db[3];
    memset(sum, 0, t.nw * sizeof *sum);
    for (int i = 0; i < conv_chunks(v, &t.p); i++) {
        v->bwd_weights(&t.p, conv_chunk(v, &t.p, i), t.dy, t.x, part, db, NULL);
        for (size_t j = 0; j < t.nw; j++) sum[j] += part[j];
    }
    cr_assert(same(sum, t.dw, t.nw));
}

Test(scalar_conv, errors_stay_within_the_bound)
{
    for (uint32_t i = 0; i < COUNT(convs); i++) {
        struct conv_test t = conv_setup(convs[i], false, i), size = conv_setup(convs[i], false, i);
        const struct conv_variant *v = conv_pick(&t.p, CONV_FWD, 1u << ISA_SCALAR, "plain");
        v->fwd(&t.p, t.out, t.x, t.w, t.b, t.y, NULL);
        for (size_t j = 0; j < t.nx; j++) size.x[j] = (real)fabs((double)size.x[j]);
        for (size_t j = 0; j < t.nw; j++) size.w[j] = (real)fabs((double)size.w[j]);
        for (int k = 0; t.b && size.b && k < t.p.k; k++) size.b[k] = (real)fabs((double)size.b[k]);
        for (int p = 0; p < t.p.p; p++) {
            const double got = (double)t.y[at(0, p, 0, 0, t.p.p, t.p.q, t.p.k)], want = conv_value(&t.p, t.x, t.w, t.b, 0, p, 0, 0);
            const double allowed = (double)v->bound(&t.p) * 0x1p-24 * conv_value(&t.p, size.x, size.w, size.b, 0, p, 0, 0);
            cr_assert(fabs(got - want) <= allowed, "%s: off by %g, allowed %g", convs[i], got - want, allowed);
        }
    }
}

/* ---- dense ---- */

Test(scalar_dense, forward_by_the_formula_and_backward_its_adjoint)
{
    struct dense p;
    cr_assert_null(dense_parse("dense:n19c37k5", &p));
    const struct dense_variant *v = kernels_of(ISA_SCALAR)->dense;
    struct rng r = numbers(100);
    const size_t nx = image_count(p.n, p.c, 1, 1), ny = image_count(p.n, p.k, 1, 1), nw = (size_t)p.k * (size_t)p.c;
    real *x = whole_numbers(&r, nx), *dy = whole_numbers(&r, ny), *w = whole_numbers(&r, nw), *b = whole_numbers(&r, 5);
    real *y = tensor(ny), *dx = tensor(nx), *dw = tensor(nw), *db = tensor(5);
    kill_dead_lanes(dy, p.n, ny);
    v->fwd(&p, (struct span){ 0, 2 }, x, w, b, y);
    cr_assert(untouched(y, 2 * LANES, 5 * LANES));
    v->fwd(&p, (struct span){ 2, 5 }, x, w, b, y);
    double through = 0;
    for (int i = 0; i < p.n; i++) {
        for (int k = 0; k < p.k; k++) {
            double sum = 0;
            for (int c = 0; c < p.c; c++) sum += (double)w[k * p.c + c] * (double)x[at(i, 0, 0, c, 1, 1, p.c)];
            through += sum * (double)dy[at(i, 0, 0, k, 1, 1, p.k)];
            cr_assert_eq((double)y[at(i, 0, 0, k, 1, 1, p.k)], sum + (double)b[k]);
        }
    }
    v->bwd_data(&p, (struct span){ 0, 20 }, dy, w, dx);
    v->bwd_data(&p, (struct span){ 20, 37 }, dy, w, dx);
    v->bwd_weights(&p, (struct span){ 16, 37 }, dy, x, dw, db, NULL);
    cr_assert(untouched(db, 0, 5) && untouched(dw, 0, 16));
    v->bwd_weights(&p, (struct span){ 0, 16 }, dy, x, dw, db, NULL);
    cr_assert_eq(dot(dx, x, nx), through);
    cr_assert_eq(dot(dw, w, nw), through);
    cr_assert_eq(dot(dy, y, ny) - through, dot(db, b, 5));
}

/* ---- pool ---- */

static void pool_run(const char *text, const real *x, const real *dy, real *y, uint8_t *argmax, real *dx)
{
    struct pool p;
    cr_assert_null(pool_parse(text, &p));
    const struct pool_variant *v = kernels_of(ISA_SCALAR)->pool;
    const int out = image_blocks(p.n) * p.p, in = image_blocks(p.n) * p.h;
    v->fwd(&p, (struct span){ 1, out }, x, y, argmax);
    v->fwd(&p, (struct span){ 0, 1 }, x, y, argmax);
    v->bwd(&p, (struct span){ 0, in / 2 }, dy, argmax, dx);
    v->bwd(&p, (struct span){ in / 2, in }, dy, argmax, dx);
}

/* Max and its gradient, told by brute force: y is the largest tap, `argmax` the first that has it, dx what `argmax` scatters. */
Test(scalar_pool, max_is_the_first_largest_tap)
{
    static const char *const texts[] = { "max:n5c3h7r3step2pad1,0,1,1", "max:n17c2h6w5r2s3pad0", "max:n1c1h4r2step3pad0" };
    for (uint32_t t = 0; t < COUNT(texts); t++) {
        struct pool p;
        cr_assert_null(pool_parse(texts[t], &p));
        struct rng r = numbers(200 + t);
        const size_t nx = image_count(p.n, p.c, p.h, p.w), ny = image_count(p.n, p.c, p.p, p.q);
        real *x = whole_numbers(&r, nx), *dy = whole_numbers(&r, ny), *y = tensor(ny), *dx = tensor(nx), *want = tensor(nx);
        uint8_t *argmax = malloc(ny);
        pool_run(texts[t], x, dy, y, argmax, dx);
        for (size_t i = 0; i < nx; i++) want[i] = 0;
        for (size_t i = 0; i < ny; i++) {
            const int b = (int)(i / (ny / (size_t)image_blocks(p.n))), l = (int)(i % LANES), c = (int)(i / LANES % (size_t)p.c);
            const int q = (int)(i / LANES / (size_t)p.c % (size_t)p.q), row = (int)(i / LANES / (size_t)p.c / (size_t)p.q % (size_t)p.p);
            const int h0 = row * p.step - p.top, w0 = q * p.step - p.left;
            real largest = (real)-INFINITY;
            int first = -1;
            for (int tap = p.r * p.s - 1; tap >= 0; tap--) { /* backwards, so >= keeps the first */
                const int h = h0 + tap / p.s, w = w0 + tap % p.s;
                if (h < 0 || h >= p.h || w < 0 || w >= p.w) continue;
                const real a = x[at(b * LANES + l, h, w, c, p.h, p.w, p.c)];
                if (a >= largest) largest = a, first = tap;
            }
            cr_assert(y[i] == largest && argmax[i] == first, "%s: y[%zu]", texts[t], i);
            want[at(b * LANES + l, h0 + first / p.s, w0 + first % p.s, c, p.h, p.w, p.c)] += dy[i];
        }
        cr_assert(same(dx, want, nx), "%s", texts[t]);
        real *inference = tensor(ny);
        kernels_of(ISA_SCALAR)->pool->fwd(&p, (struct span){ 0, image_blocks(p.n) * p.p }, x, inference, NULL);
        cr_assert(same(inference, y, ny));
        free(argmax);
    }
}

Test(scalar_pool, a_nan_stays_only_as_first_tap)
{
    real x[4 * LANES], y[LANES];
    uint8_t argmax[LANES];
    for (int i = 0; i < 4 * LANES; i++) x[i] = (real)(i / LANES);
    x[0] = x[LANES + 1] = x[3 * LANES + 2] = (real)NAN;
    struct pool p;
    cr_assert_null(pool_parse("max:n16c1h2r2pad0", &p));
    kernels_of(ISA_SCALAR)->pool->fwd(&p, (struct span){ 0, 1 }, x, y, argmax);
    cr_assert(isnan(y[0]) && argmax[0] == 0);
    cr_assert(y[1] == 3 && argmax[1] == 3);
    cr_assert(y[2] == 2 && argmax[2] == 2);
}

Test(scalar_pool, average_divides_by_the_taps_it_says)
{
    static const struct {
        const char *text;
        int corner, inner;
    } known[] = {
        { "avg:n16c1h4r3pad1", 4, 9 },
        { "avg:n16c1h4r3count1pad1", 9, 9 },
    };
    for (size_t i = 0; i < COUNT(known); i++) {
        real x[16 * LANES], y[16 * LANES], dy[16 * LANES], dx[16 * LANES];
        for (int j = 0; j < 16 * LANES; j++) x[j] = (real)(j / LANES), dy[j] = (real)(j / LANES == 0);
        pool_run(known[i].text, x, dy, y, NULL, dx);
        cr_assert_eq(y[0], (real)(0 + 1 + 4 + 5) / (real)known[i].corner);
        cr_assert_eq(y[5 * LANES], (real)(0 + 1 + 2 + 4 + 5 + 6 + 8 + 9 + 10) / (real)known[i].inner);
        for (int j = 0; j < 16; j++) {
            const bool covered = j == 0 || j == 1 || j == 4 || j == 5;
            cr_assert_eq(dx[j * LANES], covered ? (real)1 / (real)known[i].corner : 0);
        }
    }
}

/* ---- add ---- */

Test(scalar_add, meets_the_top_left_crop)
{
    const struct add p = { 18, 3, 4, 5, 6, 7 };
    const struct add_variant *v = kernels_of(ISA_SCALAR)->add;
    struct rng r = numbers(300);
    const size_t na = image_count(p.n, p.c, p.h, p.w), nb = image_count(p.n, p.c, p.bh, p.bw);
    real *a = whole_numbers(&r, na), *b = whole_numbers(&r, nb), *y = tensor(na), *db = tensor(nb);
    memcpy(db, b, nb * sizeof *db);
    v->fwd(&p, (struct span){ 3, 8 }, a, b, y);
    v->fwd(&p, (struct span){ 0, 3 }, a, b, y);
    v->bwd(&p, (struct span){ 0, 8 }, a, db);
    for (int i = 0; i < 32; i++) {
        for (int j = 0; j < p.bh * p.bw * p.c; j++) {
            const int h = j / p.c / p.bw, w = j / p.c % p.bw, c = j % p.c;
            const size_t of_b = at(i, h, w, c, p.bh, p.bw, p.c);
            const bool inside = h < p.h && w < p.w;
            const size_t of_a = inside ? at(i, h, w, c, p.h, p.w, p.c) : 0;
            if (inside) cr_assert_eq(y[of_a], a[of_a] + b[of_b]);
            cr_assert_eq(db[of_b], b[of_b] + (inside ? a[of_a] : 0));
        }
    }
    v->fwd(&p, (struct span){ 0, 8 }, a, b, a);
    cr_assert(same(a, y, na), "y may be a");
}
