/* The variables of the command, environ(7). */
#ifndef PITH_SANDBOX_ENVIRONMENT_H
#define PITH_SANDBOX_ENVIRONMENT_H

#include <sys/types.h>

#include "sandbox.h"
#include "users.h"

/* Look at the words of --env, --unsetenv and --keep-env, and read the files of
 * --env-file: lines K=V, K alone for our own value, # for comments, up to 16
 * MiB together. What is wrong, or cannot be read, ends in refuse(). environ is
 * taken to be that of the caller from now on. */
void environment_prepare(const struct sandbox *s, bool has_rootfs);

/* Make environ what the command is to have. With the preset it is PATH, HOME,
 * TERM where we have it, LANG and HOSTNAME, without it all of ours; then each
 * word in turn, the last one wins; then LISTEN_FDS and LISTEN_PID where there
 * are so many files from 3 on that it listens on. */
void environment_build(const struct sandbox *s, const struct identity *id,
    bool has_rootfs, int listening);

/* In the child, whose pid it is: that of LISTEN_PID. */
void environment_pid(pid_t pid);

/* When the command runs, or is another process's to start: overwrite our own
 * variables, the values of --env and what --env-file held, which others could
 * read in /proc/PID/environ, cmdline and mem. environ is empty then. */
void environment_wipe(const struct sandbox *s);

#endif
