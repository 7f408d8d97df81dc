/* SPDX-License-Identifier: MIT
 * vanishing-canvas: the net stops learning at ten layers; because its canvas shrinks? Cells are the text's own runs at every depth. Arms
 * turn one thing each, at up to seven depths, on 30 images a class with the same hundred updates: the failure is one of the start, and 20
 * seeds of each are worth more than more images. Every row carries the signal at its start: rms and spread over images, layer by layer. */
#include "driver/ablation.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "driver/probe.h"

/* ---- arms: changes of the block or the recipe, at several depths ------------------------------------------------------------------- */

#define SMALL "select=perclass:30 batch=300 testselect=perclass:50"
#define BASE "300 images"
#define BLOCK "conv3same relu max2step1"

struct change {
    const char *arm, *first, *block; /* blocks; NULL: the text's, and as the others */
    const char *recipe;              /* words behind SMALL, NULL: none */
    const char *tests;
    enum { EVERYWHERE, AT_THREE, AT_TWO, AT_TEN } at; /* which depths: all seven; 5, 10 and 15; 5 and 10; 10 */
    bool quick;
};

static const struct change changes[] = {
    { BASE, NULL, NULL, NULL, "the text's recipe on 30 images a class: what the other arms are held against", EVERYWHERE, true },
    { "no pool", NULL, "conv3same relu", NULL, "canvas kept at 28: no pooling", EVERYWHERE, true },
    { "padded pool", NULL, "conv3same relu max2step1pad0,1,0,1", NULL, "canvas kept at 28: pooling with a padded edge", AT_TWO, true },
    { "pool 3", NULL, "conv3same relu max3step1", NULL, "canvas shrinks twice as fast: windows of 3", AT_TEN, false },
    { "input /255", NULL, NULL, "raw=0", "pixels 0 to 1, not 0 to 255: a weaker signal", AT_TWO, true },
    { "standardised", NULL, NULL, "norm=0.1307,0.3081", "pixels with mean 0, sd 1", AT_TEN, false },
    { "He init", NULL, NULL, "init=he_uniform", "weights that keep the signal's size, no bias at the start", AT_TWO, true },
    { "Xavier init", NULL, NULL, "init=xavier_uniform", "weights by both fans, no bias at the start", AT_TEN, false },
    { "He init, /255", NULL, NULL, "init=he_uniform raw=0", "weights that keep the signal's size, and pixels 0 to 1", AT_THREE, false },
    { "He init, /255, no pool", NULL, "conv3same relu", "init=he_uniform raw=0", "the same, canvas kept at 28", AT_TEN, false },
    { "no bias", NULL, "conv3sameb0 relu max2step1", NULL, "convolutions without bias", AT_TEN, true },
    { "bias from zero", NULL, NULL, "bias=zero", "biases start at zero", AT_TEN, false },
    { "batch norm", NULL, "conv3same bn relu max2step1", NULL, "batch norm behind each convolution", EVERYWHERE, true },
    { "batch norm, no pool", NULL, "conv3same bn relu", NULL, "batch norm behind each convolution, canvas kept at 28", AT_TEN, false },
    { "constant rate", NULL, NULL, "schedule=constant", "the rate does not fall: a hundred useful updates, not thirty", AT_THREE, true },
    { "constant rate, no pool", NULL, "conv3same relu", "schedule=constant", "the rate does not fall, canvas kept at 28", AT_TEN, false },
    { "minibatch 64", NULL, NULL, "batch=64 updates=100 schedule=step:2:0.1", "100 updates of 64 images, the rate falling as before",
      AT_TEN, false },
    { "minibatch 64, constant rate", NULL, NULL, "batch=64 updates=100 schedule=constant",
      "100 updates of 64 images, the rate does not fall", AT_TEN, false },
    { "SGD", NULL, NULL, "opt=sgd lr=0.01 momentum=0.9", "SGD with momentum in place of Adam", AT_TWO, false },
    { "residual", BLOCK, BLOCK " add4", NULL, "each block adds its input", AT_TWO, true },
    { "width 8", "conv8same relu max2step1", "conv8same relu max2step1", NULL, "8 channels in place of 3", AT_TEN, false },
    { "3,000 images", NULL, NULL, "select=perclass:300 batch=3000", "300 images a class, a batch of 3,000", AT_TEN, false },
    { "width 16", "conv16same relu max2step1", "conv16same relu max2step1", NULL, "16 channels in place of 3", AT_TEN, false },
    { "width 32", "conv32same relu max2step1", "conv32same relu max2step1", NULL, "32 channels in place of 3", AT_TEN, false },
};

static const int depths[] = { 5, 8, 9, 10, 11, 12, 15 };

enum { CHANGES = sizeof changes / sizeof *changes, DEPTHS = sizeof depths / sizeof *depths, ARMS = CHANGES * DEPTHS, NET_SIZE = 640 };

static struct arm arms[ARMS + 1];
static char nets[ARMS][NET_SIZE], recipes[ARMS][160], cells[16][16];

/* "1x28x28 BLOCK … BLOCK dense10" */
static void write_net(const struct change *c, int depth, char *text)
{
    size_t used = (size_t)snprintf(text, NET_SIZE, "1x28x28");
    for (int i = 0; i < depth; i++) {
        const char *block = c->block ? c->block : BLOCK;
        used += (size_t)snprintf(text + used, NET_SIZE - used, " %s", i == 0 && c->first ? c->first : block);
    }
    used += (size_t)snprintf(text + used, NET_SIZE - used, " dense10");
    assert(used < NET_SIZE);
}

static bool wanted_at(const struct change *c, int depth)
{
    return c->at == EVERYWHERE || depth == 10 || (depth == 5 && c->at != AT_TEN) || (depth == 15 && c->at == AT_THREE);
}

static void make_arms(void)
{
    int arm = 0;
    for (int i = 0; i < CHANGES; i++)
        for (int d = 0; d < DEPTHS; d++) {
            const struct change *c = &changes[i];
            if (!wanted_at(c, depths[d])) continue;
            assert(arm < ARMS && depths[d] < 16);
            snprintf(cells[depths[d]], sizeof cells[0], "d%d", depths[d]);
            snprintf(recipes[arm], sizeof recipes[0], SMALL " %s", c->recipe ? c->recipe : "");
            write_net(c, depths[d], nets[arm]);
            arms[arm] = (struct arm){ ARM(cells[depths[d]], c->arm, nets[arm], recipes[arm], c->tests),
                                      .quick = c->quick && (depths[d] == 5 || depths[d] == 10), .base = c == changes ? NULL : BASE };
            arm++;
        }
}

/* ---- what the text gives ----------------------------------------------------------------------------------------------------------- */

static const struct figure figures[] = {
    { "d10", NULL, TEST_ACC, 0, 10, "words and curves: one unseeded run on 1,000 test images" },
    { "d11", NULL, TEST_ACC, 0, 10, "words: from the 10th layer on" },
    { "d12", NULL, TEST_ACC, 0, 10, "words: from the 10th layer on" },
    { "d13", NULL, TEST_ACC, 0, 10, "words: from the 10th layer on" },
    { "d14", NULL, TEST_ACC, 0, 10, "words: from the 10th layer on" },
    { "d15", NULL, TEST_ACC, 0, 10, "words: from the 10th layer on" },
    { "d10", NULL, SIDE, 20, 18, "\"after 10 such layers, it shrinks to 18\": rows of the last pool's output" },
    { .cell = NULL },
};

static const struct claim claims[] = {
    { CLAIM("up to 9 layers it trains: fewer than half of the runs fail", "d9", NULL, LESS, NULL, NULL, FAILED), .margin = 0.5 },
    { CLAIM("from 10 layers on it does not: most runs fail", "d10", NULL, MORE, NULL, NULL, FAILED), .margin = 0.5 },
    { CLAIM("ten is the limit: 10 layers fail more often than 9", "d10", NULL, MORE, "d9", NULL, FAILED) },
    { CLAIM("ten is the limit: 9 layers fail as seldom as 5", "d9", BASE, NOT_MORE, "d5", BASE, FAILED), .margin = 0.25 },
    { CLAIM("ours: the last 60 of 100 updates change nothing: the accuracy stays as it is", "d10", NULL, LESS, NULL, NULL, LATE_SD),
      .at = 41, .margin = 0.05 },
    { CLAIM("depth helps while it trains: 4 layers are better than 1", "d4", NULL, MORE, "d1", NULL, TEST_ACC) },
    { CLAIM("shrinking is the cause: without pooling fewer fail", "d10", "no pool", LESS, "d10", BASE, FAILED) },
    { CLAIM("shrinking is the cause: with padded pooling fewer fail", "d10", "padded pool", LESS, "d10", BASE, FAILED) },
    { CLAIM("shrinking is the cause: at 15 layers, too, fewer fail without pooling", "d15", "no pool", LESS, "d15", BASE, FAILED) },
    { CLAIM("shrinking is the cause: pools of 3, which shrink twice as fast, fail more often", "d10", "pool 3", MORE, "d10", BASE,
            FAILED) },
    { CLAIM("the optimizer is not the cause: SGD fails as often", "d10", "SGD", SAME, "d10", BASE, FAILED), .margin = 0.25 },
    { CLAIM("ours: the start is the cause: weights that keep the signal's size (He) fail less", "d10", "He init", LESS, "d10", BASE,
            FAILED) },
    { CLAIM("ours: the start is the cause: the same with inputs from 0 to 1", "d10", "He init, /255", LESS, "d10", BASE, FAILED) },
    { CLAIM("ours: the biases drown the signal: without any fewer fail", "d10", "no bias", LESS, "d10", BASE, FAILED) },
    { CLAIM("ours: the biases drown the signal: started at zero fewer fail", "d10", "bias from zero", LESS, "d10", BASE, FAILED) },
    { CLAIM("ours: batch norm restores the signal: fewer fail", "d10", "batch norm", LESS, "d10", BASE, FAILED) },
    { CLAIM("ours: batch norm restores the signal: fewer fail, at 15 layers too", "d15", "batch norm", LESS, "d15", BASE, FAILED) },
    { CLAIM("ours: the rate falls too soon: at a constant rate fewer fail", "d10", "constant rate", LESS, "d10", BASE, FAILED) },
    { CLAIM("ours: weaker inputs (0 to 1, not 0 to 255) fail at five layers already", "d5", "input /255", MORE, "d5", BASE, FAILED) },
    { CLAIM("ours: blocks that add their input carry the signal through: fewer fail", "d10", "residual", LESS, "d10", BASE, FAILED) },
    { CLAIM("ours: width helps: with 8 channels in place of 3 fewer fail", "d10", "width 8", LESS, "d10", BASE, FAILED) },
    { CLAIM("ours: minibatches of 64 help at as many updates: fewer fail", "d10", "minibatch 64", LESS, "d10", BASE, FAILED) },
    { CLAIM("ours: at the start the outputs differ less between images at 10 layers than at 5", "d10", NULL, LESS, "d5", NULL, LOGIT_STD) },
    { CLAIM("ours: with batch norm they differ more than without", "d10", "batch norm", MORE, "d10", BASE, LOGIT_STD) },
    { CLAIM("ours: where the signal gets through, shrinking changes nothing: batch norm with pooling or without", "d10", "batch norm", SAME,
            "d10", "batch norm, no pool", FAILED),
      .margin = 0.25 },
    { CLAIM("ours: the same at a constant rate, with pooling or without", "d10", "constant rate", SAME, "d10", "constant rate, no pool",
            FAILED),
      .margin = 0.25 },
    { CLAIM("ours: inputs of mean 0 and sd 1 do not save ten layers: they fail as often as raw pixels", "d10", "standardised", SAME, "d10",
            BASE, FAILED),
      .margin = 0.25 },
    { .says = NULL },
};

/* ---- looks ------------------------------------------------------------------------------------------------------------------------- */

/* Rows carry the signal; pictures also gradients and updates, which the text excludes as causes. */
static void look_at(struct look *look, struct train_hooks *hooks)
{
    probe_signal(look);
    if (look->folder) probe_steps(look, hooks);
}

extern const struct zoo_study vanishing_canvas; /* nets/zoo/vanishing_canvas.c */

int main(int argc, const char **argv)
{
    static const struct seeds seeds_of[] = { { "*/3,000 images", 5 }, { "*/width 16", 5 }, { "*/width 32", 2 }, { NULL, 0 } };
    static const struct study study = { .zoo = &vanishing_canvas,
                                        .arms = arms,
                                        .seeds = 20,
                                        .arm_seeds = 20,
                                        .quick_seeds = 2,
                                        .quick_recipe = SMALL,
                                        .seeds_of = seeds_of,
                                        .figures = figures,
                                        .claims = claims,
                                        .look = look_at };
    make_arms();
    return ablation_main(&study, argc, argv);
}
