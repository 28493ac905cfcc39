/* Signals as a queue: held from the first instant, read one by one, forwarded.
 * Init has no handlers, and its child has one only until the exec. Signals are
 * numbered 1 to 64 as in the kernel; SIGRTMIN is 34, as in shells and glibc. */
#ifndef PITH_SIGNALS_H
#define PITH_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { SIGNAL_COUNT = 65 };     /* 1 to 64; 0 stands for no signal */

/* A moment of signals_clock() that never comes. */
#define NEVER INT64_MAX

/* Signal mask as this process inherited it. The action of SIGCHLD is not
 * restored. */
struct inherited {
	uint64_t mask;          /* of the kernel: bit n-1 is signal n */
};

/* How to forward each signal, indexed by its number. */
struct signal_rules {
	unsigned char rewrite[SIGNAL_COUNT];    /* signal to send, by default
	                                         * itself; 0: drop */
	int32_t delay[SIGNAL_COUNT];            /* milliseconds; 0: none */
};

/* Empty signal mask: no signal is blocked. */
extern const struct inherited signals_none;

/* Block all signals, and set SIGCHLD to its default action: if it was inherited
 * as ignored, wait(2) would lose every exit status. Cannot fail. */
void signals_hold(struct inherited *inherited);

/* Restore the inherited mask: the last step before an exec. */
void signals_restore(const struct inherited *inherited);

/* Set all signals to their default action: ignored signals stay ignored across
 * an exec. */
void signals_default(void);

/* Call a function when SIGTSTP would stop this process, from signals_restore()
 * until the exec. A child that stops there would block its parent in vfork(2),
 * and no shell could continue it. An ignored SIGTSTP stays ignored. */
void signals_defer_tstp(void (*instead)(int));

/* CLOCK_MONOTONIC in milliseconds, clock_gettime(2). */
int64_t signals_clock(void);

/* Wait for the next signal until a moment of signals_clock(); NEVER: for ever,
 * 0: do not wait. Returns its number, or 0 at that moment or earlier, on EINTR;
 * sigwaitinfo(2). */
int signals_next(siginfo_t *info, int64_t until);

/* True if the terminal sent the signal to its whole foreground group: si_code
 * SI_KERNEL, sigaction(2). info may be NULL: false. */
bool signal_of_terminal(const siginfo_t *info);

/* True for SIGTERM, SIGINT and SIGQUIT, which ask a program to stop. */
bool signal_asks_to_stop(int sig);

/* Send sig to a process, to a group (-pgid) or to all processes (-1). A value
 * of sigqueue(3) in info goes with it to a single process. Returns false with
 * errno if no process got the signal. */
bool signal_forward(pid_t target, int sig, const siginfo_t *info);

/* Stop this process by SIGTSTP, SIGTTIN or SIGTTOU, with the whole process
 * group if whole_group is true, and return when it is continued. Returns true
 * if a SIGCONT did that, which is still pending. Returns false at once if no
 * shell could continue the group, because the kernel does not stop it then. */
bool signal_stop_self(int sig, bool whole_group);

/* End this process by the default action of sig, without a core dump. Returns
 * if the action does not end it, or for process 1. */
void signal_die(int sig);

/* Number of "TERM", "sigterm", "RTMIN+3" or "15"; 0 for anything else. */
int signal_number(const char *name);

/* Write "SIGTERM" or "SIGRTMIN+3" to name. Returns name. */
enum { SIGNAL_NAME = 16 };
const char *signal_name(int sig, char name[SIGNAL_NAME]);

#endif
