/* SPDX-License-Identifier: MIT
 * What the fuzz targets share. A target is one source: libFuzzer hands it bytes, it gives them to one reader and asserts what must hold
 * whatever they were. Readers take paths, so inputs lie in a file, one per process and in memory where the system has such a place. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../kernels/runtime/why.h"

/* libFuzzer's own names. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);

/* Writes the input to a file whose name ends in `ending`; valid until the next call. tools/dev/fuzz removes it, by the process id. */
static inline const char *fuzz_file(const char *ending, const uint8_t *data, size_t size)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/convgauge-fuzz-%ld%s", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid(), ending);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) != 0) abort();
    return path;
}

/* The input as text; the caller frees it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) abort();
    memcpy(text, data, size);
    text[size] = 0;
    return text;
}

/* A refusal says why, in one line. */
static inline void fuzz_refused(int code, const struct why *why)
{
    assert(code < 0);
    assert(why->text[0] && !strchr(why->text, '\n'));
}

#endif
