/* SPDX-License-Identifier: MIT
 * Conversion between floats and bf16 on vectors. */
#ifndef SIMD_CONVERT_BF16_H
#define SIMD_CONVERT_BF16_H

#include "../conv_bf16.h"

/* bf16_of() of V floats, in the upper halves. */
INLINE vu convert_upper(vf a)
{
    const vu bits = vu_of(a), odd = vu_and(vu_shr(bits, 16), vu_set(1));
    const vf rounded = v_of(vu_add(vu_add(bits, vu_set(0x7fff)), odd));
    return vu_and(vu_of(v_select(v_eq(a, a), rounded, v_of(vu_set(0x7fc00000)))), vu_set(0xffff0000u));
}

/* What of a number is let through: all; what is above zero, as a ReLU does; or as it hands gradients down, what is above zero in lines. */
enum gate { GATE_NONE, GATE_SELF, GATE_LINES };

INLINE vf convert_gated(vf a, enum gate gate, vu upper)
{
    return gate == GATE_NONE ? a : gate == GATE_SELF ? v_max(a, v_zero()) : v_keep(v_gt(v_of(upper), v_zero()), a);
}

/* Vector `part` of a line: the same images of its two channels. */
INLINE void convert_store(vf first, vf second, bf16 *line, int part)
{
    v_store((float *)(void *)(line + 2 * part * V), v_of(vu_add(vu_shr(convert_upper(first), 16), convert_upper(second))));
}
/* What a tensor is that an op takes as lines. */
static inline const bf16 *convert_lines_at(const float *x) { return (const bf16 *)(const void *)x; }
INLINE vu convert_load(const bf16 *line, int part) { return vu_load((const uint32_t *)(const void *)(line + 2 * part * V)); }
INLINE vf convert_first(vu words) { return v_of(vu_shl(words, 16)); }
INLINE vf convert_second(vu words) { return v_of(vu_and(words, vu_set(0xffff0000u))); }

/* Vector `part` of what is made of a line's two channels, through a gate; zeros for a second one that there is not. Numbers of bf16 already
 * (exact) need no rounding. */
INLINE void convert_made(const vf made[2], bool both, bool exact, enum gate gate, const bf16 *by, bf16 *to, int part)
{
    const vu open = gate == GATE_LINES ? convert_load(by, part) : vu_set(0);
    const vf first = convert_gated(made[0], gate, vu_shl(open, 16)),
             second = both ? convert_gated(made[1], gate, vu_and(open, vu_set(0xffff0000u))) : v_zero();
    if (exact) v_store((float *)(void *)(to + 2 * part * V), v_of(vu_add(vu_shr(vu_of(first), 16), vu_of(second))));
    else convert_store(first, second, to, part);
}

/* Two channels of 16 images to a line; second NULL: zero. */
INLINE void convert_line_gated(const float *first, const float *second, enum gate gate, const bf16 *by, bf16 *line)
{
    UNROLL_FOR (int part = 0; part < PARTS; part++) {
        const vu open = gate == GATE_LINES ? vu_load((const uint32_t *)(const void *)(by + 2 * part * V)) : vu_set(0);
        vu words = vu_shr(convert_upper(convert_gated(v_load(first + part * V), gate, vu_shl(open, 16))), 16);
        if (second) {
            const vf a = convert_gated(v_load(second + part * V), gate, vu_and(open, vu_set(0xffff0000u)));
            words = vu_add(words, convert_upper(a));
        }
        v_store((float *)(void *)(line + 2 * part * V), v_of(words));
    }
}

INLINE void convert_line(const float *first, const float *second, bf16 *line) { convert_line_gated(first, second, GATE_NONE, NULL, line); }

INLINE void convert_lines_row(const float *x, int pixels, int c, enum gate gate, const bf16 *by, bf16 *to)
{
    if (c % 2 == 0) {
        for (int i = 0; i < pixels * (c / 2); i++)
            convert_line_gated(x + i * 2 * LANES, x + (i * 2 + 1) * LANES, gate, by + i * LINE, to + i * LINE);
        return;
    }
    for (int pixel = 0; pixel < pixels; pixel++, x += c * LANES)
        for (int i = 0; i < c; i += 2, to += LINE, by += LINE)
            convert_line_gated(x + i * LANES, i + 1 < c ? x + (i + 1) * LANES : NULL, gate, by, to);
}

/* Where the first pixel of row h of a block is. */
static inline ptrdiff_t convert_at(const struct bf16_map *m, int block, int h)
{
    return (((ptrdiff_t)block * bf16_map_rows(m) + m->top + h) * bf16_map_pitch(m) + (ptrdiff_t)m->left * bf16_lines(m->c)) * LINE;
}

INLINE void convert_lines_by(const struct bf16_map *m, struct span rows, const float *x, enum gate gate, const struct bf16_gate *by,
                             bf16 *lines)
{
    const int lines_of = bf16_lines(m->c), framed = bf16_map_rows(m);
    const ptrdiff_t pitch = (ptrdiff_t)bf16_map_pitch(m) * LINE, left = (ptrdiff_t)m->left * lines_of * LINE,
                    right = (ptrdiff_t)m->right * lines_of * LINE, row = (ptrdiff_t)m->w * m->c * LANES;
    for (int at = rows.begin; at < rows.end; at++) {
        bf16 *to = lines + at * pitch;
        const int block = at / framed, h = at % framed - m->top;
        if (h < 0 || h >= m->h) {
            memset(to, 0, (size_t)pitch * sizeof *to);
            continue;
        }
        const bf16 *open = gate == GATE_LINES ? by->lines + convert_at(&by->map, block, h) : lines;
        memset(to, 0, (size_t)left * sizeof *to);
        convert_lines_row(x + ((ptrdiff_t)block * m->h + h) * row, m->w, m->c, gate, open, to + left);
        memset(to + pitch - right, 0, (size_t)right * sizeof *to);
    }
}

static void convert_lines(const struct bf16_map *m, struct span rows, const float *x, bf16 *lines)
{
    convert_lines_by(m, rows, x, GATE_NONE, NULL, lines);
}

static void convert_gated_lines(const struct bf16_map *m, struct span rows, const float *x, const struct bf16_gate *gate, bf16 *lines)
{
    if (gate->lines) convert_lines_by(m, rows, x, GATE_LINES, gate, lines);
    else convert_lines_by(m, rows, x, GATE_SELF, gate, lines);
}

/* bf16_of() of `count` floats in their order. No vector of v.h narrows; gcc's and clang's own vectors do. */
static inline void convert_narrow(const float *from, bf16 *to, int count)
{
    typedef uint32_t words __attribute__((vector_size(LANES * sizeof(uint32_t))));
    typedef bf16 halves __attribute__((vector_size(LANES * sizeof(bf16))));
    for (; count > 0; count -= LANES, from += LANES, to += LANES) {
        const size_t some = (size_t)(count < LANES ? count : LANES);
        words bits = { 0 };
        memcpy(&bits, from, some == LANES ? sizeof bits : some * sizeof *from);
        const words nan = (words)((bits & 0x7fffffffu) > 0x7f800000u), rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
        const halves narrow = __builtin_convertvector((rounded & ~nan) | (nan & 0x7fc0), halves);
        memcpy(to, &narrow, some == LANES ? sizeof narrow : some * sizeof *to);
    }
}

static void convert_pairs(const struct bf16_map *m, struct span pairs, const float *x, bf16 *to)
{
    const int in_block = (m->h + 1) / 2, channels = m->w * m->c;
    const ptrdiff_t row = (ptrdiff_t)channels * LANES;
    for (int at = pairs.begin; at < pairs.end; at++) {
        const int h = at % in_block * 2;
        const float *first = x + ((ptrdiff_t)(at / in_block) * m->h + h) * row, *second = h + 1 < m->h ? first + row : NULL;
        bf16 *line = to + (ptrdiff_t)at * channels * LINE;
        for (int i = 0; i < channels; i++, line += LINE) {
            convert_narrow(first + i * LANES, line, LANES);
            if (second) convert_narrow(second + i * LANES, line + LANES, LANES);
            else memset(line + LANES, 0, LANES * sizeof *line);
        }
    }
}

/* A line of two channels in one row and in the next (NULL: zeros) to a line of each channel; to[1] is left alone where there is but one. */
static inline void convert_line_pairs(const bf16 *row, const bf16 *next, bool both, bf16 *to)
{
    typedef uint32_t words __attribute__((vector_size(LANES * sizeof(uint32_t))));
    typedef bf16 halves __attribute__((vector_size(LANES * sizeof(bf16))));
    const bf16 *const from[2] = { row, next };
    for (int i = 0; i < 2; i++) {
        words pair = { 0 };
        if (from[i]) memcpy(&pair, from[i], sizeof pair);
        const halves first = __builtin_convertvector(pair & 0xffff, halves), second = __builtin_convertvector(pair >> 16, halves);
        memcpy(to + i * LANES, &first, sizeof first);
        if (both) memcpy(to + LINE + i * LANES, &second, sizeof second);
    }
}

static void convert_pairs_of_lines(const struct bf16_map *m, struct span pairs, const bf16 *lines, bf16 *to)
{
    const int in_block = (m->h + 1) / 2, lines_of = bf16_lines(m->c);
    for (int at = pairs.begin; at < pairs.end; at++) {
        const int h = at % in_block * 2;
        const bf16 *row = lines + convert_at(m, at / in_block, h),
                   *next = h + 1 < m->h ? lines + convert_at(m, at / in_block, h + 1) : NULL;
        bf16 *line = to + (ptrdiff_t)at * m->w * m->c * LINE;
        for (int i = 0; i < m->w * lines_of; i++, row += LINE) {
            const bool both = m->c % 2 == 0 || i % lines_of < lines_of - 1;
            convert_line_pairs(row, next, both, line);
            next = next ? next + LINE : NULL;
            line += both ? 2 * LINE : LINE;
        }
    }
}

static void convert_round(struct span vectors, float *x)
{
    float *const end = x + (ptrdiff_t)vectors.end * LANES;
    for (float *at = x + (ptrdiff_t)vectors.begin * LANES; at < end; at += V) v_store(at, v_of(convert_upper(v_load(at))));
}

static void convert_floats(const struct bf16_map *m, struct span rows, const bf16 *lines, float *x)
{
    const int lines_of = bf16_lines(m->c);
    for (int at = rows.begin; at < rows.end; at++) {
        const bf16 *from = lines + convert_at(m, at / m->h, at % m->h);
        float *to = x + (ptrdiff_t)at * m->w * m->c * LANES;
        for (int i = 0; i < m->w * lines_of; i++, from += LINE) {
            const bool both = m->c % 2 == 0 || i % lines_of < lines_of - 1;
            UNROLL_FOR (int part = 0; part < PARTS; part++) {
                const vu words = convert_load(from, part);
                v_store(to + part * V, convert_first(words));
                if (both) v_store(to + LANES + part * V, convert_second(words));
            }
            to += both ? 2 * LANES : LANES;
        }
    }
}

#endif
