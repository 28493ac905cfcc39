#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "priority.h"
#include "proc.h"

/* ioprio_set(2), which libcs leave out. */
enum { IO_PROCESS = 1, IO_REALTIME = 1, IO_CLASS_SHIFT = 13 };

enum { DEADLINE = 6 };          /* SCHED_DEADLINE, where sched.h lacks it */

/* As much of struct sched_attr as all kernels have, sched_setattr(2). */
struct scheduling {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static bool
lower_scheduling(pid_t pid)
{
	struct scheduling is = { .size = 0 };
	struct scheduling usual = { .size = sizeof(usual),
	    .policy = SCHED_OTHER };

	if (syscall(SYS_sched_getattr, 0, &is, sizeof(is), 0) < 0)
		return false;
	if (is.nice >= 0 && is.policy != SCHED_FIFO && is.policy != SCHED_RR &&
	    is.policy != DEADLINE)
		return true;
	if (is.policy == SCHED_BATCH || is.policy == SCHED_IDLE)
		usual.policy = is.policy;
	return syscall(SYS_sched_setattr, pid, &usual, 0) == 0;
}

static bool
lower_io(pid_t pid)
{
	const long is = syscall(SYS_ioprio_get, IO_PROCESS, 0);

	/* A kernel without block devices has no such call. */
	if (is < 0)
		return errno == ENOSYS;
	return is >> IO_CLASS_SHIFT != IO_REALTIME ||
	    syscall(SYS_ioprio_set, IO_PROCESS, pid, 0) == 0;
}

static bool
lower_oom(pid_t pid)
{
	char path[PROC_PATH], text[16];

	return proc_read("self/oom_score_adj", text, sizeof(text)) &&
	    (text[0] != '-' ||
	    proc_write(proc_of(path, pid, "oom_score_adj"), "0"));
}

void
priority_lower(pid_t init)
{
	if (!lower_scheduling(init) || !lower_io(init) || !lower_oom(init))
		die("cannot lower", "the priority of init");
}
