/* Permissions of the standard files. A program that opens /dev/stdout by name
 * opens the file behind descriptor 1 anew, for which it needs permission: a
 * pipe and a terminal give it to their owner alone. proc_pid_fd(5) */
#ifndef PITH_SANDBOX_STDFILES_H
#define PITH_SANDBOX_STDFILES_H

#include <stdbool.h>
#include <sys/types.h>

/* Let the command's user open those pipes among descriptors 0 to 2 that belong
 * to our effective user, in the direction that the descriptor has and in no
 * other: a command that could read what other writers of a pipe say, or write
 * to what a shell reads, would be out of its sandbox. Pipes with a name,
 * sockets and files stay as they are. fchmod(2), pipe(7) */
void stdfiles_open_pipes(void);

/* Give the terminals among descriptors 0 to 2 that belong to root to another
 * user, if we are root: nobody else could take them back. */
void stdfiles_give_terminals(uid_t uid);

/* Give the terminals back to root, with the mode that they had. */
void stdfiles_take_back(void);

/* Descriptor of the terminal that stdfiles_take_back() gives back, or -1. */
int stdfiles_fd(void);

#endif
