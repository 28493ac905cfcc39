#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "outfile.h"
#include "report.h"

/* File statics, because the hook of log_set_hook() takes no argument. */
static int report_fd = -1;              /* --report-fd, or -1 */
static struct outfile report_file = NO_OUTFILE;
static struct {
	char error[512];                /* last error or warning */
	char weakened[1024];            /* JSON strings, comma-separated */
} report;

/* Variables that the option parser fills: --report and --report-fd. */
static struct { const char *const *file; const int *fd; } early;

static void
json_key(struct strbuf *l, const char *key)
{
	strbuf_add(l, l->used > 1 ? ",\"" : "\"");
	strbuf_add(l, key);
	strbuf_add(l, "\":");
}

static void
json_text(struct strbuf *l, const char *key, const char *text)
{
	json_key(l, key);
	strbuf_json(l, text);
}

static void
json_number(struct strbuf *l, const char *key, int64_t n)
{
	json_key(l, key);
	if (n == UNKNOWN)
		strbuf_add(l, "null");
	else
		strbuf_number(l, n);
}

/* Indices of the numbers of a verdict, in the order of the JSON. */
enum {
	EXIT_CODE, SIGNAL, WALL, USER, SYSTEM, RSS, ORPHANS, STRAGGLERS, NUMBERS
};

/* JSON keys, each NUL-terminated. Those of the control group, its counters and
 * its path, follow max_rss_bytes. */
enum { GROUP_FROM = RSS + 1, GROUP_NAME = GROUP_FROM + 8 };
static const char json_keys[] = "exit_code\0signal\0wall_ms\0"
    "user_ms\0system_ms\0max_rss_bytes\0"
    "memory_peak_bytes\0pids_peak\0oom_kills\0throttled_ms\0"
    "io_read_bytes\0io_write_bytes\0net_rx_bytes\0net_tx_bytes\0cgroup\0"
    "orphans_reaped\0stragglers_killed\0";

/* Labels of the first counters of the control group in report_say(). */
static const char say_group_labels[] = ", memory peak \0"
    ", processes at most \0, oom kills \0, throttled ms \0";

/* Labels of the numbers in report_say(). That of SIGNAL is empty: a signal is
 * printed earlier, and only if there is one. */
static const char say_labels[] = ", exit code \0\0, \0 ms, user \0"
    " ms, system \0 ms, max rss \0 KiB, orphans reaped \0"
    ", stragglers killed \0";

static int64_t
timeval_ms(struct timeval t)
{
	return t.tv_sec < 0 ? UNKNOWN :
	    (int64_t)t.tv_sec * 1000 + t.tv_usec / 1000;
}

static void
collect_numbers(const struct verdict *v, int64_t n[NUMBERS])
{
	const struct rusage *u = v->usage;

	n[EXIT_CODE] = v->exit_code;
	n[SIGNAL] = v->signal;
	n[WALL] = v->wall_ms;
	n[USER] = n[SYSTEM] = n[RSS] = UNKNOWN;
	if (u) {
		n[USER] = timeval_ms(u->ru_utime);
		n[SYSTEM] = timeval_ms(u->ru_stime);
		n[RSS] = u->ru_maxrss;          /* KiB */
	}
	n[ORPHANS] = v->orphans_reaped;
	n[STRAGGLERS] = v->stragglers_killed;
}

static void
format_report(struct strbuf *l, const struct verdict *v)
{
	int64_t numbers[NUMBERS], *n = numbers;
	const char *key = json_keys;

	collect_numbers(v, numbers);
	if (numbers[RSS] != UNKNOWN)
		numbers[RSS] *= 1024;
	strbuf_add(l, "{");
	json_text(l, "reason", v->reason);
	json_text(l, "error", report.error);
	for (int i = 0; *key; i++) {
		if (i == GROUP_NAME)
			json_text(l, key, v->cgroup);
		else
			json_number(l, key, i < GROUP_FROM || i > GROUP_NAME ?
			    *n++ : v->counters ? v->counters[i - GROUP_FROM] :
			    UNKNOWN);
		key += strlen(key) + 1;
	}
	json_key(l, "weakened");
	strbuf_add(l, "[");
	strbuf_add(l, report.weakened);
	strbuf_add(l, "]}\n");
}

void
report_write(const struct verdict *v)
{
	char text[PIPE_BUF];
	struct strbuf l = STRBUF(text);

	if (report_fd < 0 && report_file.dir < 0)
		return;
	format_report(&l, v);
	if (report_fd >= 0 && !write_all(report_fd, text, l.used))
		warn("cannot write", "report");
	outfile_write(&report_file, text, l.used);
}

void
report_failure(const char *reason, int exit_code)
{
	struct verdict v = NO_VERDICT;

	v.reason = reason;
	v.exit_code = exit_code;
	report_write(&v);
}

void
report_disown(void)
{
	report_fd = report_file.fd = report_file.dir = report_file.start = -1;
}

void
report_note(const char *line, int code)
{
	size_t used = strlen(report.weakened);
	struct strbuf l = STRBUF(report.error);
	struct strbuf list = { report.weakened, sizeof(report.weakened), used };

	/* Drop an entry that does not fit: cut off, it would be no valid JSON.
	 * A byte takes at most 6 bytes as \u00NN. */
	if (code != DEGRADED) {
		strbuf_add(&l, line);
	} else if (strlen(line) * 6 + 4 < sizeof(report.weakened) - used) {
		strbuf_add(&list, used > 0 ? "," : "");
		strbuf_json(&list, line);
	}
}

/* Hook of log_set_hook(). Write the report if the error ends the process. */
static void
record_error(const char *line, int code)
{
	report_note(line, code);
	if (code > 0)
		report_failure(code > 128 ? "signaled" : "setup-error", code);
}

/* Hook until report_open(): the options are invalid, but --report may have been
 * parsed already. */
static void
record_early_error(const char *line, int code)
{
	const char *file = *early.file && **early.file ? *early.file : NULL;

	if (code <= 0 || (!file && *early.fd < 0))
		return;
	log_set_hook(NULL);
	report_open(file, file ? -1 : *early.fd);
	record_error(line, code);
}

void
report_early(const char *const *file, const int *fd)
{
	early.file = file;
	early.fd = fd;
	log_set_hook(record_early_error);
}

void
report_open(const char *file, int fd)
{
	log_set_hook(NULL);
	if (file)
		outfile_open(&report_file, file, "cannot write the report",
		    "use --report-fd to write to an open file");
	if (fd >= 0) {
		int flags = fcntl(fd, F_GETFL);

		/* Do not use O_ACCMODE: musl includes O_PATH in it. */
		if (flags >= 0 && (flags & (O_WRONLY | O_RDWR)) == 0) {
			flags = -1;
			errno = EBADF;
		}
		if (flags < 0)
			die("cannot write to", "--report-fd");
		/* The child inherits 0 to 2: keep our own copy. */
		report_fd = fd_above(fd > STDERR_FILENO ? fd : dup(fd));
		if (report_fd < 0)
			die("cannot write to", "--report-fd");
	}
	if (report_fd >= 0 || report_file.dir >= 0)
		log_set_hook(record_error);
}

void
report_fds(int fds[REPORT_FDS])
{
	fds[0] = report_fd;
	fds[1] = report_file.fd;
	fds[2] = report_file.dir;
	fds[3] = report_file.start;
}

static void
say_group(struct strbuf *l, const int64_t *counters)
{
	const char *next = say_group_labels;

	for (int i = 0; counters && *next; i++) {
		const char *unit = strcmp(next, ", memory peak ") == 0 ?
		    " KiB" : "";

		if (counters[i] != UNKNOWN) {
			strbuf_add(l, next);
			strbuf_number(l, *unit ? counters[i] / 1024 :
			    counters[i]);
			strbuf_add(l, unit);
		}
		next += strlen(next) + 1;
	}
}

void
report_say(const struct verdict *v, const char *command)
{
	char text[512];
	struct strbuf l = STRBUF(text);
	int64_t numbers[NUMBERS];
	const char *next = say_labels;

	collect_numbers(v, numbers);
	strbuf_quote(&l, command);
	strbuf_add(&l, ": ");
	strbuf_add(&l, v->reason);
	if (v->signal != UNKNOWN) {
		strbuf_add(&l, " by signal ");
		strbuf_number(&l, v->signal);
	}
	for (int i = 0; i < NUMBERS; i++) {
		strbuf_add(&l, next);
		if (i != SIGNAL && numbers[i] == UNKNOWN)
			strbuf_add(&l, "?");
		else if (i != SIGNAL)
			strbuf_number(&l, numbers[i]);
		next += strlen(next) + 1;
	}
	say_group(&l, v->counters);
	say(text);
}
