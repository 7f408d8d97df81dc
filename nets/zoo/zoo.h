/* SPDX-License-Identifier: MIT
 * The studied nets, by study: each is a cell name, a net string, the recipe string of its study, its data set and what was published.
 * Programs, tests and benches walk this; one file per study holds its table, nets/zoo/<study>.c with
 * `const struct zoo_study <study>`, which who wants that one declares. */
#ifndef NETS_ZOO_H
#define NETS_ZOO_H

struct zoo_cell {
    const char *cell;             /* "published", "3x3", "exp4" … */
    const char *net, *recipe;     /* strings; see net.h and recipe.h */
    double published_acc;         /* per cent; 0: none */
    double published_loss;        /* 0: none */
    double published_steps_per_s; /* training steps a second, on the author's machine; 0: none */
    const char *published_as;     /* what the published value was measured on, and where the article says it */
    long parameters;              /* the true count, whatever the article says; checked by a test */
    const char *data;             /* NULL: the study's */
};

struct zoo_study {
    const char *study;            /* "compact-net" … */
    const char *data;             /* the study's data set */
    const char *question;         /* one line */
    const struct zoo_cell *cells; /* ended by cell NULL */
};

extern const struct zoo_study *const zoo_studies[]; /* all of them, by name, NULL-terminated */

#endif
