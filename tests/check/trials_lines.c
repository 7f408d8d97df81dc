/* SPDX-License-Identifier: MIT */
#include "trials_lines.h"

enum { LOUD = 0x4640 };                     /* 12,288 */
enum rooms { ROOM_THROUGH = 22, ROOM_ALL }; /* beyond those of the ops */

/* Where the numbers of a channel of a pixel begin; those of the other images are two further on each. */
static size_t place_of(const struct bf16_map *m, int row, int w, int c)
{
    const size_t line_row = (size_t)(row / m->h * bf16_map_rows(m) + m->top + row % m->h) * (size_t)bf16_map_pitch(m);
    return (line_row + (size_t)((m->left + w) * bf16_lines(m->c) + c / 2)) * LINE + (size_t)(c % 2);
}

static size_t float_of(const struct bf16_map *m, int row, int w, int c)
{
    return ((size_t)(row * m->w + w) * (size_t)m->c + (size_t)c) * LANES;
}

static void fill(const struct lined *t, struct span rows, const float *x)
{
    const struct bf16_map *m = &t->map;
    for (int row = rows.begin; row < rows.end; row++)
        for (int w = 0; w < m->w; w++)
            for (int c = 0; c < (m->c + 1) / 2 * 2; c++)
                for (size_t i = 0; i < LANES; i++)
                    t->data[place_of(m, row, w, c) + 2 * i] = c < m->c ? bf16_of(x[float_of(m, row, w, c) + i]) : 0;
}

static void make_loud(const struct lined *t)
{
    for (size_t i = 0; i < t->count; i++) t->data[i] = LOUD;
}

struct lined lined_place(struct check *c, int slot, const char *name, struct bf16_map map, const float *x)
{
    struct lined t = { .map = map };
    t.map.top = draw_between(&c->rng, 0, 2), t.map.bottom = draw_between(&c->rng, 0, 2);
    t.map.left = draw_between(&c->rng, 0, 2), t.map.right = draw_between(&c->rng, 0, 2);
    t.count = bf16_lines_count(&t.map);
    t.data = guard_place(&c->guards, slot, name, t.count * sizeof *t.data, 64, draw_edge(&c->rng));
    make_loud(&t);
    if (x) fill(&t, (struct span){ 0, image_blocks(map.n) * map.h }, x);
    if (x) guard_seal(&c->guards, slot);
    return t;
}

void lined_rounded(const float *x, size_t count, float *to)
{
    for (size_t i = 0; i < count; i++) to[i] = bf16_value(bf16_of(x[i]));
}

void lined_check(struct check *c, const char *name, const struct lined *got, struct span rows, const float *want,
                 const struct bf16_gate *gate, const float *open)
{
    const size_t floats = (size_t)image_blocks(got->map.n) * (size_t)(got->map.h * got->map.w * got->map.c) * LANES;
    struct lined all = { .map = got->map, .count = got->count };
    float *through = check_room(c, ROOM_THROUGH, floats * sizeof *through);
    all.data = check_room(c, ROOM_ALL, got->count * sizeof *all.data);
    for (size_t i = 0; i < floats; i++) through[i] = !gate || (gate->lines ? open[i] : want[i]) > 0 ? want[i] : 0;
    make_loud(&all);
    fill(&all, rows, through);
    for (size_t i = 0; i < got->count; i++) {
        if (got->data[i] == all.data[i]) continue;
        check_fail(c, "%s: line %zu[%zu] = %04x, want %04x", name, i / LINE, i % LINE, got->data[i], all.data[i]);
        return;
    }
}
