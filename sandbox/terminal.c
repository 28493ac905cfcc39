#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "terminal.h"

/* The files of the relay behind those of the outer side. While it holds the
 * slave the pty does not end: a program that has closed its files may open
 * /dev/tty again, and one that does so before its exit would be hung up. */
enum { MASTER = 3, SLAVE, SIGNALS, INIT, FILES };

/* How long to leave input alone that is another job's, in milliseconds. */
enum { NAP_MS = 200 };

/* What has been read on one side and not been written on the other. A pipe that
 * can be written takes a page of 4096 bytes without waiting, pipe(7). */
struct flow {
	int at, size;
	char bytes[4096];
};

struct relay {
	const struct terminal *t;
	pid_t launcher;
	struct flow in, out;
	struct termios found, raw;      /* modes of the outer terminal */
	bool front;                     /* it is ours to read and to set */
	bool napping;
	bool mid_line;                  /* input has not ended in a newline */
	bool input_over;
	bool ended;                     /* init has */
};

void
terminal_prepare(struct terminal *t, int asked)
{
	/* Numbers of terminals, also where a file is /dev/tty; 0 is of none. */
	unsigned int device[] = { 0, 0, 0 };

	*t = (struct terminal){ .outer = -1, .master = -1, .slave = -1 };
	for (int fd = STDERR_FILENO; fd >= STDIN_FILENO; fd--)
		if (ioctl(fd, TIOCGDEV, &device[fd]) == 0)
			t->outer = fd;
	t->wanted = asked < 0 ? device[0] > 0 && device[0] == device[1] &&
	    device[0] == device[2] : asked;
	ioctl(t->outer, TIOCGWINSZ, &t->size);
	/* In the background the modes are those of a shell that is typed at. */
	t->has_modes = tcgetpgrp(t->outer) == getpgrp() &&
	    tcgetattr(t->outer, &t->modes) == 0;
}

bool
terminal_open(struct terminal *t, const char *ptmx)
{
	const int locked = 0;

	t->master = open(ptmx, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (t->master < 0 || ioctl(t->master, TIOCSPTLCK, &locked) < 0)
		return false;
	/* Not by its name, which another mount may hide. */
	t->slave = ioctl(t->master, TIOCGPTPEER,
	    O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->slave < 0)
		return false;
	if (t->has_modes)
		tcsetattr(t->slave, TCSANOW, &t->modes);
	ioctl(t->slave, TIOCSWINSZ, &t->size);
	return true;
}

bool
terminal_attach(const struct terminal *t)
{
	setsid();
	if (ioctl(t->slave, TIOCSCTTY, 0) < 0)
		return false;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fd == t->slave ? fcntl(fd, F_SETFD, 0) < 0 :
		    dup2(t->slave, fd) < 0)
			return false;
	return true;
}

/* ---- the outer terminal ------------------------------------------------- */

static bool
is_terminal(int fd)
{
	struct termios modes;

	return tcgetattr(fd, &modes) == 0;
}

/* Pass its size on and take it over, where its foreground is ours: in the
 * background its modes and its input are another job's, and reading, with
 * SIGTTIN held, is EIO. A shell may have set modes of its own while we were
 * stopped, and what was found last is what is given back; we give nothing back
 * when we are stopped, as shells then set their own. A terminal that does not
 * control us has no jobs, and files have no modes. */
static void
take_terminal(struct relay *r)
{
	const pid_t group = tcgetpgrp(STDIN_FILENO);
	struct termios now;
	struct winsize size;

	r->front = group < 0 || group == getpgrp();
	if (!r->front)
		return;
	/* Drivers change what they like in the other flags. */
	if (tcgetattr(STDIN_FILENO, &now) == 0 &&
	    now.c_lflag != r->raw.c_lflag) {
		r->found = r->raw = now;
		cfmakeraw(&r->raw);
		/* What was typed ahead stays. */
		tcsetattr(STDIN_FILENO, TCSANOW, &r->raw);
	}
	if (ioctl(r->t->outer, TIOCGWINSZ, &size) == 0)
		ioctl(MASTER, TIOCSWINSZ, &size);
}

/* Unless somebody else has set it since. We may be in the background by now: a
 * shell takes the terminal when the launcher is killed. SIGTTOU is held. */
static void
give_terminal_back(const struct relay *r)
{
	struct termios now;

	if (tcgetattr(STDIN_FILENO, &now) == 0 &&
	    now.c_lflag == r->raw.c_lflag)
		tcsetattr(STDIN_FILENO, TCSANOW, &r->found);
}

/* ---- the relay ---------------------------------------------------------- */

/* Whether an error is none. */
static bool
only_later(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* False at the end of what is read, or where it is gone. */
static bool
fill(struct flow *f, int from)
{
	const ssize_t n = read(from, f->bytes, sizeof(f->bytes));

	f->at = 0;
	f->size = n < 0 ? 0 : n;
	return n > 0 || (n < 0 && only_later());
}

/* False where nobody will read it any more. */
static bool
drain(struct flow *f, int to)
{
	const ssize_t n = write(to, f->bytes + f->at, f->size);

	if (n < 0)
		return only_later();
	f->at += n;
	f->size -= n;
	return true;
}

/* What is typed at the end of a file: once more than that where it follows
 * half a line, as it then ends no more than the line, termios(3). For a program
 * that reads keys nothing better exists. */
static void
type_end(struct relay *r)
{
	struct termios inner;

	r->input_over = true;
	if (tcgetattr(MASTER, &inner) < 0)
		return;
	r->in.bytes[0] = r->in.bytes[1] = inner.c_cc[VEOF];
	r->in.size = 1 + r->mid_line;
}

/* Input is there. False where the outer terminal has been hung up. */
static bool
take_input(struct relay *r)
{
	/* No signal says that a job comes to the foreground, and another's
	 * input is always news: look again when it may have been read. */
	r->napping = !r->front;
	if (r->napping)
		return true;
	if (fill(&r->in, STDIN_FILENO)) {
		if (r->in.size > 0)
			r->mid_line = r->in.bytes[r->in.size - 1] != '\n';
		return true;
	}
	if (r->t->outer == STDIN_FILENO) {
		/* A shell may have taken it between poll(2) and read(2), or
		 * somebody has set modes in which ^D is an end. */
		take_terminal(r);
		return is_terminal(STDIN_FILENO);
	}
	type_end(r);
	return true;
}

/* Wait for anything, do all that is possible. False when it is over. */
static bool
turn(struct relay *r)
{
	char signals[128];              /* one struct of signalfd(2) */
	const bool full = r->out.size > 0, typed = r->in.size > 0;
	static const struct pollfd all[] = {
		{ SIGNALS, POLLIN, 0 }, { INIT, POLLIN, 0 },
		{ STDIN_FILENO, POLLIN, 0 }, { MASTER, POLLOUT, 0 },
		{ MASTER, POLLIN, 0 }, { STDOUT_FILENO, POLLOUT, 0 },
	};
	struct pollfd p[6];

	/* -1 is not watched. What is not wanted must not be, as a hang-up is
	 * told whether it is asked for or not, poll(2). */
	memcpy(p, all, sizeof(p));
	p[1].fd |= -r->ended;
	p[2].fd |= -(typed || r->input_over || r->napping);
	p[3].fd |= -!typed;
	p[4].fd |= -full;
	p[5].fd |= -!full;
	if (poll(p, 6, r->ended && !full ? 0 : r->napping ? NAP_MS : -1) < 0)
		return errno == EINTR;
	/* All that init's processes have written is there by now. */
	if (r->ended && !full && !p[4].revents)
		return false;
	r->ended |= p[1].revents != 0;
	r->napping = false;
	if (p[0].revents && read(SIGNALS, signals, sizeof(signals)) < 0 &&
	    !only_later())
		return false;
	if (p[0].revents || !r->front)
		take_terminal(r);
	return (!p[4].revents || fill(&r->out, MASTER)) &&
	    (!p[5].revents || drain(&r->out, STDOUT_FILENO)) &&
	    (!p[3].revents || drain(&r->in, MASTER)) &&
	    (!p[2].revents || take_input(r));
}

static void
move(int fd, int to)
{
	dup2(fd, to);
	close(fd);
}

/* Keep nothing that others wait to see closed. A terminal is opened once more,
 * so that writing to it need not wait: its flags are shared with the shell. A
 * pipe does not wait for what fits, and a file would start at its beginning. */
static void
keep_own_files(int files[FILES - MASTER])
{
	char path[] = "/proc/self/fd/0";

	for (int i = 0; i < FILES - MASTER; i++) {
		const int fd = fcntl(files[i], F_DUPFD, FILES);

		close(files[i]);
		files[i] = fd;
	}
	for (int i = 0; i < FILES - MASTER; i++)
		move(files[i], MASTER + i);
	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++) {
		path[sizeof(path) - 2] = '0' + fd;
		if (is_terminal(fd))
			move(open(path, O_RDWR | O_NOCTTY | O_NONBLOCK), fd);
	}
	/* Linux 5.9; before, what there may be. */
	if (syscall(SYS_close_range, FILES, UINT_MAX, 0) < 0)
		for (int fd = FILES; fd < 1024; fd++)
			close(fd);
	(void)!chdir("/");
}

/* Of signals only the end of its launcher ends it: SIGTERM and others that a
 * whole group gets are the launcher's to forward, and what the child has to say
 * about them is still to come. */
static _Noreturn void
relay(struct relay *r, int files[FILES - MASTER])
{
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	keep_own_files(files);
	take_terminal(r);
	while (getppid() == r->launcher && turn(r))
		;
	give_terminal_back(r);
	_exit(0);
}

pid_t
terminal_relay(const struct terminal *t, int master, pid_t init)
{
	const uint64_t all = UINT64_MAX;
	int files[FILES - MASTER] = { master,
	    ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC),
	    syscall(SYS_signalfd4, -1, &all, sizeof(all), O_CLOEXEC),
	    syscall(SYS_pidfd_open, init, 0) };
	struct relay r = { .t = t, .launcher = getpid(),
	    .raw.c_lflag = ~(tcflag_t)0 };
	pid_t pid = -1;

	/* As fork(2), without what libc does for threads. */
	if ((files[1] | files[2] | files[3]) >= 0)
		pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		relay(&r, files);
	for (int i = 1; i < FILES - MASTER; i++)
		if (files[i] >= 0)
			close(files[i]);
	return pid;
}
