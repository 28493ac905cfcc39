#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../sandbox/counters.h"
#include "../fds.h"
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

/* Numbers that are computed from a verdict. */
enum {
	EXIT_CODE, SIGNAL, WALL, USER, SYSTEM, RSS, ORPHANS, STRAGGLERS, NUMBERS
};

/* Source of a field. COUNTER: a counter of the control group. */
enum source { NUMBER, COUNTER, GROUP_PATH };

/* JSON fields after the reason and the error. */
static const struct {
	char key[18];
	unsigned char source;           /* enum source */
	unsigned char index;            /* of the number or counter */
} json_fields[] = {
	{ .key = "exit_code", .index = EXIT_CODE },
	{ .key = "signal", .index = SIGNAL },
	{ .key = "wall_ms", .index = WALL },
	{ .key = "user_ms", .index = USER },
	{ .key = "system_ms", .index = SYSTEM },
	{ .key = "max_rss_bytes", .index = RSS },
	{ .key = "memory_peak_bytes", .source = COUNTER, .index = MEMORY_PEAK },
	{ .key = "pids_peak", .source = COUNTER, .index = PIDS_PEAK },
	{ .key = "oom_kills", .source = COUNTER, .index = OOM_KILLS },
	{ .key = "throttled_ms", .source = COUNTER, .index = THROTTLED_MS },
	{ .key = "io_read_bytes", .source = COUNTER, .index = IO_READ },
	{ .key = "io_write_bytes", .source = COUNTER, .index = IO_WRITTEN },
	{ .key = "net_rx_bytes", .source = COUNTER, .index = NET_RX },
	{ .key = "net_tx_bytes", .source = COUNTER, .index = NET_TX },
	{ .key = "cgroup", .source = GROUP_PATH },
	{ .key = "orphans_reaped", .index = ORPHANS },
	{ .key = "stragglers_killed", .index = STRAGGLERS },
};

/* How report_say() prints a number. KIB: the number is in bytes. */
enum unit { PLAIN_NUMBER, MS, KIB };

/* Fields of report_say(). An unknown counter is left out. */
static const struct said {
	char label[19];
	unsigned char source;           /* enum source */
	unsigned char index;            /* of the number or counter */
	unsigned char unit;             /* enum unit */
} said_fields[] = {
	{ .label = "exit code ", .index = EXIT_CODE },
	{ .index = WALL, .unit = MS },
	{ .label = "user ", .index = USER, .unit = MS },
	{ .label = "system ", .index = SYSTEM, .unit = MS },
	{ .label = "max rss ", .index = RSS, .unit = KIB },
	{ .label = "orphans reaped ", .index = ORPHANS },
	{ .label = "stragglers killed ", .index = STRAGGLERS },
	{ .label = "memory peak ", .source = COUNTER, .index = MEMORY_PEAK,
	    .unit = KIB },
	{ .label = "processes at most ", .source = COUNTER,
	    .index = PIDS_PEAK },
	{ .label = "oom kills ", .source = COUNTER, .index = OOM_KILLS },
	{ .label = "throttled ms ", .source = COUNTER, .index = THROTTLED_MS },
};

enum {
	JSON_FIELDS = sizeof(json_fields) / sizeof(json_fields[0]),
	SAID_FIELDS = sizeof(said_fields) / sizeof(said_fields[0])
};

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
		if (u->ru_maxrss != UNKNOWN)
			n[RSS] = (int64_t)u->ru_maxrss * 1024;
	}
	n[ORPHANS] = v->orphans_reaped;
	n[STRAGGLERS] = v->stragglers_killed;
}

/* Return a counter of the control group, or UNKNOWN. */
static int64_t
counter_of(const struct verdict *v, enum counter c)
{
	return v->counters ? v->counters[c] : UNKNOWN;
}

static void
format_report(struct strbuf *l, const struct verdict *v)
{
	int64_t n[NUMBERS];

	collect_numbers(v, n);
	strbuf_add(l, "{");
	json_text(l, "reason", v->reason);
	json_text(l, "error", report.error);
	for (size_t i = 0; i < JSON_FIELDS; i++) {
		const char *key = json_fields[i].key;
		const int index = json_fields[i].index;

		if (json_fields[i].source == GROUP_PATH)
			json_text(l, key, v->cgroup);
		else
			json_number(l, key, json_fields[i].source == COUNTER ?
			    counter_of(v, index) : n[index]);
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
	fds_keep(&report_fd, 1, FDS_OUTSIDE);
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

static void
add_said(struct strbuf *l, const struct said *f, int64_t n)
{
	if (n == UNKNOWN && f->source == COUNTER)
		return;
	strbuf_add(l, ", ");
	strbuf_add(l, f->label);
	if (n == UNKNOWN)
		strbuf_add(l, "?");
	else
		strbuf_number(l, f->unit == KIB ? n / 1024 : n);
	strbuf_add(l, f->unit == KIB ? " KiB" : f->unit == MS ? " ms" : "");
}

void
report_say(const struct verdict *v, const char *command)
{
	char text[512];
	struct strbuf l = STRBUF(text);
	int64_t n[NUMBERS];

	collect_numbers(v, n);
	strbuf_quote(&l, command);
	strbuf_add(&l, ": ");
	strbuf_add(&l, v->reason);
	if (v->signal != UNKNOWN) {
		strbuf_add(&l, " by signal ");
		strbuf_number(&l, v->signal);
	}
	for (size_t i = 0; i < SAID_FIELDS; i++)
		add_said(&l, &said_fields[i],
		    said_fields[i].source == COUNTER ?
		    counter_of(v, said_fields[i].index) :
		    n[said_fields[i].index]);
	say(text);
}
