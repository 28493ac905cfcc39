#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"
#include "suites.h"

#define BIT(sig) (UINT64_C(1) << ((sig) - 1))

/* ---- names -------------------------------------------------------------- */

static const char *const names[SIGNAL_COUNT] = {
	[SIGHUP] = "HUP", [SIGINT] = "INT", [SIGQUIT] = "QUIT",
	[SIGILL] = "ILL", [SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",
	[SIGBUS] = "BUS", [SIGFPE] = "FPE", [SIGKILL] = "KILL",
	[SIGUSR1] = "USR1", [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
	[SIGPIPE] = "PIPE", [SIGALRM] = "ALRM", [SIGTERM] = "TERM",
	[SIGSTKFLT] = "STKFLT", [SIGCHLD] = "CHLD", [SIGCONT] = "CONT",
	[SIGSTOP] = "STOP", [SIGTSTP] = "TSTP", [SIGTTIN] = "TTIN",
	[SIGTTOU] = "TTOU", [SIGURG] = "URG", [SIGXCPU] = "XCPU",
	[SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF",
	[SIGWINCH] = "WINCH", [SIGIO] = "IO", [SIGPWR] = "PWR",
	[SIGSYS] = "SYS", [34] = "RTMIN", [64] = "RTMAX",
};

START_TEST(a_signal_has_one_name)
{
	char name[SIGNAL_NAME], expected[32], digits[16];

	snprintf(digits, sizeof(digits), "%d", _i > 34 ? _i - 34 : _i);
	snprintf(expected, sizeof(expected), "SIG%s%s",
	    names[_i] || _i < 34 ? "" : "RTMIN+",
	    names[_i] ? names[_i] : digits);
	ck_assert_str_eq(signal_name(_i, name), expected);
	snprintf(digits, sizeof(digits), "%d", _i);
	ck_assert_int_eq(signal_number(digits), _i);
	if (_i == 32 || _i == 33)       /* reserved by the C library */
		return;
	for (size_t i = 0; name[i]; i++) {
		ck_assert_int_eq(signal_number(name), _i);
		ck_assert_int_eq(signal_number(name + 3), _i);
		name[i] = tolower(name[i]);
	}
	ck_assert_int_eq(signal_number(name), _i);
}
END_TEST

static const struct { const char *name; int sig; } spelled[] = {
	{ "IOT", SIGABRT }, { "SIGCLD", SIGCHLD }, { "poll", SIGIO },
	{ "RTMIN+0", 34 }, { "RTMIN+30", 64 }, { "RTMAX-0", 64 },
	{ "RTMAX-1", 63 }, { "sigrtmax-30", 34 }, { "rtMin+007", 41 },
	{ "1", 1 }, { "09", 9 }, { "000000000000000000064", 64 },
};

START_TEST(a_signal_name_may_be_spelled_differently)
{
	ck_assert_int_eq(signal_number(spelled[_i].name), spelled[_i].sig);
}
END_TEST

static const char *const no_signals[] = {
	"", "SIG", "0", "00", "65", "99", "128", "256", "257", "271",
	"4294967311", "18446744073709551631", "99999999999999999999999999",
	"-1", "+15", " 15", "15 ", "15x", "x15", "0x0f", "1.5", "1e1", "15:0",
	"TERMINATE", "TER", "TERM ", " TERM", "SIG TERM", "SIGSIGTERM",
	"SIG15", "SIGNAL", "HUP,INT", "RTMIN+", "RTMIN-1", "RTMIN+31",
	"RTMIN+64", "RTMIN+-1", "RTMIN++1", "RTMIN+ 1", "RTMIN+1x",
	"RTMIN1", "RTMAX-", "RTMAX+1", "RTMAX-31", "RTMAX--1", "RTMAX-x",
	"RTMIN+4294967296", "RTMAX-18446744073709551616", "\xc5\xbfIGTERM",
};

START_TEST(an_invalid_signal_name_is_zero)
{
	ck_assert_int_eq(signal_number(no_signals[_i]), 0);
}
END_TEST

/* ---- sources and masks -------------------------------------------------- */

START_TEST(three_signals_ask_to_stop)
{
	for (int sig = 0; sig < SIGNAL_COUNT; sig++)
		ck_assert_int_eq(signal_asks_to_stop(sig),
		    sig == SIGTERM || sig == SIGINT || sig == SIGQUIT);
}
END_TEST

START_TEST(only_signals_from_the_kernel_are_terminal_signals)
{
	static const int codes[] = { SI_KERNEL, SI_USER, SI_QUEUE, SI_TKILL };
	const uint64_t by_terminal = BIT(SIGINT) | BIT(SIGQUIT) | BIT(SIGHUP) |
	    BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU) | BIT(SIGCONT) |
	    BIT(SIGWINCH);

	ck_assert(!signal_of_terminal(NULL));
	for (int sig = 1; sig < SIGNAL_COUNT; sig++) {
		siginfo_t info = { .si_signo = sig };

		info.si_code = codes[_i];
		ck_assert_int_eq(signal_of_terminal(&info),
		    codes[_i] == SI_KERNEL && by_terminal & BIT(sig));
	}
}
END_TEST

static const uint64_t NEVER_HELD = BIT(SIGKILL) | BIT(SIGSTOP);

static uint64_t
change_mask(int how, uint64_t set)
{
	uint64_t old;

	ck_assert_int_eq(syscall(SYS_rt_sigprocmask, how, &set, &old,
	    sizeof(set)), 0);
	return old;
}

static uint64_t
mask(void)
{
	return change_mask(SIG_BLOCK, 0);
}

START_TEST(each_bit_of_the_inherited_mask_is_restored)
{
	const uint64_t sets[] = { BIT(_i), ~BIT(_i) };
	struct inherited inherited;

	for (int i = 0; i < 2; i++) {
		uint64_t set = sets[i] & ~NEVER_HELD;

		change_mask(SIG_SETMASK, set);
		signals_hold(&inherited);
		ck_assert_uint_eq(inherited.mask, set);
		ck_assert_uint_eq(mask(), ~NEVER_HELD);
		signals_restore(&inherited);
		ck_assert_uint_eq(mask(), set);
	}
}
END_TEST

START_TEST(an_ignored_sigchld_is_reset)
{
	struct sigaction action = { .sa_handler = SIG_IGN,
	    .sa_flags = SA_NOCLDWAIT };

	sigaction(SIGCHLD, &action, NULL);
	hold();
	sigaction(SIGCHLD, NULL, &action);
	ck_assert_ptr_eq(action.sa_handler, SIG_DFL);
	ck_assert_int_eq(action.sa_flags & SA_NOCLDWAIT, 0);
}
END_TEST

/* ---- the queue ---------------------------------------------------------- */

static int64_t
nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

START_TEST(the_clock_counts_milliseconds)
{
	int64_t before = nanoseconds() / 1000000, now = signals_clock();

	ck_assert_int_le(before, now);
	ck_assert_int_le(now, nanoseconds() / 1000000);
}
END_TEST

START_TEST(a_held_signal_is_read_with_any_deadline)
{
	const int64_t untils[] = { 0, 1, signals_clock() - 1, signals_clock(),
	    signals_clock() + 60000, NEVER - 1, NEVER };
	siginfo_t info;

	if (_i == SIGKILL || _i == SIGSTOP)
		return;
	hold();
	for (size_t i = 0; i < COUNT_OF(untils); i++) {
		ck_assert_int_eq(kill(getpid(), _i), 0);
		ck_assert_int_eq(signals_next(&info, untils[i]), _i);
		ck_assert_int_eq(info.si_code, SI_USER);
		ck_assert_int_eq(info.si_pid, getpid());
		/* It is read only once. */
		ck_assert_int_eq(signals_next(&info, untils[i % 4]), 0);
	}
}
END_TEST

static const int64_t waits[] = { 998, 999, 1000, 59999, NEVER / 2, NEVER };

START_TEST(a_signal_ends_a_wait)
{
	const struct itimerval soon = { .it_value.tv_usec = 2000 };
	siginfo_t info;
	int64_t now;

	hold();
	setitimer(ITIMER_REAL, &soon, NULL);
	/* Start at the beginning of a millisecond, so that the sums of waits
	 * are exact. */
	for (now = signals_clock(); now == signals_clock();)
		;
	now = waits[_i] == NEVER ? 0 : now + 1;
	ck_assert_int_eq(signals_next(&info, now + waits[_i]), SIGALRM);
}
END_TEST

/* The clock truncates to milliseconds, so begin at the end of one. */
START_TEST(a_wait_does_not_end_early)
{
	siginfo_t info;

	hold();
	for (int i = 0; i < 8; i++) {
		int64_t begun, until;

		while (nanoseconds() % 1000000 < 900000)
			;
		begun = nanoseconds();
		until = signals_clock() + 3;
		while (nanoseconds() / 1000000 == begun / 1000000)
			;
		ck_assert_int_eq(signals_next(&info, until), 0);
		ck_assert_int_ge(nanoseconds() - begun, 3000000);
		ck_assert_int_ge(signals_clock(), until);
	}
}
END_TEST

/* ---- forwarding --------------------------------------------------------- */

static const struct {
	int sig, came, code;            /* sent; received, and its si_code */
	int left;                       /* si_code after forwarding */
	bool to_group;
} forwards[] = {
	{ 40, 40, SI_QUEUE, SI_QUEUE, false }, { 40, 0, 0, SI_USER, false },
	{ SIGUSR1, SIGUSR1, SI_QUEUE, SI_QUEUE, false },
	{ 32, 32, SI_QUEUE, SI_QUEUE, false },
	{ SIGUSR1, SIGUSR1, SI_USER, SI_USER, false },
	{ SIGUSR1, SIGUSR2, SI_QUEUE, SI_USER, false },
	{ SIGINT, SIGINT, SI_KERNEL, SI_USER, false },
	{ 40, 40, SI_QUEUE, SI_USER, true },
	{ SIGTERM, SIGTERM, SI_USER, SI_USER, true },
};

START_TEST(a_queued_value_is_forwarded_to_a_single_process)
{
	siginfo_t info = { .si_signo = forwards[_i].came,
	    .si_code = forwards[_i].code };
	pid_t target = forwards[_i].to_group ? -getpid() : getpid();

	info.si_pid = getppid();
	info.si_value.sival_int = 4711;
	hold();
	setpgid(0, 0);
	ck_assert(signal_forward(target, forwards[_i].sig,
	    forwards[_i].came ? &info : NULL));
	ck_assert_int_eq(signals_next(&info, 0), forwards[_i].sig);
	ck_assert_int_eq(info.si_code, forwards[_i].left);
	if (info.si_code == SI_QUEUE)
		ck_assert_int_eq(info.si_value.sival_int, 4711);
	else
		ck_assert_int_eq(info.si_pid, getpid());
}
END_TEST

START_TEST(a_full_queue_loses_only_the_value)
{
	siginfo_t info = { .si_signo = 40, .si_code = SI_QUEUE };
	struct rlimit most, none;

	hold();
	getrlimit(RLIMIT_SIGPENDING, &most);
	none = (struct rlimit){ 0, most.rlim_max };
	setrlimit(RLIMIT_SIGPENDING, &none);
	ck_assert(signal_forward(getpid(), 40, &info));
	setrlimit(RLIMIT_SIGPENDING, &most);    /* Check's timers need it */
	ck_assert_int_eq(signals_next(&info, 0), 40);
	ck_assert_int_ne(info.si_code, SI_QUEUE);
}
END_TEST

START_TEST(a_signal_to_a_missing_process_is_an_error)
{
	pid_t gone = sitting();

	kill(gone, SIGKILL);
	end_of(gone);
	ck_assert(!signal_forward(gone, SIGTERM, NULL));
	ck_assert_int_eq(errno, ESRCH);
}
END_TEST

/* ---- stopping and dying ------------------------------------------------- */

static const struct { int sig; bool whole_group; } stops[] = {
	{ SIGTSTP, false }, { SIGTTIN, false }, { SIGTTOU, false },
	{ SIGTSTP, true }, { SIGTTIN, true }, { SIGTTOU, true },
};

START_TEST(a_process_stops_itself_until_it_is_continued)
{
	const int sig = stops[_i].sig;
	pid_t pid, other;
	int status;
	siginfo_t info;

	hold();
	pid = fork();
	if (pid == 0) {
		signals_next(&info, NEVER);
		signal_stop_self(sig, stops[_i].whole_group);
		_exit(mask() == ~NEVER_HELD ? 7 : 1);
	}
	other = fork();
	if (other == 0)
		_exit(signals_next(&info, NEVER));
	ck_assert_int_eq(setpgid(pid, pid), 0);
	ck_assert_int_eq(setpgid(other, pid), 0);
	kill(pid, SIGUSR1);
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == sig);
	/* A higher number: it is delivered after the signal of the group. */
	kill(other, 40);
	ck_assert_int_eq(end_of(other), stops[_i].whole_group ? sig : 40);
	kill(pid, SIGCONT);
	ck_assert_int_eq(end_of(pid), 7);
}
END_TEST

START_TEST(a_process_dies_of_a_signal_without_a_core)
{
	const uint64_t harmless = BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGWINCH) |
	    BIT(SIGURG);
	int status;
	pid_t pid;

	if (_i == SIGTSTP || _i == SIGTTIN || _i == SIGTTOU || _i == SIGSTOP)
		return;
	hold();
	pid = fork();
	if (pid == 0) {
		struct rlimit core;

		getrlimit(RLIMIT_CORE, &core);
		core.rlim_cur = core.rlim_max;
		setrlimit(RLIMIT_CORE, &core);
		signal(_i, SIG_IGN);
		signal_die(_i);
		_exit(7);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, harmless & BIT(_i) ? 7 << 8 : _i);
}
END_TEST

Suite *
signals_suite(void)
{
	Suite *s = suite_create("signals");
	TCase *t = tcase_create("names");

	tcase_add_loop_test(t, a_signal_has_one_name, 1, SIGNAL_COUNT);
	add_each(t, a_signal_name_may_be_spelled_differently, spelled);
	add_each(t, an_invalid_signal_name_is_zero, no_signals);
	tcase_add_test(t, three_signals_ask_to_stop);
	tcase_add_loop_test(t,
	    only_signals_from_the_kernel_are_terminal_signals, 0, 4);
	suite_add_tcase(s, t);
	t = tcase_create("queue");
	tcase_add_loop_test(t, each_bit_of_the_inherited_mask_is_restored, 1,
	    SIGNAL_COUNT);
	tcase_add_test(t, an_ignored_sigchld_is_reset);
	tcase_add_test(t, the_clock_counts_milliseconds);
	tcase_add_loop_test(t, a_held_signal_is_read_with_any_deadline, 1,
	    SIGNAL_COUNT);
	add_each(t, a_signal_ends_a_wait, waits);
	tcase_add_test(t, a_wait_does_not_end_early);
	suite_add_tcase(s, t);
	t = tcase_create("sending");
	add_each(t, a_queued_value_is_forwarded_to_a_single_process, forwards);
	tcase_add_test(t, a_full_queue_loses_only_the_value);
	tcase_add_test(t, a_signal_to_a_missing_process_is_an_error);
	add_each(t, a_process_stops_itself_until_it_is_continued, stops);
	tcase_add_loop_test(t, a_process_dies_of_a_signal_without_a_core, 1,
	    SIGNAL_COUNT);
	suite_add_tcase(s, t);
	return s;
}
