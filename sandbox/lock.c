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

static int inner_userns = -1;   /* descriptor, or -1 */

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

/* Keep the namespaces of this process alive until init has entered them. */
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
	/* The child sees us by the same pid: 1 in a PID namespace, or our pid
	 * outside if there is none. */
	const pid_t parent = getpid();
	const pid_t holder = namespaces_fork(CLONE_NEWUSER | flags, NULL);

	if (holder == 0)
		hold_namespaces(parent);
	if (holder < 0)
		die_with("cannot make", "the inner user namespace",
		    errno == ENOSPC ? "raise user.max_user_namespaces, "
		    "sysctl(8)" : NULL);
	return holder;
}

void
lock_prepare(const struct sandbox *s, int flags)
{
	const int owned = lock_namespaces(flags);
	char path[PROC_PATH];
	pid_t holder;
	int fd;

	/* Use a /proc of our PID namespace, in which the holder has the pid
	 * that we know. With --pid host, the host's /proc has the same pids. */
	if (!s->host_pid)
		mounts_hidden_proc();
	holder = start_holder(owned);
	fd = syscall(SYS_pidfd_open, holder, 0);
	if (fd < 0 || !ids_repeat(holder) || (owned && setns(fd, owned) < 0))
		die("cannot set up", "the inner user namespace");
	inner_userns = openat(proc_fd(), proc_of(path, holder, "ns/user"),
	    O_RDONLY | O_CLOEXEC);
	if (inner_userns < 0)
		die("cannot open", "the inner user namespace");
	close(fd);
	if (kill(holder, SIGKILL) < 0)
		die("cannot kill", "the holder of the inner namespaces");
	while (waitpid(holder, NULL, 0) < 0 && errno == EINTR)
		;
}

void
lock_enter(void)
{
	if (setns(inner_userns, CLONE_NEWUSER) < 0)
		die("cannot enter", "the inner user namespace");
	close(inner_userns);
	if (unshare(CLONE_NEWNS) < 0)
		die("cannot lock", "the mounts");
}
