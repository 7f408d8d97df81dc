/* SPDX-License-Identifier: MIT
 * Memory that notices. Every tensor a kernel gets lies in its own mapping between two PROT_NONE pages: flush against the end of it or
 * against its start, with the rest filled with a pattern of signalling NaNs that is compared afterwards. Inputs are compared with a copy.
 * A kernel runs under a trap, so that a touched page is a failure with a name and not the end of the program. */
#ifndef TESTS_GUARD_H
#define TESTS_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GUARD_SLOTS = 24 };

struct guard_slot {
    const char *name;    /* "x", "dw" … as in the kernel's contract; NULL: not in use */
    unsigned char *base; /* between the two closed pages; `room` bytes, whole pages */
    size_t room;
    unsigned char *data; /* what the kernel gets */
    size_t bytes;
    unsigned char *copy; /* of an input, `copy_room` bytes */
    size_t copy_room;
    bool sealed; /* an input: must not change */
};

struct guards {
    struct guard_slot slot[GUARD_SLOTS];
};

enum edge { AT_START, AT_END };

/* `bytes` of memory for slot `slot`, filled with quiet NaNs, flush at that edge. `align` (a power of two, at most 64) wins over flush at
 * the end. Kept until the slot is placed again. Exits when the system gives no memory. */
void *guard_place(struct guards *g, int slot, const char *name, size_t bytes, size_t align, enum edge edge);

/* Fills a placed slot with the quiet NaN that means "not written" again. */
void guard_wipe(struct guards *g, int slot);
/* Are `bytes` at that byte offset of a wiped slot's data still so? */
bool guard_unwritten(const void *data, size_t offset, size_t bytes);
/* The same filling for plain memory. */
void guard_pattern(void *data, size_t bytes);

/* From now on the slot is an input. */
void guard_seal(struct guards *g, int slot);

/* Takes a slot out of use: it is no longer verified. */
void guard_drop(struct guards *g, int slot);

/* NULL when every pattern and every input is intact, else which is not; text of `size` bytes is used for the answer. What was damaged is
 * repaired, so that the next kernel is not blamed for it. */
const char *guard_verify(struct guards *g, char *text, size_t size);

/* Calls work(context). NULL, or what it died of ("touched 64 bytes past the end of y", "illegal instruction"). Not reentrant. */
const char *guard_call(const struct guards *g, void (*work)(void *), void *context, char *text, size_t size);

void guard_close(struct guards *g);

#endif
