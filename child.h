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
	bool own_session;       /* its pre_exec makes a session */
	bool stopped;           /* by a signal, and not yet continued */
	int terminal;           /* to hand over, close-on-exec; -1: none */
};

/* Steps between fork and exec. */
struct pre_exec {
	/* Return NULL, or the step that failed with its object in *on and the
	 * reason in errno. */
	const char *(*call)(const void *with, const char **on);
	const void *with;
	/* Fork function; NULL for vfork(2). */
	pid_t (*fork)(void);
	const char *file;       /* program file; NULL: command[0] */
	/* Do not wait for the exec. The child prints its own errors; a failed
	 * step named "" is not printed. */
	bool no_status_pipe;
};

/* Find the controlling terminal, which a child with its own process group must
 * be handed. c->terminal is -1 if there is none, tty(4). */
void child_find_terminal(struct child *c);

/* Start a command in the process group that c describes, and return when the
 * exec has succeeded or failed. Returns true with c->pid set. Otherwise
 * why->error is the errno of the exec or of the step why->what; why->error 0
 * means that no process could be made, and errno says why. pre_exec may be
 * NULL. command[-1] must exist and may be overwritten. vfork(2), execve(2). */
bool child_start(struct child *c, char **command,
    const struct inherited *inherited, const struct pre_exec *pre_exec,
    struct exec_error *why);

/* Make the child's process group the foreground group of the terminal,
 * tcsetpgrp(3). Without force only if ours is the foreground group. Returns
 * false if the terminal was not handed over. */
bool child_give_terminal(const struct child *c, bool force);

/* Make our process group the foreground group if the child's is. */
void child_take_terminal(const struct child *c);

#endif
