/* Collect dead children, adopt orphans, signal descendants. */
#ifndef PITH_REAPER_H
#define PITH_REAPER_H

#include <stdbool.h>
#include <sys/types.h>

/* How to reach all processes that descend from us. */
struct descendants {
	bool namespace;         /* signal all of our PID namespace: kill(-1) */
	int proc;               /* otherwise search this /proc; -1: none */
};

/* Become the parent of orphaned descendants, as process 1 is by nature:
 * PR_SET_CHILD_SUBREAPER, prctl(2), Linux 3.4. Older kernels do nothing. */
void reaper_adopt(void);

/* Collect the next child that died, stopped or continued. Returns its pid and
 * sets its wait status, or returns 0 if there is none now and -1 if no child is
 * left; wait(2). */
pid_t reaper_next(int *wait_status);

/* Exit code for the wait status of a dead process: its own, or 128 plus the
 * number of the signal that killed it. */
int status_exit_code(int wait_status);

/* True if this is process 1 of a PID namespace that is not the first one of the
 * machine, pid_namespaces(7). False if /proc cannot tell. */
bool reaper_owns_namespace(void);

/* Prepare d for reaper_signal(), which does nothing otherwise; call it before
 * the child starts. d->proc stays open. Dies if a /proc is needed and not
 * mounted. */
void reaper_prepare(struct descendants *d);

/* Send sig to all descendants, or to all of our PID namespace except us. A
 * process that is forked meanwhile may be missed: repeat a signal that must not
 * be missed. */
void reaper_signal(const struct descendants *d, int sig);

#endif
