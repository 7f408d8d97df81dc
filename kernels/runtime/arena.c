/* SPDX-License-Identifier: MIT
 * Arenas come straight from mmap: pages are zero and belong to nobody until they are touched, and closing gives them back to the system,
 * so that peak RSS after a small net is a small net's. Large ones ask for 2 MiB pages: a step walks hundreds of MB, and TLB misses show.
 * Under AddressSanitizer all of an arena is poisoned except the pieces given out. */
#include "arena.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64 };
static const size_t HUGE_PAGE = (size_t)2 << 20;
static const size_t LARGE = (size_t)4 << 20; /* from here on huge pages are worth their rounding up */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif

#if defined(ARENA_ASAN)
#include <sanitizer/asan_interface.h>

static const size_t RED_ZONE = 64;

static void poison(void *p, size_t bytes) { __asan_poison_memory_region(p, bytes); }

static void unpoison(void *p, size_t bytes) { __asan_unpoison_memory_region(p, bytes); }
#else
static const size_t RED_ZONE = 0;

static void poison(void *p, size_t bytes) { (void)p, (void)bytes; }

static void unpoison(void *p, size_t bytes) { (void)p, (void)bytes; }
#endif

#if !defined(CONVGAUGE_CHECKS) /* Debug builds: CMakeLists.txt */
static void fill(void *p, size_t bytes) { (void)p, (void)bytes; }
#else
/* All bits set is a NaN both as float and as double: whoever reads before writing sees it in the result. */
static void fill(void *p, size_t bytes) { memset(p, 0xff, bytes); }
#endif

#if defined(__linux__)
/* Advice only: a kernel without transparent huge pages refuses, and small pages do. */
static void advise_huge_pages(void *p, size_t bytes) { (void)madvise(p, bytes, MADV_HUGEPAGE); }
#else
static void advise_huge_pages(void *p, size_t bytes) { (void)p, (void)bytes; }
#endif

size_t arena_room(size_t bytes)
{
    assert(bytes <= SIZE_MAX - ALIGNMENT - RED_ZONE);
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + RED_ZONE;
}

/* Length of the mapping that holds `size` bytes; one page at least, so that an empty arena has a place, too. */
static size_t mapped_bytes(size_t size)
{
    size_t page = 1 << 16; /* a multiple of every page size in use (4, 16, 64 KiB) */
    return size == 0 ? page : (size + page - 1) / page * page;
}

static void *map(size_t bytes)
{
    assert(bytes > 0);
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Maps one huge page too much, then gives back what lies before the first huge page's border and after the end. */
static void *map_huge(size_t bytes)
{
    assert(bytes % 4096 == 0);
    char *p = map(bytes + HUGE_PAGE);
    if (!p) return NULL;
    size_t before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE, after = HUGE_PAGE - before;
    if (before > 0) munmap(p, before);
    if (after > 0) munmap(p + before + bytes, after);
    advise_huge_pages(p + before, bytes);
    return p + before;
}

int arena_open(struct arena *a, const char *name, size_t size, struct why *why)
{
    assert(a);
    assert(name);
    *a = (struct arena){ .name = name };
    size_t bytes = size <= SIZE_MAX / 2 ? mapped_bytes(size) : 0;
    char *base = bytes == 0 ? NULL : bytes >= LARGE ? map_huge(bytes) : map(bytes);
    if (!base) return why_fail(why, -ENOMEM, "cannot allocate %.1f MiB for %s; use a smaller batch or net", (double)size / (1 << 20), name);
    a->base = base;
    a->size = size;
    poison(base, bytes);
    assert((uintptr_t)base % ALIGNMENT == 0);
    return 0;
}

void *arena_take(struct arena *a, size_t bytes)
{
    assert(a);
    assert(a->base);
    assert(a->used <= a->size);
    size_t room = arena_room(bytes);
    if (room > a->size - a->used) {
        fprintf(stderr, "arena %s: %zu bytes wanted, %zu of %zu left: measured too small\n", a->name, room, a->size - a->used, a->size);
        abort();
    }
    char *piece = a->base + a->used;
    a->used += room;
    unpoison(piece, bytes);
    fill(piece, bytes);
    assert((uintptr_t)piece % ALIGNMENT == 0);
    return piece;
}

void arena_close(struct arena *a)
{
    assert(a);
    if (a->base) {
        size_t bytes = mapped_bytes(a->size);
        unpoison(a->base, bytes);
        munmap(a->base, bytes);
    }
    *a = (struct arena){ 0 };
}
