/* SPDX-License-Identifier: MIT
 * Wrong convolutions: one plain implementation with a flaw to choose, so that each mutant is wrong in one place only. */
#include "mutants.h"

#include <math.h>
#include <string.h>

/* clang-format off */
enum flaw {
    NONE, PAST_SPAN, LAST_TAP, LAST_CHANNEL, PADDING_COUNTED, PAD_OFF_BY_ONE, STEP_IGNORED, SWAPPED_SIDES, BIAS_TWICE, BIAS_FORGOTTEN,
    ADDS_TO_OLD, LAST_COLUMN, DIRTY_INPUT, READS_PAST, DEAD_LANES, DB_FORGOTTEN, CHUNK_ONLY, FLUSHES, NAN_LOST, UNFLIPPED, HALF_PRECISION,
    PITCH_IS_K, SCRATCH_TRUSTED, OTHER_BITS, NOT_THROUGH, RELU_FORGOTTEN, GATE_OPEN, GATE_SELF, FLAWS
};
/* clang-format on */

static size_t lanes_of(int block, int row, int rows, int column, int columns, int channel, int channels)
{
    return ((((size_t)block * (size_t)rows + (size_t)row) * (size_t)columns + (size_t)column) * (size_t)channels + (size_t)channel) * LANES;
}

static float weight(const struct conv *p, const float *w, int k, int r, int s, int c)
{
    return w[(((size_t)k * (size_t)p->r + (size_t)r) * (size_t)p->s + (size_t)s) * (size_t)p->c + (size_t)c];
}

/* x, or what is read in its place. */
static float value(const struct conv *p, const float *x, size_t at, enum flaw flaw)
{
    const struct through *t = p->through;
    if (!t || flaw == NOT_THROUGH) return x[at];
    const size_t c = at / LANES % (size_t)p->c;
    const float scaled = fmaf(x[at], t->scale[c], t->shift[c]);
    return t->relu && flaw != RELU_FORGOTTEN && !(scaled > 0) ? 0 : scaled;
}

static float product(float a, float b, enum flaw flaw)
{
    float ab = a * b;
    if (flaw == FLUSHES && ab < 0x1p-126f && ab > -0x1p-126f) return 0;
    if (flaw == NAN_LOST && !(ab > -1e30f && ab < 1e30f)) return 0;
    if (flaw == HALF_PRECISION) return (float)((int)(ab * 1024)) / 1024;
    return ab;
}

/* The input row or column of a tap, or -1; the flaws of geometry live here. */
static int tap_at(int out, int tap, int step, int before, int extent, enum flaw flaw)
{
    int at = out * (flaw == STEP_IGNORED && step == 3 ? 2 : step) + tap - before + (flaw == PAD_OFF_BY_ONE && before > 0);
    if (flaw == PADDING_COUNTED && at < 0) return 0;
    return at >= 0 && at < extent ? at : -1;
}

/* Channel i % K of pixel i / K of an output row. */
static void fwd_pixel(const struct conv *p, int row, int i, const float *x, const float *w, const float *b, float *y, enum flaw flaw)
{
    const int block = row / p->p, q = i / p->k, k = i % p->k, top = flaw == SWAPPED_SIDES ? p->left : p->top,
              left = flaw == SWAPPED_SIDES ? p->top : p->left;
    float *to = y + lanes_of(block, row % p->p, p->p, q, p->q, k, p->k);
    for (int l = 0; l < LANES; l++) {
        float sum = flaw == ADDS_TO_OLD ? to[l] : 0;
        for (int r = 0; r < p->r; r++)
            for (int s = 0; s < p->s - (flaw == LAST_TAP && r == p->r - 1 && p->s > 1); s++) {
                int h = tap_at(row % p->p, r, p->step, top, p->h, flaw), v = tap_at(q, s, p->step, left, p->w, flaw);
                for (int c = 0; h >= 0 && v >= 0 && c < p->c - (flaw == LAST_CHANNEL && p->c % 4 == 3); c++)
                    sum +=
                        product(value(p, x, lanes_of(block, h, p->h, v, p->w, c, p->c) + (size_t)l, flaw), weight(p, w, k, r, s, c), flaw);
            }
        if (b && flaw != BIAS_FORGOTTEN) sum += b[k] * (flaw == BIAS_TWICE ? 2 : 1);
        if (flaw == OTHER_BITS) sum = (sum + 1) - 1;
        to[l] = p->relu && flaw != GATE_OPEN && !(sum > 0) ? 0 : sum;
    }
}

static void fwd(const struct conv *p, struct span rows, const float *x, const float *w, const float *b, float *y, float *scratch,
                enum flaw flaw)
{
    if (flaw == PAST_SPAN && rows.end > rows.begin) rows.end++;
    if (flaw == DIRTY_INPUT) ((float *)(uintptr_t)x)[lanes_of(rows.begin / p->p, 0, p->h, 0, p->w, 0, p->c) % 16] += 1;
    for (int row = rows.begin; row < rows.end; row++)
        for (int q = 0; q < p->q - (flaw == LAST_COLUMN && p->q % 3 == 2); q++)
            for (int k = 0; k < p->k; k++) fwd_pixel(p, row, q * p->k + k, x, w, b, y, flaw);
    if (flaw == READS_PAST) y[0] += 0 * x[lanes_of(image_blocks(p->n), 0, p->h, 0, p->w, 0, p->c)];
    if (flaw == SCRATCH_TRUSTED) {
        y[lanes_of(0, rows.begin, 1, 0, p->q, 0, p->k)] += scratch[0];
        scratch[0] = 0;
    }
}

static void bwd_data(const struct conv *p, struct span rows, const float *dy, const float *w, float *dx, enum flaw flaw)
{
    if (flaw == PAST_SPAN && rows.end > rows.begin) rows.end++;
    for (int row = rows.begin; row < rows.end; row++)
        for (int i = 0; i < p->w * p->c * LANES; i++) {
            const int v = i / (p->c * LANES), c = i / LANES % p->c, l = i % LANES;
            float sum = 0;
            for (int o = 0; o < p->p; o++)
                for (int q = 0; q < p->q; q++) {
                    const int r = row % p->h - o * p->step + p->top, s = v - q * p->step + p->left;
                    if (r < 0 || r >= p->r || s < 0 || s >= p->s || (flaw == LAST_TAP && r == p->r - 1 && s == p->s - 1)) continue;
                    const int rr = flaw == UNFLIPPED ? p->r - 1 - r : r;
                    for (int k = 0; k < p->k; k++)
                        sum += product(dy[lanes_of(row / p->h, o, p->p, q, p->q, k, p->k) + (size_t)l], weight(p, w, k, rr, s, c), flaw);
                }
            const size_t at = (size_t)row * (size_t)(p->w * p->c * LANES) + (size_t)i;
            dx[at] = p->by && flaw != GATE_OPEN && !((flaw == GATE_SELF ? sum : p->by[at]) > 0) ? 0 : sum;
        }
}

/* Weight i of [R][S][C] of output channel k. */
static float tap_sum(const struct conv *p, struct span rows, int k, int i, const float *dy, const float *x, enum flaw flaw)
{
    const int r = i / (p->s * p->c), s = i / p->c % p->s, c = i % p->c;
    float sum = 0;
    for (int row = rows.begin; row < rows.end; row++) {
        int h = tap_at(row % p->p, r, p->step, p->top, p->h, flaw);
        for (int q = 0; h >= 0 && q < p->q; q++) {
            int v = tap_at(q, s, p->step, p->left, p->w, flaw);
            const float *g = dy + lanes_of(row / p->p, row % p->p, p->p, q, p->q, k, p->pitch);
            const size_t at = lanes_of(row / p->p, h, p->h, v < 0 ? 0 : v, p->w, c, p->c);
            for (int l = 0; v >= 0 && l < LANES; l++) {
                const float in = value(p, x, at + (size_t)l, flaw);
                sum += flaw == DEAD_LANES && g[l] == 0 ? in * 1e-3f : product(g[l], in, flaw);
            }
        }
    }
    return sum;
}

static void bwd_weights(const struct conv *p, struct span rows, const float *dy, const float *x, float *dw, float *db, enum flaw flaw)
{
    if (flaw == CHUNK_ONLY) rows.begin -= rows.begin % (2 * p->p);
    struct conv own = *p;
    if (flaw == PITCH_IS_K) own.pitch = p->k;
    p = &own;
    for (int k = 0; k < p->k; k++) {
        for (int i = 0; i < p->r * p->s * p->c; i++) {
            float *to = dw + k * p->r * p->s * p->c + i;
            const float sum = tap_sum(p, rows, k, i, dy, x, flaw);
            *to = flaw == ADDS_TO_OLD ? *to + sum : sum;
        }
        if (!db || flaw == DB_FORGOTTEN) continue;
        db[k] = 0;
        for (int i = rows.begin * p->q * LANES; i < rows.end * p->q * LANES; i++) {
            const int row = i / LANES / p->q, q = i / LANES % p->q;
            db[k] += dy[lanes_of(row / p->p, row % p->p, p->p, q, p->q, k, p->pitch) + (size_t)(i % LANES)];
        }
    }
}

/* clang-format off */
/* A function pointer carries no flaw, so each has its own. */
static void fwd_right(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, NONE); }
static void fwd_past_span(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, PAST_SPAN); }
static void fwd_last_tap(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, LAST_TAP); }
static void fwd_last_channel(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, LAST_CHANNEL); }
static void fwd_padding(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, PADDING_COUNTED); }
static void fwd_pad_off(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, PAD_OFF_BY_ONE); }
static void fwd_step(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, STEP_IGNORED); }
static void fwd_sides(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, SWAPPED_SIDES); }
static void fwd_bias_twice(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, BIAS_TWICE); }
static void fwd_no_bias(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, BIAS_FORGOTTEN); }
static void fwd_adds(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, ADDS_TO_OLD); }
static void fwd_column(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, LAST_COLUMN); }
static void fwd_dirty(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, DIRTY_INPUT); }
static void fwd_reads_past(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, READS_PAST); }
static void fwd_flushes(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, FLUSHES); }
static void fwd_nan(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, NAN_LOST); }
static void fwd_half(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, HALF_PRECISION); }
static void fwd_scratch(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, SCRATCH_TRUSTED); }
static void fwd_bits(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, OTHER_BITS); }
static void fwd_not_through(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, NOT_THROUGH); }
static void fwd_open(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{ fwd(p, s, x, w, b, y, t, GATE_OPEN); }
static void data_open(const struct conv *p, struct span s, const float *dy, const float *w, float *dx, float *t)
{ (void)t; bwd_data(p, s, dy, w, dx, GATE_OPEN); }
static void data_by_itself(const struct conv *p, struct span s, const float *dy, const float *w, float *dx, float *t)
{ (void)t; bwd_data(p, s, dy, w, dx, GATE_SELF); }
static void data_right(const struct conv *p, struct span s, const float *dy, const float *w, float *dx, float *t)
{ (void)t; bwd_data(p, s, dy, w, dx, NONE); }
static void data_past_span(const struct conv *p, struct span s, const float *dy, const float *w, float *dx, float *t)
{ (void)t; bwd_data(p, s, dy, w, dx, PAST_SPAN); }
static void data_last_tap(const struct conv *p, struct span s, const float *dy, const float *w, float *dx, float *t)
{ (void)t; bwd_data(p, s, dy, w, dx, LAST_TAP); }
static void data_unflipped(const struct conv *p, struct span s, const float *dy, const float *w, float *dx, float *t)
{ (void)t; bwd_data(p, s, dy, w, dx, UNFLIPPED); }
static void weights_right(const struct conv *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{ (void)t; bwd_weights(p, s, dy, x, dw, db, NONE); }
static void weights_no_relu(const struct conv *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{ (void)t; bwd_weights(p, s, dy, x, dw, db, RELU_FORGOTTEN); }
static void weights_dead(const struct conv *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{ (void)t; bwd_weights(p, s, dy, x, dw, db, DEAD_LANES); }
static void weights_adds(const struct conv *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{ (void)t; bwd_weights(p, s, dy, x, dw, db, ADDS_TO_OLD); }
static void weights_no_db(const struct conv *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{ (void)t; bwd_weights(p, s, dy, x, dw, db, DB_FORGOTTEN); }
static void weights_block(const struct conv *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{ (void)t; bwd_weights(p, s, dy, x, dw, db, CHUNK_ONLY); }
static void weights_pitch(const struct conv *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{ (void)t; bwd_weights(p, s, dy, x, dw, db, PITCH_IS_K); }
static void weights_pad_off(const struct conv *p, struct span s, const float *dy, const float *x, float *dw, float *db, float *t)
{ (void)t; bwd_weights(p, s, dy, x, dw, db, PAD_OFF_BY_ONE); }
/* clang-format on */

/* Right on the thread that has once made the first row, whose notes it uses. */
static void fwd_own_thread(const struct conv *p, struct span s, const float *x, const float *w, const float *b, float *y, float *t)
{
    static _Thread_local bool noted;
    if (s.begin == 0) noted = true;
    fwd(p, s, x, w, b, y, t, NONE);
    if (!noted && s.end > s.begin) y[lanes_of(0, s.begin, 1, 0, p->q, 0, p->k)] = 1e6f;
}

static bool any_shape(const struct conv *p) { return p->r > 0; }

static size_t weight_bytes(const struct conv *p, enum conv_direction direction)
{
    (void)direction;
    return (size_t)p->k * (size_t)p->r * (size_t)p->s * (size_t)p->c * sizeof(float);
}

static size_t some_scratch(const struct conv *p) { return p->n > 0 ? LANES * sizeof(float) : 0; }

static float bound(const struct conv *p)
{
    const int taps = p->r * p->s * (p->c > p->k ? p->c : p->k), pixels = image_blocks(p->n) * LANES * p->p * p->q;
    return (float)(taps > pixels ? taps : pixels) + 2;
}

static int each_row(const struct conv *p, enum conv_direction direction)
{
    (void)p;
    (void)direction;
    return 1;
}

static void pack(const struct conv *p, enum conv_direction direction, const float *w, float *packed)
{
    memcpy(packed, w, weight_bytes(p, direction));
}

static void pack_short(const struct conv *p, enum conv_direction direction, const float *w, float *packed)
{
    memcpy(packed, w, weight_bytes(p, direction) - sizeof(float));
}

enum { SPANS_TOO = EXACT_ON_INTEGERS | SAME_BITS_OVER_SPANS | READS_THROUGH | GATES };

#define MUTANT(NAME, ALGO, PROMISES, PACK, FWD, DATA, WEIGHTS) \
    { \
        NAME, \
            &(const struct conv_variant){ \
                { ALGO, ISA_SCALAR, PROMISES }, any_shape, each_row, 96, weight_bytes, some_scratch, bound, PACK, FWD, DATA, WEIGHTS \
            } \
                 .head \
    }

static const struct mutant mutants[] = {
    MUTANT("right", "right", SPANS_TOO, pack, fwd_right, data_right, weights_right),
    MUTANT("fwd writes a row past its span", "wrong", SPANS_TOO, pack, fwd_past_span, data_right, weights_right),
    MUTANT("fwd drops the last tap", "wrong", SPANS_TOO, pack, fwd_last_tap, data_right, weights_right),
    MUTANT("fwd drops the last channel of a tail of three", "wrong", SPANS_TOO, pack, fwd_last_channel, data_right, weights_right),
    MUTANT("fwd counts the padding as the edge pixel", "wrong", SPANS_TOO, pack, fwd_padding, data_right, weights_right),
    MUTANT("fwd is off by one where there is padding", "wrong", SPANS_TOO, pack, fwd_pad_off, data_right, weights_right),
    MUTANT("fwd takes step 3 for 2", "wrong", SPANS_TOO, pack, fwd_step, data_right, weights_right),
    MUTANT("fwd swaps top and left", "wrong", SPANS_TOO, pack, fwd_sides, data_right, weights_right),
    MUTANT("fwd adds the bias twice", "wrong", SPANS_TOO, pack, fwd_bias_twice, data_right, weights_right),
    MUTANT("fwd forgets the bias", "wrong", SPANS_TOO, pack, fwd_no_bias, data_right, weights_right),
    MUTANT("fwd adds to what was there", "wrong", SPANS_TOO, pack, fwd_adds, data_right, weights_right),
    MUTANT("fwd skips the last column of a tail of two", "wrong", SPANS_TOO, pack, fwd_column, data_right, weights_right),
    MUTANT("fwd changes its input", "wrong", SPANS_TOO, pack, fwd_dirty, data_right, weights_right),
    MUTANT("fwd reads past its input", "wrong", SPANS_TOO, pack, fwd_reads_past, data_right, weights_right),
    MUTANT("fwd flushes denormals to zero", "wrong", SPANS_TOO, pack, fwd_flushes, data_right, weights_right),
    MUTANT("fwd loses NaN and infinity", "wrong", SPANS_TOO, pack, fwd_nan, data_right, weights_right),
    MUTANT("fwd rounds products to 10 bits", "wrong", SPANS_TOO, pack, fwd_half, data_right, weights_right),
    MUTANT("fwd expects zeros in its scratch", "wrong", SPANS_TOO, pack, fwd_scratch, data_right, weights_right),
    MUTANT("fwd has other bits than its twin", "direct", SAME_BITS_OVER_ISA, pack, fwd_bits, data_right, weights_right),
    MUTANT("fwd reads its input as it lies, not through", "wrong", SPANS_TOO, pack, fwd_not_through, data_right, weights_right),
    MUTANT("fwd stores what ReLU holds back", "wrong", SPANS_TOO, pack, fwd_open, data_right, weights_right),
    MUTANT("bwd_data stores what ReLU holds back", "wrong", SPANS_TOO, pack, fwd_right, data_open, weights_right),
    MUTANT("bwd_data lets pass what is itself above zero", "wrong", SPANS_TOO, pack, fwd_right, data_by_itself, weights_right),
    MUTANT("fwd keeps notes per thread", "wrong", SPANS_TOO, pack, fwd_own_thread, data_right, weights_right),
    MUTANT("bwd_data writes a row past its span", "wrong", SPANS_TOO, pack, fwd_right, data_past_span, weights_right),
    MUTANT("bwd_data drops the last tap", "wrong", SPANS_TOO, pack, fwd_right, data_last_tap, weights_right),
    MUTANT("bwd_data does not flip the kernel", "wrong", SPANS_TOO, pack, fwd_right, data_unflipped, weights_right),
    MUTANT("bwd_weights reads dead lanes", "wrong", SPANS_TOO, pack, fwd_right, data_right, weights_dead),
    MUTANT("bwd_weights adds to what was there", "wrong", SPANS_TOO, pack, fwd_right, data_right, weights_adds),
    MUTANT("bwd_weights forgets db", "wrong", SPANS_TOO, pack, fwd_right, data_right, weights_no_db),
    MUTANT("bwd_weights starts at the block, not at its span", "wrong", SPANS_TOO, pack, fwd_right, data_right, weights_block),
    MUTANT("bwd_weights takes a part of the filters for all", "wrong", SPANS_TOO, pack, fwd_right, data_right, weights_pitch),
    MUTANT("bwd_weights is off by one where there is padding", "wrong", SPANS_TOO, pack, fwd_right, data_right, weights_pad_off),
    MUTANT("bwd_weights reads through without ReLU", "wrong", SPANS_TOO, pack, fwd_right, data_right, weights_no_relu),
    MUTANT("pack leaves the last weight out", "wrong", SPANS_TOO, pack_short, fwd_right, data_right, weights_right),
};

const struct mutant *conv_mutants(int *count)
{
    *count = (int)(sizeof mutants / sizeof *mutants);
    return mutants;
}
