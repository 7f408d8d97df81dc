/* SPDX-License-Identifier: MIT
 * Kernels side by side: the same call on one thread and cut over several must give the same bits, which a kernel with hidden state would
 * not. Plain pthreads, not the team: the team has its own tests, and kernelcheck needs nothing but the C library. */
#include "check.h"

#include <assert.h>
#include <pthread.h>

struct helper {
    void (*work)(void *context, int index);
    void *context;
    int index;
};

static void *help(void *argument)
{
    const struct helper *h = argument;
    h->work(h->context, h->index);
    return NULL;
}

bool check_parallel(int threads, void (*work)(void *context, int index), void *context)
{
    pthread_t thread[CHECK_THREADS];
    struct helper helper[CHECK_THREADS];
    assert(threads >= 1 && threads <= CHECK_THREADS);
    int started = 1;
    for (; started < threads; started++) {
        helper[started] = (struct helper){ work, context, started };
        if (pthread_create(&thread[started], NULL, help, &helper[started]) != 0) break;
    }
    const bool all = started == threads;
    work(context, 0);
    for (int i = 1; i < started; i++) pthread_join(thread[i], NULL);
    return all;
}

struct span check_piece(struct span all, int index, int threads)
{
    assert(index >= 0 && index < threads);
    const int units = all.end - all.begin;
    return (struct span){ all.begin + (int)((long)units * index / threads), all.begin + (int)((long)units * (index + 1) / threads) };
}
