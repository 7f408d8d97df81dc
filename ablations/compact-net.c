/* SPDX-License-Identifier: MIT
 * compact-net: does a net of 8,070 parameters reach 99.4 %, and which of its parts carry it? The arms change one thing each; the dropout on
 * the ten logits, which alone holds the running train accuracy near 88 %, comes first. */
#include "ablation.h"

#include <stddef.h>

/* The published net by its parts: channels of the first and the second stage, what follows each conv, dropout between stages, the tail. */
#define NET(first, second, then, drop, tail) \
    "1x28x28 conv" first "same " then "conv" first "same " then "max2 " drop \
    "conv" second "same " then "conv" second "same " then "max2 " drop "conv" second " " then "conv10 " then tail

static const struct arm arms[] = {
    { "published", "no dropout on the logits", NET("8", "16", "relu bn ", "drop0.2 ", "gap"), NULL,
      "the running train accuracy of 88 % is that layer's doing; is the test accuracy?", true },
    { "published", "no dropout", NET("8", "16", "relu bn ", "", "gap"), NULL,
      "\"dropout prevents overfitting\": the gap between train and test without any", true },
    { "published", "no batch norm", NET("8", "16", "relu ", "drop0.2 ", "gap drop0.2"), NULL,
      "does it train at the published rate without batch norm?", true },
    { "published", "no batch norm, lr 0.001", NET("8", "16", "relu ", "drop0.2 ", "gap drop0.2"), "lr=0.001",
      "and at a tenth of the rate?", false },
    { "published", "lr 0.1", NULL, "lr=0.1", "\"batch norm permits the higher rate\": ten times the rate", false },
    { "published", "lr 0.001", NULL, "lr=0.001", "a tenth of the rate", false },
    { "published", "half width", NET("4", "8", "relu bn ", "drop0.2 ", "gap drop0.2"), NULL, "\"8 channels suffice\": 4 and 8", false },
    { "published", "double width", NET("16", "32", "relu bn ", "drop0.2 ", "gap drop0.2"), NULL,
      "\"8 channels suffice\": 16 and 32", false },
    { "published", "flatten and dense", NET("8", "16", "relu bn ", "drop0.2 ", "dense10 drop0.2"), NULL,
      "global average pooling against flatten and dense", false },
    { "published", "norm before relu", NET("8", "16", "bn relu ", "drop0.2 ", "gap drop0.2"), NULL,
      "ReLU then batch norm against batch norm then ReLU", false },
    { "published", "step", NULL, "schedule=step:8:0.1", "schedule: the rate falls tenfold every 8 epochs", false },
    { "published", "cosine", NULL, "schedule=cosine", "schedule: cosine", false },
    { "published", "one-cycle", NULL, "schedule=onecycle:0.3", "schedule: one-cycle", false },
    { "published", "rotation", NULL, "augment=rotate:15", "augmentation: rotation by up to 15 degrees", false },
    { NULL, NULL, NULL, NULL, NULL, false },
};

int main(int argc, const char **argv)
{
    static const struct study study = { .zoo = &compact_net, .arms = arms, .seeds = 30, .quick_seeds = 2, .quick_epochs = 2 };
    return ablation_main(&study, argc, argv);
}
