/* SPDX-License-Identifier: MIT
 * From bytes to a batch: layout and values against the plain formula, every transform, the same bits for any team and order, augmentation's
 * geometry, selections, orders. What is random is also held against a constant: the same on every host. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../../nets/data/augment.h"
#include "../../nets/data/batch.h"

enum { COUNT = 50, H = 9, W = 7, C = 3, PIXELS = H * W * C };

static const uint64_t GOLDEN_AUGMENTED = 0xb9a49a2a7fc77afc, GOLDEN_PERMUTED = 0x91fc6b7344c3a81b;

static uint8_t pixels[COUNT * PIXELS], labels[COUNT];
static const struct images images = { COUNT, pixels, labels };
static const struct transform plain = { .mean = 0.1307, .sd = 0.3081 };

static void make_images(void)
{
    struct rng r = rng_start(rng_stream_key(1, STREAM_TEST, 0, 0));
    for (int i = 0; i < COUNT * PIXELS; i++) pixels[i] = (uint8_t)(rng_u32(&r) >> 24);
    for (int i = 0; i < COUNT; i++) labels[i] = (uint8_t)(i % 7);
}

TestSuite(batch, .init = make_images);
TestSuite(selection, .init = make_images);

static struct dataset set(void) { return (struct dataset){ .name = "test", .classes = 7, .c = C, .h = H, .w = W, .train = images }; }

/* A batch of images index[0 … n-1] on `workers`; the caller frees it. The memory ends where the batch ends, and begins as rubbish. */
static real *fill(const struct transform *t, int workers, const int *index, int n, bool augment, uint64_t seed, uint32_t epoch,
                  uint8_t *found)
{
    struct dataset d = set();
    struct batcher *b;
    struct team *team;
    struct why why = { "" };
    int c, h, w;
    cr_assert_eq(team_open(&team, workers, BIND_NONE, &why), 0, "%s", why.text);
    cr_assert_eq(batcher_open(&b, &d, t, team, &why), 0, "%s", why.text);
    transform_shape(t, &d, &c, &h, &w);
    size_t bytes = (size_t)((n + 15) / 16 * 16 * c * h * w) * sizeof(real);
    real *x = malloc(bytes);
    memset(x, 0x7f, bytes);
    batcher_fill(b, &images, index, n, augment ? &(struct augment_key){ seed, epoch } : NULL, x, found);
    batcher_close(b);
    team_close(team);
    return x;
}

/* Value (y, x, c) of image i in a batch of shape h x w x c. */
static real at(const real *x, int i, int c, int h, int w, int y, int column, int k)
{
    return x[((((size_t)(i / 16) * (size_t)h + (size_t)y) * (size_t)w + (size_t)column) * (size_t)c + (size_t)k) * 16 + (size_t)(i % 16)];
}

static real scaled(double p) { return (real)((p / 255.0 - 0.1307) / 0.3081); }

Test(batch, values_layout_and_dead_lanes)
{
    int index[37];
    uint8_t found[48];
    for (int i = 0; i < 37; i++) index[i] = (i * 11 + 3) % COUNT;
    real *x = fill(&plain, 1, index, 37, false, 0, 0, found);
    for (int i = 0; i < 48; i++)
        for (int p = 0; p < PIXELS; p++) {
            real want = i < 37 ? scaled(pixels[index[i] * PIXELS + p]) : 0;
            cr_assert_eq(at(x, i, C, H, W, p / (W * C), p / C % W, p % C), want, "image %d pixel %d", i, p);
        }
    for (int i = 0; i < 48; i++) cr_assert_eq(found[i], i < 37 ? labels[index[i]] : 0);
    free(x);
}

Test(batch, padding_red_raw)
{
    int index[16], c, h, w;
    uint8_t found[16];
    struct transform t = { .raw = true, .red = true, .pad = 12 };
    struct dataset d = set();
    for (int i = 0; i < 16; i++) index[i] = 2 * i;
    transform_shape(&t, &d, &c, &h, &w);
    cr_assert(c == 1 && h == 12 && w == 12);
    real *x = fill(&t, 1, index, 16, false, 0, 0, found);
    for (int i = 0; i < 16; i++)
        for (int y = 0; y < 12; y++)
            for (int k = 0; k < 12; k++) {
                bool inside = y >= 1 && y < 1 + H && k >= 2 && k < 2 + W;
                real want = inside ? pixels[index[i] * PIXELS + ((y - 1) * W + k - 2) * C] : 0;
                cr_assert_eq(at(x, i, 1, 12, 12, y, k, 0), want, "image %d (%d, %d)", i, y, k);
            }
    free(x);
}

Test(batch, one_permutation_for_all_images)
{
    int index[16], from[H * W], uses[H * W] = { 0 };
    uint8_t found[16];
    struct transform t = plain;
    t.permute = true;
    t.permute_seed = 3;
    for (int i = 0; i < 16; i++) index[i] = i;
    real *x = fill(&t, 1, index, 16, false, 0, 0, found);
    for (int p = 0; p < H * W; p++) {
        from[p] = -1;
        for (int q = 0; q < H * W; q++) {
            bool same = true;
            for (int i = 0; i < 16 && same; i++)
                for (int k = 0; k < C; k++) same = same && at(x, i, C, H, W, p / W, p % W, k) == scaled(pixels[i * PIXELS + q * C + k]);
            if (same) from[p] = q;
        }
        cr_assert_geq(from[p], 0);
        uses[from[p]]++;
    }
    int fixed = 0;
    for (int p = 0; p < H * W; p++) {
        cr_assert_eq(uses[p], 1);
        fixed += from[p] == p;
    }
    cr_assert_lt(fixed, 10);
    free(x);
}

static struct transform augmented(void)
{
    struct transform t = plain;
    t.pad = 10;
    t.augments = 3;
    t.augment[0] = (struct augment){ AUGMENT_CROP_RESIZE, 5, 0.5 };
    t.augment[1] = (struct augment){ AUGMENT_ROTATE, 15, 1 };
    t.augment[2] = (struct augment){ AUGMENT_SHIFT, 2, 1 };
    return t;
}

static uint64_t bits_of(const real *x, int n)
{
    uint64_t sum = 0xcbf29ce484222325ull;
    for (int i = 0; i < n; i++) {
        float value = (float)x[i];
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        sum = (sum ^ bits) * 0x100000001b3ull;
    }
    return sum;
}

Test(batch, same_bits_for_any_team_and_on_every_host)
{
    int index[COUNT], floats = 64 * 10 * 10 * C;
    uint8_t found[64];
    struct transform t = augmented();
    for (int i = 0; i < COUNT; i++) index[i] = COUNT - 1 - i;
    real *one = fill(&t, 1, index, COUNT, true, 7, 2, found);
    for (int workers = 2; workers <= 5; workers++) {
        real *many = fill(&t, workers, index, COUNT, true, 7, 2, found);
        cr_assert_eq(memcmp(one, many, (size_t)floats * sizeof *one), 0, "%d workers", workers);
        free(many);
    }
    cr_assert_eq(bits_of(one, floats), GOLDEN_AUGMENTED, "%llx", (unsigned long long)bits_of(one, floats));
    t.permute = true;
    real *moved = fill(&t, 2, index, COUNT, false, 7, 2, found), *alone = fill(&t, 1, index, COUNT, false, 0, 0, found);
    cr_assert_eq(memcmp(moved, alone, (size_t)floats * sizeof *moved), 0);
    cr_assert_eq(bits_of(moved, floats), GOLDEN_PERMUTED, "%llx", (unsigned long long)bits_of(moved, floats));
    free(one);
    free(moved);
    free(alone);
}

/* An image's randomness is its own: neither its place in the batch nor its neighbours matter; seed and epoch do. */
Test(batch, augmentation_is_keyed_by_seed_epoch_and_image)
{
    int all[COUNT], single[1] = { 33 };
    uint8_t found[64];
    struct transform t = augmented();
    for (int i = 0; i < COUNT; i++) all[i] = i;
    real *batch = fill(&t, 2, all, COUNT, true, 7, 2, found), *same = fill(&t, 1, single, 1, true, 7, 2, found);
    real *seed = fill(&t, 1, single, 1, true, 8, 2, found), *epoch = fill(&t, 1, single, 1, true, 7, 3, found);
    int differ = 0, differ_seed = 0, differ_epoch = 0;
    for (int p = 0; p < 10 * 10 * C; p++) {
        differ += batch[2 * 10 * 10 * C * 16 + p * 16 + 1] != same[p * 16];
        differ_seed += seed[p * 16] != same[p * 16];
        differ_epoch += epoch[p * 16] != same[p * 16];
    }
    cr_assert_eq(differ, 0);
    cr_assert_gt(differ_seed, 50);
    cr_assert_gt(differ_epoch, 50);
    free(batch);
    free(same);
    free(seed);
    free(epoch);
}

static uint8_t *apply(struct augment a, struct shape s, uint64_t seed, const uint8_t *image, uint8_t *room)
{
    size_t bytes = (size_t)(s.h * s.w * s.c);
    struct rng r = rng_start(rng_stream_key(seed, STREAM_TEST, 9, 0));
    memcpy(room, image, bytes);
    memset(room + bytes, 0xcc, bytes);
    return augment_apply(&a, 1, s, &r, room, room + bytes);
}

Test(batch, augmentations_that_change_nothing)
{
    static const struct augment idle[] = { { AUGMENT_ROTATE, 0, 1 },
                                           { AUGMENT_SHIFT, 0, 1 },
                                           { AUGMENT_ROTATE, 180, 0 },
                                           { AUGMENT_SHIFT, 3, 0 },
                                           { AUGMENT_CROP_RESIZE, 4, 0 } };
    uint8_t room[2 * PIXELS];
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        cr_assert_eq(memcmp(apply(idle[i], (struct shape){ C, H, W }, i, pixels, room), pixels, PIXELS), 0, "%zu", i);
    struct shape square = { C, 7, 7 };
    cr_assert_eq(memcmp(apply((struct augment){ AUGMENT_CROP_RESIZE, 7, 1 }, square, 1, pixels, room), pixels, 7 * 7 * C), 0);
}

Test(batch, shifts_are_whole_and_all_occur)
{
    enum { MOST = 2 };
    int seen[2 * MOST + 1][2 * MOST + 1] = { { 0 } };
    uint8_t room[2 * PIXELS];
    for (uint64_t seed = 0; seed < 500; seed++) {
        const uint8_t *got = apply((struct augment){ AUGMENT_SHIFT, MOST, 1 }, (struct shape){ C, H, W }, seed, pixels, room);
        int matches = 0;
        for (int dy = -MOST; dy <= MOST; dy++)
            for (int dx = -MOST; dx <= MOST; dx++) {
                bool same = true;
                for (int p = 0; p < H * W && same; p++) {
                    int y = p / W - dy, x = p % W - dx;
                    for (int k = 0; k < C; k++)
                        same = same && got[p * C + k] == (y >= 0 && y < H && x >= 0 && x < W ? pixels[(y * W + x) * C + k] : 0);
                }
                matches += same;
                seen[dy + MOST][dx + MOST] += same;
            }
        cr_assert_eq(matches, 1);
    }
    for (int i = 0; i < (2 * MOST + 1) * (2 * MOST + 1); i++) cr_assert_gt((&seen[0][0])[i], 0);
}

/* A ramp survives bilinear mixing: after turning it is the ramp along the turned axis, as far as it was inside. */
Test(batch, rotation_turns_about_the_centre)
{
    enum { SIDE = 21 };
    uint8_t ramp[SIDE * SIDE], room[2 * SIDE * SIDE];
    struct shape s = { 1, SIDE, SIDE };
    double least = 0, most = 0;
    for (int i = 0; i < SIDE * SIDE; i++) ramp[i] = (uint8_t)(20 + 10 * (i % SIDE));
    for (uint64_t seed = 0; seed < 50; seed++) {
        const uint8_t *got = apply((struct augment){ AUGMENT_ROTATE, 30, 1 }, s, seed, ramp, room);
        double across = (got[10 * SIDE + 16] - got[10 * SIDE + 4]) / 120.0, down = (got[16 * SIDE + 10] - got[4 * SIDE + 10]) / 120.0;
        cr_assert_eq(got[10 * SIDE + 10], 120, "the centre stays");
        cr_assert_float_eq(across * across + down * down, 1, 0.03, "a turn keeps lengths");
        least = down < least ? down : least;
        most = down > most ? down : most;
    }
    cr_assert(least < -0.4 && least > -0.53 && most > 0.4 && most < 0.53, "sines %g … %g of +-30 degrees", least, most);
}

Test(batch, crop_resize_stretches_the_centre)
{
    enum { SIDE = 20, CROP = 10 };
    uint8_t ramp[SIDE * SIDE], room[2 * SIDE * SIDE];
    int applied = 0;
    for (int i = 0; i < SIDE * SIDE; i++) ramp[i] = (uint8_t)(10 + 10 * (i / SIDE));
    const uint8_t *got = apply((struct augment){ AUGMENT_CROP_RESIZE, CROP, 1 }, (struct shape){ 1, SIDE, SIDE }, 1, ramp, room);
    for (int y = 0; y < SIDE; y++) {
        double from = (y + 0.5) * CROP / SIDE - 0.5, want = 10 + 10 * (5 + (from < 0 ? 0 : from > CROP - 1 ? CROP - 1 : from));
        cr_assert_float_eq(got[y * SIDE + 7], want, 0.51, "row %d", y);
    }
    for (uint64_t seed = 0; seed < 2000; seed++)
        applied += apply((struct augment){ AUGMENT_CROP_RESIZE, CROP, 0.1 }, (struct shape){ 1, SIDE, SIDE }, seed, ramp, room) != room;
    cr_assert(applied > 150 && applied < 250, "%d of 2000 at probability 0.1", applied);
}

Test(batch, refusals_name_the_word_and_its_range)
{
    static const struct {
        struct transform t;
        const char *word;
    } bad[] = { { { .sd = 0 }, "norm=" },
                { { .sd = -1 }, "norm=" },
                { { .sd = 1, .pad = 8 }, "pad=8: images are 9x7: choose 9" },
                { { .sd = 1, .pad = 100000 }, "pad=" },
                { { .sd = 1, .augments = 1, .augment = { { AUGMENT_ROTATE, 181, 1 } } }, "augment=rotate:181: choose 0 … 180" },
                { { .sd = 1, .augments = 1, .augment = { { AUGMENT_SHIFT, 7, 1 } } }, "augment=shift:7: choose whole pixels, 0 … 6" },
                { { .sd = 1, .augments = 1, .augment = { { AUGMENT_SHIFT, 1.5, 1 } } }, "augment=shift:1.5" },
                { { .sd = 1, .augments = 1, .augment = { { AUGMENT_CROP_RESIZE, 8, 1 } } },
                  "augment=cropresize:8: choose a whole side, 1 … 7" },
                { { .sd = 1, .augments = 1, .augment = { { AUGMENT_CROP_RESIZE, 4, 1.5 } } }, "probability 1.5" } };
    struct dataset d = set();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct batcher *b;
        struct why why = { "" };
        cr_expect_eq(batcher_open(&b, &d, &bad[i].t, NULL, &why), -EINVAL);
        cr_expect(strstr(why.text, bad[i].word) != NULL, "no '%s' in: %s", bad[i].word, why.text);
        cr_expect(b == NULL);
    }
    batcher_close(NULL);
}

static int select_of(enum selection_kind kind, int count, uint64_t seed, bool rest, int *index, struct why *why)
{
    struct selection s = { kind, count };
    return selection_make(&s, &images, 7, seed, rest, index, why);
}

Test(selection, each_kind)
{
    int index[COUNT], rest[COUNT], taken[COUNT] = { 0 }, classes[7] = { 0 };
    cr_assert_eq(select_of(SELECT_ALL, 0, 1, false, index, NULL), COUNT);
    cr_assert(index[0] == 0 && index[COUNT - 1] == COUNT - 1);
    cr_assert_eq(select_of(SELECT_FIRST, 12, 1, false, index, NULL), 12);
    cr_assert_eq(index[11], 11);
    cr_assert_eq(select_of(SELECT_SINGLE, 7, 1, false, index, NULL), 1);
    cr_assert_eq(index[0], 7);
    cr_assert_eq(select_of(SELECT_PER_CLASS, 5, 1, false, index, NULL), 35);
    for (int i = 0; i < 35; i++) {
        classes[labels[index[i]]]++;
        cr_assert(i == 0 || index[i] > index[i - 1]);
    }
    for (int c = 0; c < 7; c++) cr_assert_eq(classes[c], 5);
    cr_assert_eq(select_of(SELECT_SPLIT, 40, 1, false, index, NULL), 40);
    cr_assert_eq(select_of(SELECT_SPLIT, 40, 1, true, rest, NULL), 10);
    for (int i = 0; i < 50; i++) taken[i < 40 ? index[i] : rest[i - 40]]++;
    for (int i = 0; i < COUNT; i++) cr_assert_eq(taken[i], 1);
    cr_assert_eq(select_of(SELECT_SPLIT, 40, 2, true, index, NULL), 10);
    cr_assert_neq(memcmp(index, rest, 10 * sizeof *rest), 0, "another seed takes others");
}

Test(selection, refusals)
{
    static const struct {
        enum selection_kind kind;
        int count;
        const char *word;
    } bad[] = { { SELECT_PER_CLASS, 8, "perclass:8: take 1 … 7" },
                { SELECT_PER_CLASS, 0, "perclass:0" },
                { SELECT_FIRST, 51, "first:51: choose 1 … 50" },
                { SELECT_FIRST, 0, "first:0" },
                { SELECT_SINGLE, 50, "single:50: choose an image from 0 … 49" },
                { SELECT_SINGLE, -1, "single:-1" },
                { SELECT_SPLIT, 50, "split:50: choose 1 … 49" } };
    int index[COUNT];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct why why = { "" };
        cr_expect_eq(select_of(bad[i].kind, bad[i].count, 1, false, index, &why), -EINVAL);
        cr_expect(strstr(why.text, bad[i].word) != NULL, "no '%s' in: %s", bad[i].word, why.text);
    }
    struct why why = { "" };
    labels[1] = 0;
    cr_expect_eq(select_of(SELECT_PER_CLASS, 7, 1, false, index, &why), -EINVAL);
    cr_expect(strstr(why.text, "perclass:7: class 1 has only 6") != NULL, "%s", why.text);
}

Test(selection, an_epochs_order_is_a_permutation_by_seed_and_epoch)
{
    int index[COUNT], order[COUNT], other[COUNT], uses[COUNT] = { 0 };
    for (int i = 0; i < COUNT; i++) index[i] = 3 * i;
    batcher_epoch_order(5, 0, index, COUNT, order);
    for (int i = 0; i < COUNT; i++) uses[order[i] / 3] += order[i] % 3 == 0;
    for (int i = 0; i < COUNT; i++) cr_assert_eq(uses[i], 1);
    batcher_epoch_order(5, 0, index, COUNT, other);
    cr_assert_eq(memcmp(order, other, sizeof order), 0);
    batcher_epoch_order(5, 1, index, COUNT, other);
    cr_assert_neq(memcmp(order, other, sizeof order), 0);
    batcher_epoch_order(6, 0, index, COUNT, other);
    cr_assert_neq(memcmp(order, other, sizeof order), 0);
    batcher_epoch_order(5, 0, index, 0, order);
}
