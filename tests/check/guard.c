/* SPDX-License-Identifier: MIT */
#include "guard.h"

#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MARGIN = 1024 };                       /* bytes of pattern on either side: a whole row of tiles would land in it */
static const uint32_t pattern = 0x7fa5a5a5;   /* a signalling NaN: what is read here spoils the result */
static const uint32_t unwritten = 0x7fc0dead; /* a quiet NaN that no arithmetic makes */

static size_t page_bytes(void)
{
    static size_t bytes;
    if (!bytes) bytes = (size_t)sysconf(_SC_PAGESIZE);
    return bytes;
}

static void fill(void *at, size_t bytes, uint32_t word)
{
    unsigned char *to = at;
    size_t done = bytes < 4 ? bytes : 4;
    memcpy(to, &word, done);
    for (size_t more; done < bytes; done += more) {
        more = bytes - done < done ? bytes - done : done;
        memcpy(to + done, to, more);
    }
}

/* A repeated word: it begins right, and each byte is like the one four before it. */
static bool holds(const unsigned char *at, size_t bytes, uint32_t word)
{
    return memcmp(at, &word, bytes < 4 ? bytes : 4) == 0 && (bytes <= 4 || memcmp(at, at + 4, bytes - 4) == 0);
}

static _Noreturn void no_memory(size_t bytes)
{
    fprintf(stderr, "no memory for %zu bytes of test data; try a smaller problem (--problem)\n", bytes);
    exit(1);
}

static void unmap(struct guard_slot *s)
{
    if (s->base) munmap(s->base - page_bytes(), s->room + 2 * page_bytes());
    s->base = NULL;
    s->room = 0;
}

static void map(struct guard_slot *s, size_t bytes)
{
    size_t page = page_bytes(), room = (bytes + MARGIN + page - 1) / page * page;
    if (s->room >= room) return;
    unmap(s);
    unsigned char *all = mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(all + page, room, PROT_READ | PROT_WRITE) != 0) { no_memory(bytes); }
    s->base = all + page;
    s->room = room;
}

/* The patterned bytes before and after the data. */
static size_t margin_before(const struct guard_slot *s)
{
    size_t before = (size_t)(s->data - s->base);
    return before < MARGIN ? before : MARGIN;
}

static size_t margin_after(const struct guard_slot *s)
{
    size_t after = (size_t)(s->base + s->room - s->data) - s->bytes;
    return after < MARGIN ? after : MARGIN;
}

void *guard_place(struct guards *g, int slot, const char *name, size_t bytes, size_t align, enum edge edge)
{
    assert(slot >= 0 && slot < GUARD_SLOTS);
    assert(align && align <= 64 && !(align & (align - 1)));
    struct guard_slot *s = &g->slot[slot];
    map(s, bytes);
    size_t offset = edge == AT_START ? 0 : (s->room - bytes) & ~(align - 1);
    s->name = name;
    s->data = s->base + offset;
    s->bytes = bytes;
    s->sealed = false;
    size_t before = margin_before(s), after = margin_after(s);
    fill(s->data - before, before, pattern);
    fill(s->data + bytes, after, pattern);
    guard_wipe(g, slot);
    return s->data;
}

void guard_wipe(struct guards *g, int slot)
{
    struct guard_slot *s = &g->slot[slot];
    assert(s->name && !s->sealed);
    fill(s->data, s->bytes, unwritten);
}

bool guard_unwritten(const void *data, size_t offset, size_t bytes)
{
    uint32_t word;
    unsigned char turned[8];
    memcpy(turned, &unwritten, 4);
    memcpy(turned + 4, &unwritten, 4);
    memcpy(&word, turned + offset % 4, 4);
    return holds((const unsigned char *)data + offset, bytes, word);
}

void guard_pattern(void *data, size_t bytes) { fill(data, bytes, unwritten); }

void guard_seal(struct guards *g, int slot)
{
    struct guard_slot *s = &g->slot[slot];
    assert(s->name);
    if (s->copy_room < s->bytes) {
        free(s->copy);
        s->copy = malloc(s->bytes);
        if (!s->copy) no_memory(s->bytes);
        s->copy_room = s->bytes;
    }
    if (s->bytes) memcpy(s->copy, s->data, s->bytes);
    s->sealed = true;
}

void guard_drop(struct guards *g, int slot)
{
    assert(slot >= 0 && slot < GUARD_SLOTS);
    g->slot[slot].name = NULL;
}

static bool verify_slot(struct guard_slot *s, char *text, size_t size)
{
    size_t before = margin_before(s), after = margin_after(s);
    if (!holds(s->data - before, before, pattern)) {
        snprintf(text, size, "wrote before the start of %s", s->name);
    } else if (!holds(s->data + s->bytes, after, pattern)) {
        snprintf(text, size, "wrote past the end of %s", s->name);
    } else if (s->sealed && s->bytes && memcmp(s->data, s->copy, s->bytes) != 0) {
        size_t at = 0;
        while (s->data[at] == s->copy[at]) at++;
        snprintf(text, size, "changed its input %s at float %zu", s->name, at / 4);
        memcpy(s->data, s->copy, s->bytes);
    } else {
        return true;
    }
    fill(s->data - before, before, pattern);
    fill(s->data + s->bytes, after, pattern);
    return false;
}

const char *guard_verify(struct guards *g, char *text, size_t size)
{
    const char *broken = NULL;
    char more[80];
    for (int i = 0; i < GUARD_SLOTS; i++)
        if (g->slot[i].name && !verify_slot(&g->slot[i], broken ? more : text, broken ? sizeof more : size)) broken = text;
    return broken;
}

static sigjmp_buf trap;
static _Thread_local volatile sig_atomic_t trap_set; /* by this thread: there is no jumping onto another one's stack */
static volatile sig_atomic_t trap_signal;
static unsigned char *volatile trap_address;

static void spring(int number, siginfo_t *info, void *context)
{
    static const char lost[] = "a kernel died on a thread of its own, though not on one alone; run it under a debugger\n";
    (void)context;
    if (!trap_set) {
        if (write(STDERR_FILENO, lost, sizeof lost - 1) < 0) _exit(2);
        _exit(1);
    }
    trap_signal = number;
    trap_address = info->si_addr;
    siglongjmp(trap, 1);
}

static const char *describe(const struct guards *g, char *text, size_t size)
{
    const unsigned char *at = trap_address;
    if (trap_signal == SIGILL) return snprintf(text, size, "illegal instruction"), text;
    if (trap_signal == SIGFPE) return snprintf(text, size, "integer division by zero"), text;
    for (int i = 0; i < GUARD_SLOTS; i++) {
        const struct guard_slot *s = &g->slot[i];
        if (!s->name || at < s->base - page_bytes() || at >= s->base + s->room + page_bytes()) continue;
        if (at < s->data) snprintf(text, size, "touched %td bytes before the start of %s", s->data - at, s->name);
        else snprintf(text, size, "touched %td bytes past the end of %s", at - (s->data + s->bytes), s->name);
        return text;
    }
    return snprintf(text, size, "touched memory that is not its own (%p)", (const void *)at), text;
}

const char *guard_call(const struct guards *g, void (*work)(void *), void *context, char *text, size_t size)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
    enum { COUNT = sizeof signals / sizeof *signals };
    struct sigaction old[COUNT], now = { .sa_sigaction = spring, .sa_flags = SA_SIGINFO | SA_NODEFER };
    const char *volatile died = NULL;
    for (int i = 0; i < COUNT; i++) sigaction(signals[i], &now, &old[i]);
    trap_set = 1;
    if (sigsetjmp(trap, 0) == 0) work(context);
    else died = describe(g, text, size);
    trap_set = 0;
    for (int i = 0; i < COUNT; i++) sigaction(signals[i], &old[i], NULL);
    return died;
}

void guard_close(struct guards *g)
{
    for (int i = 0; i < GUARD_SLOTS; i++) {
        unmap(&g->slot[i]);
        free(g->slot[i].copy);
    }
    memset(g, 0, sizeof *g);
}
