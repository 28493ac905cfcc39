/* The loop that all uses of pith share: wait for a signal, forward it, reap
 * children, act on deadlines. It knows no use by name: the differences are the
 * functions of a role. */
#ifndef PITH_SUPERVISE_H
#define PITH_SUPERVISE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "child.h"
#include "reaper.h"
#include "signals.h"

enum {
	EXIT_TIMEOUT = 124,             /* exit code after a limit of time */
	UNKILLABLE_MS = 2000            /* wait for a process after SIGKILL */
};

/* Options of the command line that the loop obeys. Times are milliseconds. */
struct supervision {
	bool pause;             /* no command: reap until SIGTERM or SIGINT
	                         * (after rewrite), or a limit */
	bool group;             /* forward to the child's process group */
	bool all;               /* forward to all of the PID namespace */
	bool wait;              /* run until every descendant has ended */
	bool ends_group;        /* send SIGTERM to the group that the child led,
	                         * when the child ends */
	bool warn_orphans;      /* print the line for a reaped orphan at
	                         * verbosity 0, not 2 */
	const char *orphan_text;        /* of that line, before the pid */
	int verbosity;
	int stop_signal;        /* sent by supervise_stop() */
	int64_t timeout;        /* of the command; -1: none */
	int64_t stop_timeout;   /* from a request to stop to SIGKILL; -1: none
	                         * after a signal, 2 seconds after a limit */
	int64_t grace;          /* from SIGTERM to SIGKILL for what is left when
	                         * the command has ended; -1: leave it alone */
	struct signal_rules signals;
};

/* LINGERING: the command has ended; with --wait its descendants run on.
 * TERMINATING, KILLING: they were sent SIGTERM, SIGKILL. DONE: the loop
 * returns, at the latest 2 seconds after SIGKILL even if a process is left. */
enum stage { RUNNING, LINGERING, TERMINATING, KILLING, DONE };

/* Deadlines. Indices 1 to 64 are delayed signals. */
enum deadline {
	TIMEOUT = SIGNAL_COUNT, /* --timeout */
	KILL,                   /* the child did not stop in time */
	NEXT_STAGE,             /* end of TERMINATING or KILLING */
	ROLE_DEADLINE,          /* armed by the role, which on_deadline sees */
	ABANDON_INIT,           /* the launcher stops waiting for init */
	DEADLINES
};

struct supervisor;

/* Differences between the uses of pith. NULL is the default. */
struct role {
	/* Called before rewrite and delay, but not for SIGCHLD, for a SIGPIPE
	 * of our own write, or for the SIGCONT that ended our own stop. Returns
	 * true if the role handled the signal. */
	bool (*on_signal)(struct supervisor *, const siginfo_t *);
	/* Called before each batch of children is reaped. */
	void (*before_reaping)(struct supervisor *);
	/* Called first for each child that ended, stopped or continued. Returns
	 * true if the role handled it. */
	bool (*on_child_change)(struct supervisor *, pid_t, int wait_status);
	/* Called when a deadline has expired; it may be armed again. Returns
	 * true if the role handled it. */
	bool (*on_deadline)(struct supervisor *, enum deadline);
	/* Called for a request to stop by sig. Returns true if the command was
	 * not running yet, and its start was aborted. */
	bool (*abort_start)(struct supervisor *, int sig);
	/* Called before each wait. Returns the moment of signals_clock() at
	 * which that wait must end, or NEVER. May set stage to DONE to end the
	 * loop. */
	int64_t (*step)(struct supervisor *);
};

/* State of the loop. */
struct supervisor {
	const struct role *role;
	void *state;                    /* of the role */
	const struct supervision *opt;
	struct child child;
	struct descendants rest;        /* all processes that descend from us */
	bool stop_whole_tree;   /* SIGSTOP, SIGCONT go to all descendants */
	enum stage stage;
	int wait_status;        /* of the child, from LINGERING on */
	bool status_known;      /* the role set wait_status: ignore the child's
	                         * own */
	bool timed_out;
	bool continue_next_stop;        /* continue the child at its next stop:
	                         * it was asked to end, and a stopped process
	                         * does not see the request */
	bool stop_requested;    /* a signal asked the command to end */
	bool sigcont_pending;   /* the SIGCONT that ended our own stop has not
	                         * been read yet */
	bool more_dead;         /* the last batch may not have been all */
	bool no_children;       /* the last batch found no child left */
	int64_t begun, ended;   /* of the child, moments of signals_clock() */
	int64_t orphans;        /* number of reaped orphans */
	int64_t killed;         /* of these, died of SIGKILL while KILLING */
	int64_t deadlines[DEADLINES];   /* moments of signals_clock() */
};

/* Initialise a supervisor. The caller sets state, child and begun. */
void supervise_init(struct supervisor *s, const struct role *role,
    const struct supervision *opt);

/* Run until the command, and whatever --wait or --grace covers, has exited. The
 * loop itself allocates nothing and does not fail; reaper_signal() and the role
 * may open files. Results: wait_status, ended, timed_out, orphans, killed. */
void supervise(struct supervisor *s);

/* Set a deadline in ms milliseconds, unless it is set already. */
void supervise_arm(struct supervisor *s, enum deadline which, int64_t ms);

/* Send a signal without rewriting it: while RUNNING to the child, its group
 * (--group) or the namespace (--all), later to all descendants. info is the
 * received signal, or NULL; see signal_forward(). EPERM is logged, other errors
 * are ignored. */
void supervise_send(struct supervisor *s, int sig, const siginfo_t *info);

/* End the command at a limit: send stop_signal and SIGCONT, and arm KILL. With
 * --pause end at once; before the command runs abort its start. */
void supervise_stop(struct supervisor *s);

/* Record the end of the child: set ended, enter LINGERING and, without --wait,
 * clear all deadlines of the command. The caller sets wait_status. */
void supervise_child_ended(struct supervisor *s);

/* After supervise(): reap until *pid is 0 or less, which on_child_change sets
 * for processes of the role and this function for s->child. Returns false at
 * the moment until, or when a signal asks to stop; other signals are
 * dropped. */
bool supervise_wait(struct supervisor *s, const pid_t *pid, int64_t until);

/* Print WHAT, " SIGNAL" and " to process PID" if the verbosity is at least
 * level. sig and pid may be 0. If sig is 0 the pid follows WHAT directly, so
 * WHAT ends in a blank. */
void supervise_log(const struct supervisor *s, int level, const char *what,
    int sig, int64_t pid);

#endif
