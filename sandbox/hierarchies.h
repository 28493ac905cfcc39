/* The hierarchies of control groups that there are: of v1 by their controllers,
 * and that of v2; below /sys/fs/cgroup, where else nobody has them. cgroups(7)
 */
#ifndef PITH_SANDBOX_HIERARCHIES_H
#define PITH_SANDBOX_HIERARCHIES_H

#include <stdbool.h>

#include "limits.h"

/* The next "N:NAMES:GROUP" of a text as /proc/PID/cgroup has it, which is cut
 * in place; NAMES of v2 are "". False at its end. */
enum { HIERARCHY_LISTS = 16 * 1024 };
bool hierarchies_next(char **text, char **names, char **group);

/* The controllers of such NAMES, or of a line of v2 with blanks, as bits. */
unsigned int hierarchies_controllers(const char *names, bool v2);

/* Where one is mounted: an O_PATH descriptor, or -1 with errno. */
int hierarchies_mount(const char *names, bool v2);

/* Open the directory of a group, by its path, or ours. In a container without a
 * cgroup namespace the path is the host's, and what is mounted begins at our
 * group; in one with it the host's may be mounted, where the path leads to
 * another. -1 with errno: EXDEV where ours is not to be found. */
int hierarchies_open(const char *names, const char *group, bool v2, bool ours);

/* Whether a group of v2 is the highest that can be seen. */
bool hierarchies_is_root(int group);

/* Have a group of v2 give controllers to the groups in it; given: those that
 * they had not. False with errno: ENOENT where it has not got one itself. */
bool hierarchies_enable_controllers(
    int group, unsigned int which, unsigned int *given);

#endif
