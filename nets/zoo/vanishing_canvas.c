/* SPDX-License-Identifier: MIT
 * vanishing-canvas: D times conv 3x3 (three channels), ReLU, max-pool 2 with stride 1, then one dense layer, for D from 1 to 15. The
 * article trains on 1,000 images of a class as one full batch, pixels 0 to 255 as they are. Its curves are pictures; its words are the
 * values below. */
#include "zoo.h"

#include <stddef.h>

#define UPDATES(n) "opt=adam lr=0.01 schedule=step:10:0.1 batch=10000 epochs=" n " raw=1 select=perclass:1000 testselect=perclass:100"
#define FULL UPDATES("100")
/* The article's first 40 of 100 updates: from there on its rate is 1e-6 and less, the other 60 together move no weight by more than 4e-5.
 * The ninth and tenth depths run all 100 and show it. */
#define MOST UPDATES("40")

/* The article's block, once, five and ten times. */
#define L1 " conv3same relu max2step1"
#define L5 L1 L1 L1 L1 L1
#define L10 L5 L5

static const char fine[] = "one unseeded run on 1,000 test images, as curves only: \"worked beautifully up to 9 layers\"";
static const char lost[] = "one unseeded run on 1,000 test images: \"accuracy dropped to ~10 %\" from the 10th layer on";

static const struct zoo_cell cells[] = {
    { .cell = "d1", .net = "1x28x28" L1 " dense10", .recipe = MOST, .parameters = 21910, .published_as = fine },
    { .cell = "d2", .net = "1x28x28" L1 L1 " dense10", .recipe = MOST, .parameters = 20404, .published_as = fine },
    { .cell = "d3", .net = "1x28x28" L1 L1 L1 " dense10", .recipe = MOST, .parameters = 18958, .published_as = fine },
    { .cell = "d4", .net = "1x28x28" L1 L1 L1 L1 " dense10", .recipe = MOST, .parameters = 17572, .published_as = fine },
    { .cell = "d5", .net = "1x28x28" L5 " dense10", .recipe = MOST, .parameters = 16246, .published_as = fine },
    { .cell = "d6", .net = "1x28x28" L5 L1 " dense10", .recipe = MOST, .parameters = 14980, .published_as = fine },
    { .cell = "d7", .net = "1x28x28" L5 L1 L1 " dense10", .recipe = MOST, .parameters = 13774, .published_as = fine },
    { .cell = "d8", .net = "1x28x28" L5 L1 L1 L1 " dense10", .recipe = MOST, .parameters = 12628, .published_as = fine },
    { .cell = "d9", .net = "1x28x28" L5 L1 L1 L1 L1 " dense10", .recipe = FULL, .parameters = 11542, .published_as = fine },
    { .cell = "d10", .net = "1x28x28" L10 " dense10", .recipe = FULL, .parameters = 10516, .published_acc = 10, .published_as = lost },
    { .cell = "d11", .net = "1x28x28" L10 L1 " dense10", .recipe = MOST, .parameters = 9550, .published_acc = 10, .published_as = lost },
    { .cell = "d12", .net = "1x28x28" L10 L1 L1 " dense10", .recipe = MOST, .parameters = 8644, .published_acc = 10, .published_as = lost },
    { .cell = "d13",
      .net = "1x28x28" L10 L1 L1 L1 " dense10",
      .recipe = MOST,
      .parameters = 7798,
      .published_acc = 10,
      .published_as = lost },
    { .cell = "d14",
      .net = "1x28x28" L10 L1 L1 L1 L1 " dense10",
      .recipe = MOST,
      .parameters = 7012,
      .published_acc = 10,
      .published_as = lost },
    { .cell = "d15", .net = "1x28x28" L10 L5 " dense10", .recipe = MOST, .parameters = 6286, .published_acc = 10, .published_as = lost },
    { .cell = NULL },
};

const struct zoo_study vanishing_canvas = {
    .study = "vanishing-canvas",
    .data = "mnist",
    .cells = cells,
    .question = "why does the net stop learning at ten layers: because its canvas shrinks?",
};
