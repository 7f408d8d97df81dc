/* SPDX-License-Identifier: MIT
 * Wrong pooling: one plain implementation with a flaw to choose. */
#include "mutants.h"

enum flaw {
    NONE,
    LATER_TIE,
    LAST_TAP,
    ZERO_PADDING,
    NAN_WINS,
    PAD_COUNT,
    PAST_SPAN,
    INDEX_INSIDE,
    ALWAYS_ARGMAX,
    OVERWRITES,
    FIRST_WINDOW,
    RECIPROCAL
};

static size_t at4(int row, int w, int ws, int c, int cs)
{
    return (((size_t)row * (size_t)ws + (size_t)w) * (size_t)cs + (size_t)c) * LANES;
}

static bool inside(const struct pool *p, int h, int w) { return h >= 0 && h < p->h && w >= 0 && w < p->w; }

static int taps_of(const struct pool *p, int o, int q, enum flaw flaw)
{
    int count = 0;
    for (int i = 0; i < p->r * p->s; i++) count += inside(p, o * p->step - p->top + i / p->s, q * p->step - p->left + i % p->s);
    return p->count_pad != (flaw == PAD_COUNT) ? p->r * p->s : count;
}

/* The window of float i of an output row; y and argmax are its own. */
static void window(const struct pool *p, int row, int i, const float *x, float *y, uint8_t *argmax, enum flaw flaw)
{
    const int o = row % p->p, block = row / p->p, q = i / (p->c * LANES), c = i / LANES % p->c;
    bool any = false;
    int seen = 0;
    for (int tap = 0; tap < p->r * p->s - (flaw == LAST_TAP && p->r * p->s > 2); tap++) {
        const int h = o * p->step - p->top + tap / p->s, w = q * p->step - p->left + tap % p->s;
        if (!inside(p, h, w) && flaw != ZERO_PADDING) continue;
        const float in = inside(p, h, w) ? x[at4(block * p->h + h, w, p->w, c, p->c) + (size_t)(i % LANES)] : 0;
        const bool wins = flaw == LATER_TIE ? in >= *y : flaw == NAN_WINS ? !(in <= *y) : in > *y;
        if (!any || (p->kind == POOL_MAX && wins)) {
            *y = in;
            if (argmax && (p->kind == POOL_MAX || flaw == ALWAYS_ARGMAX)) *argmax = (uint8_t)(flaw == INDEX_INSIDE ? seen : tap);
        } else if (p->kind == POOL_AVG) {
            *y += in;
        }
        any = true;
        seen++;
    }
    const float taps = (float)taps_of(p, o, q, flaw);
    if (p->kind == POOL_AVG) *y = flaw == RECIPROCAL ? *y * (1 / taps) : *y / taps;
}

static void fwd(const struct pool *p, struct span rows, const float *x, float *y, uint8_t *argmax, enum flaw flaw)
{
    if (flaw == PAST_SPAN && rows.end > rows.begin) rows.end++;
    for (int row = rows.begin; row < rows.end; row++)
        for (int i = 0; i < p->q * p->c * LANES; i++) {
            const size_t at = (size_t)row * (size_t)(p->q * p->c * LANES) + (size_t)i;
            window(p, row, i, x, y + at, argmax ? argmax + at : NULL, flaw);
        }
}

static void bwd(const struct pool *p, struct span rows, const float *dy, const uint8_t *argmax, float *dx, enum flaw flaw)
{
    for (int row = rows.begin; row < rows.end; row++)
        for (int i = 0; i < p->w * p->c * LANES; i++) {
            const int v = i / (p->c * LANES), c = i / LANES % p->c;
            float sum = 0;
            bool any = false;
            for (int at_window = 0; at_window < p->p * p->q; at_window++) {
                const int o = at_window / p->q, q = at_window % p->q, r = row % p->h - o * p->step + p->top, s = v - q * p->step + p->left;
                if (r < 0 || r >= p->r) at_window += p->q - 1 - q;
                if (r < 0 || r >= p->r || s < 0 || s >= p->s || (flaw == FIRST_WINDOW && any)) continue;
                const size_t at = at4(row / p->h * p->p + o, q, p->q, c, p->c) + (size_t)(i % LANES);
                const bool taken = p->kind == POOL_AVG || argmax[at] == (flaw == INDEX_INSIDE ? s * p->r + r : r * p->s + s);
                const float share = taken ? dy[at] / (float)(p->kind == POOL_AVG ? taps_of(p, o, q, flaw) : 1) : 0;
                sum = flaw == OVERWRITES && taken ? share : sum + share;
                any = true;
            }
            dx[(size_t)row * (size_t)(p->w * p->c * LANES) + (size_t)i] = sum;
        }
}

static void fwd_right(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax) { fwd(p, s, x, y, argmax, NONE); }
static void fwd_later(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax)
{
    fwd(p, s, x, y, argmax, LATER_TIE);
}
static void fwd_short(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax) { fwd(p, s, x, y, argmax, LAST_TAP); }
static void fwd_zero(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax)
{
    fwd(p, s, x, y, argmax, ZERO_PADDING);
}
static void fwd_nan(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax) { fwd(p, s, x, y, argmax, NAN_WINS); }
static void fwd_count(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax)
{
    fwd(p, s, x, y, argmax, PAD_COUNT);
}
static void fwd_past(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax) { fwd(p, s, x, y, argmax, PAST_SPAN); }
static void fwd_index(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax)
{
    fwd(p, s, x, y, argmax, INDEX_INSIDE);
}
static void fwd_argmax(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax)
{
    fwd(p, s, x, y, argmax, ALWAYS_ARGMAX);
}
static void fwd_recip(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax)
{
    fwd(p, s, x, y, argmax, RECIPROCAL);
}
static void bwd_right(const struct pool *p, struct span s, const float *dy, const uint8_t *argmax, float *dx)
{
    bwd(p, s, dy, argmax, dx, NONE);
}
static void bwd_over(const struct pool *p, struct span s, const float *dy, const uint8_t *argmax, float *dx)
{
    bwd(p, s, dy, argmax, dx, OVERWRITES);
}
static void bwd_first(const struct pool *p, struct span s, const float *dy, const uint8_t *argmax, float *dx)
{
    bwd(p, s, dy, argmax, dx, FIRST_WINDOW);
}
static void bwd_index(const struct pool *p, struct span s, const float *dy, const uint8_t *argmax, float *dx)
{
    bwd(p, s, dy, argmax, dx, INDEX_INSIDE);
}
static void bwd_count(const struct pool *p, struct span s, const float *dy, const uint8_t *argmax, float *dx)
{
    bwd(p, s, dy, argmax, dx, PAD_COUNT);
}

/* ---- wrong with lines, right with floats: over the portable row, since the reference takes none ---- */

static const struct pool_variant *lined(void) { return kernels_of(ISA_PORTABLE)->pool; }

static void lines_fwd(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax) { lined()->fwd(p, s, x, y, argmax); }
static void lines_bwd(const struct pool *p, struct span s, const float *dy, const uint8_t *argmax, float *dx)
{
    lined()->bwd(p, s, dy, argmax, dx);
}

/* Of a pair, the first channel's maxima have the second one's taps. */
static void lines_taps(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax)
{
    lined()->fwd(p, s, x, y, argmax);
    if (!p->lines || p->c < 2 || !argmax || s.begin == s.end) return;
    uint8_t *at = argmax + (ptrdiff_t)s.begin * p->q * p->c * LANES;
    memcpy(at, at + LANES, LANES);
}

static void lines_ungated(const struct pool *p, struct span s, const float *x, float *y, uint8_t *argmax)
{
    struct bf16_operands wrong;
    struct pool other = *p;
    if (p->lines) wrong = *p->lines, wrong.gate = NULL, other.lines = &wrong;
    lined()->fwd(&other, s, x, y, argmax);
}

/* The gate of values in the place of that of gradients. */
static void lines_by_itself(const struct pool *p, struct span s, const float *dy, const uint8_t *argmax, float *dx)
{
    struct bf16_operands wrong;
    struct bf16_gate gate;
    struct pool other = *p;
    if (p->lines && p->lines->gate) {
        wrong = *p->lines, gate = *wrong.gate;
        gate.map = wrong.made, gate.lines = (const bf16 *)(const void *)dx;
        wrong.gate = &gate, other.lines = &wrong;
    }
    lined()->bwd(&other, s, dy, argmax, dx);
}

/* Overlapping windows' sums are not rounded but cut off. */
static void lines_cut_off(const struct pool *p, struct span s, const float *dy, const uint8_t *argmax, float *dx)
{
    lined()->bwd(p, s, dy, argmax, dx);
    if (!p->lines || s.end == s.begin) return;
    const struct bf16_map *m = &p->lines->made;
    const size_t row = (size_t)(s.begin / p->h * bf16_map_rows(m) + m->top + s.begin % p->h) * (size_t)bf16_map_pitch(m);
    bf16 *at = (bf16 *)(void *)dx + (row + (size_t)(m->left * bf16_lines(m->c))) * LINE;
    for (size_t i = 0; i < LINE; i++) at[i] = at[i] & 0x7fff && p->step == 1 ? (bf16)(at[i] - 1) : at[i];
}

#define LINES_MUTANT(NAME, FWD, BWD) \
    { \
        NAME, &(const struct pool_variant){ { "wrong", ISA_PORTABLE, EXACT_ON_INTEGERS | SAME_BITS_OVER_SPANS | TAKES_LINES }, FWD, BWD } \
                   .head \
    }

#define MUTANT(NAME, FWD, BWD) \
    { \
        NAME, &(const struct pool_variant){ { "wrong", ISA_SCALAR, EXACT_ON_INTEGERS | SAME_BITS_OVER_SPANS }, FWD, BWD }.head \
    }

static const struct mutant mutants[] = {
    MUTANT("right", fwd_right, bwd_right),
    MUTANT("max keeps the last of a tie", fwd_later, bwd_right),
    MUTANT("fwd drops the last tap", fwd_short, bwd_right),
    MUTANT("padding takes part as zeros", fwd_zero, bwd_right),
    MUTANT("max lets NaN win", fwd_nan, bwd_right),
    MUTANT("average takes count1 the wrong way round", fwd_count, bwd_right),
    MUTANT("fwd writes a row past its span", fwd_past, bwd_right),
    MUTANT("argmax counts taps inside the image only", fwd_index, bwd_right),
    MUTANT("average writes argmax", fwd_argmax, bwd_right),
    MUTANT("average multiplies by the reciprocal", fwd_recip, bwd_right),
    MUTANT("bwd overwrites where windows overlap", fwd_right, bwd_over),
    MUTANT("bwd asks the first window only", fwd_right, bwd_first),
    MUTANT("bwd reads argmax column by column", fwd_right, bwd_index),
    MUTANT("bwd of the average takes count1 the wrong way round", fwd_right, bwd_count),
    LINES_MUTANT("fwd of lines keeps the taps of the other channel", lines_taps, lines_bwd),
    LINES_MUTANT("fwd of lines forgets the gate", lines_ungated, lines_bwd),
    LINES_MUTANT("bwd of lines is gated by what it makes", lines_fwd, lines_by_itself),
    LINES_MUTANT("bwd of lines is off by one where windows overlap", lines_fwd, lines_cut_off),
};

const struct mutant *pool_mutants(int *count)
{
    *count = (int)(sizeof mutants / sizeof *mutants);
    return mutants;
}
