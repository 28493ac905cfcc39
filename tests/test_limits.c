#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/log.h"
#include "cli/options.h"
#include "sandbox/limits.h"
#include "sandbox/proc.h"
#include "suites.h"

static const char options[GROUP_LIMITS][16] = {
	[MEMORY] = "--memory", [MEMORY_SWAP] = "--memory-swap",
	[MEMORY_HIGH] = "--memory-high", [CPUS] = "--cpus",
	[CPU_SHARES] = "--cpu-shares", [CPUSET_CPUS] = "--cpuset-cpus",
	[PIDS_LIMIT] = "--pids-limit", [BLKIO_WEIGHT] = "--blkio-weight",
};

/* Parse up to two options with a value as on the command line; the second one
 * may be NULL. Return the sandbox. */
static const struct sandbox *
given(const char *first, const char *value, const char *second,
    const char *value2)
{
	static struct options o;
	const char *argv[] = { "pith", first, value, second ? second : "run",
	    value2, "run", NULL };

	options_parse(&o, NULL, (char **)argv, false);
	return &o.sandbox;
}

static const struct requested {
	enum group_limit limit;
	const char *value, *v1, *v2;    /* written values; NULL: no such file */
	const char *file1, *file2;
} good[] = {
	{ MEMORY, "512k", "524288", "524288", "memory.limit_in_bytes",
	    "memory.max" },
	{ MEMORY, "1024Kb", "1048576", "1048576", "memory.limit_in_bytes",
	    "memory.max" },
	{ MEMORY, "64MiB", "67108864", "67108864", "memory.limit_in_bytes",
	    "memory.max" },
	{ MEMORY, "1G", "1073741824", "1073741824", "memory.limit_in_bytes",
	    "memory.max" },
	{ CPUS, "0.5", "50000", "50000 100000", "cpu.cfs_quota_us",
	    "cpu.max" },
	{ CPUS, "0.01", "1000", "1000 100000", "cpu.cfs_quota_us", "cpu.max" },
	{ CPUS, "2", "200000", "200000 100000", "cpu.cfs_quota_us",
	    "cpu.max" },
	{ CPUS, "1.234567", "123456", "123456 100000", "cpu.cfs_quota_us",
	    "cpu.max" },
	{ CPU_SHARES, "2", "2", "1", "cpu.shares", "cpu.weight" },
	{ CPU_SHARES, "1024", "1024", "100", "cpu.shares", "cpu.weight" },
	{ CPU_SHARES, "262144", "262144", "10000", "cpu.shares",
	    "cpu.weight" },
	{ CPUSET_CPUS, "0-1,3", "0-1,3", NULL, "cpuset.cpus", NULL },
	{ PIDS_LIMIT, "100", "100", "100", "pids.max", "pids.max" },
	{ PIDS_LIMIT, "-1", "max", "max", "pids.max", "pids.max" },
	{ BLKIO_WEIGHT, "10", "10", "1", "blkio.weight", "io.weight" },
	{ BLKIO_WEIGHT, "1000", "1000", "10000", "blkio.weight",
	    "io.weight" },
	{ BLKIO_WEIGHT, "500", "500", "500", "blkio.bfq.weight",
	    "io.bfq.weight" },
};

/* Write the limits into an empty file and return its contents. */
static const char *
written(const struct sandbox *s, const char *file, bool v2)
{
	static char text[64];
	const int group = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	limits_write(s, group, ~0U, v2);
	ck_assert(file_read(group, file, text, sizeof(text)));
	unlink(file);
	close(group);
	return text;
}

START_TEST(a_limit_is_written_in_the_format_of_v1_and_v2)
{
	const struct requested *a = &good[_i];
	const struct sandbox *s = given(options[a->limit], a->value, NULL,
	    NULL);

	proc_open();
	ck_assert_uint_ne(limits_check(s), 0);
	ck_assert_str_eq(written(s, a->file1, false), a->v1);
	if (a->file2)
		ck_assert_str_eq(written(s, a->file2, true), a->v2);
}
END_TEST

static const struct { const char *swap, *v1, *v2; } swaps[] = {
	{ NULL, "67108864", "0" }, { "64m", "67108864", "0" },
	{ "96m", "100663296", "33554432" }, { "-1", "-1", "max" },
};

START_TEST(swap_includes_memory_in_v1_and_not_in_v2)
{
	const struct sandbox *s = given("--memory", "64m", swaps[_i].swap ?
	    "--memory-swap" : NULL, swaps[_i].swap);

	proc_open();
	close(open("memory.limit_in_bytes", O_WRONLY | O_CREAT, 0600));
	close(open("memory.max", O_WRONLY | O_CREAT, 0600));
	limits_check(s);
	ck_assert_str_eq(written(s, "memory.memsw.limit_in_bytes", false),
	    swaps[_i].v1);
	ck_assert_str_eq(written(s, "memory.swap.max", true), swaps[_i].v2);
}
END_TEST

static const struct { int limit; const char *value; } bad[] = {
	{ MEMORY, "0" }, { MEMORY, "-1" }, { MEMORY, "1e30" },
	{ MEMORY, "64mm" }, { MEMORY, " 5m" }, { MEMORY, "64mbb" },
	{ MEMORY, "64mi" }, { MEMORY, "524288bb" },
	{ MEMORY, "18446744073709551616" },
	{ MEMORY, "511k" }, { MEMORY, "1.5g" }, { MEMORY_HIGH, "0" },
	{ CPUS, "0" }, { CPUS, "0.009" }, { CPUS, "-1" }, { CPUS, "1." },
	{ CPUS, ".5" }, { CPUS, "1,5" }, { CPUS, "10001" }, { CPUS, "0.5x" },
	{ CPU_SHARES, "1" }, { CPU_SHARES, "262145" }, { CPU_SHARES, "x" },
	{ CPUSET_CPUS, "-1" }, { CPUSET_CPUS, "a" }, { CPUSET_CPUS, ",1" },
	{ CPUSET_CPUS, "0 1" }, { PIDS_LIMIT, "0" }, { PIDS_LIMIT, "-2" },
	{ PIDS_LIMIT, "4194305" }, { PIDS_LIMIT, "max" },
	{ BLKIO_WEIGHT, "9" }, { BLKIO_WEIGHT, "1001" },
};

/* Check that the call dies with an error that begins so. */
static void
is_refused(void (*call)(const void *), const void *with, const char *begin)
{
	struct outcome o;

	outcome_of(&o, call, with);
	ck_assert_int_eq(strncmp(o.err, begin, strlen(begin)), 0);
	ck_assert_int_eq(o.code, 125);
}

static void
check_limit(const void *index)
{
	const int i = *(const int *)index;

	limits_check(given(options[bad[i].limit], bad[i].value, NULL, NULL));
}

START_TEST(an_invalid_limit_is_refused_and_not_unlimited)
{
	char begin[96];

	snprintf(begin, sizeof(begin), "pith: bad value '%s': --",
	    bad[_i].value);
	is_refused(check_limit, &_i, begin);
}
END_TEST

struct unwritten {
	const struct requested *requested;
	bool v2;
};

/* Write a limit to a group that has none of the files. */
static void
write_nowhere(const void *with)
{
	const struct unwritten *u = with;
	const struct requested *a = u->requested;
	const struct sandbox *s = a ?
	    given(options[a->limit], a->value, NULL, NULL) :
	    given("--cgroup-conf", "pids.max=5", NULL, NULL);

	proc_open();
	limits_write(s, open(".", O_RDONLY | O_DIRECTORY), ~0U, u->v2);
}

/* Seen to fail if the result of the write is ignored. */
START_TEST(a_limit_that_cannot_be_set_is_refused)
{
	const bool word = _i / 2 == COUNT_OF(good);
	const struct unwritten u = { word ? NULL : &good[_i / 2], _i % 2 };
	const char *file = word ? "pids.max" : u.v2 ? u.requested->file2 :
	    u.requested->file1;
	char begin[96];

	/* A weight is tried in two files; the error names the second. */
	if (!word && u.requested->limit == BLKIO_WEIGHT)
		file = u.v2 ? "io.bfq.weight" : "blkio.bfq.weight";
	snprintf(begin, sizeof(begin), "pith: cannot set '%s=", file ? file :
	    "cpuset.cpus");
	is_refused(write_nowhere, &u, begin);
}
END_TEST

static void
write_oom_group(const void *none)
{
	const struct sandbox s = { .oom = OOM_GROUP };

	(void)none;
	limits_write_oom(&s, open(".", O_RDONLY | O_DIRECTORY), true);
}

START_TEST(a_missing_memory_oom_group_is_an_error)
{
	is_refused(write_oom_group, NULL, "pith: cannot set "
	    "'memory.oom.group=1': ");
}
END_TEST

static const char *const words[] = {
	"pids.max", "pids.max=", "=1", "pids=1", "a/b.c=1", "../pids.max=1",
	"nobody.max=1", "freezer.state=FROZEN", "cgroup.procs=1", "tasks=1",
	".max=1",
};

static void
check_word(const void *value)
{
	limits_check(given("--cgroup-conf", *(char *const *)value, NULL, NULL));
}

START_TEST(a_file_of_no_controller_is_refused)
{
	char begin[96];

	snprintf(begin, sizeof(begin), "pith: bad value '%s'", words[_i]);
	is_refused(check_word, &words[_i], begin);
}
END_TEST

Suite *
limits_suite(void)
{
	Suite *s = suite_create("limits");
	TCase *t = case_with_files("limits");

	add_each(t, a_limit_is_written_in_the_format_of_v1_and_v2, good);
	add_each(t, swap_includes_memory_in_v1_and_not_in_v2, swaps);
	add_each(t, an_invalid_limit_is_refused_and_not_unlimited, bad);
	tcase_add_loop_test(t, a_limit_that_cannot_be_set_is_refused, 0,
	    2 * COUNT_OF(good) + 2);
	tcase_add_test(t, a_missing_memory_oom_group_is_an_error);
	add_each(t, a_file_of_no_controller_is_refused, words);
	suite_add_tcase(s, t);
	return s;
}
