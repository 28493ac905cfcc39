/* From fork to exec: process group, terminal, mask, and why an exec failed. */
#ifndef PITH_CHILD_H
#define PITH_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "signals.h"

struct child {
	pid_t pid;
	bool own_group;         /* it leads a process group of its own */
	bool own_session;       /* or, by what it does itself, a session */
	bool stopped;           /* by a signal, and not yet continued */
	int terminal;           /* ours to hand over, or -1; close-on-exec */
};

/* Why an exec failed: of which candidate in PATH, counted from 0; -1 for none.
 */
struct exec_error {
	int error;              /* errno */
	int candidate;
	const char *what, *on;  /* else what the child could not do before */
};

/* What the child does right before its exec. NULL, or what it could not do, and
 * on what; with errno. */
struct pre_exec {
	const char *(*call)(const void *with, const char **on);
	const void *with;
	/* That is to be used, or NULL. _Fork(3) is fork(2) without what libc
	 * does for threads, and much smaller. */
	pid_t (*fork)(void);
	const char *file;       /* to be executed for command[0], or NULL */
	bool no_status_pipe; /* nobody hears of the exec: the child complains
			 itself, but not of "" */
};

/* Find our controlling terminal, which a child with a group of its own has to
 * be handed; -1 where there is none, tty(4). */
void child_find_terminal(struct child *c);

/* Start a command in the group that c says. True: c->pid is the child, and runs
 * its program by now. False: why->error is that of the exec, or of why->what;
 * or 0, and errno says why there is no process to be had. before may be NULL.
 * The element before command[0] must be there, and may be overwritten.
 * vfork(2), execve(2). */
bool child_start(struct child *c, char **command,
    const struct inherited *inherited, const struct pre_exec *pre_exec,
    struct exec_error *why);

/* Execute a command in our own place, file for its name where that is not NULL.
 * Comes back where that fails, with what child_explain() takes. */
struct exec_error child_become(const char *file, char **command,
    const struct inherited *inherited);

/* Complain why a command could not be executed. Returns the exit code for that:
 * 127 not found, 126 found but not executable. */
int child_explain(const char *command, const struct exec_error *why);

/* Hand the terminal to the child's group where our own has it, or by all means;
 * tcsetpgrp(3). Whether the child has it now. */
bool child_give_terminal(const struct child *c, bool by_all_means);

/* Take the terminal back where the child's group has it. */
void child_take_terminal(const struct child *c);

#endif
