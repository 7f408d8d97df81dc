/* SPDX-License-Identifier: MIT
 * Why something failed, in one line for a person: what, where, and the way out.
 * Every function that touches the OS or reads what people typed returns 0 or a negative errno and fills a `struct why`.
 * Only programs print it and choose an exit code. */
#ifndef RUNTIME_WHY_H
#define RUNTIME_WHY_H

/* Borrowed by the function that fills it; its text stays until the next failure. Untouched on success. */
struct why {
    char text[512]; /* without the program's name and without a newline */
};

/* Writes the message (cut at the array's end, control characters as '?') and returns `code` (not 0), so that callers say
 * `return why_fail(why, -EINVAL, ...)`. `why` may be NULL. */
int why_fail(struct why *why, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
