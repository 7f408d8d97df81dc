/* SPDX-License-Identifier: MIT
 * MNIST's idx files: a magic number 00 00 08 r (unsigned bytes, r dimensions), r big-endian sizes, the bytes. */
#ifndef NETS_IDX_H
#define NETS_IDX_H

#include "dataset.h"

/* Reads images (rank 3) or labels (rank 1), packed or not, into memory that the caller frees; on failure nothing is left to free.
 * h and w must be as given where they are not 0, and are set. 0; -EINVAL names the file, what was found and what was expected; -ENOMEM. */
int idx_read_images(const char *path, int *count, int *h, int *w, uint8_t **pixels, struct why *why);
int idx_read_labels(const char *path, int *count, uint8_t **labels, struct why *why);

#endif
