#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "priority.h"
#include "proc.h"

/* Constants of ioprio_set(2), which has no libc header. */
enum { IO_PROCESS = 1, IO_REALTIME = 1, IO_CLASS_SHIFT = 13 };

enum { SCHED_DL = 6 };          /* SCHED_DEADLINE; some sched.h lack it */

/* First version of struct sched_attr, which all kernels accept,
 * sched_setattr(2). */
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
	struct scheduling now = { .size = 0 };
	struct scheduling wanted = { .size = sizeof(wanted),
	    .policy = SCHED_OTHER };

	if (syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0) < 0)
		return false;
	if (now.nice >= 0 && now.policy != SCHED_FIFO &&
	    now.policy != SCHED_RR && now.policy != SCHED_DL)
		return true;
	if (now.policy == SCHED_BATCH || now.policy == SCHED_IDLE)
		wanted.policy = now.policy;
	return syscall(SYS_sched_setattr, pid, &wanted, 0) == 0;
}

static bool
lower_io(pid_t pid)
{
	const long now = syscall(SYS_ioprio_get, IO_PROCESS, 0);

	/* A kernel without block devices lacks ioprio_get(2). */
	if (now < 0)
		return errno == ENOSYS;
	return now >> IO_CLASS_SHIFT != IO_REALTIME ||
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
