/* SPDX-License-Identifier: MIT
 * How far a sweep is, on stderr: one bar that redraws itself on a terminal, plain lines elsewhere (logs, TERM=dumb). NO_COLOR is heeded. */
#include "driver.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "../../kernels/runtime/clock.h"

const char *duration(double seconds, char text[32])
{
    assert(text);
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e9) snprintf(text, 32, "?");
    else if (seconds < 99.5) snprintf(text, 32, seconds < 9.95 ? "%.1f s" : "%.0f s", seconds);
    else if (seconds < 5970) snprintf(text, 32, "%.0f min", seconds / 60);
    else snprintf(text, 32, "%d h %02d min", (int)(seconds / 3600), (int)(seconds / 60) % 60);
    return text;
}

bool at_terminal(FILE *out)
{
    assert(out);
    const char *term = getenv("TERM");
    return isatty(fileno(out)) && term && strcmp(term, "dumb");
}

void progress_open(struct progress *p, bool quiet, int total, double work_total)
{
    assert(total >= 0);
    assert(work_total >= 0);
    const char *plain = getenv("NO_COLOR");
    *p = (struct progress){ .quiet = quiet, .total = total, .work_total = work_total, .start_ns = clock_ns() };
    p->terminal = at_terminal(stderr);
    p->colour = p->terminal && !(plain && *plain);
}

void progress_clear(struct progress *p)
{
    if (p->drawn) fputs("\r\033[K", stderr);
    p->drawn = false;
}

void progress_say(struct progress *p, const char *format, ...)
{
    assert(format);
    if (p->quiet) return;
    progress_clear(p);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

double progress_left(const struct progress *p, double work)
{
    double seconds = (double)(clock_ns() - p->start_ns) * 1e-9;
    return work > 0 ? seconds * fmax(0, p->work_total - work) / work : NAN;
}

void progress_draw(struct progress *p, double work, int running)
{
    uint64_t now = clock_ns();
    if (p->quiet || !p->terminal || (p->drawn && now - p->drawn_ns < 100000000)) return;
    struct winsize window = { 0 };
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col ? window.ws_col : 80;
    double share = p->work_total > 0 ? fmin(1, work / p->work_total) : 0;
    char left[32], tail[128], bar[256] = "";
    snprintf(tail, sizeof tail, "%3.0f %%  %d of %d runs, %d running, %s left", 100 * share, p->done, p->total, running,
             duration(progress_left(p, work), left));
    /* The last column stays free, or the terminal wraps: without room for a bar of ten the words stand alone, cut. */
    int width = columns - (int)strlen(tail) - 4;
    width = width < 10 ? 0 : width > 60 ? 60 : width;
    int full = (int)(share * width);
    assert(full >= 0);
    assert(full <= width);
    assert(width < (int)sizeof bar);
    memset(bar, '#', (size_t)full);
    memset(bar + full, '.', (size_t)(width - full));
    bar[width] = 0;
    if (width) fprintf(stderr, "\r\033[K[%s%s%s] %s", p->colour ? "\033[32m" : "", bar, p->colour ? "\033[0m" : "", tail);
    else fprintf(stderr, "\r\033[K%.*s", columns - 1, tail);
    fflush(stderr);
    p->drawn = true;
    p->drawn_ns = now;
}
