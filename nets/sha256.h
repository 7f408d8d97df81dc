/* SPDX-License-Identifier: MIT
 * SHA-256 in hex, by nettle. */
#ifndef NETS_SHA256_H
#define NETS_SHA256_H

#include <stddef.h>

struct sha256_part {
    const void *data;
    size_t bytes;
};
/* Of the parts one after another. */
void sha256_hex(const struct sha256_part *parts, int count, char hex[65]);

#endif
