/* SPDX-License-Identifier: MIT
 * Batch normalisation on vectors: per channel lane chains down the rows of a span, one fixed tree at its end. */
#ifndef SIMD_BATCHNORM_H
#define SIMD_BATCHNORM_H

#include "../kernels.h"
#include "convert_bf16.h"

/* Lanes of a block that hold images, as bits. */
static inline unsigned batchnorm_alive(const struct batchnorm *p, int block)
{
    int live = p->n - block * LANES;
    return live >= LANES ? 0xffffu : (1u << live) - 1;
}

/* Sums over live lanes: pass AWAY sums x - centre; AROUND that and its square at once; BACK dy and dy * (x - centre), THROUGH likewise of
 * dy that ReLU lets pass. */
enum moment { MOMENT_AWAY, MOMENT_AROUND, MOMENT_BACK, MOMENT_THROUGH };

/* dy where ReLU of x * scale + shift lets it pass. */
INLINE vf batchnorm_passed(vf x, vf dy, vf scale, vf shift) { return v_keep(v_gt(v_fma(x, scale, shift), v_zero()), dy); }

INLINE void moment_pixel(enum moment kind, vf *first, vf *second, vf x, vf dy, vf centre, bool whole, vm alive)
{
    const vf away = v_sub(x, centre), one = kind >= MOMENT_BACK ? dy : away;
    const vf a = v_add(*first, one), b = kind == MOMENT_AWAY ? *second : v_fma(one, away, *second);
    *first = whole ? a : v_select(alive, a, *first);
    if (kind != MOMENT_AWAY) *second = whole ? b : v_select(alive, b, *second);
}

/* Up to MOMENT_CHANNELS channels' sums: from where, and where to; on their way that is the chains that they are added to. */
struct moments {
    int channels;
    ptrdiff_t pixel; /* floats from one to the next */
    const float *x, *dy, *centre, *scale, *shift;
    float *first, *second; /* [channels], chains [channels][16] */
};

enum { MOMENT_CHANNELS = 32, MOMENT_PIXELS = 4, MOMENT_NEAR = 1 << 16 }; /* the last in floats of a tensor */

/* P neighbouring pixels' channels onto their lane chains, which lie in memory: one load and store of a chain per P pixels. Going through
 * P pixels side by side is no order that the hardware foresees, so what lies far away (not in L2) is asked for P pixels ahead. */
INLINE void moment_pixels(enum moment kind, const struct moments *m, ptrdiff_t from, const int P, bool whole, bool far, unsigned alive)
{
    const ptrdiff_t pixel = m->pixel;
    const float *x = m->x + from, *dy = m->dy + from;
    float *first = m->first, *second = m->second;
    for (int c = 0; c < m->channels; c++) {
        const vf centre = v_set(m->centre[c]);
        const vf scale = kind == MOMENT_THROUGH ? v_set(m->scale[c]) : v_zero(),
                 shift = kind == MOMENT_THROUGH ? v_set(m->shift[c]) : v_zero();
        if (far) {
            UNROLL_FOR (int i = 0; i < P; i++) {
                v_prefetch(x + (P + i) * pixel + c * LANES);
                if (kind >= MOMENT_BACK) v_prefetch(dy + (P + i) * pixel + c * LANES);
            }
        }
        UNROLL_FOR (int part = 0; part < PARTS; part++) {
            const ptrdiff_t at = c * LANES + part * V;
            vf a = v_load(first + at), b = kind != MOMENT_AWAY ? v_load(second + at) : v_zero();
            UNROLL_FOR (int i = 0; i < P; i++) {
                const vf value = v_load(x + i * pixel + at), all = kind >= MOMENT_BACK ? v_load(dy + i * pixel + at) : v_zero();
                const vf ds = kind == MOMENT_THROUGH ? batchnorm_passed(value, all, scale, shift) : all;
                moment_pixel(kind, &a, &b, value, ds, centre, whole, v_mask(alive >> (part * V)));
            }
            v_store(first + at, a);
            if (kind != MOMENT_AWAY) v_store(second + at, b);
        }
    }
}

/* The rows' lane chains. */
INLINE void moment_chains(const struct batchnorm *p, enum moment kind, const struct moments *m, struct span rows)
{
    const bool far = m->pixel * image_blocks(p->n) * p->h * p->w > MOMENT_NEAR;
    for (int row = rows.begin; row < rows.end; row++) {
        const unsigned alive = batchnorm_alive(p, row / p->h);
        ptrdiff_t at = row * p->w * m->pixel;
        int q = 0;
        for (; q + MOMENT_PIXELS <= p->w && alive == 0xffffu; q += MOMENT_PIXELS, at += MOMENT_PIXELS * m->pixel)
            moment_pixels(kind, m, at, MOMENT_PIXELS, true, far, alive);
        for (; q < p->w; q++, at += m->pixel) moment_pixels(kind, m, at, 1, false, false, alive);
    }
}

/* ---- the same of lines: two channels at a time, by the same operations in the same order -------------------------------------------- */

/* P neighbouring pixels of a row onto the lane chains. A channel without a second one in its line has that of zeros, which is not read. */
INLINE void line_pixels(enum moment kind, const struct moments *m, const bf16 *x, const bf16 *dy, const int P, bool whole, unsigned alive)
{
    for (int c = 0; c < m->channels; c += 2) {
        const vf centre[2] = { v_set(m->centre[c]), v_set(m->centre[c + (c + 1 < m->channels)]) };
        UNROLL_FOR (int part = 0; part < PARTS; part++) {
            float *first = m->first + c * LANES + part * V, *second = m->second + c * LANES + part * V;
            const vm live = v_mask(alive >> (part * V));
            vf a[2] = { v_load(first), v_load(first + LANES) }, b[2] = { v_zero(), v_zero() };
            if (kind != MOMENT_AWAY) b[0] = v_load(second), b[1] = v_load(second + LANES);
            UNROLL_FOR (int i = 0; i < P; i++) {
                const vu words = convert_load(x + i * m->pixel + c * LANES, part);
                const vu all = kind >= MOMENT_BACK ? convert_load(dy + i * m->pixel + c * LANES, part) : vu_set(0);
                moment_pixel(kind, &a[0], &b[0], convert_first(words), convert_first(all), centre[0], whole, live);
                moment_pixel(kind, &a[1], &b[1], convert_second(words), convert_second(all), centre[1], whole, live);
            }
            v_store(first, a[0]), v_store(first + LANES, a[1]);
            if (kind != MOMENT_AWAY) v_store(second, b[0]), v_store(second + LANES, b[1]);
        }
    }
}

/* The rows' lane chains. */
INLINE void line_chains(const struct batchnorm *p, enum moment kind, const struct moments *m, struct span rows)
{
    for (int row = rows.begin; row < rows.end; row++) {
        const unsigned alive = batchnorm_alive(p, row / p->h);
        const bf16 *x = convert_lines_at(m->x) + convert_at(&p->lines->x, row / p->h, row % p->h),
                   *dy = kind >= MOMENT_BACK ? convert_lines_at(m->dy) + convert_at(&p->lines->dy, row / p->h, row % p->h) : x;
        int q = 0;
        for (; q + MOMENT_PIXELS <= p->w && alive == 0xffffu; q += MOMENT_PIXELS, x += MOMENT_PIXELS * m->pixel) {
            line_pixels(kind, m, x, dy, MOMENT_PIXELS, true, alive);
            dy += MOMENT_PIXELS * m->pixel;
        }
        for (; q < p->w; q++, x += m->pixel, dy += m->pixel) line_pixels(kind, m, x, dy, 1, false, alive);
    }
}

/* ---- statistics -------------------------------------------------------------------------------------------------------------------- */

/* Where channel c (even) of tensors of lines or floats begins, and how far on its next pixel is. */
static inline const float *channel_of(const struct batchnorm *p, const float *x, int c)
{
    return p->lines ? (const float *)(const void *)(convert_lines_at(x) + c * LANES) : x + c * LANES;
}
static inline ptrdiff_t pixel_of(const struct batchnorm *p) { return p->lines ? bf16_lines(p->c) * LINE : p->c * LANES; }

/* The first value of a channel in a row. */
static inline float value_of(const struct batchnorm *p, const float *x, int row, int c)
{
    if (!p->lines) return x[((ptrdiff_t)row * p->w * p->c + c) * LANES];
    return bf16_value(convert_lines_at(x)[convert_at(&p->lines->x, row / p->h, row % p->h) + c / 2 * LINE + c % 2]);
}

/* Sums over the rows of up to MOMENT_CHANNELS channels from c on: into first[] and (not AWAY) second[]. */
INLINE void moment_strip(const struct batchnorm *p, enum moment kind, struct span rows, const struct moments *of)
{
    float chains[2][MOMENT_CHANNELS * LANES], out[4];
    const size_t used = sizeof(float) * (size_t)((of->channels + 3) / 4 * 4 * LANES);
    memset(chains[0], 0, used);
    memset(chains[1], 0, used);
    const struct moments m = { of->channels, of->pixel, of->x, of->dy, of->centre, of->scale, of->shift, chains[0], chains[1] };
    if (p->lines) line_chains(p, kind, &m, rows);
    else moment_chains(p, kind, &m, rows);
    for (int i = 0; i < of->channels; i += 4) {
        const size_t some = sizeof(float) * (size_t)(of->channels - i < 4 ? of->channels - i : 4);
        v_sum4(chains[0] + i * LANES, out);
        memcpy(of->first + i, out, some);
        if (kind == MOMENT_AWAY) continue;
        v_sum4(chains[1] + i * LANES, out);
        memcpy(of->second + i, out, some);
    }
}

static int moment_channels(const struct batchnorm *p, int c) { return p->c - c < MOMENT_CHANNELS ? p->c - c : MOMENT_CHANNELS; }

static int live_values(const struct batchnorm *p, struct span rows)
{
    int count = 0;
    for (int row = rows.begin; row < rows.end; row++) {
        const int live = p->n - row / p->h * LANES;
        count += (live < LANES ? live : LANES) * p->w;
    }
    return count;
}

/* The mean is found from the first value on, and corrected by what is left of the distances to it: neither the values' size nor a first
 * value far from the mean costs digits, and a constant channel's mean is exact. */
static void batchnorm_stats(const struct batchnorm *p, struct span rows, const float *x, float *mean, float *m2)
{
    const float count = (float)live_values(p, rows);
    float apart[MOMENT_CHANNELS];
    for (int c = 0; c < p->c; c += MOMENT_CHANNELS) {
        const int channels = moment_channels(p, c);
        const float *strip = channel_of(p, x, c);
        const struct moments m = { channels, pixel_of(p), strip, strip, mean + c, NULL, NULL, apart, m2 + c };
        for (int i = 0; i < channels; i++) mean[c + i] = value_of(p, x, rows.begin, c + i);
        moment_strip(p, MOMENT_AWAY, rows, &m);
        for (int i = 0; i < channels; i++) mean[c + i] += apart[i] / count;
        moment_strip(p, MOMENT_AROUND, rows, &m);
        for (int i = 0; i < channels; i++) {
            const float rest = apart[i] / count;
            if (!(rest - rest == 0)) continue; /* infinities: the mean is theirs */
            mean[c + i] += rest;
            m2[c + i] -= apart[i] * rest;
        }
    }
}

static inline bool batchnorm_relu(const struct batchnorm *p) { return p->through && p->through->relu; }

static void batchnorm_bwd_stats(const struct batchnorm *p, struct span rows, const float *x, const float *dy, const float *mean,
                                float *sum_dy, float *sum_dyx)
{
    for (int c = 0; c < p->c; c += MOMENT_CHANNELS) {
        struct moments m = {
            .channels = moment_channels(p, c), .pixel = pixel_of(p), .x = channel_of(p, x, c), .dy = channel_of(p, dy, c)
        };
        m.centre = mean + c, m.first = sum_dy + c, m.second = sum_dyx + c;
        if (batchnorm_relu(p)) {
            m.scale = p->through->scale + c;
            m.shift = p->through->shift + c;
            moment_strip(p, MOMENT_THROUGH, rows, &m);
        } else {
            moment_strip(p, MOMENT_BACK, rows, &m);
        }
    }
}

/* ---- what is made of lines ----------------------------------------------------------------------------------------------------------
 * From the last row to the first: what the sums have read last is still in L2. */

INLINE void line_apply(const bf16 *x, const float *scale, const float *shift, bool both, enum gate gate, bf16 *y)
{
    const vf a[2] = { v_set(scale[0]), v_set(scale[both]) }, b[2] = { v_set(shift[0]), v_set(shift[both]) };
    UNROLL_FOR (int part = 0; part < PARTS; part++) {
        const vu words = convert_load(x, part);
        const vf made[2] = { v_fma(convert_first(words), a[0], b[0]), v_fma(convert_second(words), a[1], b[1]) };
        convert_made(made, both, false, gate, NULL, y, part);
    }
}

INLINE void line_apply_rows(const struct batchnorm *p, struct span rows, const bf16 *x, const float *scale, const float *shift,
                            enum gate gate, bf16 *y)
{
    for (int row = rows.end - 1; row >= rows.begin; row--) {
        const bf16 *from = x + convert_at(&p->lines->x, row / p->h, row % p->h);
        bf16 *to = y + convert_at(&p->lines->made, row / p->h, row % p->h);
        for (int q = 0; q < p->w; q++) {
            int c = 0;
            for (; c + 2 <= p->c; c += 2, from += LINE, to += LINE) line_apply(from, scale + c, shift + c, true, gate, to);
            if (c == p->c) continue;
            line_apply(from, scale + c, shift + c, false, gate, to);
            from += LINE, to += LINE;
        }
    }
}

static void line_apply_all(const struct batchnorm *p, struct span rows, const float *x, const float *scale, const float *shift, float *y)
{
    bf16 *to = (bf16 *)(void *)y;
    if (p->lines->gate) line_apply_rows(p, rows, convert_lines_at(x), scale, shift, GATE_SELF, to);
    else line_apply_rows(p, rows, convert_lines_at(x), scale, shift, GATE_NONE, to);
}

/* Where a row's pixel stands in what backward reads and makes. */
struct line_back {
    const bf16 *x, *dy, *by;
    bf16 *dx;
};

INLINE void line_bwd(const struct line_back *at, const struct batchnorm_back *back, int c, bool both, enum gate gate, unsigned alive)
{
    const ptrdiff_t on = c / 2 * LINE;
    vf a[2], b[2], d[2], mean[2];
    UNROLL_FOR (int i = 0; i < 2; i++) {
        const int of = c + (i && both);
        a[i] = v_set(back->a[of]), b[i] = v_set(back->b[of]), d[i] = v_set(back->d[of]), mean[i] = v_set(back->mean[of]);
    }
    UNROLL_FOR (int part = 0; part < PARTS; part++) {
        const vu values = convert_load(at->x + on, part), all = convert_load(at->dy + on, part);
        const vf x[2] = { convert_first(values), convert_second(values) }, dy[2] = { convert_first(all), convert_second(all) };
        vf made[2];
        UNROLL_FOR (int i = 0; i < 2; i++)
            made[i] = v_keep(v_mask(alive >> (part * V)), v_fma(a[i], dy[i], v_fma(b[i], v_sub(x[i], mean[i]), d[i])));
        convert_made(made, both, false, gate, at->by + on, at->dx + on, part);
    }
}

INLINE void line_bwd_rows(const struct batchnorm *p, struct span rows, const struct line_back *all, const struct batchnorm_back *back,
                          enum gate gate)
{
    const struct bf16_operands *o = p->lines;
    const ptrdiff_t pixel = (ptrdiff_t)bf16_lines(p->c) * LINE;
    for (int row = rows.end - 1; row >= rows.begin; row--) {
        const int block = row / p->h, h = row % p->h;
        const unsigned alive = batchnorm_alive(p, block);
        struct line_back at = { all->x + convert_at(&o->x, block, h), all->dy + convert_at(&o->dy, block, h), all->x,
                                all->dx + convert_at(&o->made, block, h) };
        if (gate == GATE_LINES) at.by = all->by + convert_at(&o->gate->map, block, h);
        for (int q = 0; q < p->w; q++, at.x += pixel, at.dy += pixel, at.by += pixel, at.dx += pixel) {
            int c = 0;
            for (; c + 2 <= p->c; c += 2) line_bwd(&at, back, c, true, gate, alive);
            if (c < p->c) line_bwd(&at, back, c, false, gate, alive);
        }
    }
}

static void line_bwd_all(const struct batchnorm *p, struct span rows, const float *x, const float *dy, const struct batchnorm_back *back,
                         float *dx)
{
    const struct bf16_gate *gate = p->lines->gate;
    const struct line_back all = { convert_lines_at(x), convert_lines_at(dy), gate ? gate->lines : NULL, (bf16 *)(void *)dx };
    if (gate) line_bwd_rows(p, rows, &all, back, GATE_LINES);
    else line_bwd_rows(p, rows, &all, back, GATE_NONE);
}

/* ---- what is made, likewise from the last row on ------------------------------------------------------------------------------------- */

INLINE void batchnorm_apply_rows(const struct batchnorm *p, struct span rows, const float *x, const float *scale, const float *shift,
                                 float *y, const bool relu)
{
    for (int row = rows.end - 1; row >= rows.begin; row--) {
        ptrdiff_t at = (ptrdiff_t)row * p->w * p->c * LANES;
        for (int q = 0; q < p->w; q++) {
            for (int c = 0; c < p->c; c++, at += LANES) {
                vf a = v_set(scale[c]), b = v_set(shift[c]);
                UNROLL_FOR (int part = 0; part < PARTS; part++) {
                    const vf made = v_fma(v_load(x + at + part * V), a, b);
                    v_store(y + at + part * V, relu ? v_max(made, v_zero()) : made);
                }
            }
        }
    }
}

static void batchnorm_apply(const struct batchnorm *p, struct span rows, const float *x, const float *scale, const float *shift, float *y)
{
    if (p->lines) line_apply_all(p, rows, x, scale, shift, y);
    else if (p->relu) batchnorm_apply_rows(p, rows, x, scale, shift, y, true);
    else batchnorm_apply_rows(p, rows, x, scale, shift, y, false);
}

INLINE void batchnorm_bwd_rows(const struct batchnorm *p, struct span rows, const float *x, const float *dy,
                               const struct batchnorm_back *back, float *dx, const bool relu, const bool gated)
{
    const struct through *through = p->through;
    for (int row = rows.end - 1; row >= rows.begin; row--) {
        unsigned alive = batchnorm_alive(p, row / p->h);
        ptrdiff_t at = (ptrdiff_t)row * p->w * p->c * LANES;
        for (int q = 0; q < p->w; q++) {
            for (int c = 0; c < p->c; c++, at += LANES) {
                vf va = v_set(back->a[c]), vb = v_set(back->b[c]), vd = v_set(back->d[c]), vmean = v_set(back->mean[c]);
                vf scale = relu ? v_set(through->scale[c]) : v_zero(), shift = relu ? v_set(through->shift[c]) : v_zero();
                UNROLL_FOR (int part = 0; part < PARTS; part++) {
                    vf value = v_load(x + at + part * V), ds = v_load(dy + at + part * V), away = v_sub(value, vmean);
                    vf got = v_fma(va, relu ? batchnorm_passed(value, ds, scale, shift) : ds, v_fma(vb, away, vd));
                    if (gated) got = v_keep(v_gt(value, v_zero()), got);
                    v_store(dx + at + part * V, v_keep(v_mask(alive >> (part * V)), got));
                }
            }
        }
    }
}

static void batchnorm_bwd_apply(const struct batchnorm *p, struct span rows, const float *x, const float *dy,
                                const struct batchnorm_back *back, float *dx)
{
    if (p->lines) line_bwd_all(p, rows, x, dy, back, dx);
    else if (batchnorm_relu(p) && p->gated) batchnorm_bwd_rows(p, rows, x, dy, back, dx, true, true);
    else if (batchnorm_relu(p)) batchnorm_bwd_rows(p, rows, x, dy, back, dx, true, false);
    else if (p->gated) batchnorm_bwd_rows(p, rows, x, dy, back, dx, false, true);
    else batchnorm_bwd_rows(p, rows, x, dy, back, dx, false, false);
}

#endif
