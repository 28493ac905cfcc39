#include <errno.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "architecture.h"
#include "child.h"
#include "cli/dropin.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/report.h"
#include "reaper.h"
#include "signals.h"

enum {
	EXIT_TIMEOUT = 124,
	TIMEOUT_STOP_MS = 2000,         /* --timeout without --stop-timeout */
	UNKILLABLE_MS = 2000,           /* for what outlives SIGKILL */
	REAP_BATCH = 64                 /* deaths between two signals */
};

/* The stages of a life. LEFT is the child's end, when --wait goes on for the
 * rest of its tree; in GRACE the rest has got SIGTERM, in KILLED SIGKILL. */
enum stage { RUNS, LEFT, GRACE, KILLED, OVER };

/* What can fall due: a delayed signal, by its number, and these. */
enum due { TIMEOUT = SIGNALS, KILL, NEXT_STAGE, DUES };

/* All that supervise() knows. */
struct life {
	const struct options *opt;
	struct child child;
	struct descendants rest;
	enum stage stage;
	int wait_status;                /* of the child, from LEFT on */
	bool timed_out;
	bool told_to_end;               /* and may be stopping all the same */
	bool continued;                 /* by a SIGCONT that is to be read */
	bool more_dead;                 /* than one batch holds, or may be */
	int64_t begun, ended;           /* the child, by signals_clock() */
	int64_t orphans, killed;
	int64_t due[DUES];              /* moments of signals_clock() */
};

static void
tell(const struct life *l, int level, const char *what, int sig, int64_t pid)
{
	char text[128];
	char name[SIGNAL_NAME];
	struct line line = LINE(text);

	if (l->opt->verbosity < level)
		return;
	line_add(&line, what);
	if (sig > 0) {
		line_add(&line, " ");
		line_add(&line, signal_name(sig, name));
	}
	line_add(&line, sig > 0 && pid > 0 ? " to process " : "");
	if (pid > 0)
		line_number(&line, pid);
	say(text);
}

/* ---- signals that came -------------------------------------------------- */

/* To the child while it runs, then to all that is left of it. */
static void
send(const struct life *l, int sig, const siginfo_t *info)
{
	const pid_t pid = l->child.pid;

	tell(l, 1, l->stage == RUNS ? "forward" : "forward to what is left",
	    sig, l->stage == RUNS ? pid : 0);
	if (l->stage != RUNS)
		reaper_signal(&l->rest, sig);
	else if (!signal_forward(l->opt->all ? -1 : l->opt->group ? -pid : pid,
	    sig, info) && errno == EPERM)
		tell(l, 1, "not permitted:", sig, pid);
}

static void
set_due(struct life *l, enum due what, int64_t ms)
{
	if (l->due[what] == NEVER)
		l->due[what] = signals_clock() + ms;
}

static void
begin_grace(struct life *l)
{
	l->stage = GRACE;
	reaper_signal(&l->rest, SIGTERM);
	reaper_signal(&l->rest, SIGCONT);
	set_due(l, NEXT_STAGE, l->opt->grace);
}

static void
kill_rest(struct life *l)
{
	l->stage = KILLED;
	reaper_signal(&l->rest, SIGKILL);
	l->due[NEXT_STAGE] = NEVER;
	set_due(l, NEXT_STAGE, UNKILLABLE_MS);
}

/* The child has ended, or --pause. */
static void
leave(struct life *l)
{
	l->ended = signals_clock();
	l->stage = LEFT;
	l->more_dead = true;
	if (!l->opt->wait)
		l->due[TIMEOUT] = l->due[KILL] = NEVER;
}

/* Whether a child of our own group has got it from the terminal as we have. */
static bool
child_has(const struct life *l, const siginfo_t *info)
{
	return l->stage == RUNS && !l->child.own_group &&
	    signal_of_terminal(info);
}

/* Whether it is the SIGCONT that ended our own stop, and the child goes on as
 * well: a shell continues the whole group. Once more, it could undo a ^Z that
 * came since. */
static bool
child_goes_on(struct life *l, int sig)
{
	const bool first = sig == SIGCONT && l->continued;

	if (first)
		l->continued = false;
	return first && !l->child.stopped;
}

/* What follows when the child has been asked to stop. */
static void
see_it_stop(struct life *l, const siginfo_t *info)
{
	/* A stopped process does not see that it is to end. */
	if (l->child.stopped)
		send(l, SIGCONT, NULL);
	/* After ^C comes ^Z by a person who wants it. */
	if (!signal_of_terminal(info))
		l->told_to_end = true;
	if (l->opt->stop_timeout != UNSET)
		set_due(l, KILL, l->opt->stop_timeout);
}

static void
forward(struct life *l, int came, const siginfo_t *info)
{
	int sig = l->opt->signals.rewrite[came];
	bool stops = signal_asks_to_stop(came) || signal_asks_to_stop(sig);

	l->due[came] = NEVER;
	if (sig == 0) {
		tell(l, 1, "drop", came, 0);
	} else if (l->stage == RUNS && l->opt->pause) {
		if (sig == SIGTERM || sig == SIGINT)
			leave(l);
	} else if (l->stage == LEFT && stops && l->opt->grace != UNSET) {
		begin_grace(l);
	} else {
		if (!child_has(l, info))
			send(l, sig, info);
		if (stops)
			see_it_stop(l, info);
	}
}

static void
act_on(struct life *l, const siginfo_t *info)
{
	int sig = info->si_signo;

	if (sig == SIGCHLD || child_goes_on(l, sig))
		return;
	/* Our own write to a stderr that nobody reads; pipe(7). */
	if (sig == SIGPIPE && info->si_pid == getpid())
		return;
	if (l->opt->signals.delay[sig] > 0 && l->due[sig] == NEVER &&
	    !child_has(l, info))
		set_due(l, sig, l->opt->signals.delay[sig]);
	else
		forward(l, sig, info);
}

/* ---- times that are over ------------------------------------------------ */

static int64_t
earliest(const struct life *l)
{
	int64_t first = NEVER;

	for (int i = 0; i < DUES; i++)
		if (l->due[i] < first)
			first = l->due[i];
	return first;
}

static void
time_out(struct life *l)
{
	int64_t left = l->opt->stop_timeout;

	l->timed_out = true;
	if (l->opt->pause) {
		leave(l);
		return;
	}
	send(l, l->opt->stop_signal, NULL);
	send(l, SIGCONT, NULL);
	set_due(l, KILL, left == UNSET ? TIMEOUT_STOP_MS : left);
}

static void
fall_due(struct life *l, int what)
{
	l->due[what] = NEVER;
	if (what == TIMEOUT)
		time_out(l);
	else if (what == KILL && l->stage == RUNS)
		send(l, SIGKILL, NULL);
	else if (what == NEXT_STAGE && l->stage == KILLED)
		l->stage = OVER;
	else if (what >= SIGNALS)
		kill_rest(l);
	else
		forward(l, what, NULL);
}

static void
expire(struct life *l)
{
	int64_t now;

	if (earliest(l) == NEVER)
		return;
	now = signals_clock();
	for (int i = 0; i < DUES; i++)
		if (l->due[i] <= now)
			fall_due(l, i);
}

/* ---- processes that changed --------------------------------------------- */

/* The child was stopped. If it is because it has not got the terminal, it gets
 * it. Else whoever reads the terminal has to see us stopped as well, so that a
 * shell takes over; a session leader has nobody who could continue the child,
 * so it goes on at once, as an orphaned group would; credentials(7). */
static void
follow_stop(struct life *l, int sig)
{
	const bool by_terminal = sig != SIGSTOP;
	const bool leader = getsid(0) == getpid();
	const bool wants_it = sig == SIGTTIN || sig == SIGTTOU;

	l->child.stopped = true;
	if (l->told_to_end) {
		/* It was stopped when it was told, or is now and would not see.
		 */
		l->told_to_end = false;
		send(l, SIGCONT, NULL);
	} else if (!l->child.own_group) {
		/* A stop of the child alone is somebody's who will continue it.
		 */
		if (by_terminal && getpid() != 1)
			l->continued = signal_stop_self(sig, false);
	} else if ((wants_it && child_give_terminal(&l->child, leader)) ||
	    (by_terminal && leader)) {
		kill(-l->child.pid, SIGCONT);
	} else if (by_terminal) {
		child_take_terminal(&l->child);
		l->continued = signal_stop_self(sig, true);
		/* Process 1 did not stop with its group: a SIGCONT will come.
		 */
		if (getpid() != 1) {
			kill(-l->child.pid, SIGCONT);
			l->child.stopped = false;
		}
	} else if (getpid() != 1 && !leader) {
		l->continued = signal_stop_self(SIGTSTP, false);
	}
}

static void
child_changed(struct life *l, int wait_status)
{
	if (WIFSTOPPED(wait_status)) {
		follow_stop(l, WSTOPSIG(wait_status));
		return;
	}
	l->child.stopped = false;
	if (WIFCONTINUED(wait_status))
		return;
	child_take_terminal(&l->child);
	if (l->opt->ends_group)
		kill(-l->child.pid, SIGTERM);
	l->child.pid = 0;               /* it may come to be another's */
	l->wait_status = wait_status;
	leave(l);
}

static void
count_orphan(struct life *l, pid_t pid, int wait_status)
{
	if (WIFSTOPPED(wait_status) || WIFCONTINUED(wait_status))
		return;
	l->orphans++;
	if (l->stage == KILLED && exit_code(wait_status) == 128 + SIGKILL)
		l->killed++;
	tell(l, l->opt->warn_orphans ? 0 : 2, l->opt->reaped, 0, pid);
}

/* After a batch: whether anything is left to wait for. */
static void
next_stage(struct life *l, bool nobody_left)
{
	if (l->stage == RUNS || l->stage == OVER)
		return;
	if (nobody_left || (!l->opt->wait && l->opt->grace == UNSET))
		l->stage = OVER;
	else if (l->stage == LEFT && !l->opt->wait)
		begin_grace(l);
	else if (l->stage == KILLED && !l->more_dead)
		reaper_signal(&l->rest, SIGKILL);       /* born meanwhile */
}

static void
reap(struct life *l)
{
	for (int i = 0; i < REAP_BATCH; i++) {
		int wait_status;
		pid_t pid = reaper_next(&wait_status);

		l->more_dead = pid > 0;
		if (pid > 0 && pid == l->child.pid)
			child_changed(l, wait_status);
		else if (pid > 0)
			count_orphan(l, pid, wait_status);
		else {
			next_stage(l, pid < 0);
			return;
		}
	}
	next_stage(l, false);
}

/* ---- the whole ---------------------------------------------------------- */

/* Turn until the command, and what we are to wait for besides, has ended.
 * Nothing in here opens, allocates or gives up. Deaths are taken in batches,
 * after every signal, so that neither of the two can hold up the other. */
static void
supervise(struct life *l)
{
	l->more_dead = true;            /* children from before our exec */
	while (l->stage != OVER) {
		siginfo_t info;

		if (signals_next(&info, l->more_dead ? 0 : earliest(l)) > 0)
			act_on(l, &info);
		/* Before what fell due: who ended in time did. */
		reap(l);
		expire(l);
	}
}

/* Make what was relocated at the start read-only (RELRO): a dynamic linker
 * would do it, and musl's start code of a static-pie does not. */
static void
seal_relocations(void)
{
	const uintptr_t base = (uintptr_t)&__ehdr_start;
	const uintptr_t bias = __ehdr_start.e_type == ET_DYN ? base : 0;
	const uintptr_t page = getpagesize();
	const ElfW(Phdr) *p = (const void *)(base + __ehdr_start.e_phoff);

	for (int i = 0; i < __ehdr_start.e_phnum; i++)
		if (p[i].p_type == PT_GNU_RELRO) {
			uintptr_t from = (bias + p[i].p_vaddr) & -page;
			uintptr_t to = (bias + p[i].p_vaddr + p[i].p_memsz) &
			    -page;

			if (mprotect((void *)from, to - from, PROT_READ) < 0)
				die("cannot protect", "relocations");
		}
}

/* Get a signal when the parent ends; it may have, before prctl(2). */
static void
follow_parent(int sig, pid_t parent)
{
	if (sig == 0)
		return;
	if (prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0) < 0)
		die("cannot set", "--parent-death-signal");
	if (getppid() != parent)
		kill(getpid(), sig);
}

/* All that can fail, before anything is started. */
static void
prepare(struct life *l, const struct options *opt)
{
	*l = (struct life){ .opt = opt, .child.terminal = -1, .rest.proc = -1 };
	for (int i = 0; i < DUES; i++)
		l->due[i] = NEVER;
	if (opt->all && !reaper_owns_namespace())
		refuse("cannot use", "--all", "not process 1 of a PID "
		    "namespace of its own, with a /proc", NULL);
	if (opt->grace != UNSET || opt->wait)
		reaper_find(&l->rest);
	l->child.own_group = opt->group || getsid(0) == getpid();
	if (l->child.own_group && !opt->pause)
		child_find_terminal(&l->child);
}

/* The exec of the command failed: say why, and end. */
static _Noreturn void
not_executed(const struct life *l, const struct failure *why)
{
	const struct options *opt = l->opt;
	int code;

	child_take_terminal(&l->child);
	code = child_explain(opt->command[0], why);
	if (opt->exec_code)
		code = opt->exec_code;
	report_failure("exec-error", code);
	_exit(code);
}

static void
start(struct life *l, const struct inherited *inherited)
{
	const struct options *opt = l->opt;
	struct failure why;

	l->begun = signals_clock();
	if (opt->timeout != UNSET)
		set_due(l, TIMEOUT, opt->timeout);
	if (opt->pause)
		return;
	if (child_start(&l->child, opt->command, inherited, &why))
		tell(l, 1, "started process ", 0, l->child.pid);
	else if (why.error > 0)
		not_executed(l, &why);
	else
		die("cannot start", opt->command[0]);
}

/* Linux 5.9; before, one by one. */
static void
close_between(unsigned int from, unsigned int to)
{
	if (from > to || syscall(SYS_close_range, from, to, 0) == 0)
		return;
	for (unsigned int fd = from; fd <= to && fd < 65536; fd++)
		close(fd);
}

/* Let go of what only the child needs: whoever waits for the end of its files,
 * or wants to unmount its directory, must not wait for us. stderr stays. */
static void
settle(const struct life *l)
{
	int kept[REPORT_FDS + 2] = { l->child.terminal, l->rest.proc };
	unsigned int from = 3;

	report_fds(kept + 2);
	if (chdir("/") < 0)
		warn("cannot change to", "/");
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	while (from > 0) {
		unsigned int next = UINT_MAX;

		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (kept[i] >= (int)from && (unsigned)kept[i] < next)
				next = kept[i];
		close_between(from, next == UINT_MAX ? next : next - 1);
		from = next + 1;
	}
}

/* Pass the verdict on, and return the exit code that says the same. */
static int
verdict(const struct life *l)
{
	const struct options *opt = l->opt;
	const bool signaled = WIFSIGNALED(l->wait_status);
	const int code = exit_code(l->wait_status);
	struct rusage usage;
	const struct verdict v = {
		.reason = l->timed_out ? "timeout" : signaled ? "signaled" :
		    "exited",
		.exit_code = l->timed_out ? EXIT_TIMEOUT :
		    opt->exit_codes[code],
		.signal = signaled ? WTERMSIG(l->wait_status) : UNKNOWN,
		.wall_ms = l->ended - l->begun,
		.usage = &usage,
		.orphans_reaped = l->orphans,
		.stragglers_killed = l->killed,
	};

	if (opt->report || opt->report_fd != UNSET || opt->verbosity > 0)
		getrusage(RUSAGE_CHILDREN, &usage);
	report_write(&v);
	if (opt->verbosity > 0)
		report_say(&v, opt->pause ? "pause" : opt->command[0]);
	/* A shell that runs us in a loop has to see that ^C ended it. */
	if (signaled && v.exit_code == code && opt->dies_of_signal &&
	    getpid() != 1)
		signal_die(WTERMSIG(l->wait_status));
	return v.exit_code;
}

int
main(int argc, char **argv)
{
	const pid_t parent = getppid();
	struct inherited inherited;
	struct options opt;
	struct life life;

	signals_hold(&inherited);       /* first: process 1 loses the others */
	seal_relocations();
	options_parse(&opt, dropin_find(argc > 0 ? argv[0] : ""), argv);
	report_open(opt.report, opt.report_fd);
	follow_parent(opt.parent_death_signal, parent);
	reaper_adopt();
	prepare(&life, &opt);
	start(&life, &inherited);
	settle(&life);
	supervise(&life);
	return verdict(&life);
}
