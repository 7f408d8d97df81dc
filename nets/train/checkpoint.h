/* SPDX-License-Identifier: MIT
 * Private to checkpoints: the list of what a run consists of. Saving and loading walk the same list, so they cannot disagree. */
#ifndef NETS_CHECKPOINT_H
#define NETS_CHECKPOINT_H

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

#endif
