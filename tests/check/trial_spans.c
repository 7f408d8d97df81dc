/* SPDX-License-Identifier: MIT */
#include "trial_spans.h"

#include <assert.h>
#include <string.h>

static size_t bytes_of(const struct out *o) { return view_count(&o->view) * o->bytes; }

static void place(const struct span_case *s, int first_slot, void **out)
{
    for (int i = 0; i < s->outs; i++) {
        const struct out *o = &s->out[i];
        size_t align = o->view.images ? (o->bytes == sizeof(float) ? 64 : 16) : o->bytes;
        out[i] = o->absent ? NULL : guard_place(&s->c->guards, first_slot + i, o->view.name, bytes_of(o), align, s->edge);
        if (out[i] && o->start) memcpy(out[i], o->start, bytes_of(o));
    }
}

static void compare(const struct span_case *s, int i, const void *got, const void *want, const char *against)
{
    const struct out *o = &s->out[i];
    size_t all = view_count(&o->view);
    if (o->bytes == sizeof(float)) {
        check_bits(s->c, &o->view, 0, all, got, want, against);
    } else if (o->view.images) {
        struct tensor_view bytes = o->view; /* uint8_t in lanes */
        check_bytes(s->c, &bytes, 0, all, got, want, against);
    } else {
        const unsigned char *a = got, *b = want;
        for (size_t at = 0; at < all * o->bytes; at++)
            if (a[at] != b[at]) return check_fail(s->c, "%s[%zu] differs from %s", o->view.name, at / o->bytes, against);
    }
}

/* The first of `count` elements from `first` on that is not as it was before the call; -1: none. */
static bool untouched(const struct out *o, const unsigned char *at, size_t first, size_t count)
{
    const unsigned char *start = (const unsigned char *)o->start;
    size_t offset = first * o->bytes, bytes = count * o->bytes;
    return start ? memcmp(at + offset, start + offset, bytes) == 0 : guard_unwritten(at, offset, bytes);
}

static ptrdiff_t touched(const struct out *o, const unsigned char *at, size_t first, size_t count)
{
    if (untouched(o, at, first, count)) return -1;
    while (untouched(o, at, first, 1)) first++;
    return (ptrdiff_t)first;
}

/* Everything that a call on `units` must not touch is still as it was. */
static void outside(const struct span_case *s, struct span units, void *const *out)
{
    for (int i = 0; i < s->outs; i++) {
        const struct out *o = &s->out[i];
        size_t runs = out[i] && o->per_unit ? view_count(&o->view) / o->per_unit : 0;
        for (size_t run = 0; run < runs; run++) {
            int unit = (int)(run % (size_t)s->units);
            if (o->whole ? units.begin == 0 : unit >= units.begin && unit < units.end) continue;
            ptrdiff_t at = touched(o, out[i], run * o->per_unit, o->per_unit);
            if (at >= 0) return check_fail(s->c, "wrote %s[%td], outside its span [%d, %d)", o->view.name, at, units.begin, units.end);
        }
    }
}

/* [begin, end) against two calls. Each part runs once on untouched memory, so that a write into the other part shows. */
static void against_cut(const struct span_case *s, void *const *whole)
{
    void *out[OUTS];
    const struct span head = { s->span.begin, s->cut }, tail = { s->cut, s->span.end }, none = { s->span.end, s->span.end };
    place(s, SLOT_OTHERS, out);
    s->call(s, s->v, tail, out, s->aliased);
    outside(s, tail, out);
    if (head.end > head.begin) {
        place(s, SLOT_OTHERS, out);
        s->call(s, s->v, head, out, s->aliased);
        s->call(s, s->v, none, out, s->aliased);
        outside(s, head, out);
        s->call(s, s->v, tail, out, s->aliased);
    }
    for (int i = 0; i < s->outs; i++)
        if (out[i]) compare(s, i, out[i], whole[i], "in one span");
}

struct parallel {
    const struct span_case *s;
    void *const *out;
};

static void one_piece(void *context, int index)
{
    const struct parallel *p = context;
    p->s->call(p->s, p->s->v, check_piece(p->s->span, index, p->s->c->threads), p->out, p->s->aliased);
}

/* The span on one thread against as many pieces at the same time. Only for what went well so far: a page touched by another thread ends
 * it all. */
static void against_threads(const struct span_case *s, void *const *whole)
{
    void *out[OUTS];
    place(s, SLOT_OTHERS, out);
    struct parallel p = { s, out };
    if (!check_parallel(s->c->threads, one_piece, &p)) return;
    for (int i = 0; i < s->outs; i++)
        if (out[i]) compare(s, i, out[i], whole[i], "on one thread");
}

static void against_alias(const struct span_case *s, void *const *whole)
{
    void *out[OUTS];
    place(s, SLOT_OTHERS, out);
    assert(s->outs > 0 && out[0]);
    memcpy(out[0], s->aliased, bytes_of(&s->out[0]));
    s->call(s, s->v, s->span, out, out[0]);
    for (int i = 0; i < s->outs; i++)
        if (out[i]) compare(s, i, out[i], whole[i], "not in place");
}

static void against_twin(const struct span_case *s, void *const *whole)
{
    void *out[OUTS];
    const struct variant *twin = check_twin(s->c, s->v);
    if (!twin) return;
    place(s, SLOT_TWIN, out);
    s->call(s, twin, s->span, out, s->aliased);
    for (int i = 0; i < s->outs; i++)
        if (out[i]) compare(s, i, whole[i], out[i], "portable has it");
}

static void trial(void *context)
{
    const struct span_case *s = context;
    void *out[OUTS];
    place(s, SLOT_OUTS, out);
    s->call(s, s->v, s->span, out, s->aliased);
    s->verify(s, out);
    if (s->cut >= 0) outside(s, s->span, out);
    if (s->aliased && !s->out[0].absent) against_alias(s, out);
    if (s->cut >= 0 && (s->v->promises & SAME_BITS_OVER_SPANS)) {
        against_cut(s, out);
        s->c->current->over_spans++;
        if (s->c->threads > 1 && !s->alone && !s->c->failed) against_threads(s, out);
    }
    if (s->v->promises & SAME_BITS_OVER_ISA) {
        s->c->current->over_isa++;
        if (s->v->isa != ISA_PORTABLE) against_twin(s, out);
    }
}

void span_try(struct span_case *s, int row, int direction)
{
    assert(s->outs >= 1 && s->outs <= OUTS);
    assert(s->cut < 0 || (s->cut >= s->span.begin && s->cut <= s->span.end));
    s->v = s->c->row[row].variant;
    check_try(s->c, row, direction, trial, s);
    for (int i = 0; i < OUTS; i++) {
        guard_drop(&s->c->guards, SLOT_OUTS + i);
        guard_drop(&s->c->guards, SLOT_OTHERS + i);
        guard_drop(&s->c->guards, SLOT_TWIN + i);
    }
}
