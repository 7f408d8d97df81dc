/* SPDX-License-Identifier: MIT
 * How long a run will take, for lists and the line before the first run: by rows of its net where there are any, else by its arithmetic.
 * Nothing is measured: a dry run is over at once, and of a real one the bar soon knows better. Evaluation is counted by its images, a third
 * of a training image each (one pass of three). */
#include "driver.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Flops per second of one core in training, by what its vectors are: of the studies' nets about half lie within a factor of 1.5 of it, and
 * nearly all within one of 4. An ISA without a number is taken for the next lesser that has one. */
static const double usual[ISA_COUNT] = {
    [ISA_SCALAR] = 2e9, [ISA_PORTABLE] = 2e9, [ISA_NEON] = 20e9, [ISA_AVX2] = 40e9, [ISA_AVX512] = 80e9
};

static double usual_of(int isa)
{
    while (usual[isa] <= 0) isa--;
    return usual[isa];
}

enum { BATCH = 128 };

/* A batch of one takes a vector's time; above BATCH nothing changes any more. */
static bool same_batch(double a, double b) { return fmin(a, BATCH) == fmin(b, BATCH); }

/* The fastest row of the net with one worker: what else a machine did can only have slowed it. NAN: none. */
static double row_speed(const struct rows *rows, const struct entry *e)
{
    double fastest = NAN;
    for (int i = 0; i < rows->count; i++) {
        const struct row *row = &rows->list[i];
        if (row->threads != 1 || !(row->train_images_per_s > 0) || !same_batch(row->batch, e->batch) || strcmp(row->net, e->net) != 0)
            continue;
        fastest = fmax(fastest, row->train_images_per_s);
    }
    return fastest;
}

void sweep_estimate(struct sweep *s, const struct rows *rows)
{
    for (int i = 0; i < s->entry_count; i++) {
        struct entry *e = &s->entries[i];
        e->images_per_s = row_speed(rows, e);
        if (e->images_per_s > 0 || !(e->images > 0)) continue;
        const double batch = e->images / fmax(1, e->updates), full = ceil(batch / LANES) * LANES; /* lanes that are not full cost as much */
        e->images_per_s = usual_of(isa_best(s->options->isas)) / e->flops * batch / full;
    }
}

double run_seconds(const struct sweep *s, const struct run *r)
{
    const struct entry *e = r->entry;
    assert(s->cores > 0);
    assert(r->threads > 0);
    return e->images_per_s > 0 ? (e->images + e->tested / 3) / (e->images_per_s * fmin(r->threads, s->cores)) : 0;
}
