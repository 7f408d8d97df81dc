/* SPDX-License-Identifier: MIT
 * How rows are cut: into chunks, whose sums over images are added by a fixed tree, and into units, which are dealt out to workers. Both
 * depend on the problem and the algorithm alone, never on the number of workers. Filters may be cut for any number: no bit hangs on it. */
#include <assert.h>
#include "kernels.h"

enum { CHUNK_BLOCKS = 4, BATCHNORM_PIXELS = 96 };

/* What is cut: `blocks` of `rows` rows of `width` pixels, never inside a grain. */
struct cloth {
    int blocks, rows, width, grain, pixels;
};

static int grains(const struct cloth *c) { return (c->rows + c->grain - 1) / c->grain; }

/* Either every block is cut into `bands` of its rows (groups = blocks), or blocks are grouped whole (bands = 1). */
struct cut {
    int groups, bands;
};

static struct cut cut_rows(const struct cloth *c)
{
    assert(c->blocks >= 1);
    assert(c->rows >= 1);
    assert(c->width >= 1);
    assert(c->grain >= 1);
    assert(c->pixels >= 1);
    const long long pixels = (long long)c->rows * c->width, grain = (long long)c->grain * c->width;
    if (pixels >= c->pixels) {
        const int band = (int)((c->pixels + grain - 1) / grain), bands = grains(c) / band;
        return (struct cut){ c->blocks, bands > 1 ? bands : 1 };
    }
    const int wanted = (int)((c->pixels + pixels - 1) / pixels);
    const int full = c->blocks / (wanted < CHUNK_BLOCKS ? wanted : CHUNK_BLOCKS);
    const int fewest = (c->blocks + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS;
    return (struct cut){ full > fewest ? full : fewest, 1 };
}

/* Piece i of `pieces` nearly even ones of 0 … n-1. */
static struct span piece(int n, int pieces, int i)
{
    return (struct span){ (int)((long long)n * i / pieces), (int)((long long)n * (i + 1) / pieces) };
}

static int least(int a, int b) { return a < b ? a : b; }

static struct span chunk(const struct cloth *c, int i)
{
    const struct cut cut = cut_rows(c);
    assert(i >= 0);
    assert(i < cut.groups * cut.bands);
    const struct span group = piece(c->blocks, cut.groups, i / cut.bands), band = piece(grains(c), cut.bands, i % cut.bands);
    return (struct span){ group.begin * c->rows + band.begin * c->grain, (group.end - 1) * c->rows + least(band.end * c->grain, c->rows) };
}

static int chunks(const struct cloth *c)
{
    const struct cut cut = cut_rows(c);
    return cut.groups * cut.bands;
}

static struct cloth conv_cloth(const struct conv_variant *v, const struct conv *p, enum conv_direction direction)
{
    assert(v->chunk_pixels >= 1);
    const bool forward = direction == CONV_FWD;
    return (struct cloth){ image_blocks(p->n), forward ? p->p : p->h, forward ? p->q : p->w, v->grain(p, direction), v->chunk_pixels };
}

int conv_chunks(const struct conv_variant *v, const struct conv *p)
{
    const struct cloth c = conv_cloth(v, p, CONV_FWD);
    return chunks(&c);
}

struct span conv_chunk(const struct conv_variant *v, const struct conv *p, int i)
{
    const struct cloth c = conv_cloth(v, p, CONV_FWD);
    return chunk(&c, i);
}

struct conv conv_filters(const struct conv *p, struct span filters)
{
    assert(filters.begin >= 0);
    assert(filters.begin < filters.end);
    assert(filters.end <= p->k);
    struct conv part = *p;
    part.k = filters.end - filters.begin;
    return part;
}

int conv_parts(const struct conv *p, int chunks, int workers)
{
    enum { FEWEST = 8, ENOUGH = 4 }; /* filters of a part; units per worker that come out even by themselves */
    assert(chunks >= 1);
    assert(workers >= 1);
    int parts = 1;
    while (chunks * parts % workers && chunks * parts < ENOUGH * workers && p->k >= FEWEST * (parts + 1)) parts++;
    return parts;
}

struct span conv_part(const struct conv *p, int parts, int i)
{
    assert(i >= 0);
    assert(i < parts);
    return piece(p->k, parts, i);
}

int conv_units(const struct conv_variant *v, const struct conv *p, enum conv_direction direction)
{
    const struct cloth c = conv_cloth(v, p, direction);
    return c.blocks * grains(&c);
}

/* The first row of unit i; of the one behind the last: the number of rows. */
static int unit_row(const struct cloth *c, int i) { return i / grains(c) * c->rows + i % grains(c) * c->grain; }

struct span conv_unit_rows(const struct conv_variant *v, const struct conv *p, enum conv_direction direction, struct span units)
{
    const struct cloth c = conv_cloth(v, p, direction);
    assert(units.begin >= 0);
    assert(units.begin <= units.end);
    assert(units.end <= c.blocks * grains(&c));
    return (struct span){ unit_row(&c, units.begin), unit_row(&c, units.end) };
}

static struct cloth batchnorm_cloth(const struct batchnorm *p)
{
    return (struct cloth){ image_blocks(p->n), p->h, p->w, 1, BATCHNORM_PIXELS };
}

int batchnorm_chunks(const struct batchnorm *p)
{
    const struct cloth c = batchnorm_cloth(p);
    return chunks(&c);
}

struct span batchnorm_chunk(const struct batchnorm *p, int i)
{
    const struct cloth c = batchnorm_cloth(p);
    return chunk(&c, i);
}
