/* Waiting before the command runs. All signals are blocked then, so each wait
 * must check for the stop signals: SIGTERM, SIGINT, SIGQUIT and SIGHUP. */
#ifndef PITH_STARTUP_H
#define PITH_STARTUP_H

#include <stdbool.h>
#include <stddef.h>

#include "memory.h"

/* Wait until fd is readable or at its end, poll(2), or until a stop signal
 * arrives. Returns 0, or the number of the signal, which is consumed. */
int startup_wait(int fd);

/* startup_wait() before fd is read; what names it in errors. A stop signal ends
 * the process: an error line, a report, and 128 and its number as exit code. */
void startup_wait_or_end(int fd, const char *what);

/* If on, unblock the stop signals, so that their default action kills the
 * process. A fatal signal also interrupts an open(2) whose FUSE or NFS server
 * does not answer. If off, block them again. Create nothing on the host in
 * between: nothing would remove it.
 *
 * A stop signal that is pending already ends the process: an error line about
 * what, a report, and 128 and its number as exit code. Does nothing as process
 * 1 of a PID namespace, which these signals do not kill. */
void startup_end_by_signal(bool on, const char *what);

/* Read fd to its end into m, from byte used on, and add a NUL. The writer of a
 * pipe or FIFO is waited for, see startup_wait_or_end(). Stops after more than
 * most bytes. Returns the number of bytes in m; dies if a read fails. */
size_t startup_read(struct memory *m, size_t used, int fd, size_t most,
    const char *what);

#endif
