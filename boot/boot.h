/* State machine of a device's boot. Signals, exits and times go in; programs to
 * start come out, and init.c starts them. Times are milliseconds of
 * signals_clock(). */
#ifndef PITH_BOOT_H
#define PITH_BOOT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "inittab.h"
#include "watchdog.h"

/* A time that is never reached; equal to NEVER of signals.h. */
#define BOOT_NEVER INT64_MAX

/* Action after the exit of an appliance's program. 0: reboot a machine; outside
 * of the first PID namespace exit. */
enum on_exit {
	ON_EXIT_REBOOT = 1, ON_EXIT_POWEROFF, ON_EXIT_HALT, ON_EXIT_RESPAWN,
	ON_EXIT_SHELL
};

/* Options of boot/. */
struct boot {
	bool requested;         /* --boot, or called as init */
	int on_exit;            /* enum on_exit or 0 */
	const char *switch_root;        /* DIR; NULL: keep the root */
	struct watchdog_option watchdog;
	bool reexec, status;    /* requests to the running init */
};

/* Phases of a boot. The lines of one action run one after the other, those of
 * ONCE in parallel. In TERM_SENT and KILL_SENT all processes have been sent
 * that signal. */
enum phase {
	IN_SYSINIT, IN_WAIT, IN_ONCE, BOOTED, IN_SHUTDOWN, TERM_SENT,
	KILL_SENT, FINISHED
};

/* Sequence of the lines with one action. */
struct queue {
	int action;
	int next;               /* index of the next entry to examine */
	pid_t pid;              /* process that the queue waits for, or 0 */
	int64_t retry_at;       /* after a failed fork(2) */
};

/* State of a device's init. It is large: the tables hold two files. */
struct device {
	struct inittab *table;          /* the one of tables that is in use */
	const struct boot *opt;
	char **argv;                    /* ours, with words of the kernel */
	char **command;                 /* NULL: none */
	char **app;                     /* command of an appliance, or NULL */
	char **next_exec;               /* command to execute in our place */
	const char *console;            /* for console_enter() */
	int64_t stop_ms, grace_ms;
	bool machine;                   /* we are in the first PID namespace */
	bool single;                    /* single-user mode */
	bool has_failed;                /* twice: start only a shell */
	bool paused;                    /* by SIGTSTP, as busybox's init */
	bool changed;                   /* the published status is outdated */
	bool due_now;                   /* run boot_turn() again at once */
	bool reread_requested;          /* SIGHUP: read the inittab again */
	bool reexec_requested;
	enum phase phase;
	int verb;                       /* enum verb: end of the shutdown */
	int app_status;                 /* wait status of the appliance */
	int state_fd;                   /* status for the reexecuted init */
	struct queue lines;             /* of the phase */
	struct queue keys;              /* of Ctrl-Alt-Del */
	int64_t publish_after;          /* do not publish the status before */
	int64_t phase_deadline, feed_deadline;
	struct watchdog watchdog;
	char runlevel[64];              /* variables, see variables_set() */
	char state_variable[40];
	struct inittab tables[2];       /* SIGHUP compares old and new */
};

/* A program to start; argument of boot_child(). */
struct boot_start {
	struct entry *entry;
	const char *console;
	bool asks;              /* boot_child() waits for Enter, even forever */
	struct program program;
};

/* Switch to another root at once, as busybox's switch_root(8) does: the script
 * of an initramfs has executed us as its last command. Returns the command to
 * execute in the new root; NULL after a message if the switch failed. Dies if
 * we are not process 1. */
char **boot_switch(const struct boot *b, char **command);

/* Set up mounts, console, environment and inittab; *d is zeroed. stop_ms is the
 * time for all shutdown lines together, grace_ms the time between SIGTERM and
 * SIGKILL; a negative value selects the default. command is the program of an
 * appliance, or NULL. Dies if we are not process 1. */
void boot_begin(struct device *d, const struct boot *b, char **command,
    int64_t stop_ms, int64_t grace_ms, int64_t now);

/* Store the next program to start in *s. Returns false if none is due now. */
bool boot_next(struct device *d, struct boot_start *s, int64_t now);

/* Record the pid of a started program; 0 if no process could be created. */
void boot_started(struct device *d, const struct boot_start *s, pid_t pid,
    int64_t now);

/* In the child, before its exec: create a session, open the terminal and ask
 * for a key; the call of struct pre_exec. Returns NULL, or what failed, with
 * errno and *on; "" if that was already reported at an earlier start. */
const char *boot_child(const void *with, const char **on);

/* Handle a signal, and a child's change of state. */
void boot_signal(struct device *d, const siginfo_t *info, int64_t now);
void boot_died(struct device *d, pid_t pid, int wait_status, int64_t now);

/* Run the deadlines that have expired. nobody_left: all processes are gone. */
void boot_turn(struct device *d, bool nobody_left, int64_t now);

/* After all due programs were started: publish the status if it has changed.
 * Returns the time of the next deadline, or BOOT_NEVER. */
int64_t boot_deadline(struct device *d, int64_t now);

/* Return the command to execute in our place now, or NULL. Sets *renewed if it
 * is pith's program file, which takes over the running services and must
 * inherit our signal mask. Otherwise it is the init of another root. */
char **boot_next_exec(struct device *d, bool *renewed);

/* Handle the failed exec of that command: go on, or reboot if the processes
 * have already ended. */
void boot_exec_failed(struct device *d);

/* Return whether shutdown has ended all processes. */
bool boot_over(const struct device *d);

/* After boot_over(): unmount file systems and call reboot(2); does not return
 * for a machine. Returns true if the "restart" line asks to execute *again
 * instead. Returns false outside of the first PID namespace, with the wait
 * status to exit with. */
bool boot_end(struct device *d, struct program *again, int *wait_status);

#endif
