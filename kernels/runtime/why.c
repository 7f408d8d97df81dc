/* SPDX-License-Identifier: MIT
 * Failure messages: formatted once, where the failure is known best. */
#include "why.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

int fail(struct why *why, int code, const char *format, ...)
{
    assert(format && code != 0);
    if (why) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(why->text, sizeof why->text, format, arguments);
        va_end(arguments);
    }
    return code;
}
