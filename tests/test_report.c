#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/log.h"
#include "cli/outfile.h"
#include "cli/report.h"
#include "suites.h"

static const struct rusage usage = {
	.ru_utime = { 2, 345678 }, .ru_stime = { 0, 999999 }, .ru_maxrss = 4096,
};

static const int64_t counters[] = { 5120, 6, 7, UNKNOWN, 9, 10, UNKNOWN, 0 };

static const struct verdict verdict = {
	.reason = "exited", .exit_code = 3, .signal = UNKNOWN, .wall_ms = 4567,
	.usage = &usage, .orphans_reaped = 12, .stragglers_killed = 1,
};

#define NO_CGROUP "\"memory_peak_bytes\":null,\"pids_peak\":null," \
	"\"oom_kills\":null,\"throttled_ms\":null,\"io_read_bytes\":null," \
	"\"io_write_bytes\":null,\"net_rx_bytes\":null,\"net_tx_bytes\":null," \
	"\"cgroup\":null,"
#define OF_VERDICT "\"wall_ms\":4567,\"user_ms\":2345,\"system_ms\":999," \
	"\"max_rss_bytes\":4194304," NO_CGROUP "\"orphans_reaped\":12," \
	"\"stragglers_killed\":1,\"weakened\":[]}\n"
#define OF_FAILURE "\"signal\":null,\"wall_ms\":null,\"user_ms\":null," \
	"\"system_ms\":null,\"max_rss_bytes\":null," NO_CGROUP \
	"\"orphans_reaped\":null,\"stragglers_killed\":null,\"weakened\":[]}\n"

/* Count files in the working directory whose names begin so. */
static int
count_files(const char *begin)
{
	DIR *dir = opendir(".");
	int n = 0;

	for (struct dirent *e; (e = readdir(dir));)
		n += strncmp(e->d_name, begin, strlen(begin)) == 0;
	closedir(dir);
	return n;
}

/* ---- contents ------------------------------------------------------------ */

static void
report_into(const char *file, const struct verdict *v)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 3);
	report_open(NULL, fd);
	report_write(v);
}

static const struct { struct verdict verdict; const char *json; } written[] = {
	{ { "exited", 3, UNKNOWN, 4567, &usage, 12, 1, NULL, NULL },
	    "{\"reason\":\"exited\",\"error\":null,\"exit_code\":3,"
	    "\"signal\":null,"
	    OF_VERDICT },
	{ { "oom", 137, 9, 4567, &usage, 12, 1, counters, "/a\"/pith-1/pay" },
	    "{\"reason\":\"oom\",\"error\":null,\"exit_code\":137,\"signal\":9,"
	    "\"wall_ms\":4567,\"user_ms\":2345,\"system_ms\":999,"
	    "\"max_rss_bytes\":4194304,\"memory_peak_bytes\":5120,"
	    "\"pids_peak\":6,\"oom_kills\":7,\"throttled_ms\":null,"
	    "\"io_read_bytes\":9,\"io_write_bytes\":10,"
	    "\"net_rx_bytes\":null,"
	    "\"net_tx_bytes\":0,\"cgroup\":\"/a\\u0022/pith-1/pay\","
	    "\"orphans_reaped\":12,\"stragglers_killed\":1,"
	    "\"weakened\":[]}\n" },
	{ { "signaled", 137, 9, 4567, &usage, 12, 1, NULL, NULL },
	    "{\"reason\":\"signaled\",\"error\":null,\"exit_code\":137,"
	    "\"signal\":9,"
	    OF_VERDICT },
	{ { "", 0, UNKNOWN, UNKNOWN, NULL, UNKNOWN, UNKNOWN, NULL,
	    NULL }, "{\"reason\":"
	    "null,\"error\":null,\"exit_code\":0," OF_FAILURE },
	{ { NULL, 255, UNKNOWN, UNKNOWN, NULL, UNKNOWN, UNKNOWN, NULL,
	    NULL },
	    "{\"reason\":null,\"error\":null,\"exit_code\":255," OF_FAILURE },
};

START_TEST(a_report_has_all_keys_and_null_for_unknown_values)
{
	report_into("json", &written[_i].verdict);
	ck_assert_str_eq(text_of("json"), written[_i].json);
}
END_TEST

static const char *const hostile[][2] = {
	{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	    "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
	{ "\",\"exit_code\":0}", "\\u0022,\\u0022exit_code\\u0022:0}" },
	{ "\\\"\\u0041\\", "\\u005c\\u0022\\u005cu0041\\u005c" },
	{ "\n\t\033[2J", "\\u000a\\u0009\\u001b[2J" },
	{ "\xc2\x9b" "31m\xff\xc3(", "\\u00c2\\u009b31m\\u00ff\\u00c3(" },
	{ "\xed\xa0\x80\xc0\xaf",
	    "\\u00ed\\u00a0\\u0080\\u00c0\\u00af" },
};

static void
check_escaped(const char *text, const char *expected)
{
	char begin[256];
	struct verdict v = verdict;

	v.reason = text;
	report_into("json", &v);
	snprintf(begin, sizeof(begin), "{\"reason\":\"%s\",\"error\":",
	    expected);
	ck_assert_int_eq(strncmp(text_of("json"), begin, strlen(begin)), 0);
}

START_TEST(a_hostile_text_stays_one_json_string)
{
	check_escaped(hostile[_i][0], hostile[_i][1]);
}
END_TEST

START_TEST(every_byte_is_literal_or_escaped)
{
	for (int byte = 1; byte < 256; byte++) {
		const char text[] = { byte, '\0' };
		char escaped[8];

		snprintf(escaped, sizeof(escaped), "\\u%04x", byte);
		check_escaped(text, byte >= ' ' && byte < 127 && byte != '"' &&
		    byte != '\\' ? text : escaped);
	}
}
END_TEST

/* Return a report after three warnings, the last of which quotes name. */
static const char *
report_of(const char *name)
{
	int fd = open("json", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	warnx("before report_open()", NULL, NULL, NULL);
	report_open(NULL, fd);
	warnx("first", NULL, NULL, NULL);
	warnx("cannot execute", name, "why", NULL);
	report_write(&verdict);
	return text_of("json");
}

START_TEST(the_last_warning_is_the_error_of_the_report)
{
	ck_assert_str_eq(report_of("a\033\""), "{\"reason\":\"exited\","
	    "\"error\":\"cannot execute 'a\\u005cx1b\\u0022': why\","
	    "\"exit_code\":3,\"signal\":null," OF_VERDICT);
}
END_TEST

START_TEST(a_long_error_leaves_the_json_valid)
{
	char name[2 * PATH_MAX] = "";
	const char *text;

	memset(name, '"', sizeof(name) - 1);
	text = report_of(name);
	ck_assert_uint_le(strlen(text), PIPE_BUF);
	ck_assert_ptr_nonnull(strstr(text, "\\u0022...\",\"exit_code\":3,"));
	ck_assert_str_eq(strstr(text, "\"wall_ms\""), OF_VERDICT);
}
END_TEST

static void
fail_after_open(const void *none)
{
	(void)none;
	report_write(&verdict);         /* not open yet: no effect */
	report_open("failed", -1);
	errno = ENOENT;
	die("cannot start", "x");
}

START_TEST(a_failure_is_written_as_a_report)
{
	says(fail_after_open, NULL, 125,
	    "pith: cannot start 'x': No such file or directory");
	ck_assert_str_eq(text_of("failed"), "{\"reason\":\"setup-error\","
	    "\"error\":\"cannot start 'x': No such file or directory\","
	    "\"exit_code\":125," OF_FAILURE);
	ck_assert_int_eq(count_files(".pith-"), 0);
}
END_TEST

/* ---- files and descriptors ----------------------------------------------- */

START_TEST(a_file_appears_when_it_is_complete)
{
	struct stat st;
	int home;

	umask(0);
	make_text("file", "old", 0600);
	ck_assert_int_eq(mkdir("dir", 0755), 0);
	report_open("dir/../file", -1);
	ck_assert_str_eq(text_of("file"), "old");
	ck_assert_int_eq(count_files(".pith-"), 0);
	home = open(".", O_RDONLY);
	/* pith has changed its directory by then. */
	ck_assert_int_eq(chdir("/"), 0);
	report_write(&verdict);
	ck_assert_int_eq(fchdir(home), 0);
	ck_assert_int_eq(count_files(".pith-"), 0);
	ck_assert_int_eq(count_files("file"), 1);
	ck_assert_int_eq(stat("file", &st), 0);
	ck_assert_int_eq(st.st_mode, S_IFREG | 0644);
	ck_assert_str_eq(strstr(text_of("file"), "\"wall_ms\""), OF_VERDICT);
}
END_TEST

START_TEST(two_reports_to_the_same_file_do_not_mix)
{
	struct outfile o[2] = { NO_OUTFILE, NO_OUTFILE };

	make_text("file", "old", 0600);
	outfile_open(&o[0], "file", "cannot write", NULL);
	outfile_open(&o[1], "file", "cannot write", NULL);
	ck_assert_str_ne(o[0].temporary, o[1].temporary);
	outfile_write(&o[0], "first", 5);
	ck_assert_str_eq(text_of("file"), "first");
	outfile_write(&o[1], "second", 6);
	ck_assert_str_eq(text_of("file"), "second");
	ck_assert_int_eq(count_files(".pith-"), 0);
}
END_TEST

static void
write_over_directory(const void *none)
{
	(void)none;
	report_open("name", -1);
	ck_assert_int_eq(mkdir("name", 0755), 0);
	report_write(&verdict);
}

START_TEST(a_failed_report_leaves_no_temporary_file)
{
	says(write_over_directory, NULL, 0,
	    "pith: cannot write 'name': Is a directory");
	ck_assert_int_eq(count_files(".pith-"), 0);
}
END_TEST

static void
write_report_to(const void *file)
{
	report_into(file, &verdict);
}

START_TEST(a_full_disk_is_reported)
{
	says(write_report_to, "/dev/full", 0,
	    "pith: cannot write 'report': No space left on device");
}
END_TEST

#define NO_FILE "': not a regular file; use --report-fd to write to an " \
	"open file"
#define NO_PLACE "': No such file or directory"

static const struct { const char *file, *why; } places[] = {
	{ "nowhere/file", "nowhere/file" NO_PLACE },
	{ "plain/file", "plain/file': Not a directory" },
	{ "dir/", "dir/" NO_PLACE }, { "/", "/" NO_PLACE },
	{ "", NO_PLACE }, { "/proc/x", "/proc/x" NO_PLACE },
	{ "dir", "dir" NO_FILE }, { "/proc", "/proc" NO_FILE },
	{ "/dev/null", "/dev/null" NO_FILE }, { "fifo", "fifo" NO_FILE },
	{ "link", "link" NO_FILE }, { "dangling", "dangling" NO_FILE },
};

static void
open_file(const void *file)
{
	report_open(file, -1);
}

START_TEST(a_report_replaces_only_regular_files)
{
	make_text("plain", "stays", 0600);
	mkdir("dir", 0755);
	mkfifo("fifo", 0600);
	ck_assert_int_eq(symlink("plain", "link"), 0);
	ck_assert_int_eq(symlink("nowhere", "dangling"), 0);
	for (size_t i = 0; i < COUNT_OF(places); i++)
		says(open_file, places[i].file, 125,
		    "pith: cannot write the report '%s", places[i].why);
	ck_assert_int_eq(count_files(".pith-"), 0);
	ck_assert_str_eq(text_of("plain"), "stays");
}
END_TEST

START_TEST(a_name_that_is_too_long_is_refused)
{
	char name[3 * PATH_MAX] = "";

	memset(name, 'x', NAME_MAX + 1);
	says(open_file, name, 125, "pith: cannot write the report '%s': %s",
	    name, strerror(ENAMETOOLONG));
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 2 ? '/' : 'x';
	says(open_file, name, 125, "pith: cannot write the report '%.995s...",
	    name);
}
END_TEST

/* Descriptors up to a number that covers what fd_above() chooses. */
enum { SEEN = 1024 };

static void
see_open(bool is_open[SEEN])
{
	for (int fd = 0; fd < SEEN; fd++)
		is_open[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* Return the number of descriptors that were opened since, which must be above
 * 2 and close on exec. */
static int
count_opened(const bool was_open[SEEN])
{
	int n = 0;

	for (int fd = 0; fd < SEEN; fd++)
		if (!was_open[fd] && fcntl(fd, F_GETFD) >= 0) {
			ck_assert_int_ge(fd, 3);
			ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
			n++;
		}
	return n;
}

START_TEST(closed_standard_descriptors_stay_closed)
{
	bool was_open[SEEN];

	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	see_open(was_open);
	report_open("closed", -1);
	ck_assert_int_ge(count_opened(was_open), 2);
	/* No other descriptor is left open. */
	ck_assert_int_eq(open("/", O_RDONLY), STDIN_FILENO);
	ck_assert_int_eq(open("/", O_RDONLY), STDOUT_FILENO);
}
END_TEST

START_TEST(the_child_does_not_inherit_the_report_descriptor)
{
	const int open_fds[] = { 1, 2, open("/dev/null", O_WRONLY) };
	bool was_open[SEEN];

	for (int i = 0; i < 3; i++) {
		see_open(was_open);
		report_open(NULL, open_fds[i]);
		ck_assert_int_eq(count_opened(was_open), 1);
		ck_assert_int_eq(fcntl(open_fds[i], F_GETFD), i < 2 ? 0 : -1);
	}
}
END_TEST

static void
open_descriptor(const void *flags)
{
	const int how = *(const int *)flags;

	report_open(NULL, how < 0 ? 1000 : open("/", how));
}

START_TEST(a_descriptor_that_cannot_be_written_to_is_refused)
{
	static const int flags[] = { O_RDONLY, O_PATH, -1 };

	says(open_descriptor, &flags[_i], 125,
	    "pith: cannot write to '--report-fd': Bad file descriptor");
}
END_TEST

/* ---- summary line -------------------------------------------------------- */

static void
say_verdict(const void *v)
{
	report_say(v, "sh\033[2J");
}

#define OF_USAGE "4567 ms, user 2345 ms, system 999 ms, max rss 4096 KiB, " \
	"orphans reaped 12, stragglers killed 1"

START_TEST(the_summary_line_has_the_same_numbers)
{
	struct verdict v = verdict;

	says(say_verdict, &v, 0,
	    "pith: sh\\x1b[2J: exited, exit code 3, " OF_USAGE);
	v.reason = "signaled";
	v.signal = 15;
	says(say_verdict, &v, 0, "pith: sh\\x1b[2J: signaled by signal "
	    "15, exit code 3, " OF_USAGE);
	v.counters = counters;
	says(say_verdict, &v, 0, "pith: sh\\x1b[2J: signaled by signal "
	    "15, exit code 3, " OF_USAGE ", memory peak 5 KiB, processes at "
	    "most 6, oom kills 7");
}
END_TEST

Suite *
report_suite(void)
{
	Suite *s = suite_create("report");
	TCase *t = case_with_files("json");

	add_each(t, a_report_has_all_keys_and_null_for_unknown_values, written);
	add_each(t, a_hostile_text_stays_one_json_string, hostile);
	tcase_add_test(t, every_byte_is_literal_or_escaped);
	tcase_add_test(t, the_last_warning_is_the_error_of_the_report);
	tcase_add_test(t, a_long_error_leaves_the_json_valid);
	tcase_add_test(t, a_failure_is_written_as_a_report);
	suite_add_tcase(s, t);
	t = case_with_files("file");
	tcase_add_test(t, a_file_appears_when_it_is_complete);
	tcase_add_test(t, two_reports_to_the_same_file_do_not_mix);
	tcase_add_test(t, a_failed_report_leaves_no_temporary_file);
	tcase_add_test(t, a_full_disk_is_reported);
	tcase_add_test(t, a_report_replaces_only_regular_files);
	tcase_add_test(t, a_name_that_is_too_long_is_refused);
	tcase_add_test(t, closed_standard_descriptors_stay_closed);
	tcase_add_test(t, the_child_does_not_inherit_the_report_descriptor);
	tcase_add_loop_test(t,
	    a_descriptor_that_cannot_be_written_to_is_refused, 0, 3);
	tcase_add_test(t, the_summary_line_has_the_same_numbers);
	suite_add_tcase(s, t);
	return s;
}
