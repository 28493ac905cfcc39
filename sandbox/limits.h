/* Resource limits: check them, and write them to the files of a control
 * group. cgroups(7), Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ in
 * the kernel source. */
#ifndef PITH_SANDBOX_LIMITS_H
#define PITH_SANDBOX_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox.h"

/* Controllers, as bit numbers. CTRL_CGROUP stands for the files cgroup.* that
 * --cgroup-conf may write. */
enum controller {
	CTRL_CPU,
	CTRL_CPUACCT,
	CTRL_CPUSET,
	CTRL_MEMORY,
	CTRL_PIDS,
	CTRL_BLKIO,
	CTRL_DEVICES,
	CTRL_FREEZER,
	CTRL_HUGETLB,
	CTRL_NET_CLS,
	CTRL_NET_PRIO,
	CTRL_RDMA,
	CTRL_MISC,
	CTRL_PERF_EVENT,
	CTRL_DMEM,
	CTRL_CGROUP,
	CONTROLLERS
};

/* Return the name of a controller in v1 or v2, such as "blkio" and "io". "" if
 * v2 has no such controller. */
const char *limits_controller(enum controller c, bool v2);

/* Check the limits against each other and against the machine. Returns the
 * controllers that they need, as bits. Dies if a value is wrong. */
unsigned int limits_check(const struct sandbox *s);

/* Return the option that needs a controller, for an error that names it. */
const char *limits_reason(const struct sandbox *s, enum controller c);

/* Write the limits of these controllers to a group, which is an open directory.
 * Dies if the kernel refuses one. */
void limits_write(const struct sandbox *s, int group, unsigned int controllers,
    bool v2);

/* Limit the number and the depth of the groups that the command can create in a
 * v2 group: deep trees take long to remove. Call it before limits_write(), so
 * that --cgroup-conf can set other numbers. Dies on failure, except before
 * Linux 4.14, which has no such limits. */
void limits_write_groups(int group);

/* Write --oom group to the inner group. Dies in v1, which has no such file, and
 * if the kernel refuses it. */
void limits_write_oom(const struct sandbox *s, int group, bool v2);

/* Remedy for a control group that we may not divide. */
extern const char limits_delegate[];

#endif
