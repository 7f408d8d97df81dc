/* SPDX-License-Identifier: MIT
 * Included by t_<name>.c after that implementation's header: the functions of the table. */
#ifndef TESTS_T_RUN_H
#define TESTS_T_RUN_H

#include "t_api.h"

static void products(struct t_case *t)
{
    struct tiles s;
    t_begin(&s, t->rows, t->pairs);
    t_load_c(&s, 0, t->c[0][0], sizeof t->c[0][0]);
    if (t->zero) t_zero(&s, 5);
    else t_load_c(&s, 5, t->c[1][0], sizeof t->c[1][0]);
    t_load_a(&s, t->a[0][0], sizeof t->a[0][0]);
    t_load_b(&s, t->b[0][0], sizeof t->b[0][0]);
    t_mac(&s, 0);
    t_load_b(&s, t->b[1][0], sizeof t->b[1][0]);
    t_mac(&s, 5);
    t_load_a(&s, t->a[1][0], sizeof t->a[1][0]);
    t_mac(&s, 0);
    t_load_b(&s, t->b[0][0], sizeof t->b[0][0]);
    t_mac(&s, 5);
    t_store(&s, 0, t->c[0][0], sizeof t->c[0][0]);
    t_store(&s, 5, t->c[1][0], sizeof t->c[1][0]);
    t_end(&s);
}

static void turn8(const bf16 *from, bf16 *to, ptrdiff_t stride) { t_turn8(from, to, stride); }

#define T_API(NAME, RUNS) \
    { \
        NAME, RUNS, products, turn8 \
    }

#endif
