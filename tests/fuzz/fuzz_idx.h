/* SPDX-License-Identifier: MIT
 * idx files, shared by the plain and the packed target. */
#ifndef TESTS_FUZZ_IDX_H
#define TESTS_FUZZ_IDX_H

#include "../../nets/data/idx.h"
#include "fuzz.h"

/* `path` as images of any size, as images of a size that was asked for, and as labels; bytes that were read are looked at. */
static inline void fuzz_idx(const char *path)
{
    for (int side = 0; side <= 2; side += 2) {
        struct why why = { "" };
        int count = 0, h = side, w = side;
        uint8_t *pixels = NULL;
        int code = idx_read_images(path, &count, &h, &w, &pixels, &why);
        if (code) {
            fuzz_refused(code, &why);
            continue;
        }
        assert(count > 0 && h > 0 && w > 0 && (side == 0 || (h == side && w == side)));
        volatile uint8_t last = pixels[(size_t)count * (size_t)h * (size_t)w - 1];
        (void)last;
        free(pixels);
    }
    struct why why = { "" };
    int count = 0;
    uint8_t *labels = NULL;
    int code = idx_read_labels(path, &count, &labels, &why);
    if (code) {
        fuzz_refused(code, &why);
        return;
    }
    assert(count > 0);
    volatile uint8_t last = labels[count - 1];
    (void)last;
    free(labels);
}

#endif
