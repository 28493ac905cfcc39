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

/* Options of the command line that the loop obeys. Times are milliseconds. */
struct supervision {
	bool pause;             /* no command: reap until SIGTERM or SIGINT */
	bool group;             /* forward to the child's process group */
	bool all;               /* forward to all of the PID namespace */
	bool wait;              /* run until every descendant has ended */
	bool ends_group; /* send SIGTERM to the child's group at its end */
	bool warn_orphans;      /* print a line for each reaped orphan */
	const char *reaped;     /* text of that line, before the pid */
	int verbosity;
	int stop_signal;        /* at a limit of time */
	int64_t timeout;        /* of the command; -1: none */
	int64_t stop_timeout; /* from a request to stop to SIGKILL; -1: none */
	int64_t grace;          /* from SIGTERM to SIGKILL for what is left when
	                         * the command has ended; -1: leave it alone */
	struct signal_rules signals;
};

/* LINGERING: the command has ended, and --wait or --grace covers the rest of
 * its descendants. TERMINATING, KILLING: they were sent SIGTERM, SIGKILL. */
enum stage { RUNNING, LINGERING, TERMINATING, KILLING, DONE };

/* Deadlines. The numbers below are signals whose delay ends. */
enum deadline {
	TIMEOUT = SIGNAL_COUNT,
	KILL,                   /* the child did not stop in time */
	NEXT_STAGE,
	ROLE_DEADLINE,          /* belongs to the role */
	DEADLINES
};

struct supervisor;

/* Differences between the uses of pith. NULL is the default. */
struct role {
	/* See a signal before it is forwarded. True: it was consumed. */
	bool (*on_signal)(struct supervisor *, const siginfo_t *);
	/* Run before each batch of children is reaped. */
	void (*before_reaping)(struct supervisor *);
	/* See a child that ended, stopped or continued. True: it was neither
	 * the supervised child nor an orphan. */
	bool (*on_exit)(struct supervisor *, pid_t, int wait_status);
	/* See a deadline that is over. True: it was consumed. */
	bool (*on_deadline)(struct supervisor *, enum deadline);
	/* See a request to stop by sig. True: the command was not running yet,
	 * and its start was aborted. */
	bool (*abort_start)(struct supervisor *, int sig);
	/* Do the work that is due before each wait. Returns the next deadline,
	 * a moment of signals_clock(), or NEVER. */
	int64_t (*step)(struct supervisor *);
};

/* State of the loop. */
struct supervisor {
	const struct role *role;
	void *state;                    /* of the role */
	const struct supervision *opt;
	struct child child;
	struct descendants rest;        /* all processes that descend from us */
	bool stops_rest;        /* SIGSTOP, SIGCONT go to all descendants */
	enum stage stage;
	int wait_status;        /* of the child, from LINGERING on */
	bool status_known;      /* the role set wait_status */
	bool timed_out;
	bool stop_pending; /* continue the child if it stops: it was asked
			    * to end and a stopped process does not see it */
	bool stop_requested;    /* a signal asked the command to end */
	bool sigcont_pending;   /* ended our own stop; to be read */
	bool more_dead;         /* the last batch may not have been all */
	bool no_children;       /* all children were reaped */
	int64_t begun, ended;   /* of the child, moments of signals_clock() */
	int64_t orphans, killed;        /* how many were reaped, by SIGKILL */
	int64_t deadlines[DEADLINES];   /* moments of signals_clock() */
};

/* A supervisor before anything is started. */
struct supervisor supervise_new(const struct role *role,
    const struct supervision *opt);

/* Run until the command, and whatever --wait or --grace covers, has exited.
 * Opens nothing, allocates nothing and cannot fail. */
void supervise(struct supervisor *s);

/* Set a deadline in ms milliseconds, unless it is set already. */
void supervise_arm(struct supervisor *s, enum deadline which, int64_t ms);

/* Send a signal to the child, or to what is left of its descendants. info is
 * the received signal, or NULL; see signal_forward(). */
void supervise_send(struct supervisor *s, int sig, const siginfo_t *info);

/* Ask the command to end because a limit of time is reached. */
void supervise_stop(struct supervisor *s);

/* The child has ended. */
void supervise_child_ended(struct supervisor *s);

/* Reap until *pid has ended (*pid is set to 0 or below by the role or here),
 * the moment until is reached, or a signal asks to stop. Returns true if *pid
 * has ended. */
bool supervise_wait(struct supervisor *s, const pid_t *pid, int64_t until);

/* Print WHAT [SIGNAL] [to process PID] where the verbosity is at least level;
 * sig and pid may be 0. */
void supervise_log(const struct supervisor *s, int level, const char *what,
    int sig, int64_t pid);

#endif
