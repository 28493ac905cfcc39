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
#include "reaper.h"

/* PROC_PID_INIT_INO of linux/proc_ns.h: the same on every kernel. */
static const char FIRST_PID_NAMESPACE[] = "pid:[4026531836]";

/* Deeper family trees than this are left to the next call. */
enum { GENERATIONS = 1024 };

/* What getdents64(2) fills its buffer with. */
struct dirent64 {
	uint64_t ino;
	int64_t off;
	unsigned short length;
	unsigned char type;
	char name[];
};

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

	/* __WALL: children from before our exec may have any exit signal. */
	do
		pid = waitpid(-1, wait_status,
		    WNOHANG | WUNTRACED | WCONTINUED | __WALL);
	while (pid < 0 && errno == EINTR);
	return pid;
}

int
exit_code(int wait_status)
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
reaper_find(struct descendants *d)
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
		    "mount it, --grace and --wait look there");
	/* Not 0 to 2: those may be closed, and are the child's to find so. */
	d->proc = fcntl(proc, F_DUPFD_CLOEXEC, 3);
	if (d->proc < 0)
		die("cannot keep", "/proc");
	close(proc);
}

/* The kernel's own digits. */
static pid_t
pid_of(const char *digits)
{
	uint64_t pid;

	text_number(&digits, INT_MAX, &pid);
	return pid;
}

/* The number that a /proc calls us by: it may be of another PID namespace. */
static pid_t
self_in(int proc)
{
	char number[16] = "";

	return readlinkat(proc, "self", number, sizeof(number) - 1) > 0 ?
	    pid_of(number) : -1;
}

/* The parent that a /proc/PID/stat names; 0 where the process is gone. The name
 * before it may hold blanks and parentheses, proc(5). A zombie counts: its
 * first thread alone may have ended. */
static pid_t
parent_in(int dir, const char *stat)
{
	char text[512];
	const char *p;
	ssize_t n = -1;
	int fd = openat(dir, stat, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	return p && strlen(p) > 4 ? pid_of(p + 4) : 0;
}

static bool
descends(int proc, int dir, pid_t self)
{
	pid_t parent = parent_in(dir, "stat");

	for (int i = 0; i < GENERATIONS && parent > 0; i++) {
		char path[24];
		struct strbuf stat = STRBUF(path);

		if (parent == self)
			return true;
		strbuf_number(&stat, parent);
		strbuf_add(&stat, "/stat");
		parent = parent_in(proc, path);
	}
	return false;
}

/* By the directory, which cannot come to mean another process as a number can:
 * pidfd_send_signal(2), Linux 5.1. Filters of system calls say EPERM to new
 * ones. */
static void
signal_process(int dir, const char *number, int sig, bool number_is_ours)
{
	if (syscall(SYS_pidfd_send_signal, dir, sig, NULL, 0) < 0 &&
	    (errno == ENOSYS || errno == EPERM) && number_is_ours)
		kill(pid_of(number), sig);
}

static void
walk(int proc, int sig)
{
	_Alignas(struct dirent64) char buffer[2048];
	pid_t self = self_in(proc);
	long n;

	lseek(proc, 0, SEEK_SET);
	while ((n = syscall(SYS_getdents64, proc, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < n;) {
			struct dirent64 *entry = (void *)(buffer + at);
			int dir = -1;

			at += entry->length;
			if (entry->name[0] >= '1' && entry->name[0] <= '9')
				dir = openat(proc, entry->name, O_RDONLY |
				    O_DIRECTORY | O_CLOEXEC);
			if (dir < 0)
				continue;
			if (descends(proc, dir, self))
				signal_process(dir, entry->name, sig,
				    self == getpid());
			close(dir);
		}
}

void
reaper_signal(const struct descendants *d, int sig)
{
	if (d->namespace)
		kill(-1, sig);
	else if (d->proc >= 0)
		walk(d->proc, sig);
}
