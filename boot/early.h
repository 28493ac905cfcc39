/* What a system needs before its first program, and what its scripts left out.
 */
#ifndef PITH_BOOT_EARLY_H
#define PITH_BOOT_EARLY_H

#include <stdbool.h>

/* Whether this is process 1 of the machine's first PID namespace: then
 * Ctrl-Alt-Del comes as SIGINT from now on; pid_namespaces(7). */
bool early_first_namespace(void);

/* Before all: /dev where it is missing, the name of the host where it has none.
 */
void early_begin(void);

/* Before the sysinit lines: /proc and /sys where they are missing, but what is
 * left to somebody else; is_left may be NULL. */
void early_mount(bool (*is_left)(const char *at));

/* After them, what they left out: what is mounted usually, where nothing is
 * mounted or lies there; lo up; and randomness that was saved. Without a
 * machine of its own, cgroup2 only in a cgroup namespace of its own. */
void early_complete(bool machine);

/* Save randomness for the next time. */
void early_save_seed(void);

#endif
