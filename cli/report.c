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
json_string(struct line *l, const char *text)
{
	static const char hex[] = "0123456789abcdef";

	line_add(l, "\"");
	while (*text) {
		char piece[8] = "\\u00";
		size_t n = text_printable(text);

		if (n > 0 && *text != '"' && *text != '\\') {
			memcpy(piece, text, n);
			piece[n] = '\0';
			text += n;
		} else {
			piece[4] = hex[(*text >> 4) & 15];
			piece[5] = hex[*text++ & 15];
		}
		line_add(l, piece);
	}
	line_add(l, "\"");
}

static void
json_key(struct line *l, const char *key)
{
	line_add(l, l->used > 1 ? ",\"" : "\"");
	line_add(l, key);
	line_add(l, "\":");
}

static void
json_number(struct line *l, const char *key, int64_t number)
{
	json_key(l, key);
	if (number == UNKNOWN)
		line_add(l, "null");
	else
		line_number(l, number);
}

static void
json_text(struct line *l, const char *key, const char *text)
{
	json_key(l, key);
	if (text && *text)
		json_string(l, text);
	else
		line_add(l, "null");
}

static int64_t
milliseconds(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_usec / 1000;
}

static void
json(struct line *l, const struct verdict *v)
{
	/* Only a control group knows these. */
	static const char of_cgroup[][20] = { "memory_peak_bytes", "pids_peak",
	    "oom_kills", "throttled_ms", "io_read_bytes", "io_write_bytes",
	    "net_rx_bytes", "net_tx_bytes", "cgroup" };
	const struct rusage *u = v->usage;

	line_add(l, "{");
	json_text(l, "reason", v->reason);
	json_text(l, "error", report.error);
	json_number(l, "exit_code", v->exit_code);
	json_number(l, "signal", v->signal);
	json_number(l, "wall_ms", v->wall_ms);
	json_number(l, "user_ms", u ? milliseconds(u->ru_utime) : UNKNOWN);
	json_number(l, "system_ms", u ? milliseconds(u->ru_stime) : UNKNOWN);
	json_number(l, "max_rss_bytes",
	    u ? (int64_t)u->ru_maxrss * 1024 : UNKNOWN);
	for (size_t i = 0; i < sizeof(of_cgroup) / sizeof(of_cgroup[0]); i++)
		json_number(l, of_cgroup[i], UNKNOWN);
	json_number(l, "orphans_reaped", v->orphans_reaped);
	json_number(l, "stragglers_killed", v->stragglers_killed);
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
		json_string(&list, line);
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

/* Above 2, whose closed state the child has to inherit; close-on-exec. */
static int
keep(int fd, const char *which)
{
	int kept = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
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

static void
name_temporary(void)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char random[12];
	struct line l = LINE(report.temporary);

	if (getrandom(random, sizeof(random), 0) < 0)
		die("cannot name a temporary file for", report.name);
	line_add(&l, ".pith-");
	for (size_t i = 0; i < sizeof(random); i++)
		line_add(&l, (char[]){ letters[random[i] & 31], '\0' });
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

		if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY) {
			flags = -1;
			errno = EBADF;
		}
		if (flags < 0)
			die("cannot write to", "--report-fd");
		/* The first three are the child's, too. */
		report_fd = fd > STDERR_FILENO ? fd :
		    fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (report_fd < 0)
			die("cannot write to", "--report-fd");
		fcntl(report_fd, F_SETFD, FD_CLOEXEC);
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

void
report_say(const struct verdict *v, const char *command)
{
	char text[512];
	struct line l = LINE(text);

	line_quote(&l, command);
	line_add(&l, ": ");
	line_add(&l, v->reason);
	if (v->signal != UNKNOWN) {
		line_add(&l, " by signal ");
		line_number(&l, v->signal);
	}
	line_add(&l, ", exit code ");
	line_number(&l, v->exit_code);
	line_add(&l, ", ");
	line_number(&l, v->wall_ms);
	line_add(&l, " ms, user ");
	line_number(&l, milliseconds(v->usage->ru_utime));
	line_add(&l, " ms, system ");
	line_number(&l, milliseconds(v->usage->ru_stime));
	line_add(&l, " ms, max rss ");
	line_number(&l, v->usage->ru_maxrss);
	line_add(&l, " KiB, orphans reaped ");
	line_number(&l, v->orphans_reaped);
	line_add(&l, ", stragglers killed ");
	line_number(&l, v->stragglers_killed);
	say(text);
}
