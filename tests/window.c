/* Tests of races: signals at the instant at which the child appears, and a
 * large number of zombies at once. */
#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHOTS = 400, CROWD = 20000 };

static const char *pith, *probe;

/* Count the children of a process in /proc. */
static int
count_children(pid_t pid)
{
	static char text[1 << 20];
	char path[64];
	size_t size = 0;
	ssize_t n;
	int fd, count = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	fd = open(path, O_RDONLY);
	while (fd >= 0 && (n = read(fd, text + size, sizeof(text) - size)) > 0)
		size += n;
	close(fd);
	for (size_t i = 0; i < size; i++)
		count += text[i] == ' ';
	return count;
}

/* Run pith with up to four words in a new process group; with CLONE_NEWPID in
 * flags, as process 1 of a PID namespace. If out is not NULL, stdout is a
 * pipe. */
static pid_t
launch(int flags, const char *name, const char *const words[4], int *out)
{
	int pipes[2] = { -1, -1 };
	pid_t pid;

	if (out)
		ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		setpgid(0, 0);
		if (out)
			dup2(pipes[1], STDOUT_FILENO);
		execl(pith, name, words[0], words[1], words[2], words[3], NULL);
		_exit(99);
	}
	if (out) {
		close(pipes[1]);
		*out = pipes[0];
	}
	return pid;
}

/* Send SIGTERM as soon as the child appears, SHOTS times. Return how often it
 * was delivered. */
static int
delivered_signals(int flags, const char *name, const char *option)
{
	const char *const words[4] = { option, probe, "stay" };
	int hit = 0;

	for (int i = 0; i < SHOTS; i++) {
		int wait_status;
		pid_t pid = launch(flags, name, words, NULL);

		while (count_children(pid) == 0)
			;
		kill(pid, SIGTERM);
		ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
		hit += wait_status == SIGTERM ||
		    (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 143);
	}
	return hit;
}

START_TEST(signal_at_the_instant_the_child_appears_arrives)
{
	ck_assert_int_eq(delivered_signals(0, "pith", "--"), SHOTS);
}
END_TEST

START_TEST(signal_at_the_instant_the_child_appears_arrives_in_group_mode)
{
	ck_assert_int_eq(delivered_signals(0, "pith", "-g"), SHOTS);
}
END_TEST

START_TEST(signal_at_the_instant_the_child_appears_arrives_as_dumb_init)
{
	ck_assert_int_eq(delivered_signals(0, "dumb-init", "--"), SHOTS);
}
END_TEST

START_TEST(signal_at_the_instant_the_child_appears_arrives_as_process_1)
{
	if (getuid() == 0)
		ck_assert_int_eq(delivered_signals(CLONE_NEWPID, "pith", "-g"),
		    SHOTS);
}
END_TEST

/* Stop the whole group at once, as a terminal does. pith must stop as well, and
 * both must continue. */
START_TEST(stop_at_the_instant_the_child_appears_is_followed)
{
	const char *const words[4] = { "--", probe, "stay" };

	for (int i = 0; i < SHOTS; i++) {
		int wait_status;
		pid_t pid = launch(0, "pith", words, NULL);

		while (count_children(pid) == 0)
			;
		kill(-pid, SIGTSTP);
		ck_assert_int_eq(waitpid(pid, &wait_status, WUNTRACED), pid);
		ck_assert(WIFSTOPPED(wait_status));
		kill(-pid, SIGCONT);
		kill(pid, SIGTERM);
		ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
		ck_assert_int_eq(wait_status, SIGTERM);
	}
}
END_TEST

START_TEST(crowd_of_zombies_is_drained_without_a_pause_in_forwarding)
{
	const char *const words[4] = { "--", probe, "zombies", "20000" };
	char line[128];
	int fd, left_at_answer, wait_status;
	pid_t pid = launch(0, "pith", words, &fd);
	FILE *out = fdopen(fd, "r");

	ck_assert_ptr_nonnull(fgets(line, sizeof(line), out));
	ck_assert_str_eq(line, "made\n");
	kill(pid, SIGUSR2);
	while (count_children(pid) < CROWD / 2)
		;
	kill(pid, SIGUSR1);
	do
		ck_assert_ptr_nonnull(fgets(line, sizeof(line), out));
	while (!strstr(line, "signal 10 "));
	left_at_answer = count_children(pid);
	/* The signal was forwarded while most zombies still existed. */
	ck_assert_int_gt(left_at_answer, CROWD / 4);
	while (count_children(pid) > 1)
		;
	kill(pid, SIGTERM);
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert_int_eq(wait_status, 0);
	fclose(out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("window");
	TCase *t = tcase_create("window");
	SRunner *runner = srunner_create(s);

	pith = getenv("PITH");
	probe = getenv("PROBE");
	if (!pith || !probe)
		return 99;
	tcase_set_timeout(t, 120);
	tcase_add_test(t, signal_at_the_instant_the_child_appears_arrives);
	tcase_add_test(t,
	    signal_at_the_instant_the_child_appears_arrives_in_group_mode);
	tcase_add_test(t,
	    signal_at_the_instant_the_child_appears_arrives_as_dumb_init);
	tcase_add_test(t,
	    signal_at_the_instant_the_child_appears_arrives_as_process_1);
	tcase_add_test(t, stop_at_the_instant_the_child_appears_is_followed);
	tcase_add_test(t,
	    crowd_of_zombies_is_drained_without_a_pause_in_forwarding);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_ENV);
	return srunner_ntests_failed(runner) > 0;
}
