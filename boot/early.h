/* Mounts and settings that a machine needs before its first program, and those
 * that its scripts have left out. Failures are ignored unless stated. */
#ifndef PITH_BOOT_EARLY_H
#define PITH_BOOT_EARLY_H

#include <stdbool.h>

#include "inittab.h"

/* Return whether we are process 1 of the first PID namespace. If so,
 * Ctrl-Alt-Del sends us SIGINT from now on; reboot(2). */
bool early_first_namespace(void);

/* First step: mount /dev unless it is a mount point. Set the host name from
 * /etc/hostname if the kernel has none; a failure of that is reported. */
void early_begin(void);

/* Before the sysinit lines: mount /proc and /sys unless they are mount points.
 * Skip those that a line of t mounts; t may be NULL. */
void early_mount(const struct inittab *t);

/* After the sysinit lines: mount the usual file systems on empty directories
 * that are no mount points, bring up lo, and load the saved random seed. If we
 * are not the init of a machine, mount cgroup2 only in a cgroup namespace other
 * than the first. */
void early_complete(bool machine);

/* Save a random seed for the next boot, if the file of an earlier one exists.
 */
void early_save_seed(void);

#endif
