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
		ck_assert_int_eq(status_exit_code(code << 8), code);
	for (int sig = 1; sig < SIGNAL_COUNT; sig++) {
		ck_assert_int_eq(status_exit_code(sig), 128 + sig);
		ck_assert_int_eq(
		    status_exit_code(sig | core_dumped), 128 + sig);
	}
}
END_TEST

/* ---- children that change ------------------------------------------------ */

/* Wait for a state change of a process, but leave it to be reaped. */
static void
await_change(pid_t pid, int change)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, pid, &info, change | WNOWAIT | __WALL),
	    0);
}

START_TEST(no_children_give_minus_one_and_a_running_child_zero)
{
	int status;
	pid_t pid;

	ck_assert_int_eq(reaper_next(&status), -1);
	hold();
	pid = sitting();
	ck_assert_int_eq(reaper_next(&status), 0);
	kill(pid, SIGUSR1);
	await_change(pid, WEXITED);
	ck_assert_int_eq(reaper_next(&status), pid);
	ck_assert_int_eq(status, SIGUSR1 << 8);
	ck_assert_int_eq(reaper_next(&status), -1);
}
END_TEST

START_TEST(a_child_is_reported_when_it_stops_continues_and_dies)
{
	int status;
	pid_t pid;

	hold();
	pid = sitting();
	kill(pid, SIGSTOP);
	await_change(pid, WSTOPPED);
	ck_assert_int_eq(reaper_next(&status), pid);
	ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	ck_assert_int_eq(reaper_next(&status), 0);
	kill(pid, SIGCONT);
	await_change(pid, WCONTINUED);
	ck_assert_int_eq(reaper_next(&status), pid);
	ck_assert(WIFCONTINUED(status));
	kill(pid, SIGKILL);
	await_change(pid, WEXITED);
	ck_assert_int_eq(reaper_next(&status), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(status_exit_code(status), 137);
}
END_TEST

START_TEST(every_dead_child_is_reported_once)
{
	enum { MANY = 20 };
	bool seen[MANY] = { false };
	pid_t pid[MANY];
	int status;

	for (int i = 0; i < MANY; i++) {
		/* Every second child exits without a SIGCHLD. */
		pid[i] = i % 2 ? fork() : syscall(SYS_clone, 0, 0, 0, 0, 0);
		if (pid[i] == 0)
			_exit(i);
		await_change(pid[i], WEXITED);
	}
	for (int i = 0; i < MANY; i++) {
		pid_t next = reaper_next(&status);
		int code = status_exit_code(status);

		ck_assert_int_lt(code, MANY);
		ck_assert_int_eq(next, pid[code]);
		ck_assert(!seen[code]);
		seen[code] = true;
	}
	ck_assert_int_eq(reaper_next(&status), -1);
}
END_TEST

/* ---- descendants -------------------------------------------------------- */

/* Find our descendants; fail if kill(-1) would be used, which would kill all
 * processes of the host. */
static void
find_descendants(struct descendants *d)
{
	reaper_prepare(d);
	ck_assert(!d->namespace);
	ck_assert_int_ge(d->proc, 3);
}

/* Check that count children exit with code sig, and that none is left. */
static void
check_exits(int sig, int count)
{
	int status;

	for (int i = 0; i < count; i++) {
		ck_assert_int_gt(waitpid(-1, &status, 0), 0);
		ck_assert_int_eq(status_exit_code(status), sig);
	}
	ck_assert_int_eq(waitpid(-1, &status, 0), -1);
}

/* Start a chain of count descendants that wait in sit(). The last one writes a
 * byte. */
static void
start_generations(int count, int ready)
{
	if (fork() != 0)
		return;
	/* Hostile name: in /proc/PID/stat it looks as if it ended and other
	 * fields followed. */
	prctl(PR_SET_NAME, "x) R 1 (y z");
	if (count > 1)
		start_generations(count - 1, ready);
	else if (write(ready, "", 1) < 0)
		_exit(99);
	sit();
}

START_TEST(every_generation_is_signalled_each_time)
{
	struct descendants d;
	int ends[2];
	char one;

	hold();
	reaper_adopt();
	ck_assert_int_eq(pipe(ends), 0);
	start_generations(5, ends[1]);
	ck_assert_int_eq(read(ends[0], &one, 1), 1);
	find_descendants(&d);
	for (int i = 0; i < 3; i++)
		reaper_signal(&d, 0);
	reaper_signal(&d, SIGUSR1);
	check_exits(SIGUSR1, 5);
	reaper_signal(&d, SIGUSR1);
}
END_TEST

START_TEST(a_hundred_children_are_signalled)
{
	struct descendants d;

	hold();
	find_descendants(&d);
	for (int i = 0; i < 100; i++)
		sitting();
	reaper_signal(&d, 40);
	check_exits(40, 100);
}
END_TEST

/* Return the next held signal except SIGCHLD; 0 if there is none. */
static int
pending(void)
{
	siginfo_t info;
	int sig;

	while ((sig = signals_next(&info, 0)) == SIGCHLD)
		;
	return sig;
}

START_TEST(only_descendants_are_signalled)
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
		find_descendants(&d);
		reaper_signal(&d, SIGTERM);
		check_exits(SIGTERM, 1);
		_exit(pending());
	}
	/* Start siblings with higher PIDs, which must not be signalled. */
	start_generations(2, ends[1]);
	ck_assert_int_eq(end_of(pid), 0);
	ck_assert_int_eq(pending(), 0);
	find_descendants(&d);
	reaper_signal(&d, 40);
	check_exits(40, 2);
}
END_TEST

static void *
sit_in_thread(void *none)
{
	(void)none;
	sit();
}

START_TEST(a_process_whose_main_thread_exited_is_signalled)
{
	struct descendants d;
	pthread_t thread;
	char path[64], state = 0;
	pid_t pid;

	hold();
	find_descendants(&d);
	pid = fork();
	if (pid == 0) {
		pthread_create(&thread, NULL, sit_in_thread, NULL);
		syscall(SYS_exit, 0);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'Z')
		sscanf(text_of(path), "%*d (%*[^)]) %c", &state);
	reaper_signal(&d, SIGUSR2);
	check_exits(SIGUSR2, 1);
}
END_TEST

/* Let a system call fail with ENOSYS, as on an older kernel. */
static void
disable_call(unsigned int number)
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
	find_descendants(&d);
	disable_call(SYS_pidfd_send_signal);
	reaper_signal(&d, SIGUSR1);
	check_exits(SIGUSR1, 1);
}
END_TEST

/* Start a process with a chosen PID. Needs set_tid of clone3(2), Linux 5.5, and
 * CAP_SYS_ADMIN in the PID namespace. */
static pid_t
start_with_pid(pid_t number)
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

/* Run in a PID namespace with the /proc of the parent namespace. The PID that
 * /proc shows for our child belongs to another process here. */
static void
signal_with_foreign_pids(void)
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
	if (start_with_pid(child) != child)
		_exit(77);
	find_descendants(&d);
	disable_call(SYS_pidfd_send_signal);
	reaper_signal(&d, SIGUSR1);
	kill(mine, SIGUSR2);
	kill(child, SIGUSR2);
	check_exits(SIGUSR2, 2);
	_exit(0);
}

/* Seen to fail without number_is_ours: the other process died of SIGUSR1. */
START_TEST(a_pid_of_another_namespace_is_not_signalled)
{
	static const char name[] =
	    "a_pid_of_another_namespace_is_not_signalled";
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
			signal_with_foreign_pids();
		_exit(end_of(second));
	}
	code = end_of(first);
	if (code == 77)
		skip(name, "no clone3(2) here");
	else
		ck_assert_int_eq(code, 0);
}
END_TEST

START_TEST(the_proc_descriptor_is_above_2_and_close_on_exec)
{
	struct descendants d;

	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	find_descendants(&d);
	ck_assert_int_eq(fcntl(d.proc, F_GETFD), FD_CLOEXEC);
	reaper_signal(&d, 0);
	/* No other descriptor is left open. */
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
	reaper_prepare(&d);
}

START_TEST(descendants_cannot_be_found_without_proc)
{
	if (!be_root()) {
		skip("descendants_cannot_be_found_without_proc",
		    "needs chroot(2)");
		return;
	}
	says(find_without_proc, NULL, 125, "pith: cannot find descendants "
	    "in '/proc': No such file or directory; mount it: --grace and "
	    "--wait need it");
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
	reaper_prepare(&d);
	ck_assert(d.namespace);
	ck_assert_int_eq(d.proc, -1);
	reaper_signal(&d, SIGUSR1);
	check_exits(SIGUSR1, 2);
	/* Without /proc, assume that the namespace is the initial one. */
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
	tcase_add_test(t, no_children_give_minus_one_and_a_running_child_zero);
	tcase_add_test(t, a_child_is_reported_when_it_stops_continues_and_dies);
	tcase_add_test(t, every_dead_child_is_reported_once);
	suite_add_tcase(s, t);
	t = tcase_create("descendants");
	tcase_add_test(t, every_generation_is_signalled_each_time);
	tcase_add_test(t, a_hundred_children_are_signalled);
	tcase_add_test(t, only_descendants_are_signalled);
	tcase_add_test(t, a_process_whose_main_thread_exited_is_signalled);
	tcase_add_test(t, descendants_are_signalled_without_pidfd_send_signal);
	tcase_add_test(t, a_pid_of_another_namespace_is_not_signalled);
	tcase_add_test(t, the_proc_descriptor_is_above_2_and_close_on_exec);
	tcase_add_test(t, descendants_cannot_be_found_without_proc);
	tcase_add_test(t, process_1_owns_its_namespace);
	suite_add_tcase(s, t);
	return s;
}
