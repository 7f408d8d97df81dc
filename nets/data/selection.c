/* SPDX-License-Identifier: MIT
 * Which images of a set take part. A selection marks images and lists the marked ones in ascending order, so that the order of training
 * depends on batcher_epoch_order() alone. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/runtime/rng.h"
#include "batch.h"

static int take_per_class(const struct selection *s, const struct images *images, int classes, const int *order, uint8_t *taken,
                          struct why *why)
{
    int had[256] = { 0 };
    for (int i = 0; i < images->count; i++) {
        int image = order[i], label = images->labels[image];
        assert(label < classes);
        taken[image] = had[label] < s->count;
        had[label]++;
    }
    for (int c = 0; c < classes; c++)
        if (had[c] < s->count)
            return why_fail(why, -EINVAL, "perclass:%d: class %d has only %d images: take at most so many", s->count, c, had[c]);
    return 0;
}

int selection_check(const struct selection *s, const struct images *images, int classes, struct why *why)
{
    int n = images->count, c = s->count;
    switch (s->kind) {
    case SELECT_ALL:
    case SELECT_TRAIN: return 0;
    case SELECT_PER_CLASS:
        return c >= 1 && c <= n / classes
                   ? 0
                   : why_fail(why, -EINVAL, "perclass:%d: take 1 … %d: there are %d images of %d classes", c, n / classes, n, classes);
    case SELECT_FIRST: return c >= 1 && c <= n ? 0 : why_fail(why, -EINVAL, "first:%d: choose 1 … %d, the images there are", c, n);
    case SELECT_SINGLE: return c >= 0 && c < n ? 0 : why_fail(why, -EINVAL, "single:%d: choose an image from 0 … %d", c, n - 1);
    case SELECT_SPLIT:
        return c >= 1 && c < n ? 0 : why_fail(why, -EINVAL, "split:%d: choose 1 … %d, so that images remain to validate on", c, n - 1);
    }
    return why_fail(why, -EINVAL, "unknown kind of selection %d", (int)s->kind);
}

static int mark(const struct selection *s, const struct images *images, int classes, uint64_t seed, int *order, uint8_t *taken,
                struct why *why)
{
    int n = images->count;
    if (s->kind == SELECT_SINGLE) {
        taken[s->count] = 1;
        return 0;
    }
    if (s->kind == SELECT_ALL || s->kind == SELECT_TRAIN || s->kind == SELECT_FIRST) {
        memset(taken, 1, (size_t)(s->kind == SELECT_FIRST ? s->count : n));
        return 0;
    }
    rng_permutation(rng_stream_key(seed, STREAM_SELECT, (uint32_t)s->kind, 0), n, order);
    if (s->kind == SELECT_PER_CLASS) return take_per_class(s, images, classes, order, taken, why);
    for (int i = 0; i < s->count; i++) taken[order[i]] = 1;
    return 0;
}

int selection_make(const struct selection *s, const struct images *images, int classes, uint64_t seed, bool rest, int *index,
                   struct why *why)
{
    assert(images->count > 0);
    assert(classes >= 1);
    assert(classes <= 256);
    int error = selection_check(s, images, classes, why);
    if (error) return error;
    uint8_t *taken = calloc((size_t)images->count, 1);
    if (!taken) return why_fail(why, -ENOMEM, "no memory to select from %d images", images->count);
    error = mark(s, images, classes, seed, index, taken, why); /* index holds the random order until the list is written */
    int n = 0;
    for (int i = 0; i < images->count && !error; i++)
        if (taken[i] != rest) index[n++] = i;
    free(taken);
    return error ? error : n;
}

void batcher_epoch_order(uint64_t seed, uint32_t epoch, const int *index, int n, int *order)
{
    assert(n >= 0);
    assert(index != order);
    rng_permutation(rng_stream_key(seed, STREAM_ORDER, epoch, 0), n, order);
    for (int i = 0; i < n; i++) order[i] = index[order[i]];
}
