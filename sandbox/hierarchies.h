/* The mounted hierarchies of control groups: one for each set of v1
 * controllers, and that of v2. They are looked up below /sys/fs/cgroup only,
 * their usual mount point. cgroups(7) */
#ifndef PITH_SANDBOX_HIERARCHIES_H
#define PITH_SANDBOX_HIERARCHIES_H

#include <stdbool.h>

#include "limits.h"

/* Parse the next line "N:NAMES:GROUP" of /proc/PID/cgroup. *text is cut in
 * place and advanced. NAMES is "" for v2. False at the end of the text. */
enum { HIERARCHY_LISTS = 16 * 1024 };
bool hierarchies_next(char **text, char **names, char **group);

/* Return the controllers in names as bits of enum controller. Commas (v1) or
 * blanks (v2, the first line only) separate the names; others are ignored. */
unsigned int hierarchies_controllers(const char *names, bool v2);

/* Return an O_PATH descriptor of the mount point of a hierarchy, or -1 with
 * errno ENOENT. names is a NAMES of hierarchies_next(). */
int hierarchies_mount(const char *names, bool v2);

/* Open the directory of a group by its path; ours: it is the caller's own
 * group. In a container without a cgroup namespace the path is the host's, but
 * the mount may begin at our group. In one with a cgroup namespace the host's
 * root may be mounted, where the path leads to a foreign group. Returns -1 with
 * errno; EXDEV if our own group cannot be found. cgroup_namespaces(7) */
int hierarchies_open(const char *names, const char *group, bool v2, bool ours);

/* True if a group of v2 is the topmost that we can see. */
bool hierarchies_is_root(int group);

/* Enable the controllers which in cgroup.subtree_control of a v2 group. Adds to
 * *enabled those that were not enabled before. False with errno: ENOENT if the
 * group lacks a controller, EBUSY if it has processes. cgroups(7) */
bool hierarchies_enable_controllers(int group, unsigned int which,
    unsigned int *enabled);

#endif
