/* The control group of a command, cgroups(7). In each hierarchy that is needed
 * there is an outer group (directory "pith-PID") below a group of the host.
 * With limits, the outer group holds an inner group (directory "pay"), where
 * the command and its init run. Limits are enforced on the outer group, which
 * processes inside cannot reach. The inner group has a copy for readers. */
#ifndef PITH_SANDBOX_CGROUP_H
#define PITH_SANDBOX_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "limits.h"

/* Check all limits and select the hierarchies that can hold them. Creates
 * nothing; dies if a value is wrong or a controller is missing. nodes: allow
 * the command all device nodes, restrict them, or restrict them if possible.
 */
enum nodes { ALLOW_NODES, RESTRICT_NODES, TRY_RESTRICT_NODES };
void cgroup_prepare(const struct sandbox *s, enum nodes nodes);

/* Create the groups, write the limits, move the processes of --cgroup-join in,
 * and remove stale groups of killed launchers. Dies if a limit cannot be set.
 * If no option needs a group, there may be none afterwards. outlives: the
 * command continues when its launcher is killed, so that later starts must not
 * kill it. */
void cgroup_make(const struct sandbox *s, bool outlives);

/* Return an O_PATH descriptor of the v2 group for CLONE_INTO_CGROUP, clone3(2).
 * The caller closes it. -1 without a v2 group. */
int cgroup_clone_fd(void);

/* Move the calling process, which must have only one thread, into the group.
 * born: clone3(2) created it in the v2 group already. False with errno. */
bool cgroup_enter(bool born);

/* Raise oom_score_adj of pid, so that the OOM killer prefers the processes that
 * pid starts from now on; oom_score_restore() resets pid itself. No effect
 * without --memory. proc(5) */
void oom_score_raise(const struct sandbox *s, pid_t pid);
void oom_score_restore(void);

/* Like cgroup_clone_fd() and cgroup_enter(), for the port relay, whose memory
 * counts for the sandbox. v2: a group beside the inner one, because a group
 * that enables controllers cannot hold processes; cgroup_relay_clone_fd()
 * creates it and dies on failure. v1: the outer group. Not the inner group: the
 * command could freeze it, and --oom group would kill the relay. Without an
 * inner group the relay stays in the launcher's group. */
int cgroup_relay_clone_fd(void);
bool cgroup_enter_relay(bool born);

/* Return the descriptor of the outer group that has a controller, or -1; *v2
 * says whether its hierarchy is v2. The descriptor stays ours. */
int cgroup_fd_of(enum controller c, bool *v2);

/* True if the outer group holds an inner group. */
bool cgroup_has_inner(void);

/* CPU time that all processes of the group have used, in milliseconds; -1 if
 * unknown. */
int64_t cgroup_cpu_ms(void);

/* Number of CPUs that the command can run on at a time, at least 1. Not our own
 * affinity: the command may extend its mask again, sched_setaffinity(2). */
int cgroup_processors(void);

/* Path of the command's group as in /proc/PID/cgroup; NULL without a group. */
const char *cgroup_path(void);

/* Freeze all processes of the command's group, or thaw them. */
void cgroup_freeze(bool frozen);

/* Send SIGKILL to the remaining processes of the command. Does not wait until
 * they have exited. */
void cgroup_kill(void);

/* Kill the remaining processes, move those of --cgroup-join back, and remove
 * the group. Warns if that takes longer than a second. */
void cgroup_end(void);

/* Mount the used hierarchies read-only below a root directory. For init, whose
 * cgroup namespace begins at its group. Dies on failure. */
void cgroup_mount(int root);

/* Kill all processes of the group except the caller, which may be in it. For
 * init, when its launcher is gone. */
void cgroup_kill_others(void);

/* Forget the group: later calls behave as without one. */
void cgroup_forget(void);

/* In init: forget the groups, which are the launcher's. Only
 * cgroup_kill_others() still works, if init kills the tree. */
void cgroup_leave_to_launcher(void);

#endif
