/* SPDX-License-Identifier: MIT
 * Reading and writing the words of net strings: what the kinds' files and net.c share. */
#ifndef NETS_LAYERS_WORDS_H
#define NETS_LAYERS_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* An option of a word: its letters, then its value; key NULL ends a list. */
enum option_type { WHOLE, FLAG, PADS, DECIMAL };
struct option {
    const char *key;
    enum option_type type;
    void *value;
}; /* int, bool, int[4] (top, bottom, left, right), float */

/* Everything to the end of the word; each option at most once. Of two keys with the same beginning the longer stands first in the list. */
bool read_options(const char *text, const struct option *options);
/* Both move *text past what they read; false: nothing there to read, or too large. */
bool read_whole(const char **text, int *value);
bool read_decimal(const char **text, float *value);

/* Appends to text[size]. */
void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* With the fewest digits that read back the same. */
void append_decimal(char *text, size_t size, const char *key, float value);
void append_unless(char *text, size_t size, const char *key, int value, int otherwise);
/* "pad1" or "pad1,0,1,0"; nothing for no padding. */
void append_pads(char *text, size_t size, int top, int bottom, int left, int right);

#endif
