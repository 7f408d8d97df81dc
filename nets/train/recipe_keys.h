/* SPDX-License-Identifier: MIT
 * Private to recipes and their tests: the keys, as rows of a table. Each row says where its value lives, what it takes, how it is read and
 * how it is written, so that parsing, printing and messages cannot disagree. Numbers are written with the fewest digits that read back the
 * same. */
#ifndef NETS_RECIPE_KEYS_H
#define NETS_RECIPE_KEYS_H

#include "recipe.h"

enum value_type { NUMBER, COUNT, FLAG, WORD, OTHER }; /* double; int; bool as 0, 1 or two words; an enum by name; by functions */

struct key {
    const char *name, *takes; /* what is allowed, for messages */
    const char *means;        /* what it does, for help */
    enum value_type type;
    size_t at;                /* offset in struct recipe */
    double low, high;         /* NUMBER, COUNT: inclusive */
    const char *const *words; /* WORD, FLAG: by value, NULL-terminated */
    bool (*read)(const char *value, struct recipe *r);
    void (*write)(const struct recipe *r, char *text, size_t size);
    bool always; /* printed even where it has its default */
};

enum { VALUE_SIZE = 256 }; /* of any written value, with its final 0 */

/* All keys in canonical order; name NULL ends them. */
extern const struct key recipe_keys[];

/* False: the value is not what key->takes says; r may then be half changed. */
bool key_read(const struct key *key, const char *value, struct recipe *r);
void key_write(const struct key *key, const struct recipe *r, char text[VALUE_SIZE]);

/* The rate of an update, see recipe_optimizer. */
double recipe_rate(const struct recipe *r, int step, int steps_per_epoch, int steps);

/* What wd is unless given: PyTorch's 0.01 for adamw, else 0. */
double recipe_default_decay(enum optimizer_kind kind);

#endif
