/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct name {
    struct name *next;
    char text[];
};

const char *names_keep(struct names *n, struct text text)
{
    assert(n);
    assert(text.at || text.size == 0);
    unsigned hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < text.size; i++) hash = (hash ^ (unsigned char)text.at[i]) * 16777619u;
    const char **recent = &n->recent[hash % NAMES_RECENT];
    if (*recent && text_is(text, *recent)) return *recent;
    struct name *name = malloc(sizeof *name + text.size + 1);
    if (!name) return NULL;
    name->next = n->all;
    n->all = name;
    if (text.size) memcpy(name->text, text.at, text.size);
    name->text[text.size] = 0;
    *recent = name->text;
    return name->text;
}

void names_free(struct names *n)
{
    assert(n);
    while (n->all) {
        struct name *next = n->all->next;
        free(n->all);
        n->all = next;
    }
    *n = (struct names){ .all = NULL };
}
