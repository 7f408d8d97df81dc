/* SPDX-License-Identifier: MIT
 * Sixteen images become one image of sixteen lanes. A pixel's value is looked up: the table holds (p / 255 - mean) / sd computed in double
 * and rounded once, so scaling costs a load and has no rounding of its own. Without augmentation the images are read where they lie, and
 * the work is cut by rows; with it each worker first makes the sixteen changed images, and the work is cut by blocks. */
#include "batch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/runtime/rng.h"
#include "augment.h"

enum { TILE = 8 }; /* pixels per step: their 8 x 16 floats stay in L1 while lane after lane is written */

struct batcher {
    struct transform t;
    struct team *team;
    struct shape from, image, to; /* as stored; after channel selection; as written */
    int top, left;                /* where the image starts in the padded one */
    bool in_place;                /* stored bytes are read in order: no channel selection, no permutation */
    real table[256];
    int32_t *offset;                  /* [H W C of image]: the stored byte that each comes from */
    size_t image_bytes, worker_bytes; /* of one changed image, of a worker's 2 x LANES of them */
    uint8_t *scratch;                 /* [workers][worker_bytes]; NULL without augmentation */
};

/* One call of batcher_fill. */
struct fill {
    struct batcher *b;
    const struct images *images;
    const int *index;
    int n;
    const struct augment_key *augment;
    real *x;
};

void transform_shape(const struct transform *t, const struct dataset *d, int *c, int *h, int *w)
{
    *c = t->red ? 1 : d->c;
    *h = t->pad ? t->pad : d->h;
    *w = t->pad ? t->pad : d->w;
}

static void fill_table(const struct transform *t, real table[256])
{
    for (int p = 0; p < 256; p++) table[p] = (real)(t->raw ? p : (p / 255.0 - t->mean) / t->sd);
}

static int fill_offsets(struct batcher *b, struct why *why)
{
    int area = b->image.h * b->image.w, c = b->image.c;
    b->offset = malloc((size_t)(area * c) * sizeof *b->offset);
    int *order = malloc((size_t)area * sizeof *order);
    if (!b->offset || !order) {
        free(order);
        return why_fail(why, -ENOMEM, "no memory for the batch's tables");
    }
    for (int i = 0; i < area; i++) order[i] = i;
    if (b->t.permute) rng_permutation(rng_stream_key(b->t.permute_seed, STREAM_SELECT, UINT32_MAX, 0), area, order);
    for (int i = 0; i < area; i++)
        for (int k = 0; k < c; k++) b->offset[i * c + k] = order[i] * b->from.c + k;
    free(order);
    return 0;
}

int transform_check(const struct transform *t, const struct dataset *d, struct why *why)
{
    const struct shape image = { t->red ? 1 : d->c, d->h, d->w };
    if (!t->raw && !(t->sd > 0 && t->sd <= 1e6 && t->mean >= -1e6 && t->mean <= 1e6))
        return why_fail(why, -EINVAL, "norm=%g,%g: the second, the standard deviation, must be above 0, and neither beyond a million",
                        t->mean, t->sd);
    if (t->pad && (t->pad < d->h || t->pad < d->w || t->pad > 1024))
        return why_fail(why, -EINVAL, "pad=%d: images are %dx%d: choose %d … 1024, or leave it out", t->pad, d->h, d->w,
                        d->h > d->w ? d->h : d->w);
    for (int i = 0; i < t->augments; i++) {
        int error = augment_check(&t->augment[i], image, why);
        if (error) return error;
    }
    return 0;
}

int batcher_open(struct batcher **batcher, const struct dataset *d, const struct transform *t, struct team *team, struct why *why)
{
    assert(d->c > 0);
    assert(d->h > 0);
    assert(d->w > 0);
    assert(t->augments >= 0);
    assert(t->augments <= MAX_AUGMENTS);
    struct shape image = { t->red ? 1 : d->c, d->h, d->w }, to;
    *batcher = NULL;
    int error = transform_check(t, d, why);
    if (error) return error;
    struct batcher *b = calloc(1, sizeof *b);
    if (!b) return why_fail(why, -ENOMEM, "no memory for the batch's tables");
    transform_shape(t, d, &to.c, &to.h, &to.w);
    *b = (struct batcher){ .t = *t,
                           .team = team,
                           .from = { d->c, d->h, d->w },
                           .image = image,
                           .to = to,
                           .top = (to.h - d->h) / 2,
                           .left = (to.w - d->w) / 2,
                           .in_place = image.c == d->c && !t->permute };
    fill_table(t, b->table);
    error = fill_offsets(b, why);
    if (!error && t->augments > 0) {
        b->image_bytes = (size_t)(image.h * image.w * image.c);
        b->worker_bytes = (2 * LANES * b->image_bytes + 127) / 128 * 128; /* no two workers in one pair of lines */
        b->scratch = malloc((size_t)team_workers(team) * b->worker_bytes);
        if (!b->scratch) error = why_fail(why, -ENOMEM, "no memory for augmentation");
    }
    if (error) batcher_close(b);
    else *batcher = b;
    return error;
}

void batcher_close(struct batcher *b)
{
    if (!b) return;
    free(b->offset);
    free(b->scratch);
    free(b);
}

/* `count` bytes from `at` of 16 images that are read in order, to lanes. The common case: a batch is made at the speed of two loads and one
 * store per float. */
static void spread_full(const real *restrict table, const uint8_t *const *source, int at, int count, real *restrict x)
{
    int p = 0;
    for (; p + TILE <= count; p += TILE)
        for (int lane = 0; lane < LANES; lane++) {
            const uint8_t *s = source[lane] + at + p;
            for (int i = 0; i < TILE; i++) x[(p + i) * LANES + lane] = table[s[i]];
        }
    for (; p < count; p++)
        for (int lane = 0; lane < LANES; lane++) x[p * LANES + lane] = table[source[lane][at + p]];
}

/* The same for any order and for a last block with dead lanes. */
static void spread(const real *restrict table, const uint8_t *const *source, int lanes, const int32_t *offset, int at, int count,
                   real *restrict x)
{
    for (int p = 0; p < count; p++) {
        int from = offset ? offset[at + p] : at + p;
        for (int lane = 0; lane < lanes; lane++) x[p * LANES + lane] = table[source[lane][from]];
        for (int lane = lanes; lane < LANES; lane++) x[p * LANES + lane] = 0;
    }
}

/* Rows [begin, end) of the written image of one block. */
static void fill_rows(const struct batcher *b, const uint8_t *const *source, int lanes, bool in_place, int begin, int end, real *x)
{
    int row_bytes = b->image.w * b->image.c, row = b->to.w * b->to.c * LANES, left = b->left * b->to.c * LANES;
    for (int y = begin; y < end; y++, x += row) {
        int from = y - b->top;
        if (from < 0 || from >= b->image.h) {
            memset(x, 0, (size_t)row * sizeof *x);
            continue;
        }
        memset(x, 0, (size_t)left * sizeof *x);
        if (in_place && lanes == LANES) spread_full(b->table, source, from * row_bytes, row_bytes, x + left);
        else spread(b->table, source, lanes, in_place ? NULL : b->offset, from * row_bytes, row_bytes, x + left);
        memset(x + left + row_bytes * LANES, 0, (size_t)(row - left - row_bytes * LANES) * sizeof *x);
    }
}

static int block_lanes(const struct fill *f, int block) { return f->n - block * LANES < LANES ? f->n - block * LANES : LANES; }

static const uint8_t *stored(const struct fill *f, int i)
{
    const struct shape *s = &f->b->from;
    assert(f->index[i] >= 0);
    assert(f->index[i] < f->images->count);
    return f->images->pixels + (size_t)f->index[i] * (size_t)(s->h * s->w * s->c);
}

/* A unit is one row of one block. */
static void fill_stored(void *context, int begin, int end, int worker)
{
    const struct fill *f = context;
    const struct batcher *b = f->b;
    const uint8_t *source[LANES];
    size_t row = (size_t)(b->to.w * b->to.c * LANES);
    (void)worker;
    while (begin < end) {
        int block = begin / b->to.h, y = begin % b->to.h, rows = b->to.h - y < end - begin ? b->to.h - y : end - begin;
        int lanes = block_lanes(f, block);
        for (int lane = 0; lane < lanes; lane++) source[lane] = stored(f, block * LANES + lane);
        fill_rows(b, source, lanes, b->in_place, y, y + rows, f->x + (size_t)begin * row);
        begin += rows;
    }
}

/* Channel, permutation and augmentation of one image; `room` holds two images. Returns where the result is. */
static const uint8_t *change(const struct fill *f, int i, uint8_t *room)
{
    const struct batcher *b = f->b;
    const uint8_t *from = stored(f, i);
    if (b->in_place) memcpy(room, from, b->image_bytes);
    else
        for (size_t k = 0; k < b->image_bytes; k++) room[k] = from[b->offset[k]];
    struct rng r = rng_start(rng_stream_key(f->augment->seed, STREAM_AUGMENT, f->augment->epoch, (uint32_t)f->index[i]));
    return augment_apply(b->t.augment, b->t.augments, b->image, &r, room, room + b->image_bytes);
}

/* A unit is one block. */
static void fill_augmented(void *context, int begin, int end, int worker)
{
    const struct fill *f = context;
    const struct batcher *b = f->b;
    const uint8_t *source[LANES];
    uint8_t *room = b->scratch + (size_t)worker * b->worker_bytes;
    size_t block_size = (size_t)(b->to.h * b->to.w * b->to.c * LANES);
    for (int block = begin; block < end; block++) {
        int lanes = block_lanes(f, block);
        for (int lane = 0; lane < lanes; lane++) source[lane] = change(f, block * LANES + lane, room + 2 * (size_t)lane * b->image_bytes);
        fill_rows(b, source, lanes, true, 0, b->to.h, f->x + (size_t)block * block_size);
    }
}

void batcher_fill(struct batcher *b, const struct images *images, const int *index, int n, const struct augment_key *augment, real *x,
                  uint8_t *labels)
{
    assert(n >= 0);
    assert(x);
    assert(labels);
    int blocks = (n + LANES - 1) / LANES;
    struct fill f = { b, images, index, n, b->t.augments > 0 ? augment : NULL, x };
    for (int i = 0; i < n; i++) labels[i] = images->labels[index[i]];
    memset(labels + n, 0, (size_t)(blocks * LANES - n));
    team_run(b->team, f.augment ? blocks : blocks * b->to.h, f.augment ? fill_augmented : fill_stored, &f);
}
