/* SPDX-License-Identifier: MIT
 * Which cores runs of ours use, told to each other: a program that pins itself claims its cores first, and one that starts beside it takes
 * others (team_open, topology_claim). A claim is a name in Linux's abstract socket namespace: it needs no file, nobody's permission and no
 * cleaning up, and the kernel drops it with the last process that holds it, however that ends. Children hold their parent's claims.
 * Elsewhere than on Linux, and where sockets are forbidden, there are no claims and everything goes on without. */
#ifndef RUNTIME_CLAIMS_H
#define RUNTIME_CLAIMS_H

#include <stdbool.h>

/* From here on the process claims what it pins itself to, among all that begin by the same name; NULL: no more. Programs call it before
 * their first team. The name is not copied, and its first 60 bytes count. None of these functions may run beside another. */
void claims_begin(const char *name);
/* Has a name been given? */
bool claims_begun(void);

/* Only one process at a time chooses: between these two. False: no claims here, or somebody holds the turn for more than a second. */
bool claims_choose(void);
/* Ends the turn that claims_choose() gave; not to be called where it gave none. */
void claims_chosen(void);

/* A core by its package's and its own number. Claims it, or once more if this process (or its parent) has it. False: others have it,
 * there are no claims here, or this process holds 1,024 already: go on unpinned. */
bool claims_take(int package, int core);
/* Gives back one of as many claims as were taken; the last one frees the core for others. */
void claims_release(int package, int core);
/* Have others claimed it? False, too, where there are no claims. */
bool claims_taken(int package, int core);

#endif
