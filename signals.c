#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "architecture.h"
#include "cli/log.h"
#include "signals.h"

/* Realtime signals as the kernel and shells number them. SIGRTMIN of libc is
 * higher, because libc keeps some for itself. */
enum { RTMIN = 34, RTMAX = 64 };

/* Names and numbers. The first name of a number is printed; aliases follow. */
static const struct { char name[7]; unsigned char sig; } names[] = {
	{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT },
	{ "ILL", SIGILL }, { "TRAP", SIGTRAP }, { "ABRT", SIGABRT },
	{ "BUS", SIGBUS }, { "FPE", SIGFPE }, { "KILL", SIGKILL },
	{ "USR1", SIGUSR1 }, { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE }, { "ALRM", SIGALRM }, { "TERM", SIGTERM },
	{ "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD }, { "CONT", SIGCONT },
	{ "STOP", SIGSTOP }, { "TSTP", SIGTSTP }, { "TTIN", SIGTTIN },
	{ "TTOU", SIGTTOU }, { "URG", SIGURG }, { "XCPU", SIGXCPU },
	{ "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF },
	{ "WINCH", SIGWINCH }, { "IO", SIGIO }, { "PWR", SIGPWR },
	{ "SYS", SIGSYS }, { "RTMIN", RTMIN }, { "RTMAX", RTMAX },
	{ "IOT", SIGABRT }, { "CLD", SIGCHLD }, { "POLL", SIGIO },
};

enum { NAMES = sizeof(names) / sizeof(names[0]) };

/* Use the raw call: sigprocmask(3) of libc leaves out the signals of its own
 * threads (32 to 34 in musl), which we must forward as well. */
static void
change_mask(int how, const uint64_t *set, uint64_t *old)
{
	syscall(SYS_rt_sigprocmask, how, set, old, sizeof(uint64_t));
}

/* Use the raw call: sigaction(3) of libc refuses those signals. A struct of
 * zeros means SIG_DFL without flags, sigaction(2). */
static void
set_default(int sig)
{
	static const unsigned long zeros[8];

	syscall(SYS_rt_sigaction, sig, zeros, NULL, sizeof(uint64_t));
}

const struct inherited signals_none = { 0 };

void
signals_default(void)
{
	for (int sig = 1; sig < SIGNAL_COUNT; sig++)
		set_default(sig);
}

static uint64_t
only(int sig)
{
	return UINT64_C(1) << (sig - 1);
}

void
signals_hold(struct inherited *inherited)
{
	const uint64_t all = UINT64_MAX;

	change_mask(SIG_SETMASK, &all, &inherited->mask);
	set_default(SIGCHLD);
}

void
signals_restore(const struct inherited *inherited)
{
	change_mask(SIG_SETMASK, &inherited->mask, NULL);
}

void
signals_defer_tstp(void (*instead)(int))
{
	struct sigaction action;

	if (sigaction(SIGTSTP, NULL, &action) < 0 ||
	    action.sa_handler != SIG_DFL)
		return;
	action.sa_handler = instead;
	sigaction(SIGTSTP, &action, NULL);
}

int64_t
signals_clock(void)
{
	struct kernel_time t;

	syscall(CLOCK_GETTIME, CLOCK_MONOTONIC, &t);
	return (int64_t)t.seconds * 1000 + t.nanoseconds / 1000000;
}

int
signals_next(siginfo_t *info, int64_t until)
{
	const uint64_t all = UINT64_MAX;
	struct kernel_time wait = { 0, 0 };
	int sig;

	if (until > 0 && until < NEVER) {
		int64_t left = until - signals_clock();

		/* Wait a millisecond more: signals_clock() rounds down. */
		if (left >= 0) {
			wait.seconds = (left + 1) / 1000;
			wait.nanoseconds = (left + 1) % 1000 * 1000000;
			/* A time_t of 32 bits holds 68 years. The caller asks
			 * again after that. */
			if (wait.seconds != (left + 1) / 1000)
				wait.seconds = INT32_MAX;
		}
	}
	/* Use the raw call: sigtimedwait(3) of libc waits the whole time again
	 * after EINTR, which a thaw of our cgroup or a debugger causes. */
	sig = syscall(SIGTIMEDWAIT, &all, info, until == NEVER ? NULL : &wait,
	    sizeof(all));
	return sig > 0 ? sig : 0;
}

bool
signal_of_terminal(const siginfo_t *info)
{
	/* SIGALRM is not among them: an alarm(2) survives exec and is sent to
	 * us alone. */
	const uint64_t by_terminal = only(SIGINT) | only(SIGQUIT) |
	    only(SIGTSTP) | only(SIGHUP) | only(SIGCONT) | only(SIGWINCH) |
	    only(SIGTTIN) | only(SIGTTOU);

	return info && info->si_code == SI_KERNEL &&
	    (by_terminal & only(info->si_signo)) != 0;
}

bool
signal_asks_to_stop(int sig)
{
	return sig == SIGTERM || sig == SIGINT || sig == SIGQUIT;
}

bool
signal_forward(pid_t target, int sig, const siginfo_t *info)
{
	/* Only a signal from sigqueue(3) may be queued again,
	 * rt_sigqueueinfo(2). Beyond the RLIMIT_SIGPENDING of the receiver
	 * kill(2) still works. */
	if (target > 0 && info && info->si_signo == sig &&
	    info->si_code == SI_QUEUE &&
	    syscall(SYS_rt_sigqueueinfo, target, sig, info) == 0)
		return true;
	return kill(target, sig) == 0;
}

bool
signal_stop_self(int sig, bool whole_group)
{
	const uint64_t set = only(sig);
	uint64_t pending = 0;

	kill(whole_group ? 0 : getpid(), sig);
	change_mask(SIG_UNBLOCK, &set, NULL);
	change_mask(SIG_BLOCK, &set, NULL);
	syscall(SYS_rt_sigpending, &pending, sizeof(pending));
	return (pending & only(SIGCONT)) != 0;
}

void
signal_die(int sig)
{
	const uint64_t set = only(sig);

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	set_default(sig);
	kill(getpid(), sig);
	change_mask(SIG_UNBLOCK, &set, NULL);
}

/* Parse a decimal number up to 64; -1 for anything else. */
static int
small_number(const char *digits)
{
	int n = 0;

	if (!*digits)
		return -1;
	for (; *digits >= '0' && *digits <= '9' && n < SIGNAL_COUNT; digits++)
		n = n * 10 + *digits - '0';
	return *digits || n >= SIGNAL_COUNT ? -1 : n;
}

int
signal_number(const char *name)
{
	int n = small_number(name);

	if (n >= 0)
		return n;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (size_t i = 0; i < NAMES; i++)
		if (strncasecmp(name, names[i].name, SIGNAL_NAME) == 0)
			return names[i].sig;
	if (strncasecmp(name, "RTMIN+", 6) == 0)
		n = RTMIN + small_number(name + 6);
	else if (strncasecmp(name, "RTMAX-", 6) == 0)
		n = RTMAX - small_number(name + 6);
	return n >= RTMIN && n <= RTMAX ? n : 0;
}

const char *
signal_name(int sig, char name[SIGNAL_NAME])
{
	struct strbuf l = { name, SIGNAL_NAME, 0 };

	strbuf_add(&l, "SIG");
	for (size_t i = 0; i < NAMES; i++)
		if (names[i].sig == sig) {
			strbuf_add(&l, names[i].name);
			return name;
		}
	strbuf_add(&l, sig > RTMIN ? "RTMIN+" : "");
	strbuf_number(&l, sig > RTMIN ? sig - RTMIN : sig);
	return name;
}
