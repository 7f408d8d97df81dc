/* SPDX-License-Identifier: MIT
 * The tile contract on vectors, bit for bit what t.h says: a bf16 is a float whose lower half is zero, so a line of pairs is two vectors
 * after a shift and a mask, and each is one FMA per row of the left operand, which is widened when it is loaded.
 *
 * Denormals: x86 has the hardware's own rule as a mode. Arm's mode flushes what is small before rounding, a few values more: where the
 * mode has flushed anything in a product (a flag tells, which is almost never set), the product is made again by the definition. RISC-V has
 * no such mode: there every product is made by the definition, slowly. */
#ifndef SIMD_T_VECTORS_H
#define SIMD_T_VECTORS_H

#include "t.h"

enum { TILE_GROUP = V_REGISTERS < 32 ? 4 : 8 }; /* rows side by side: two sums each, in registers */

struct tiles {
    int rows, pairs;
    uint64_t mode; /* the caller's, while ours is on */
    _Alignas(64) float c[6][16][16];
    _Alignas(64) float wide[16][32]; /* the left operand as floats */
    const bf16 *a, *b;
    ptrdiff_t a_row, b_row; /* elements */
};

#if defined(__aarch64__)
INLINE uint64_t t_flush_on(void)
{
    enum { FZ = 1 << 24 };
    uint64_t old;
    __asm__ volatile("mrs %0, fpcr" : "=r"(old) : : "memory");
    __asm__ volatile("msr fpcr, %0" : : "r"(old | FZ) : "memory");
    return old;
}
INLINE void t_flush_off(uint64_t old) { __asm__ volatile("msr fpcr, %0" : : "r"(old) : "memory"); }
INLINE void t_forget(void) { __asm__ volatile("msr fpsr, xzr" : : : "memory"); }
enum { T_FLUSHES = 1, T_FLUSHES_MORE = 1 }; /* is there a mode; does it flush values that t.h keeps */
INLINE bool t_has_flushed(void)
{
    enum { UNDERFLOW = 1 << 3 };
    uint64_t status;
    __asm__ volatile("mrs %0, fpsr" : "=r"(status) : : "memory");
    return status & UNDERFLOW;
}
#elif defined(__riscv)
INLINE uint64_t t_flush_on(void) { return 0; }
INLINE void t_flush_off(uint64_t old) { (void)old; }
INLINE void t_forget(void) {}
INLINE bool t_has_flushed(void) { return true; }
enum { T_FLUSHES = 0, T_FLUSHES_MORE = 0 };
#else
/* As asm with memory named: what is computed goes through memory on both sides, so nothing moves past a change of mode. */
INLINE uint64_t t_flush_on(void)
{
    enum { DENORMALS_ARE_ZERO = 1 << 6, FLUSH_TO_ZERO = 1 << 15 };
    uint32_t old, now;
    __asm__ volatile("stmxcsr %0" : "=m"(old) : : "memory");
    now = old | DENORMALS_ARE_ZERO | FLUSH_TO_ZERO;
    __asm__ volatile("ldmxcsr %0" : : "m"(now) : "memory");
    return old;
}
INLINE void t_flush_off(uint64_t old)
{
    const uint32_t mode = (uint32_t)old;
    __asm__ volatile("ldmxcsr %0" : : "m"(mode) : "memory");
}
INLINE void t_forget(void) {}
enum { T_FLUSHES = 1, T_FLUSHES_MORE = 0 };
INLINE bool t_has_flushed(void) { return false; }
#endif

INLINE void t_begin(struct tiles *t, int rows, int pairs)
{
    t->rows = rows;
    t->pairs = pairs;
    memset(t->c, 0, sizeof t->c); /* rows of a group beyond the last are computed, too */
    memset(t->wide, 0, sizeof t->wide);
    t->mode = t_flush_on();
}
INLINE void t_end(struct tiles *t) { t_flush_off(t->mode); }
INLINE void t_zero(struct tiles *t, int c) { memset(t->c[c], 0, sizeof t->c[c]); }
INLINE void t_load_c(struct tiles *t, int c, const float *p, ptrdiff_t stride)
{
    for (int m = 0; m < t->rows; m++) memcpy(t->c[c][m], (const char *)p + m * stride, sizeof t->c[c][m]);
}
INLINE void t_store(struct tiles *t, int c, float *p, ptrdiff_t stride)
{
    for (int m = 0; m < t->rows; m++) memcpy((char *)p + m * stride, t->c[c][m], sizeof t->c[c][m]);
}
INLINE void t_load_b(struct tiles *t, const bf16 *p, ptrdiff_t stride)
{
    t->b = p;
    t->b_row = stride / (ptrdiff_t)sizeof *p;
}
INLINE void t_load_a(struct tiles *t, const bf16 *p, ptrdiff_t stride)
{
    t->a = p;
    t->a_row = stride / (ptrdiff_t)sizeof *p;
    for (int m = 0; m < t->rows; m++) {
        const bf16 *row = p + m * t->a_row;
        uint32_t bits[32];
        for (int k = 0; k < 2 * t->pairs; k++) bits[k] = (uint32_t)row[k] << 16;
        memcpy(t->wide[m], bits, (size_t)t->pairs * 2 * sizeof *bits);
    }
}

/* c[TILE_GROUP rows][V columns] += a[TILE_GROUP rows] * b. */
INLINE void t_rows(const struct tiles *t, const float (*a)[32], const bf16 *b, ptrdiff_t b_row, float (*c)[16], int column)
{
    vf even[TILE_GROUP], odd[TILE_GROUP];
    UNROLL_FOR (int m = 0; m < TILE_GROUP; m++) even[m] = odd[m] = v_zero();
    for (int k = 0; k < t->pairs; k++) {
        const vu pair = vu_load((const uint32_t *)(const void *)(b + k * b_row + 2 * column));
        const vf first = v_of(vu_shl(pair, 16)), second = v_of(vu_and(pair, vu_set(0xffff0000u)));
        UNROLL_FOR (int m = 0; m < TILE_GROUP; m++) {
            even[m] = v_fma(v_set(a[m][2 * k]), first, even[m]);
            odd[m] = v_fma(v_set(a[m][2 * k + 1]), second, odd[m]);
        }
    }
    UNROLL_FOR (int m = 0; m < TILE_GROUP; m++) v_store(c[m] + column, v_add(v_load(c[m] + column), v_add(even[m], odd[m])));
}

static inline void t_mac(struct tiles *t, int c)
{
    float before[16][16];
    if (T_FLUSHES_MORE) memcpy(before, t->c[c], sizeof before);
    t_forget();
    for (int m = 0; T_FLUSHES && m < t->rows; m += TILE_GROUP) {
        for (int column = 0; column < 16; column += V) t_rows(t, (const float(*)[32])t->wide + m, t->b, t->b_row, t->c[c] + m, column);
    }
    if (!t_has_flushed()) return;
    if (T_FLUSHES_MORE) memcpy(t->c[c], before, sizeof before);
    t_flush_off(t->mode);
    t_product(t->rows, t->pairs, t->a, t->a_row, t->b, t->b_row, t->c[c]);
    t_flush_on();
}
INLINE void t_turn8(const bf16 *from, bf16 *to, ptrdiff_t stride)
{
    for (int line = 0; line < 8; line++) t_turn1(from + line * LINE, to + 4 * line, stride);
}

#endif
