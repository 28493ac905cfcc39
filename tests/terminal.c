/* Tests of pith on real terminals: as session leader (docker run -it), and as a
 * job of an interactive shell. They type and read through a pty. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { TIMEOUT_MS = 10000 };

#define CTRL_C "\003"
#define CTRL_Z "\032"

static const char *pith, *probe;

/* Master side of a terminal, and all output that was read from it. */
static int master = -1;
static pid_t leader;
static char seen[65536];
static size_t seen_size, read_on;

static void
open_terminal(const char *command)
{
	struct winsize size = { .ws_row = 24, .ws_col = 200 };
	struct termios no_echo;

	/* No echo: all output comes from programs. */
	memset(&no_echo, 0, sizeof(no_echo));
	no_echo.c_iflag = ICRNL | IXON;
	no_echo.c_oflag = OPOST | ONLCR;
	no_echo.c_cflag = CS8 | CREAD;
	no_echo.c_lflag = ISIG | ICANON | IEXTEN;
	no_echo.c_cc[VINTR] = 3;
	no_echo.c_cc[VQUIT] = 28;
	no_echo.c_cc[VEOF] = 4;
	no_echo.c_cc[VSUSP] = 26;
	no_echo.c_cc[VMIN] = 1;
	cfsetspeed(&no_echo, B38400);
	seen_size = read_on = 0;
	seen[0] = '\0';
	leader = forkpty(&master, NULL, &no_echo, &size);
	ck_assert_int_ge(leader, 0);
	if (leader == 0) {
		setenv("PS1", "prompt> ", 1);
		setenv("TERM", "vt100", 1);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
}

static void
open_shell(void)
{
	open_terminal("exec bash --norc --noprofile --noediting -i");
}

static void
type(const char *keys)
{
	ck_assert_int_eq(write(master, keys, strlen(keys)), strlen(keys));
}

/* Read more output. False on hangup, and after ms milliseconds without any. */
static bool
read_more(int ms)
{
	struct pollfd p = { .fd = master, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return false;
	n = read(master, seen + seen_size, sizeof(seen) - seen_size - 1);
	if (n <= 0)
		return false;
	seen_size += n;
	seen[seen_size] = '\0';
	return true;
}

/* Read until text appears, and continue after it. */
static void
expect(const char *text)
{
	char *at;

	while (!(at = strstr(seen + read_on, text)))
		if (!read_more(TIMEOUT_MS))
			ck_abort_msg("never came: '%s' in: %.600s", text,
			    seen + read_on);
	read_on = at - seen + strlen(text);
}

/* Count a text in the output after the last expect(). */
static int
times(const char *text)
{
	int n = 0;

	for (char *at = seen + read_on; (at = strstr(at, text)); at++)
		n++;
	return n;
}

/* Type a command at the shell's prompt; % stands for pith, @ for the probe. */
static void
command(const char *format)
{
	char line[2048], *to = line;

	for (const char *from = format; *from; from++) {
		const char *with = *from == '%' ? pith : *from == '@' ? probe :
		    NULL;

		to += with ? sprintf(to, "%s", with) : sprintf(to, "%c", *from);
	}
	type(line);
	type("\n");
}

static int
leader_ends(void)
{
	int wait_status;

	while (read_more(TIMEOUT_MS))
		;
	ck_assert_int_eq(waitpid(leader, &wait_status, 0), leader);
	close(master);
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) :
	    WEXITSTATUS(wait_status);
}

/* Hang up the terminal and wait for the leader, which must exit. */
static void
hang_up(void)
{
	close(master);
	ck_assert_int_eq(waitpid(leader, NULL, 0), leader);
}

static void
shell_ends(void)
{
	command("exit 0");
	leader_ends();
}

static void
say_one(void)
{
	type("one\n");
	expect("one\r\n");
}

/* Run commands until text appears: the shell reports the state of a job only
 * when it prompts. */
static void
prompt_until(const char *text)
{
	const size_t from = read_on;

	for (int i = 0; !strstr(seen + from, text); i++) {
		ck_assert_int_lt(i, 1000);
		command("true");
		expect("prompt> ");
	}
	read_on = from;
	expect(text);
}

/* Run pith itself as the session leader of a terminal. */
static void
open_as_leader(const char *options, const char *child)
{
	char line[2048];

	snprintf(line, sizeof(line), "exec %s %s -- %s", pith, options, child);
	open_terminal(line);
}

static void
open_probe_as_leader(const char *options)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s signals", probe);
	open_as_leader(options, line);
	expect("ready");
}

/* ---- as session leader -------------------------------------------------- */

START_TEST(session_leader_ctrl_c_reaches_the_child_once)
{
	open_probe_as_leader("");
	type(CTRL_C);
	expect("signal 2 code 128");
	kill(leader, SIGUSR1);
	expect("signal 10");
	kill(leader, SIGTERM);
	ck_assert_int_eq(leader_ends(), 0);
	ck_assert_int_eq(times("signal 2 "), 0);
}
END_TEST

START_TEST(session_leader_resize_reaches_the_child_once)
{
	struct winsize size = { .ws_row = 50, .ws_col = 100 };

	open_probe_as_leader("");
	ioctl(master, TIOCSWINSZ, &size);
	expect("signal 28");
	kill(leader, SIGTERM);
	ck_assert_int_eq(leader_ends(), 0);
	ck_assert_int_eq(times("signal 28"), 0);
}
END_TEST

START_TEST(session_leader_ctrl_z_does_not_freeze_the_child)
{
	open_as_leader("", "cat");
	say_one();
	type(CTRL_Z);
	type("two\n");
	expect("two\r\n");
	type("\004");
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

START_TEST(session_leader_shell_has_job_control)
{
	open_as_leader("", "bash --norc --noprofile --noediting -i");
	expect("prompt> ");
	ck_assert_ptr_null(strstr(seen, "no job control"));
	command("cat");
	say_one();
	type(CTRL_Z);
	expect("Stopped");
	expect("prompt> ");
	command("fg");
	type("two\n");
	expect("two\r\n");
	type(CTRL_C);
	expect("prompt> ");
	command("exit 5");
	ck_assert_int_eq(leader_ends(), 5);
}
END_TEST

START_TEST(session_leader_passes_the_hangup_on)
{
	char file[] = "/tmp/pith-hup.XXXXXX";
	char line[256], text[16] = "";
	int fd = mkstemp(file);
	int wait_status;

	snprintf(line, sizeof(line),
	    "sh -c 'trap \"echo hup >%s; exit 3\" HUP; echo ready; "
	    "while :; do sleep 0.05; done'", file);
	open_as_leader("", line);
	expect("ready");
	close(master);
	ck_assert_int_eq(waitpid(leader, &wait_status, 0), leader);
	ck_assert_int_eq(WEXITSTATUS(wait_status), 3);
	ck_assert_int_gt(pread(fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, "hup\n");
	close(fd);
	unlink(file);
}
END_TEST

/* ---- as a job of an interactive shell ----------------------------------- */

static const char *const modes[] = { "% --", "% -g --" };
/* With -g the child is not the foreground group, so that pith forwards ^C. */
static const char *const codes[] = { "signal 2 code 128", "signal 2 code 0" };

START_TEST(job_ctrl_c_reaches_the_child_once)
{
	char line[256];

	open_shell();
	snprintf(line, sizeof(line), "%s @ signals 1", modes[_i]);
	command(line);
	expect("ready");
	type(CTRL_C);
	expect(codes[_i]);
	type(CTRL_C);
	expect(codes[_i]);
	type("\034");
	expect("signal 3 code ");
	ck_assert_int_eq(times("signal 2 "), 0);
	type(CTRL_Z);
	expect("signal 20 code ");
	ck_assert_int_eq(times("signal 20 "), 0);
	hang_up();
}
END_TEST

START_TEST(job_ctrl_z_returns_to_the_shell_and_fg_continues)
{
	char line[256];

	open_shell();
	snprintf(line, sizeof(line), "%s cat", modes[_i]);
	command(line);
	for (int i = 0; i < 3; i++) {
		type("one\n");
		expect("one\r\n");
		type(CTRL_Z);
		expect("Stopped");
		expect("prompt> ");
		command("echo shell is back");
		expect("shell is back\r\n");
		command("fg");
	}
	type("two\n");
	expect("two\r\n");
	type("\004");
	command("echo code $?");
	expect("code 0\r\n");
	shell_ends();
}
END_TEST

START_TEST(job_in_the_background_is_stopped_by_the_terminal_and_fg_continues)
{
	char line[256];

	open_shell();
	snprintf(line, sizeof(line), "%s cat &", modes[_i]);
	command(line);
	command("echo shell is fine");
	expect("shell is fine\r\n");
	prompt_until("Stopped");
	command("fg");
	say_one();
	type(CTRL_C);
	expect("\r\nprompt> ");
	command("echo code $?");
	expect("code 130\r\n");
	shell_ends();
}
END_TEST

START_TEST(job_in_the_background_leaves_the_terminal_to_the_shell)
{
	char line[256];

	open_shell();
	snprintf(line, sizeof(line), "%s sleep 0.2 &", modes[_i]);
	command(line);
	command("cat");
	say_one();
	type("\004");
	command("wait; echo done");
	expect("done\r\n");
	shell_ends();
}
END_TEST

/* Use perl, not a shell: dash does not stop while its vfork(2) child is
 * stopped. */
START_TEST(job_that_has_survived_ctrl_c_stops_on_ctrl_z)
{
	char line[256];

	open_shell();
	snprintf(line, sizeof(line), "%s perl -e '$| = 1; "
	    "$SIG{INT} = sub { print \"got it\\n\" }; "
	    "print \"ready\\n\"; sleep 1 while 1'", modes[_i]);
	command(line);
	expect("ready\r\n");
	type(CTRL_C);
	expect("got it\r\n");
	type(CTRL_Z);
	expect("Stopped");
	command("kill -KILL %1");
	hang_up();
}
END_TEST

/* Continue the child and then pith, slowly, as a shell does. If pith sent
 * SIGCONT again, it could undo a ^Z that came in between. */
START_TEST(job_is_not_continued_a_second_time_by_pith)
{
	size_t from;

	open_shell();
	command("% -- perl -e '$| = 1; "
	    "$SIG{CONT} = sub { print \"goes on\\n\" }; "
	    "$SIG{USR1} = sub { print \"done\\n\" }; "
	    "print \"ready\\n\"; sleep 1 while 1'");
	expect("ready\r\n");
	type(CTRL_Z);
	expect("Stopped");
	command("kill -CONT $(pgrep -P $(jobs -p))");
	expect("goes on\r\n");
	command("kill -CONT $(jobs -p); kill -USR1 $(jobs -p)");
	from = read_on;
	expect("done\r\n");
	ck_assert_ptr_null(strstr(seen + from, "goes on"));
	command("kill -KILL %1");
	hang_up();
}
END_TEST

START_TEST(job_that_was_killed_while_stopped_ends)
{
	char line[256];

	open_shell();
	snprintf(line, sizeof(line), "%s cat", modes[_i]);
	command(line);
	say_one();
	type(CTRL_Z);
	expect("Stopped");
	type("kill %1; while pgrep -P $$ >/dev/null; do :; done; "
	    "echo it is over\n");
	expect("it is over\r\n");
	hang_up();
}
END_TEST

START_TEST(job_gives_the_terminal_back_at_its_end)
{
	char line[256];

	/* Run both in one group: otherwise the read of the script stops it. */
	open_shell();
	snprintf(line, sizeof(line),
	    "sh -c '%s true; echo now; read x; echo got $x'", modes[_i]);
	command(line);
	expect("now\r\n");
	type("it\n");
	expect("got it\r\n");
	shell_ends();
}
END_TEST

START_TEST(job_loop_is_ended_by_ctrl_c)
{
	char line[256];

	open_shell();
	snprintf(line, sizeof(line), "for i in 1 2 3 4 5; do "
	    "%s sh -c 'echo started; exec sleep 100'; done", modes[_i]);
	command(line);
	expect("started\r\n");
	type(CTRL_C);
	command("echo after the loop");
	expect("after the loop\r\n");
	ck_assert_int_eq(times("started"), 0);
	shell_ends();
}
END_TEST

START_TEST(job_loop_of_a_script_is_ended_by_ctrl_c)
{
	open_shell();
	command("bash -c 'for i in 1 2 3 4 5; do "
	    "% -- sh -c \"echo started; exec sleep 100\"; done'");
	expect("started\r\n");
	type(CTRL_C);
	command("echo after the loop $?");
	expect("after the loop 130\r\n");
	shell_ends();
}
END_TEST

START_TEST(job_in_a_pipeline_leaves_the_pager_its_keys)
{
	char line[256];

	open_shell();
	snprintf(line, sizeof(line), "%s sh -c 'seq 200; sleep 3' | less",
	    modes[_i]);
	command(line);
	expect("20\r\n");
	type("q");
	command("echo pager is done");
	expect("pager is done\r\n");
	shell_ends();
}
END_TEST

/* The terminal sends ^C to the child at once: pith must not forward it
 * later. */
START_TEST(job_gets_a_delayed_ctrl_c_once)
{
	open_shell();
	command("% --delay INT:100ms -- @ signals 1");
	expect("ready");
	type(CTRL_C);
	expect("signal 2 code 128");
	while (read_more(500))
		;
	ck_assert_int_eq(times("signal 2 "), 0);
	hang_up();
}
END_TEST

START_TEST(job_continues_after_a_stop_of_only_the_child)
{
	open_shell();
	command("% -- sh -c 'echo one; kill -STOP $$; echo two' & "
	    "until grep -q stopped /proc/$(pgrep -P $!)/status; do :; "
	    "done 2>/dev/null; "
	    "kill -CONT $(pgrep -P $!); wait $!; echo it is over");
	expect("two\r\n");
	expect("it is over\r\n");
	shell_ends();
}
END_TEST

/* Seen to fail if pith closes its standard input when the command runs: the
 * terminal stayed raw. */
START_TEST(tty_relay_that_is_killed_leaves_the_terminal_restored)
{
	struct termios now;
	char line[1024];

	snprintf(line, sizeof(line), "%s --tty sh -c 'echo ready; read go; "
	    "for p in $(cat /proc/$PPID/task/$PPID/children); do "
	    "[ $p = $$ ] || kill -KILL $p; done'; echo over; read end", pith);
	open_terminal(line);
	expect("ready");
	ck_assert_int_eq(tcgetattr(master, &now), 0);
	ck_assert_int_eq(now.c_lflag & ICANON, 0);
	type("\r");
	expect("over");
	ck_assert_int_eq(tcgetattr(master, &now), 0);
	ck_assert_int_ne(now.c_lflag & ICANON, 0);
	type("\n");
	leader_ends();
}
END_TEST

START_TEST(job_with_redirected_input_still_gets_ctrl_c)
{
	char line[256];

	open_shell();
	snprintf(line, sizeof(line),
	    "%s @ signals 1 </dev/null 2>/dev/null |(trap '' INT; cat)",
	    modes[_i]);
	command(line);
	expect("ready");
	type(CTRL_C);
	expect(codes[_i]);
	hang_up();
}
END_TEST

static Suite *
terminal_suite(void)
{
	Suite *s = suite_create("terminal");
	TCase *t = tcase_create("leader");

	tcase_set_timeout(t, 40);
	tcase_add_test(t, session_leader_ctrl_c_reaches_the_child_once);
	tcase_add_test(t, session_leader_resize_reaches_the_child_once);
	tcase_add_test(t, session_leader_ctrl_z_does_not_freeze_the_child);
	tcase_add_test(t, session_leader_shell_has_job_control);
	tcase_add_test(t, session_leader_passes_the_hangup_on);
	suite_add_tcase(s, t);
	t = tcase_create("job");
	tcase_set_timeout(t, 40);
	tcase_add_loop_test(t, job_ctrl_c_reaches_the_child_once, 0, 2);
	tcase_add_loop_test(t, job_ctrl_z_returns_to_the_shell_and_fg_continues,
	    0, 2);
	tcase_add_loop_test(t,
	    job_in_the_background_is_stopped_by_the_terminal_and_fg_continues,
	    0, 2);
	tcase_add_loop_test(t,
	    job_in_the_background_leaves_the_terminal_to_the_shell, 0, 2);
	tcase_add_loop_test(t, job_that_has_survived_ctrl_c_stops_on_ctrl_z,
	    0, 2);
	tcase_add_test(t, job_is_not_continued_a_second_time_by_pith);
	tcase_add_loop_test(t, job_that_was_killed_while_stopped_ends, 0, 2);
	tcase_add_loop_test(t, job_gives_the_terminal_back_at_its_end, 0, 2);
	tcase_add_loop_test(t, job_loop_is_ended_by_ctrl_c, 0, 2);
	tcase_add_test(t, job_loop_of_a_script_is_ended_by_ctrl_c);
	tcase_add_loop_test(t, job_in_a_pipeline_leaves_the_pager_its_keys,
	    0, 2);
	tcase_add_test(t, job_gets_a_delayed_ctrl_c_once);
	tcase_add_test(t, job_continues_after_a_stop_of_only_the_child);
	tcase_add_loop_test(t, job_with_redirected_input_still_gets_ctrl_c,
	    0, 2);
	tcase_add_test(t,
	    tty_relay_that_is_killed_leaves_the_terminal_restored);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	SRunner *runner = srunner_create(terminal_suite());

	pith = getenv("PITH");
	probe = getenv("PROBE");
	if (!pith || !probe)
		return 99;
	srunner_run_all(runner, CK_ENV);
	return srunner_ntests_failed(runner) > 0;
}
