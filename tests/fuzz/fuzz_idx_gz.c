/* SPDX-License-Identifier: MIT
 * Packed idx files. Flipped bits of a .gz hardly get past its checksum: so every other mutation is made inside and packed again. */
#include <zlib.h>
#include "fuzz_idx.h"

enum { INSIDE = 1 << 16, GZIP = 16 + MAX_WBITS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_idx(fuzz_file(".gz", data, size));
    return 0;
}

/* Bytes unpacked, 0 where it is no gzip. */
static size_t unpack(uint8_t *data, size_t size, uint8_t *inside)
{
    z_stream s = { .next_in = data, .avail_in = (unsigned)size, .next_out = inside, .avail_out = INSIDE };
    if (inflateInit2(&s, GZIP) != Z_OK) return 0;
    inflate(&s, Z_FINISH);
    size_t got = INSIDE - s.avail_out;
    inflateEnd(&s);
    return got;
}

/* Bytes packed, 0 where they do not fit. */
static size_t pack(uint8_t *inside, size_t size, uint8_t *data, size_t room, int level)
{
    z_stream s = { .next_in = inside, .avail_in = (unsigned)size, .next_out = data, .avail_out = (unsigned)room };
    if (deflateInit2(&s, level, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    int code = deflate(&s, Z_FINISH);
    size_t got = room - s.avail_out;
    deflateEnd(&s);
    return code == Z_STREAM_END ? got : 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    static uint8_t inside[INSIDE];
    size_t bytes = seed % 2 ? unpack(data, size, inside) : 0;
    if (bytes > 0) bytes = LLVMFuzzerMutate(inside, bytes, INSIDE);
    size_t packed = bytes > 0 ? pack(inside, bytes, data, room, (int)(seed / 2 % 10)) : 0;
    return packed > 0 ? packed : LLVMFuzzerMutate(data, size, room);
}
