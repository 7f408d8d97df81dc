/* SPDX-License-Identifier: MIT
 * The reference kernels as oracle. kernels/scalar is compiled once more with REAL_DOUBLE, linked into one object, and all its names but the
 * table's, which becomes oracle_kernels, are made local (see CMakeLists.txt): so both builds of the scalar reference live in one program.
 */
#include "oracle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(real) == sizeof(double), "the oracle is compiled with REAL_DOUBLE");

extern const struct kernels oracle_kernels; /* kernels_scalar of the double build, by its new name */

static double *room(size_t bytes)
{
    double *data = malloc(bytes ? bytes : 1);
    if (!data) {
        fprintf(stderr, "no memory for %zu bytes of oracle; try a smaller problem (--problem)\n", bytes);
        exit(1);
    }
    return data;
}

static const struct conv_variant *reference(const struct conv *p)
{
    const struct conv_variant *v = &oracle_kernels.conv[0];
    assert(v->head.algo && v->supports(p));
    return v;
}

static double *packed(const struct conv *p, const struct conv_variant *v, enum conv_direction direction, const double *w)
{
    double *to = room(v->packed_bytes(p, direction));
    v->pack(p, direction, w, to);
    return to;
}

void oracle_conv_fwd(const struct conv *p, struct span rows, const double *x, const double *w, const double *b, double *y)
{
    const struct conv_variant *v = reference(p);
    double *scratch = room(v->scratch_bytes(p)), *made = packed(p, v, CONV_FWD, w);
    v->fwd(p, rows, x, made, b, y, scratch);
    free(made);
    free(scratch);
}

void oracle_conv_bwd_data(const struct conv *p, struct span rows, const double *dy, const double *w, double *dx)
{
    const struct conv_variant *v = reference(p);
    double *scratch = room(v->scratch_bytes(p)), *made = packed(p, v, CONV_BWD_DATA, w);
    v->bwd_data(p, rows, dy, made, dx, scratch);
    free(made);
    free(scratch);
}

void oracle_conv_bwd_weights(const struct conv *p, struct span rows, const double *dy, const double *x, double *dw, double *db)
{
    const struct conv_variant *v = reference(p);
    double *scratch = room(v->scratch_bytes(p));
    v->bwd_weights(p, rows, dy, x, dw, db, scratch);
    free(scratch);
}

void oracle_dense_fwd(const struct dense *p, const double *x, const double *w, const double *b, double *y)
{
    oracle_kernels.dense[0].fwd(p, (struct span){ 0, p->k }, x, w, b, y);
}

void oracle_dense_bwd_data(const struct dense *p, const double *dy, const double *w, double *dx)
{
    oracle_kernels.dense[0].bwd_data(p, (struct span){ 0, p->c }, dy, w, dx);
}

void oracle_dense_bwd_weights(const struct dense *p, const double *dy, const double *x, double *dw, double *db)
{
    double *scratch = room(2 * dense_scratch_bytes(p)); /* it counts floats */
    oracle_kernels.dense[0].bwd_weights(p, (struct span){ 0, p->c }, dy, x, dw, db, scratch);
    free(scratch);
}
