/* Runner of the unit suites, and functions that they share. Each test runs in
 * its own process (CK_FORK) and may change masks, variables and descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/dropin.h"
#include "suites.h"

/* ---- processes ---------------------------------------------------------- */

static int
memory_file(void)
{
	int fd = memfd_create("heard", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
read_all(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	ck_assert_int_ge(n, 0);
	ck_assert_int_lt(n, size - 1);
	text[n] = '\0';
	close(fd);
}

void
outcome_of(struct outcome *o, void (*call)(const void *), const void *with)
{
	int out = memory_file(), err = memory_file();
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		call(with);
		_exit(0);
	}
	o->code = end_of(pid);
	read_all(out, o->out, sizeof(o->out));
	read_all(err, o->err, sizeof(o->err));
}

void
says(void (*call)(const void *), const void *with, int code,
    const char *format, ...)
{
	struct outcome o;
	char line[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line) - 1, format, arguments);
	va_end(arguments);
	outcome_of(&o, call, with);
	ck_assert_str_eq(o.err, strcat(line, "\n"));
	ck_assert_str_eq(o.out, "");
	ck_assert_int_eq(o.code, code);
}

int
end_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, __WALL), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status);
}

void
hold(void)
{
	struct inherited inherited;

	signals_hold(&inherited);
}

_Noreturn void
sit(void)
{
	siginfo_t info;
	int sig;

	do
		sig = signals_next(&info, NEVER);
	while (sig == 0 || sig == SIGCHLD || sig == SIGCONT);
	_exit(sig);
}

pid_t
sitting(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		sit();
	return pid;
}

void
skip(const char *test, const char *why)
{
	const char *must_run = getenv("MUST_RUN");

	ck_assert_msg(!must_run || !*must_run, "must run, but: %s", why);
	printf("skip - %s # %s\n", test, why);
}

bool
be_root(void)
{
	return chroot("/") == 0 || unshare(CLONE_NEWUSER) == 0;
}

/* ---- files -------------------------------------------------------------- */

static void
enter_new_directory(void)
{
	char name[] = "test.XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(name));
	ck_assert_int_eq(chdir(name), 0);
}

TCase *
case_with_files(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, enter_new_directory, NULL);
	return t;
}

void
make_file(const char *path, const void *bytes, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), size);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

void
make_text(const char *path, const char *text, mode_t mode)
{
	make_file(path, text, strlen(text), mode);
}

const char *
text_of(const char *path)
{
	static char text[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "cannot open %s: %s", path, strerror(errno));
	read_all(fd, text, sizeof(text));
	return text;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* ---- options ------------------------------------------------------------ */

char **
argv_of(const char *name, const char *words)
{
	static char text[8192];
	static char *argv[64];
	size_t count = 0;

	ck_assert_uint_lt(strlen(words), sizeof(text));
	strcpy(text, words);
	argv[count++] = (char *)name;
	for (char *at = text; at; count++) {
		ck_assert_uint_lt(count, COUNT_OF(argv) - 1);
		argv[count] = at;
		at = strchr(at, ' ');
		if (at)
			*at++ = '\0';
	}
	argv[count] = NULL;
	return argv;
}

void
parse(struct options *o, const char *name, const char *words)
{
	/* Fill with garbage to detect members that are not set. */
	memset(o, 0x5a, sizeof(*o));
	options_parse(o, dropin_find(name), argv_of(name, words), false);
}

void
set_as_documented(struct options *o)
{
	memset(o, 0, sizeof(*o));
	o->dies_of_signal = true;
	o->run.orphan_text = "reaped orphan process ";
	o->run.stop_signal = SIGTERM;
	o->run.stop_timeout = o->run.grace = o->run.timeout = o->report_fd =
	    UNSET;
	o->sandbox.umask = o->sandbox.tty = UNSET;
	o->sandbox.info_fd = o->sandbox.block_fd = UNSET;
	o->sandbox.cpu_time = UNSET;
	for (int i = 0; i < 256; i++)
		o->exit_codes[i] = i;
	for (int i = 0; i < SIGNAL_COUNT; i++)
		o->run.signals.rewrite[i] = i;
}

void
set(struct options *o, const struct setting *settings, size_t count)
{
	for (size_t i = 0; i < count && settings[i].size; i++) {
		void *member = (char *)o + settings[i].at;

		switch (settings[i].size) {
		case 1:
			*(uint8_t *)member = settings[i].value;
			break;
		case 4:
			*(int32_t *)member = settings[i].value;
			break;
		default:
			*(int64_t *)member = settings[i].value;
		}
	}
}

void
are_same(const struct options *are, const struct options *expected)
{
	struct options a, b;

	ck_assert_pstr_eq(are->report, expected->report);
	ck_assert_str_eq(are->run.orphan_text, expected->run.orphan_text);
	/* Use memcpy: an assignment need not copy padding. */
	memcpy(&a, are, sizeof(a));
	memcpy(&b, expected, sizeof(b));
	a.command = b.command = NULL;
	a.report = b.report = a.run.orphan_text = b.run.orphan_text = NULL;
	a.args_files = b.args_files = (struct memory){ 0 };
	memset(&a.sandbox.memory, 0, sizeof(a.sandbox.memory));
	memset(&b.sandbox.memory, 0, sizeof(b.sandbox.memory));
	a.for_command = b.for_command = false;
	for (size_t i = 0; i < sizeof(a); i++)
		ck_assert_msg(((char *)&a)[i] == ((char *)&b)[i],
		    "struct options differs at offset %zu: %d is not %d", i,
		    ((char *)&a)[i], ((char *)&b)[i]);
}

/* ---- the runner --------------------------------------------------------- */

/* Unset variables that act as options. Raise Check's timeout of 4 s, which is
 * too short on a busy machine. */
static void
clean_environment(void)
{
	static const char names[][24] = {
		"PITH_OPTIONS", "LISTEN_PID", "TINI_SUBREAPER",
		"TINI_KILL_PROCESS_GROUP", "TINI_VERBOSITY", "DUMB_INIT_DEBUG",
		"DUMB_INIT_SETSID", "CATATONIT_DEBUG",
	};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		unsetenv(names[i]);
	setenv("CK_DEFAULT_TIMEOUT", "60", 0);
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");
	char dir[1024];
	SRunner *runner;
	int failed;

	snprintf(dir, sizeof(dir), "%s/pith-unit.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir) || chdir(dir) < 0) {
		perror(dir);
		return 99;
	}
	clean_environment();
	umask(022);
	runner = srunner_create(signals_suite());
	srunner_add_suite(runner, reaper_suite());
	srunner_add_suite(runner, child_suite());
	srunner_add_suite(runner, options_suite());
	srunner_add_suite(runner, dropin_suite());
	srunner_add_suite(runner, report_suite());
	srunner_add_suite(runner, log_suite());
	srunner_add_suite(runner, seccomp_suite());
	srunner_add_suite(runner, limits_suite());
	srunner_add_suite(runner, users_suite());
	srunner_add_suite(runner, privileges_suite());
	srunner_add_suite(runner, environment_suite());
	srunner_add_suite(runner, inittab_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (chdir("/") < 0 ||
	    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
		perror(dir);
	return failed > 0;
}
