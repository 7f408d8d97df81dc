/* SPDX-License-Identifier: MIT
 * Private to checkpoints: the list of what a run consists of. Saving and loading walk the same list, so they cannot disagree. */
#ifndef NETS_CHECKPOINT_H
#define NETS_CHECKPOINT_H

#include <jansson.h>
#include <stdio.h>
#include "train.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors are little-endian: swap bytes in checkpoint*.c for such a host");

enum entry_kind { ENTRY_WEIGHT, ENTRY_STATE, ENTRY_CURVE };

struct entry {
    enum entry_kind kind;
    char name[80];
    int rank, extent[4];
    size_t count;
    real *value;  /* weights and state; NULL for curves */
    float *curve; /* [MAX_EPOCHS], `count` of them in use */
};

/* Everything a checkpoint of this plan holds, in file order; curves where `metrics` is not NULL and `epochs` above 0. The caller frees it;
 * NULL when memory is out. */
struct entry *checkpoint_entries(const struct plan *plan, struct metrics *metrics, int epochs, int *count);

/* A safetensors file that has been checked: its layout is what the reference reader takes, and its checksums hold. */
struct archive {
    const char *path;
    FILE *file;
    json_t *header;
    size_t data, data_bytes; /* where tensors start in the file, and how many bytes follow */
    int tensors;
    bool sealed; /* it has checksums */
};

/* Closed again where it fails. */
int archive_open(struct archive *a, const char *path, struct why *why);
void archive_close(struct archive *a);
/* A text of the file's metadata, or NULL. */
const char *archive_text(const struct archive *a, const char *key);

/* Two texts of the metadata make a file prove itself: TENSORS_KEY is the sha256 of all bytes after the header; METADATA_KEY that of the
 * other metadata as JSON with sorted keys and without blanks, the first of the two included. Of `metadata` without METADATA_KEY: */
#define TENSORS_KEY "tensors_sha256"
#define METADATA_KEY "metadata_sha256"
bool metadata_hash(const json_t *metadata, char hex[65]); /* false: out of memory */

#endif
