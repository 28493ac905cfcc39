/* Who is told of a start: --info, --info-fd, --pidfile. */
#ifndef PITH_SANDBOX_INFO_H
#define PITH_SANDBOX_INFO_H

#include <sys/types.h>

#include "sandbox.h"

/* See that all can be written, and write nothing yet; dies. */
void info_prepare(const struct sandbox *s);

/* Note the namespaces of a process, which is sure to be there; 0 is ours. */
void info_look(pid_t pid);

/* A namespace that an init makes late, by its flag: its inode number as the
 * init has looked, and as the launcher has heard of it; 0 where it is not
 * known. */
ino_t info_inode(int flag);
void info_late(int flag, ino_t inode);

/* Write them, once; pids as they are out here, 0 for null, group a path or
 * NULL. Warns where that fails. */
void info_write(pid_t init, pid_t child, const char *group);

/* The descriptors that are needed until then, or -1. */
enum { INFO_FDS = 7 };
void info_fds(int fds[INFO_FDS]);

#endif
