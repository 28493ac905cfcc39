/* The report: how a command ended and which resources it used. */
#ifndef PITH_REPORT_H
#define PITH_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

/* A value that is not known; null in JSON. */
enum { UNKNOWN = -1 };

/* Contents of a report. Times are milliseconds. */
struct verdict {
	const char *reason;             /* exited, signaled, timeout ... */
	int exit_code;                  /* exit code of pith */
	int signal;                     /* that killed the child, or UNKNOWN */
	int64_t wall_ms;
	const struct rusage *usage;     /* of all reaped processes, or NULL; its
	                                 * tv_sec, ru_maxrss may be UNKNOWN */
	int64_t orphans_reaped;
	int64_t stragglers_killed;
	/* Counters of the control group, by enum counter; or NULL. */
	const int64_t *counters;
	const char *cgroup;             /* path of the group, or NULL */
};

/* A verdict of which nothing is known yet. */
#define NO_VERDICT { .exit_code = UNKNOWN, .signal = UNKNOWN, \
	.wall_ms = UNKNOWN, .orphans_reaped = UNKNOWN, \
	.stragglers_killed = UNKNOWN }

/* Prepare to write the report to a file (outfile_open()), to a descriptor, or
 * both; file may be NULL and fd negative. Dies if one of them is not writable.
 * From now on, an error that ends the process is written as a report. */
void report_open(const char *file, int fd);

/* Until report_open(), write an error that ends the process as a report to
 * *file or *fd, if the option parser has set one of them by then. */
void report_early(const char *const *file, const int *fd);

/* Forget the descriptors without closing them: another process writes the
 * report. Errors are no longer written as a report. */
void report_disown(void);

/* Add an error or a warning of another process to the report. line and code are
 * those of log_set_hook(). */
void report_note(const char *line, int code);

/* Write the report. Warns on failure. */
void report_write(const struct verdict *v);

/* Write the report for a command that was not started. */
void report_failure(const char *reason, int exit_code);

/* Print the verdict as one line on stderr, for -v. */
void report_say(const struct verdict *v, const char *command);

#endif
