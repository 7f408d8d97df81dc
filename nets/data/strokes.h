/* SPDX-License-Identifier: MIT
 * The embedded data set: digits drawn by a pen that follows a skeleton of strokes, each image a pure function of its number. */
#ifndef NETS_STROKES_H
#define NETS_STROKES_H

#include <stdint.h>
#include "../../kernels/runtime/team.h"

enum { STROKES_SIDE = 28, STROKES_PIXELS = STROKES_SIDE * STROKES_SIDE, STROKES_CLASSES = 10 };
enum { STROKES_TRAIN = 60000, STROKES_TEST = 10000 };

/* Draws image `number` of the endless series into pixels [28][28], 0 … 255; returns its digit. Images 10k … 10k+9 are ten digits. */
int strokes_draw(uint64_t number, uint8_t *pixels);

/* Draws images first … first+count-1 on the team. */
void strokes_make(struct team *team, uint64_t first, int count, uint8_t *pixels, uint8_t *labels);

/* Test images come from far behind the training images in the series. */
#define STROKES_FIRST_TEST UINT64_C(10000000000)

#endif
