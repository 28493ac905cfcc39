/* Environment variables of the command, environ(7). */
#ifndef PITH_SANDBOX_ENVIRONMENT_H
#define PITH_SANDBOX_ENVIRONMENT_H

#include <sys/types.h>

#include "sandbox.h"
#include "users.h"

/* Read the files of --env-file: lines K=V, K alone for our own value, # for
 * comments, at most 16 MiB together. Dies if a file cannot be read. Remembers
 * the present environ as the caller's environment. */
void environment_prepare(const struct sandbox *s, bool has_rootfs);

/* Set environ to the environment of the command. With a root it starts with
 * PATH, HOME, LANG and HOSTNAME, and TERM if we have it; without a root, with
 * all of our variables. Then the changes are applied in order, so that the last
 * one wins. listening: number of descriptors from 3 on for LISTEN_FDS. If it is
 * above 0, set LISTEN_FDS and LISTEN_PID, sd_listen_fds(3). */
void environment_build(const struct sandbox *s, const struct identity *id,
    bool has_rootfs, int listening);

/* Set LISTEN_PID to the pid of the command. Call it in the child. */
void environment_pid(pid_t pid);

/* Overwrite our own variables, the values of --env and the text of --env-file,
 * which others could read in /proc/PID/environ, cmdline and mem. environ is
 * empty afterwards. Call it when the command runs, or in a process that does
 * not start it. */
void environment_wipe(const struct sandbox *s);

#endif
