/* SPDX-License-Identifier: MIT
 * mnist-architectures: five nets on MNIST, valid 3x3 convolutions with bias. Epochs and batch of the first three, the schedule and the
 * augmentation are guesses (the article gives ranges; the augmentation is that course's template): what recipe explains the values is the
 * study. */
#include "zoo.h"

#include <stddef.h>

#define SGD "opt=sgd lr=0.01 momentum=0.9 schedule=step:15:0.1 "
#define TEMPLATE " norm=0.1307,0.3081 augment=cropresize:22:0.1,rotate:15"

static const struct zoo_cell cells[] = {
    { .cell = "exp1",
      .net = "1x28x28 conv32 relu conv64 relu max2 dense50 relu dense10",
      .recipe = SGD "batch=64 epochs=1" TEMPLATE,
      .parameters = 480176,
      .published_acc = 91.73,
      .published_as = "test set, probably after one epoch (guess), train accuracy 79.92; stated with 21,000 parameters" },
    { .cell = "exp1b",
      .net = "1x28x28 conv6 relu conv14 relu max2 dense10",
      .recipe = SGD "batch=64 epochs=1" TEMPLATE,
      .parameters = 21000,
      .published_as = "ours, not published: a stand-in for exp1 with the stated 21,000 parameters" },
    { .cell = "exp2",
      .net = "1x28x28 conv64 relu conv32 relu max2 conv16 relu max2 dense10",
      .recipe = SGD "batch=64 epochs=1" TEMPLATE,
      .parameters = 27738,
      .published_acc = 94.22,
      .published_as = "test set, probably after one epoch (guess), train accuracy 75.82; stated with 27,700 parameters" },
    { .cell = "exp3",
      .net = "1x28x28 conv64 relu conv32 relu max2 conv8 relu max2 dense10",
      .recipe = SGD "batch=128 epochs=1" TEMPLATE,
      .parameters = 23426,
      .published_acc = 96.43,
      .published_as = "test set, probably after one epoch (guess), train accuracy 88.67; stated with 23,400 parameters" },
    { .cell = "exp3-batch512",
      .net = "1x28x28 conv64 relu conv32 relu max2 conv8 relu max2 dense10",
      .recipe = SGD "batch=512 epochs=1" TEMPLATE,
      .parameters = 23426,
      .published_acc = 89.88,
      .published_as = "test set, probably after one epoch (guess); exp3 before its batch was made small" },
    { .cell = "exp3s",
      .net = "1x28x28 conv8 relu conv16 relu max2 conv8 relu max2 dense10",
      .recipe = SGD "batch=64 epochs=1" TEMPLATE,
      .parameters = 4418,
      .published_acc = 88.87,
      .published_as = "test set, probably after one epoch (guess); an earlier version of the article" },
    { .cell = "exp3s-dense50",
      .net = "1x28x28 conv8 relu conv16 relu max2 conv8 relu max2 dense50 relu dense10",
      .recipe = SGD "batch=64 epochs=1" TEMPLATE,
      .parameters = 12968,
      .published_acc = 82.55,
      .published_as = "test set, probably after one epoch (guess); an earlier version of the article" },
    { .cell = "exp4",
      .net = "1x28x28 conv32 relu conv16 relu conv16 relu max2 conv16 relu conv16 relu conv16 relu conv12 relu dense10",
      .recipe = SGD "batch=64 epochs=20" TEMPLATE,
      .parameters = 17054,
      .published_acc = 99.25,
      .published_as = "called test accuracy (results table); epochs and set are not stated" },
    { .cell = "exp5",
      .net = "1x28x28 conv32 bn relu conv16 bn relu conv16 bn relu max2 "
             "conv16 bn relu conv16 bn relu conv16 bn relu conv12 bn relu dense10",
      .recipe = SGD "batch=64 epochs=20" TEMPLATE,
      .parameters = 17302,
      .published_acc = 99.5,
      .published_steps_per_s = 39.33,
      .published_as = "59,701 of 60,000: the training set, best epoch (19 of 20, the last is 99.48), in the log under Training Details" },
    { .cell = NULL },
};

const struct zoo_study mnist_architectures = {
    .study = "mnist-architectures",
    .data = "mnist",
    .cells = cells,
    .question = "what do depth, batch norm and batch size each give, measured on the test set with seeds paired?",
};
