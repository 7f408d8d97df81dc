/* SPDX-License-Identifier: MIT
 * A user of the library: trains a small net on the built-in synthetic digits and prints what came of it. */
#include <convgauge/nets/train/train.h>
#include <stdio.h>

static struct net net; /* a hundred kilobytes: not on the stack */
static struct metrics metrics;

int main(void)
{
    struct recipe recipe;
    struct dataset data;
    struct team *team = NULL;
    struct why why;
    int failed = net_parse("1x28x28 conv8same relu bn max2 conv16same relu gap dense10", &net, &why) ||
                 recipe_parse("opt=adam lr=0.01 batch=64 epochs=2 select=first:20000 testselect=perclass:200", &recipe, &why) ||
                 team_open(&team, 2, BIND_NONE, &why) || dataset_open("strokes", NULL, NULL, team, &data, &why);

    if (!failed) {
        const struct train_options options = { .isas = cpu_detect(), .team = team };
        failed = train_run(&net, &recipe, &data, &options, &metrics, &why);
        dataset_close(&data);
    }
    team_close(team);
    if (failed) fprintf(stderr, "%s\n", why.text);
    else printf("test accuracy %.1f %%\n", metrics.test_acc);
    return failed ? 1 : 0;
}
