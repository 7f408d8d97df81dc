/* SPDX-License-Identifier: MIT
 * Softmax and cross-entropy. Against libm in double; the largest logit bit by bit, with ties; logits from level to overwhelming, and with
 * NaN, infinities and denormals among them. */
#include "trial_spans.h"

#include <math.h>
#include "mutants.h"

enum slots { SLOT_Z, SLOT_LABEL };
enum rooms { ROOM_VALUE, ROOM_VALUE_SIZE, ROOM_DZ, ROOM_DZ_SIZE, ROOM_PREDICTED };

struct loss_case {
    struct loss p;
    const float *z;
    const uint8_t *label;
    double *value, *value_size, *dz, *dz_size; /* sizes in units of 2^-24: bound is 1 */
    uint8_t *predicted;
};

static const char *const problems[] = { "loss:n64k10", "loss:n32k10", "loss:n1k10", "loss:n100k10", "loss:n17k1", "loss:n16k256", NULL };

static void draw(struct rng *r, char *text)
{
    struct loss p = { .n = draw_images(r) };
    p.k = rng_below(r, 3) ? draw_between(r, 1, 20) : draw_between(r, 21, 256);
    loss_print(&p, text, CHECK_TEXT);
}

static void call(const struct span_case *s, const struct variant *v, struct span units, void *const *out, const float *in)
{
    const struct loss_case *k = s->op;
    /* the gradient stands first, since it is what may be written over the logits */
    ((const struct loss_variant *)(const void *)v)->softmax_xent(&k->p, units, in, k->label, out[1], out[2], out[0]);
}

static void verify(const struct span_case *s, void *const *out)
{
    const struct loss_case *k = s->op;
    const struct tolerance t = { .bound = 1, .tiny = 1e-36 };
    const struct tensor_view *dz = &s->out[0].view, *value = &s->out[1].view;
    if (out[0]) check_close(s->c, dz, 0, view_count(dz), out[0], k->dz, k->dz_size, t);
    if (out[0]) check_dead(s->c, dz, 0, view_count(dz), out[0], DEAD_ZERO);
    check_close(s->c, value, 0, view_count(value), out[1], k->value, k->value_size, t);
    check_dead(s->c, value, 0, view_count(value), out[1], DEAD_ZERO);
    check_bytes(s->c, &s->out[2].view, 0, view_count(value), out[2], k->predicted, "the first of the largest");
}

/* One image. exp is off by 4 units and its argument by one rounding of |z - top|; a sum of K such adds K roundings. */
static void want(struct loss_case *k, int image)
{
    const size_t block = (size_t)(image / LANES) * (size_t)k->p.k * LANES, lane = (size_t)(image % LANES);
    const float *z = k->z + block + lane;
    int largest = 0;
    for (int c = 1; c < k->p.k; c++)
        if (z[c * LANES] > z[largest * LANES]) largest = c;
    const double top = (double)z[largest * LANES], down = (double)z[k->label[image] * LANES] - top;
    double sum = 0;
    for (int c = 0; c < k->p.k; c++) sum += exp((double)z[c * LANES] - top);
    const double error = k->p.k + 8; /* of the sum, relative: |d| exp(d) is below 0.4 */
    k->predicted[image] = (uint8_t)largest;
    k->value[image] = log(sum) - down;
    k->value_size[image] = error + 6 * log(sum) - 3 * down;
    for (int c = 0; c < k->p.k; c++) {
        const double d = (double)z[c * LANES] - top, chance = exp(d) / sum, slope = (chance - (c == k->label[image])) / k->p.n;
        k->dz[block + lane + (size_t)c * LANES] = slope;
        k->dz_size[block + lane + (size_t)c * LANES] = (chance > 0 ? chance * (error + 6 - d) / k->p.n : 0) + 3 * fabs(slope);
    }
}

static void make(struct check *c, struct loss_case *k, bool ties, bool specials, enum edge edge)
{
    const int images = image_blocks(k->p.n) * LANES;
    const size_t count = (size_t)images * (size_t)k->p.k;
    const struct tensor_view view = { "z", k->p.n, 3, { images / LANES, k->p.k, LANES } };
    float *z = guard_place(&c->guards, SLOT_Z, "z", count * sizeof *z, 64, edge);
    uint8_t *label = guard_place(&c->guards, SLOT_LABEL, "label", (size_t)images, 16, edge);
    const float scale = ldexpf(1, draw_between(&c->rng, -2, 12));
    if (ties) fill_integers(&c->rng, z, count, 2);
    else fill_floats(&c->rng, z, count);
    for (size_t i = 0; i < count && !ties; i++) z[i] *= scale;
    if (specials) sprinkle_specials(&c->rng, z, count);
    fill_dead(&view, z, DEAD_FINITE);
    for (int i = 0; i < images; i++) label[i] = (uint8_t)rng_below(&c->rng, (uint32_t)k->p.k);
    guard_seal(&c->guards, SLOT_Z);
    guard_seal(&c->guards, SLOT_LABEL);
    k->z = z;
    k->label = label;
    k->value = check_room(c, ROOM_VALUE, (size_t)images * sizeof(double));
    k->value_size = check_room(c, ROOM_VALUE_SIZE, (size_t)images * sizeof(double));
    k->dz = check_room(c, ROOM_DZ, count * sizeof(double));
    k->dz_size = check_room(c, ROOM_DZ_SIZE, count * sizeof(double));
    k->predicted = check_room(c, ROOM_PREDICTED, (size_t)images);
    for (int i = 0; i < k->p.n; i++) want(k, i);
}

static const char *run(struct check *c, const char *problem)
{
    struct loss_case k = { 0 };
    const char *wrong = loss_parse(problem, &k.p);
    for (int i = 0; !wrong && i < 4; i++) {
        const int blocks = image_blocks(k.p.n);
        enum edge edge = draw_edge(&c->rng);
        make(c, &k, i == 1, i == 3, edge);
        struct span_case s = { .c = c,
                               .units = blocks,
                               .span = { 0, blocks },
                               .cut = draw_between(&c->rng, 0, blocks),
                               .edge = edge,
                               .outs = 3,
                               .aliased = k.z,
                               .call = call,
                               .verify = verify,
                               .op = &k };
        s.out[0] = (struct out){ .view = { "dz", k.p.n, 3, { blocks, k.p.k, LANES } },
                                 .per_unit = (size_t)k.p.k * LANES,
                                 .bytes = sizeof(float),
                                 .absent = i == 2 };
        s.out[1] = (struct out){ .view = { "value", k.p.n, 2, { blocks, LANES } }, .per_unit = LANES, .bytes = sizeof(float) };
        s.out[2] = (struct out){ .view = { "predicted", k.p.n, 2, { blocks, LANES } }, .per_unit = LANES, .bytes = 1 };
        for (int row = 0; row < c->rows; row++) span_try(&s, row, 0);
    }
    return wrong;
}

const struct op_cases loss_cases = {
    .op = OP_LOSS, .directions = { "softmax_xent" }, .problems = problems, .draw = draw, .run = run, .mutants = loss_mutants
};
