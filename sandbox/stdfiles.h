/* Owners of the standard files. A program that opens /dev/stdout by name opens
 * the file behind descriptor 1 anew, for which it needs permission: a pipe and
 * a terminal allow it to their owner alone. proc_pid_fd(5) */
#ifndef PITH_SANDBOX_STDFILES_H
#define PITH_SANDBOX_STDFILES_H

#include <stdbool.h>
#include <sys/types.h>

/* Remember who owns the terminal among descriptors 0 to 2, so that
 * stdfiles_give() may give it away. Does nothing unless passes_terminal, and
 * for anybody but root, who alone can take it back. */
void stdfiles_prepare(bool passes_terminal);

/* Give those pipes among descriptors 0 to 2 that belong to our effective user,
 * and terminals where stdfiles_prepare() found one, to another user and group;
 * -1 leaves the group. Regular files, devices and sockets stay. What cannot be
 * given stays, too: EPERM, EROFS. fchown(2) */
void stdfiles_give(uid_t uid, gid_t gid);

/* Give the terminal back to whoever owned it. */
void stdfiles_take_back(void);

/* Descriptor of the terminal, or -1. */
int stdfiles_fd(void);

#endif
