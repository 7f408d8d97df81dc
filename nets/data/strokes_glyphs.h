/* SPDX-License-Identifier: MIT
 * The skeletons of the ten digits as a pen would write them, two or three ways each, on a grid of 100 x 100 (x right, y down).
 * A style is one to three strokes; a stroke is a curve through its points, or straight lines between them. */
#ifndef NETS_STROKES_GLYPHS_H
#define NETS_STROKES_GLYPHS_H

#include <stdbool.h>
#include <stdint.h>

enum { GLYPH_POINTS = 13, GLYPH_STROKES = 3, GLYPH_STYLES = 3 };

struct glyph_stroke {
    bool curved;
    int points;
    uint8_t at[GLYPH_POINTS][2];
};
struct glyph {
    int strokes;
    struct glyph_stroke stroke[GLYPH_STROKES];
};

extern const struct glyph glyphs[10][GLYPH_STYLES];

#endif
