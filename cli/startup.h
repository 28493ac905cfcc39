/* Waits before the command runs: signals are held, so a wait has to look for
 * those that end a start (SIGTERM, SIGINT, SIGQUIT, SIGHUP). */
#ifndef PITH_STARTUP_H
#define PITH_STARTUP_H

#include <stdbool.h>

/* Wait until fd can be read or has ended; poll(2). Returns 0, or the number of
 * a signal that asks to stop and came first: it is taken from the queue. */
int startup_wait(int fd);

/* The same before a read of what; a signal ends the process with 128 and its
 * number, one line, and a verdict. */
void startup_wait_or_end(int fd, const char *what);

/* With on, let such a signal end the process by its default action, also in a
 * system call that only a fatal signal ends, such as opening a file whose FUSE
 * or NFS server does not answer; without on, hold them again. Nothing is made
 * on the host in between. A signal that has come before ends the process with
 * 128 and its number, a line about what, and a verdict. Process 1 of a PID
 * namespace cannot be ended so. */
void startup_end_by_signal(bool on, const char *what);

#endif
