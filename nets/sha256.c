/* SPDX-License-Identifier: MIT
 * SHA-256 by nettle, which uses the CPU's own instructions where it has them. */
#include "sha256.h"

#include <assert.h>

void sha256_finish(struct sha256_ctx *context, char hex[65])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(context, sizeof digest, digest);
    for (int i = 0; i < SHA256_DIGEST_SIZE; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[64] = '\0';
}

void sha256_hex(const struct sha256_part *parts, int count, char hex[65])
{
    assert(count >= 0);
    struct sha256_ctx context;
    sha256_init(&context);
    for (int i = 0; i < count; i++) {
        assert(parts[i].data || parts[i].bytes == 0);
        if (parts[i].bytes > 0) sha256_update(&context, parts[i].bytes, parts[i].data);
    }
    sha256_finish(&context, hex);
}

bool sha256_file(FILE *file, char hex[65])
{
    struct sha256_ctx context;
    uint8_t some[1 << 14];
    size_t n;
    sha256_init(&context);
    while ((n = fread(some, 1, sizeof some, file)) > 0) sha256_update(&context, n, some);
    sha256_finish(&context, hex);
    return !ferror(file);
}
