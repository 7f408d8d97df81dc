/* SPDX-License-Identifier: MIT
 * Record by record, so that planes turn into pixels on the way and no second copy of the data is ever held. */
#include "cifar.h"

#include <assert.h>
#include "source.h"

static void planes_to_pixels(const uint8_t *planes, uint8_t *pixels)
{
    enum { AREA = CIFAR_SIDE * CIFAR_SIDE };
    for (int i = 0; i < AREA; i++)
        for (int c = 0; c < CIFAR_CHANNELS; c++) pixels[i * CIFAR_CHANNELS + c] = planes[c * AREA + i];
}

int cifar_read(const char *path, uint8_t *pixels, uint8_t *labels, struct why *why)
{
    assert(pixels);
    assert(labels);
    static const char what[] = "10000 records of 3073 bytes";
    struct source *s;
    uint8_t record[1 + CIFAR_PIXELS];
    int error = source_open(&s, path, why);
    if (error) return error;
    for (int i = 0; i < CIFAR_RECORDS && !error; i++) {
        error = source_read(s, record, sizeof record, what, why);
        if (error) break;
        labels[i] = record[0];
        planes_to_pixels(record + 1, pixels + (size_t)i * CIFAR_PIXELS);
    }
    if (!error) error = source_at_end(s, what, why);
    source_close(s);
    return error;
}
