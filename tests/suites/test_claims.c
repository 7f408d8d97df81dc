/* SPDX-License-Identifier: MIT
 * Cores that other processes have claimed are left to them. The machine is a description that counts as this one, with PU numbers that no
 * machine has: so nothing is bound, and hwloc's restriction to this process's own PUs does not apply. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../kernels/runtime/claims.h"
#include "../../kernels/runtime/topology.h"

static const char two_sockets[] = "pack:2 core:3 pu:2(indexes=70000,70001,70002,70003,70004,70005,70006,70007,70008,70009,70010,70011)";

static struct topology *open_topology(const char *description)
{
    struct topology *t = NULL;
    struct why why = { "" };
    if (description) setenv("HWLOC_SYNTHETIC", description, 1);
    cr_assert_eq(topology_open(&t, &why), 0, "%s", why.text);
    return t;
}

/* Another process has two of six cores: four are left, until it is gone, however it ends. */
Test(claims, claims_leave_what_others_have)
{
#ifdef __linux__
    char name[32], ready;
    int ends[2], free = -1;
    snprintf(name, sizeof name, "test-%d", (int)getpid());
    setenv("HWLOC_THISSYSTEM", "1", 1);
    claims_begin(name);
    cr_assert_eq(pipe(ends), 0);
    const pid_t other = fork();
    if (other == 0) {
        alarm(30); /* a test that fails does not leave it behind */
        struct topology *theirs = open_topology(two_sockets);
        if (topology_claim(theirs, BIND_CORE, 2, NULL) != CLAIMED || write(ends[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    close(ends[1]);
    cr_assert_eq(read(ends[0], &ready, 1), 1);
    struct topology *t = open_topology(two_sockets), *again = open_topology(two_sockets);
    cr_assert_eq(topology_taken(t), 2);
    cr_assert_eq(topology_claim(t, BIND_CORE, 5, &free), CLAIMED_NONE);
    cr_assert_eq(free, 4);
    cr_assert_eq(topology_cores(t), 6, "as before");
    cr_assert_eq(topology_claim(t, BIND_CORE, 4, &free), CLAIMED);
    cr_assert_eq(topology_cores(t), 4);
    cr_assert_eq(topology_pus(t), 8);
    for (int i = 0; i < 4; i++) cr_assert_neq((topology_pu(t, BIND_CORE, i, 4) - 70000) % 6, 0, "the first core of each socket is theirs");
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    cr_assert_eq(topology_taken(again), 0, "what we have is not taken");
    cr_assert_eq(topology_claim(again, BIND_PU, 12, NULL), CLAIMED, "and may be used again");
    cr_assert_eq(topology_pus(again), 12);
    topology_close(t);
    topology_close(again);
#endif
}

Test(claims, no_claims_unless_begun)
{
    struct topology *t = open_topology(NULL);
    cr_assert_eq(topology_claim(t, BIND_CORE, 1, NULL), CLAIMS_OFF);
    cr_assert_eq(topology_taken(t), 0);
    topology_close(t);
    claims_begin("test");
    t = open_topology(two_sockets);
    cr_assert_eq(topology_claim(t, BIND_CORE, 1, NULL), CLAIMS_OFF, "a machine that is only described");
    topology_close(t);
}
