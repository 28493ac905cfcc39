/* The control group of a command, cgroups(7): a group of ours (P) below one of
 * the host's, in each hierarchy that is needed, and where there are limits
 * P/pay in it for all that runs. What holds is P's, which nobody inside can
 * reach; the copy is for readers. */
#ifndef PITH_SANDBOX_CGROUP_H
#define PITH_SANDBOX_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "limits.h"

/* Check all limits, and find the hierarchies that can hold them; what is wrong
 * is refused, and nothing is made. KEEP_NODES: device nodes have to be kept
 * from the command; TRY_NODES: where that can be. */
enum nodes { ALL_NODES, KEEP_NODES, TRY_NODES };
void cgroup_prepare(const struct sandbox *s, enum nodes nodes);

/* Make the group with its limits, bring the processes of --cgroup-join in, and
 * remove what launchers that were killed have left; dies where limits cannot be
 * had. Without any it may not be made. outlives: the command goes on when its
 * launcher is killed, and nobody is to end it then. */
void cgroup_make(const struct sandbox *s, bool outlives);

/* Where a process of clone3(2) may be born in v2: an O_PATH descriptor, to be
 * closed, or -1. */
int cgroup_clone_fd(void);

/* Go there ourselves, as long as we have one thread; born: in v2 we are there.
 * False with errno. */
bool cgroup_enter(bool born);

/* Have the kernel take what pid starts from now on before pid itself when
 * memory runs out; and no more. Nothing where memory is not limited. */
void oom_score_raise(const struct sandbox *s, pid_t pid);
void oom_score_restore(void);

/* As cgroup_clone_fd() and cgroup_enter(), for the port relay: its memory
 * counts for the sandbox. v2: a group beside pay, because a group that passes
 * on controllers holds no processes. v1: P itself. Not pay: the command could
 * freeze it, and --oom group would kill the relay. Without pay the relay stays
 * in the launcher's group. */
int cgroup_relay_birthplace(void);
bool cgroup_enter_relay(bool born);

/* The group of P that has a controller, and whether it is of v2; or -1. */
int cgroup_fd_of(enum controller c, bool *v2);

/* Whether there is P/pay besides P. */
bool cgroup_has_inner(void);

/* Processor time of all that was in it, in milliseconds; -1 where it is not
 * known. */
int64_t cgroup_cpu_ms(void);

/* How many processors the command can work on at a time, who may ask for more
 * than we were left with; sched_setaffinity(2). */
int cgroup_processors(void);

/* The path of the group of the command, as /proc/PID/cgroup has it; NULL where
 * there is none. */
const char *cgroup_path(void);

/* Stop all that is in it where it stands, or let it go on. */
void cgroup_freeze(bool frozen);

/* SIGKILL to all that is left of the command, which may not be gone yet. */
void cgroup_kill(void);

/* End all that is left, send those of --cgroup-join back, and remove the group;
 * warns where that cannot be within a second. */
void cgroup_end(void);

/* Attach the hierarchies that are used, read-only, below a root: in init, whose
 * cgroup namespace begins at its group; dies. */
void cgroup_mount(int root);

/* End the tree in the place of a launcher that is gone: all but ourselves, who
 * may be in it. */
void cgroup_kill_others(void);

/* There is none, for all that follows. */
void cgroup_forget(void);

/* The descriptors that are needed to the end, or -1. An init, which is to
 * forget all others, has some only where it may have to cgroup_kill_others().
 */
enum { CGROUP_FDS = 2 * (CONTROLLERS + 1) + 5 };
void cgroup_fds(int fds[CGROUP_FDS], bool init);

#endif
