/* Limits: what is asked for, and the kernel's files that hold it; cgroups(7),
 * Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/. */
#ifndef PITH_SANDBOX_LIMITS_H
#define PITH_SANDBOX_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox.h"

/* Controllers, as places of bits. */
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
	OF_NET_CLS,
	OF_NET_PRIO,
	CTRL_RDMA,
	CTRL_MISC,
	OF_PERF_EVENT,
	CTRL_DMEM,
	OF_GROUPS,
	CONTROLLERS
};

/* The name of one in v1, or in v2, where it is "" for those that are not there;
 * blkio and io are the same. */
const char *limits_controller(enum controller c, bool v2);

/* Check all limits; the bits of the controllers that they need. What is wrong
 * is refused. */
unsigned int limits_check(const struct sandbox *s);

/* The option that needs a controller, to be named where it is not there. */
const char *limits_reason(const struct sandbox *s, enum controller c);

/* Write the limits of these controllers into the files of a group, an open
 * directory; dies where the kernel does not take one. */
void limits_write(const struct sandbox *s, int group, unsigned int controllers,
    bool v2);

/* Limit how many groups, and how deep, the command may make in its own group of
 * v2: the deeper they are, the longer they take to be removed. To be called
 * before limits_write(), as --cgroup-conf may set other numbers. */
void limits_write_groups(int group);

/* The same for --oom, in the group of what runs. */
void limits_write_oom(const struct sandbox *s, int group, bool v2);

#endif
