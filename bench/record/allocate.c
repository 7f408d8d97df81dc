/* SPDX-License-Identifier: MIT
 * A program that is out of memory says so in one line and ends. Libraries below (hwloc, popt, jansson) crash where an allocation fails, or
 * go on with half of a topology; so in programs no small allocation fails: the C library's names are taken over and what it cannot give
 * ends here. Large ones do return NULL, to code that knows what they are for. Sanitizers have an allocator of their own, which ends
 * likewise. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

static char last_words[256] = "convgauge: out of memory\n";
static int last_fd = STDERR_FILENO;

void out_of_memory_says(int fd, const char *words)
{
    snprintf(last_words, sizeof last_words, "%s\n", words);
    last_fd = fd;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)
#include <dlfcn.h>
#include <stdlib.h>

static const size_t LARGE = (size_t)1 << 20;

/* Nothing here may allocate. */
static void *given(void *p, size_t size)
{
    if (p || size == 0 || size >= LARGE) return p;
    const ssize_t written = write(last_fd, last_words, strlen(last_words));
    (void)written;
    if (stop_useless()) unlink(stop_useless());
    _exit(EXIT_FAIL);
}

/* The next one of that name: the C library's, or of what was preloaded. */
#define NEXT(name) \
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, #name)

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    static void *(*next)(size_t);
    NEXT(malloc);
    return given(next(size), size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
    static void *(*next)(size_t, size_t);
    NEXT(calloc);
    return given(next(count, size), size && count > LARGE / size ? LARGE : count * size);
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t size)
{
    static void *(*next)(void *, size_t);
    NEXT(realloc);
    return given(next(old, size), size);
}
#endif
