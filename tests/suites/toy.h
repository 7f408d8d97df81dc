/* SPDX-License-Identifier: MIT
 * A data set for tests of training: 12x12 images whose class is where their bright blob sits, on noise. Learned in a few steps, made at
 * once. A header alone, because every suite is one source. */
#ifndef TESTS_TOY_H
#define TESTS_TOY_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../kernels/runtime/rng.h"
#include "../../nets/train/train.h"

enum { TOY_SIDE = 12, TOY_CLASSES = 4 };

static inline struct images toy_images(int count, uint64_t seed)
{
    struct images images = { count, calloc((size_t)count, TOY_SIDE * TOY_SIDE), calloc((size_t)count, 1) };
    struct rng rng = rng_start(rng_stream_key(seed, STREAM_TEST, 0, 0));
    cr_assert(images.pixels && images.labels);
    for (int i = 0; i < count; i++) {
        uint8_t *pixels = images.pixels + (size_t)i * TOY_SIDE * TOY_SIDE;
        int digit = i % TOY_CLASSES, top = 1 + digit / 2 * 6, left = 1 + digit % 2 * 6;
        images.labels[i] = (uint8_t)digit;
        for (int p = 0; p < TOY_SIDE * TOY_SIDE; p++) pixels[p] = (uint8_t)rng_below(&rng, 128);
        for (int p = 0; p < 16; p++) pixels[(top + p / 4) * TOY_SIDE + left + p % 4] = (uint8_t)(100 + rng_below(&rng, 156));
    }
    return images;
}

/* Class i % TOY_CLASSES. Free with toy_close. The hash is a made-up one that tells sets of different size apart. */
static inline struct dataset toy_open(int train, int test)
{
    struct dataset d = { .name = "toy",
                         .synthetic = true,
                         .classes = TOY_CLASSES,
                         .c = 1,
                         .h = TOY_SIDE,
                         .w = TOY_SIDE,
                         .train = toy_images(train, 1),
                         .test = toy_images(test, 2) };
    snprintf(d.sha256, sizeof d.sha256, "%032d%032d", train, test);
    return d;
}

static inline void toy_close(struct dataset *d)
{
    free(d->train.pixels);
    free(d->train.labels);
    free(d->test.pixels);
    free(d->test.labels);
}

static inline struct net toy_net(const char *text)
{
    struct net net;
    struct why why = { "" };
    cr_assert_eq(net_parse(text, &net, &why), 0, "%s", why.text);
    return net;
}

static inline struct recipe toy_recipe(const char *text)
{
    struct recipe r;
    struct why why = { "" };
    cr_assert_eq(recipe_parse(text, &r, &why), 0, "%s", why.text);
    return r;
}

/* A path of this process in the temporary folder. */
static inline const char *toy_path(char path[128], const char *name)
{
    snprintf(path, 128, "/tmp/convgauge-test-%ld-%s", (long)getpid(), name);
    return path;
}

#endif
