#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reaper.h"
#include "signals.h"
#include "suites.h"

/* ---- exit codes --------------------------------------------------------- */

START_TEST(an_exit_code_is_the_commands_own_or_128_and_the_signal)
{
	const int core_dumped = 0x80;

	for (int code = 0; code < 256; code++)
		ck_assert_int_eq(exit_code(code << 8), code);
	for (int sig = 1; sig < SIGNAL_COUNT; sig++) {
		ck_assert_int_eq(exit_code(sig), 128 + sig);
		ck_assert_int_eq(exit_code(sig | core_dumped), 128 + sig);
	}
}
END_TEST

/* ---- children that change ------------------------------------------------ */

/* Until wait(2) has something to tell of a process, which is left to tell. */
static void
await(pid_t pid, int change)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, pid, &info, change | WNOWAIT | __WALL),
	    0);
}

START_TEST(no_child_is_minus_one_and_a_living_one_zero)
{
	int status;
	pid_t pid;

	ck_assert_int_eq(reaper_next(&status), -1);
	hold();
	pid = sitting();
	ck_assert_int_eq(reaper_next(&status), 0);
	kill(pid, SIGUSR1);
	await(pid, WEXITED);
	ck_assert_int_eq(reaper_next(&status), pid);
	ck_assert_int_eq(status, SIGUSR1 << 8);
	ck_assert_int_eq(reaper_next(&status), -1);
}
END_TEST

START_TEST(a_child_is_told_of_when_it_stops_goes_on_and_dies)
{
	int status;
	pid_t pid;

	hold();
	pid = sitting();
	kill(pid, SIGSTOP);
	await(pid, WSTOPPED);
	ck_assert_int_eq(reaper_next(&status), pid);
	ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	ck_assert_int_eq(reaper_next(&status), 0);
	kill(pid, SIGCONT);
	await(pid, WCONTINUED);
	ck_assert_int_eq(reaper_next(&status), pid);
	ck_assert(WIFCONTINUED(status));
	kill(pid, SIGKILL);
	await(pid, WEXITED);
	ck_assert_int_eq(reaper_next(&status), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(exit_code(status), 137);
}
END_TEST

START_TEST(every_dead_child_is_told_of_once)
{
	enum { MANY = 20 };
	bool seen[MANY] = { false };
	pid_t pid[MANY];
	int status;

	for (int i = 0; i < MANY; i++) {
		/* Every second one ends without a SIGCHLD. */
		pid[i] = i % 2 ? fork() : syscall(SYS_clone, 0, 0, 0, 0, 0);
		if (pid[i] == 0)
			_exit(i);
		await(pid[i], WEXITED);
	}
	for (int i = 0; i < MANY; i++) {
		pid_t next = reaper_next(&status);
		int code = exit_code(status);

		ck_assert_int_lt(code, MANY);
		ck_assert_int_eq(next, pid[code]);
		ck_assert(!seen[code]);
		seen[code] = true;
	}
	ck_assert_int_eq(reaper_next(&status), -1);
}
END_TEST

/* ---- all that descends from us ------------------------------------------ */

/* Never the way of kill(-1), which here would end the machine. */
static void
find(struct descendants *d)
{
	reaper_find(d);
	ck_assert(!d->namespace);
	ck_assert_int_ge(d->proc, 3);
}

/* All of a number of processes have ended of sig, and nothing is left. */
static void
all_ended_of(int sig, int count)
{
	int status;

	for (int i = 0; i < count; i++) {
		ck_assert_int_gt(waitpid(-1, &status, 0), 0);
		ck_assert_int_eq(exit_code(status), sig);
	}
	ck_assert_int_eq(waitpid(-1, &status, 0), -1);
}

/* A line of descendants, each the child of the one before, which all sit. */
static void
generations(int count, int told)
{
	if (fork() != 0)
		return;
	/* As it looks in /proc/PID/stat, this ends the name and begins more. */
	prctl(PR_SET_NAME, "x) R 1 (y z");
	if (count > 1)
		generations(count - 1, told);
	else if (write(told, "", 1) < 0)
		_exit(99);
	sit();
}

START_TEST(every_generation_is_signalled_again_and_again)
{
	struct descendants d;
	int ends[2];
	char one;

	hold();
	reaper_adopt();
	ck_assert_int_eq(pipe(ends), 0);
	generations(5, ends[1]);
	ck_assert_int_eq(read(ends[0], &one, 1), 1);
	find(&d);
	for (int i = 0; i < 3; i++)
		reaper_signal(&d, 0);
	reaper_signal(&d, SIGUSR1);
	all_ended_of(SIGUSR1, 5);
	reaper_signal(&d, SIGUSR1);
}
END_TEST

START_TEST(a_crowd_is_signalled)
{
	struct descendants d;

	hold();
	find(&d);
	for (int i = 0; i < 100; i++)
		sitting();
	reaper_signal(&d, 40);
	all_ended_of(40, 100);
}
END_TEST

/* The next signal but SIGCHLD; 0 where there is none. */
static int
pending(void)
{
	siginfo_t info;
	int sig;

	while ((sig = signals_next(&info, 0)) == SIGCHLD)
		;
	return sig;
}

START_TEST(nobody_else_is_signalled)
{
	struct descendants d;
	int ends[2];
	char one;
	pid_t pid;

	hold();
	reaper_adopt();
	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		sitting();
		ck_assert_int_eq(read(ends[0], &one, 1), 1);
		find(&d);
		reaper_signal(&d, SIGTERM);
		all_ended_of(SIGTERM, 1);
		_exit(pending());
	}
	/* Beside it, and with higher numbers. */
	generations(2, ends[1]);
	ck_assert_int_eq(end_of(pid), 0);
	ck_assert_int_eq(pending(), 0);
	find(&d);
	reaper_signal(&d, 40);
	all_ended_of(40, 2);
}
END_TEST

static void *
sit_beside(void *none)
{
	(void)none;
	sit();
}

START_TEST(a_process_whose_first_thread_ended_is_signalled)
{
	struct descendants d;
	pthread_t thread;
	char path[64], state = 0;
	pid_t pid;

	hold();
	find(&d);
	pid = fork();
	if (pid == 0) {
		pthread_create(&thread, NULL, sit_beside, NULL);
		syscall(SYS_exit, 0);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'Z')
		sscanf(text_of(path), "%*d (%*[^)]) %c", &state);
	reaper_signal(&d, SIGUSR2);
	all_ended_of(SIGUSR2, 1);
}
END_TEST

/* Let a system call fail as on a kernel that has none such. */
static void
take_away(unsigned int number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT_OF(code), code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
	    0);
}

START_TEST(descendants_are_signalled_without_pidfd_send_signal)
{
	struct descendants d;

	hold();
	sitting();
	find(&d);
	take_away(SYS_pidfd_send_signal);
	reaper_signal(&d, SIGUSR1);
	all_ended_of(SIGUSR1, 1);
}
END_TEST

/* A process with this number, which the kernel lets one choose who may do
 * anything in the PID namespace; clone3(2), Linux 5.5. */
static pid_t
sitting_as(pid_t number)
{
	const struct {
		uint64_t flags, pidfd, child, parent, signal, stack, size, tls;
		uint64_t numbers, number_count, cgroup;
	} as = { .signal = SIGCHLD, .numbers = (uintptr_t)&number,
	    .number_count = 1 };
	const pid_t pid = syscall(SYS_clone3, &as, sizeof(as));

	if (pid == 0)
		sit();
	return pid;
}

/* In a PID namespace, with the /proc of the one around it: a child has one
 * number here and another one there, which here is an innocent's. */
static void
signal_by_foreign_numbers(void)
{
	struct descendants d;
	char path[64], self[16] = "";
	pid_t child, mine;

	hold();
	mine = sitting();
	ck_assert_int_gt(readlink("/proc/self", self, sizeof(self) - 1), 0);
	ck_assert_int_ne(atoi(self), getpid());
	snprintf(path, sizeof(path), "/proc/self/task/%s/children", self);
	child = atoi(text_of(path));
	ck_assert_int_gt(child, 0);
	if (sitting_as(child) != child)
		_exit(77);
	find(&d);
	take_away(SYS_pidfd_send_signal);
	reaper_signal(&d, SIGUSR1);
	kill(mine, SIGUSR2);
	kill(child, SIGUSR2);
	all_ended_of(SIGUSR2, 2);
	_exit(0);
}

/* Seen to fail without number_is_ours: the innocent ended of SIGUSR1. */
START_TEST(nobody_is_signalled_by_a_number_of_another_namespace)
{
	static const char name[] =
	    "nobody_is_signalled_by_a_number_of_another_namespace";
	int code;
	pid_t first;

	if (!be_root() || unshare(CLONE_NEWPID) < 0) {
		skip(name, "needs PID namespaces");
		return;
	}
	first = fork();
	if (first == 0) {
		const pid_t second = fork();

		if (second == 0)
			signal_by_foreign_numbers();
		_exit(end_of(second));
	}
	code = end_of(first);
	if (code == 77)
		skip(name, "no clone3(2) here");
	else
		ck_assert_int_eq(code, 0);
}
END_TEST

START_TEST(the_way_keeps_clear_of_standard_files_and_of_the_child)
{
	struct descendants d;

	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	find(&d);
	ck_assert_int_eq(fcntl(d.proc, F_GETFD), FD_CLOEXEC);
	reaper_signal(&d, 0);
	/* Nothing but the one is left open. */
	ck_assert_int_eq(open("/", O_RDONLY), STDIN_FILENO);
	ck_assert_int_eq(open("/", O_RDONLY), STDOUT_FILENO);
}
END_TEST

static void
find_without_proc(const void *none)
{
	struct descendants d;

	(void)none;
	if (chroot(".") < 0)
		_exit(98);
	reaper_find(&d);
}

START_TEST(without_proc_there_is_no_way)
{
	if (!be_root()) {
		skip("without_proc_there_is_no_way", "needs chroot(2)");
		return;
	}
	says(find_without_proc, NULL, 125, "pith: cannot find descendants "
	    "in '/proc': No such file or directory; mount it, --grace and "
	    "--wait look there");
}
END_TEST

/* ---- a PID namespace ---------------------------------------------------- */

static void
be_process_1(const void *none)
{
	struct descendants d = { false, -1 };
	int on = 0;

	(void)none;
	hold();
	ck_assert_int_eq(getpid(), 1);
	ck_assert(reaper_owns_namespace());
	reaper_adopt();
	prctl(PR_GET_CHILD_SUBREAPER, &on);
	ck_assert_int_eq(on, 0);
	sitting();
	sitting();
	reaper_find(&d);
	ck_assert(d.namespace);
	ck_assert_int_eq(d.proc, -1);
	reaper_signal(&d, SIGUSR1);
	all_ended_of(SIGUSR1, 2);
	/* Where /proc does not tell it could be the machine's. */
	ck_assert_int_eq(chroot("."), 0);
	ck_assert(!reaper_owns_namespace());
	printf("process 1 is done");
	fflush(stdout);
}

START_TEST(process_1_owns_its_namespace)
{
	struct outcome o;

	ck_assert(!reaper_owns_namespace());
	if (!be_root() || unshare(CLONE_NEWPID) < 0) {
		skip("process_1_owns_its_namespace", "needs PID namespaces");
		return;
	}
	ck_assert(!reaper_owns_namespace());
	outcome_of(&o, be_process_1, NULL);
	ck_assert_str_eq(o.err, "");
	ck_assert_str_eq(o.out, "process 1 is done");
}
END_TEST

Suite *
reaper_suite(void)
{
	Suite *s = suite_create("reaper");
	TCase *t = tcase_create("children");

	tcase_add_test(t,
	    an_exit_code_is_the_commands_own_or_128_and_the_signal);
	tcase_add_test(t, no_child_is_minus_one_and_a_living_one_zero);
	tcase_add_test(t, a_child_is_told_of_when_it_stops_goes_on_and_dies);
	tcase_add_test(t, every_dead_child_is_told_of_once);
	suite_add_tcase(s, t);
	t = tcase_create("descendants");
	tcase_add_test(t, every_generation_is_signalled_again_and_again);
	tcase_add_test(t, a_crowd_is_signalled);
	tcase_add_test(t, nobody_else_is_signalled);
	tcase_add_test(t, a_process_whose_first_thread_ended_is_signalled);
	tcase_add_test(t, descendants_are_signalled_without_pidfd_send_signal);
	tcase_add_test(t, nobody_is_signalled_by_a_number_of_another_namespace);
	tcase_add_test(t,
	    the_way_keeps_clear_of_standard_files_and_of_the_child);
	tcase_add_test(t, without_proc_there_is_no_way);
	tcase_add_test(t, process_1_owns_its_namespace);
	suite_add_tcase(s, t);
	return s;
}
