/* Tests of the relay of -t, --tty on real terminals. With arguments, this
 * program is a small launcher around sandbox/terminal.c. */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "fds.h"
#include "sandbox/terminal.h"

enum { TIMEOUT_MS = 10000, BURST = 1 << 20 };

#define CTRL_C "\003"
#define CTRL_D "\004"
#define CTRL_Z "\032"

/* ---- a small launcher --------------------------------------------------- */

static int
code_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) :
	    WEXITSTATUS(wait_status);
}

/* "relay MODE COMMAND ...": run a child on a pty. The child dies with the
 * launcher, as a sandbox does. "relay MODE" exits with 1 if a relay is wanted,
 * else 0. */
static int
launch(char **words)
{
	struct terminal t;
	sigset_t all, old;
	siginfo_t end;
	int wait_status = 0;
	pid_t child, relay;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	fds_occupy();                   /* as main() does */
	terminal_prepare(&t, atoi(words[0]), false);
	if (!words[1])
		return t.wanted;
	if (!terminal_open(&t, "/dev/ptmx"))
		return 125;
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!terminal_attach(&t))
			_exit(125);
		sigprocmask(SIG_SETMASK, &old, NULL);
		execvp(words[1], words + 1);
		_exit(127);
	}
	close(t.slave);
	relay = terminal_relay(&t, t.master, child);
	close(t.master);
	if (child < 0 || relay < 0)
		return 125;
	waitid(P_PID, child, &end, WEXITED | WNOWAIT);
	waitpid(relay, NULL, 0);
	waitpid(child, &wait_status, 0);
	return code_of(wait_status);
}

/* ---- master side of the outer terminal ---------------------------------- */

/* Path of the launcher, which is this program. */
static char launcher[512];

static int master = -1;
static pid_t leader;
static char seen[1 << 21];
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

/* Replace % by the launcher with --tty, ~ by the launcher without the option, @
 * by the launcher with --tty=no. */
static void
expand(char line[4096], const char *format)
{
	char *to = line;

	for (const char *from = format; *from; from++)
		to += *from == '%' ? sprintf(to, "%s %d", launcher,
		    TERMINAL_ALWAYS) :
		    *from == '~' ? sprintf(to, "%s %d", launcher,
		    TERMINAL_REPLACED) :
		    *from == '@' ? sprintf(to, "%s %d", launcher,
		    TERMINAL_PASSED) :
		    sprintf(to, "%c", *from);
	*to = '\0';
}

static void
open_script(const char *format)
{
	char line[4096];

	expand(line, format);
	open_terminal(line);
}

static void
open_shell(void)
{
	open_terminal("exec bash --norc --noprofile --noediting -i");
	expect("prompt> ");
}

static void
command(const char *format)
{
	char line[4096];

	expand(line, format);
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
	return code_of(wait_status);
}

static void
shell_ends(void)
{
	command("exit 0");
	leader_ends();
}

/* Hang up the terminal and wait for the leader, which must exit. */
static void
hang_up(void)
{
	close(master);
	ck_assert_int_eq(waitpid(leader, NULL, 0), leader);
}

/* Return the number after a word in the output. */
static int
number_after(const char *word)
{
	int n;

	expect(word);
	n = atoi(seen + read_on);
	expect("\r\n");
	return n;
}

static bool
is_raw(void)
{
	struct termios now;

	ck_assert_int_eq(tcgetattr(master, &now), 0);
	return !(now.c_lflag & ICANON) && !(now.c_lflag & ISIG) &&
	    !(now.c_oflag & OPOST);
}

/* Poll: no event reports a change of terminal modes. */
static void
wait_for_raw(bool raw)
{
	for (int ms = 0; is_raw() != raw; ms += 10) {
		ck_assert_int_lt(ms, TIMEOUT_MS);
		usleep(10000);
	}
}

static struct termios
modes(void)
{
	struct termios now;

	ck_assert_int_eq(tcgetattr(master, &now), 0);
	return now;
}

static void
check_modes(const struct termios *expected)
{
	const struct termios now = modes();

	ck_assert_uint_eq(now.c_iflag, expected->c_iflag);
	ck_assert_uint_eq(now.c_oflag, expected->c_oflag);
	ck_assert_uint_eq(now.c_cflag, expected->c_cflag);
	ck_assert_uint_eq(now.c_lflag, expected->c_lflag);
	ck_assert_mem_eq(now.c_cc, expected->c_cc, sizeof(now.c_cc));
}

/* Return the number that a command prints. %d in format stands for about. */
static int
number_of(const char *format, int about)
{
	char line[256];
	FILE *f;
	int n = 0;

	snprintf(line, sizeof(line), format, about);
	f = popen(line, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

/* Find the relay: the youngest child with the name of the launcher. */
static int
relay_of(int pid)
{
	char line[256];

	snprintf(line, sizeof(line), "pgrep -n -P %%d -x %s",
	    strrchr(launcher, '/') + 1);
	return number_of(line, pid);
}

/* ---- when a relay is used ----------------------------------------------- */

static const struct { const char *files; int code; } decided[] = {
	{ "~", 1 }, { "~ </dev/tty", 1 }, { "~ </dev/null", 1 },
	{ "~ >/dev/null", 1 }, { "~ 2>/dev/null", 1 },
	{ "~ </dev/null >/dev/null 2>&1", 0 },
	{ "% </dev/null", 1 }, { "@", 0 },
};

START_TEST(relay_is_implied_if_a_standard_descriptor_is_a_terminal)
{
	open_script(decided[_i].files);
	ck_assert_int_eq(leader_ends(), decided[_i].code);
}
END_TEST

START_TEST(relay_is_implied_with_a_second_terminal)
{
	char line[600];
	int other, slave;

	ck_assert_int_eq(openpty(&other, &slave, NULL, NULL, NULL), 0);
	snprintf(line, sizeof(line), "~ 2>%s", ttyname(slave));
	open_script(line);
	ck_assert_int_eq(leader_ends(), 1);
}
END_TEST

/* ---- input, output and size --------------------------------------------- */

START_TEST(relay_carries_both_ways_and_the_exit_code)
{
	open_script("exec % sh -c 'cat; exit 7'");
	type("one\n");
	expect("one\r\n");
	type("two\n");
	expect("two\r\n");
	type(CTRL_D);
	ck_assert_int_eq(leader_ends(), 7);
}
END_TEST

START_TEST(relay_gives_the_child_its_own_terminal_and_session)
{
	int outer;

	open_script("tty; exec % sh -c 'tty; echo pid $$; "
	    "echo session $(ps -o sid= -p $$); echo it is >/dev/tty; "
	    "test -t 0 && test -t 1 && test -t 2 && echo all three'");
	outer = number_after("/dev/pts/");
	ck_assert_int_ne(number_after("/dev/pts/"), outer);
	ck_assert_int_eq(number_after("pid "), number_after("session "));
	expect("it is\r\n");
	expect("all three\r\n");
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

START_TEST(relay_gives_the_pty_the_size_and_the_modes_of_the_terminal)
{
	char outer[256], inner[256];

	open_script("stty intr ^X eof ^Y -ixon; stty -g; "
	    "exec % sh -c 'stty -g; stty size; stty size </dev/tty'");
	expect("24 200\r\n24 200\r\n");
	leader_ends();
	ck_assert_int_eq(sscanf(seen, "%255s %255s", outer, inner), 2);
	ck_assert_str_eq(outer, inner);
}
END_TEST

START_TEST(relay_takes_the_size_from_an_output_terminal)
{
	open_script("% stty size </dev/null");
	expect("24 200\r");
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

START_TEST(relay_passes_a_new_size_on)
{
	struct winsize size = { .ws_row = 50, .ws_col = 100 };

	open_script("exec % perl -e '$| = 1; $SIG{WINCH} = sub { "
	    "system \"stty size\"; print \"done\\n\" }; "
	    "print \"ready\\n\"; sleep 1 while 1'");
	expect("ready\r\n");
	ioctl(master, TIOCSWINSZ, &size);
	expect("50 100\r\n");
	expect("done");                 /* before that, perl ignores ^C */
	type(CTRL_C);
	ck_assert_int_eq(leader_ends(), 128 + SIGINT);
}
END_TEST

START_TEST(relay_passes_keys_on_unchanged)
{
	open_script("exec % sh -c 'stty raw -echo; echo ready; "
	    "head -c 6 | od -An -tx1'");
	expect("ready");
	type("\003\032\004\r\n\377");
	expect("03 1a 04 0d 0a ff");
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

START_TEST(relay_keeps_what_was_typed_before_it_began)
{
	int wait_status;

	open_script("kill -STOP $$; exec % head -n 1");
	ck_assert_int_eq(waitpid(leader, &wait_status, WUNTRACED), leader);
	type("early\n");
	kill(leader, SIGCONT);
	expect("early\r\n");
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

START_TEST(relay_delivers_all_output_before_it_exits)
{
	open_script("exec % seq 100000");
	ck_assert_int_eq(leader_ends(), 0);
	ck_assert_uint_eq(seen_size, 588895 + 100000);
	ck_assert_str_eq(seen + seen_size - 8, "100000\r\n");
}
END_TEST

/* ---- large amounts of data ---------------------------------------------- */

/* Write to one side and read from the other, as fast as they allow. */
static void
pump(int to, int from)
{
	static char sent[BURST];
	size_t done = 0, got = 0;

	for (size_t i = 0; i < BURST; i++)
		sent[i] = i * 2654435761u >> 24;
	fcntl(to, F_SETFL, O_NONBLOCK | O_RDWR);
	while (got < BURST) {
		struct pollfd p[] = { { from, POLLIN, 0 },
		    { done < BURST ? to : -1, POLLOUT, 0 } };
		ssize_t n;

		ck_assert_int_gt(poll(p, 2, TIMEOUT_MS), 0);
		if (p[1].revents) {
			n = write(to, sent + done, BURST - done);
			done += n > 0 ? n : 0;
		}
		if (!p[0].revents)
			continue;
		n = read(from, seen + got, BURST - got);
		ck_assert_int_gt(n, 0);
		ck_assert_mem_eq(seen + got, sent + got, n);
		got += n;
	}
}

#define MIRROR "sh -c 'stty raw -echo; echo ready; head -c 1048576'"

START_TEST(relay_copies_a_mebibyte_both_ways_at_once)
{
	open_script("exec % " MIRROR);
	expect("ready\n");
	pump(master, master);
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

START_TEST(relay_copies_a_mebibyte_both_ways_through_pipes)
{
	int in[2], out[2], wait_status;
	char line[4096], text[6];

	expand(line, "exec % " MIRROR);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	leader = fork();
	if (leader == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(99);
	}
	close(out[1]);
	ck_assert_int_eq(read(out[0], text, 6), 6);
	ck_assert_mem_eq(text, "ready\n", 6);
	pump(in[1], out[0]);
	ck_assert_int_eq(waitpid(leader, &wait_status, 0), leader);
	ck_assert_int_eq(code_of(wait_status), 0);
}
END_TEST

/* Output that is not read must not block input. */
START_TEST(relay_accepts_keys_while_its_output_is_full)
{
	char file[] = "/tmp/pith-key.XXXXXX";
	char line[256], byte;
	int fd = mkstemp(file);

	snprintf(line, sizeof(line), "exec %% sh -c 'trap \"echo got >%s; "
	    "exit 9\" INT; yes'", file);
	open_script(line);
	ck_assert(read_more(TIMEOUT_MS));
	usleep(300000);                 /* until the output is full */
	type(CTRL_C);
	for (int ms = 0; pread(fd, &byte, 1, 0) <= 0; ms += 10) {
		ck_assert_int_lt(ms, TIMEOUT_MS);
		usleep(10000);
	}
	ck_assert_int_eq(leader_ends(), 9);
	close(fd);
	unlink(file);
}
END_TEST

/* ---- end of file, hangup and signals ------------------------------------ */

static const struct { const char *script, *comes; } half_closed[] = {
	{ "% cat </dev/null; echo code $?", "code 0\r\n" },
	{ "printf 'a\\nb\\n' | % cat -n; echo code $?", "2\tb\r\r\ncode 0" },
	{ "printf 'a\\nb' | % cat -n; echo code $?", "2\tbcode 0" },
	{ "printf '' | % sh -c 'read x; echo done $?'", "done 1\r" },
	{ "stty eof ^Y; % cat </dev/null; echo code $?", "code 0\r\n" },
	{ "echo a | % sh -c 'cat; sleep 0.3; echo late'", "late\r" },
};

START_TEST(relay_sends_eof_at_the_end_of_a_pipe_and_continues)
{
	open_script(half_closed[_i].script);
	expect(half_closed[_i].comes);
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

static const char *const closed[] = {
	"<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"
};

START_TEST(relay_starts_with_any_standard_descriptor_closed)
{
	char line[256];

	snprintf(line, sizeof(line), "exec %% sh -c "
	    "'test -t 0 && test -t 1 && test -t 2 && exit 3' %s", closed[_i]);
	open_script(line);
	ck_assert_int_eq(leader_ends(), 3);
}
END_TEST

START_TEST(relay_continues_if_the_child_closes_its_files)
{
	open_script("exec % sh -c 'exec <&- >&- 2>&-; sleep 0.3; "
	    "echo again >/dev/tty; exit 4'");
	expect("again\r\n");
	ck_assert_int_eq(leader_ends(), 4);
}
END_TEST

START_TEST(relay_hangs_up_if_its_output_has_no_reader)
{
	open_script("bash -c '% yes | head -n 1; echo codes ${PIPESTATUS[*]}'");
	expect("y\r");
	expect("codes 129 0\r\n");
	leader_ends();
}
END_TEST

START_TEST(relay_passes_the_hangup_of_the_terminal_on)
{
	char file[] = "/tmp/pith-hup.XXXXXX";
	char line[256], text[16] = "";
	int fd = mkstemp(file);
	int wait_status;

	snprintf(line, sizeof(line), "exec %% "
	    "sh -c 'trap \"echo hup >%s; exit 3\" HUP; echo ready; "
	    "while :; do sleep 0.05; done'", file);
	open_script(line);
	expect("ready");
	close(master);
	ck_assert_int_eq(waitpid(leader, &wait_status, 0), leader);
	ck_assert_int_eq(code_of(wait_status), 3);
	ck_assert_int_gt(pread(fd, text, sizeof(text) - 1, 0), 0);
	ck_assert_str_eq(text, "hup\n");
	close(fd);
	unlink(file);
}
END_TEST

/* Signals to the whole group must not kill the relay: the child may still
 * write, and the launcher forwards the signals to it. */
START_TEST(relay_survives_signals)
{
	int relay;

	open_script("exec % sh -c 'trap \"\" HUP; echo ready; cat'");
	expect("ready");
	relay = relay_of(leader);
	kill(relay, SIGTERM);
	kill(relay, SIGINT);
	kill(relay, SIGHUP);
	type("one\n");
	expect("one\r\n");
	type(CTRL_D);
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

START_TEST(relay_does_not_wake_up_when_idle)
{
	static const char switches[] =
	    "awk '/_switches/ { n += $2 } END { print n }' /proc/%d/status";
	int relay, before;

	open_script("exec % sh -c 'echo ready; cat'");
	expect("ready");
	wait_for_raw(true);
	relay = relay_of(leader);
	before = number_of(switches, relay);
	usleep(1000000);
	ck_assert_int_eq(number_of(switches, relay), before);
	type(CTRL_D);
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

START_TEST(relay_keeps_only_its_own_descriptors)
{
	open_script("exec 5</dev/null 9</dev/null; "
	    "exec % sh -c 'echo ready; cat'");
	expect("ready");
	wait_for_raw(true);
	ck_assert_int_eq(number_of("ls /proc/%d/fd | wc -l",
	    relay_of(leader)), 7);
	type(CTRL_D);
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

/* ---- modes of the outer terminal ---------------------------------------- */

/* Start the launcher below the session leader, whose exit would hang up the
 * terminal. */
static int
start_in_script(void)
{
	int pid;

	open_script("sh -c 'echo launcher $$; exec % "
	    "sh -c \"echo child \\$\\$; cat\"' 2>/dev/null; "
	    "echo over; read x");
	pid = number_after("launcher ");
	number_after("child ");
	wait_for_raw(true);
	return pid;
}

enum ending { BY_END_OF_FILE, BY_KILL_OF_CHILD, BY_KILL_OF_LAUNCHER, ENDINGS };

static void
kill_child(int pid)
{
	kill(number_of("pgrep -P %d -x cat",
	    number_of("pgrep -P %d -x sh", pid)), SIGKILL);
}

START_TEST(relay_restores_the_terminal_modes)
{
	struct termios before;
	int pid;

	open_script("echo ready; read x");
	expect("ready");
	before = modes();
	hang_up();
	pid = start_in_script();
	if (_i == BY_END_OF_FILE)
		type(CTRL_D);
	else if (_i == BY_KILL_OF_CHILD)
		kill_child(pid);
	else
		kill(pid, SIGKILL);
	expect("over");
	if (_i == BY_KILL_OF_LAUNCHER)
		wait_for_raw(false);    /* the relay may still run */
	check_modes(&before);
	type("\n");
	leader_ends();
}
END_TEST

/* Set modes as "stty sane" does from another terminal. */
static struct termios
set_modes(void)
{
	struct termios now = modes();

	now.c_lflag |= ECHO | ICANON;
	ck_assert_int_eq(tcsetattr(master, TCSANOW, &now), 0);
	return now;
}

START_TEST(relay_keeps_modes_set_by_another_process)
{
	int pid = start_in_script();
	const struct termios now = set_modes();

	kill_child(pid);
	expect("over");
	check_modes(&now);
	hang_up();
}
END_TEST

START_TEST(relay_survives_modes_set_by_another_process)
{
	start_in_script();
	set_modes();
	type(CTRL_D);
	wait_for_raw(true);
	type("one\n");
	expect("one\r\n");
	type(CTRL_D);
	expect("over");
	hang_up();
}
END_TEST

START_TEST(relay_of_a_pipe_does_not_touch_modes_and_keys)
{
	struct termios before;

	open_script("(sleep 100; echo) | % sh -c 'echo ready; cat'; read x");
	before = modes();
	expect("ready");
	check_modes(&before);
	hang_up();
}
END_TEST

/* ---- under an interactive shell ----------------------------------------- */

/* Seen to fail if keys are passed on one by one: "got" does not appear, because
 * the terminal is raw and ^M does not end a line. */
START_TEST(relay_passes_lines_and_eof_on_if_output_is_a_pipe)
{
	open_script("~ cat | sed -u s/^/got-/");
	type("one\n");
	expect("got-one\r\n");
	ck_assert(!is_raw());
	type("two\n\4");
	expect("got-two\r\n");
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

/* The pager reads keys from the terminal, as less(1) does. Seen to fail if
 * take_terminal() does not check ICANON: some keys of "abc" are lost. */
START_TEST(relay_leaves_the_terminal_to_a_pager_behind_a_pipe)
{
	open_script("~ sh -c 'echo out; cat >/dev/null' | "
	    "sh -c 'read x; stty -icanon min 1 </dev/tty; echo $x-ready; "
	    "dd bs=1 count=3 </dev/tty 2>/dev/null; echo; "
	    "stty icanon </dev/tty; echo over'");
	expect("out-ready\r\n");
	for (const char *key = "abc"; *key; key++) {
		type((char[]){ *key, '\0' });
		expect((char[]){ *key, '\0' });
	}
	expect("over\r\n");
	type("\4");
	ck_assert_int_eq(leader_ends(), 0);
}
END_TEST

START_TEST(relay_has_job_control_inside)
{
	struct termios before;

	open_shell();
	before = modes();
	command("% bash --norc --noprofile --noediting -i");
	expect("prompt> ");
	ck_assert_ptr_null(strstr(seen, "no job control"));
	command("cat");
	type("one\n");
	expect("one\r\n");
	type(CTRL_Z);
	expect("Stopped");
	expect("prompt> ");
	command("fg");
	type("two\n");
	expect("two\r\n");
	type(CTRL_C);
	expect("prompt> ");
	command("exit 5");
	expect("prompt> ");
	command("echo code $?");
	expect("code 5\r\n");
	expect("prompt> ");
	check_modes(&before);
	shell_ends();
}
END_TEST

START_TEST(relay_in_the_background_leaves_the_terminal_to_the_shell)
{
	struct termios before;

	open_shell();
	before = modes();
	command("% sh -c 'echo output; read x; echo got $x' &");
	expect("output\r");
	command("echo shell is fine");
	expect("shell is fine\r\n");
	check_modes(&before);
	command("fg");
	type("now\n");
	expect("got now\r\n");
	expect("prompt> ");
	check_modes(&before);
	shell_ends();
}
END_TEST

/* Input is pending all the time, but it is for the foreground job. */
START_TEST(relay_in_the_background_is_idle_while_others_read_keys)
{
	int relay;

	open_shell();
	command("% cat &");
	expect("prompt> ");
	command("echo launcher $!");
	relay = relay_of(number_after("launcher "));
	command("echo busy; sleep 1");
	expect("busy\r\n");
	type("echo typed ahead\n");
	expect("typed ahead\r\n");
	ck_assert_int_lt(number_of("awk '{ print $14 + $15 }' /proc/%d/stat",
	    relay), 10);
	hang_up();
}
END_TEST

START_TEST(relay_continues_after_its_group_was_stopped)
{
	struct termios before;

	open_shell();
	before = modes();
	command("% cat");
	type("one\n");
	expect("one\r\n");
	for (int i = 0; i < 3; i++) {
		struct winsize size = { .ws_row = 30 + i, .ws_col = 90 };

		wait_for_raw(true);
		kill(-tcgetpgrp(master), SIGSTOP);
		expect("Stopped");
		expect("prompt> ");
		check_modes(&before);
		command("echo shell is back");
		expect("shell is back\r\n");
		ioctl(master, TIOCSWINSZ, &size);
		command("fg");
		wait_for_raw(true);
		type("two\n");
		expect("two\r\n");
	}
	type(CTRL_D);
	expect("prompt> ");
	check_modes(&before);
	shell_ends();
}
END_TEST

static Suite *
relay_suite(void)
{
	Suite *s = suite_create("relay");
	TCase *t = tcase_create("relay");

	tcase_set_timeout(t, 40);
	tcase_add_loop_test(t,
	    relay_is_implied_if_a_standard_descriptor_is_a_terminal, 0,
	    sizeof(decided) / sizeof(decided[0]));
	tcase_add_test(t, relay_is_implied_with_a_second_terminal);
	tcase_add_test(t, relay_carries_both_ways_and_the_exit_code);
	tcase_add_test(t, relay_gives_the_child_its_own_terminal_and_session);
	tcase_add_test(t,
	    relay_gives_the_pty_the_size_and_the_modes_of_the_terminal);
	tcase_add_test(t, relay_takes_the_size_from_an_output_terminal);
	tcase_add_test(t, relay_passes_a_new_size_on);
	tcase_add_test(t, relay_passes_keys_on_unchanged);
	tcase_add_test(t, relay_keeps_what_was_typed_before_it_began);
	tcase_add_test(t, relay_delivers_all_output_before_it_exits);
	tcase_add_test(t, relay_copies_a_mebibyte_both_ways_at_once);
	tcase_add_test(t, relay_copies_a_mebibyte_both_ways_through_pipes);
	tcase_add_test(t, relay_accepts_keys_while_its_output_is_full);
	tcase_add_loop_test(t,
	    relay_sends_eof_at_the_end_of_a_pipe_and_continues, 0,
	    sizeof(half_closed) / sizeof(half_closed[0]));
	tcase_add_loop_test(t, relay_starts_with_any_standard_descriptor_closed,
	    0, sizeof(closed) / sizeof(closed[0]));
	tcase_add_test(t, relay_continues_if_the_child_closes_its_files);
	tcase_add_test(t, relay_hangs_up_if_its_output_has_no_reader);
	tcase_add_test(t, relay_passes_lines_and_eof_on_if_output_is_a_pipe);
	tcase_add_test(t, relay_leaves_the_terminal_to_a_pager_behind_a_pipe);
	tcase_add_test(t, relay_passes_the_hangup_of_the_terminal_on);
	tcase_add_test(t, relay_survives_signals);
	tcase_add_test(t, relay_does_not_wake_up_when_idle);
	tcase_add_test(t, relay_keeps_only_its_own_descriptors);
	tcase_add_loop_test(t, relay_restores_the_terminal_modes, 0, ENDINGS);
	tcase_add_test(t, relay_keeps_modes_set_by_another_process);
	tcase_add_test(t, relay_survives_modes_set_by_another_process);
	tcase_add_test(t, relay_of_a_pipe_does_not_touch_modes_and_keys);
	tcase_add_test(t, relay_has_job_control_inside);
	tcase_add_test(t,
	    relay_in_the_background_leaves_the_terminal_to_the_shell);
	tcase_add_test(t,
	    relay_in_the_background_is_idle_while_others_read_keys);
	tcase_add_test(t, relay_continues_after_its_group_was_stopped);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	SRunner *runner;

	if (argc > 1)
		return launch(argv + 1);
	if (readlink("/proc/self/exe", launcher, sizeof(launcher) - 1) < 0)
		return 99;
	runner = srunner_create(relay_suite());
	srunner_run_all(runner, CK_ENV);
	return srunner_ntests_failed(runner) > 0;
}
