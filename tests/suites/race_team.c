/* SPDX-License-Identifier: MIT
 * The team under ThreadSanitizer, which reports races and exits non-zero by itself; a plain main, because TSan and Criterion do not go
 * together. Plain (not atomic) data is handed from caller to workers and back in every run, the way layers do it: written before by the
 * caller, by one worker per unit, read after by the caller; per-worker scratch is touched by its worker only. Prints a hash of the work. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "../../kernels/runtime/team.h"

enum { UNITS = 64, WORKERS = 5, RUNS = 2000 };

struct job {
    uint64_t in[UNITS], out[UNITS], scratch[WORKERS][16];
};

static uint64_t scramble(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9E3779B97F4A7C15ull;
    return x ^ x >> 29;
}

static void forward(void *context, int begin, int end, int worker)
{
    struct job *job = context;
    for (int i = begin; i < end; i++) {
        for (int k = 0; k < 16; k++) job->scratch[worker][k] = scramble(job->in[i] + (uint64_t)k);
        job->out[i] = job->scratch[worker][i % 16];
    }
}

static void backward(void *context, int begin, int end, int worker)
{
    struct job *job = context;
    (void)worker;
    for (int i = begin; i < end; i++) job->in[i] = scramble(job->out[(i * 7 + 1) % UNITS]);
}

/* Two runs in a row, the second reading what other workers wrote in the first. Naps now and then, so that both sides sleep, too. */
static uint64_t hash_on(int workers, enum bind bind)
{
    static struct job job;
    struct team *team;
    struct why why;
    memset(&job, 0, sizeof job);
    if (team_open(&team, workers, bind, &why) != 0) {
        fprintf(stderr, "race_team: %s\n", why.text);
        return 0;
    }
    static const int units[] = { UNITS, 1, 2, 3, 0, UNITS };
    uint64_t hash = 1;
    for (int run = 0; run < RUNS; run++) {
        int n = units[run % 6];
        job.in[run % UNITS] ^= (uint64_t)run;
        team_run(team, n, forward, &job);
        team_run(team, n, backward, &job);
        hash = scramble(hash + job.in[run % UNITS]);
        if (run % 97 == 0) usleep(500);
    }
    team_close(team);
    return hash;
}

int main(void)
{
    uint64_t want = hash_on(1, BIND_NONE);
    int wrong = want == 0;
    for (int workers = 2; workers <= WORKERS; workers++) {
        for (int bind = BIND_CORE; bind <= BIND_NONE; bind++) {
            uint64_t got = hash_on(workers, (enum bind)bind);
            if (got != want)
                fprintf(stderr, "race_team: %d workers, bind %s: %016llx, want %016llx\n", workers, bind_name((enum bind)bind),
                        (unsigned long long)got, (unsigned long long)want);
            wrong += got != want;
        }
    }
    printf("race_team: %016llx, %d wrong\n", (unsigned long long)want, wrong);
    return wrong ? 1 : 0;
}
