/* SPDX-License-Identifier: MIT
 * The tile contract in plain C: the definition of t.h. Operands stay where they are. */
#ifndef SIMD_T_PORTABLE_H
#define SIMD_T_PORTABLE_H

#include "v_portable.h"
#include "t.h"

struct tiles {
    int rows, pairs;
    float c[6][16][16];
    const bf16 *a, *b;
    ptrdiff_t a_row, b_row; /* elements */
};

INLINE void t_begin(struct tiles *t, int rows, int pairs)
{
    t->rows = rows;
    t->pairs = pairs;
}
INLINE void t_end(struct tiles *t) { (void)t; }
INLINE void t_zero(struct tiles *t, int c) { memset(t->c[c], 0, sizeof t->c[c]); }
INLINE void t_load_c(struct tiles *t, int c, const float *p, ptrdiff_t stride)
{
    for (int m = 0; m < t->rows; m++) memcpy(t->c[c][m], (const char *)p + m * stride, sizeof t->c[c][m]);
}
INLINE void t_store(struct tiles *t, int c, float *p, ptrdiff_t stride)
{
    for (int m = 0; m < t->rows; m++) memcpy((char *)p + m * stride, t->c[c][m], sizeof t->c[c][m]);
}
INLINE void t_load_a(struct tiles *t, const bf16 *p, ptrdiff_t stride)
{
    t->a = p;
    t->a_row = stride / (ptrdiff_t)sizeof *p;
}
INLINE void t_load_b(struct tiles *t, const bf16 *p, ptrdiff_t stride)
{
    t->b = p;
    t->b_row = stride / (ptrdiff_t)sizeof *p;
}
INLINE void t_mac(struct tiles *t, int c) { t_product(t->rows, t->pairs, t->a, t->a_row, t->b, t->b_row, t->c[c]); }
INLINE void t_turn8(const bf16 *from, bf16 *to, ptrdiff_t stride)
{
    for (int line = 0; line < 8; line++) t_turn1(from + line * LINE, to + 4 * line, stride);
}

#endif
