/* SPDX-License-Identifier: MIT
 * zlib's gzread() reads gzip and plain files alike; xz has its own decoder, fed from a FILE. Both check their checksums when their end is
 * reached, which is why source_at_end() must be asked even when every wanted byte has arrived. */
#include "source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { XZ_INPUT = 64 * 1024, GZ_BUFFER = 128 * 1024, GZ_STEP = 1 << 30 };

struct source {
    char path[PATH_MAX];
    size_t size, taken; /* of the file; unpacked bytes handed out */
    gzFile gz;          /* gzip and plain; NULL for xz */
    FILE *xz;
    lzma_stream decoder;
    bool xz_ended, xz_follows; /* xz_follows: something that is no stream comes after the last one */
    uint8_t input[XZ_INPUT];
};

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), m = strlen(ending);
    return n >= m && memcmp(text + n - m, ending, m) == 0;
}

static int open_failed(const char *path, int error, struct why *why)
{
    return why_fail(why, -error, "cannot read %s: %s", path, strerror(error));
}

/* Both libraries take a descriptor, so that open()'s errno is known and a folder is found out at once. */
static int open_stream(struct source *s, int fd, struct why *why)
{
    if (!ends_with(s->path, ".xz")) {
        s->gz = gzdopen(fd, "rb");
        if (!s->gz) return why_fail(why, -ENOMEM, "cannot read %s: out of memory", s->path);
        gzbuffer(s->gz, GZ_BUFFER);
        if (ends_with(s->path, ".gz") && gzdirect(s->gz))
            return why_fail(why, -EINVAL, "%s: it is not gzip data: " SOURCE_WAY_OUT, s->path);
        return 0;
    }
    s->xz = fdopen(fd, "rb");
    if (!s->xz || lzma_stream_decoder(&s->decoder, UINT64_MAX, LZMA_TELL_UNSUPPORTED_CHECK) != LZMA_OK)
        return why_fail(why, -ENOMEM, "cannot read %s: out of memory", s->path);
    return 0;
}

/* What is open where it is no regular file; NULL where it is one. */
static const char *other_kind(int fd, struct stat *is)
{
    if (fstat(fd, is) || S_ISREG(is->st_mode)) return NULL;
    return S_ISDIR(is->st_mode) ? "directory" : S_ISFIFO(is->st_mode) ? "FIFO" : S_ISSOCK(is->st_mode) ? "socket" : "device";
}

int source_open(struct source **source, const char *path, struct why *why)
{
    assert(source);
    assert(path);
    *source = NULL;
    if (strlen(path) >= PATH_MAX) return why_fail(why, -ENAMETOOLONG, "cannot read %.200s…: the path is too long", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO without a writer would be waited for */
    if (fd < 0) return open_failed(path, errno, why);
    struct stat is = { .st_size = 0 };
    const char *kind = other_kind(fd, &is);
    if (kind) {
        close(fd);
        return why_fail(why, strcmp(kind, "directory") ? -EINVAL : -EISDIR,
                        "cannot read %s: it is a %s, not a file; give another "
                        "place by --data-dir",
                        path, kind);
    }
    struct source *s = calloc(1, sizeof *s);
    if (!s) {
        close(fd);
        return why_fail(why, -ENOMEM, "cannot read %s: out of memory", path);
    }
    memcpy(s->path, path, strlen(path) + 1);
    s->size = (size_t)is.st_size;
    s->decoder = (lzma_stream)LZMA_STREAM_INIT;
    int error = open_stream(s, fd, why);
    if (error) {
        if (!s->gz && !s->xz) close(fd);
        source_close(s);
        return error;
    }
    *source = s;
    return 0;
}

void source_close(struct source *s)
{
    if (!s) return;
    if (s->gz) gzclose(s->gz);
    if (s->xz) fclose(s->xz);
    lzma_end(&s->decoder);
    free(s);
}

/* Of this machine, or of this process where it is allowed less. */
static size_t memory(void)
{
    struct rlimit limit;
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    const size_t all = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX;
    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur < all ? (size_t)limit.rlim_cur : all;
}

int source_fits(const struct source *s, size_t bytes, const char *what, struct why *why)
{
    assert(s);
    assert(what);
    const bool packed = s->xz || !gzdirect(s->gz);
    if (packed && bytes / UNPACKED_MOST > s->size)
        return why_fail(why, -EINVAL,
                        "%s: %s in a file of %zu bytes, more than %d times its size: not taken; unpack it by hand if it is sound", s->path,
                        what, s->size, UNPACKED_MOST);
    if (bytes > memory())
        return why_fail(why, -ENOMEM, "%s: %s need %zu MiB, more than the %zu of this machine's memory or this process' limit", s->path,
                        what, bytes >> 20, memory() >> 20);
    return 0;
}

const char *source_path(const struct source *s) { return s->path; }

/* As much of `bytes` as there is, into *got. The reason why there is no more goes to *reason: NULL at a regular end. */
static int gz_take(struct source *s, uint8_t *to, size_t bytes, size_t *got, const char **reason)
{
    *got = 0;
    *reason = NULL;
    while (*got < bytes) {
        size_t step = bytes - *got < GZ_STEP ? bytes - *got : GZ_STEP;
        int n = gzread(s->gz, to + *got, (unsigned)step);
        if (n > 0) *got += (size_t)n;
        if (n < (int)step) break;
    }
    int code;
    const char *text = gzerror(s->gz, &code);
    if (code == Z_ERRNO) return -errno;
    if (code == Z_BUF_ERROR) *reason = "its gzip data are cut short";
    else if (code != Z_OK && code != Z_STREAM_END)
        *reason = strstr(text, "incorrect data check") ? "its gzip checksum does not hold" : "its gzip data are damaged";
    return 0;
}

static const char *xz_reason(lzma_ret code)
{
    switch (code) {
    case LZMA_FORMAT_ERROR: return "it is not xz data";
    case LZMA_BUF_ERROR: return "its xz data are cut short";
    case LZMA_MEM_ERROR: return "there is too little memory to unpack it";
    case LZMA_DATA_ERROR: return "its xz data are damaged";
    default: return "its xz data are of an unknown kind";
    }
}

/* Input for the decoder; false at the file's end. */
static bool xz_fill(struct source *s)
{
    if (s->decoder.avail_in == 0 && !feof(s->xz)) {
        s->decoder.next_in = s->input;
        s->decoder.avail_in = fread(s->input, 1, XZ_INPUT, s->xz);
    }
    return s->decoder.avail_in > 0;
}

/* A file may be several streams one after another, with zeros in fours between: as xz -d reads it. True: the last one has ended. */
static bool xz_last(struct source *s)
{
    lzma_stream *d = &s->decoder;
    size_t zeros = 0;
    for (; xz_fill(s) && *d->next_in == 0; zeros++) {
        d->next_in++;
        d->avail_in--;
    }
    s->xz_follows = zeros % 4 || (d->avail_in > 0 && *d->next_in != 0xfd);
    return s->xz_follows || d->avail_in == 0 || lzma_stream_decoder(d, UINT64_MAX, LZMA_TELL_UNSUPPORTED_CHECK) != LZMA_OK;
}

static int xz_take(struct source *s, uint8_t *to, size_t bytes, size_t *got, const char **reason)
{
    lzma_stream *d = &s->decoder;
    d->next_out = to;
    d->avail_out = bytes;
    *reason = NULL;
    while (d->avail_out > 0 && !s->xz_ended) {
        if (!xz_fill(s) && ferror(s->xz)) return -errno;
        lzma_ret code = lzma_code(d, feof(s->xz) ? LZMA_FINISH : LZMA_RUN);
        s->xz_ended = code == LZMA_STREAM_END && xz_last(s);
        if (code != LZMA_OK && code != LZMA_STREAM_END) {
            *reason = xz_reason(code);
            break;
        }
    }
    *got = bytes - d->avail_out;
    if (!*reason && s->xz_ended && *got < bytes && s->xz_follows) *reason = "something follows its xz data";
    return 0;
}

static int take(struct source *s, void *to, size_t bytes, size_t *got, const char **reason, struct why *why)
{
    int error = s->gz ? gz_take(s, to, bytes, got, reason) : xz_take(s, to, bytes, got, reason);
    return error ? open_failed(s->path, -error, why) : 0;
}

int source_read(struct source *s, void *to, size_t bytes, const char *what, struct why *why)
{
    assert(s);
    assert(to);
    assert(what);
    size_t got = 0;
    const char *reason = NULL;
    int error = take(s, to, bytes, &got, &reason, why);
    if (error) return error;
    s->taken += got;
    assert(got <= bytes);
    if (got == bytes) return 0;
    return why_fail(why, -EINVAL, "%s: %s after %zu bytes, expected %s: " SOURCE_WAY_OUT, s->path, reason ? reason : "it ends", s->taken,
                    what);
}

int source_at_end(struct source *s, const char *what, struct why *why)
{
    assert(s);
    assert(what);
    uint8_t extra;
    size_t got = 0;
    const char *reason = NULL;
    int error = take(s, &extra, 1, &got, &reason, why);
    if (error) return error;
    if (reason) return why_fail(why, -EINVAL, "%s: %s (all %zu bytes of %s were read): " SOURCE_WAY_OUT, s->path, reason, s->taken, what);
    if (got > 0) return why_fail(why, -EINVAL, "%s: more bytes follow the %zu of %s: " SOURCE_WAY_OUT, s->path, s->taken, what);
    return 0;
}
