/* SPDX-License-Identifier: MIT
 * Failure messages: formatted once, where the failure is known best. They quote what people typed and what files hold, so control
 * characters are shown as '?': a message is one line, and moves no terminal's cursor. */
#include "why.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

int why_fail(struct why *why, int code, const char *format, ...)
{
    assert(format);
    assert(code != 0);
    if (why) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(why->text, sizeof why->text, format, arguments);
        va_end(arguments);
        for (char *c = why->text; *c; c++)
            if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
    }
    return code;
}
