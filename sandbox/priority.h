/* Scheduling, I/O and OOM priorities of init, which its children inherit. */
#ifndef PITH_SANDBOX_PRIORITY_H
#define PITH_SANDBOX_PRIORITY_H

#include <sys/types.h>

/* In the launcher: reset scheduling class, nice value, I/O class and
 * oom_score_adj of init to the defaults, if it has inherited a higher priority
 * from us. A lower priority is kept. Dies on failure. sched(7), ioprio_set(2),
 * proc_pid_oom_score_adj(5) */
void priority_lower(pid_t init);

#endif
