/* SPDX-License-Identifier: MIT
 * Descriptors 0, 1 and 2 as every program needs them before it opens anything. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include "cli.h"

/* A closed 0, 1 or 2 would be the next file that is opened, and words for people would land among its rows. stdin cannot be read then and
 * stdout not be written, as if they were closed still; a dead stderr costs the messages alone, and a pipe that nobody reads is an error of
 * write(), not the end. */
void open_standard(void)
{
    static const int how[] = { O_WRONLY, O_RDONLY, O_RDWR };
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", how[fd]) != fd) quit(EXIT_FAIL, "/dev/null: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN);
}
