/* SPDX-License-Identifier: MIT
 * Products of transformed planes, for every algorithm that works in a transformed domain: m[plane][vector][K] = sum over C of
 * v[plane][vector][C] * u[plane][K][C]. That is a "direct" convolution of one tap per plane, so its register tiles are used as they are.
 *
 * Vectors are taken in passes of one register tile each, whose planes stand together, so that a pass works in a small cache:
 *   v[pass][plane][vector][C][V]   u[tile of K][plane][C][channels of the tile]   m[plane][vector][channels][V], one pass, some tiles.
 * Plane after plane goes through those tiles, up to PLANES_CHANNELS channels: v is then read from L2 once for all of them, at the price
 * of a larger m. Planes of v and m stand a cache line further apart than they need, so that they do not fall on the same sets. */
#ifndef SIMD_PLANES_H
#define SIMD_PLANES_H

#include "../kernels.h"
#include "conv_tile.h"

static inline int least(int a, int b) { return a < b ? a : b; }
static inline int largest(int a, int b) { return a > b ? a : b; }
static inline int whole_lanes(int c) { return (c + LANES - 1) / LANES * LANES; }

enum { PLANES_CHANNELS = 16 };

struct planes {
    int count, c;                       /* planes, input channels */
    int all;                            /* planes of u, of which these may be some, */
    ptrdiff_t u_gap;                    /* and floats between two */
    int vectors, width;                 /* vectors there are, vectors per pass */
    ptrdiff_t v_plane, v_pass, m_plane; /* strides in floats */
};

static inline struct planes planes_of(int count, int c, int k, int vectors, const struct tile_row *tiles)
{
    const int width = tile_pick(tiles, k, k)->pixels, passes = (vectors + width - 1) / width;
    const int even = (vectors + passes - 1) / passes;
    const ptrdiff_t v_plane = (ptrdiff_t)even * c * V + LANES;
    return (struct planes){ count, c, count, 0, vectors, even, v_plane, count * v_plane, (ptrdiff_t)even * PLANES_CHANNELS * V + LANES };
}

/* Floats of u, of v and of m, whatever the tiles. */
static inline ptrdiff_t planes_u_floats(int count, int c, int k) { return (ptrdiff_t)count * c * k; }
static inline ptrdiff_t planes_v_floats(int count, int c, int vectors)
{
    return count * ((ptrdiff_t)(2 * vectors) * c * V + vectors * LANES);
}
static inline ptrdiff_t planes_m_floats(int count) { return count * ((ptrdiff_t)MAX_PIXELS * PLANES_CHANNELS * V + LANES); }

/* Where vector i stands, first channel. */
static inline float *planes_vector(const struct planes *o, int i, float *v)
{
    return v + i / o->width * o->v_pass + (ptrdiff_t)(i % o->width) * o->c * V;
}

/* Output channels that go together, `left` to go: as many tiles of this size as fit. */
static inline int planes_channels(int left, const struct tile_row *row)
{
    return least(left, PLANES_CHANNELS) / row->channels * row->channels;
}

/* The pass that begins at vector `first`, for as many output channels, tiles of one size, whose first plane is at u; returns its vectors.
 */
static inline int planes_products(const struct planes *o, int first, int channels, const struct tile_row *row, const float *u, float *v,
                                  float *m)
{
    const ptrdiff_t u_plane = (ptrdiff_t)o->c * row->channels + o->u_gap;
    struct tile t = { .rows = 1,
                      .taps = 1,
                      .run = o->c,
                      .groups = channels / row->channels,
                      .w_group = o->all * u_plane,
                      .w = u,
                      .planes = o->count,
                      .x_plane = o->v_plane,
                      .y_plane = o->m_plane,
                      .w_plane = u_plane };
    const int count = o->vectors - first < o->width ? o->vectors - first : o->width;
    for (int done = 0; done < count; done += t.pixels) {
        t.pixels = count - done < row->pixels ? count - done : row->pixels;
        for (int i = 0; i < t.pixels; i++) {
            t.x[i] = planes_vector(o, first + done + i, v);
            t.y[i] = m + (ptrdiff_t)(done + i) * channels * V;
        }
        row->run(&t);
    }
    return count;
}

/* A weight transform of V (output, input) pairs: from[tap][16 lanes] to planes that lie so many floats apart. The kernel is splits x splits
 * of extent x extent taps, each with inputs of its own: u[plane][K][split][C]. */
struct planes_weights {
    int planes, splits, extent;
    void (*run)(const void *transform, const float *from, float *to, ptrdiff_t plane);
    const void *transform;
};

/* u of a convolution's weights; for backward-data taps are flipped and channels swapped. Lanes run over the [C][channels] of a tile, so
 * they are stored as they come. `room` holds taps + planes vectors of 16. */
static inline void planes_pack(const struct conv *p, const struct tile_row *tiles, enum conv_direction direction,
                               const struct planes_weights *weights, const float *w, float *u, float *room)
{
    const bool flip = direction == CONV_BWD_DATA;
    const int count = weights->planes, outputs = flip ? p->c : p->k, inputs = flip ? p->k : p->c, all = p->r * p->s;
    const int splits = weights->splits, extent = weights->extent, taps = extent * extent;
    float *to = room + taps * LANES;
    memset(room, 0, sizeof *room * (size_t)(taps * LANES));
    for (int k = 0, channels; k < outputs; k += channels) {
        channels = tile_pick(tiles, outputs, outputs - k)->channels;
        const ptrdiff_t plane = (ptrdiff_t)splits * splits * inputs * channels;
        for (int first = 0, lanes; first < plane; first += lanes) {
            lanes = least((int)plane - first, LANES);
            for (int i = 0; i < lanes; i++) {
                const int split = (first + i) / channels / inputs, top = split / splits * extent, left = split % splits * extent;
                const ptrdiff_t input = (first + i) / channels % inputs, output = k + (first + i) % channels;
                const float *one = w + (flip ? input * all * p->c + output : output * all * p->c + input);
                for (int r = 0; r < extent; r++) {
                    for (int s = 0; s < extent; s++) {
                        const int tap = (top + r) * p->s + left + s;
                        const bool inside = top + r < p->r && left + s < p->s;
                        room[(r * extent + s) * LANES + i] = inside ? one[(ptrdiff_t)(flip ? all - 1 - tap : tap) * p->c] : 0;
                    }
                }
                for (int t = i; t < count && first + LANES < plane; t += LANES) v_prefetch(u + t * plane + first + LANES);
            }
            for (int part = 0; part < PARTS; part++) {
                if (lanes == LANES) weights->run(weights->transform, room + part * V, u + first + part * V, plane);
                else weights->run(weights->transform, room + part * V, to + part * V, LANES);
            }
            for (int i = 0; i < count && lanes < LANES; i++) memcpy(u + i * plane + first, to + i * LANES, sizeof *u * (size_t)lanes);
        }
        u += count * plane;
    }
}

#endif
