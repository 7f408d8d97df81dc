/* SPDX-License-Identifier: MIT
 * The trials of one convolution variant on inputs that are ready: against the oracle, cut into spans, against its portable twin, adjoint.
 * */
#include "cases_conv.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- calling a variant ---- */

struct workspace {
    float *packed, *scratch, *db;
};

static void spoil(float *scratch, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof *scratch; i++) scratch[i] = NAN;
}

/* Guarded packed weights, made by the variant itself, and guarded scratch. */
static struct workspace guarded(struct conv_case *k, int line)
{
    struct guards *g = &k->c->guards;
    const struct conv *p = &k->p;
    struct workspace s = { 0 };
    if (line != BWD_WEIGHTS) {
        enum conv_direction way = line == FWD ? CONV_FWD : CONV_BWD_DATA;
        s.packed = guard_place(g, SLOT_PACKED, "packed", k->v->packed_bytes(p, way), 64, k->edge[5]);
        k->v->pack(p, way, k->w, s.packed);
        guard_seal(g, SLOT_PACKED);
    }
    s.scratch = guard_place(g, SLOT_SCRATCH, "scratch", k->v->scratch_bytes(p), 64, k->edge[5]);
    if (line == BWD_WEIGHTS && p->bias) s.db = guard_place(g, SLOT_DB, "db", (size_t)p->k * sizeof(float), 4, k->edge[4]);
    return s;
}

/* One call, with what the last one left in the scratch made unusable. */
static void call(const struct conv_case *k, const struct conv_variant *v, int line, struct span span, struct workspace s, float *out)
{
    spoil(s.scratch, v->scratch_bytes(&k->p));
    if (line == FWD) v->fwd(&k->p, span, k->x, s.packed, k->b, out, s.scratch);
    else if (line == BWD_DATA) v->bwd_data(&k->p, span, k->dy, s.packed, out, s.scratch);
    else v->bwd_weights(&k->p, span, k->dy, k->x, out, s.db, s.scratch);
}

static struct side *side_of(struct conv_case *k, int line) { return line == FWD ? &k->y : line == BWD_DATA ? &k->dx : &k->dw; }

/* ---- tolerances ---- */

/* A weight that meets nothing but padding is multiplied all the same by some: where it is not finite, its channel is not. */
static void excuse_weights(const struct conv_case *k, const struct side *s, double *size)
{
    const size_t c = (size_t)k->p.c, per_output = (size_t)k->p.r * (size_t)k->p.s * c, channels = (size_t)s->view.extent[3];
    for (size_t i = 0; i < (size_t)k->p.k * per_output; i++) {
        if (isfinite(k->w[i])) continue;
        const size_t channel = s == &k->y ? i / per_output : i % c;
        for (size_t at = 0; at < view_count(&s->view); at++)
            if (at / LANES % channels == channel) size[at] = INFINITY;
    }
}

/* An algorithm that is not exact on integers transforms whole neighbourhoods: its error goes with the largest size in the image, and what
 * is not finite spreads over the image. Sizes of [images][pixels][channels][16], or of [K][taps][C] when the sum itself mixes. */
static double *spread(struct conv_case *k, const struct side *s, bool sums)
{
    size_t count = view_count(&s->view) * (sums ? (size_t)s->spans.count : 1);
    size_t group = sums ? (size_t)k->p.r * (size_t)k->p.s : (size_t)s->view.extent[1] * (size_t)s->view.extent[2];
    size_t inner = sums ? (size_t)k->p.c : (size_t)s->view.extent[3] * LANES;
    double *to = check_room(k->c, ROOM_LOOSE, count * sizeof *to);
    for (size_t outer = 0; outer < count / (group * inner); outer++) {
        const double *want = s->want + outer * group * inner, *size = s->size + outer * group * inner;
        double *first = to + outer * group * inner; /* the largest so far, then all of the group */
        for (size_t i = 0; i < inner; i++) first[i] = 0;
        for (size_t j = 0; j < group * inner; j += inner)
            for (size_t i = 0; i < inner; i++) {
                const double larger = isfinite(want[j + i]) ? size[j + i] : INFINITY;
                first[i] = first[i] < larger ? larger : first[i];
            }
        for (size_t j = 1; j < group; j++) memcpy(first + j * inner, first, inner * sizeof *to);
    }
    if (!sums) excuse_weights(k, s, to);
    return to;
}

/* Sums over part of an image read all of x, and so every NaN in a channel, seen by the span or not, may show in all of its taps. */
static void excuse_channels(const struct conv_case *k, struct span rows, double *size)
{
    const struct conv *p = &k->p;
    const size_t pixels = (size_t)p->h * (size_t)p->w, taps = (size_t)p->k * (size_t)p->r * (size_t)p->s, c = (size_t)p->c;
    const size_t first = (size_t)(rows.begin / p->p) * pixels, end = ((size_t)((rows.end - 1) / p->p) + 1) * pixels;
    for (size_t i = first * c * LANES; i < end * c * LANES; i++) {
        if (isfinite(k->x[i])) continue;
        for (size_t tap = 0; tap < taps; tap++) size[tap * c + i / LANES % c] = INFINITY;
    }
}

static struct tolerance tolerance_of(const struct conv_case *k)
{
    bool exact = k->v->head.promises & EXACT_ON_INTEGERS;
    double terms = (double)k->p.c * k->p.r * k->p.s + (double)k->p.k * k->p.r * k->p.s + (double)k->p.n * k->p.p * k->p.q;
    return (struct tolerance){ .bound = (double)k->v->bound(&k->p), .tiny = terms * 0x1p-149, .loose = !exact };
}

/* ---- the same bits as the portable twin ---- */

static bool promises_twin(struct conv_case *k)
{
    if (!(k->v->head.promises & SAME_BITS_OVER_ISA)) return false;
    k->c->current->over_isa++;
    return k->v->head.isa != ISA_PORTABLE || k->c->current->mutant;
}

/* The twin's results on the same spans, kept for the next ISA. Sums lie one after the other, each dw with its db behind it. */
static const float *twin_result(struct conv_case *k, int line)
{
    const struct conv_variant *twin = (const void *)check_twin(k->c, &k->v->head), *own = k->v;
    struct side *s = side_of(k, line);
    struct guards *g = &k->c->guards;
    if (!twin) return NULL;
    if (k->twin[line] == twin) return (const float *)(const void *)g->slot[SLOT_TWIN + line].data;
    size_t step = line == BWD_WEIGHTS ? s->stride + k->db.stride : 0, spans = line == BWD_WEIGHTS ? (size_t)s->spans.count : 1;
    float *out = guard_place(g, SLOT_TWIN + line, "the twin's result", (view_count(&s->view) + step) * spans * sizeof *out, 64, AT_END);
    k->v = twin;
    struct workspace w = guarded(k, line);
    k->v = own;
    for (int i = 0; i < s->spans.count; i++) {
        float *to = out + (size_t)i * step;
        if (w.db) w.db = to + s->stride;
        call(k, twin, line, s->spans.at[i], w, to);
    }
    k->twin[line] = twin;
    return out;
}

/* ---- trials ---- */

struct trial {
    struct conv_case *k;
    int line;
};

static void against_oracle(struct conv_case *k, const struct side *s, struct span rows, const float *out)
{
    bool mixes = s->size && !(k->v->head.promises & EXACT_ON_INTEGERS);
    size_t begin = (size_t)rows.begin * s->row, end = (size_t)rows.end * s->row, all = view_count(&s->view);
    check_close(k->c, &s->view, begin, end, out, s->want, mixes ? spread(k, s, false) : s->size, tolerance_of(k));
    check_unwritten(k->c, &s->view, 0, begin, out);
    check_unwritten(k->c, &s->view, end, all, out); /* NOLINT(readability-suspicious-call-argument) */
    if (k->kind != INPUT_SPECIALS) check_dead(k->c, &s->view, begin, end, out, s->dead);
}

void conv_against_cut(const struct conv_cut *t, const float *out)
{
    const struct side *s = t->side;
    const int rows = s->spans.at[0].end;
    const size_t all = view_count(&s->view), at = (size_t)t->cut * s->row;
    float *other = guard_place(&t->c->guards, t->slot, s->view.name, all * sizeof *other, 64, t->edge);
    t->call(t->context, (struct span){ t->cut, rows }, other);
    check_unwritten(t->c, &s->view, 0, at, other);
    guard_wipe(&t->c->guards, t->slot);
    t->call(t->context, (struct span){ 0, t->cut }, other);
    t->call(t->context, (struct span){ rows, rows }, other);
    check_unwritten(t->c, &s->view, at, all, other);
    t->call(t->context, (struct span){ t->cut, rows }, other);
    check_bits(t->c, &s->view, 0, all, other, out, "in one span");
}

/* A call whose span is still to come. */
struct cut_call {
    const struct conv_case *k;
    int line;
    struct workspace w;
};

static void call_rows(const void *context, struct span rows, float *out)
{
    const struct cut_call *t = context;
    call(t->k, t->k->v, t->line, rows, t->w, out);
}

static void against_cut(struct conv_case *k, int line, struct workspace w, const float *out)
{
    const struct cut_call call = { k, line, w };
    conv_against_cut(&(struct conv_cut){ k->c, side_of(k, line), k->cut[line], SLOT_CUT, k->edge[4], call_rows, &call }, out);
}

/* One call on several threads: rows are cut, sums are made by all of them over the same span. Each has its own scratch and, for sums, dw
 * and db. */
struct parallel {
    struct conv_case *k;
    int line;
    struct span all;
    struct workspace w;
    float *out, *scratch;
    size_t scratch_floats, out_floats;
};

static void one_piece(void *context, int index)
{
    const struct parallel *t = context;
    const bool sums = t->line == BWD_WEIGHTS;
    struct workspace own = { t->w.packed, t->scratch + (size_t)index * t->scratch_floats, NULL };
    float *out = t->out + (sums ? (size_t)index * t->out_floats : 0);
    if (t->w.db) own.db = out + t->k->dw.stride;
    call(t->k, t->k->v, t->line, sums ? t->all : check_piece(t->all, index, t->k->c->threads), own, out);
}

/* Only for what went well so far: a page touched by another thread ends it all. */
static void against_threads(struct conv_case *k, int line, struct span all, struct workspace w, const float *serial)
{
    struct check *c = k->c;
    struct side *s = side_of(k, line);
    const size_t scratch = (k->v->scratch_bytes(&k->p) + 127) / 64 * 16, count = view_count(&s->view);
    const size_t outs = line == BWD_WEIGHTS ? (size_t)c->threads : 0, step = (s->stride + k->db.stride + 15) / 16 * 16;
    struct parallel t = { k,       line, all, w, NULL, check_room(c, ROOM_SCRATCHES, (scratch * (size_t)c->threads + 16) * sizeof(float)),
                          scratch, step };
    t.scratch += (64 - (uintptr_t)t.scratch % 64) % 64 / sizeof(float);
    if (outs) t.out = check_room(c, ROOM_SUMS, step * outs * sizeof(float));
    else t.out = guard_place(&c->guards, SLOT_CUT, s->view.name, count * sizeof(float), 64, k->edge[4]);
    if (!check_parallel(c->threads, one_piece, &t)) return;
    if (!outs) check_bits(c, &s->view, 0, count, t.out, serial, "on one thread");
    for (size_t i = 0; i < outs; i++) {
        check_bits(c, &s->view, 0, count, t.out + i * step, serial, "on one thread");
        if (w.db) check_bits(c, &k->db.view, 0, k->db.stride, t.out + i * step + s->stride, w.db, "on one thread");
    }
}

/* x read through batch norm and ReLU, or batch norm alone, against x that was made so before; over the first span. db is as it was. */
static void against_through(struct conv_case *k, int line, struct workspace w)
{
    struct side *s = side_of(k, line);
    const size_t count = view_count(&k->x_view), channels = (size_t)k->p.c, all = view_count(&s->view), room = count + all + LANES;
    float *made = check_room(k->c, ROOM_THROUGH, (room + 2 * channels) * sizeof *made), *map = made + room;
    made += (64 - (uintptr_t)made % 64) % 64 / sizeof *made;
    const struct through through = { map, map + channels, rng_below(&k->c->rng, 2) };
    fill_floats(&k->c->rng, map, 2 * channels);
    for (size_t i = 0; i < count; i++) {
        made[i] = fmaf(k->x[i], map[i / LANES % channels], map[channels + i / LANES % channels]);
        if (through.relu && !(made[i] > 0)) made[i] = 0;
    }
    struct conv_case other = *k;
    float *want = made + count, *out = guard_place(&k->c->guards, SLOT_CUT, s->view.name, all * sizeof *out, 64, k->edge[4]);
    other.x = made;
    call(&other, k->v, line, s->spans.at[0], w, out);
    memcpy(want, out, all * sizeof *want);
    guard_wipe(&k->c->guards, SLOT_CUT);
    other.x = k->x;
    other.p.through = &through;
    call(&other, k->v, line, s->spans.at[0], w, out);
    check_bits(k->c, &s->view, 0, all, out, want, "with x made before");
    k->c->current->through++;
}

/* The first span's rows stored through a ReLU, or its derivative, against the rows as they are, `made`. */
static void against_gates(struct conv_case *k, int line, struct workspace w, const float *made)
{
    const struct side *s = side_of(k, line);
    const size_t all = view_count(&s->view), begin = (size_t)s->spans.at[0].begin * s->row, end = (size_t)s->spans.at[0].end * s->row;
    float *want = check_room(k->c, ROOM_THROUGH, all * sizeof *want);
    float *out = guard_place(&k->c->guards, SLOT_CUT, s->view.name, all * sizeof *out, 64, k->edge[4]);
    struct conv_case gated = *k;
    for (size_t i = begin; i < end; i++) want[i] = (line == FWD ? made[i] : k->x[i]) > 0 ? made[i] : 0;
    if (line == FWD) gated.p.relu = true;
    else gated.p.by = k->x;
    call(&gated, k->v, line, s->spans.at[0], w, out);
    check_bits(k->c, &s->view, begin, end, out, want, "through the gate");
    k->c->current->gates++;
}

/* Forward and backward-data: rows of a tensor in lanes. */
static void rows_trial(void *context)
{
    const struct trial *t = context;
    struct conv_case *k = t->k;
    struct side *s = side_of(k, t->line);
    const float *twin = promises_twin(k) ? twin_result(k, t->line) : NULL;
    struct workspace w = guarded(k, t->line);
    float *out = guard_place(&k->c->guards, SLOT_OUT, s->view.name, view_count(&s->view) * sizeof *out, 64, k->edge[4]);
    for (int i = 0; i < s->spans.count; i++) {
        struct span rows = s->spans.at[i];
        if (i) guard_wipe(&k->c->guards, SLOT_OUT);
        call(k, k->v, t->line, rows, w, out);
        against_oracle(k, s, rows, out);
        if (i == 0 && (k->v->head.promises & GATES)) against_gates(k, t->line, w, out);
        if (twin) check_bits(k->c, &s->view, (size_t)rows.begin * s->row, (size_t)rows.end * s->row, out, twin, "portable has it");
    }
    if (t->line == FWD && (k->v->head.promises & READS_THROUGH)) against_through(k, FWD, w);
    if (k->whole && (k->v->head.promises & SAME_BITS_OVER_SPANS)) {
        against_cut(k, t->line, w, out);
        k->c->current->over_spans++;
        if (k->c->threads > 1 && !k->c->failed) against_threads(k, t->line, s->spans.at[0], w, out);
    }
}

/* All filters against halves, the second first on untouched memory; of a large problem a whole chunk: windows have too few rows. */
static void against_parts(struct conv_case *k, struct workspace w, float *out)
{
    const struct conv *p = &k->p;
    const struct span rows = k->whole ? k->dw.spans.at[0] : conv_chunk(k->v, p, 0);
    const size_t all = view_count(&k->dw.view), filter = all / (size_t)p->k;
    float *dw = guard_place(&k->c->guards, SLOT_CUT, "dw", all * sizeof *dw, 4, k->edge[4]);
    float *db = check_room(k->c, ROOM_SUMS, (size_t)p->k * sizeof *db);
    call(k, k->v, BWD_WEIGHTS, rows, w, out);
    for (int i = 0; i < 2; i++) {
        const struct span half = conv_part(p, 2, 1 - i);
        const struct conv part = conv_filters(p, half);
        const size_t first = (size_t)half.begin;
        if (!k->v->supports(&part)) return;
        spoil(w.scratch, k->v->scratch_bytes(p));
        k->v->bwd_weights(&part, rows, k->dy + first * LANES, k->x, dw + first * filter, w.db ? db + first : NULL, w.scratch);
        if (i == 0) check_unwritten(k->c, &k->dw.view, 0, first * filter, dw);
    }
    check_bits(k->c, &k->dw.view, 0, all, dw, out, "with all filters");
    if (w.db) check_bits(k->c, &k->db.view, 0, view_count(&k->db.view), db, w.db, "with all filters");
}

/* Backward-weights: sums over spans; each call overwrites all of dw and db. */
static void sums_trial(void *context)
{
    const struct trial *t = context;
    struct conv_case *k = t->k;
    struct side *s = &k->dw;
    const size_t all = view_count(&s->view);
    const float *twin = promises_twin(k) ? twin_result(k, BWD_WEIGHTS) : NULL;
    struct workspace w = guarded(k, BWD_WEIGHTS);
    float *out = guard_place(&k->c->guards, SLOT_OUT, "dw", all * sizeof *out, 4, k->edge[4]);
    double *size = s->size && !(k->v->head.promises & EXACT_ON_INTEGERS) ? spread(k, s, true) : s->size;
    for (int i = 0; size && size != s->size && i < s->spans.count; i++) excuse_channels(k, s->spans.at[i], size + (size_t)i * s->stride);
    for (int i = 0; i < s->spans.count; i++) {
        if (i) guard_wipe(&k->c->guards, SLOT_OUT);
        if (i && w.db) guard_wipe(&k->c->guards, SLOT_DB);
        call(k, k->v, BWD_WEIGHTS, s->spans.at[i], w, out);
        size_t at = (size_t)i * s->stride, db_at = (size_t)i * k->db.stride;
        check_close(k->c, &s->view, 0, all, out, s->want + at, size ? size + at : NULL, tolerance_of(k));
        if (w.db)
            check_close(k->c, &k->db.view, 0, view_count(&k->db.view), w.db, k->db.want + db_at, k->db.size ? k->db.size + db_at : NULL,
                        tolerance_of(k));
        if (i == 0 && k->whole && k->c->threads > 1 && !k->c->failed) against_threads(k, BWD_WEIGHTS, s->spans.at[0], w, out);
        if (!twin) continue;
        twin += i ? s->stride + k->db.stride : 0;
        check_bits(k->c, &s->view, 0, all, out, twin, "portable has it");
        if (w.db) check_bits(k->c, &k->db.view, 0, view_count(&k->db.view), w.db, twin + s->stride, "portable has it");
    }
    if (k->p.k > 1) against_parts(k, w, out);
    if (k->v->head.promises & READS_THROUGH) against_through(k, BWD_WEIGHTS, w);
}

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* <dy, conv(x)> = <bwd_data(dy), x> + <db, b> = <bwd_weights(dy, x), w> + <db, b>, where dead lanes add nothing since dy is 0 there. */
static void adjoint_trial(void *context)
{
    struct conv_case *k = ((struct trial *)context)->k;
    struct guards *g = &k->c->guards;
    const struct conv *p = &k->p;
    size_t y_count = view_count(&k->y.view), x_count = view_count(&k->dx.view), w_count = view_count(&k->dw.view);
    double size = 0, through_x, through_w = 0, through_b = 0;
    float *out = guard_place(g, SLOT_OUT, "y", y_count * sizeof *out, 64, k->edge[4]);
    call(k, k->v, FWD, k->y.spans.at[0], guarded(k, FWD), out);
    double through_y = dot(k->dy, out, y_count);
    for (size_t i = 0; i < y_count; i++) size += fabs((double)k->dy[i]) * k->y.size[i];

    out = guard_place(g, SLOT_OUT, "dx", x_count * sizeof *out, 64, k->edge[4]);
    call(k, k->v, BWD_DATA, k->dx.spans.at[0], guarded(k, BWD_DATA), out);
    through_x = dot(k->x, out, x_count);

    out = guard_place(g, SLOT_OUT, "dw", w_count * sizeof *out, 4, k->edge[4]);
    struct workspace w = guarded(k, BWD_WEIGHTS);
    for (int i = 0, chunks = conv_chunks(k->v, p); i < chunks; i++) {
        call(k, k->v, BWD_WEIGHTS, conv_chunk(k->v, p, i), w, out);
        through_w += dot(k->w, out, w_count);
        if (w.db) through_b += dot(k->b, w.db, (size_t)p->k);
    }
    double allowed = 2 * (double)k->v->bound(p) * 0x1p-24 * size;
    check_number(k->c, "<bwd_data(dy), x> + <db, b>", through_x + through_b, through_y, allowed);
    check_number(k->c, "<bwd_weights(dy, x), w> + <db, b>", through_w + through_b, through_y, allowed);
}

void conv_trials(struct conv_case *k, int row)
{
    struct check *c = k->c;
    bool integers = k->kind == INPUT_INTEGERS;
    k->v = (const void *)c->row[row].variant;
    if (!k->v->supports(&k->p) || (integers && !(k->v->head.promises & EXACT_ON_INTEGERS))) return;
    c->row[row].exact += integers;
    for (int line = FWD; line <= ADJOINT; line++) {
        struct trial t = { k, line };
        if (line == ADJOINT && (k->kind != INPUT_FLOATS || !k->whole)) continue;
        if (line == BWD_WEIGHTS && k->tiny) continue; /* weights take no part in it */
        check_try(c, row, line, line == ADJOINT ? adjoint_trial : line == BWD_WEIGHTS ? sums_trial : rows_trial, &t);
        for (int slot = SLOT_CUT; slot <= SLOT_PACKED; slot++) guard_drop(&c->guards, slot);
    }
}
