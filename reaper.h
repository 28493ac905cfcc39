/* Collect the dead, adopt orphans, end the stragglers. */
#ifndef PITH_REAPER_H
#define PITH_REAPER_H

#include <stdbool.h>
#include <sys/types.h>

/* The way to everything that is left: all processes that descend from us. */
struct descendants {
	bool namespace;         /* all of our PID namespace, by kill(-1) */
	int proc;               /* else a /proc to walk through, or -1 */
};

/* Become the parent of orphans where we are not process 1, which is so by
 * nature: PR_SET_CHILD_SUBREAPER, prctl(2). No failure where it is missing. */
void reaper_adopt(void);

/* The next child that died, stopped or continued: its pid, and its wait status.
 * 0 where there is none now, -1 where no child is left; wait(2). */
pid_t reaper_next(int *wait_status);

/* The exit code of a wait status of a dead process: its own, or 128 and the
 * number of the signal that ended it. */
int exit_code(int wait_status);

/* Whether this is process 1 of a PID namespace that is not the machine's first,
 * pid_namespaces(7). Where /proc does not tell, it is not. */
bool reaper_owns_namespace(void);

/* Get ready to signal everything that is left. Dies where that takes a /proc
 * and there is none. Call it before the child is started. */
void reaper_find(struct descendants *d);

/* Send sig to everything that is left. A process that is being born meanwhile
 * may be missed: repeat what must not be missed. */
void reaper_signal(const struct descendants *d, int sig);

#endif
