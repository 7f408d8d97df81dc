/* SPDX-License-Identifier: MIT
 * kernel-size: is 3x3 > 7x7 > 5x5 real, and what does a larger kernel cost? The arms ask for the reasons that the text gives. */
#include "ablation.h"

#include <stddef.h>

static const struct arm arms[] = {
    { "5x5", "two 3x3", "1x28x28 conv32same relu conv32same relu max2 conv64same relu conv64same relu max2 dense64 relu dense10", NULL,
      "two stacked 3x3 for one 5x5: the same field with 18 in place of 25 weights", false },
    { "dense", "dense 277", "1x28x28 dense277 relu dense10", NULL, "as many parameters as 3x3: do convolutions win at equal size?", false },
    { "dense", "permuted pixels", NULL, "permute=1", "one fixed pixel permutation of all images: a dense net does not care", false },
    { "3x3", "permuted pixels", NULL, "permute=1", "one fixed pixel permutation of all images: a conv net should fall", false },
    { "3x3", "one conv layer", "1x28x28 conv32same relu max2 dense64 relu dense10", NULL, "depth: one conv layer", false },
    { "3x3", "three conv layers", "1x28x28 conv32same relu max2 conv64same relu max2 conv64same relu dense64 relu dense10", NULL,
      "depth: three conv layers; \"more would overfit\" shows in the gap between train and test", false },
    { "3x3", "average pool", "1x28x28 conv32same relu avg2 conv64same relu avg2 dense64 relu dense10", NULL, "max against average", false },
    { "3x3", "tanh", "1x28x28 conv32same tanh max2 conv64same tanh max2 dense64 tanh dense10", NULL, "ReLU against tanh", false },
    { "3x3", "valid", "1x28x28 conv32 relu max2 conv64 relu max2 dense64 relu dense10", NULL, "no padding", false },
    { NULL, NULL, NULL, NULL, NULL, false },
};

int main(int argc, const char **argv)
{
    static const struct study study = { .zoo = &kernel_size, .arms = arms, .seeds = 10, .quick_seeds = 2, .quick_epochs = 1 };
    return ablation_main(&study, argc, argv);
}
