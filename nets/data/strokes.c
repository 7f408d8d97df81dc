/* SPDX-License-Identifier: MIT
 * A digit is drawn as by hand: pick a way of writing it, move its points a little, put them on the canvas by a random affine map and a
 * smooth random warp, run a pen of random width along them, blur, add noise, round to bytes. The warp moves the skeleton's points, not 784
 * pixels, and a pixel's ink follows from its distance to the nearest piece of the skeleton: about 10 us an image.
 * Numbers come from Philox, keyed by the image's number; arithmetic is IEEE + - * / sqrt without contraction, in a fixed order: the same
 * bytes on every host, which test_data.c holds against a constant.
 * How far digits vary was chosen so that the task is as hard as MNIST for the nets: dense 784-128-10 97.9 % after 20 epochs, compact-net
 * 99.3 % after 3; a linear classifier, which cannot follow a digit that moves, stays below 80 %. */
#include "strokes.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>
#include "../../kernels/runtime/exact.h"
#include "../../kernels/runtime/rng.h"
#include "strokes_glyphs.h"

_Static_assert(FLT_EVAL_METHOD == 0, "float arithmetic must round to float after every operation");

enum { SIDE = STROKES_SIDE, CURVE_STEPS = 4, LINE_STEPS = 3, LATTICE = 4 };
enum { DRAW_IMAGE = 0, DRAW_LABEL = 1 }; /* streams of one number */

struct point {
    double x, y;
};

/* From the glyph's grid to the canvas: affine, then a warp by a lattice of displacements with smooth steps between. */
struct placement {
    double xx, xy, yx, yy; /* pixels per grid unit */
    struct point centre;
    struct point warp[LATTICE][LATTICE];
};

struct pen {
    float radius, softness, ink;
};

static double between(struct rng *r, double low, double high) { return low + (high - low) * rng_uniform(r); }

static struct point point_between(struct rng *r, double low, double high)
{
    double x = between(r, low, high), y = between(r, low, high);
    return (struct point){ x, y };
}

static struct placement place(struct rng *r)
{
    struct placement p;
    double angle = between(r, -0.42, 0.42), slant = between(r, -0.4, 0.3);
    double width = between(r, 0.12, 0.22), height = between(r, 0.16, 0.23), elastic = between(r, 0.5, 2.5);
    double s = exact_sin(angle), c = exact_cos(angle);
    p.xx = c * width;
    p.xy = c * width * slant - s * height;
    p.yx = s * width;
    p.yy = s * width * slant + c * height;
    p.centre = point_between(r, SIDE / 2.0 - 2.75, SIDE / 2.0 + 2.75);
    for (int i = 0; i < LATTICE; i++)
        for (int j = 0; j < LATTICE; j++) p.warp[i][j] = point_between(r, -elastic, elastic);
    return p;
}

/* Where `at` (on [0, 1]) lies between lattice lines: the lower line's index, and the upper one's share with smooth steps. */
static int lattice_cell(double at, double *share)
{
    double scaled = (at < 0 ? 0 : at > 1 ? 1 : at) * (LATTICE - 1);
    int cell = (int)scaled < LATTICE - 2 ? (int)scaled : LATTICE - 2;
    double t = scaled - cell;
    *share = t * t * (3 - 2 * t);
    return cell;
}

static struct point on_canvas(const struct placement *p, struct point grid)
{
    double u, v;
    int j = lattice_cell(grid.x / 100, &u), i = lattice_cell(grid.y / 100, &v);
    const struct point *a = &p->warp[i][j], *b = &p->warp[i + 1][j];
    double x = grid.x - 50, y = grid.y - 50;
    return (struct point){
        p->centre.x + (p->xx * x + p->xy * y) + (1 - v) * ((1 - u) * a[0].x + u * a[1].x) + v * ((1 - u) * b[0].x + u * b[1].x),
        p->centre.y + (p->yx * x + p->yy * y) + (1 - v) * ((1 - u) * a[0].y + u * a[1].y) + v * ((1 - u) * b[0].y + u * b[1].y)
    };
}

/* Four pixels of a row: gcc turns the clamping of a loop over single ones into jumps. */
typedef float floats __attribute__((vector_size(16)));
typedef int32_t masks __attribute__((vector_size(16)));
_Static_assert(SIDE % 4 == 0, "a row is whole vectors");

static floats chosen(masks first, floats a, floats b) { return (floats)(((masks)a & first) | ((masks)b & ~first)); }
static floats min4(floats a, floats b) { return chosen(a < b, a, b); }
static floats max4(floats a, floats b) { return chosen(a > b, a, b); }

static float clamp(float value, float high)
{
    value = value < 0 ? 0 : value;
    return value > high ? high : value;
}

/* Lowers the squared distances of the pixels that the pen can reach from the piece a … b, in whole vectors of them: beyond its reach it
 * leaves no ink. */
static void run_pen(struct point a, struct point b, float reach, float *restrict distance)
{
    float ax = (float)a.x, ay = (float)a.y, dx = (float)(b.x - a.x), dy = (float)(b.y - a.y), length = dx * dx + dy * dy;
    float inverse = length > 1e-6f ? 1 / length : 0, left = dx < 0 ? ax + dx : ax, top = dy < 0 ? ay + dy : ay;
    float right = dx < 0 ? ax : ax + dx, bottom = dy < 0 ? ay : ay + dy;
    int x0 = left - reach > 0 ? (int)(left - reach) : 0, x1 = right + reach < SIDE - 1 ? (int)(right + reach) + 1 : SIDE - 1;
    int y0 = top - reach > 0 ? (int)(top - reach) : 0, y1 = bottom + reach < SIDE - 1 ? (int)(bottom + reach) + 1 : SIDE - 1;
    for (int y = y0; y <= y1; y++)
        for (int x = x0 & -4; x <= x1; x += 4) {
            floats px = (floats){ (float)x, (float)(x + 1), (float)(x + 2), (float)(x + 3) } - ax, was;
            float py = (float)y - ay, *at = &distance[y * SIDE + x];
            floats t = min4(max4((px * dx + py * dy) * inverse, (floats){ 0 }), (floats){ 1, 1, 1, 1 });
            floats ex = px - t * dx, ey = py - t * dy;
            memcpy(&was, at, sizeof was);
            was = min4(ex * ex + ey * ey, was);
            memcpy(at, &was, sizeof was);
        }
}

/* Catmull-Rom: through p[1] and p[2], leaving and arriving in the direction of their neighbours. */
static struct point curve_at(const struct point p[4], double t)
{
    double t2 = t * t, t3 = t2 * t;
    double a = -t3 + 2 * t2 - t, b = 3 * t3 - 5 * t2 + 2, c = -3 * t3 + 4 * t2 + t, d = t3 - t2;
    return (struct point){ 0.5 * (a * p[0].x + b * p[1].x + c * p[2].x + d * p[3].x),
                           0.5 * (a * p[0].y + b * p[1].y + c * p[2].y + d * p[3].y) };
}

static struct point line_at(const struct point p[4], double t)
{
    return (struct point){ (1 - t) * p[1].x + t * p[2].x, (1 - t) * p[1].y + t * p[2].y };
}

static void draw_stroke(const struct glyph_stroke *s, const struct placement *place, double jitter, float reach, struct rng *r,
                        float *distance)
{
    struct point grid[GLYPH_POINTS];
    int steps = s->curved ? CURVE_STEPS : LINE_STEPS, last = s->points - 1;
    assert(s->points >= 2);
    assert(s->points <= GLYPH_POINTS);
    for (int i = 0; i <= last; i++) {
        struct point moved = point_between(r, -jitter, jitter);
        grid[i] = (struct point){ s->at[i][0] + moved.x, s->at[i][1] + moved.y };
    }
    struct point from = on_canvas(place, grid[0]);
    for (int i = 0; i < last; i++) {
        const struct point around[4] = { grid[i > 0 ? i - 1 : 0], grid[i], grid[i + 1], grid[i + 2 <= last ? i + 2 : last] };
        for (int k = 1; k <= steps; k++) {
            double t = (double)k / steps;
            struct point to = on_canvas(place, s->curved ? curve_at(around, t) : line_at(around, t));
            run_pen(from, to, reach, distance);
            from = to;
        }
    }
}

/* From squared distances to ink, with an edge that is `softness` wide on either side of the radius. */
static void lay_ink(const struct pen *pen, const float *restrict distance, float *restrict ink)
{
    for (int i = 0; i < STROKES_PIXELS; i++) {
        float t = clamp((pen->radius + pen->softness - sqrtf(distance[i])) / (2 * pen->softness), 1);
        ink[i] = pen->ink * (t * t * (3 - 2 * t));
    }
}

/* A separable 3 x 3 blur: each pixel gives `share` to either neighbour, first in its row, then in its column; what leaves the canvas is
 * lost. Rows stand between a zero either side, and between rows of zeros. */
static void blur(float share, const float *restrict from, float *restrict to)
{
    float rows[SIDE + 2][SIDE] = { 0 }, row[SIDE + 2] = { 0 };
    for (int y = 0; y < SIDE; y++) {
        memcpy(row + 1, from + y * SIDE, SIDE * sizeof *from);
        for (int x = 0; x < SIDE; x++) rows[y + 1][x] = (1 - 2 * share) * row[x + 1] + share * (row[x] + row[x + 2]);
    }
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) to[y * SIDE + x] = (1 - 2 * share) * rows[y + 1][x] + share * (rows[y][x] + rows[y + 2][x]);
}

/* Noise of triangular distribution, +-`amount` at most: the sum of two bytes of randomness per pixel. Only what is above black is seen. */
static void add_noise(struct rng *r, float amount, const float *ink, uint8_t *pixels)
{
    uint16_t halves[STROKES_PIXELS];
    for (int i = 0; i < STROKES_PIXELS; i += 2) {
        uint32_t word = rng_u32(r);
        halves[i] = (uint16_t)word;
        halves[i + 1] = (uint16_t)(word >> 16);
    }
    for (int i = 0; i < STROKES_PIXELS; i++) {
        float noise = ((float)((halves[i] & 255) + (halves[i] >> 8)) - 255) * (amount / 255);
        pixels[i] = (uint8_t)(int)(clamp(ink[i] + noise, 255) + 0.5f);
    }
}

static int digit_of(uint64_t number)
{
    int order[STROKES_CLASSES];
    rng_permutation(rng_stream_key(number / STROKES_CLASSES, STREAM_STROKES, DRAW_LABEL, 0), STROKES_CLASSES, order);
    return order[number % STROKES_CLASSES];
}

int strokes_draw(uint64_t number, uint8_t *pixels)
{
    float distance[STROKES_PIXELS], ink[STROKES_PIXELS];
    int digit = digit_of(number);
    assert(digit >= 0);
    assert(digit < STROKES_CLASSES);
    struct rng r = rng_start(rng_stream_key(number, STREAM_STROKES, DRAW_IMAGE, 0));
    const struct glyph *g = &glyphs[digit][rng_below(&r, GLYPH_STYLES)];
    struct placement p = place(&r);
    struct pen pen;
    double jitter = between(&r, 2, 8), share = between(&r, 0, 0.2), noise = between(&r, 5, 50);
    pen.radius = (float)between(&r, 0.55, 1.5);
    pen.softness = (float)between(&r, 0.5, 0.9);
    pen.ink = (float)between(&r, 170, 270);
    float reach = pen.radius + pen.softness;
    for (int i = 0; i < STROKES_PIXELS; i++) distance[i] = SIDE * SIDE;
    for (int i = 0; i < g->strokes; i++) draw_stroke(&g->stroke[i], &p, jitter, reach, &r, distance);
    lay_ink(&pen, distance, ink);
    blur((float)share, ink, distance);
    add_noise(&r, (float)noise, distance, pixels);
    return digit;
}

struct series {
    uint64_t first;
    uint8_t *pixels, *labels;
};

static void draw_some(void *context, int begin, int end, int worker)
{
    const struct series *s = context;
    (void)worker;
    for (int i = begin; i < end; i++) s->labels[i] = (uint8_t)strokes_draw(s->first + (uint64_t)i, s->pixels + (size_t)i * STROKES_PIXELS);
}

void strokes_make(struct team *team, uint64_t first, int count, uint8_t *pixels, uint8_t *labels)
{
    assert(count >= 0);
    assert(pixels);
    assert(labels);
    struct series s = { first, pixels, labels };
    team_run(team, count, draw_some, &s);
}
