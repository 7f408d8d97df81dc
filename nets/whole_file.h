/* SPDX-License-Identifier: MIT
 * A file that appears under its name whole or not at all, and outlasts a power cut once it has: written beside its place under a random
 * name that nothing there had, synced, renamed, and the folder synced. A symlink is written through and stays; a pipe or a device is
 * written directly. What killed writers left beside the same name is swept by the next one (tools/convgauge_report/whole.py does the same
 * with the same names). */
#ifndef NETS_WHOLE_FILE_H
#define NETS_WHOLE_FILE_H

#include <stdbool.h>
#include <stdio.h>
#include "../kernels/runtime/why.h"

struct whole_file {
    char *path, *beside; /* where it goes, links followed; where it is until then, NULL: written directly */
    FILE *file;
};

/* 0, or -errno and the reason; nothing is left open then. */
int whole_open(struct whole_file *w, const char *path, struct why *why);
/* The file takes its place. -errno and the reason where something was not written: then the place is as it was, and nothing is beside it.
 */
int whole_close(struct whole_file *w, struct why *why);
/* Is what has been written what stands in the place already? */
bool whole_unchanged(struct whole_file *w);
/* In place of closing: as if nothing had been. Fine after whole_close, and from zeros. */
void whole_drop(struct whole_file *w);

/* fsync of the folder that the path is in, so that a new name or a renamed one outlasts a power cut. 0 or -errno; a file system that has no
 * such thing is fine. */
int sync_folder(const char *path);

#endif
