/* SPDX-License-Identifier: MIT
 * To be preloaded into a program: its clocks stand still (FAULT_CLOCK=frozen) or run backwards (backward), from the start on, or after so
 * many looks at one (frozen:2000). */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLOCKS = 16 };

int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    static _Atomic int64_t first[CLOCKS];
    static _Atomic long looks[CLOCKS];
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    const int status = real(id, t);
    const char *how = getenv("FAULT_CLOCK"), *after = how ? strchr(how, ':') : NULL;
    if (status || !how || id < 0 || id >= CLOCKS) return status;
    if (atomic_fetch_add(&looks[id], 1) < (after ? atol(after + 1) : 0)) return 0;
    const int64_t now = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
    int64_t begin = 0;
    if (atomic_compare_exchange_strong(&first[id], &begin, now)) begin = now;
    const int64_t said = strncmp(how, "frozen", 6) == 0 ? begin : 2 * begin - now;
    t->tv_sec = said / 1000000000;
    t->tv_nsec = said % 1000000000;
    return 0;
}
