/* Waits before the command runs: signals are held, so a wait has to look for
 * those that ask to stop (SIGTERM, SIGINT, SIGQUIT, SIGHUP). */
#ifndef PITH_STARTUP_H
#define PITH_STARTUP_H

#include <stdbool.h>

/* Wait until fd can be read or has ended; poll(2). Returns 0, or the number of
 * a signal that asks to stop and came first: it is taken from the queue. */
int startup_wait(int fd);

/* The same before a read of what; a signal ends the process with 128 and its
 * number, one line, and a verdict. */
void startup_wait_or_end(int fd, const char *what);

/* Between true and false: such a signal ends the process by its default action,
 * also in a system call that only a fatal signal ends, such as opening a file
 * whose FUSE or NFS server does not answer. Nothing is made on the host
 * meanwhile. Process 1 of a PID namespace cannot be ended so. */
void startup_end_by_signal(bool on);

#endif
