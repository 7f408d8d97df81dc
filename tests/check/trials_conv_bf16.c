/* SPDX-License-Identifier: MIT
 * The trials of one implementation of the bf16 convolution on inputs that are ready: against the oracle, against its portable twin, cut
 * into spans, on several threads; and its conversions against plain loops. */
#include <math.h>
#include <string.h>
#include "cases_conv_bf16.h"

struct workspace {
    bf16 *packed;
    float *scratch, *db;
};

struct trial {
    struct bf16_case *k;
    int line;
};

static struct workspace guarded(struct bf16_case *k, int line)
{
    struct guards *g = &k->c->guards;
    const struct conv *p = &k->p;
    struct workspace s = { 0 };
    if (line != BF16_BWD_WEIGHTS) {
        const enum conv_direction way = line == BF16_FWD ? CONV_FWD : CONV_BWD_DATA;
        s.packed = guard_place(g, BF16_SLOT_PACKED, "packed", k->v->packed_bytes(p, way), 64, k->edge[1]);
        k->v->pack(p, way, k->w, s.packed);
        guard_seal(g, BF16_SLOT_PACKED);
    }
    s.scratch = guard_place(g, BF16_SLOT_SCRATCH, "scratch", k->v->scratch_bytes(p), 64, k->edge[2]);
    if (line == BF16_BWD_WEIGHTS && p->bias) s.db = guard_place(g, BF16_SLOT_DB, "db", (size_t)p->k * sizeof(float), 4, k->edge[3]);
    return s;
}

/* One call, with what the last one left in the scratch made unusable. */
static void call(const struct bf16_case *k, const struct conv_bf16_variant *v, int line, struct span span, struct workspace s, float *out)
{
    for (size_t i = 0; i < v->scratch_bytes(&k->p) / sizeof *s.scratch; i++) s.scratch[i] = NAN;
    if (line == BF16_FWD) v->fwd(&k->p, span, k->x_lines.data, s.packed, k->b, out, s.scratch);
    else if (line == BF16_BWD_DATA) v->bwd_data(&k->p, span, k->dy_lines.data, s.packed, out, s.scratch);
    else v->bwd_weights(&k->p, span, k->dy_pairs.data, k->x_lines.data, out, s.db, s.scratch);
}

static struct side *side_of(struct bf16_case *k, int line) { return line == BF16_FWD ? &k->y : line == BF16_BWD_DATA ? &k->dx : &k->dw; }

static struct tolerance tolerance_of(const struct bf16_case *k) { return (struct tolerance){ .bound = (double)k->v->bound(&k->p) }; }

/* The twin's results on the same spans, kept for the next ISA. Sums lie one after the other, each dw with its db behind it. */
static const float *twin_result(struct bf16_case *k, int line)
{
    const struct conv_bf16_variant *twin = (const void *)check_twin(k->c, &k->v->head), *own = k->v;
    struct side *s = side_of(k, line);
    struct guards *g = &k->c->guards;
    if (!twin) return NULL;
    if (k->twin[line] == twin) return (const float *)(const void *)g->slot[BF16_SLOT_TWIN + line].data;
    const size_t step = line == BF16_BWD_WEIGHTS ? s->stride + k->db.stride : 0,
                 spans = line == BF16_BWD_WEIGHTS ? (size_t)s->spans.count : 1;
    float *out =
        guard_place(g, BF16_SLOT_TWIN + line, "the twin's result", (view_count(&s->view) + step) * spans * sizeof *out, 64, AT_END);
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

static const float *promised_twin(struct bf16_case *k, int line)
{
    k->c->current->over_isa++;
    return k->v->head.isa != ISA_PORTABLE || k->c->current->mutant ? twin_result(k, line) : NULL;
}

/* A call whose span is still to come. */
struct cut_call {
    const struct bf16_case *k;
    int line;
    struct workspace w;
};

static void call_rows(const void *context, struct span rows, float *out)
{
    const struct cut_call *t = context;
    call(t->k, t->k->v, t->line, rows, t->w, out);
}

static void against_cut(struct bf16_case *k, int line, struct workspace w, const float *out)
{
    const struct cut_call call = { k, line, w };
    conv_against_cut(&(struct conv_cut){ k->c, side_of(k, line), k->cut[line], BF16_SLOT_CUT, k->edge[4], call_rows, &call }, out);
}

/* Rows are cut for several threads, each with its own scratch. */
struct parallel {
    struct bf16_case *k;
    int line;
    struct workspace w;
    float *out, *scratch;
    size_t scratch_floats;
};

static void one_piece(void *context, int index)
{
    const struct parallel *t = context;
    const struct workspace own = { t->w.packed, t->scratch + (size_t)index * t->scratch_floats, NULL };
    call(t->k, t->k->v, t->line, check_piece(side_of(t->k, t->line)->spans.at[0], index, t->k->c->threads), own, t->out);
}

static void against_threads(struct bf16_case *k, int line, struct workspace w, const float *serial)
{
    struct check *c = k->c;
    struct side *s = side_of(k, line);
    const size_t scratch = (k->v->scratch_bytes(&k->p) + 127) / 64 * 16, count = view_count(&s->view);
    struct parallel t = { k, line, w, NULL, check_room(c, ROOM_SCRATCHES, (scratch * (size_t)c->threads + 16) * sizeof(float)), scratch };
    t.scratch += (64 - (uintptr_t)t.scratch % 64) % 64 / sizeof(float);
    t.out = guard_place(&c->guards, BF16_SLOT_CUT, s->view.name, count * sizeof(float), 64, k->edge[4]);
    if (check_parallel(c->threads, one_piece, &t)) check_bits(c, &s->view, 0, count, t.out, serial, "on one thread");
}

/* Forward and backward-data: rows of a tensor in lanes. */
static void rows_trial(void *context)
{
    const struct trial *t = context;
    struct bf16_case *k = t->k;
    struct check *c = k->c;
    struct side *s = side_of(k, t->line);
    const float *twin = promised_twin(k, t->line);
    const struct workspace w = guarded(k, t->line);
    const size_t all = view_count(&s->view);
    float *out = guard_place(&c->guards, BF16_SLOT_OUT, s->view.name, all * sizeof *out, 64, k->edge[4]);
    for (int i = 0; i < s->spans.count; i++) {
        const size_t begin = (size_t)s->spans.at[i].begin * s->row, end = (size_t)s->spans.at[i].end * s->row;
        if (i) guard_wipe(&c->guards, BF16_SLOT_OUT);
        call(k, k->v, t->line, s->spans.at[i], w, out);
        if (k->kind != INPUT_SPECIALS) {
            check_close(c, &s->view, begin, end, out, s->want, s->size, tolerance_of(k));
            check_dead(c, &s->view, begin, end, out, s->dead);
        }
        check_unwritten(c, &s->view, 0, begin, out);
        check_unwritten(c, &s->view, end, all, out); /* NOLINT(readability-suspicious-call-argument) */
        if (twin) check_bits(c, &s->view, begin, end, out, twin, "portable has it");
    }
    if (!k->whole) return;
    against_cut(k, t->line, w, out);
    c->current->over_spans++;
    if (c->threads > 1 && !c->failed) against_threads(k, t->line, w, out);
}

/* All filters against two parts of them, the second first on untouched memory; of a large problem a chunk as in training. */
static void against_parts(struct bf16_case *k, struct workspace w, float *out)
{
    const struct conv *p = &k->p;
    const struct span rows = k->whole ? k->dw.spans.at[0] : conv_bf16_chunk(p, 0);
    const size_t all = view_count(&k->dw.view), filter = all / (size_t)p->k;
    float *dw = guard_place(&k->c->guards, BF16_SLOT_CUT, "dw", all * sizeof *dw, 4, k->edge[4]);
    float *db = check_room(k->c, ROOM_SUMS, (size_t)p->k * sizeof *db);
    call(k, k->v, BF16_BWD_WEIGHTS, rows, w, out);
    for (int i = 0; i < 2; i++) {
        const struct span half = conv_part(p, 2, 1 - i);
        const struct conv part = conv_filters(p, half);
        const size_t first = (size_t)half.begin;
        k->v->bwd_weights(&part, rows, k->dy_pairs.data + first * LINE, k->x_lines.data, dw + first * filter, w.db ? db + first : NULL,
                          w.scratch);
        if (i == 0) check_unwritten(k->c, &k->dw.view, 0, first * filter, dw);
    }
    check_bits(k->c, &k->dw.view, 0, all, dw, out, "with all filters");
    if (w.db) check_bits(k->c, &k->db.view, 0, view_count(&k->db.view), db, w.db, "with all filters");
}

static void sums_trial(void *context)
{
    const struct trial *t = context;
    struct bf16_case *k = t->k;
    struct check *c = k->c;
    struct side *s = &k->dw;
    const size_t all = view_count(&s->view), biases = view_count(&k->db.view);
    const float *twin = promised_twin(k, BF16_BWD_WEIGHTS);
    const struct workspace w = guarded(k, BF16_BWD_WEIGHTS);
    float *out = guard_place(&c->guards, BF16_SLOT_OUT, "dw", all * sizeof *out, 4, k->edge[4]);
    for (int i = 0; i < s->spans.count; i++) {
        const size_t at = (size_t)i * s->stride, db_at = (size_t)i * k->db.stride;
        if (i) guard_wipe(&c->guards, BF16_SLOT_OUT);
        if (i && w.db) guard_wipe(&c->guards, BF16_SLOT_DB);
        call(k, k->v, BF16_BWD_WEIGHTS, s->spans.at[i], w, out);
        if (k->kind != INPUT_SPECIALS) {
            check_close(c, &s->view, 0, all, out, s->want + at, s->size ? s->size + at : NULL, tolerance_of(k));
            if (w.db)
                check_close(c, &k->db.view, 0, biases, w.db, k->db.want + db_at, k->db.size ? k->db.size + db_at : NULL, tolerance_of(k));
        }
        if (!twin) continue;
        twin += i ? s->stride + k->db.stride : 0;
        check_bits(c, &s->view, 0, all, out, twin, "portable has it");
        if (w.db) check_bits(c, &k->db.view, 0, biases, w.db, twin + s->stride, "portable has it");
    }
    if (k->p.k > 1) against_parts(k, w, out);
}

/* ---- conversions ---- */

static void check_elements(struct check *c, const char *name, const bf16 *got, const bf16 *want, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        if (got[i] == want[i]) continue;
        check_fail(c, "%s[%zu][%zu] = %04x, want %04x", name, i / LINE, i % LINE, got[i], want[i]);
        return;
    }
}

/* Makes rows of the operand. */
typedef void convert_fn(const struct bf16_case *k, const struct bf16_operand *o, struct span rows, bf16 *to);

static void lines_of_x(const struct bf16_case *k, const struct bf16_operand *o, struct span rows, bf16 *to)
{
    k->v->lines(&o->map, rows, k->x, to);
}
static void lines_of_dy(const struct bf16_case *k, const struct bf16_operand *o, struct span rows, bf16 *to)
{
    k->v->lines(&o->map, rows, k->dy, to);
}
static void pairs_of_floats(const struct bf16_case *k, const struct bf16_operand *o, struct span rows, bf16 *to)
{
    k->v->row_pairs(&o->map, rows, k->dy, to);
}
static void pairs_of_lines(const struct bf16_case *k, const struct bf16_operand *o, struct span rows, bf16 *to)
{
    (void)o;
    k->v->row_pairs_of_lines(&k->dy_lines.map, rows, k->dy_lines.data, to);
}
static void lines_above_zero(const struct bf16_case *k, const struct bf16_operand *o, struct span rows, bf16 *to)
{
    const struct bf16_gate gate = { .lines = NULL };
    k->v->gated_lines(&o->map, rows, k->x, &gate, to);
}
static void lines_by_lines(const struct bf16_case *k, const struct bf16_operand *o, struct span rows, bf16 *to)
{
    const struct bf16_gate gate = { k->x_lines.map, k->x_lines.data };
    k->v->gated_lines(&o->map, rows, k->backwards, &gate, to);
}

/* All rows, then the two sides of a cut, the second first. */
static void convert_both(struct bf16_case *k, convert_fn *convert, const char *name, const struct bf16_operand *o, int rows)
{
    struct check *c = k->c;
    const int cut = k->cut[1] % (rows + 1);
    const size_t at = o->count / (size_t)rows * (size_t)cut;
    bf16 *out = guard_place(&c->guards, BF16_SLOT_OUT, name, o->count * sizeof *out, 64, k->edge[4]);
    convert(k, o, (struct span){ 0, rows }, out);
    check_elements(c, name, out, o->data, 0, o->count);
    guard_wipe(&c->guards, BF16_SLOT_OUT);
    convert(k, o, (struct span){ cut, rows }, out);
    check_elements(c, name, out, o->data, at, o->count);
    if (!guard_unwritten(out, 0, at * sizeof *out)) check_fail(c, "wrote %s outside its span", name);
    guard_wipe(&c->guards, BF16_SLOT_OUT);
    convert(k, o, (struct span){ 0, cut }, out);
    if (!guard_unwritten(out, at * sizeof *out, (o->count - at) * sizeof *out)) check_fail(c, "wrote %s outside its span", name);
}

static void back_trial(struct bf16_case *k)
{
    const struct bf16_map *m = &k->x_lines.map;
    const struct tensor_view view = { "x", 0, 5, { image_blocks(m->n), m->h, m->w, m->c, LANES } };
    const size_t all = view_count(&view);
    const int rows = view.extent[0] * m->h, cut = k->cut[1];
    float *out = guard_place(&k->c->guards, BF16_SLOT_OUT, "x", all * sizeof *out, 64, k->edge[4]);
    float *want = check_room(k->c, ROOM_SUMS, all * sizeof *want);
    for (size_t i = 0; i < all; i++) want[i] = bf16_value(bf16_of(k->x[i]));
    k->v->floats(m, (struct span){ cut, rows }, k->x_lines.data, out);
    check_unwritten(k->c, &view, 0, all / (size_t)rows * (size_t)cut, out);
    k->v->floats(m, (struct span){ 0, cut }, k->x_lines.data, out);
    check_bits(k->c, &view, 0, all, out, want, "rounded");
}

static void round_trial(struct bf16_case *k)
{
    const struct bf16_map *m = &k->x_lines.map;
    const struct tensor_view view = { "x", 0, 2, { image_blocks(m->n) * m->h * m->w * m->c, LANES } };
    const size_t all = view_count(&view), cut = all / LANES / 3;
    float *out = guard_place(&k->c->guards, BF16_SLOT_OUT, "x", all * sizeof *out, 64, k->edge[4]);
    float *want = check_room(k->c, ROOM_SUMS, all * sizeof *want);
    for (size_t i = 0; i < all; i++) want[i] = i / LANES < cut ? k->x[i] : bf16_value(bf16_of(k->x[i]));
    memcpy(out, k->x, all * sizeof *out);
    k->v->round((struct span){ (int)cut, view.extent[0] }, out);
    check_bits(k->c, &view, 0, all, out, want, "rounded from a third on");
}

static void convert_trial(void *context)
{
    struct bf16_case *k = ((struct trial *)context)->k;
    const int blocks = image_blocks(k->p.n), x_rows = blocks * bf16_map_rows(&k->x_lines.map), pairs = blocks * ((k->p.p + 1) / 2);
    convert_both(k, lines_of_x, "lines of x", &k->x_lines, x_rows);
    convert_both(k, lines_of_dy, "lines of dy", &k->dy_lines, blocks * bf16_map_rows(&k->dy_lines.map));
    convert_both(k, pairs_of_floats, "pairs of dy", &k->dy_pairs, pairs);
    convert_both(k, pairs_of_lines, "pairs of dy's lines", &k->dy_pairs, pairs);
    convert_both(k, lines_above_zero, "lines of x above zero", &k->above, x_rows);
    convert_both(k, lines_by_lines, "lines where x is above zero", &k->gated, blocks * k->p.h);
    back_trial(k);
    round_trial(k);
}

void conv_bf16_trials(struct bf16_case *k, int row)
{
    static void (*const works[])(void *) = { rows_trial, rows_trial, sums_trial, convert_trial };
    struct check *c = k->c;
    k->v = (const void *)c->row[row].variant;
    c->row[row].exact += k->kind == INPUT_INTEGERS;
    for (int line = BF16_FWD; line <= BF16_CONVERT; line++) {
        struct trial t = { k, line };
        check_try(c, row, line, works[line], &t);
        guard_drop(&c->guards, BF16_SLOT_CUT);
        guard_drop(&c->guards, BF16_SLOT_DB);
        guard_drop(&c->guards, BF16_SLOT_PACKED);
    }
}
