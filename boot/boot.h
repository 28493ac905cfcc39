/* The boot of a device, as a machine of states: what came goes in, what is to
 * be started comes out. Who starts it is init.c. Times are moments of
 * signals_clock(), milliseconds. */
#ifndef PITH_BOOT_H
#define PITH_BOOT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "inittab.h"

/* A moment that never comes, as NEVER of signals.h. */
#define BOOT_NEVER INT64_MAX

/* To the init that runs: start anew from your program file. systemd's have it
 * for the same, RTMIN+25. */
enum { SIGNAL_REEXEC = 59 };

/* What follows when the program of an appliance has ended. 0: what fits. */
enum on_exit {
	ON_EXIT_REBOOT = 1, ON_EXIT_POWEROFF, ON_EXIT_HALT, ON_EXIT_RESPAWN,
	ON_EXIT_SHELL
};

/* The options that are boot/'s own. */
struct boot {
	bool requested;             /* --boot, or called as init */
	int on_exit;            /* enum on_exit */
	const char *switch_root;        /* DIR; NULL: stay */
	const char *watchdog;   /* DEVICE[:SECONDS]; NULL: none */
	bool reexec, status;    /* to be asked of the init that runs */
};

/* What is to be started: a file and its argv, and whether it first asks
 * somebody at its terminal, which may take for ever. */
struct boot_start {
	struct entry *entry;    /* for boot_child() */
	bool asks;
	struct program program;
};

/* Whether we, process 1, are a machine's init: called init or linuxrc or with
 * --boot, of the first PID namespace or with container=lxc. */
bool boot_is_init(char **argv);

/* The words that the kernel was given and we are not, up to our options, are
 * remembered and passed over: what is to be parsed, behind the first. */
char **boot_words(char **argv);

/* For log_set_cleanup(): the init of a machine must not end, which the kernel
 * answers with a panic. Starts once more without any options. Returns where we
 * are something else. */
void boot_rescue(void);

/* Ask the init that runs to do what its user wants (--status, --reexec, -q).
 * Returns the exit code. */
int boot_ask(const struct boot *b);

/* Move to another root at once, as busybox's switch_root(8) does for the script
 * of an initramfs, whose last words we are. What is to be executed then; NULL
 * where it cannot be, after a complaint. */
char **boot_switch(const struct boot *b, char **command);

/* Get ready: mounts, console, environment, inittab. stop_ms is the time that
 * shutdown lines have together, grace_ms what is between SIGTERM and SIGKILL;
 * negative for the usual. command is the program of an appliance, or NULL. */
void boot_begin(const struct boot *b, char **command, int64_t stop_ms,
    int64_t grace_ms, int64_t now);

/* The next thing to start now. False where there is none, for now. */
bool boot_next(struct boot_start *s, int64_t now);

/* Its pid; or 0, where there was no process to be had. */
void boot_started(const struct boot_start *s, pid_t pid, int64_t now);

/* In the child, before its exec: a session, a terminal, the question. See
 * struct before: "" for what has been said before. */
const char *boot_child(const void *with, const char **on);

/* A signal that came, and a process that died. */
void boot_signal(const siginfo_t *info, int64_t now);
void boot_died(pid_t pid, int wait_status, int64_t now);

/* What fell due, with nobody_left for that no process is. */
void boot_turn(bool nobody_left, int64_t now);

/* All is started: tell of it. Returns when the next turn is due, or BOOT_NEVER.
 */
int64_t boot_deadline(int64_t now);

/* Whether the start is over, and what it took can be let go of. */
bool boot_idle(void);

/* What is to be executed in our place now, or NULL: a new init that takes over
 * what runs (*renewed, which is to find the signals held that we hold), or the
 * one behind another root. */
char **boot_next_exec(bool *renewed);

/* That could not be executed: go on; or where it is the end, reboot. */
void boot_exec_failed(void);

/* Whether all has ended. */
bool boot_over(void);

/* The rest, then: file systems, and reboot(2), which does not return for a
 * machine. True: what is to be executed instead, by the line "restart". False
 * outside of the first PID namespace, with the wait status to end with. */
bool boot_end(struct program *again, int *wait_status);

#endif
