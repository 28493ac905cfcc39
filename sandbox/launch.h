/* A sandbox from the first check to the exec: who does what, in which order. */
#ifndef PITH_SANDBOX_LAUNCH_H
#define PITH_SANDBOX_LAUNCH_H

#include <sys/types.h>

#include "cgroup.h"
#include "counters.h"
#include "info.h"
#include "rootfs.h"
#include "sandbox.h"
#include "channel.h"

/* Check all options and open all that they name; nothing is done yet, and what
 * is wrong is refused. True: there will be an init of its own. */
bool sandbox_check(const struct sandbox *s);

/* -d: come back in a process of a session of its own. The caller waits until
 * sandbox_started(), or ends with the code that we end with. */
void sandbox_detach(const struct sandbox *s);

/* Make init in its namespaces. Comes back twice: in the launcher with the pid
 * of init, whose ids and mounts are made by then, and in init, as root of the
 * user namespace and in the new root, with 0; dies. */
pid_t sandbox_start_init(const struct sandbox *s);

/* Without an init of its own: make the control group, where there is to be one;
 * dies. */
void sandbox_without_init(const struct sandbox *s);

/* Whether the command can be born in that group, and as fork(2) do so. */
bool sandbox_can_clone_into_cgroup(void);
pid_t sandbox_clone_into_cgroup(void);

/* In the process that starts the command, right before: --chroot, who the
 * command is to be, its environment, directory and terminal, --block-fd; dies.
 */
void sandbox_prepare_command(const struct sandbox *s);

/* In the child, right before its exec: session, terminal, files, limits, ids,
 * capabilities, filters. NULL, or what could not be done, with errno; on is
 * which. */
const char *sandbox_pre_exec(const struct sandbox *s, const char **on);

/* In the process that started the command: what only the child needed. */
void sandbox_drop_child_fds(const struct sandbox *s);

/* In the launcher: init has told that all is built. */
void sandbox_setup_done(const struct message *n);

/* In the launcher: all is built, and init waits for --block-fd. Write --info
 * and --pidfile for whoever is to let it go on. */
void sandbox_blocked(const struct message *n, pid_t init);

/* In the launcher: the process that STARTED tells of, as it is called here; 0
 * where that is not known. Closes what came with it. */
pid_t sandbox_message_pid(const struct message *n);

/* In the launcher, or without one: the command runs, child being its pid out
 * here; --info, --pidfile and -d are told. */
void sandbox_started(pid_t init, pid_t child);

/* In the launcher: the terminal of the sandbox has come, relay it; without a
 * launcher it is our own, and master -1. The process that does, to be waited
 * for, or -1; it ends when until has ended and all its output is out. */
pid_t sandbox_start_relay(int master, pid_t until);

/* In the launcher: the process that relays ports, to be waited for when init
 * has ended, or -1. */
pid_t sandbox_port_relay(void);

/* In the launcher: the relay of the terminal was killed; give the terminal the
 * modes back that it had. */
void sandbox_restore_terminal(void);

/* Whether there will be a terminal to relay. */
bool sandbox_has_terminal(void);

/* Descriptor of the terminal that is relayed to, 0 to 2, or -1. */
int sandbox_outer_terminal(void);

/* Whether the command gets a session of its own. */
bool sandbox_own_session(const struct sandbox *s);

/* Whether init is process 1 of a PID namespace. */
bool sandbox_has_pidns(void);

/* The descriptors that a launcher, or with init an init, has to keep; or -1. */
enum { SANDBOX_FDS = 4 + CGROUP_FDS + INFO_FDS + ROOTFS_FDS };
void sandbox_fds(int fds[SANDBOX_FDS], bool init);

/* The lowest descriptor from that one on which the command, or --block-fd,
 * needs to be open; UINT_MAX where there is none. */
unsigned int sandbox_next_kept_fd(const struct sandbox *s, unsigned int from);

/* In the launcher, or without one: an end for all that the command has left,
 * before it is measured; the groups stay until sandbox_cleanup(). */
void sandbox_kill(void);

/* The same, or without a launcher: what it took, see counters.h. */
void sandbox_stats(int64_t n[COUNTERS]);

/* In the launcher at the end: nothing is left on the host. */
void sandbox_cleanup(void);

#endif
