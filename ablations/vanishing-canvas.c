/* SPDX-License-Identifier: MIT
 * vanishing-canvas: the net stops learning at ten layers; because its canvas shrinks? Cells are the article's own runs at every depth. Arms
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
    const char *arm, *first, *block; /* blocks; NULL: the article's, and as the others */
    const char *recipe;              /* words behind SMALL, NULL: none */
    const char *tests;
    enum { EVERYWHERE, AT_THREE, AT_TWO, AT_TEN } at; /* which depths: all seven; 5, 10 and 15; 5 and 10; 10 */
    enum { NEEDED, QUICK, ASIDE } use;                /* by a claim; and by --quick at 5 and 10; by no claim */
};

static const struct change changes[] = {
    { BASE, NULL, NULL, NULL, "the article's recipe on 30 images a class: what the other arms are compared with", EVERYWHERE, QUICK },
    { "no pool", NULL, "conv3same relu", NULL, "canvas kept at 28: no pooling", EVERYWHERE, QUICK },
    { "padded pool", NULL, "conv3same relu max2step1pad0,1,0,1", NULL, "canvas kept at 28: pooling with a padded edge", AT_TWO, QUICK },
    { "pool 3", NULL, "conv3same relu max3step1", NULL, "canvas shrinks twice as fast: windows of 3", AT_TEN, NEEDED },
    { "input /255", NULL, NULL, "raw=0", "pixels 0 to 1, not 0 to 255: a weaker signal", AT_TWO, QUICK },
    { "standardised", NULL, NULL, "norm=0.1307,0.3081", "pixels with mean 0, sd 1", AT_TEN, NEEDED },
    { "He init", NULL, NULL, "init=he_uniform", "weights that keep the signal's size, no bias at the start", AT_TWO, QUICK },
    { "Xavier init", NULL, NULL, "init=xavier_uniform", "weights by both fans, no bias at the start", AT_TEN, ASIDE },
    { "He init, /255", NULL, NULL, "init=he_uniform raw=0", "weights that keep the signal's size, and pixels 0 to 1", AT_THREE, NEEDED },
    { "He init, /255, no pool", NULL, "conv3same relu", "init=he_uniform raw=0", "the same, canvas kept at 28", AT_TEN, NEEDED },
    { "no bias", NULL, "conv3sameb0 relu max2step1", NULL, "convolutions without bias", AT_TEN, QUICK },
    { "bias from zero", NULL, NULL, "bias=zero", "biases start at zero", AT_TEN, NEEDED },
    { "batch norm", NULL, "conv3same bn relu max2step1", NULL, "batch norm behind each convolution", EVERYWHERE, QUICK },
    { "batch norm, no pool", NULL, "conv3same bn relu", NULL, "batch norm behind each convolution, canvas kept at 28", AT_TEN, NEEDED },
    { "constant rate", NULL, NULL, "schedule=constant", "the rate does not fall: a hundred useful updates, not thirty", AT_THREE, QUICK },
    { "constant rate, no pool", NULL, "conv3same relu", "schedule=constant", "the rate does not fall, canvas kept at 28", AT_TEN, NEEDED },
    { "minibatch 64", NULL, NULL, "batch=64 updates=100 schedule=step:2:0.1", "100 updates of 64 images, the rate falling as before",
      AT_TEN, NEEDED },
    { "minibatch 64, constant rate", NULL, NULL, "batch=64 updates=100 schedule=constant",
      "100 updates of 64 images, the rate does not fall", AT_TEN, ASIDE },
    { "SGD", NULL, NULL, "opt=sgd lr=0.01 momentum=0.9", "SGD with momentum in place of Adam", AT_TWO, NEEDED },
    { "residual", BLOCK, BLOCK " add4", NULL, "each block adds its input", AT_TWO, QUICK },
    { "width 8", "conv8same relu max2step1", "conv8same relu max2step1", NULL, "8 channels in place of 3", AT_TEN, NEEDED },
    { "3,000 images", NULL, NULL, "select=perclass:300 batch=3000", "300 images a class, a batch of 3,000", AT_TEN, ASIDE },
    { "width 16", "conv16same relu max2step1", "conv16same relu max2step1", NULL, "16 channels in place of 3", AT_TEN, ASIDE },
    { "width 32", "conv32same relu max2step1", "conv32same relu max2step1", NULL, "32 channels in place of 3", AT_TEN, ASIDE },
};

static const int depths[] = { 5, 8, 9, 10, 11, 12, 15 };

enum { CHANGES = sizeof changes / sizeof *changes, DEPTHS = sizeof depths / sizeof *depths, ARMS = CHANGES * DEPTHS, NET_SIZE = 640 };

static struct arm arms[ARMS + 1];
static char nets[ARMS][NET_SIZE], recipes[ARMS][160], cells[16][16];

/* "1x28x28 BLOCK … BLOCK dense10" */
static void write_net(const struct change *c, int depth, char *text)
{
    assert(depth >= 1);
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
            assert(arm < ARMS);
            assert(depths[d] < 16);
            snprintf(cells[depths[d]], sizeof cells[0], "d%d", depths[d]);
            snprintf(recipes[arm], sizeof recipes[0], SMALL " %s", c->recipe ? c->recipe : "");
            write_net(c, depths[d], nets[arm]);
            arms[arm] = (struct arm){ ARM(cells[depths[d]], c->arm, nets[arm], recipes[arm], c->tests),
                                      .quick = c->use == QUICK && (depths[d] == 5 || depths[d] == 10), .base = c == changes ? NULL : BASE,
                                      .tier = c->use == ASIDE ? 3 : 0 };
            arm++;
        }
}

/* ---- looks ------------------------------------------------------------------------------------------------------------------------- */

/* Rows carry the signal; pictures also gradients and updates, which the article excludes as causes. */
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
                                        .look = look_at };
    make_arms();
    return ablation_main(&study, argc, argv);
}
