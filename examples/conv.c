/* SPDX-License-Identifier: MIT
 * One convolution by hand: a problem, the variant that fits it best here, its packed weights, one call, and one output computed beside it
 * by the formula. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "../kernels/kernels.h"

/* 64-byte aligned, as every tensor must be, with small numbers in it. */
static real *tensor(size_t count)
{
    real *t = aligned_alloc(64, (count * sizeof *t + 63) / 64 * 64);
    if (!t) exit(1);
    for (size_t i = 0; i < count; i++) t[i] = (real)((int)(i * 7919 % 1009) - 504) / 504;
    return t;
}

int main(void)
{
    struct conv c;
    const char *wrong = conv_parse("n20c3h12k8r3pad1", &c); /* 20 images of 3x12x12, 8 filters of 3x3, padding 1 */
    if (wrong) return fprintf(stderr, "conv: %s\n", wrong), 1;

    const struct conv_variant *v = conv_pick(&c, CONV_FWD, cpu_detect(), "auto");
    const int blocks = image_blocks(c.n); /* of 16 images; the last one here has 12 dead lanes */
    real *x = tensor((size_t)blocks * (size_t)(c.h * c.w * c.c) * LANES), *w = tensor((size_t)(c.k * c.r * c.s * c.c));
    real *b = tensor((size_t)c.k), *y = tensor((size_t)blocks * (size_t)(c.p * c.q * c.k) * LANES);
    real *packed = tensor(v->packed_bytes(&c, CONV_FWD) / sizeof *packed), *scratch = tensor(v->scratch_bytes(&c) / sizeof *scratch);

    v->pack(&c, CONV_FWD, w, packed);                                       /* once per new weights */
    v->fwd(&c, (struct span){ 0, blocks * c.p }, x, packed, b, y, scratch); /* all rows of output; threads would take a part each */

    /* y of image 17 (block 1, lane 1), row 5, column 6, filter 4, by the definition */
    const int block = 1, lane = 1, p = 5, q = 6, k = 4;
    double sum = b[k];
    for (int r = 0; r < c.r; r++)
        for (int s = 0; s < c.s; s++)
            for (int i = 0; i < c.c; i++)
                sum += (double)x[(((block * c.h + p + r - c.top) * c.w + q + s - c.left) * c.c + i) * LANES + lane] *
                       (double)w[((k * c.r + r) * c.s + s) * c.c + i];
    const double got = (double)y[(((block * c.p + p) * c.q + q) * c.k + k) * LANES + lane];
    printf("%s on %s: y = %.6f, by the formula %.6f\n", v->head.algo, isa_name(v->head.isa), got, sum);

    free(x), free(w), free(b), free(y), free(packed), free(scratch);
    return fabs(got - sum) > 1e-4;
}
