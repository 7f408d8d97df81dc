/* SPDX-License-Identifier: MIT
 * To be preloaded into a program: its n-th allocation fails, once, whichever of its processes makes it. FAULT_AT names n and FAULT_FILE a
 * file of eight bytes, in which all of them count; n 0 counts alone. glibc's allocator is called by its own names, so that nothing has to
 * be looked up, which would allocate. */
#include <features.h>
#ifdef __GLIBC__
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static _Atomic uint64_t *count;
static uint64_t fails_at;

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("FAULT_AT"), *path = getenv("FAULT_FILE");
    const int fd = at && path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *map = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) return;
    fails_at = strtoull(at, NULL, 10);
    count = map;
}

/* Nothing asked for is nothing that could fail. */
static int fails(size_t size)
{
    if (!count || size == 0 || atomic_fetch_add(count, 1) + 1 != fails_at) return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) { return fails(size) ? NULL : __libc_malloc(size); }

void *calloc(size_t number, size_t size) { return fails(number && size) ? NULL : __libc_calloc(number, size); }

void *realloc(void *old, size_t size) { return fails(size) ? NULL : __libc_realloc(old, size); }

void *memalign(size_t alignment, size_t size) { return fails(size) ? NULL : __libc_memalign(alignment, size); }

void *aligned_alloc(size_t alignment, size_t size) { return fails(size) ? NULL : __libc_memalign(alignment, size); }

int posix_memalign(void **got, size_t alignment, size_t size)
{
    void *p = fails(size) ? NULL : __libc_memalign(alignment, size);
    if (!p) return ENOMEM;
    *got = p;
    return 0;
}
#endif
