/* The verdict: how a command ended and what it took. */
#ifndef PITH_REPORT_H
#define PITH_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

/* Times are milliseconds. What cannot be known is UNKNOWN, and null in JSON. */
enum { UNKNOWN = -1 };

struct verdict {
	const char *reason;             /* exited, signaled, timeout ... */
	int exit_code;                  /* what pith ends with */
	int signal;                     /* that ended the command, or UNKNOWN */
	int64_t wall_ms;
	const struct rusage *usage;     /* of all that was reaped; or NULL. Its
	                                 * seconds and KiB may be UNKNOWN. */
	int64_t orphans_reaped;
	int64_t stragglers_killed;
	/* Of the control group, in the order of the JSON; or NULL. */
	const int64_t *counters;
	const char *cgroup;             /* its path, or NULL */
};

/* A verdict of which nothing is known yet. */
#define NO_VERDICT { .exit_code = UNKNOWN, .signal = UNKNOWN, \
	.wall_ms = UNKNOWN, .orphans_reaped = UNKNOWN, \
	.stragglers_killed = UNKNOWN }

/* Get ready to write the verdict into a file, which appears when it is
 * complete, or to an open descriptor; file is NULL or fd negative for not. Dies
 * where that cannot be. From now on a complaint that ends the process is a
 * verdict too. */
void report_open(const char *file, int fd);

/* Before report_open(), write a fatal error as a verdict to *file or *fd, if
 * the option parser has set one of them. */
void report_early(const char *const *file, const int *fd);

/* The descriptors that the two need to the end, or -1. */
enum { REPORT_FDS = 4 };
void report_fds(int fds[REPORT_FDS]);

/* The verdict is somebody else's to write: complaints are as before, and the
 * descriptors are not ours. */
void report_disown(void);

/* Have a complaint of another process in the verdict, as log_set_hook() has it.
 */
void report_note(const char *line, int code);

/* Write the verdict; warns where that fails. */
void report_write(const struct verdict *v);

/* Write the verdict on a command that was not started. */
void report_failure(const char *reason, int exit_code);

/* Say it to a person, in one line. */
void report_say(const struct verdict *v, const char *command);

#endif
