/* Which device nodes may be opened: devices.allow of cgroup v1, and in v2 a
 * program, bpf(2) BPF_PROG_TYPE_CGROUP_DEVICE. */
#ifndef PITH_SANDBOX_DEVICES_H
#define PITH_SANDBOX_DEVICES_H

#include <stdbool.h>

/* Keep what is in a group of ours, an open directory, from all nodes but those
 * of the usual /dev and of --device. False with errno. */
bool devices_limit(int group, bool v2);

#endif
