/* SPDX-License-Identifier: MIT
 * Adam's scalars of one step, which every variant shares. The powers of beta come from our own pow: libm's differ between hosts, and these
 * numbers reach every weight. */
#include <assert.h>
#include <math.h>
#include "kernels.h"
#include "runtime/exact.h"

/* Both forms divide m by (1 - beta1^t) and v by (1 - beta2^t); they differ in whether eps meets the corrected or the raw sqrt(v). */
void optimizer_fold(struct optimizer *o, enum eps_form form, double rate, double beta1, double beta2, double eps, int t)
{
    assert(o != NULL);
    assert(t >= 1);
    assert(beta1 >= 0);
    assert(beta1 < 1);
    assert(beta2 >= 0);
    assert(beta2 < 1);
    const double correction1 = beta1 > 0 ? 1 - exact_pow(beta1, t) : 1;
    const double root2 = beta2 > 0 ? sqrt(1 - exact_pow(beta2, t)) : 1;
    o->rate = (float)rate;
    o->beta1 = (float)beta1;
    o->beta2 = (float)beta2;
    o->one_minus_beta1 = (float)(1 - beta1);
    o->one_minus_beta2 = (float)(1 - beta2);
    o->eps = (float)eps;
    if (form == EPS_PYTORCH) {
        o->step_size = (float)(rate / correction1);
        o->root_scale = (float)(1 / root2);
    } else {
        assert(form == EPS_KERAS);
        o->step_size = (float)(rate * root2 / correction1);
        o->root_scale = 1;
    }
}

struct optimizer optimizer_of(const struct optimizer_problem *p)
{
    assert(p);
    assert(p->kind <= OPTIMIZER_ADAMW);
    struct optimizer o = { .kind = p->kind, .rate = 0.05f, .weight_decay = (float)p->decay * 1e-4f };
    if (p->kind == OPTIMIZER_SGD) {
        o.momentum = (float)p->momentum / 1000;
        o.nesterov = p->nesterov;
        o.first = p->first;
    } else {
        optimizer_fold(&o, p->form, 0.05, 0.9, 0.999, p->form == EPS_KERAS ? 1e-7 : 1e-8, p->t);
    }
    return o;
}
