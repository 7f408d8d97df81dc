/* SPDX-License-Identifier: MIT
 * What "auto" stands for: the algorithm that costs least by a model of its work, the same on every ISA, so that bits agree. Work is counted
 * per image block from the shape alone: multiplications, values transformed, tiles, sums over lanes. Batch size and threads do not count.
 * What each count costs was fitted to measured shapes by bench/tools/choose, one set of weights for all ISAs (auto_table.h). */
#include "auto.h"
#include <assert.h>
#include <stddef.h>
#include <string.h>
#include "kernels.h"

struct weights {
    const char *model;
    double ns[CONV_DIRECTIONS][AUTO_TERMS];
};

static const struct weights table[] = {
#include "auto_table.h"
};

/* One direction in its own names, as numbers to multiply: c channels of h x w in, k of p x q out, an r x r kernel; backward-weights has
 * forward's. `taps` are those inside the image, summed over the outputs of a channel. */
struct shape {
    double h, w, c, p, q, k, r, taps;
};

static double up(double x, double n)
{
    const long long steps = ((long long)x + (long long)n - 1) / (long long)n;
    return (double)steps * n;
}
static double quotient_up(double x, double n) { return up(x, n) / n; }
static double most(double a, double b) { return a > b ? a : b; }
static double fewest(double a, double b) { return a < b ? a : b; }

static struct shape shape_of(const struct conv *p, enum conv_direction direction)
{
    const double taps = conv_flops_exact(p) / (2.0 * p->n * p->k * p->c);
    if (direction == CONV_BWD_DATA) return (struct shape){ p->p, p->q, p->k, p->h, p->w, p->c, p->r, taps };
    return (struct shape){ p->h, p->w, p->c, p->p, p->q, p->k, p->r, taps };
}

/* Chunks of backward-weights per block: see conv_chunks(). */
static double chunks_of(const struct shape *s, double pixels, double grain)
{
    const double image = s->p * s->q;
    if (image < pixels) return 1 / fewest(quotient_up(pixels, image), 4);
    const double bands = (double)(long long)(quotient_up(s->p, grain) / quotient_up(pixels, grain * s->q));
    return most(bands, 1);
}

/* ---- the counts of each model ---- */

static const char *count_direct(const struct shape *s, enum conv_direction direction, double *n)
{
    if (direction != CONV_BWD_WEIGHTS) {
        n[0] = s->taps * s->c * s->k;
        n[1] = s->taps * s->c * quotient_up(s->k, 8);
        n[2] = s->p * s->q * s->k;
        n[3] = s->p * s->q * s->r * quotient_up(s->k, 8);
        n[4] = s->p * s->r;
        return "direct";
    }
    const double bands = s->q < 96 ? s->p / (double)(long long)(96 / s->q) : s->p;
    if (s->c < 2 && s->r > 2 && s->r < 4) {
        n[0] = s->taps * s->k;
        n[1] = s->p * s->q * s->k;
        n[2] = s->p * s->k;
        n[3] = bands * s->k;
        return "direct_taps";
    }
    n[0] = s->taps * s->c * s->k;
    n[1] = s->h * s->w * s->c;
    n[2] = s->p * s->q * s->k * quotient_up(s->c, 16);
    n[3] = bands * s->r * s->r * s->c * s->k;
    n[4] = s->p * s->r * quotient_up(s->r, 3) * quotient_up(s->k, 4) * quotient_up(s->c, 2);
    return s->c < 4 ? "direct_few" : "direct";
}

/* Kernels above 5x5 are four of 4x4. */
static const char *winograd_model(const struct shape *s, bool lanes)
{
    static const char *const models[][2] = { { "winograd4_2x2", "winograd4_2x2_lanes" },
                                             { "winograd4", "winograd4_lanes" },
                                             { "winograd4_5x5", "winograd4_5x5_lanes" },
                                             { "winograd4_8x8", "winograd4_8x8_lanes" } };
    return models[s->r < 3 ? 0 : s->r < 4 ? 1 : s->r < 6 ? 2 : 3][lanes];
}
static const char *count_winograd(const struct shape *s, enum conv_direction direction, double *n, bool lanes)
{
    const double tiles = quotient_up(s->p, 4) * quotient_up(s->q, 4), kernels = s->r > 5 ? 4 : 1;
    const double points = s->r > 5 ? 49 : (s->r + 3) * (s->r + 3), inputs = kernels * s->c;
    n[2] = tiles * points * s->k;
    if (direction != CONV_BWD_WEIGHTS) {
        n[0] = tiles * points * inputs * s->k;
        n[1] = tiles * points * inputs;
        n[3] = tiles * points * inputs * quotient_up(s->k, 8);
        n[4] = tiles * points * quotient_up(s->k, 8);
        return winograd_model(s, false);
    }
    const double chunks = chunks_of(s, 196, 4);
    if (lanes) {
        const double c = kernels * up(s->c, 4), k = up(s->k, 4), room = (double)(long long)((3 << 18) / (64 * points * c));
        const double groups = chunks * quotient_up(most(tiles / chunks, 1), fewest(most(room, 3), 9));
        n[0] = tiles * points * c * k;
        n[1] = tiles * points * inputs;
        n[3] = groups * points * c * k;
        n[4] = chunks * points * c * k;
        n[5] = 1;
        return winograd_model(s, true);
    }
    n[0] = tiles * points * kernels * up(s->c, 16) * s->k;
    n[1] = tiles * points * kernels * up(s->c, 16);
    n[3] = tiles * points * inputs;
    n[4] = chunks * points * kernels * up(s->c, 16) * s->k;
    n[5] = 1;
    return winograd_model(s, false);
}

static const char *count_winograd1d(const struct shape *s, enum conv_direction direction, double *n)
{
    const double tiles = quotient_up(s->q, 4), points = s->r + 3;
    n[0] = s->p * tiles * points * s->r * s->k;
    n[1] = s->p * tiles * points * s->k;
    n[2] = s->h * tiles * points;
    n[3] = direction == CONV_FWD ? s->p * tiles : chunks_of(s, 256, 4) * points * s->r * s->k;
    n[4] = 1;
    return "winograd1d";
}

static const char *count_fft(const struct shape *s, enum conv_direction direction, double *n)
{
    const double planes = s->h + (s->r - 1) / 2 > 16 ? 478 : 382;
    n[0] = planes * s->c * s->k;
    n[1] = planes * s->c;
    n[2] = planes * s->k;
    n[3] = s->h * s->w * s->c + s->p * s->q * s->k;
    n[4] = 1;
    if (direction == CONV_BWD_WEIGHTS) {
        const double chunks = chunks_of(s, 392, s->p);
        n[0] = planes * up(s->c, 16) * s->k;
        n[1] = planes * up(s->c, 16);
        n[5] = chunks * planes * up(s->c, 16) * s->k;
    }
    return "fft16";
}

static const char *count_nhwc(const struct shape *s, enum conv_direction direction, double *n)
{
    const double chunks = chunks_of(s, 96, 8);
    if (direction != CONV_BWD_WEIGHTS) {
        n[0] = s->taps * s->c * up(s->k, 16);
        n[1] = s->h * s->w * up(s->c, 16);
        n[2] = s->p * s->q * up(s->k, 16);
        n[3] = s->p * s->q * s->r;
        n[4] = s->p;
        return "nhwc";
    }
    n[0] = s->taps * up(s->c, 16) * s->k;
    n[1] = s->h * s->w * up(s->c, 16);
    n[2] = up(s->c, 8) > s->c ? s->p * s->r * s->r * s->k : 0; /* sums that end inside a vector */
    n[3] = s->p * s->r * s->r * up(s->c, 16) * s->k;
    n[4] = chunks * s->r * s->r * up(s->c, 16) * s->k;
    n[5] = 1;
    return "nhwc";
}

/* ---- what is cheapest ---- */

/* The counts of one algorithm; NULL where it has no such direction of its own. Whether it supports the shape, its row says. */
static const char *count(const char *algo, const struct shape *s, enum conv_direction direction, double *n)
{
    if (strcmp(algo, "direct") == 0) return count_direct(s, direction, n);
    if (strncmp(algo, "winograd4", 9) == 0) {
        const bool lanes = strstr(algo, "_lanes") != NULL;
        return lanes && direction != CONV_BWD_WEIGHTS ? NULL : count_winograd(s, direction, n, lanes);
    }
    if (strcmp(algo, "winograd1d") == 0) return direction == CONV_BWD_DATA ? NULL : count_winograd1d(s, direction, n);
    if (strcmp(algo, "fft16") == 0) return count_fft(s, direction, n);
    if (strcmp(algo, "nhwc") == 0) return count_nhwc(s, direction, n);
    return NULL;
}

int auto_costs(const struct conv *p, enum conv_direction direction, struct auto_cost *costs)
{
    if (p->r != p->s || p->step != 1) return 0;
    const struct kernels *portable = kernels_of(ISA_PORTABLE); /* what is supported is so on every ISA */
    const struct shape s = shape_of(p, direction);
    int filled = 0;
    for (const struct conv_variant *v = portable ? portable->conv : NULL; v && v->head.algo && filled < AUTO_CANDIDATES; v++) {
        struct auto_cost cost = { .algo = v->head.algo };
        if (!v->supports(p) || !(cost.model = count(cost.algo, &s, direction, cost.terms))) continue;
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
            if (strcmp(table[i].model, cost.model) != 0) continue;
            for (int t = 0; t < AUTO_TERMS; t++) cost.ns += table[i].ns[direction][t] * cost.terms[t];
        }
        costs[filled++] = cost;
    }
    return filled;
}

const char *conv_auto(const struct conv *p, enum conv_direction direction, int rank)
{
    assert(p);
    assert(rank >= 0);
    assert(direction >= 0);
    assert(direction < CONV_DIRECTIONS);
    struct auto_cost costs[AUTO_CANDIDATES];
    const int filled = auto_costs(p, direction, costs);
    for (int given = 0; given < filled; given++) {
        int cheapest = given;
        for (int i = given + 1; i < filled; i++) {
            if (costs[i].ns < costs[cheapest].ns) cheapest = i;
        }
        const struct auto_cost cost = costs[cheapest];
        costs[cheapest] = costs[given];
        costs[given] = cost;
        if (given == rank) return cost.algo;
    }
    return NULL;
}
