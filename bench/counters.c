/* SPDX-License-Identifier: MIT
 * Hardware counters of the calling thread, by perf_event_open: cycles, instructions, misses of the last-level cache, as one group, so that
 * they count the same stretch. Virtual machines and careful kernels often have none; then all is NAN, and the program says so once. */
#include <assert.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bench.h"

enum { EVENTS = 3 };
static int fd[EVENTS] = { -1, -1, -1 };

static int open_event(uint64_t event, int group)
{
    struct perf_event_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.type = PERF_TYPE_HARDWARE;
    attr.size = sizeof attr;
    attr.config = event;
    attr.disabled = group < 0;
    attr.exclude_kernel = attr.exclude_hv = 1;
    attr.read_format = PERF_FORMAT_GROUP;
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, group, 0);
}

const char *counters_open(void)
{
    assert(fd[0] < 0);
    static const uint64_t events[EVENTS] = { PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_HW_CACHE_MISSES };
    for (int i = 0; i < EVENTS; i++) {
        fd[i] = open_event(events[i], i ? fd[0] : -1);
        if (fd[i] < 0) {
            const char *why = errno == ENOENT || errno == EOPNOTSUPP ? "this (virtual) CPU shows none" : strerror(errno);
            counters_close();
            return why;
        }
    }
    return NULL;
}

void counters_start(void)
{
    if (fd[0] < 0) return;
    ioctl(fd[0], PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
    ioctl(fd[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

struct bench_counts counters_stop(void)
{
    struct {
        uint64_t count, value[EVENTS];
    } got = { 0 };
    if (fd[0] >= 0) {
        ioctl(fd[0], PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
        if (read(fd[0], &got, sizeof got) == sizeof got && got.count == EVENTS && got.value[0])
            return (struct bench_counts){ (double)got.value[0], (double)got.value[1], (double)got.value[2] };
    }
    return (struct bench_counts){ NAN, NAN, NAN };
}

void counters_close(void)
{
    for (int i = 0; i < EVENTS; i++) {
        if (fd[i] >= 0) close(fd[i]);
        fd[i] = -1;
    }
}
