/* SPDX-License-Identifier: MIT
 * The tile contract on AMX. The tile shape is set by t_begin() and given up by t_end(), so that no state outlives a kernel and the system
 * has nothing to save between them. The instructions stand here as asm: gcc's intrinsic for a load does not say that it reads memory. */
#ifndef SIMD_T_AMX_H
#define SIMD_T_AMX_H

#include "v_avx512.h"
#include "t.h"

struct tiles {
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shape;
};

INLINE void t_begin(struct tiles *t, int rows, int pairs)
{
    memset(t, 0, sizeof *t);
    t->shape.palette = 1;
    for (int i = 0; i < 8; i++) {
        t->shape.rows[i] = (uint8_t)(i < 7 ? rows : pairs);
        t->shape.row_bytes[i] = (uint16_t)(i == 6 ? 4 * pairs : 64);
    }
    __asm__ volatile("ldtilecfg %0" : : "m"(t->shape) : "memory");
}
INLINE void t_end(struct tiles *t)
{
    (void)t;
    __asm__ volatile("tilerelease" : : : "memory");
}

#define t_zero(t, C) ((void)(t), t_zero_(C))
#define t_zero_(C) ({ __asm__ volatile("tilezero %%tmm" #C : : : "memory"); })
#define t_load_(T, p, stride) \
    ({ __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #T : : "r"((const void *)(p)), "r"((ptrdiff_t)(stride)) : "memory"); })
#define t_load_a(t, p, stride) ((void)(t), t_load_(6, p, stride))
#define t_load_b(t, p, stride) ((void)(t), t_load_(7, p, stride))
#define t_load_c(t, T, p, stride) ((void)(t), t_load_(T, p, stride))
#define t_store(t, T, p, stride) ((void)(t), t_store_(T, p, stride))
#define t_store_(T, p, stride) \
    ({ __asm__ volatile("tilestored %%tmm" #T ", (%0,%1,1)" : : "r"((void *)(p)), "r"((ptrdiff_t)(stride)) : "memory"); })
#define t_mac(t, C) ((void)(t), t_mac_(C))
#define t_mac_(C) ({ __asm__ volatile("tdpbf16ps %%tmm7, %%tmm6, %%tmm" #C : : : "memory"); })

/* A word permute makes 8 quadwords of each line, one per image pair; then 8 x 8 quadwords are turned: 32 shuffles. (Every CPU with AMX has
 * AVX-512BW.) */
INLINE void t_turn8(const bf16 *from, bf16 *to, ptrdiff_t stride)
{
    static const uint16_t order[32] = { 0,  2,  1,  3,  4,  6,  5,  7,  8,  10, 9,  11, 12, 14, 13, 15,
                                        16, 18, 17, 19, 20, 22, 21, 23, 24, 26, 25, 27, 28, 30, 29, 31 };
    const __m512i index = _mm512_loadu_si512(order);
    const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    __m512i a[8], b[8];
    UNROLL_FOR (int i = 0; i < 8; i++) a[i] = _mm512_permutexvar_epi16(index, _mm512_loadu_si512(from + i * LINE));
    UNROLL_FOR (int i = 0; i < 8; i += 2) { /* quadwords of two lines: pairs 0 2 4 6 and 1 3 5 7 */
        b[i] = _mm512_unpacklo_epi64(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 1]);
    }
    UNROLL_FOR (int i = 0; i < 2; i++) {
        UNROLL_FOR (int half = 0; half < 2; half++) { /* of four lines: image pairs i and 4 + i, 2 + i and 6 + i */
            a[4 * i + half] = _mm512_permutex2var_epi64(b[4 * half + i], low, b[4 * half + 2 + i]);
            a[4 * i + 2 + half] = _mm512_permutex2var_epi64(b[4 * half + i], high, b[4 * half + 2 + i]);
        }
    }
    UNROLL_FOR (int i = 0; i < 2; i++) {
        UNROLL_FOR (int j = 0; j < 2; j++) {
            const __m512i first = a[4 * i + 2 * j], second = a[4 * i + 2 * j + 1];
            _mm512_storeu_si512((char *)to + (2 * j + i) * stride, _mm512_shuffle_i64x2(first, second, 0x44));
            _mm512_storeu_si512((char *)to + (4 + 2 * j + i) * stride, _mm512_shuffle_i64x2(first, second, 0xEE));
        }
    }
}

#endif
