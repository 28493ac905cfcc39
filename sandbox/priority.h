/* Priorities of a process over others, which its children inherit. */
#ifndef PITH_SANDBOX_PRIORITY_H
#define PITH_SANDBOX_PRIORITY_H

#include <sys/types.h>

/* In the launcher: give init the usual scheduling class and nice value, I/O
 * class and oom_score_adj where it has inherited more from us; what is lower
 * stays. Dies. sched(7), ioprio_set(2), proc_pid_oom_score_adj(5) */
void priority_lower(pid_t init);

#endif
