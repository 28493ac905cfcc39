#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "report.h"

/* One per process, and wanted where complaints are heard: so it stands here. */
static int report_fd = -1;              /* the verdict goes here, or -1 */
static int report_dir = -1;             /* where a file is to appear, or -1 */
static struct {
	char name[NAME_MAX + 1];        /* in the directory, at the end */
	char temporary[32];             /* until then */
	char error[512];                /* the last complaint */
	char weakened[1024];            /* a JSON string for each that lacks */
} report;

static void
json_key(struct line *l, const char *key)
{
	line_add(l, l->used > 1 ? ",\"" : "\"");
	line_add(l, key);
	line_add(l, "\":");
}

static void
json_text(struct line *l, const char *key, const char *text)
{
	json_key(l, key);
	line_json(l, text);
}

static void
json_number(struct line *l, const char *key, int64_t n)
{
	json_key(l, key);
	if (n == UNKNOWN)
		line_add(l, "null");
	else
		line_number(l, n);
}

/* The numbers of a verdict, in the order of the JSON. */
enum {
	EXIT_CODE, SIGNAL, WALL, USER, SYSTEM, RSS, ORPHANS, STRAGGLERS, NUMBERS
};

/* Their keys; in the middle those of the control group, and its path. */
enum { GROUP_FROM = RSS + 1, GROUP_NAME = GROUP_FROM + 8 };
static const char keys[] = "exit_code\0signal\0wall_ms\0user_ms\0system_ms\0"
    "max_rss_bytes\0"
    "memory_peak_bytes\0pids_peak\0oom_kills\0throttled_ms\0"
    "io_read_bytes\0io_write_bytes\0net_rx_bytes\0net_tx_bytes\0cgroup\0"
    "orphans_reaped\0stragglers_killed\0";

/* What a person reads before the first of the control group's. */
static const char group_words[] = ", memory peak \0, processes at most \0, "
    "oom kills \0, throttled ms \0";

/* What a person reads before each of them; of a signal not always. */
static const char words[] = ", exit code \0\0, \0 ms, user \0 ms, system \0"
    " ms, max rss \0 KiB, orphans reaped \0, stragglers killed \0";

static int64_t
milliseconds(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_usec / 1000;
}

static void
numbers_of(const struct verdict *v, int64_t n[NUMBERS])
{
	const struct rusage *u = v->usage;

	n[EXIT_CODE] = v->exit_code;
	n[SIGNAL] = v->signal;
	n[WALL] = v->wall_ms;
	n[USER] = n[SYSTEM] = n[RSS] = UNKNOWN;
	if (u) {
		n[USER] = milliseconds(u->ru_utime);
		n[SYSTEM] = milliseconds(u->ru_stime);
		n[RSS] = u->ru_maxrss;          /* KiB */
	}
	n[ORPHANS] = v->orphans_reaped;
	n[STRAGGLERS] = v->stragglers_killed;
}

static void
json(struct line *l, const struct verdict *v)
{
	int64_t numbers[NUMBERS], *n = numbers;
	const char *key = keys;

	numbers_of(v, numbers);
	if (numbers[RSS] != UNKNOWN)
		numbers[RSS] *= 1024;
	line_add(l, "{");
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
	line_add(l, "[");
	line_add(l, report.weakened);
	line_add(l, "]}\n");
}

static bool
write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t written = write(fd, text, n);

		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			text += written;
			n -= written;
		}
	}
	return true;
}

void
report_write(const struct verdict *v)
{
	char text[PIPE_BUF];
	struct line l = LINE(text);

	if (report_fd < 0)
		return;
	json(&l, v);
	if (!write_all(report_fd, text, l.used))
		warn("cannot write", "report");
	else if (report_dir >= 0 && renameat(report_dir, report.temporary,
	    report_dir, report.name) < 0)
		warn("cannot write", report.name);
	else
		return;
	if (report_dir >= 0)
		unlinkat(report_dir, report.temporary, 0);
}

void
report_failure(const char *reason, int exit_code)
{
	const struct verdict v = {
		.reason = reason,
		.exit_code = exit_code,
		.signal = UNKNOWN,
		.wall_ms = UNKNOWN,
		.orphans_reaped = UNKNOWN,
		.stragglers_killed = UNKNOWN,
	};

	report_write(&v);
}

void
report_disown(void)
{
	report_fd = report_dir = -1;
}

void
report_note(const char *line, int code)
{
	size_t used = strlen(report.weakened);
	struct line l = LINE(report.error);
	struct line list = { report.weakened, sizeof(report.weakened), used };

	/* What does not fit any more would not be JSON any more. */
	if (code != LACKING) {
		line_add(&l, line);
	} else if (strlen(line) * 6 + 4 < sizeof(report.weakened) - used) {
		line_add(&list, used > 0 ? "," : "");
		line_json(&list, line);
	}
}

/* The listener of complaints. */
static void
hear(const char *line, int code)
{
	report_note(line, code);
	if (code > 0)
		report_failure("setup-error", code);
}

/* Those from 3 on may have to be the command's: above them, if there may be so
 * many. */
static int
dup_above(int fd)
{
	const int above = fcntl(fd, F_DUPFD_CLOEXEC, 128);

	return above >= 0 ? above : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* Above 2, whose closed state the child has to inherit; close-on-exec. */
static int
keep(int fd, const char *which)
{
	int kept = fd < 0 ? -1 : dup_above(fd);
	int error = errno;

	if (kept < 0) {
		if (fd >= 0 && report_dir >= 0)
			unlinkat(report_dir, report.temporary, 0);
		errno = error;
		die("cannot write the report", which);
	}
	close(fd);
	return kept;
}

/* Letters of a name that nobody guesses, and nobody has taken. */
enum { RANDOM = 12 };

static void
name_temporary(void)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	char *name = report.temporary + sizeof(".pith-") - 1;

	memcpy(report.temporary, ".pith-", sizeof(".pith-"));
	if (getrandom(name, RANDOM, 0) < 0)
		die("cannot name a temporary file for", report.name);
	for (int i = 0; i < RANDOM; i++)
		name[i] = letters[name[i] & 31];
	name[RANDOM] = '\0';
}

/* A rename would put a file in the place of a device or a link. */
static void
check_place(const char *file)
{
	struct stat st;

	if (fstatat(report_dir, report.name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT || !report.name[0])
			die("cannot write the report", file);
	} else if (!S_ISREG(st.st_mode))
		refuse("cannot write the report", file, "not a regular file",
		    "--report-fd writes to what is open");
}

static void
open_file(const char *file)
{
	char path[PATH_MAX];
	struct line dir = LINE(path);
	struct line name = LINE(report.name);
	const char *slash = strrchr(file, '/');
	const char *last = slash ? slash + 1 : file;

	errno = ENAMETOOLONG;
	if (strlen(file) >= sizeof(path) || strlen(last) > NAME_MAX)
		die("cannot write the report", file);
	line_add(&name, last);
	line_add(&dir, slash ? file : ".");
	if (slash)
		path[slash == file ? 1 : slash - file] = '\0';
	report_dir = keep(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), path);
	check_place(file);
	name_temporary();
	report_fd = keep(openat(report_dir, report.temporary, O_WRONLY |
	    O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644), file);
}

void
report_open(const char *file, int fd)
{
	if (file)
		open_file(file);
	if (fd >= 0) {
		int flags = fcntl(fd, F_GETFL);

		/* To musl O_PATH is a mode of access, too. */
		if (flags >= 0 && (flags & (O_WRONLY | O_RDWR)) == 0) {
			flags = -1;
			errno = EBADF;
		}
		if (flags < 0)
			die("cannot write to", "--report-fd");
		report_fd = dup_above(fd);
		if (report_fd < 0)
			die("cannot write to", "--report-fd");
		/* The first three are the child's, too. */
		if (fd > STDERR_FILENO)
			close(fd);
	}
	if (report_fd >= 0)
		log_listen(hear);
}

void
report_fds(int fds[REPORT_FDS])
{
	fds[0] = report_fd;
	fds[1] = report_dir;
}

static void
say_group(struct line *l, const int64_t *counters)
{
	const char *next = group_words;

	for (int i = 0; counters && *next; i++) {
		const char *unit = strcmp(next, ", memory peak ") == 0 ?
		    " KiB" : "";

		if (counters[i] != UNKNOWN) {
			line_add(l, next);
			line_number(l, *unit ? counters[i] / 1024 :
			    counters[i]);
			line_add(l, unit);
		}
		next += strlen(next) + 1;
	}
}

void
report_say(const struct verdict *v, const char *command)
{
	char text[512];
	struct line l = LINE(text);
	int64_t numbers[NUMBERS];
	const char *next = words;

	numbers_of(v, numbers);
	line_quote(&l, command);
	line_add(&l, ": ");
	line_add(&l, v->reason);
	if (v->signal != UNKNOWN) {
		line_add(&l, " by signal ");
		line_number(&l, v->signal);
	}
	for (int i = 0; i < NUMBERS; i++) {
		line_add(&l, next);
		if (i != SIGNAL)
			line_number(&l, numbers[i]);
		next += strlen(next) + 1;
	}
	say_group(&l, v->counters);
	say(text);
}
