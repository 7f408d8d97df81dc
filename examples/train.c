/* SPDX-License-Identifier: MIT
 * Trains a net on data and prints its accuracy: the whole way from strings to a result. `train NAME` takes a data set by name (mnist,
 * fashion-mnist, cifar-10); without one it trains on the built-in synthetic digits. */
#include <stdio.h>
#include "../nets/train/train.h"

static int stop(const struct why *why)
{
    fprintf(stderr, "train: %s\n", why->text);
    return 1;
}

int main(int argc, char **argv)
{
    static struct net net; /* a hundred kilobytes: not on the stack */
    static struct metrics metrics;
    struct recipe recipe;
    struct dataset data;
    struct team *team;
    struct why why;

    if (net_parse("1x28x28 conv8same relu bn max2 conv16same relu gap dense10", &net, &why)) return stop(&why);
    if (recipe_parse("opt=adam lr=0.005 batch=64 epochs=2", &recipe, &why)) return stop(&why);
    if (team_open(&team, 2, BIND_CORE, &why)) return stop(&why);
    if (dataset_open(argc > 1 ? argv[1] : "strokes", NULL, NULL, team, &data, &why)) return stop(&why);

    const struct train_options options = { .isas = cpu_detect(), .team = team, .seed = 0 };
    if (train_run(&net, &recipe, &data, &options, &metrics, &why)) return stop(&why);
    printf("%s: test %.2f %%, %.0f images/s\n", data.name, metrics.test_acc, metrics.train_images_per_s);

    dataset_close(&data);
    team_close(team);
    return 0;
}
