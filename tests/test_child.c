#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "architecture.h"
#include "child.h"
#include "exec_error.h"
#include "suites.h"

/* ---- programs ----------------------------------------------------------- */

/* Start words as a child. Returns the result of child_start(). */
static bool
start(struct child *c, const char *words, struct exec_error *why)
{
	struct inherited inherited;

	signals_hold(&inherited);
	return child_start(c, argv_of("", words) + 1, &inherited, NULL, why);
}

static int
run(const char *words)
{
	struct child c = { .terminal = -1 };
	struct exec_error why;
	bool runs = start(&c, words, &why);
	int code = end_of(c.pid);

	ck_assert(runs == (why.error == 0));
	return runs ? code : -why.error;
}

/* Make the directories of a PATH. Some of their files are not executable. */
static void
make_path(void)
{
	mkdir("one", 0755);
	mkdir("two", 0755);
	make_text("one/forbidden", "exit 1\n", 0644);
	make_text("one/both", "exit 1\n", 0644);
	make_text("two/both", "exit 2\n", 0755);
	make_text("one/first", "exit 3\n", 0755);
	make_text("two/first", "exit 4\n", 0755);
	make_text("two/program", "#!/bin/sh\nexit 5\n", 0755);
	make_file("one/garbage", "\1\0\2", 3, 0755);
	make_text("two/garbage", "exit 6\n", 0755);
	make_text("here", "exit 7\n", 0755);
	make_text("plain", "", 0644);
}

/* Results: exit codes are positive, errors negative. */
static const struct { const char *path, *words; int result; } searches[] = {
	{ "one:two", "program", 5 }, { "nowhere:plain:two", "program", 5 },
	{ "one:two", "first", 3 }, { "two:one", "first", 4 },
	{ "one:two", "both", 2 }, { "two:one", "both", 2 },
	{ "one:two", "forbidden", -EACCES },
	{ "two:one", "forbidden", -EACCES },
	{ "one:two", "missing", -ENOENT }, { "one:two", "here", -ENOENT },
	{ ":one", "here", 7 }, { "one:", "here", 7 }, { "", "here", 7 },
	{ "one::two", "here", 7 }, { "one", "./here", 7 },
	{ "one", "two/program", 5 }, { "one", "two/missing", -ENOENT },
	{ "one", "plain/x", -ENOTDIR }, { "one", "./plain", -EACCES },
	{ "one", "two", -ENOENT }, { ".", "two", -EACCES },
	{ "one:two", "garbage", -ENOEXEC }, { NULL, "sh -c exit\t8", 8 },
};

START_TEST(a_command_is_searched_in_path)
{
	make_path();
	if (searches[_i].path)
		setenv("PATH", searches[_i].path, 1);
	else
		unsetenv("PATH");
	ck_assert_int_eq(run(searches[_i].words), searches[_i].result);
}
END_TEST

START_TEST(a_directory_too_long_for_a_path_is_skipped)
{
	char path[2 * PATH_MAX], name[PATH_MAX + 1];

	make_path();
	memset(path, 'x', sizeof(path));
	strcpy(path + PATH_MAX, ":two");
	setenv("PATH", path, 1);
	ck_assert_int_eq(run("program"), 5);
	memset(name, 'y', PATH_MAX);
	name[PATH_MAX] = '\0';
	ck_assert_int_eq(run(name), -ENOENT);
}
END_TEST

static const struct { const char *text; size_t size; int result; } texts[] = {
	{ "exit 3\n", 7, 3 },
	{ "", 0, 0 },
	{ "exit $#", 7, 2 },
	{ "[ $0 = ./text ] && [ $1 = a ] && [ $2 = b ] && exit 4", 53, 4 },
	{ "[ \"$(tr '\\0' ' ' </proc/$$/cmdline)\" = 'sh ./text a b ' ]",
	    57, 0 },
	{ "exit 3\n\0", 8, -ENOEXEC },
	{ "\0", 1, -ENOEXEC },
	{ "\177ELF, or what looks so; but is none, as all can see by now", 58,
	    -ENOEXEC },
	{ "#!/bin/sh\n[ $# = 2 ] && exit 5\n", 31, 5 },
	{ "#!/nowhere/sh\n", 14, -ENOENT },
	{ "#!nowhere\n", 10, -ENOENT },
};

START_TEST(a_text_file_is_run_by_a_shell)
{
	make_file("text", texts[_i].text, texts[_i].size, 0755);
	ck_assert_int_eq(run("./text a b"), texts[_i].result);
}
END_TEST

/* ---- state of a child --------------------------------------------------- */

static void
run_alone(const void *words)
{
	_exit(run(words));
}

START_TEST(a_child_gets_the_inherited_signal_mask)
{
	const uint64_t mask = UINT64_C(0x8000000380004201);
	struct outcome o;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	outcome_of(&o, run_alone, "cat /proc/self/status");
	ck_assert_int_eq(o.code, 0);
	ck_assert_ptr_nonnull(strstr(o.out, "\nSigBlk:\t8000000380004201\n"));
}
END_TEST

START_TEST(a_child_leads_its_own_group_if_requested)
{
	struct child c = { .own_group = _i, .terminal = -1 };
	struct exec_error why;

	ck_assert(start(&c, "sleep 60", &why));
	ck_assert_int_gt(c.pid, 0);
	ck_assert_int_eq(getpgid(c.pid), _i ? c.pid : getpgrp());
	kill(c.pid, SIGKILL);
	ck_assert_int_eq(end_of(c.pid), 137);
}
END_TEST

static const struct { const char *pre_exec; bool ours; const char *test; }
listen_pids[] = {
	{ NULL, true, "[ $LISTEN_PID = $$ ]" },
	{ "1", false, "[ $LISTEN_PID = 1 ]" },
	{ "", false, "[ -z \"$LISTEN_PID\" ] && [ \"${LISTEN_PID+set}\" ]" },
	{ NULL, false, "[ -z \"${LISTEN_PID+set}\" ]" },
};

START_TEST(listen_pid_is_set_to_the_child_if_it_was_ours)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (listen_pids[_i].ours)
		setenv("LISTEN_PID", pid, 1);
	else if (listen_pids[_i].pre_exec)
		setenv("LISTEN_PID", listen_pids[_i].pre_exec, 1);
	setenv("LISTEN_FDS", "1", 1);
	make_text("listens", listen_pids[_i].test, 0755);
	ck_assert_int_eq(run("./listens"), 0);
	make_text("listens", "[ $LISTEN_FDS = 1 ]", 0755);
	ck_assert_int_eq(run("./listens"), 0);
}
END_TEST

static const char *
stop_early(const void *none, const char **on)
{
	(void)none;
	(void)on;
	kill(getpid(), SIGTSTP);
	return NULL;
}

/* The child handles the signal before its exec: if it stopped there, the parent
 * would wait for the exec forever. Seen to fail without the SIGTSTP that
 * child_start() sends again: the command ran to its end. */
START_TEST(a_stop_signal_before_the_exec_stops_the_command)
{
	const struct pre_exec pre_exec = { .call = stop_early };
	struct child c = { .terminal = -1 };
	struct inherited inherited;
	struct exec_error why;
	int status;

	/* Our parent is in another group, so that our group is not orphaned:
	 * in an orphaned group the kernel drops SIGTSTP; credentials(7). */
	setpgid(0, 0);
	signals_hold(&inherited);
	ck_assert(child_start(&c, argv_of("", "sleep 2") + 1, &inherited,
	    &pre_exec, &why));
	ck_assert_int_eq(waitpid(c.pid, &status, WUNTRACED), c.pid);
	ck_assert(WIFSTOPPED(status));
	ck_assert_int_eq(WSTOPSIG(status), SIGTSTP);
	kill(c.pid, SIGKILL);
	ck_assert_int_eq(end_of(c.pid), 137);
}
END_TEST

START_TEST(a_failed_fork_is_reported)
{
	struct child c = { .terminal = -1 };
	struct exec_error why;
	pid_t first;

	if (!be_root() || unshare(CLONE_NEWPID) < 0) {
		skip("a_failed_fork_is_reported",
		    "needs PID namespaces");
		return;
	}
	/* fork(2) fails in a PID namespace whose process 1 has exited. */
	first = fork();
	if (first == 0)
		_exit(0);
	end_of(first);
	ck_assert(!start(&c, "true", &why));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_int_eq(why.error, 0);
}
END_TEST

/* ---- why an exec failed ------------------------------------------------- */

/* Return the ELF header of this test program. */
static const Elf64_Ehdr *
host(void)
{
	static Elf64_Ehdr head;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(read(fd, &head, sizeof(head)), sizeof(head));
	close(fd);
	return &head;
}

/* Make a program whose second segment names a loader. */
#define MAKE_ELF(bits) \
static void \
make_elf##bits(const char *path, unsigned short machine, const char *loader) \
{ \
	struct { \
		Elf##bits##_Ehdr head; \
		Elf##bits##_Phdr parts[2]; \
		char loader[PATH_MAX + 8]; \
	} f = { \
		.head = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, \
		    ELFCLASS##bits, host()->e_ident[EI_DATA], EV_CURRENT }, \
		    .e_type = ET_EXEC, .e_machine = machine, \
		    .e_phoff = sizeof(f.head), .e_phnum = 2, \
		    .e_phentsize = sizeof(f.parts[0]) }, \
		.parts[0].p_type = PT_NOTE, \
		.parts[1] = { .p_type = PT_INTERP, \
		    .p_offset = offsetof(__typeof__(f), loader), \
		    .p_filesz = strlen(loader) + 1 }, \
	}; \
 \
	strcpy(f.loader, loader); \
	make_file(path, &f, sizeof(f), 0755); \
}

MAKE_ELF(64)
MAKE_ELF(32)

static void
make_programs(void)
{
	const unsigned short machine = host()->e_machine;
	void (*make)(const char *, unsigned short, const char *) =
	    host()->e_ident[EI_CLASS] == ELFCLASS64 ? make_elf64 : make_elf32;
	char huge[PATH_MAX + 8] = "";

	make_path();
	make_text("two/lost", "#!/nowhere/sh\n", 0755);
	make_text("nested", "#!two/lost -x\n", 0755);
	make_text("crlf", "#!/bin/sh\r\nexit 0\r\n", 0755);
	make_text("blank", "#! \t /nowhere/x y\n", 0755);
	make_text("tabbed", "#!\t/nowhere/x\ty\n", 0755);
	make_text("unended", "#!/nowhere/\033[2J", 0755);
	make_text("circle", "#!circle\n", 0755);
	make_text("short", "#!", 0755);
	make_text("stub", "\177ELF", 0755);
	make_text("denied", "#!plain\n", 0755);
	make("glibc", machine, "/nowhere/ld.so");
	make("musl", machine, "/nowhere/ld-musl-x.so.1");
	make("hostile", machine, "/nowhere/\033]0;title\007");
	make_text("by-glibc", "#!glibc\n", 0755);
	make_elf32("narrow", EM_386, "/nowhere/l");
	make_elf64("alien", 0xfff0, "/nowhere/ld.so");
	make_elf64("cut", EM_X86_64, "/nowhere/ld.so");
	ck_assert_int_eq(truncate("cut", sizeof(Elf64_Ehdr) + 8), 0);
	make_elf64("uncut", EM_X86_64, "/nowhere/ld.so");
	ck_assert_int_eq(truncate("uncut", sizeof(Elf64_Ehdr) +
	    2 * sizeof(Elf64_Phdr) + 8), 0);
	memset(huge, 'x', sizeof(huge) - 1);
	make_elf64("huge", EM_X86_64, huge);
	ck_assert_int_eq(mkfifo("fifo", 0755), 0);
}

#define MISSING ": No such file or directory"
#define NO_INTERPRETER(name) ": its interpreter '" name "' is missing; "
#define TO_INSTALL "install it, or correct the #! line"
#define NO_LOADER(name) ": its loader '" name "' is missing; "
#define OF_GLIBC "a glibc program in a musl image?"
#define DENIED ": Permission denied; "
#define FORMAT ": Exec format error"
#define NO_PROGRAM FORMAT "; it is neither a program of this system nor a text"

/* If error is 0, the kernel's error is used. line is the text after file. */
static const struct explained {
	const char *command;
	int error, code;
	const char *file, *line;
} explained[] = {
	{ "missing", 0, 127, "missing", MISSING "; it is not in PATH" },
	{ "two/missing", 0, 127, "two/missing", MISSING },
	{ "\033c", 0, 127, "\\x1bc", MISSING "; it is not in PATH" },
	{ "lost", 0, 126, "two/lost", NO_INTERPRETER("/nowhere/sh")
	    TO_INSTALL },
	{ "./nested", 0, 126, "./nested", NO_INTERPRETER("/nowhere/sh")
	    TO_INSTALL },
	{ "./blank", 0, 126, "./blank", NO_INTERPRETER("/nowhere/x")
	    TO_INSTALL },
	/* Seen to fail if a tab does not end the name: 'x\x09y'. */
	{ "./tabbed", 0, 126, "./tabbed", NO_INTERPRETER("/nowhere/x")
	    TO_INSTALL },
	{ "./unended", ENOENT, 126, "./unended",
	    NO_INTERPRETER("/nowhere/\\x1b[2J") TO_INSTALL },
	{ "./crlf", 0, 126, "./crlf", NO_INTERPRETER("/bin/sh\\x0d")
	    "its #! line ends in a carriage return" },
	{ "./circle", ENOENT, 126, "./circle", MISSING },
	{ "./short", ENOENT, 126, "./short", MISSING },
	{ "./glibc", 0, 126, "./glibc", NO_LOADER("/nowhere/ld.so") OF_GLIBC },
	{ "./by-glibc", 0, 126, "./by-glibc", NO_LOADER("/nowhere/ld.so")
	    OF_GLIBC },
	{ "./musl", 0, 126, "./musl", NO_LOADER("/nowhere/ld-musl-x.so.1")
	    "a musl program in a glibc image?" },
	{ "./hostile", 0, 126, "./hostile",
	    NO_LOADER("/nowhere/\\x1b]0;title\\x07") OF_GLIBC },
	{ "./narrow", ENOENT, 126, "./narrow", NO_LOADER("/nowhere/l")
	    OF_GLIBC },
	{ "./cut", ENOENT, 126, "./cut", MISSING },
	{ "./uncut", ENOENT, 126, "./uncut", MISSING },
	{ "./huge", ENOENT, 126, "./huge", MISSING },
	{ "./fifo", ENOENT, 126, "./fifo", MISSING },
	{ "garbage", 0, 126, "one/garbage", NO_PROGRAM },
	{ "./stub", ENOEXEC, 126, "./stub", NO_PROGRAM },
	{ "./alien", 0, 126, "./alien", FORMAT "; it is for another kind of "
	    "machine" },
	{ "forbidden", 0, 126, "one/forbidden", DENIED "it is not executable "
	    "for this user, see chmod(1)" },
	{ "./one", 0, 126, "./one", DENIED "it is a directory" },
	{ "./fifo", 0, 126, "./fifo", DENIED "it is not a regular file" },
	{ "./denied", 0, 126, "./denied", DENIED "its interpreter or loader "
	    "may not be executed" },
	{ "plain/x", EACCES, 126, "plain/x", DENIED "a directory of its path "
	    "may not be searched" },
	{ "plain/x", 0, 126, "plain/x", ": Not a directory" },
	{ "program", E2BIG, 126, "two/program", ": Argument list too long" },
	{ "missing", E2BIG, 126, "missing", ": Argument list too long" },
};

static void
explain(const void *with)
{
	const struct explained *e = with;
	struct child c = { .terminal = -1 };
	struct exec_error why = { e->error, -1, NULL, NULL };

	if (!e->error)
		start(&c, e->command, &why);
	_exit(exec_explain(e->command, &why));
}

START_TEST(a_failed_exec_is_explained)
{
	const struct explained *e = &explained[_i];

	make_programs();
	setenv("PATH", "one:two", 1);
	says(explain, e, e->code, "pith: cannot execute '%s'%s", e->file,
	    e->line);
}
END_TEST

static const struct { unsigned short machine; const char *name; } foreign[] = {
	{ EM_X86_64, "x86-64" }, { EM_386, "i386" }, { EM_AARCH64, "aarch64" },
	{ EM_ARM, "arm" }, { EM_RISCV, "riscv" }, { EM_PPC64, "ppc64" },
	{ EM_S390, "s390x" }, { EM_MIPS, "mips" }, { 258, "loongarch" },
};

START_TEST(a_program_for_another_architecture_is_named)
{
	const struct explained e = { "./foreign", ENOEXEC, 126, "", "" };

	(_i % 2 ? make_elf32 : make_elf64)("foreign", foreign[_i].machine, "");
	if (foreign[_i].machine == __ehdr_start.e_machine) {
		says(explain, &e, 126, "pith: cannot execute './foreign'"
		    FORMAT "; it is damaged, or its end is missing");
		return;
	}
	says(explain, &e, 126, "pith: cannot execute './foreign'" FORMAT
	    ", it is for %s machines; take the image or the file for this one",
	    foreign[_i].name);
}
END_TEST

Suite *
child_suite(void)
{
	Suite *s = suite_create("child");
	TCase *t = case_with_files("start");

	add_each(t, a_command_is_searched_in_path, searches);
	tcase_add_test(t, a_directory_too_long_for_a_path_is_skipped);
	add_each(t, a_text_file_is_run_by_a_shell, texts);
	tcase_add_test(t, a_child_gets_the_inherited_signal_mask);
	tcase_add_loop_test(t, a_child_leads_its_own_group_if_requested, 0, 2);
	add_each(t, listen_pid_is_set_to_the_child_if_it_was_ours, listen_pids);
	tcase_add_test(t, a_stop_signal_before_the_exec_stops_the_command);
	tcase_add_test(t, a_failed_fork_is_reported);
	suite_add_tcase(s, t);
	t = case_with_files("explain");
	add_each(t, a_failed_exec_is_explained, explained);
	add_each(t, a_program_for_another_architecture_is_named, foreign);
	suite_add_tcase(s, t);
	return s;
}
