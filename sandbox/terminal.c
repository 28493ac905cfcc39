#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../cli/log.h"
#include "terminal.h"

/* Descriptors of the relay, after those of the outer terminal. An open slave
 * keeps the pty from being hung up: a program that has closed its files may
 * open /dev/tty again, and must not lose its terminal before its exit. */
enum { MASTER_FD = 3, SLAVE_FD, SIGNAL_FD, INIT_FD, RELAY_FDS_END };

/* Time between two checks of input that belongs to another job. */
enum { BACK_OFF_MS = 200 };

/* Indices of the descriptors that poll_once() waits for. */
enum {
	ON_SIGNAL, INIT_EXITED, INPUT_READABLE, PTY_WRITABLE, PTY_READABLE,
	OUTPUT_WRITABLE, POLL_COUNT
};

/* Data read from one side and not yet written to the other. A pipe that polls
 * as writable takes a page of 4096 bytes without blocking, pipe(7). */
struct flow {
	int at, size;           /* offset and number of pending bytes */
	char bytes[4096];
};

struct relay {
	const struct terminal *t;
	pid_t launcher;
	struct flow in, out;
	struct termios found;           /* the outer terminal's own modes */
	struct termios raw;             /* its modes while we relay */
	bool foreground;                /* we may read it and set its modes */
	bool backing_off;               /* ignore input for BACK_OFF_MS */
	bool partial_line;              /* input did not end in a newline */
	bool from_terminal;             /* input is a terminal */
	bool input_over;
	bool ended;                     /* init has exited */
};

/* ---- standard files of the command --------------------------------------- */

/* Refuse descriptors that would give a command with a root of its own access to
 * the host's files. /proc/self/fd/N of a directory leads to the rest of its
 * tree. An O_PATH descriptor can be reopened for any access, proc_pid_fd(5). */
static void
check_standard_file(int fd, const struct stat *st)
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
	/* The file type of an anonymous inode is 0: io_uring, epoll, pidfd.
	 * Operations of an io_uring are not subject to seccomp filters. */
	if ((st->st_mode & S_IFMT) == 0)
		diex("cannot pass on", text, "it is an anonymous inode, "
		    "such as an io_uring", "redirect it");
	if (flags >= 0 && (flags & O_PATH))
		diex("cannot pass on", text, "it was opened with O_PATH",
		    "open it for reading or writing");
}

/* Choose the replacement of one file. Returns whether the file is a terminal. A
 * descriptor with FD_CLOEXEC was not inherited: main() has only occupied its
 * number, and the command finds it closed. */
static bool
choose_file(struct terminal *t, int fd, enum terminal_use use, bool isolated)
{
	static const unsigned char replacement[] = {
		[TERMINAL_PASSED] = AS_IT_IS, [TERMINAL_ALWAYS] = PTY_FILE,
		[TERMINAL_REPLACED] = PTY_FILE, [TERMINAL_OUTPUT] = PIPE_FILE,
		[TERMINAL_DISCARDED] = NULL_FILE,
	};
	unsigned int device;
	struct stat st;
	bool is_terminal;

	t->files[fd] = use == TERMINAL_ALWAYS ? PTY_FILE : AS_IT_IS;
	/* sandbox_detach() has no reader for standard input. */
	if (use == TERMINAL_DISCARDED && fd == STDIN_FILENO)
		t->files[fd] = NULL_FILE;
	if (fcntl(fd, F_GETFD) != 0 || fstat(fd, &st) < 0)
		return false;
	if (isolated)
		check_standard_file(fd, &st);
	is_terminal = S_ISCHR(st.st_mode) && ioctl(fd, TIOCGDEV, &device) == 0;
	if (is_terminal)
		t->files[fd] = replacement[use];
	else if (isolated && use != TERMINAL_ALWAYS && S_ISCHR(st.st_mode) &&
	    st.st_rdev == makedev(1, 3))
		t->files[fd] = NULL_FILE;
	if (t->files[fd] == PIPE_FILE && fd == STDIN_FILENO)
		t->files[fd] = NULL_FILE;
	return is_terminal;
}

/* Choose the files to relay. If standard output is the pty, the outer terminal
 * is set raw and keys are passed on one by one. Otherwise another program of
 * the pipeline, such as less(1), may read the terminal: the outer terminal
 * keeps its modes, and whole lines are read from it for standard input. */
static void
choose_relayed_files(struct terminal *t)
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
		if (choose_file(t, fd, use, isolated))
			t->outer = fd;
		t->has_pty |= t->files[fd] == PTY_FILE;
		t->has_null |= t->files[fd] == NULL_FILE;
		t->wanted |= t->files[fd] == PTY_FILE ||
		    t->files[fd] == PIPE_FILE;
	}
	choose_relayed_files(t);
	ioctl(t->outer, TIOCGWINSZ, &t->size);
	/* In the background the modes are those of the shell's line editor. */
	t->has_modes = tcgetpgrp(t->outer) == getpgrp() &&
	    tcgetattr(t->outer, &t->modes) == 0;
}

/* Set size and modes of the pty. An outer terminal that keeps its modes echoes
 * input and turns newlines into CR LF: the pty must not do so as well. */
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
	/* TIOCGPTPEER needs no path, which another mount may hide. */
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
is_tty(int fd)
{
	struct termios modes;

	return tcgetattr(fd, &modes) == 0;
}

/* If we are in the foreground, set raw modes and copy the window size to the
 * pty. In the background, modes and input belong to another job, and read(2)
 * fails with EIO because SIGTTIN is blocked. A shell may have set new modes
 * while we were stopped: the modes found last are those to restore. A stop
 * restores nothing, because the shell then sets its own modes. tcgetpgrp(3)
 * fails for a file, and for a terminal that does not control us and so has no
 * jobs. */
static void
update_outer_terminal(struct relay *r)
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
		/* Without ICANON a pager or an editor of our pipeline reads
		 * the keys. */
		r->foreground = now.c_lflag & ICANON;
	} else if (has_modes && now.c_lflag != r->raw.c_lflag) {
		/* Only c_lflag is compared: drivers may alter the others. */
		r->found = r->raw = now;
		cfmakeraw(&r->raw);
		/* TCSANOW keeps input that was typed ahead. */
		tcsetattr(STDIN_FILENO, TCSANOW, &r->raw);
	}
	if (ioctl(r->t->outer, TIOCGWINSZ, &size) == 0)
		ioctl(MASTER_FD, TIOCSWINSZ, &size);
}

/* Set the modes and discard unread input. TCSAFLUSH would also wait until all
 * output has been read, which may never happen. */
static void
reset_modes(int fd, const struct termios *modes)
{
	tcflush(fd, TCIFLUSH);
	tcsetattr(fd, TCSANOW, modes);
}

/* Restore the modes, unless another process has changed them since. We may be
 * in the background: a shell takes the terminal when the launcher is killed;
 * SIGTTOU is blocked. Unread input is discarded: it may be the terminal's reply
 * to a query of the command, which the shell would read as typed input. */
static void
restore_outer_terminal(const struct relay *r)
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

/* True for EAGAIN and EINTR. */
static bool
is_transient_error(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* Read into an empty flow. Returns false at the end of input and on errors that
 * cannot be retried. */
static bool
fill_flow(struct flow *f, int from)
{
	const ssize_t n = read(from, f->bytes, sizeof(f->bytes));

	f->at = 0;
	f->size = n < 0 ? 0 : n;
	return n > 0 || (n < 0 && is_transient_error());
}

/* Write pending bytes. Returns false on errors that cannot be retried. */
static bool
drain_flow(struct flow *f, int to)
{
	const ssize_t n = write(to, f->bytes + f->at, f->size);

	if (n < 0)
		return is_transient_error();
	f->at += n;
	f->size -= n;
	return true;
}

/* Insert the VEOF character into the pty. After a partial line, insert two: the
 * first one only delivers that line, termios(3). A program that reads keys
 * instead of lines gets the character itself; a pty has no other way. */
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

/* Read input that poll(2) has reported. Returns false if the outer terminal has
 * been hung up. */
static bool
read_input(struct relay *r)
{
	if (!r->t->interactive)
		update_outer_terminal(r);
	/* poll(2) also reports input of another job, again and again, and no
	 * signal tells that we have come to the foreground: check again
	 * later. */
	r->backing_off = !r->foreground;
	if (r->backing_off)
		return true;
	if (fill_flow(&r->in, STDIN_FILENO)) {
		if (r->in.size > 0)
			r->partial_line = r->in.bytes[r->in.size - 1] != '\n';
		return true;
	}
	if (r->from_terminal) {
		/* A shell may have taken the terminal between poll(2) and
		 * read(2), or modes in which ^D ends input were set. */
		update_outer_terminal(r);
		if (!is_tty(STDIN_FILENO))
			return false;
		if (!r->t->interactive)
			send_eof(r);
		return true;
	}
	r->input_over = true;
	send_eof(r);
	return true;
}

/* Wait for one event, then read and write all that is ready. Returns false when
 * the relay is done. */
static bool
poll_once(struct relay *r)
{
	char signals[sizeof(struct signalfd_siginfo)];
	const bool has_output = r->out.size > 0, has_input = r->in.size > 0;
	struct pollfd p[] = {
		[ON_SIGNAL] = { SIGNAL_FD, POLLIN, 0 },
		[INIT_EXITED] = { INIT_FD, POLLIN, 0 },
		[INPUT_READABLE] = { STDIN_FILENO, POLLIN, 0 },
		[PTY_WRITABLE] = { MASTER_FD, POLLOUT, 0 },
		[PTY_READABLE] = { MASTER_FD, POLLIN, 0 },
		[OUTPUT_WRITABLE] = { STDOUT_FILENO, POLLOUT, 0 },
	};
	int timeout = r->backing_off ? BACK_OFF_MS : -1;

	/* poll(2) ignores -1. It reports POLLHUP even if not requested, so a
	 * descriptor that is not needed must be left out. */
	p[INIT_EXITED].fd = r->ended ? -1 : INIT_FD;
	p[INPUT_READABLE].fd = has_input || r->input_over || r->backing_off ?
	    -1 : STDIN_FILENO;
	p[PTY_WRITABLE].fd = has_input ? MASTER_FD : -1;
	p[PTY_READABLE].fd = has_output ? -1 : MASTER_FD;
	p[OUTPUT_WRITABLE].fd = has_output ? STDOUT_FILENO : -1;
	if (r->ended && !has_output)
		timeout = 0;
	if (poll(p, POLL_COUNT, timeout) < 0)
		return errno == EINTR;
	/* After init's exit nothing more is written to the pty. */
	if (r->ended && !has_output && !p[PTY_READABLE].revents)
		return false;
	r->ended |= p[INIT_EXITED].revents != 0;
	r->backing_off = false;
	if (p[ON_SIGNAL].revents &&
	    read(SIGNAL_FD, signals, sizeof(signals)) < 0 &&
	    !is_transient_error())
		return false;
	if (p[ON_SIGNAL].revents || !r->foreground)
		update_outer_terminal(r);
	return (!p[PTY_READABLE].revents || fill_flow(&r->out, MASTER_FD)) &&
	    (!p[OUTPUT_WRITABLE].revents ||
	    drain_flow(&r->out, STDOUT_FILENO)) &&
	    (!p[PTY_WRITABLE].revents || drain_flow(&r->in, MASTER_FD)) &&
	    (!p[INPUT_READABLE].revents || read_input(r));
}

static void
move_fd(int fd, int to)
{
	dup2(fd, to);
	close(fd);
}

/* Make the files to relay the relay's standard input and output. main() keeps
 * the number of a closed output occupied; output to it is discarded. */
static void
dup_relayed_files(const struct terminal *t)
{
	if (t->output != STDOUT_FILENO)
		dup2(t->output, STDOUT_FILENO);
	else if (fcntl(STDOUT_FILENO, F_GETFD) == FD_CLOEXEC)
		move_fd(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	if (t->input > STDIN_FILENO)
		dup2(t->input, STDIN_FILENO);
}

/* Close all inherited descriptors that the relay does not use. Reopen terminals
 * with O_NONBLOCK: setting it on the inherited file would change the shell's.
 * Pipes and files are not reopened: a pipe does not block for what fits, and a
 * reopened file would start at offset 0. */
static void
keep_relay_files(const struct terminal *t, int files[RELAY_FDS_END - MASTER_FD])
{
	char path[] = "/proc/self/fd/0";

	for (int i = 0; i < RELAY_FDS_END - MASTER_FD; i++) {
		const int fd = fcntl(files[i], F_DUPFD, RELAY_FDS_END);

		close(files[i]);
		files[i] = fd;
	}
	for (int i = 0; i < RELAY_FDS_END - MASTER_FD; i++)
		move_fd(files[i], MASTER_FD + i);
	dup_relayed_files(t);
	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++) {
		path[sizeof(path) - 2] = '0' + fd;
		if (is_tty(fd))
			move_fd(open(path, O_RDWR | O_NOCTTY | O_NONBLOCK), fd);
	}
	/* close_range(2) needs Linux 5.9; before, close a usual number. */
	if (syscall(SYS_close_range, RELAY_FDS_END, UINT_MAX, 0) < 0)
		for (int fd = RELAY_FDS_END; fd < 1024; fd++)
			close(fd);
	(void)!chdir("/");
}

/* Run the relay. Signals other than SIGKILL do not end it: the launcher
 * forwards those sent to the whole group, such as SIGTERM, and the child's last
 * output is still to come. The death signal only wakes poll(2): the relay ends
 * once getppid(2) no longer returns the launcher. */
static _Noreturn void
relay_terminal(struct relay *r, int files[RELAY_FDS_END - MASTER_FD])
{
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	keep_relay_files(r->t, files);
	r->from_terminal = is_tty(STDIN_FILENO);
	update_outer_terminal(r);
	while (getppid() == r->launcher && poll_once(r))
		;
	restore_outer_terminal(r);
	_exit(0);
}

pid_t
terminal_relay(const struct terminal *t, int master, pid_t init)
{
	const uint64_t all = UINT64_MAX;
	/* SLAVE_FD of a pipe only fills the slot: a pipe has no hang-up to
	 * prevent. */
	int files[RELAY_FDS_END - MASTER_FD] = { master, t->has_pty ?
	    ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC) :
	    fcntl(master, F_DUPFD_CLOEXEC, 0),
	    syscall(SYS_signalfd4, -1, &all, sizeof(all), O_CLOEXEC),
	    syscall(SYS_pidfd_open, init, 0) };
	struct relay r = { .t = t, .launcher = getpid(),
	    .input_over = t->input < 0,
	    .raw.c_lflag = ~(tcflag_t)0 };
	pid_t pid = -1;

	/* fork(3) of libc adds work for threads. */
	if ((files[1] | files[2] | files[3]) >= 0)
		pid = _Fork();
	if (pid == 0)
		relay_terminal(&r, files);
	for (int i = 1; i < RELAY_FDS_END - MASTER_FD; i++)
		if (files[i] >= 0)
			close(files[i]);
	return pid;
}
