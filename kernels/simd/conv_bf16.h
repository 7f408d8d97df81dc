/* SPDX-License-Identifier: MIT
 * Convolution over tiles (t.h): forward and backward-data.
 *
 * A kernel row of a window is S * ceil(C / 2) neighbouring lines, whatever C is, and is cut into tiles of equally many lines; the last
 * begins earlier where they do not come out even, and its weights for lines that were had are zero. A tile's products take as long for
 * one line as for 16, so their number is all that counts. Hence with few output channels a tile makes several neighbouring pixels at once
 * (8 -> 8, 3x3: two pixels' window is 16 lines, one product per kernel row for both): their windows are one, wider, with weights that are
 * zero where a pixel does not look. Up to six such tiles share each tile of weights.
 *
 * Backward-data is the same on dy with turned weights, once per phase of the stride. */
#ifndef SIMD_CONV_BF16_H
#define SIMD_CONV_BF16_H

#include "convert_bf16.h"

enum { TILE = 16, TILE_WEIGHTS = TILE * LINE, TILE_SUMS = 6 };

/* A pass over the rows of one phase of the stride (forward has one). */
struct bf16_sweep {
    int lines, pitch, in_rows;             /* lines of a pixel and of a framed row; framed rows of a block */
    int r, s, step;                        /* kernel of this phase */
    int row_at, column_at;                 /* framed row and column where the window of output 0, 0 begins */
    int q, k;                              /* outputs of a row, channels */
    int out_h, out_w, spread, row, column; /* of the result; every how many rows and columns the phase has an output, and its first */
    int pixels, rows, tiles, pairs;        /* pixels of a tile, its rows; tiles of a kernel row, their pairs */
    const bf16 *in, *packed;
    float *out;
    const float *bias; /* for 16 images, for as many rows as tiles have, channel by channel; NULL: none */
};

static inline int tile_least(int a, int b) { return a < b ? a : b; }
static inline int tile_most(int a, int b) { return a > b ? a : b; }
static inline int tile_parts(int all, int part) { return (all + part - 1) / part; }

static inline int bf16_sweep_run(const struct bf16_sweep *s, int pixels) { return (s->s + (pixels - 1) * s->step) * s->lines; }

/* Where part i of `all` begins, parts of `part` but the last moved back to fit. */
static inline int tile_at(int i, int part, int all) { return tile_least(i * part, all - part); }

/* As many pixels in a tile as make the fewest products per pixel. */
static inline void bf16_sweep_tiles(struct bf16_sweep *s)
{
    const int most_pixels = s->spread == 1 && s->k <= TILE / 2 ? tile_least(TILE / s->k, s->q) : 1;
    s->pixels = 1;
    for (int i = 2; i <= most_pixels; i++)
        if (tile_parts(bf16_sweep_run(s, i), TILE) * s->pixels < tile_parts(bf16_sweep_run(s, s->pixels), TILE) * i) s->pixels = i;
    const int run = s->r ? bf16_sweep_run(s, s->pixels) : 0;
    s->rows = tile_least(s->pixels * s->k, TILE);
    s->tiles = tile_parts(run, TILE);
    s->pairs = s->tiles ? tile_parts(run, s->tiles) : 1;
}

static inline int bf16_sweep_groups(const struct bf16_sweep *s) { return tile_parts(s->pixels * s->k, TILE); }
static inline size_t bf16_sweep_weights(const struct bf16_sweep *s)
{
    return (size_t)bf16_sweep_groups(s) * (size_t)s->r * (size_t)s->tiles * TILE_WEIGHTS;
}

static inline struct bf16_sweep bf16_sweep_forward(const struct conv *p)
{
    const struct bf16_map x = conv_bf16_x(p);
    struct bf16_sweep s = { .lines = bf16_lines(p->c),
                            .pitch = bf16_map_pitch(&x),
                            .in_rows = bf16_map_rows(&x),
                            .r = p->r,
                            .s = p->s,
                            .step = p->step,
                            .q = p->q,
                            .k = p->k,
                            .out_h = p->p,
                            .out_w = p->q,
                            .spread = 1 };
    bf16_sweep_tiles(&s);
    return s;
}

/* The taps of a phase along one axis: every step-th from `first` on. Output 0 of the phase sees dy from `start` (may be negative) on. */
static inline int bf16_phase_taps(int phase, int pad, int kernel, int step, int *start)
{
    const int first = (phase + pad) % step, taps = first < kernel ? tile_parts(kernel - first, step) : 0;
    *start = (phase + pad - first) / step - taps + 1;
    return taps;
}

static inline struct bf16_sweep bf16_sweep_backward(const struct conv *p, int row, int column)
{
    const struct bf16_map dy = conv_bf16_dy(p);
    int top, left;
    struct bf16_sweep s = { .lines = bf16_lines(p->k),
                            .pitch = bf16_map_pitch(&dy),
                            .in_rows = bf16_map_rows(&dy),
                            .step = 1,
                            .k = p->c,
                            .out_h = p->h,
                            .out_w = p->w,
                            .spread = p->step,
                            .row = row,
                            .column = column };
    s.r = bf16_phase_taps(row, p->top, p->r, p->step, &top);
    s.s = bf16_phase_taps(column, p->left, p->s, p->step, &left);
    if (!s.r || !s.s) s.r = s.s = 0;
    s.row_at = dy.top + top;
    s.column_at = dy.left + left;
    s.q = column < p->w ? tile_parts(p->w - column, p->step) : 0;
    bf16_sweep_tiles(&s);
    return s;
}

/* ---- weights ---- */

/* w(k, r, s, c) of a sweep: forward as it stands, backward turned about and with channels exchanged. */
static inline float bf16_sweep_weight(const struct conv *p, const struct bf16_sweep *s, bool forward, const float *w, int k, int r, int tap,
                                      int c)
{
    if (tap < 0 || tap >= s->s || c >= (forward ? p->c : p->k)) return 0;
    if (forward) return w[(((ptrdiff_t)k * p->r + r) * p->s + tap) * p->c + c];
    const int row = (s->row + p->top) % p->step + (s->r - 1 - r) * p->step;
    const int column = (s->column + p->left) % p->step + (s->s - 1 - tap) * p->step;
    return w[(((ptrdiff_t)c * p->r + row) * p->s + column) * p->c + k];
}

/* The two ways of a tile that are worth it, both for one pixel: forward with an even C, where a kernel row's weights lie as its lines do;
 * and backward, where 16 neighbouring input channels' weights for two output channels are a line, to be transposed. */
static void bf16_sweep_pack_rows(const struct conv *p, const struct bf16_sweep *s, const float *w, int channel, int r, int at, bf16 *to)
{
    for (int m = 0; m < s->rows; m++)
        convert_narrow(w + ((ptrdiff_t)(channel + m) * p->r + r) * p->s * p->c + 2 * at, to + m * LINE, 2 * s->pairs);
}
static void bf16_sweep_pack_turned(const struct conv *p, const struct bf16_sweep *s, const float *w, int channel, int r, int at, bf16 *to)
{
    _Alignas(64) bf16 lines[TILE_WEIGHTS];
    const int row = (s->row + p->top) % p->step + (s->r - 1 - r) * p->step;
    memset(lines, 0, sizeof lines);
    for (int j = 0; j < s->pairs; j++) {
        const int tap = (at + j) / s->lines, k = (at + j) % s->lines * 2;
        const int column = (s->column + p->left) % p->step + (s->s - 1 - tap) * p->step;
        const float *first = w + (((ptrdiff_t)k * p->r + row) * p->s + column) * p->c + channel;
        convert_line(first, k + 1 < p->k ? first + (ptrdiff_t)p->r * p->s * p->c : NULL, lines + j * LINE);
    }
    v_transpose16((const float *)(const void *)lines, (float *)(void *)to, TILE);
}

static void bf16_sweep_pack_any(const struct conv *p, const struct bf16_sweep *s, bool forward, const float *w, int channel, int r, int at,
                                bf16 *to)
{
    for (int m = 0; m < s->rows; m++) {
        const int row = channel + m, pixel = row / s->k, k = row % s->k;
        for (int j = 0; j < s->pairs; j++) {
            const int line = at + j, tap = line / s->lines - pixel * s->step, c = line % s->lines * 2;
            to[m * LINE + 2 * j] = bf16_of(bf16_sweep_weight(p, s, forward, w, k, r, tap, c));
            to[m * LINE + 2 * j + 1] = bf16_of(bf16_sweep_weight(p, s, forward, w, k, r, tap, c + 1));
        }
    }
}

/* Tile i of kernel row r for the rows of group g: [rows][2 * pairs], rows LINE apart. */
static void sweep_pack_tile(const struct conv *p, const struct bf16_sweep *s, bool forward, const float *w, int g, int r, int i, bf16 *to)
{
    const int at = tile_at(i, s->pairs, bf16_sweep_run(s, s->pixels));
    const int channel = tile_at(g, TILE, tile_most(s->pixels * s->k, TILE)), had = i * s->pairs - at; /* lines that the tile before has */
    memset(to, 0, TILE_WEIGHTS * sizeof *to);
    if (s->pixels == 1 && forward && p->c % 2 == 0) bf16_sweep_pack_rows(p, s, w, channel, r, at, to);
    else if (s->rows == TILE && s->pixels == 1 && !forward) bf16_sweep_pack_turned(p, s, w, channel, r, at, to);
    else bf16_sweep_pack_any(p, s, forward, w, channel, r, at, to);
    for (int m = 0; m < s->rows; m++) memset(to + m * LINE, 0, (size_t)had * 2 * sizeof *to);
}

static bf16 *bf16_sweep_pack(const struct conv *p, const struct bf16_sweep *s, bool forward, const float *w, bf16 *to)
{
    for (int g = 0; g < bf16_sweep_groups(s); g++)
        for (int r = 0; r < s->r; r++)
            for (int i = 0; i < s->tiles; i++, to += TILE_WEIGHTS) sweep_pack_tile(p, s, forward, w, g, r, i, to);
    return to;
}

static void conv_bf16_pack(const struct conv *p, enum conv_direction direction, const float *w, bf16 *packed)
{
    if (direction == CONV_FWD) {
        const struct bf16_sweep s = bf16_sweep_forward(p);
        bf16_sweep_pack(p, &s, true, w, packed);
        return;
    }
    for (int phase = 0; phase < p->step * p->step; phase++) {
        const struct bf16_sweep s = bf16_sweep_backward(p, phase / p->step, phase % p->step);
        packed = bf16_sweep_pack(p, &s, false, w, packed);
    }
}

static size_t conv_bf16_packed_bytes(const struct conv *p, enum conv_direction direction)
{
    size_t weights = 0;
    if (direction == CONV_FWD) {
        const struct bf16_sweep s = bf16_sweep_forward(p);
        weights = bf16_sweep_weights(&s);
    }
    for (int phase = 0; direction == CONV_BWD_DATA && phase < p->step * p->step; phase++) {
        const struct bf16_sweep s = bf16_sweep_backward(p, phase / p->step, phase % p->step);
        weights += bf16_sweep_weights(&s);
    }
    return weights * sizeof(bf16);
}

/* ---- products ---- */

/* Up to six tiles on their way: where the first lines of each one's windows are, and where its sums go. */
struct bf16_group {
    int count;
    const bf16 *in[TILE_SUMS];
    float *out[TILE_SUMS];
};

#define EACH_SUM(N, DO) \
    { \
        DO(0); \
        if (N > 1) { DO(1); } \
        if (N > 2) { DO(2); } \
        if (N > 3) { DO(3); } \
        if (N > 4) { DO(4); } \
        if (N > 5) { DO(5); } \
    }

/* Rows of channel group `g` of all N tiles. */
INLINE void bf16_group_tile(struct tiles *t, const struct bf16_sweep *s, const struct bf16_group *all, int g, const int N)
{
    const int channel = tile_at(g, TILE, tile_most(s->pixels * s->k, TILE)), run = s->tiles ? bf16_sweep_run(s, s->pixels) : 0;
    const bf16 *weights = s->packed + (ptrdiff_t)g * s->r * s->tiles * TILE_WEIGHTS;
    const float *bias = s->bias ? s->bias + channel * LANES : NULL;
#define START(I) t_load_c(t, I, bias, 64)
#define ZERO(I) t_zero(t, I)
#define ADD(I) t_load_b(t, all->in[I] + at, 64), t_mac(t, I)
#define STORE(I) t_store(t, I, all->out[I] + channel * LANES, 64)
    if (bias) EACH_SUM(N, START)
    else EACH_SUM(N, ZERO)
    for (int r = 0; r < s->r; r++) {
        for (int i = 0; i < s->tiles; i++, weights += TILE_WEIGHTS) {
            const ptrdiff_t at = ((ptrdiff_t)r * s->pitch + tile_at(i, s->pairs, run)) * LINE;
            t_load_a(t, weights, 64);
            EACH_SUM(N, ADD)
        }
    }
    EACH_SUM(N, STORE)
#undef START
#undef ZERO
#undef ADD
#undef STORE
}

static void bf16_group_flush(struct tiles *t, const struct bf16_sweep *s, struct bf16_group *all)
{
    for (int g = 0; g < bf16_sweep_groups(s); g++) {
        switch (all->count) {
        case 6: bf16_group_tile(t, s, all, g, 6); break;
        case 5: bf16_group_tile(t, s, all, g, 5); break;
        case 4: bf16_group_tile(t, s, all, g, 4); break;
        case 3: bf16_group_tile(t, s, all, g, 3); break;
        case 2: bf16_group_tile(t, s, all, g, 2); break;
        case 1: bf16_group_tile(t, s, all, g, 1); break;
        default: break;
        }
    }
    all->count = 0;
}

/* The phase's rows within a span of all rows. */
static void bf16_sweep_rows(const struct bf16_sweep *s, struct span rows)
{
    struct tiles t;
    struct bf16_group all = { 0 };
    if (s->q <= 0 || rows.begin >= rows.end) return;
    t_begin(&t, s->rows, s->pairs);
    for (int row = rows.begin; row < rows.end; row++) {
        const int h = row % s->out_h;
        if (h % s->spread != s->row) continue;
        const int in_row = row / s->out_h * s->in_rows + s->row_at + h / s->spread * s->step;
        const bf16 *in = s->in + ((ptrdiff_t)in_row * s->pitch + s->column_at * s->lines) * LINE;
        float *out = s->out + ((ptrdiff_t)row * s->out_w + s->column) * s->k * LANES;
        for (int tile = 0; tile < tile_parts(s->q, s->pixels); tile++) {
            const int q = tile_at(tile, s->pixels, s->q);
            all.in[all.count] = in + (ptrdiff_t)q * s->step * s->lines * LINE;
            all.out[all.count++] = out + (ptrdiff_t)q * s->spread * s->k * LANES;
            if (all.count == TILE_SUMS) bf16_group_flush(&t, s, &all);
        }
    }
    bf16_group_flush(&t, s, &all);
    t_end(&t);
}

static size_t bf16_sweep_scratch(const struct conv *p) { return (size_t)tile_most(p->k, TILE) * LANES * sizeof(float); }

static void conv_bf16_fwd(const struct conv *p, struct span rows, const bf16 *x, const bf16 *packed, const float *b, float *y,
                          void *scratch)
{
    struct bf16_sweep s = bf16_sweep_forward(p);
    float *bias = scratch;
    for (int i = 0; b && i < tile_most(s.rows, p->k) * LANES; i++) bias[i] = b[i / LANES % p->k];
    s.in = x;
    s.packed = packed;
    s.out = y;
    s.bias = b ? bias : NULL;
    bf16_sweep_rows(&s, rows);
}

static void conv_bf16_bwd_data(const struct conv *p, struct span rows, const bf16 *dy, const bf16 *packed, float *dx, void *scratch)
{
    (void)scratch;
    for (int phase = 0; phase < p->step * p->step; phase++) {
        struct bf16_sweep s = bf16_sweep_backward(p, phase / p->step, phase % p->step);
        s.in = dy;
        s.packed = packed;
        s.out = dx;
        packed += bf16_sweep_weights(&s);
        bf16_sweep_rows(&s, rows);
    }
}

#endif
