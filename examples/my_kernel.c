/* SPDX-License-Identifier: MIT
 * A kernel of one's own beside ours: a 1x1 convolution in plain C as a variant, checked against the reference implementation within an
 * error bound, then timed in alternation with what `auto` takes here. To have it checked on hundreds of problems, benched and used by nets,
 * make it a row of kernels/simd/rows.h: see the README, "Add an algorithm". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../kernels/kernels.h"
#include "../kernels/runtime/clock.h"

enum { ROUNDS = 41 };

/* ---- the kernel: one weight at a time onto sixteen images ---- */

static bool supports(const struct conv *c)
{
    return c->r == 1 && c->s == 1 && c->step == 1 && c->top + c->bottom + c->left + c->right == 0;
}

static float bound(const struct conv *c) { return (float)c->c + 1; } /* C products, C additions, each rounded once (Higham, lemma 3.1) */

static void forward(const struct conv *c, struct span rows, const real *x, const real *packed, const real *b, real *y, real *scratch)
{
    (void)scratch;
    const int pixels = c->p * c->q, per_row = c->q;
    for (int pixel = rows.begin * per_row; pixel < rows.end * per_row && pixel < image_blocks(c->n) * pixels; pixel++) {
        const real *in = x + (ptrdiff_t)pixel * c->c * LANES;
        real *out = y + (ptrdiff_t)pixel * c->k * LANES;
        for (int k = 0; k < c->k; k++, out += LANES) {
            for (int lane = 0; lane < LANES; lane++) out[lane] = 0;
            for (int i = 0; i < c->c; i++)
                for (int lane = 0; lane < LANES; lane++) out[lane] += in[i * LANES + lane] * packed[k * c->c + i];
            for (int lane = 0; b && lane < LANES; lane++) out[lane] += b[k]; /* last: other roundings than the reference's */
        }
    }
}

static const struct conv_variant mine = { .head = { "mine", ISA_SCALAR, 0 }, .supports = supports, .bound = bound, .fwd = forward };

/* ---- memory, one call, its time ---- */

struct operands {
    size_t inputs, weights, outputs; /* floats */
    real *x, *w, *b, *packed, *scratch;
};

static real *tensor(size_t count)
{
    real *t = aligned_alloc(64, (count * sizeof *t + 63) / 64 * 64 + 64);
    if (!t) exit(1);
    for (size_t i = 0; i < count; i++) t[i] = (real)((int)(i * 7919 % 1009) - 504) / 504;
    return t;
}

static double call(const struct conv_variant *v, const struct conv *c, const struct operands *o, real *y)
{
    const uint64_t begin = clock_ns();
    v->fwd(c, (struct span){ 0, image_blocks(c->n) * c->p }, o->x, o->packed, o->b, y, o->scratch);
    return (double)(clock_ns() - begin) * 1e-3;
}

/* The largest error in units of the bound: |got - exact| against bound * 2^-24 * (|b| + sum |x w|), sums by the reference implementation.
 */
static double verify(const struct conv *c, const struct operands *o, const real *got)
{
    const struct conv_variant *plain = kernels_of(ISA_SCALAR)->conv;
    while (strcmp(plain->head.algo, "plain") != 0) plain++;
    struct operands all = *o;
    real *exact = tensor(o->outputs), *size = tensor(o->outputs);
    all.packed = o->w;
    call(plain, c, &all, exact);
    for (size_t i = 0; i < o->inputs; i++) o->x[i] = fabsf(o->x[i]);
    for (size_t i = 0; i < o->weights; i++) o->w[i] = fabsf(o->w[i]);
    for (int k = 0; k < c->k; k++) o->b[k] = fabsf(o->b[k]);
    call(plain, c, &all, size);
    double worst = 0; /* the reference rounds, too: twice the bound is what two of them may differ by */
    for (size_t i = 0; i < o->outputs; i++)
        worst = fmax(worst, fabs((double)got[i] - (double)exact[i]) / (2 * mine.bound(c) * 0x1p-24 * (double)size[i]));
    free(exact), free(size);
    return worst;
}

static int ascending(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int main(int argc, char **argv)
{
    struct conv c;
    const char *wrong = conv_parse(argc > 1 ? argv[1] : "n64c32h14k32r1pad0", &c);
    if (wrong) return fprintf(stderr, "my_kernel: %s\n", wrong), 2;
    if (!mine.supports(&c)) return fprintf(stderr, "my_kernel: %s: only 1x1, stride 1, without padding\n", argv[1]), 2;

    const struct conv_variant *ours = conv_pick(&c, CONV_FWD, cpu_detect(), "auto");
    const size_t blocks = (size_t)image_blocks(c.n) * LANES;
    struct operands o = {
        blocks * (size_t)(c.h * c.w * c.c), (size_t)(c.k * c.c), blocks * (size_t)(c.p * c.q * c.k), NULL, NULL, NULL, NULL, NULL
    };
    o.x = tensor(o.inputs), o.w = tensor(o.weights), o.b = tensor((size_t)c.k);
    o.scratch = tensor(ours->scratch_bytes(&c) / sizeof(real));
    struct operands theirs = o;
    theirs.packed = tensor(ours->packed_bytes(&c, CONV_FWD) / sizeof(real));
    ours->pack(&c, CONV_FWD, o.w, theirs.packed);
    o.packed = o.w; /* ours reads the weights as they are */

    real *y = tensor(o.outputs), *z = tensor(o.outputs);
    double us[2][ROUNDS];
    for (int i = 0; i < ROUNDS; i++) us[0][i] = call(&mine, &c, &o, y), us[1][i] = call(ours, &c, &theirs, z);
    for (int i = 0; i < 2; i++) qsort(us[i], ROUNDS, sizeof us[i][0], ascending);
    const double worst = verify(&c, &o, y);
    printf("mine %.1f us, %s on %s %.1f us (medians of %d, in alternation); largest error %.3f of its bound\n", us[0][ROUNDS / 2],
           ours->head.algo, isa_name(ours->head.isa), us[1][ROUNDS / 2], ROUNDS, worst);
    free(o.x), free(o.w), free(o.b), free(o.scratch), free(theirs.packed), free(y), free(z);
    return worst > 1;
}
