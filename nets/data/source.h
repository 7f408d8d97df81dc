/* SPDX-License-Identifier: MIT
 * The bytes of a data file, unpacked while they are read: plain, gzip (.gz, zlib) or xz (.xz, liblzma), distinguished by the name's ending.
 * Reading straight into the data set's memory keeps one copy of the data, not two. */
#ifndef NETS_SOURCE_H
#define NETS_SOURCE_H

#include <stddef.h>
#include "../../kernels/runtime/why.h"

struct source;

/* 0; -ENOMEM, or open's errno with the file's name and the reason. */
int source_open(struct source **s, const char *path, struct why *why);

/* Reads `bytes` into `to`. A file that ends earlier, or whose packing is damaged there, gives -EINVAL and a message which names the file,
 * how many bytes were found and what was expected: `what`, e.g. "60000 images of 28x28". An error of the system gives its errno. */
int source_read(struct source *s, void *to, size_t bytes, const char *what, struct why *why);

/* -EINVAL if anything follows what was read, or the packing's checksum does not hold (it stands at the end). */
int source_at_end(struct source *s, const char *what, struct why *why);

/* -EINVAL where a packed file of its size cannot hold that many bytes (above UNPACKED_MOST to one), -ENOMEM where this machine's memory
 * cannot: asked before memory is. */
enum { UNPACKED_MOST = 2000 };
int source_fits(const struct source *s, size_t bytes, const char *what, struct why *why);

void source_close(struct source *s); /* NULL is fine */
const char *source_path(const struct source *s);

/* What to do about a damaged file; ends every message about one. */
#define SOURCE_WAY_OUT "fetch it again with tools/fetch-data, or give another place by --data-dir"

#endif
