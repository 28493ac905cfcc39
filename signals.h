/* Signals as a queue: held from the first instant, read one by one, forwarded.
 * Init has no handlers, and its child one until the exec. Signals are numbered
 * 1 to 64 as the kernel has them; SIGRTMIN is 34, as shells and glibc count. */
#ifndef PITH_SIGNALS_H
#define PITH_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { SIGNAL_COUNT = 65 };          /* 1 to 64, and 0 for none */

/* A moment that never comes, in the unit of signals_clock(). */
#define NEVER INT64_MAX

/* What this process was started with and the child is to get. */
struct inherited {
	uint64_t mask;          /* the kernel's set: bit n-1 is signal n */
};

/* What to do with a signal that came; indexed by its number. */
struct signal_rules {
	unsigned char rewrite[SIGNAL_COUNT]; /* forward that one; 0 drops it */
	int32_t delay[SIGNAL_COUNT];         /* milliseconds; 0 is at once */
};

/* Block all signals and let SIGCHLD be delivered, whatever was inherited:
 * where it is ignored, wait(2) loses every exit status. Cannot fail. */
void signals_hold(struct inherited *inherited);

/* In the child, last thing before exec: exactly the mask that was inherited. */
void signals_restore(const struct inherited *inherited);

/* Let every signal have its default action, for a child that is to inherit
 * nothing: an exec leaves those ignored that are. */
void signals_default(void);

/* In the child, before signals_restore(): from then until the exec, which
 * undoes it, have instead called where SIGTSTP would stop the process. One that
 * stops there would hold its parent up in vfork(2), and nobody could continue
 * it. Where SIGTSTP is inherited as ignored it stays so. */
void signals_defer_tstp(void (*instead)(int));

/* Milliseconds of CLOCK_MONOTONIC, clock_gettime(2). */
int64_t signals_clock(void);

/* Wait for the next signal until a moment of signals_clock() (NEVER: for ever;
 * 0: only look). Returns its number, or 0 when the time is over;
 * sigwaitinfo(2). */
int signals_next(siginfo_t *info, int64_t until);

/* Whether the terminal sent it to its whole foreground group, the child
 * included (si_code SI_KERNEL, sigaction(2)). info may be NULL: it did not. */
bool signal_of_terminal(const siginfo_t *info);

/* Whether it asks a program to stop: SIGTERM, SIGINT or SIGQUIT. */
bool signal_asks_to_stop(int sig);

/* Send sig to a process, to a group (-pgid) or to all (-1), with the value of
 * info where that was sent by sigqueue(3) and goes to one process. False, with
 * errno, where nobody got it; the caller goes on all the same. */
bool signal_forward(pid_t target, int sig, const siginfo_t *info);

/* Stop this process by the default action of SIGTSTP, SIGTTIN or SIGTTOU, and
 * the rest of its group with whole_group; back when continued. True: a SIGCONT
 * did that, and is yet to be read. False: the kernel lets nobody be stopped
 * whom no shell could continue, and it is back at once. */
bool signal_stop_self(int sig, bool whole_group);

/* End this process by the default action of sig, without a core dump. Returns
 * where the kernel does not: process 1, or a signal of no such action. */
void signal_die(int sig);

/* The number of "TERM", "sigterm", "RTMIN+3", "15"; 0 where it is none. */
int signal_number(const char *name);

/* "SIGTERM", "SIGRTMIN+3"; written into name, which is returned. */
enum { SIGNAL_NAME = 16 };
const char *signal_name(int sig, char name[SIGNAL_NAME]);

#endif
