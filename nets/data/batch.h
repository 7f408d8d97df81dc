/* SPDX-License-Identifier: MIT
 * From bytes to a batch: choose images, transform them, write x[B][H][W][C][16]. Everything random is a pure function of
 * (seed, epoch, image), so it has the same bits for any number of workers and any ISA. Plain IEEE arithmetic, no libm. */
#ifndef NETS_BATCH_H
#define NETS_BATCH_H

#include "../../kernels/kernels.h"
#include "dataset.h"

/* A random change of a training image, drawn anew every epoch. */
enum augment_kind { AUGMENT_ROTATE, AUGMENT_SHIFT, AUGMENT_CROP_RESIZE };
struct augment {
    enum augment_kind kind;
    double amount;      /* rotate: +-degrees, bilinear;  shift: +-whole pixels each way, zero-filled;
                         * crop-resize: side of the centre crop */
    double probability; /* of being applied at all; 1 for rotate and shift unless written */
};
enum { MAX_AUGMENTS = 4 }; /* of one transform */

/* What happens to each image, in this order: channel, permutation, augmentation, scaling, padding. */
struct transform {
    double mean, sd;       /* pixel -> (pixel / 255 - mean) / sd */
    bool raw;              /* pixel -> pixel (0 … 255) instead */
    int pad;               /* zero-pad (after scaling) to pad x pad, image centred; 0: no padding */
    bool red;              /* the first channel alone */
    bool permute;          /* one permutation of the pixels, the same for all images */
    uint64_t permute_seed; /* which one */
    int augments;          /* how many of augment[] apply, in their order; training images alone */
    struct augment augment[MAX_AUGMENTS];
};

/* Which images take part. */
enum selection_kind {
    SELECT_ALL,       /* every image */
    SELECT_PER_CLASS, /* `count` random ones of every class */
    SELECT_FIRST,     /* the first `count` of the file */
    SELECT_SINGLE,    /* image number `count` alone */
    SELECT_SPLIT,     /* `count` random ones; the rest is for validation */
    SELECT_TRAIN      /* for tests alone: the images that are trained on */
};
struct selection {
    enum selection_kind kind; /* of the list above */
    int count;                /* as the kind says; 0 where it says nothing */
};

/* Indices into images.train (or .test) that a selection takes, by seed and in ascending order, into index[] (room for images->count);
 * with `rest` those that it leaves. Returns how many, or -EINVAL (a class has too few, index out of range …), or -ENOMEM.
 * SELECT_SPLIT takes `count` random ones. SELECT_TRAIN is for tests alone: test on what is trained on (the caller sees to it). */
int selection_make(const struct selection *s, const struct images *images, int classes, uint64_t seed, bool rest, int *index,
                   struct why *why);

/* 0, or -EINVAL with the way out: what can be said of a selection or a transform without making it. A class that has fewer images than
 * `perclass` asks for shows only then. */
int selection_check(const struct selection *s, const struct images *images, int classes, struct why *why);
int transform_check(const struct transform *t, const struct dataset *d, struct why *why);

/* C, H, W of an image after the transform: what the net's input must be. */
void transform_shape(const struct transform *t, const struct dataset *d, int *c, int *h, int *w);

/* The tables and per-worker scratch that batcher_fill needs, made once per run, so that filling never allocates. The data set, the
 * transform's values and the team are borrowed until batcher_close. 0; -EINVAL (see transform_check) or -ENOMEM, and *b is NULL then. */
struct batcher;
int batcher_open(struct batcher **b, const struct dataset *d, const struct transform *t, struct team *team, struct why *why);
/* NULL is fine. */
void batcher_close(struct batcher *b);

/* What the random changes of image i are drawn from, together with i. */
struct augment_key {
    uint64_t seed;
    uint32_t epoch;
};

/* Writes images index[0 … n-1] of `images` into x[B][H][W][C][16] and labels[B][16], both the caller's and 64-byte aligned; dead lanes of
 * the last block are zero (labels 0).
 * `augment`: training images, changed at random as the transform says; NULL: as they are. Runs on the batcher's team. */
void batcher_fill(struct batcher *b, const struct images *images, const int *index, int n, const struct augment_key *augment, real *x,
                  uint8_t *labels);

/* The order of an epoch's images: a permutation of index[0 … n-1] into order, by (seed, epoch) alone. */
void batcher_epoch_order(uint64_t seed, uint32_t epoch, const int *index, int n, int *order);

#endif
