/* SPDX-License-Identifier: MIT
 * What else went on: the CPU time that others used while we measured, time stolen by a hypervisor, the governor, virtualisation. All from
 * /proc and /sys, which need no rights; what is not there is not complained of. Load averages are minutes old and not asked. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "../../kernels/runtime/clock.h"
#include "machine.h"

static const double OTHERS_MOST = 0.05, STEAL_MOST = 0.01; /* cores */

/* Seconds of all CPUs together: busy (without stolen ones) and stolen. */
static void proc_stat(double *busy, double *steal)
{
    double user = 0, nice = 0, system = 0, idle, wait, irq = 0, soft = 0, stolen = 0;
    FILE *f = fopen("/proc/stat", "r");
    const int got = f ? fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait, &irq, &soft, &stolen) : 0;
    if (f) fclose(f);
    const double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    *busy = got == 8 ? (user + nice + system + irq + soft) * tick : NAN;
    *steal = got == 8 ? stolen * tick : NAN;
}

static double seconds_of(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec * 1e-6; }

static void own_usage(double *seconds, long *switches)
{
    struct rusage own = { 0 }, children = { 0 };
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    *seconds = seconds_of(own.ru_utime) + seconds_of(own.ru_stime) + seconds_of(children.ru_utime) + seconds_of(children.ru_stime);
    *switches = own.ru_nivcsw;
}

void noise_open(struct noise *n)
{
    assert(n);
    *n = (struct noise){ .start_ns = clock_ns() };
    proc_stat(&n->busy, &n->steal);
    own_usage(&n->own, &n->switches);
}

/* Has a line of the file the word? The line read last is in text; "" where there is none. */
static bool file_has(const char *path, const char *word, char *text, size_t size)
{
    assert(size > 0);
    FILE *f = fopen(path, "r");
    bool found = false;
    text[0] = 0;
    while (f && !found && fgets(text, (int)size, f)) found = strstr(text, word) != NULL;
    if (f) fclose(f);
    text[strcspn(text, "\n")] = 0;
    return found;
}

static void add(char *text, size_t size, const char *reason)
{
    const size_t used = strlen(text);
    assert(used < size);
    snprintf(text + used, size - used, "%s%s", used ? "; " : "", reason);
}

const char *noise_read(struct noise *n, char *text, size_t size)
{
    assert(n->start_ns > 0);
    assert(size > 0);
    double busy, steal, own;
    long switches;
    char line[4096], reason[160];
    const double seconds = (double)(clock_ns() - n->start_ns) * 1e-9;
    proc_stat(&busy, &steal);
    own_usage(&own, &switches);
    text[0] = 0;
    const double others = (busy - n->busy - (own - n->own)) / seconds, stolen = (steal - n->steal) / seconds;
    if (seconds > 0.2 && others > OTHERS_MOST) {
        snprintf(reason, sizeof reason, "other processes used %.2f cores (and took the CPU from us %ld times)", others,
                 switches - n->switches);
        add(text, size, reason);
    }
    if (seconds > 0.2 && stolen > STEAL_MOST) {
        snprintf(reason, sizeof reason, "the hypervisor took %.2f cores away", stolen);
        add(text, size, reason);
    }
    if (file_has("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "", line, 64) && strcmp(line, "performance") != 0) {
        snprintf(reason, sizeof reason, "the governor is %.32s, not performance", line);
        add(text, size, reason);
    }
    if (file_has("/proc/cpuinfo", " hypervisor", line, sizeof line))
        add(text, size, "this is a virtual machine: its neighbours are unseen");
    return text;
}
