/* SPDX-License-Identifier: MIT
 * compact-net: does a net of 8,070 parameters reach 99.4 %, and which of its parts carry it? The arms change one thing each; the dropout on
 * the ten logits, which alone holds the running train accuracy near 88 %, comes first. */
#include "ablation.h"

#include <stddef.h>

/* The published net by its parts: channels of the first and the second stage, what follows each conv, dropout between stages, the tail. */
#define NET(first, second, then, drop, tail) \
    "1x28x28 conv" first "same " then "conv" first "same " then "max2 " drop \
    "conv" second "same " then "conv" second "same " then "max2 " drop "conv" second " " then "conv10 " then tail
#define WIDTH(first, second) NET(first, second, "relu bn ", "drop0.2 ", "gap drop0.2")
#define DROPS(drop, tail) NET("8", "16", "relu bn ", drop, tail)
#define NO_BN NET("8", "16", "relu ", "drop0.2 ", "gap drop0.2")
#define P "published"
#define FIVE "5 epochs"                 /* the rate is constant: the first five of twenty */

static const struct arm arms[] = {
    { ARM(P, FIVE, NULL, "epochs=5", "what the arms of five epochs are held against"), .quick = true },
    { ARM(P, "no dropout on the logits", DROPS("drop0.2 ", "gap"), NULL,
          "the running train accuracy of 88 % is that layer's doing; is the test accuracy?"), .quick = true },
    { ARM(P, "no dropout", DROPS("", "gap"), NULL, "\"dropout prevents overfitting\": the gap between train and test without any"),
      .quick = true },
    { ARM(P, "no batch norm", NO_BN, "epochs=5", "does it train at the published rate without batch norm?"), .quick = true, .base = FIVE },
    { ARM(P, "no batch norm, lr 0.001", NO_BN, "lr=0.001 epochs=5", "and at a tenth of the rate?"), .base = FIVE },
    { ARM(P, "no batch norm, lr 0.1", NO_BN, "lr=0.1 epochs=5", "and at ten times the rate?"), .base = FIVE },
    { ARM(P, "lr 0.1", NULL, "lr=0.1 epochs=5", "\"batch norm permits the higher rate\": ten times the rate"), .base = FIVE },
    { ARM(P, "lr 0.001", NULL, "lr=0.001 epochs=5", "a tenth of the rate"), .base = FIVE },
    { ARM(P, "half width", WIDTH("4", "8"), "epochs=5", "\"8 channels suffice\": 4 and 8"), .base = FIVE },
    { ARM(P, "double width", WIDTH("16", "32"), "epochs=5", "\"8 channels suffice\": 16 and 32"), .base = FIVE },
    { ARM(P, "fourfold width", WIDTH("32", "64"), "epochs=5", "\"8 channels suffice\": 32 and 64"), .base = FIVE },
    { ARM(P, "under 5,000", WIDTH("6", "12"), NULL, "4,872 parameters: the text thinks that it could be under 5,000") },
    { ARM(P, "under 5,000, cosine", WIDTH("6", "12"), "schedule=cosine", "4,872 parameters with a falling rate") },
    { ARM(P, "flatten and dense", NET("8", "16", "relu bn ", "drop0.2 ", "dense10 drop0.2"), "epochs=5",
          "global average pooling against flatten and dense"), .base = FIVE },
    { ARM(P, "norm before relu", NET("8", "16", "bn relu ", "drop0.2 ", "gap drop0.2"), "epochs=5",
          "ReLU then batch norm against batch norm then ReLU"), .base = FIVE },
    { ARM(P, "dropout 0.05", DROPS("drop0.05 ", "gap drop0.05"), NULL, "dropout's rate, in its three places") },
    { ARM(P, "dropout 0.1", DROPS("drop0.1 ", "gap drop0.1"), NULL, "dropout's rate, in its three places") },
    { ARM(P, "dropout 0.4", DROPS("drop0.4 ", "gap drop0.4"), NULL, "dropout's rate, in its three places") },
    { ARM(P, "dropout on the logits only", DROPS("", "gap drop0.2"), NULL, "dropout's place: only on the logits") },
    { ARM(P, "dropout 0.05, none on the logits", DROPS("drop0.05 ", "gap"), NULL, "dropout's place and rate") },
    { ARM(P, "step", NULL, "schedule=step:8:0.1", "schedule: the rate falls tenfold every 8 epochs") },
    { ARM(P, "cosine", NULL, "schedule=cosine", "schedule: cosine") },
    { ARM(P, "one-cycle", NULL, "schedule=onecycle:0.3", "schedule: one-cycle") },
    { ARM(P, "rotation", NULL, "augment=rotate:15", "augmentation: rotation by up to 15 degrees") },
    { ARM(P, "shifts", NULL, "augment=shift:2", "augmentation: shifts by up to 2 pixels") },
    { ARM(P, "no logit dropout, one-cycle, rotation", DROPS("drop0.05 ", "gap"), "schedule=onecycle:0.3 augment=rotate:10,shift:1",
          "all that the text would have tried, together") },
    { .cell = NULL },
};

/* ---- what the text gives ----------------------------------------------------------------------------------------------------------- */

/* Its log, one epoch a line. */
#define LOG "log, epoch line"
#define EPOCH(e, running, loss, accuracy) { P, NULL, EPOCH_RUNNING_ACC, e, running, LOG }, { P, NULL, EPOCH_TEST_LOSS, e, loss, LOG }, \
    { P, NULL, EPOCH_TEST_ACC, e, accuracy, LOG }

static const struct figure figures[] = {
    { P, NULL, BEST_TEST_ACC, 0, 99.44, "headline: the best of 20 epochs, chosen on the test set" },
    { P, NULL, TEST_ACC, 0, 99.03, "log: the last epoch, the same run without choosing" },
    { P, NULL, BEST_EPOCH, 0, 15, "checklist: 15 epochs; the run went on to 20 and was cut at its best" },
    { P, NULL, LATE_MEAN, 11, 99.23, "log: mean of epochs 11 to 20" },
    { P, NULL, LATE_SD, 11, 0.14, "log: sd of epochs 11 to 20" },
    { P, NULL, RUNNING_ACC, 0, 87.83, "log: running train accuracy, dropout on; not comparable with test accuracy" },
    { P, NULL, PARAMETERS, 0, 8070, "summary" },
    { P, NULL, MEMORY, 0, 0.51, "summary: estimated total size" },
    { P, NULL, FIELD, 1, 3, "receptive fields" }, { P, NULL, FIELD, 2, 5, "receptive fields" },
    { P, NULL, FIELD, 3, 6, "receptive fields" }, { P, NULL, FIELD, 4, 10, "receptive fields" },
    { P, NULL, FIELD, 5, 14, "receptive fields" }, { P, NULL, FIELD, 6, 16, "receptive fields" },
    { P, NULL, FIELD, 7, 24, "receptive fields" }, { P, NULL, FIELD, 8, 32, "receptive fields" },
    EPOCH(1, 83.33, 0.0567, 98.29), EPOCH(2, 86.32, 0.0370, 98.84), EPOCH(3, 86.77, 0.0383, 98.84), EPOCH(4, 86.91, 0.0414, 98.77),
    EPOCH(5, 87.32, 0.0297, 99.10), EPOCH(6, 87.36, 0.0308, 99.02), EPOCH(7, 87.67, 0.0300, 99.12), EPOCH(8, 87.67, 0.0293, 99.00),
    EPOCH(9, 87.46, 0.0231, 99.26), EPOCH(10, 87.65, 0.0275, 99.19), EPOCH(11, 87.74, 0.0214, 99.39), EPOCH(12, 87.74, 0.0227, 99.26),
    EPOCH(13, 88.06, 0.0256, 99.11), EPOCH(14, 87.80, 0.0285, 99.03), EPOCH(15, 87.82, 0.0181, 99.44), EPOCH(16, 87.87, 0.0239, 99.26),
    EPOCH(17, 87.90, 0.0222, 99.34), EPOCH(18, 88.02, 0.0227, 99.20), EPOCH(19, 87.95, 0.0217, 99.26), EPOCH(20, 87.83, 0.0346, 99.03),
    { .cell = NULL },
};

static const struct claim claims[] = {
    { CLAIM("99.4 % on the test set, last epoch", P, NULL, MORE, NULL, NULL, TEST_ACC), .margin = 99.4 },
    { CLAIM("99.4 % on the test set, the epoch chosen there", P, NULL, MORE, NULL, NULL, BEST_TEST_ACC), .margin = 99.4 },
    { CLAIM("99.4 % after 15 epochs", P, NULL, MORE, NULL, NULL, EPOCH_TEST_ACC), .at = 15, .margin = 99.4 },
    { CLAIM("most runs reach 99.4 %, last epoch", P, NULL, MORE, NULL, NULL, REACHED), .at = 99.4, .margin = 0.5 },
    { CLAIM("most runs reach 99.44 % in some epoch", P, NULL, MORE, NULL, NULL, BEST_REACHED), .at = 99.44, .margin = 0.5 },
    { CLAIM("8 channels suffice: twice as many add nothing", P, "double width", SAME, P, FIVE, TEST_ACC), .margin = 0.1 },
    { CLAIM("8 channels suffice: four times as many add nothing", P, "fourfold width", SAME, P, FIVE, TEST_ACC), .margin = 0.1 },
    { CLAIM("half the channels do not suffice", P, "half width", LESS, P, FIVE, TEST_ACC) },
    { CLAIM("under 5,000 parameters: 99.4 %", P, "under 5,000", MORE, NULL, NULL, TEST_ACC), .margin = 99.4 },
    { CLAIM("under 5,000 parameters with a falling rate: 99.4 %", P, "under 5,000, cosine", MORE, NULL, NULL, TEST_ACC), .margin = 99.4 },
    { CLAIM("global average pooling loses nothing against a dense layer", P, FIVE, SAME, P, "flatten and dense", TEST_ACC), .margin = 0.1 },
    { CLAIM("batch norm helps at the published rate", P, FIVE, MORE, P, "no batch norm", TEST_ACC) },
    { CLAIM("batch norm permits ten times the rate", P, "lr 0.1", MORE, P, "no batch norm, lr 0.1", TEST_ACC) },
    { CLAIM("without batch norm the lower rate is better", P, "no batch norm, lr 0.001", MORE, P, "no batch norm", TEST_ACC) },
    { CLAIM("with batch norm the higher rate is better", P, FIVE, MORE, P, "lr 0.001", TEST_ACC) },
    { CLAIM("ReLU before batch norm or behind it is the same", P, FIVE, SAME, P, "norm before relu", TEST_ACC), .margin = 0.1 },
    { CLAIM("dropout prevents overfitting: smaller gap", P, NULL, LESS, P, "no dropout", GAP) },
    { CLAIM("dropout prevents overfitting: better test accuracy", P, NULL, MORE, P, "no dropout", TEST_ACC) },
    { CLAIM("dropout on the logits holds the running train accuracy down", P, NULL, LESS, P, "no dropout on the logits", RUNNING_ACC),
      .margin = 5 },
    { CLAIM("dropout on the logits helps on the test set", P, NULL, MORE, P, "no dropout on the logits", TEST_ACC) },
    { CLAIM("a dropout rate of 0.1 is as good", P, "dropout 0.1", SAME, P, NULL, TEST_ACC), .margin = 0.1 },
    { CLAIM("a step schedule would have helped", P, "step", MORE, P, NULL, TEST_ACC) },
    { CLAIM("a cosine schedule would have helped", P, "cosine", MORE, P, NULL, TEST_ACC) },
    { CLAIM("a one-cycle schedule would have helped", P, "one-cycle", MORE, P, NULL, TEST_ACC) },
    { CLAIM("augmentation is not needed: rotation adds nothing", P, "rotation", SAME, P, NULL, TEST_ACC), .margin = 0.1 },
    { .says = NULL },
};

static const struct seeds seeds_of[] = {
    { "*/published/fourfold width", 5 }, { "*/published/under 5,000*", 30 }, { NULL, 0 }
};

int main(int argc, const char **argv)
{
    static const struct study study = {
        .zoo = &compact_net, .arms = arms, .seeds = 30, .arm_seeds = 10, .quick_seeds = 2, .quick_epochs = 2,
        .seeds_of = seeds_of, .figures = figures, .claims = claims
    };
    return ablation_main(&study, argc, argv);
}
