/* SPDX-License-Identifier: MIT
 * What is right. Two kinds of oracle: the reference kernels (kernels/scalar) compiled with `real` = double, and independent plain loops in
 * whole numbers, which share no line with any kernel. Problem structs hold no reals, so both floors see the same ones. */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include "../../kernels/kernels.h"

/* ---- the scalar reference in double (oracle_double.c); layouts and spans as in the contracts -------------------------------------------
 */

void oracle_conv_fwd(const struct conv *p, struct span rows, const double *x, const double *w, const double *b, double *y);
void oracle_conv_bwd_data(const struct conv *p, struct span rows, const double *dy, const double *w, double *dx);
void oracle_conv_bwd_weights(const struct conv *p, struct span rows, const double *dy, const double *x, double *dw, double *db);

void oracle_dense_fwd(const struct dense *p, const double *x, const double *w, const double *b, double *y);
void oracle_dense_bwd_data(const struct dense *p, const double *dy, const double *w, double *dx);
void oracle_dense_bwd_weights(const struct dense *p, const double *dy, const double *x, double *dw, double *db);

/* ---- whole numbers (oracle.c): inputs are floats that hold small integers ------------------------------------------------------- */

void whole_conv_fwd(const struct conv *p, struct span rows, const float *x, const float *w, const float *b, int64_t *y);
void whole_conv_bwd_data(const struct conv *p, struct span rows, const float *dy, const float *w, int64_t *dx);
void whole_conv_bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, int64_t *dw, int64_t *db);

void whole_dense_fwd(const struct dense *p, const float *x, const float *w, const float *b, int64_t *y);
void whole_dense_bwd_data(const struct dense *p, const float *dy, const float *w, int64_t *dx);
void whole_dense_bwd_weights(const struct dense *p, const float *dy, const float *x, int64_t *dw, int64_t *db);

/* Pooling in the order that the contract fixes, so comparable bit by bit: y, and which (NULL for the average); dx of max pooling. */
void plain_pool_fwd(const struct pool *p, const float *x, float *y, uint8_t *argmax);
void plain_max_bwd(const struct pool *p, const float *dy, const uint8_t *argmax, float *dx);
/* Average: exact sums of shares in double, and of their absolute values. */
void plain_avg_bwd(const struct pool *p, const float *dy, double *dx, double *size);

#endif
