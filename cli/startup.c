#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../signals.h"
#include "log.h"
#include "startup.h"

/* Return the set of stop signals, without those inherited as ignored (nohup, a
 * shell's &), which do not end pith. */
static uint64_t
stop_signal_set(void)
{
	static const unsigned char stopping[] = { SIGTERM, SIGINT, SIGQUIT,
	    SIGHUP };
	uint64_t set = 0;

	for (size_t i = 0; i < sizeof(stopping); i++) {
		struct sigaction action;

		if (sigaction(stopping[i], NULL, &action) == 0 &&
		    action.sa_handler != SIG_IGN)
			set |= UINT64_C(1) << (stopping[i] - 1);
	}
	return set;
}

static int
open_signalfd(void)
{
	const uint64_t set = stop_signal_set();

	return syscall(SYS_signalfd4, -1, &set, sizeof(set), SFD_CLOEXEC |
	    SFD_NONBLOCK);
}

/* A signal is consumed only if we would block: if fd is ready, the signal stays
 * pending for the command. Without signalfd(2) no signal ends the wait. */
int
startup_wait(int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN } };
	struct signalfd_siginfo info = { .ssi_signo = 0 };

	if (poll(p, 1, 0) > 0)
		return 0;
	p[1] = (struct pollfd){ .fd = open_signalfd(), .events = POLLIN };
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	if (!p[0].revents && p[1].revents && read(p[1].fd, &info,
	    sizeof(info)) != sizeof(info))
		info.ssi_signo = 0;
	close(p[1].fd);
	return info.ssi_signo;
}

static _Noreturn void
exit_interrupted(int sig, const char *what, const char *which)
{
	char name[SIGNAL_NAME];
	char why[SIGNAL_NAME + 16];
	struct strbuf l = STRBUF(why);

	strbuf_add(&l, "interrupted by ");
	strbuf_add(&l, signal_name(sig, name));
	diex_code(128 + sig, what, which, why, NULL);
}

void
startup_wait_or_end(int fd, const char *what)
{
	const int sig = startup_wait(fd);

	if (sig > 0)
		exit_interrupted(sig, "cannot read", what);
}

/* The kernel drops these signals for process 1, which has no default actions. A
 * pending signal would kill pith without an error line: report it first. */
void
startup_end_by_signal(bool on, const char *what)
{
	static const struct timespec no_wait = { 0, 0 };
	const uint64_t set = stop_signal_set();
	long sig;

	if (getpid() == 1)
		return;
	sig = on ? syscall(SYS_rt_sigtimedwait, &set, NULL, &no_wait,
	    sizeof(set)) : 0;
	if (sig > 0)
		exit_interrupted(sig, "cannot open", what);
	syscall(SYS_rt_sigprocmask, on ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL,
	    sizeof(set));
}

size_t
startup_read(struct memory *m, size_t used, int fd, size_t most,
    const char *what)
{
	enum { STEP = 4096 };
	ssize_t n = 1;

	while (n != 0 && used <= most) {
		memory_reserve(m, used + STEP);
		startup_wait_or_end(fd, what);
		n = read(fd, (char *)m->block + used, m->size - 1 - used);
		if (n > 0)
			used += n;
		else if (n < 0 && errno != EINTR && errno != EAGAIN)
			die("cannot read", what);
	}
	((char *)m->block)[used] = '\0';
	return used;
}
