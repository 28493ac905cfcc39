/* Restrict the device nodes that a control group can open: devices.allow in v1,
 * a BPF_PROG_TYPE_CGROUP_DEVICE program in v2, bpf(2). Creating nodes stays
 * allowed, as in docker: the node cannot be opened. */
#ifndef PITH_SANDBOX_DEVICES_H
#define PITH_SANDBOX_DEVICES_H

#include <stdbool.h>

/* Deny a group, which is an open directory, all device nodes except the
 * standard ones of /dev and those of --device. False with errno. */
bool devices_limit(int group, bool v2);

#endif
