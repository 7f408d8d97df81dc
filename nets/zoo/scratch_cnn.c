/* SPDX-License-Identifier: MIT
 * scratch-cnn: the net whose author could not make it learn even one image. Two convolutions, two max-pools (15 -> 13 -> 6: floor
 * pooling drops the pixel that the article leaves out by hand), two dense layers, leaky ReLU. "published" is the author's own task, the
 * others are what the same net does with right gradients on whole data sets. pad=32 leaves CIFAR-10 as it is and lets other sets in. */
#include "zoo.h"

#include <stddef.h>

#define LAYERS " conv2 leaky0.01 max2 conv4 leaky0.01 max2 dense50 leaky0.01 dense10"
#define WHOLE "opt=sgd lr=0.01 momentum=0.9 batch=64 epochs=10"

static const struct zoo_cell cells[] = {
    { .cell = "published",
      .net = "1x32x32" LAYERS,
      .parameters = 7856,
      .recipe = "opt=sgd lr=0.0005 batch=1 epochs=500 pad=32 channel=red select=single:0 testselect=first:100",
      .published_as = "no figure: \"trouble training a single image to be classified correctly\"; one CIFAR-10 image, red channel, batch "
                      "1, 500 steps (an earlier try: all-positive uniform weights, rate 0.1)" },
    { .cell = "mnist",
      .net = "1x32x32" LAYERS,
      .parameters = 7856,
      .recipe = WHOLE " pad=32",
      .data = "mnist",
      .published_as = "nothing published: the net with right gradients" },
    { .cell = "fashion-mnist",
      .net = "1x32x32" LAYERS,
      .parameters = 7856,
      .recipe = WHOLE " pad=32",
      .data = "fashion-mnist",
      .published_as = "nothing published: the net with right gradients" },
    { .cell = "cifar-10-red",
      .net = "1x32x32" LAYERS,
      .parameters = 7856,
      .recipe = WHOLE " pad=32 channel=red",
      .published_as = "nothing published: the net with right gradients" },
    { .cell = "cifar-10",
      .net = "3x32x32" LAYERS,
      .parameters = 7892,
      .recipe = WHOLE,
      .published_as = "nothing published: the net with right gradients, on all three channels" },
    { .cell = NULL },
};

const struct zoo_study scratch_cnn = {
    .study = "scratch-cnn",
    .data = "cifar-10",
    .cells = cells,
    .question = "does the net learn once its gradients are right, and which of its author's five bugs stops it?",
};
