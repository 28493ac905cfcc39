/* Steps of a sandbox, from the check of its options to the exec of its
 * command, and the process that runs each step: launcher, init or command. */
#ifndef PITH_SANDBOX_LAUNCH_H
#define PITH_SANDBOX_LAUNCH_H

#include <sys/types.h>

#include "cgroup.h"
#include "channel.h"
#include "counters.h"
#include "info.h"
#include "rootfs.h"
#include "sandbox.h"

/* Check all options and open the files that they name. Starts no process and
 * makes no group or mount. Returns true if the sandbox needs an init of its
 * own. Dies if an option is wrong. */
bool sandbox_check(const struct sandbox *s);

/* With -d: fork, and return in a child with a session of its own. The parent
 * waits for sandbox_started() and exits with 0. If the child exits first, the
 * parent exits with its code. Returns at once without -d. Dies on failure. */
void sandbox_detach(const struct sandbox *s);

/* Start init in its namespaces. Returns in the launcher with the pid of init,
 * after its ids and mounts have been made. Also returns in init, with 0, as
 * root of the user namespace and inside the new root. Dies on failure. */
pid_t sandbox_start_init(const struct sandbox *s);

/* Prepare a sandbox that needs no init: enter --network ns:PATH and make the
 * control group, if an option needs them. Dies on failure. */
void sandbox_without_init(const struct sandbox *s);

/* True if clone3(2) can create the command inside the control group. */
bool sandbox_can_clone_into_cgroup(void);

/* Fork the command into the control group. Returns like fork(2). */
pid_t sandbox_clone_into_cgroup(void);

/* In the parent of the command, right before it forks: apply --chroot and
 * --workdir, find the command's ids, build its environment, open its terminal
 * and wait for --block-fd. Dies on failure. */
void sandbox_prepare_command(const struct sandbox *s);

/* In the command's process, right before exec: set session, terminal, files,
 * limits, ids, capabilities and filters. Safe after vfork(2). Returns NULL, or
 * a text "cannot VERB ..." with errno and its object, or NULL, in *on. */
const char *sandbox_pre_exec(const void *box, const char **on);

/* In the parent of the command: close and wipe what only the child needed. */
void sandbox_drop_child_fds(const struct sandbox *s);

/* In the launcher: handle MSG_SETUP_DONE. Records the namespaces of init and
 * the socket that counts network traffic. */
void sandbox_setup_done(const struct message *n);

/* In the launcher: handle MSG_BLOCKED. Init waits for --block-fd, so write
 * --info and --pidfile for the process that will release it. */
void sandbox_blocked(const struct message *n, pid_t init);

/* In the launcher: return the command's pid from a MSG_STARTED, in our PID
 * namespace; 0 if it is unknown. Closes the descriptor of the message. */
pid_t sandbox_message_pid(const struct message *n);

/* In the launcher, or without one: the command has been executed. Writes --info
 * and --pidfile, and lets the caller of -d exit. Both pids are those of our PID
 * namespace; init is 0 without an init. */
void sandbox_started(pid_t init, pid_t child);

/* Start the process that relays the terminal. In the launcher, master is the
 * descriptor that init sent, which is closed here. Without a launcher, pass -1.
 * The relay exits when process until has exited and its output is written.
 * Returns its pid, to be reaped, or -1 if there is nothing to relay. Dies on
 * failure. */
pid_t sandbox_start_relay(int master, pid_t until);

/* In the launcher: pid of the process that relays ports, to be reaped after
 * init; or -1. */
pid_t sandbox_port_relay(void);

/* In the launcher: restore the modes of the outer terminal after its relay was
 * killed. */
void sandbox_restore_terminal(void);

/* True if the sandbox has a terminal to relay. */
bool sandbox_has_terminal(void);

/* Descriptor (0 to 2) of the outer terminal, or -1 without a relay. */
int sandbox_outer_terminal(void);

/* True if the command gets a session of its own. */
bool sandbox_own_session(const struct sandbox *s);

/* True if init is process 1 of a PID namespace. */
bool sandbox_has_pidns(void);

/* In the launcher, or without one: kill the processes that the command left
 * behind, so that sandbox_stats() counts them. The groups stay until
 * sandbox_cleanup(). */
void sandbox_kill(void);

/* In the launcher, or without one: read what the sandbox has used, in the units
 * of counters.h. */
void sandbox_stats(int64_t n[COUNTERS]);

/* In the launcher, at the end or on a failed start: remove the groups and the
 * work directory, and give terminals back. Kills an init that still waits for
 * its mounts. */
void sandbox_cleanup(void);

/* In init: keep only the descriptors that init needs, and before the command
 * runs (setup) those that the command inherits. */
void sandbox_close_files(bool setup);

#endif
