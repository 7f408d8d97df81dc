/* SPDX-License-Identifier: MIT
 * How values and gradients are stored. In bf16 a step defines most of them as numbers of bf16 (docs/kernels/bf16.md), so that they are kept
 * as such: half the memory, half the traffic, and no bit is different. They lie as lines in the frame that the convolution on tiles reads
 * (kernels/bf16.h), so that it converts nothing. Kernels of floats are given a band of rows at a time in memory of the worker's own, the
 * staging, which stays in cache: what they read is widened there, what they make is rounded and stored from there.
 *
 * What shares a buffer by writing in place is stored alike. The net's input, logits, what adds read and write, and what a dense layer of
 * floats has to do with stay floats; in plans made with no_fuse, for tests and pictures, everything does. */
#include "internal.h"

#include <assert.h>
#include <string.h>
#include "../layers/tiles.h"

enum { STAGING_BYTES = 32 << 10 }; /* of a band's floats: with the lines beside them they stay in a first-level cache, where rows allow */

/* ---- choosing ---------------------------------------------------------------------------------------------------------------------- */

static bool keeps(const struct plan *plan, int layer, enum operand which)
{
    const struct layer_row *row = layer_row(plan->net.layers[layer].kind);
    return row->stores && row->stores(&plan->layers[layer], which);
}

static bool value_may(const struct plan *plan, const int *names, int layer)
{
    const int next = layer + 1;
    return names[layer] != INPUT_BUFFER && output_rounded(plan, layer) && keeps(plan, layer, OPERAND_Y) && next < plan->net.count &&
           keeps(plan, next, OPERAND_X) && !net_is_source(&plan->net, layer);
}

static bool gradient_may(const struct plan *plan, int layer)
{
    const int next = layer + 1;
    return next < plan->net.count && keeps(plan, layer, OPERAND_DY) && keeps(plan, next, OPERAND_DX) && !net_is_source(&plan->net, layer);
}

static struct bf16_map frameless(struct shape s) { return (struct bf16_map){ .n = LANES, .c = s.c, .h = s.h, .w = s.w }; }

static struct bf16_map of_a_block(struct bf16_map map)
{
    map.n = LANES;
    return map;
}

/* Is the layer a convolution on tiles, which reads lines in a frame? */
static bool reads_frames(const struct plan *plan, int layer)
{
    return layer < plan->net.count && plan->layers[layer].tiles && layer_row(plan->net.layers[layer].kind)->work[WORK_LINES].rows;
}

/* Of all that have a name none is stored as bf16 unless all may be; a frame is everyone's. */
struct named {
    bool refused[NET_MAX_LAYERS];
    struct bf16_map map[NET_MAX_LAYERS];
};

static void choose_values(struct plan *plan, const int *names)
{
    struct named all = { .refused = { false } };
    for (int i = 0; i < plan->net.count; i++) {
        if (names[i] == INPUT_BUFFER) continue;
        if (!value_may(plan, names, i)) all.refused[names[i]] = true;
        if (reads_frames(plan, i + 1)) all.map[names[i]] = of_a_block(conv_bf16_x(&plan->layers[i + 1].conv));
        else if (all.map[names[i]].c == 0) all.map[names[i]] = frameless(plan->net.layers[i].out);
    }
    for (int i = 0; i < plan->net.count; i++) {
        if (names[i] == INPUT_BUFFER || all.refused[names[i]]) continue;
        plan->layers[i].stored = STORED_BF16;
        plan->layers[i].map = all.map[names[i]];
    }
}

static void choose_gradients(struct plan *plan, const int *names, int lowest)
{
    struct named all = { .refused = { false } };
    for (int i = plan->net.count - 1; i >= lowest; i--) {
        if (!gradient_may(plan, i)) all.refused[names[i]] = true;
        if (reads_frames(plan, i) && i > lowest) all.map[names[i]] = of_a_block(conv_bf16_dy(&plan->layers[i].conv));
        else if (all.map[names[i]].c == 0) all.map[names[i]] = frameless(plan->net.layers[i].out);
    }
    for (int i = lowest; i < plan->net.count; i++) {
        if (all.refused[names[i]]) continue;
        plan->layers[i].gradient_stored = STORED_BF16;
        plan->layers[i].gradient_map = all.map[names[i]];
    }
}

void storage_choose(struct plan *plan)
{
    int values[NET_MAX_LAYERS], gradients[NET_MAX_LAYERS];
    const int lowest = net_lowest(&plan->net);
    if (!plan->tiles) return;
    buffers_value_names(&plan->net, plan->training, values);
    buffers_gradient_names(&plan->net, lowest, gradients);
    choose_values(plan, values);
    if (plan->training) choose_gradients(plan, gradients, lowest);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------------------------- */

static size_t block_bytes(struct shape s, enum storage storage, const struct bf16_map *map)
{
    return storage == STORED_BF16 ? bf16_lines_count(map) * sizeof(bf16) : shape_values(s) * LANES * sizeof(real);
}

size_t storage_value(const struct plan *plan, int layer)
{
    if (layer < 0) return block_bytes(plan->net.in, STORED_REAL, NULL);
    return block_bytes(plan->net.layers[layer].out, plan->layers[layer].stored, &plan->layers[layer].map);
}

size_t storage_gradient(const struct plan *plan, int layer)
{
    if (layer < 0) return 0;
    return block_bytes(plan->net.layers[layer].out, plan->layers[layer].gradient_stored, &plan->layers[layer].gradient_map);
}

/* ---- operands ---------------------------------------------------------------------------------------------------------------------- */

/* One of a job's tensors: where it is, how, and its shape. */
struct stored {
    real *at;
    struct shape shape;
    const struct bf16_map *map; /* NULL: floats */
};

static struct stored stored_of(const struct job *j, enum operand which)
{
    const struct planned *l = j->layer, *below = j->index > 0 ? &j->plan->layers[j->index - 1] : NULL, *own = &j->plan->layers[j->index];
    switch (which) {
    case OPERAND_X: return (struct stored){ (real *)(uintptr_t)l->x, j->what->in, below && below->stored ? &below->map : NULL };
    case OPERAND_Y: return (struct stored){ l->y, j->what->out, own->stored ? &own->map : NULL };
    case OPERAND_DY: return (struct stored){ l->dy, j->what->out, own->gradient_stored ? &own->gradient_map : NULL };
    default: return (struct stored){ l->dx, j->what->in, below && below->gradient_stored ? &below->gradient_map : NULL };
    }
}

bool storage_is_bf16(const struct job *j, enum operand which) { return stored_of(j, which).map != NULL; }

const bf16 *storage_lines(const struct job *j, enum operand which)
{
    const struct stored s = stored_of(j, which);
    assert(s.map);
    return (const bf16 *)(const void *)s.at;
}

struct bf16_map storage_map(const struct job *j, enum operand which, int blocks)
{
    struct bf16_map map = *stored_of(j, which).map;
    map.n = blocks * LANES;
    return map;
}

/* The pointer from which row `row`, counted as kernels do, lies at `area`. */
static real *rows_at(real *area, struct shape s, int row)
{
    return (real *)((uintptr_t)area - (uintptr_t)row * (uintptr_t)(s.c * s.w) * LANES * sizeof(real));
}

static const float *const_floats(const real *x) { return (const float *)(const void *)x; }

const real *storage_floats(const struct job *j, enum operand which, struct span rows, real *area)
{
    const struct stored s = stored_of(j, which);
    if (!s.map) return s.at;
    real *at = rows_at(area, s.shape, rows.begin);
    j->plan->tiles->floats(s.map, rows, (const bf16 *)(const void *)s.at, (float *)(void *)at);
    return at;
}

/* ---- kernels that take lines -------------------------------------------------------------------------------------------------------- */

static bool reads_beside(const struct layer_row *row) { return row->elementwise && (row->reads_input || row->needs_output); }

static bool takes_lines(const struct job *j, enum work work)
{
    const struct layer_row *row = layer_row(j->what->kind);
    const bool x = storage_is_bf16(j, OPERAND_X), dy = storage_is_bf16(j, OPERAND_DY);
    if (!row->takes_lines || !row->takes_lines(j)) return false;
    switch (work) {
    case WORK_STATISTICS: return x;
    case WORK_FORWARD: return x && storage_is_bf16(j, OPERAND_Y);
    case WORK_SUMS: return x && dy;
    case WORK_DATA: return dy && storage_is_bf16(j, OPERAND_DX) && (x || !reads_beside(row));
    default: return false;
    }
}

const struct bf16_operands *storage_operands(const struct job *j, enum work work, struct lines_room *room)
{
    if (!takes_lines(j, work)) return NULL;
    const bool back = work == WORK_DATA;
    const struct stored x = stored_of(j, OPERAND_X), dy = stored_of(j, OPERAND_DY), made = stored_of(j, back ? OPERAND_DX : OPERAND_Y);
    struct bf16_operands *all = &room->operands;
    *room = (struct lines_room){ .gate = { .lines = NULL } };
    if (x.map) all->x = *x.map;
    if (dy.map) all->dy = *dy.map;
    if (made.map) all->made = *made.map;
    if (gate_of(j->plan, work, j->index) < 0) return all;
    if (back) room->gate = (struct bf16_gate){ *x.map, (const bf16 *)(const void *)x.at };
    all->gate = &room->gate;
    return all;
}

void storage_frame(const struct job *j, enum work work, struct span rows)
{
    const struct stored s = stored_of(j, work == WORK_DATA ? OPERAND_DX : OPERAND_Y);
    const struct bf16_map *m = s.map;
    const struct span framed = tiles_framed(m, rows);
    const size_t line = LINE * sizeof(bf16), pitch = (size_t)bf16_map_pitch(m) * line, left = (size_t)(m->left * bf16_lines(m->c)) * line,
                 right = (size_t)(m->right * bf16_lines(m->c)) * line;
    for (int row = framed.begin; row < framed.end; row++) {
        char *at = (char *)(void *)s.at + (size_t)row * pitch;
        const int h = row % bf16_map_rows(m) - m->top;
        const bool inside = h >= 0 && h < m->h;
        memset(at, 0, inside ? left : pitch);
        if (inside) memset(at + pitch - right, 0, right);
    }
}

/* ---- staging's ends ----------------------------------------------------------------------------------------------------------------- */

/* Rounds and stores rows of it, through the stage's gate, whose own output is what a layer above it reads. */
static void keep_rows(const struct job *j, enum operand which, struct span rows, const real *from, int gate)
{
    const struct stored s = stored_of(j, which), x = stored_of(j, OPERAND_X);
    const struct span framed = tiles_framed(s.map, rows);
    bf16 *to = (bf16 *)(void *)s.at;
    struct bf16_gate by = { .lines = NULL };
    if (which == OPERAND_DX && gate >= 0) by = (struct bf16_gate){ *x.map, (const bf16 *)(const void *)x.at };
    if (gate < 0) j->plan->tiles->lines(s.map, framed, const_floats(from), to);
    else j->plan->tiles->gated_lines(s.map, framed, const_floats(from), &by, to);
}

/* ---- staging ----------------------------------------------------------------------------------------------------------------------- */

static size_t row_floats(struct shape s) { return (size_t)s.c * (size_t)s.w * LANES; }

/* What a stage of maps reads, what it reads of the same rows as it makes, and what it makes. */
struct way {
    enum operand in, beside, out;
    bool has_beside, in_floats, beside_floats, out_floats; /* floats: they are stored as such, or the kernel takes lines */
    struct shape from, to;
};

static struct way way_of(const struct job *j, enum work work)
{
    const struct layer_row *row = layer_row(j->what->kind);
    const bool back = work == WORK_DATA;
    struct way w = { .in = back ? OPERAND_DY : OPERAND_X,
                     .out = back ? OPERAND_DX : OPERAND_Y,
                     .beside = row->reads_input ? OPERAND_X : OPERAND_Y,
                     .from = back ? j->what->out : j->what->in,
                     .to = back ? j->what->in : j->what->out };
    const bool direct = takes_lines(j, work);
    w.has_beside = back && reads_beside(row);
    w.in_floats = direct || j->layer->tiles || !storage_is_bf16(j, w.in);
    w.out_floats = direct || !storage_is_bf16(j, w.out);
    w.beside_floats = direct || !w.has_beside || !storage_is_bf16(j, w.beside);
    return w;
}

/* Rows of a block that rows [begin, end) of a block of what is made are made from. */
static struct span rows_below(const struct window *w, bool back, struct span rows, int most)
{
    struct span below;
    if (back) {
        const int first = rows.begin + w->top - w->extent + w->step;
        below = (struct span){ first < 0 ? 0 : first / w->step, (rows.end - 1 + w->top) / w->step + 1 };
    } else {
        below = (struct span){ rows.begin * w->step - w->top, (rows.end - 1) * w->step - w->top + w->extent };
    }
    below.begin = below.begin < 0 ? 0 : below.begin < most ? below.begin : most;
    below.end = below.end < below.begin ? below.begin : below.end < most ? below.end : most;
    return below;
}

struct staging storage_staging(const struct plan *plan, const struct stage *s)
{
    struct job j = job_of(plan, s->layer);
    struct staging staging = { 0 };
    if (s->does->chunks || !s->does->rows || (s->work != WORK_FORWARD && s->work != WORK_DATA)) return staging;
    const struct way w = way_of(&j, s->work);
    const bool in_place = layer_row(j.what->kind)->elementwise;
    if (w.in_floats && w.out_floats && w.beside_floats) return staging;
    const size_t in = w.in_floats ? 0 : row_floats(w.from), out = w.out_floats || (in && in_place) ? 0 : row_floats(w.to),
                 beside = w.beside_floats ? 0 : row_floats(w.to);
    const size_t row = (in + out + beside) * sizeof(real);
    const int fit = (int)(STAGING_BYTES / row) / s->grain * s->grain, band = fit > s->grain ? fit : s->grain;
    staging.band = band < s->rows ? band : s->rows;
    const int reach = s->work == WORK_DATA ? (staging.band + s->window.extent - 2) / s->window.step + 2
                                           : (staging.band - 1) * s->window.step + s->window.extent;
    staging.beside = in * (size_t)(reach < w.from.h ? reach : w.from.h);
    staging.out = staging.beside + beside * (size_t)staging.band;
    staging.floats = staging.out + out * (size_t)staging.band;
    return staging;
}

real *storage_area(const struct job *j, int worker) { return (real *)((uintptr_t)j->plan->worker_scratch[worker] + j->plan->worker_bytes); }

/* A band of one block, rows counted within it. */
static void make_band(const struct job *j, const struct stage *s, const struct way *w, int block, struct span rows, int worker)
{
    const struct span below = rows_below(&s->window, s->work == WORK_DATA, rows, w->from.h);
    const int before = block * w->to.h, from = block * w->from.h;
    const struct span made = { before + rows.begin, before + rows.end };
    real *area = storage_area(j, worker);
    struct planned here = *j->layer;
    struct job staged = *j;
    staged.layer = &here;
    const real *in = w->in_floats ? NULL : storage_floats(j, w->in, (struct span){ from + below.begin, from + below.end }, area);
    const bool in_place = in && layer_row(j->what->kind)->elementwise;
    real *out = w->out_floats ? NULL : in_place ? (real *)(uintptr_t)in : rows_at(area + s->staging.out, w->to, made.begin);
    if (!w->beside_floats) {
        const real *beside = storage_floats(j, w->beside, made, area + s->staging.beside);
        if (w->beside == OPERAND_X) here.x = beside;
        else here.y = (real *)(uintptr_t)beside;
    }
    if (s->work == WORK_DATA) {
        if (in) here.dy = (real *)(uintptr_t)in;
        if (out) here.dx = out;
    } else {
        if (in) here.x = in;
        if (out) here.y = out;
    }
    s->does->rows(&staged, made, worker);
    if (out) keep_rows(j, w->out, made, out, s->gate);
    else round_rows(j, s->work, made);
}

void storage_rows(const struct job *j, const struct stage *s, struct span rows, int worker)
{
    assert(s->staging.band > 0);
    const struct way w = way_of(j, s->work);
    for (int row = rows.begin, end; row < rows.end; row = end) {
        const int block = row / s->rows, last = (block + 1) * s->rows < rows.end ? (block + 1) * s->rows : rows.end;
        end = row + s->staging.band < last ? row + s->staging.band : last;
        make_band(j, s, &w, block, (struct span){ row - block * s->rows, end - block * s->rows }, worker);
    }
}
