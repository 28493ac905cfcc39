#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/log.h"
#include "cli/system.h"
#include "cli/values.h"
#include "reaper.h"

/* PROC_PID_INIT_INO of linux/proc_ns.h: the same on every kernel. */
static const char FIRST_PID_NAMESPACE[] = "pid:[4026531836]";

/* Longest chain of parents that descends() follows. */
enum { MAX_GENERATIONS = 1024 };

void
reaper_adopt(void)
{
	if (getpid() != 1)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

pid_t
reaper_next(int *wait_status)
{
	pid_t pid;

	/* __WALL: children made before our exec may have any exit signal. */
	do
		pid = waitpid(-1, wait_status,
		    WNOHANG | WUNTRACED | WCONTINUED | __WALL);
	while (pid < 0 && errno == EINTR);
	return pid;
}

int
status_exit_code(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) :
	    WEXITSTATUS(wait_status);
}

bool
reaper_owns_namespace(void)
{
	char name[sizeof(FIRST_PID_NAMESPACE) + 1];
	ssize_t n;

	if (getpid() != 1)
		return false;
	n = readlink("/proc/self/ns/pid", name, sizeof(name) - 1);
	if (n < 0)
		return false;
	name[n] = '\0';
	return strcmp(name, FIRST_PID_NAMESPACE) != 0;
}

void
reaper_prepare(struct descendants *d)
{
	char self[2];
	int proc;

	d->namespace = reaper_owns_namespace();
	d->proc = -1;
	if (d->namespace)
		return;
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || readlinkat(proc, "self", self, sizeof(self)) < 0)
		die_with("cannot find descendants in", "/proc",
		    "mount it: --grace and --wait need it");
	/* A closed descriptor from 0 to 2 must stay closed for the child. */
	d->proc = fcntl(proc, F_DUPFD_CLOEXEC, 3);
	if (d->proc < 0)
		die("cannot keep", "/proc");
	close(proc);
}

/* Parse a pid that the kernel wrote. */
static pid_t
pid_of(const char *digits)
{
	uint64_t pid;

	text_number(&digits, INT_MAX, &pid);
	return pid;
}

/* Our pid in the PID namespace that this /proc shows, or -1. */
static pid_t
own_pid_in(int proc)
{
	char number[16] = "";

	return readlinkat(proc, "self", number, sizeof(number) - 1) > 0 ?
	    pid_of(number) : -1;
}

/* Parent of the process with that stat file; 0 if the process is gone. The name
 * in parentheses may contain blanks and parentheses, proc_pid_stat(5). A zombie
 * counts as well: perhaps only its first thread has ended. */
static pid_t
parent_of(int dir, const char *stat)
{
	char text[512];
	const char *p;

	file_read(dir, stat, text, sizeof(text));
	p = strrchr(text, ')');
	return p && strlen(p) > 4 ? pid_of(p + 4) : 0;
}

/* True if self is an ancestor of the process whose /proc/PID is dir. */
static bool
descends(int proc, int dir, pid_t self)
{
	pid_t parent = parent_of(dir, "stat");

	for (int i = 0; i < MAX_GENERATIONS && parent > 0; i++) {
		char path[24];
		struct strbuf stat = STRBUF(path);

		if (parent == self)
			return true;
		strbuf_number(&stat, parent);
		strbuf_add(&stat, "/stat");
		parent = parent_of(proc, path);
	}
	return false;
}

/* Send a signal through the directory /proc/PID: unlike a pid it cannot come to
 * mean another process. pidfd_send_signal(2), Linux 5.1; a seccomp filter may
 * answer EPERM to calls that it does not know. */
static void
signal_process(int dir, const char *pid, int sig, bool is_our_pid)
{
	if (syscall(SYS_pidfd_send_signal, dir, sig, NULL, 0) < 0 &&
	    (errno == ENOSYS || errno == EPERM) && is_our_pid)
		kill(pid_of(pid), sig);
}

static void
signal_descendants(int proc, int sig)
{
	struct dir_list list = { .fd = proc };
	const pid_t self = own_pid_in(proc);
	const struct dirent *entry;

	lseek(proc, 0, SEEK_SET);
	while ((entry = dir_next(&list))) {
		const char *pid = entry->d_name;
		int dir = -1;

		if (*pid >= '1' && *pid <= '9')
			dir = openat(proc, pid, O_RDONLY | O_DIRECTORY |
			    O_CLOEXEC);
		if (dir < 0)
			continue;
		if (descends(proc, dir, self))
			signal_process(dir, pid, sig, self == getpid());
		close(dir);
	}
}

void
reaper_signal(const struct descendants *d, int sig)
{
	if (d->namespace)
		kill(-1, sig);
	else if (d->proc >= 0)
		signal_descendants(d->proc, sig);
}
