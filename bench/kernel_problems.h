/* SPDX-License-Identifier: MIT
 * Which problems are measured: a list of strings, each once. */
#ifndef BENCH_KERNEL_PROBLEMS_H
#define BENCH_KERNEL_PROBLEMS_H

#include <stdbool.h>
#include "../kernels/runtime/why.h"

struct problem_list {
    char **text;
    int count;
};

/* The table of shapes, then (unless table_alone) the layers of every net of the zoo. 0, or -ENOMEM. */
int problems_default(struct problem_list *list, bool table_alone, struct why *why);
/* A file with one problem a line; what follows a blank or # is a remark. 0 or negative errno. */
int problems_read(struct problem_list *list, const char *path, struct why *why);
int problems_add(struct problem_list *list, const char *text);
void problems_free(struct problem_list *list);

#endif
