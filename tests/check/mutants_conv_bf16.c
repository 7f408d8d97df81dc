/* SPDX-License-Identifier: MIT
 * Wrong convolutions in bf16: the portable one, each with one thing done wrongly before or after. */
#include <string.h>
#include "mutants.h"

static const struct conv_bf16_variant *right(void) { return kernels_of(ISA_PORTABLE)->conv_bf16; }

static size_t weights_of(const struct conv *p) { return (size_t)p->k * (size_t)p->r * (size_t)p->s * (size_t)p->c; }

/* ---- weights ---- */

static float truncated(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits &= 0xffff0000u;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Packs other weights than it was given. */
static void pack_changed(const struct conv *p, enum conv_direction direction, const float *w, bf16 *packed, float (*change)(float))
{
    static float changed[1 << 20];
    if (weights_of(p) > sizeof changed / sizeof *changed) return right()->pack(p, direction, w, packed);
    for (size_t i = 0; i < weights_of(p); i++) changed[i] = change(w[i]);
    right()->pack(p, direction, changed, packed);
}
static void pack_truncated(const struct conv *p, enum conv_direction direction, const float *w, bf16 *packed)
{
    pack_changed(p, direction, w, packed, truncated);
}
static void pack_zeroes_last(const struct conv *p, enum conv_direction direction, const float *w, bf16 *packed)
{
    right()->pack(p, direction, w, packed);
    packed[right()->packed_bytes(p, direction) / sizeof *packed - 512] = 0; /* the first weight of the last tile */
}
static void pack_forward_only(const struct conv *p, enum conv_direction direction, const float *w, bf16 *packed)
{
    static float turned[1 << 20];
    const int taps = p->r * p->s;
    if (direction == CONV_FWD || weights_of(p) > sizeof turned / sizeof *turned) return right()->pack(p, direction, w, packed);
    for (size_t i = 0; i < weights_of(p); i++) {
        const size_t tap = i / (size_t)p->c % (size_t)taps, filter = i / (size_t)p->c / (size_t)taps;
        turned[i] = w[(filter * (size_t)taps + (size_t)taps - 1 - tap) * (size_t)p->c + i % (size_t)p->c];
    }
    right()->pack(p, direction, turned, packed);
}

/* ---- forward ---- */

static void fwd_past_span(const struct conv *p, struct span rows, const bf16 *x, const bf16 *packed, const float *b, float *y,
                          void *scratch)
{
    if (rows.end > rows.begin) rows.end++;
    right()->fwd(p, rows, x, packed, b, y, scratch);
}
static void fwd_last_row(const struct conv *p, struct span rows, const bf16 *x, const bf16 *packed, const float *b, float *y, void *scratch)
{
    if (rows.end > rows.begin + 1) rows.end--;
    right()->fwd(p, rows, x, packed, b, y, scratch);
}
static void fwd_no_bias(const struct conv *p, struct span rows, const bf16 *x, const bf16 *packed, const float *b, float *y, void *scratch)
{
    (void)b;
    right()->fwd(p, rows, x, packed, NULL, y, scratch);
}
static void fwd_sums_in_bf16(const struct conv *p, struct span rows, const bf16 *x, const bf16 *packed, const float *b, float *y,
                             void *scratch)
{
    const size_t row = (size_t)p->q * (size_t)p->k * LANES;
    right()->fwd(p, rows, x, packed, b, y, scratch);
    for (size_t i = (size_t)rows.begin * row; i < (size_t)rows.end * row; i++) y[i] = bf16_value(bf16_of(y[i]));
}
static void fwd_other_bits(const struct conv *p, struct span rows, const bf16 *x, const bf16 *packed, const float *b, float *y,
                           void *scratch)
{
    const size_t row = (size_t)p->q * (size_t)p->k * LANES;
    right()->fwd(p, rows, x, packed, b, y, scratch);
    for (size_t i = (size_t)rows.begin * row; i < (size_t)rows.end * row; i++) y[i] = y[i] * 3 / 3;
}
static void fwd_dirty(const struct conv *p, struct span rows, const bf16 *x, const bf16 *packed, const float *b, float *y, void *scratch)
{
    right()->fwd(p, rows, x, packed, b, y, scratch);
    ((bf16 *)(uintptr_t)x)[0] ^= 1;
}
static void fwd_scratch(const struct conv *p, struct span rows, const bf16 *x, const bf16 *packed, const float *b, float *y, void *scratch)
{
    const float left = *(float *)scratch;
    right()->fwd(p, rows, x, packed, b, y, scratch);
    if (rows.end > rows.begin) y[(size_t)rows.begin * (size_t)p->q * (size_t)p->k * LANES] += left;
}

/* ---- backward ---- */

static void data_past_span(const struct conv *p, struct span rows, const bf16 *dy, const bf16 *packed, float *dx, void *scratch)
{
    if (rows.end > rows.begin) rows.end++;
    right()->bwd_data(p, rows, dy, packed, dx, scratch);
}
static void data_first_phase(const struct conv *p, struct span rows, const bf16 *dy, const bf16 *packed, float *dx, void *scratch)
{
    const size_t pixel = (size_t)p->c * LANES;
    right()->bwd_data(p, rows, dy, packed, dx, scratch);
    for (int row = rows.begin; p->step > 1 && row < rows.end; row++)
        if (row % p->h % p->step) memset(dx + (size_t)row * (size_t)p->w * pixel, 0, pixel * sizeof *dx);
}
static void weights_no_db(const struct conv *p, struct span rows, const bf16 *dy, const bf16 *x, float *dw, float *db, void *scratch)
{
    (void)db;
    right()->bwd_weights(p, rows, dy, x, dw, NULL, scratch);
}
static void weights_other_span(const struct conv *p, struct span rows, const bf16 *dy, const bf16 *x, float *dw, float *db, void *scratch)
{
    if (rows.begin % p->p >= 2) rows.begin -= 2;
    right()->bwd_weights(p, rows, dy, x, dw, db, scratch);
}
static void weights_adds(const struct conv *p, struct span rows, const bf16 *dy, const bf16 *x, float *dw, float *db, void *scratch)
{
    const float old = dw[0];
    right()->bwd_weights(p, rows, dy, x, dw, db, scratch);
    dw[0] += old;
}
static void weights_pitch(const struct conv *p, struct span rows, const bf16 *dy, const bf16 *x, float *dw, float *db, void *scratch)
{
    struct conv own = *p;
    own.pitch = p->k;
    right()->bwd_weights(&own, rows, dy, x, dw, db, scratch);
}

/* ---- conversions ---- */

static void lines_no_frame(const struct bf16_map *m, struct span rows, const float *x, bf16 *lines)
{
    right()->lines(m, rows, x, lines);
    if (m->left && rows.begin == 0 && rows.end) lines[0] = 0x3f80;
}
static void lines_past_span(const struct bf16_map *m, struct span rows, const float *x, bf16 *lines)
{
    if (rows.end > rows.begin) rows.end++;
    right()->lines(m, rows, x, lines);
}
static void pairs_no_zeros(const struct bf16_map *m, struct span pairs, const float *x, bf16 *to)
{
    right()->row_pairs(m, pairs, x, to);
    const int in_block = (m->h + 1) / 2;
    if (m->h % 2 && pairs.begin < in_block && pairs.end >= in_block)
        to[(size_t)(in_block - 1) * (size_t)m->w * (size_t)m->c * LINE + 16] = 0x3f80;
}
static void gate_open(const struct bf16_map *m, struct span rows, const float *x, const struct bf16_gate *gate, bf16 *lines)
{
    if (gate->lines) right()->gated_lines(m, rows, x, gate, lines);
    else right()->lines(m, rows, x, lines);
}
static void gate_of_itself(const struct bf16_map *m, struct span rows, const float *x, const struct bf16_gate *gate, bf16 *lines)
{
    const struct bf16_gate self = { gate->map, NULL };
    right()->gated_lines(m, rows, x, &self, lines);
}
static void gate_frameless(const struct bf16_map *m, struct span rows, const float *x, const struct bf16_gate *gate, bf16 *lines)
{
    struct bf16_gate own = *gate;
    own.map.left = 0;
    right()->gated_lines(m, rows, x, &own, lines);
}
static void line_pairs_no_zeros(const struct bf16_map *m, struct span pairs, const bf16 *lines, bf16 *to)
{
    right()->row_pairs_of_lines(m, pairs, lines, to);
    const int in_block = (m->h + 1) / 2;
    if (m->h % 2 && pairs.begin < in_block && pairs.end >= in_block)
        to[(size_t)(in_block - 1) * (size_t)m->w * (size_t)m->c * LINE + 16] = 0x3f80;
}
static void floats_truncate(const struct bf16_map *m, struct span rows, const bf16 *lines, float *x)
{
    const size_t row = (size_t)m->w * (size_t)m->c * LANES;
    right()->floats(m, rows, lines, x);
    for (size_t i = (size_t)rows.begin * row; i < (size_t)rows.end * row; i++) x[i] = (float)((int)(x[i] * 16)) / 16;
}

static void round_past_span(struct span vectors, float *x)
{
    if (vectors.begin > 0) vectors.begin--;
    right()->round(vectors, x);
}
static void round_truncates(struct span vectors, float *x)
{
    for (ptrdiff_t i = (ptrdiff_t)vectors.begin * LANES; i < (ptrdiff_t)vectors.end * LANES; i++) x[i] = truncated(x[i]);
}

#define MUTANTS(DO) \
    DO("nothing", ) \
    DO("rounds weights towards zero", v.pack = pack_truncated;) \
    DO("loses the first weight of the last tile", v.pack = pack_zeroes_last;) \
    DO("turns the kernel about for backward-data twice", v.pack = pack_forward_only;) \
    DO("forward writes past its span", v.fwd = fwd_past_span;) \
    DO("forward leaves out its last row", v.fwd = fwd_last_row;) \
    DO("forgets the bias", v.fwd = fwd_no_bias;) \
    DO("rounds its sums to bf16", v.fwd = fwd_sums_in_bf16;) \
    DO("has other bits than the twin", v.fwd = fwd_other_bits;) \
    DO("writes into its input", v.fwd = fwd_dirty;) \
    DO("trusts what lay in the scratch", v.fwd = fwd_scratch;) \
    DO("backward-data writes past its span", v.bwd_data = data_past_span;) \
    DO("backward-data forgets a phase of the stride", v.bwd_data = data_first_phase;) \
    DO("forgets db", v.bwd_weights = weights_no_db;) \
    DO("sums over more than its span", v.bwd_weights = weights_other_span;) \
    DO("adds to the dw it finds", v.bwd_weights = weights_adds;) \
    DO("takes the filters' pitch for their number", v.bwd_weights = weights_pitch;) \
    DO("leaves something in the frame", v.lines = lines_no_frame;) \
    DO("converts past its span", v.lines = lines_past_span;) \
    DO("leaves something in the missing row", v.row_pairs = pairs_no_zeros;) \
    DO("leaves something in the missing row of lines", v.row_pairs_of_lines = line_pairs_no_zeros;) \
    DO("lets through what is below zero", v.gated_lines = gate_open;) \
    DO("asks what it converts, not the lines", v.gated_lines = gate_of_itself;) \
    DO("looks for the gate's lines in its frame", v.gated_lines = gate_frameless;) \
    DO("converts back with fewer digits", v.floats = floats_truncate;) \
    DO("rounds a vector before its span", v.round = round_past_span;) \
    DO("rounds towards zero", v.round = round_truncates;)

#define COUNT_IT(name, change) +1
enum { MUTANT_COUNT = 0 MUTANTS(COUNT_IT) };

const struct mutant *conv_bf16_mutants(int *count)
{
    static struct conv_bf16_variant variant[MUTANT_COUNT];
    static struct mutant mutant[MUTANT_COUNT];
    *count = 0;
#define MAKE(NAME, CHANGE) \
    { \
        struct conv_bf16_variant v = *right(); \
        CHANGE variant[*count] = v; \
        mutant[*count] = (struct mutant){ NAME, &variant[*count].head }; \
        ++*count; \
    }
    MUTANTS(MAKE)
    return mutant;
}
