/* SPDX-License-Identifier: MIT */
#include "spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 16, MEMORY_MOST = 1 << 30 };

static const char *reason(lzma_ret code)
{
    switch (code) {
    case LZMA_FORMAT_ERROR: return "not xz data";
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR: return "unpacking it takes more memory than is allowed (1 GiB)";
    case LZMA_BUF_ERROR: return "its xz data are cut short";
    default: return "its xz data are damaged";
    }
}

/* NULL, or what is wrong. */
static const char *unpack(FILE *from, FILE *to, uint64_t most)
{
    assert(most > 0);
    static uint8_t in[BLOCK], out[BLOCK];
    lzma_stream s = LZMA_STREAM_INIT;
    lzma_ret code = lzma_stream_decoder(&s, MEMORY_MOST, LZMA_CONCATENATED);
    const char *wrong = code == LZMA_OK ? NULL : reason(code);
    while (!wrong && code != LZMA_STREAM_END) {
        if (s.avail_in == 0 && !feof(from)) {
            s.next_in = in;
            s.avail_in = fread(in, 1, sizeof in, from);
            if (ferror(from)) wrong = strerror(errno);
        }
        s.next_out = out;
        s.avail_out = sizeof out;
        code = wrong ? code : lzma_code(&s, feof(from) ? LZMA_FINISH : LZMA_RUN);
        const size_t got = sizeof out - s.avail_out;
        if (!wrong && code != LZMA_OK && code != LZMA_STREAM_END) wrong = reason(code);
        else if (!wrong && s.total_out > most) wrong = "it unpacks to more than 2,000 times its size";
        else if (!wrong && fwrite(out, 1, got, to) < got) wrong = strerror(errno);
    }
    lzma_end(&s);
    return wrong ? wrong : fflush(to) || fseeko(to, 0, SEEK_SET) ? strerror(errno) : NULL;
}

int spool_open(FILE **file, const char *path, struct why *why)
{
    assert(file);
    assert(path);
    struct stat is = { .st_mode = 0 };
    const size_t length = strlen(path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO without a writer would be waited for */
    *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (!*file) return why_fail(why, -errno, "%s: %s", path, strerror(errno));
    const char *wrong = fstat(fd, &is) ? strerror(errno) : S_ISDIR(is.st_mode) ? "a folder" : "not a regular file";
    if (S_ISREG(is.st_mode)) wrong = NULL;
    if (!wrong && length > 3 && strcmp(path + length - 3, ".xz") == 0) {
        FILE *plain = tmpfile();
        wrong = plain ? unpack(*file, plain, UNPACKED_MOST * ((uint64_t)is.st_size + 1)) : strerror(errno);
        fclose(*file);
        *file = plain;
    }
    if (!wrong) return 0;
    if (*file) fclose(*file);
    *file = NULL;
    return why_fail(why, -EINVAL, "%s: %s", path, wrong);
}
