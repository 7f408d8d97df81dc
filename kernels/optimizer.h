/* SPDX-License-Identifier: MIT
 * One step of SGD, Adam or AdamW on a flat array of parameters. All arithmetic is IEEE single, with the operations in the
 * order written here. */
#ifndef KERNELS_OPTIMIZER_H
#define KERNELS_OPTIMIZER_H

#include "base.h"

/* SGD with momentum (Polyak) or Nesterov's; Adam (Kingma and Ba, 2014); AdamW (Loshchilov and Hutter, 2017): as PyTorch writes them. */
enum optimizer_kind { OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_ADAMW };

/* Where Adam's eps stands. PyTorch: rate / (1-b1^t) * m / (sqrt(v) / sqrt(1-b2^t) + eps).
 * Keras ("epsilon hat"): rate * sqrt(1-b2^t) / (1-b1^t) * m / (sqrt(v) + eps). */
enum eps_form { EPS_PYTORCH, EPS_KERAS };

/* Scalars of one step, folded by optimizer_fold() from recipe and step number, in double, rounded once. */
struct optimizer {
    enum optimizer_kind kind;
    float rate;                                           /* the schedule's value at this step */
    float momentum;                                       /* SGD, 0 … 1 */
    bool nesterov;                                        /* SGD with momentum */
    bool first;                                           /* SGD: first step sets m = g, as PyTorch does */
    float beta1, beta2, one_minus_beta1, one_minus_beta2; /* Adam; the differences are made in double */
    float step_size, root_scale, eps;                     /* Adam: w -= step_size * m / (sqrt(v) * root_scale + eps) */
    float weight_decay;                                   /* SGD, Adam: g += weight_decay * w;  AdamW: w -= rate * weight_decay * w first */
};

/* Adam's step_size and root_scale for step t = 1, 2 …; pow is ours. */
void optimizer_fold(struct optimizer *o, enum eps_form form, double rate, double beta1, double beta2, double eps, int t);

/* A step as a problem: "sgd:v37m900n1f0d5" has 37 vectors, momentum 0.900, Nesterov's, is not the first step, weight decay 0.0005;
 * "adam:v37t3d0k1" is step 3, Keras' eps; "adamw:…" likewise. */
struct optimizer_problem {
    enum optimizer_kind kind;
    int vectors, decay;   /* vectors of 16 parameters; weight decay in 1/10000 */
    int momentum;         /* SGD: in 1/1000 */
    bool nesterov, first; /* SGD */
    int t;                /* Adam */
    enum eps_form form;   /* Adam */
};

/* NULL, or what is wrong; print gives `text`. */
const char *optimizer_parse(const char *text, struct optimizer_problem *p);
const char *optimizer_print(const struct optimizer_problem *p, char *text, size_t size);

/* Its scalars at rate 0.05; Adam's betas 0.9 and 0.999, eps 1e-8, in Keras' form 1e-7. */
struct optimizer optimizer_of(const struct optimizer_problem *p);

/* Updates parameters [begin, end) * 16 … (vectors of 16 floats; arenas pad with zeros, which stay zero) of w from gradients g.
 * SGD: g' = g + wd*w; m = momentum*m + g'; w -= rate * (nesterov ? g' + momentum*m : m); m unused (may be NULL) when momentum is 0.
 * Adam: m = beta1*m + (1-beta1)*g'; v = beta2*v + (1-beta2)*g'*g'; then as above. a*b + c is one fused multiply-add throughout. */
typedef void optimizer_fn(const struct optimizer *o, struct span vectors, real *w, const real *g, real *m, real *v);

/* A row of the table of optimizers: what it is and promises, and its functions, none of them NULL. */
struct optimizer_variant {
    struct variant head;
    optimizer_fn *step; /* one update of a span of parameters */
};

#endif
