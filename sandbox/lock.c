#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli/log.h"
#include "ids.h"
#include "lock.h"
#include "mounts.h"
#include "namespaces.h"
#include "privileges.h"
#include "proc.h"
#include "seccomp.h"

static int inner = -1;          /* the inner user namespace */

bool
lock_may_mount(const struct sandbox *s)
{
	return privileges_admin() && (s->allow_userns || s->best_effort ||
	    !seccomp_has_built_in());
}

int
lock_namespaces(int flags)
{
	return flags & (CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET |
	    CLONE_NEWUTS);
}

/* Only exists so that its namespaces do. */
static _Noreturn void
hold_namespaces(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	while (getppid() == parent)
		pause();
	_exit(0);
}

static pid_t
start_holder(int flags)
{
	/* In a PID namespace we are 1, and outside of one the child sees us. */
	const pid_t parent = getpid();
	const pid_t holder = namespaces_fork(CLONE_NEWUSER | flags, NULL);

	if (holder == 0)
		hold_namespaces(parent);
	if (holder < 0)
		die_with("cannot make", "a user namespace in the first one",
		    errno == ENOSPC ? "raise user.max_user_namespaces, "
		    "sysctl(8)" : NULL);
	return holder;
}

void
lock_prepare(const struct sandbox *s, int flags)
{
	const int joined = lock_namespaces(flags);
	char path[PROC_PATH];
	pid_t holder;
	int fd;

	/* The host's /proc names the holder as the host does. */
	if (!s->host_pid)
		mounts_hidden_proc();
	holder = start_holder(joined);
	fd = syscall(SYS_pidfd_open, holder, 0);
	if (fd < 0 || !ids_repeat(holder) || (joined && setns(fd, joined) < 0))
		die("cannot set up", "the inner user namespace");
	inner = openat(proc_fd(), proc_of(path, holder, "ns/user"),
	    O_RDONLY | O_CLOEXEC);
	if (inner < 0)
		die("cannot open", "the inner user namespace");
	close(fd);
	if (kill(holder, SIGKILL) < 0)
		die("cannot end", "the holder of namespaces");
	while (waitpid(holder, NULL, 0) < 0 && errno == EINTR)
		;
}

void
lock_enter(void)
{
	if (setns(inner, CLONE_NEWUSER) < 0)
		die("cannot enter", "the inner user namespace");
	close(inner);
	if (unshare(CLONE_NEWNS) < 0)
		die("cannot lock", "the mounts");
}
