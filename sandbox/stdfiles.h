/* Permissions of the standard files. A program that opens /dev/stdout opens the
 * file of descriptor 1 again, and needs permission for that. Pipes and
 * terminals only permit it to their owner. proc_pid_fd(5) */
#ifndef PITH_SANDBOX_STDFILES_H
#define PITH_SANDBOX_STDFILES_H

#include <stdbool.h>
#include <sys/types.h>

/* Let the command's user open the pipes among descriptors 0 to 2 that belong to
 * our effective user, in the direction of the descriptor only. In the other
 * direction the command could leave its sandbox: it could read the output of
 * other writers, or write to the input of a shell. FIFOs, sockets and files are
 * not changed. Failures are ignored. fchmod(2), pipe(7) */
void stdfiles_open_pipes(void);

/* If we are root, give the first terminal among descriptors 0 to 2 that belongs
 * to root to user uid. Another user could not take a terminal back. Failures
 * are ignored. */
void stdfiles_give_terminals(uid_t uid);

/* Restore owner, group and mode of the terminal. */
void stdfiles_take_back(void);

#endif
