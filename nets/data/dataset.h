/* SPDX-License-Identifier: MIT
 * A data set in memory: bytes as read, one byte a pixel, converted only when a batch is assembled. */
#ifndef NETS_DATASET_H
#define NETS_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../../kernels/runtime/team.h"
#include "../../kernels/runtime/why.h"

/* One half of a data set. Channels are innermost, whatever the file's order was. */
struct images {
    int count;
    uint8_t *pixels; /* [count][H][W][C] */
    uint8_t *labels; /* [count], below classes */
};

struct dataset {
    const char *name;               /* "mnist", "fashion-mnist", "cifar-10", "strokes" */
    bool synthetic;                 /* strokes: accuracies say so */
    int classes;                    /* labels are 0 … classes-1 */
    int c, h, w;                    /* of every image */
    const char *const *class_names; /* [classes], static */
    struct images train, test;
    char sha256[65]; /* over train pixels, train labels, test pixels, test labels as stored here; hex */
};

/* Names that exist, NULL-terminated. */
extern const char *const dataset_names[];

/* Opens a data set by name. Files are looked for in dir/<name>/ and dir/ itself, where dir is `dir` if not NULL, else each of
 * $CONVGAUGE_DATA_DIR's value given by the program as `env_dir` (NULL: none), ./data, ../shared/data. Files may be plain, .gz or .xz;
 * they are read, and "strokes", which needs none, is made by `team` (NULL: one worker). Never falls back to another set, and never opens
 * under a published name what was not published under it (SHA-256).
 * 0; -ENOENT (says where it looked and how to fetch), -EINVAL (corrupt: names file, what was found, what was expected), -ENOMEM, or the
 * errno of a file that cannot be read. On failure there is nothing to close. */
int dataset_open(const char *name, const char *dir, const char *env_dir, struct team *team, struct dataset *d, struct why *why);
/* Frees the pixels and labels; a zeroed one may be closed. */
void dataset_close(struct dataset *d);

/* Opens a directory that holds any idx or CIFAR-10 files under the usual names, as data set "custom" (for `train --data-dir` alone); its
 * classes are counted by the highest label. Errors as above. */
int dataset_open_directory(const char *dir, struct dataset *d, struct why *why);

#endif
