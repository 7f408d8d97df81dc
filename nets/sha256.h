/* SPDX-License-Identifier: MIT
 * SHA-256 in hex, by nettle. What comes in pieces is fed to nettle's own sha256_init and sha256_update, and ended here. */
#ifndef NETS_SHA256_H
#define NETS_SHA256_H

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct sha256_part {
    const void *data;
    size_t bytes;
};
/* Of the parts one after another. */
void sha256_hex(const struct sha256_part *parts, int count, char hex[65]);
/* Of what was fed. */
void sha256_finish(struct sha256_ctx *context, char hex[65]);
/* Of the rest of a file. False: it could not be read. */
bool sha256_file(FILE *file, char hex[65]);

#endif
