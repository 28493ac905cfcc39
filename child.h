/* Start one process: fork, process group, terminal, status pipe. */
#ifndef PITH_CHILD_H
#define PITH_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "exec.h"
#include "signals.h"

struct child {
	pid_t pid;              /* 0 after it was reaped */
	bool own_group;         /* it leads a process group */
	bool own_session;       /* its pre_exec makes a session: no own group,
	                         * no terminal, and stops are not followed */
	bool stopped;           /* by a signal, and not yet continued */
	int terminal;           /* our duplicate of the terminal, never closed;
	                         * -1: none */
};

/* Steps between fork and exec. */
struct pre_exec {
	/* Called after vfork(2). Return NULL, or a text "cannot VERB" with its
	 * object or NULL in *on and the reason in errno. */
	const char *(*call)(const void *with, const char **on);
	const void *with;
	/* Fork function; NULL for vfork(2). */
	pid_t (*fork)(void);
	const char *file;       /* program file; NULL: command[0] */
	/* No status pipe: child_start() returns true once a process exists. The
	 * child prints its errors and exits with 126 or 127; a failed step
	 * named "" is not printed. */
	bool no_status_pipe;
};

/* Find the controlling terminal, which a child with its own process group must
 * be handed. c->terminal is -1 if there is none, tty(4). */
void child_find_terminal(struct child *c);

/* Start a command in the process group that c describes, and return when the
 * exec has succeeded or failed. Returns true with c->pid set. Otherwise
 * why->error is the errno of the exec or of the step why->what, and c->pid is
 * the dead child, still to be reaped; why->error 0 means that no process could
 * be made, and errno says why. pre_exec may be NULL. command[-1] must exist and
 * may be overwritten. LISTEN_PID and WATCHDOG_PID are rewritten, after vfork(2)
 * in our environment as well. execve(2) */
bool child_start(struct child *c, char **command,
    const struct inherited *inherited, const struct pre_exec *pre_exec,
    struct exec_error *why);

/* Make the child's process group the foreground group of the terminal,
 * tcsetpgrp(3); SIGTTOU must be blocked. Without force only if ours is the
 * foreground group and in our PID namespace. Returns false if the terminal was
 * not handed over. */
bool child_give_terminal(const struct child *c, bool force);

/* Make our process group the foreground group if the child's is. */
void child_take_terminal(const struct child *c);

#endif
