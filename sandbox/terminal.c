#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../cli/log.h"
#include "terminal.h"

/* The files of the relay behind those of the outer side. While it holds the
 * slave the pty does not end: a program that has closed its files may open
 * /dev/tty again, and one that does so before its exit would be hung up. */
enum { MASTER_FD = 3, SLAVE_FD, SIGNAL_FD, INIT_FD, RELAY_FDS_END };

/* How long to leave input alone that is another job's, in milliseconds. */
enum { BACK_OFF_MS = 200 };

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
	bool foreground;                     /* it is ours to read and to set */
	bool backing_off;
	bool partial_line; /* input has not ended in a newline */
	bool from_terminal;             /* input is read; -d takes it away */
	bool input_over;
	bool ended;                     /* init has */
};

/* ---- what the command gets ----------------------------------------------- */

/* Refuse what would show the host's files to a command with a root of its own:
 * /proc/self/fd/N leads through a directory to the tree it stands in, and an
 * O_PATH descriptor can be opened again for anything, proc_pid_fd(5). */
static void
check_file(int fd, const struct stat *st)
{
	static const char names[][9] = { "input", "output", "error" };
	char text[24];
	struct strbuf name = STRBUF(text);
	const int flags = fcntl(fd, F_GETFL);

	strbuf_add(&name, "standard ");
	strbuf_add(&name, names[fd]);
	if (S_ISDIR(st->st_mode))
		diex("cannot pass on", text, "it is a directory",
		    "redirect it to a file, or pass --volume DIR:DIR");
	/* An anonymous inode has no type: an io_uring, whose system calls no
	 * filter sees, an epoll, a pidfd. */
	if ((st->st_mode & S_IFMT) == 0)
		diex("cannot pass on", text, "it is an object of the kernel "
		    "without a file", "redirect it");
	if (flags >= 0 && (flags & O_PATH))
		diex("cannot pass on", text, "it was opened with O_PATH",
		    "open it for reading or writing");
}

/* Decide what takes the place of one file. A descriptor with FD_CLOEXEC is
 * none that we inherited: main() keeps its number occupied, and the command
 * finds it closed. Returns whether it is a terminal. */
static bool
plan_file(struct terminal *t, int fd, enum terminal_use use, bool isolated)
{
	static const unsigned char instead[] = {
		[TERMINAL_PASSED] = AS_IT_IS, [TERMINAL_ALWAYS] = PTY_FILE,
		[TERMINAL_REPLACED] = PTY_FILE, [TERMINAL_OUTPUT] = PIPE_FILE,
		[TERMINAL_DISCARDED] = NULL_FILE,
	};
	unsigned int device;
	struct stat st;
	bool is_terminal;

	t->files[fd] = use == TERMINAL_ALWAYS ? PTY_FILE : AS_IT_IS;
	/* sandbox_detach() reads nothing any more. */
	if (use == TERMINAL_DISCARDED && fd == STDIN_FILENO)
		t->files[fd] = NULL_FILE;
	if (fcntl(fd, F_GETFD) != 0 || fstat(fd, &st) < 0)
		return false;
	if (isolated)
		check_file(fd, &st);
	is_terminal = S_ISCHR(st.st_mode) && ioctl(fd, TIOCGDEV, &device) == 0;
	if (is_terminal)
		t->files[fd] = instead[use];
	else if (isolated && use != TERMINAL_ALWAYS && S_ISCHR(st.st_mode) &&
	    st.st_rdev == makedev(1, 3))
		t->files[fd] = NULL_FILE;
	if (t->files[fd] == PIPE_FILE && fd == STDIN_FILENO)
		t->files[fd] = NULL_FILE;
	return is_terminal;
}

/* Keys go to a pty one by one, and the outer terminal is set raw for it, where
 * standard output is the pty. Else another program of the pipeline reads the
 * terminal, such as less(1) behind a "|": the outer terminal keeps its modes,
 * and whole lines are read from it for standard input. */
static void
plan_relay(struct terminal *t)
{
	static const int sides[] = { STDIN_FILENO, STDERR_FILENO,
	    STDOUT_FILENO };

	for (int i = 0; i < 3; i++)
		if (t->files[sides[i]] == PTY_FILE ||
		    t->files[sides[i]] == PIPE_FILE)
			t->output = sides[i];
	t->interactive = t->files[STDOUT_FILENO] == PTY_FILE;
	if (t->files[STDIN_FILENO] == PTY_FILE)
		t->input = STDIN_FILENO;
	else if (t->interactive)
		t->input = STDOUT_FILENO;
}

void
terminal_prepare(struct terminal *t, enum terminal_use use, bool isolated)
{
	*t = (struct terminal){ .outer = -1, .input = -1, .master = -1,
	    .slave = -1, .null = -1 };
	for (int fd = STDERR_FILENO; fd >= STDIN_FILENO; fd--) {
		if (plan_file(t, fd, use, isolated))
			t->outer = fd;
		t->has_pty |= t->files[fd] == PTY_FILE;
		t->has_null |= t->files[fd] == NULL_FILE;
		t->wanted |= t->files[fd] == PTY_FILE ||
		    t->files[fd] == PIPE_FILE;
	}
	plan_relay(t);
	ioctl(t->outer, TIOCGWINSZ, &t->size);
	/* In the background the modes are those of a shell that is typed at. */
	t->has_modes = tcgetpgrp(t->outer) == getpgrp() &&
	    tcgetattr(t->outer, &t->modes) == 0;
}

/* The outer terminal echoes lines and turns newlines into CR LF by itself where
 * it keeps its modes: the pty must not do so as well. */
static void
set_pty(const struct terminal *t)
{
	struct termios modes = t->modes;

	ioctl(t->slave, TIOCSWINSZ, &t->size);
	if (!t->has_modes && tcgetattr(t->slave, &modes) < 0)
		return;
	if (!t->interactive) {
		modes.c_lflag &= ~(tcflag_t)ECHO;
		modes.c_oflag &= ~(tcflag_t)OPOST;
	}
	tcsetattr(t->slave, TCSANOW, &modes);
}

static bool
open_pty(struct terminal *t, const char *ptmx)
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
	set_pty(t);
	return true;
}

static bool
open_pipe(struct terminal *t)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	t->master = ends[0];
	t->slave = ends[1];
	return fcntl(t->master, F_SETFL, O_NONBLOCK) == 0;
}

bool
terminal_open(struct terminal *t, const char *ptmx)
{
	if (t->has_null) {
		t->null = open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (t->null < 0)
			return false;
	}
	return !t->wanted || (t->has_pty ? open_pty(t, ptmx) : open_pipe(t));
}

bool
terminal_attach(const struct terminal *t)
{
	const int source[] = { [PTY_FILE] = t->slave, [PIPE_FILE] = t->slave,
	    [NULL_FILE] = t->null };

	if (setsid() < 0 || (t->has_pty && ioctl(t->slave, TIOCSCTTY, 0) < 0))
		return false;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (t->files[fd] != AS_IT_IS &&
		    dup2(source[t->files[fd]], fd) < 0)
			return false;
	return true;
}

void
terminal_close(struct terminal *t)
{
	const int files[] = { t->master, t->slave, t->null };

	for (int i = 0; i < 3; i++)
		if (files[i] >= 0)
			close(files[i]);
	t->master = t->slave = t->null = -1;
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
	bool has_modes;

	r->foreground = group < 0 || group == getpgrp();
	if (!r->foreground)
		return;
	has_modes = tcgetattr(STDIN_FILENO, &now) == 0;
	if (has_modes && !r->t->interactive) {
		/* A pager or an editor of our pipeline reads its keys. */
		r->foreground = now.c_lflag & ICANON;
	} else if (has_modes && now.c_lflag != r->raw.c_lflag) {
		/* Drivers change what they like in the other flags. */
		r->found = r->raw = now;
		cfmakeraw(&r->raw);
		/* What was typed ahead stays. */
		tcsetattr(STDIN_FILENO, TCSANOW, &r->raw);
	}
	if (ioctl(r->t->outer, TIOCGWINSZ, &size) == 0)
		ioctl(MASTER_FD, TIOCSWINSZ, &size);
}

/* Set modes and drop what was not read. TCSAFLUSH would also wait until the
 * output has been read, which may be never. */
static void
reset_modes(int fd, const struct termios *modes)
{
	tcflush(fd, TCIFLUSH);
	tcsetattr(fd, TCSANOW, modes);
}

/* Unless somebody else has set it since. We may be in the background by now: a
 * shell takes the terminal when the launcher is killed. SIGTTOU is held. What
 * was not read yet is dropped: it may be the terminal's answer to a question of
 * the command, which the shell would take for typed words. */
static void
give_terminal_back(const struct relay *r)
{
	struct termios now;

	if (tcgetattr(STDIN_FILENO, &now) == 0 &&
	    now.c_lflag == r->raw.c_lflag)
		reset_modes(STDIN_FILENO, &r->found);
}

void
terminal_restore(const struct terminal *t)
{
	struct termios now, raw = t->modes;

	cfmakeraw(&raw);
	if (t->has_modes && t->interactive &&
	    tcgetpgrp(t->outer) == getpgrp() &&
	    tcgetattr(t->outer, &now) == 0 && now.c_lflag == raw.c_lflag)
		reset_modes(t->outer, &t->modes);
}

/* ---- the relay ---------------------------------------------------------- */

/* Whether an error is none. */
static bool
is_retryable(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* False at the end of what is read, or where it is gone. */
static bool
fill_flow(struct flow *f, int from)
{
	const ssize_t n = read(from, f->bytes, sizeof(f->bytes));

	f->at = 0;
	f->size = n < 0 ? 0 : n;
	return n > 0 || (n < 0 && is_retryable());
}

/* False where nobody will read it any more. */
static bool
drain_flow(struct flow *f, int to)
{
	const ssize_t n = write(to, f->bytes + f->at, f->size);

	if (n < 0)
		return is_retryable();
	f->at += n;
	f->size -= n;
	return true;
}

/* Type the character that ends input: twice where it follows half a line, as
 * the first then ends no more than the line, termios(3). For a program that
 * reads keys nothing better exists. */
static void
send_eof(struct relay *r)
{
	struct termios inner;

	if (tcgetattr(MASTER_FD, &inner) < 0)
		return;
	r->in.bytes[0] = r->in.bytes[1] = inner.c_cc[VEOF];
	r->in.size = 1 + r->partial_line;
	r->partial_line = false;
}

/* Input is there. False where the outer terminal has been hung up. */
static bool
take_input(struct relay *r)
{
	if (!r->t->interactive)
		take_terminal(r);
	/* No signal says that a job comes to the foreground, and another's
	 * input is always news: look again when it may have been read. */
	r->backing_off = !r->foreground;
	if (r->backing_off)
		return true;
	if (fill_flow(&r->in, STDIN_FILENO)) {
		if (r->in.size > 0)
			r->partial_line = r->in.bytes[r->in.size - 1] != '\n';
		return true;
	}
	if (r->from_terminal) {
		/* A shell may have taken it between poll(2) and read(2), or
		 * somebody has set modes in which ^D is an end. */
		take_terminal(r);
		if (!is_terminal(STDIN_FILENO))
			return false;
		if (!r->t->interactive)
			send_eof(r);
		return true;
	}
	r->input_over = true;
	send_eof(r);
	return true;
}

/* Wait for anything, do all that is possible. False when it is over. */
static bool
poll_once(struct relay *r)
{
	char signals[128];              /* one struct of signalfd(2) */
	const bool full = r->out.size > 0, typed = r->in.size > 0;
	static const struct pollfd all[] = {
		{ SIGNAL_FD, POLLIN, 0 }, { INIT_FD, POLLIN, 0 },
		{ STDIN_FILENO, POLLIN, 0 }, { MASTER_FD, POLLOUT, 0 },
		{ MASTER_FD, POLLIN, 0 }, { STDOUT_FILENO, POLLOUT, 0 },
	};
	struct pollfd p[6];

	/* -1 is not watched. What is not wanted must not be, as a hang-up is
	 * told whether it is asked for or not, poll(2). */
	memcpy(p, all, sizeof(p));
	p[1].fd |= -r->ended;
	p[2].fd |= -(typed || r->input_over || r->backing_off);
	p[3].fd |= -!typed;
	p[4].fd |= -full;
	p[5].fd |= -!full;
	if (poll(p, 6,
		r->ended && !full  ? 0 :
		    r->backing_off ? BACK_OFF_MS :
				     -1) < 0)
		return errno == EINTR;
	/* All that init's processes have written is there by now. */
	if (r->ended && !full && !p[4].revents)
		return false;
	r->ended |= p[1].revents != 0;
	r->backing_off = false;
	if (p[0].revents && read(SIGNAL_FD, signals, sizeof(signals)) < 0 &&
	    !is_retryable())
		return false;
	if (p[0].revents || !r->foreground)
		take_terminal(r);
	return (!p[4].revents || fill_flow(&r->out, MASTER_FD)) &&
	    (!p[5].revents || drain_flow(&r->out, STDOUT_FILENO)) &&
	    (!p[3].revents || drain_flow(&r->in, MASTER_FD)) &&
	    (!p[2].revents || take_input(r));
}

static void
move(int fd, int to)
{
	dup2(fd, to);
	close(fd);
}

/* Standard input and output of the relay are what it reads and writes. A closed
 * output swallows what is written: its number is occupied, see main(). */
static void
choose_sides(const struct terminal *t)
{
	if (t->output != STDOUT_FILENO)
		dup2(t->output, STDOUT_FILENO);
	else if (fcntl(STDOUT_FILENO, F_GETFD) == FD_CLOEXEC)
		move(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	if (t->input > STDIN_FILENO)
		dup2(t->input, STDIN_FILENO);
}

/* Keep nothing that others wait to see closed. A terminal is opened once more,
 * so that writing to it need not wait: its flags are shared with the shell. A
 * pipe does not wait for what fits, and a file would start at its beginning. */
static void
keep_own_files(const struct terminal *t, int files[RELAY_FDS_END - MASTER_FD])
{
	char path[] = "/proc/self/fd/0";

	for (int i = 0; i < RELAY_FDS_END - MASTER_FD; i++) {
		const int fd = fcntl(files[i], F_DUPFD, RELAY_FDS_END);

		close(files[i]);
		files[i] = fd;
	}
	for (int i = 0; i < RELAY_FDS_END - MASTER_FD; i++)
		move(files[i], MASTER_FD + i);
	choose_sides(t);
	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++) {
		path[sizeof(path) - 2] = '0' + fd;
		if (is_terminal(fd))
			move(open(path, O_RDWR | O_NOCTTY | O_NONBLOCK), fd);
	}
	/* Linux 5.9; before, what there may be. */
	if (syscall(SYS_close_range, RELAY_FDS_END, UINT_MAX, 0) < 0)
		for (int fd = RELAY_FDS_END; fd < 1024; fd++)
			close(fd);
	(void)!chdir("/");
}

/* Of signals only the end of its launcher ends it: SIGTERM and others that a
 * whole group gets are the launcher's to forward, and what the child has to say
 * about them is still to come. */
static _Noreturn void
relay(struct relay *r, int files[RELAY_FDS_END - MASTER_FD])
{
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	keep_own_files(r->t, files);
	r->from_terminal = is_terminal(STDIN_FILENO);
	take_terminal(r);
	while (getppid() == r->launcher && poll_once(r))
		;
	give_terminal_back(r);
	_exit(0);
}

pid_t
terminal_relay(const struct terminal *t, int master, pid_t init)
{
	const uint64_t all = UINT64_MAX;
	/* A pipe ends with its writers: nothing has to be held open. */
	int files[RELAY_FDS_END - MASTER_FD] = { master, t->has_pty ?
	    ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC) :
	    fcntl(master, F_DUPFD_CLOEXEC, 0),
	    syscall(SYS_signalfd4, -1, &all, sizeof(all), O_CLOEXEC),
	    syscall(SYS_pidfd_open, init, 0) };
	struct relay r = { .t = t, .launcher = getpid(),
	    .input_over = t->input < 0,
	    .raw.c_lflag = ~(tcflag_t)0 };
	pid_t pid = -1;

	/* As fork(2), without what libc does for threads. */
	if ((files[1] | files[2] | files[3]) >= 0)
		pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		relay(&r, files);
	for (int i = 1; i < RELAY_FDS_END - MASTER_FD; i++)
		if (files[i] >= 0)
			close(files[i]);
	return pid;
}
