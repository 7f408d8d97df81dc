/* SPDX-License-Identifier: MIT
 * Numbers, paddings and options of words. What strtof would take beyond the grammar (hexadecimal, inf, nan) is refused. */
#include "words.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------------------------------------------- */

bool read_whole(const char **text, int *value)
{
    long long number = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (*at - '0');
        if (number > INT_MAX) return false;
    }
    bool found = at != *text;
    *text = at;
    *value = (int)number;
    return found;
}

static const char *skip_digits(const char *at)
{
    while (*at >= '0' && *at <= '9') at++;
    return at;
}

/* digits[.digits][e[-]digits]. */
bool read_decimal(const char **text, float *value)
{
    char copy[32];
    const char *end = skip_digits(*text);
    if (end == *text) return false;
    if (*end == '.') end = skip_digits(end + 1);
    if (*end == 'e') {
        const char *digits = end + 1 + (end[1] == '-');
        const char *after = skip_digits(digits);
        end = after > digits ? after : end;
    }
    size_t length = (size_t)(end - *text);
    if (length >= sizeof copy) return false;
    memcpy(copy, *text, length);
    copy[length] = 0;
    *value = strtof(copy, NULL);
    *text = end;
    return true;
}

/* "1" for all sides or "1,0,1,0" for top, bottom, left, right. */
static bool read_pads(const char **text, int pads[4])
{
    if (!read_whole(text, &pads[0])) return false;
    pads[1] = pads[2] = pads[3] = pads[0];
    for (int i = 1; i < 4 && (**text == ',' || i > 1); i++)
        if (*(*text)++ != ',' || !read_whole(text, &pads[i])) return false;
    return true;
}

static bool read_value(const char **text, const struct option *option)
{
    switch (option->type) {
    case WHOLE: return read_whole(text, option->value);
    case DECIMAL: return read_decimal(text, option->value);
    case PADS: return read_pads(text, option->value);
    case FLAG: *(bool *)option->value = true; return true;
    }
    return false;
}

bool read_options(const char *text, const struct option *options)
{
    unsigned seen = 0;
    while (*text) {
        int i = 0;
        while (options[i].key && strncmp(text, options[i].key, strlen(options[i].key)) != 0) i++;
        if (!options[i].key || (seen >> i & 1)) return false;
        assert(i < 32);
        seen |= 1u << i;
        text += strlen(options[i].key);
        if (!read_value(&text, &options[i])) return false;
    }
    return true;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------------- */

void append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    assert(used < size);
    va_list list;
    va_start(list, format);
    vsnprintf(text + used, size - used, format, list);
    va_end(list);
}

void append_decimal(char *text, size_t size, const char *key, float value)
{
    char number[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(number, sizeof number, "%.*g", digits, (double)value);
        if (strtof(number, NULL) == value) break;
    }
    append(text, size, "%s%s", key, number);
}

void append_unless(char *text, size_t size, const char *key, int value, int otherwise)
{
    if (value != otherwise) append(text, size, "%s%d", key, value);
}

void append_pads(char *text, size_t size, int top, int bottom, int left, int right)
{
    assert(top >= 0);
    assert(bottom >= 0);
    bool even = bottom == top && left == top && right == top;
    if (even) append_unless(text, size, "pad", top, 0);
    else append(text, size, "pad%d,%d,%d,%d", top, bottom, left, right);
}
