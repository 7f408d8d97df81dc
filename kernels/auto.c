/* SPDX-License-Identifier: MIT
 * What "auto" stands for: by shape alone, the same on every ISA, so that bits agree. The table holds measured shapes and what was fastest
 * there per direction; a shape that was not measured takes the nearest row of its kernel that it can use. Near is a matter of ratios: of
 * channels in and out and, squared since pixels are, of output heights. Batch size and threads do not count. */
#include <assert.h>
#include <stddef.h>
#include "kernels.h"

/* Of a square kernel r, c to k channels, p output rows. */
struct choice {
    int r, c, k, p;
    const char *algo[CONV_DIRECTIONS];
};

static const struct choice choices[] = {
#include "auto_table.h"
};

static double ratio(int a, int b) { return a > b ? (double)a / b : (double)b / a; }

const char *conv_auto(const struct conv *p, enum conv_direction direction, int rank)
{
    assert(p);
    assert(rank >= 0);
    assert(direction >= 0);
    assert(direction < CONV_DIRECTIONS);
    double passed = 0; /* rows nearer than this, and this one up to `last`, have been given out */
    int last = -1;
    for (int given = 0; p->r == p->s && p->step == 1; given++) {
        int nearest = -1;
        double distance = 0;
        for (int i = 0; i < (int)(sizeof choices / sizeof *choices); i++) {
            const struct choice *o = &choices[i];
            if (o->r != p->r) continue;
            const double d = ratio(o->c, p->c) * ratio(o->k, p->k) * ratio(o->p, p->p) * ratio(o->p, p->p);
            if (d < passed || (!(d > passed) && i <= last)) continue;
            if (nearest < 0 || d < distance) {
                nearest = i;
                distance = d;
            }
        }
        if (nearest < 0) break;
        if (given == rank) return choices[nearest].algo[direction];
        passed = distance;
        last = nearest;
    }
    return NULL;
}
