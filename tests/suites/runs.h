/* SPDX-License-Identifier: MIT
 * What the suites of training runs share: two nets, a run that must succeed and one that must be refused. */
#ifndef TESTS_RUNS_H
#define TESTS_RUNS_H

#include <errno.h>
#include "toy.h"

static const char small_net[] = "1x12x12 conv4same relu max2 conv8 relu dense4";
static const char rich_net[] = "1x12x12 conv4same bn relu max2 drop0.2 conv8 bn leaky0.01 dense16 tanh drop0.1 dense4";

/* One run that must succeed. */
static inline struct metrics run(const char *net_text, const char *recipe_text, const struct dataset *d, struct train_options options)
{
    static struct metrics m;
    struct net net = toy_net(net_text);
    struct recipe recipe = toy_recipe(recipe_text);
    struct why why = { "" };
    if (!options.isas) options.isas = cpu_detect();
    cr_assert_eq(train_run(&net, &recipe, d, &options, &m, &why), 0, "%s", why.text);
    return m;
}

static inline void assert_refused(const char *net_text, const char *recipe_text, const struct dataset *d, struct train_options options,
                                  int code, const char *part)
{
    static struct metrics m;
    struct net net = toy_net(net_text);
    struct recipe recipe = toy_recipe(recipe_text);
    struct why why = { "" };
    options.isas = cpu_detect();
    cr_assert_eq(train_run(&net, &recipe, d, &options, &m, &why), code, "%s", why.text);
    cr_assert_not_null(strstr(why.text, part), "\"%s\" does not say \"%s\"", why.text, part);
    cr_assert_null(strchr(why.text, '\n'));
}

#endif
