/* Report of a started sandbox: --info, --info-fd, --pidfile. */
#ifndef PITH_SANDBOX_INFO_H
#define PITH_SANDBOX_INFO_H

#include <sys/types.h>

#include "sandbox.h"

/* Open the files of the options, and record our own namespaces. Writes nothing
 * yet. Dies if a file cannot be written. */
void info_prepare(const struct sandbox *s);

/* Record the inode numbers of the namespaces of process pid, or of our own if
 * pid is 0. The process must not have been reaped. */
void info_read_namespaces(pid_t pid);

/* In init: return the recorded inode number of the namespace of type flag
 * (CLONE_NEW*); 0 if it is unknown. */
ino_t info_inode(int flag);

/* In the launcher: set the inode number of a namespace that init has made
 * later and sent. 0 changes nothing. */
void info_set_inode(int flag, ino_t inode);

/* Write --info, --info-fd and --pidfile, the first time only. The pids are
 * those of our PID namespace; 0 is written as null. group is the path of the
 * control group, or NULL. Warns if a file cannot be written. */
void info_write(pid_t init, pid_t child, const char *group);

#endif
