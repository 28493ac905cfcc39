#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "cli/log.h"
#include "cli/values.h"
#include "exec_error.h"

extern char **environ;

/* ---- the terminal ------------------------------------------------------- */

void
child_find_terminal(struct child *c)
{
	int tty;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (tcgetpgrp(fd) >= 0) {
			c->terminal = fcntl(fd, F_DUPFD_CLOEXEC, 3);
			return;
		}
	/* With 0 to 2 redirected, the controlling terminal still sends ^C. */
	tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	c->terminal = tty < 0 ? -1 : fcntl(tty, F_DUPFD_CLOEXEC, 3);
	if (tty >= 0)
		close(tty);
}

/* SIGTTOU is held, so it cannot stop us here: tcsetpgrp(3). */
bool
child_give_terminal(const struct child *c, bool force)
{
	const pid_t group = getpgrp();

	/* Group 0 is outside of our PID namespace: we could not give the
	 * terminal back to it. */
	if (!force && (group == 0 || tcgetpgrp(c->terminal) != group))
		return false;
	return tcsetpgrp(c->terminal, c->pid) == 0;
}

void
child_take_terminal(const struct child *c)
{
	if (c->terminal >= 0 && tcgetpgrp(c->terminal) == c->pid)
		tcsetpgrp(c->terminal, getpgrp());
}

enum { PID_VARIABLE = 32 };             /* bytes of NAME=PID */

/* State that a child leaves in memory. vfork(2) shares it with init, whose
 * environ refers to the variables from then on. */
static struct {
	int status_pipe;        /* for the signal handler */
	/* Variables with the child's pid. */
	char listen[PID_VARIABLE], watchdog[PID_VARIABLE];
} in_child;

/* ---- variables that name a process -------------------------------------- */

/* Replace NAME=PID, where PID is init's, by the pid of this process. The new
 * entry is written to entry. Returns false if the variable named another
 * process. */
static bool
replace_pid(const char *name, char entry[PID_VARIABLE], pid_t init)
{
	struct strbuf l = strbuf_over(entry, PID_VARIABLE);
	const char *pid = getenv(name);
	uint64_t value;

	if (!pid || !text_number(&pid, INT_MAX, &value) ||
	    value != (uint64_t)init)
		return false;
	strbuf_add(&l, name);
	strbuf_add(&l, "=");
	strbuf_number(&l, getpid());
	for (char **e = environ; *e; e++)
		if (strncmp(*e, entry, strlen(name) + 1) == 0)
			*e = entry;
	return true;
}

/* A service manager names the process that it started, which is init:
 * sd_listen_fds(3), sd_watchdog_enabled(3). LISTEN_PIDFDID is the inode of
 * init's pidfd and would contradict the new LISTEN_PID. */
static void
adopt_service_variables(pid_t init)
{
	if (replace_pid("LISTEN_PID", in_child.listen, init))
		unsetenv("LISTEN_PIDFDID");
	replace_pid("WATCHDOG_PID", in_child.watchdog, init);
}

/* ---- between fork and exec ---------------------------------------------- */

/* A message of the child. */
struct child_status {
	bool deferred_stop;             /* a SIGTSTP came; otherwise: */
	struct exec_error failed;
};

/* Report a SIGTSTP to init instead of stopping. A child that stopped here would
 * block its parent in vfork(2). */
static void
defer_sigtstp(int sig)
{
	const int error = errno;
	const struct child_status status = { .deferred_stop = sig == SIGTSTP };

	(void)!write(in_child.status_pipe, &status, sizeof(status));
	errno = error;
}

/* Execute a command whose errors only the child itself can print. Returns the
 * exit code. */
static int
exec_without_pipe(const struct pre_exec *pre_exec, char **command,
    const struct inherited *inherited, const struct exec_error *failed)
{
	const char *file = pre_exec->file ? pre_exec->file : command[0];
	struct exec_error why;

	if (failed->what) {
		if (*failed->what)
			warn(failed->what, failed->on);
		return 127;
	}
	why = exec_command(pre_exec->file, command, inherited);
	return exec_explain(file, &why);
}

static _Noreturn void
send_failure(int status_fd, const struct exec_error *why)
{
	const struct child_status status = { .failed = *why };

	(void)!write(status_fd, &status, sizeof(status));
	_exit(127);
}

/* A session leader hands the terminal over at once. Otherwise supervise.c hands
 * it over on SIGTTIN or SIGTTOU: another job may use the terminal. */
static _Noreturn void
child_main(struct child *c, char **command, const struct inherited *inherited,
    const struct pre_exec *pre_exec, pid_t init, int status_fd)
{
	struct exec_error why = { .candidate = -1 };

	c->pid = getpid();
	if (c->own_group && !c->own_session) {
		setpgid(0, 0);
		if (getsid(0) == init)
			child_give_terminal(c, true);
	}
	adopt_service_variables(init);
	if (pre_exec)
		why.what = pre_exec->call(pre_exec->with, &why.on);
	if (pre_exec && pre_exec->no_status_pipe)
		_exit(exec_without_pipe(pre_exec, command, inherited, &why));
	if (why.what) {
		why.error = errno;
		send_failure(status_fd, &why);
	}
	in_child.status_pipe = status_fd;
	signals_defer_tstp(defer_sigtstp);
	why = exec_command(pre_exec ? pre_exec->file : NULL, command,
	    inherited);
	send_failure(status_fd, &why);
}

/* ---- in init ------------------------------------------------------------ */

/* Read the status pipe until an exec or an exit has closed it. Returns true if
 * the child deferred a SIGTSTP. */
static bool
read_child_status(int pipe, struct exec_error *why)
{
	struct child_status status;
	bool deferred = false;

	while (read(pipe, &status, sizeof(status)) == sizeof(status))
		if (status.deferred_stop)
			deferred = true;
		else
			*why = status.failed;
	return deferred;
}

static pid_t
fork_child(struct child *c, char **command, const struct inherited *inherited,
    const struct pre_exec *pre_exec, int status_fd)
{
	const pid_t init = getpid();
	char *const name = command[0];
	pid_t pid = pre_exec && pre_exec->fork ? pre_exec->fork() : vfork();

	/* A seccomp filter may deny vfork(2) and clone3(2). */
	if (pid < 0)
		pid = _Fork();
	if (pid == 0)
		child_main(c, command, inherited, pre_exec, init, status_fd);
	c->pid = pid;
	/* exec_command() may have pointed it at the child's stack, which
	 * vfork(2) shares with us. */
	command[0] = name;
	return pid;
}

/* All signals are held, so none arrives between fork and exec. The pipe is
 * needed because vfork(2) does not share memory everywhere: before 1.2.4 musl
 * implements it as fork(2) on most architectures, and qemu-user always does. */
bool
child_start(struct child *c, char **command, const struct inherited *inherited,
    const struct pre_exec *pre_exec, struct exec_error *why)
{
	int status[2];
	pid_t pid;

	*why = (struct exec_error){ .candidate = -1 };
	if (pre_exec && pre_exec->no_status_pipe)
		return fork_child(c, command, inherited, pre_exec, -1) > 0;
	if (pipe2(status, O_CLOEXEC) < 0)
		return false;
	pid = fork_child(c, command, inherited, pre_exec, status[1]);
	close(status[1]);
	if (pid > 0 && read_child_status(status[0], why) && why->error == 0)
		kill(pid, SIGTSTP);
	close(status[0]);
	return pid > 0 && why->error == 0;
}
