/* SPDX-License-Identifier: MIT
 * Batch normalisation on vectors: per channel lane chains down the rows of a span, one fixed tree at its end. */
#ifndef SIMD_BATCHNORM_H
#define SIMD_BATCHNORM_H

#include "../kernels.h"

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

/* Sums over the rows of up to MOMENT_CHANNELS channels from c on: into first[] and (not AWAY) second[]. */
INLINE void moment_strip(const struct batchnorm *p, enum moment kind, struct span rows, const struct moments *of)
{
    float chains[2][MOMENT_CHANNELS * LANES], out[4];
    const size_t used = sizeof(float) * (size_t)((of->channels + 3) / 4 * 4 * LANES);
    memset(chains[0], 0, used);
    memset(chains[1], 0, used);
    const struct moments m = { of->channels, of->pixel, of->x, of->dy, of->centre, of->scale, of->shift, chains[0], chains[1] };
    moment_chains(p, kind, &m, rows);
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
    const float *some = x + (ptrdiff_t)rows.begin * p->w * p->c * LANES;
    const float count = (float)live_values(p, rows);
    float apart[MOMENT_CHANNELS];
    for (int c = 0; c < p->c; c += MOMENT_CHANNELS) {
        const int channels = moment_channels(p, c);
        const float *strip = x + (ptrdiff_t)c * LANES;
        const struct moments m = { channels, (ptrdiff_t)p->c * LANES, strip, strip, mean + c, NULL, NULL, apart, m2 + c };
        for (int i = 0; i < channels; i++) mean[c + i] = some[(c + i) * LANES];
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
        const ptrdiff_t at = (ptrdiff_t)c * LANES;
        struct moments m = {
            moment_channels(p, c), (ptrdiff_t)p->c * LANES, x + at, dy + at, mean + c, NULL, NULL, sum_dy + c, sum_dyx + c
        };
        if (batchnorm_relu(p)) {
            m.scale = p->through->scale + c;
            m.shift = p->through->shift + c;
            moment_strip(p, MOMENT_THROUGH, rows, &m);
        } else {
            moment_strip(p, MOMENT_BACK, rows, &m);
        }
    }
}

static void batchnorm_apply(const struct batchnorm *p, struct span rows, const float *x, const float *scale, const float *shift, float *y)
{
    ptrdiff_t pixels = (ptrdiff_t)(rows.end - rows.begin) * p->w, at = (ptrdiff_t)rows.begin * p->w * p->c * LANES;
    for (ptrdiff_t i = 0; i < pixels; i++) {
        for (int c = 0; c < p->c; c++, at += LANES) {
            vf a = v_set(scale[c]), b = v_set(shift[c]);
            UNROLL_FOR (int part = 0; part < PARTS; part++) v_store(y + at + part * V, v_fma(v_load(x + at + part * V), a, b));
        }
    }
}

INLINE void batchnorm_bwd_rows(const struct batchnorm *p, struct span rows, const float *x, const float *dy,
                               const struct batchnorm_back *back, float *dx, const struct through *through, const bool relu)
{
    for (int row = rows.begin; row < rows.end; row++) {
        unsigned alive = batchnorm_alive(p, row / p->h);
        ptrdiff_t at = (ptrdiff_t)row * p->w * p->c * LANES;
        for (int q = 0; q < p->w; q++) {
            for (int c = 0; c < p->c; c++, at += LANES) {
                vf va = v_set(back->a[c]), vb = v_set(back->b[c]), vd = v_set(back->d[c]), vmean = v_set(back->mean[c]);
                vf scale = relu ? v_set(through->scale[c]) : v_zero(), shift = relu ? v_set(through->shift[c]) : v_zero();
                UNROLL_FOR (int part = 0; part < PARTS; part++) {
                    vf value = v_load(x + at + part * V), ds = v_load(dy + at + part * V), away = v_sub(value, vmean);
                    vf got = v_fma(va, relu ? batchnorm_passed(value, ds, scale, shift) : ds, v_fma(vb, away, vd));
                    v_store(dx + at + part * V, v_keep(v_mask(alive >> (part * V)), got));
                }
            }
        }
    }
}

static void batchnorm_bwd_apply(const struct batchnorm *p, struct span rows, const float *x, const float *dy,
                                const struct batchnorm_back *back, float *dx)
{
    if (batchnorm_relu(p)) batchnorm_bwd_rows(p, rows, x, dy, back, dx, p->through, true);
    else batchnorm_bwd_rows(p, rows, x, dy, back, dx, NULL, false);
}

#endif
