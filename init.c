#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "architecture.h"
#include "boot/boot.h"
#include "boot/variables.h"
#include "child.h"
#include "cli/dropin.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/startup.h"
#include "fds.h"
#include "reaper.h"
#include "sandbox/cgroup.h"
#include "sandbox/counters.h"
#include "sandbox/doctor.h"
#include "sandbox/launch.h"
#include "sandbox/sealed.h"
#include "sandbox/channel.h"
#include "signals.h"

extern char **environ;

enum {
	EXIT_TIMEOUT = 124,
	TIMEOUT_STOP_MS = 2000, /* --timeout without --stop-timeout */
	UNKILLABLE_MS = 2000, /* for what outlives SIGKILL */
	REPORT_MS = 1000, /* from an end to its report */
	INIT_MS = 10 * 1000, /* for init, when the report is out */
	RELAY_MS = 1000, /* for output that is still to come */
	RELAY_HURRIED_MS = 200, /* the same after a limit or SIGTERM */
	PORTS_MS = 1500, /* the relay of ports ends after 1000 */
	CPU_CHECK_MS = 10, /* between two looks at --cpu-time */
	REAP_BATCH = 64, /* deaths between two signals */
	CALL_BYTES = 512, /* of the stack, for a system call */
	STACK_BYTES = 64 * 1024 /* and for a start */
};

/* Which part of pith this process is: all of it, or what stays outside of a
 * sandbox and starts the init inside, or that one; or the init of a device,
 * whose children boot/ knows. */
enum role { STANDALONE, LAUNCHER, SANDBOX_INIT, DEVICE_INIT };

/* The stages of a life. LEFT is the child's end, when --wait goes on for the
 * rest of its tree; in GRACE the rest has got SIGTERM, in KILLED SIGKILL. */
enum stage { RUNNING, LINGERING, TERMINATING, KILLING, DONE };

/* What can fall due: a delayed signal, by its number, and these. */
enum deadlines {
	TIMEOUT = SIGNAL_COUNT,
	CPU_TIME,
	KILL,
	NEXT_STAGE,
	DEADLINES
};

/* All that supervise() knows. */
struct supervisor {
	const struct options *opt;
	char **argv;
	enum role role;
	struct child child;             /* of a launcher: init */
	struct descendants rest;
	enum stage stage;
	int wait_status;                /* of the child, from LEFT on */
	bool timed_out;
	bool cpu_spent;                 /* --cpu-time is */
	bool stop_requested; /* and may be stopping all the same */
	bool stop_forwarded;             /* by a signal, whoever sent it */
	bool continued;                 /* by a SIGCONT that is to be read */
	bool freezes;                   /* does the launcher, by ^Z */
	bool more_dead;                 /* than one batch holds, or may be */
	bool setup_done;                     /* the sandbox, as init has told */
	bool has_ended;                 /* the same */
	bool counts_known;               /* has init, as it has told */
	bool nobody_left;               /* of a device's processes */
	pid_t relay, publisher;         /* of terminal and ports, or -1 */
	const char *reason;             /* of an end that init told, or NULL */
	int64_t begun, ended;           /* the child, by signals_clock() */
	int64_t orphans, killed;
	int64_t counters[COUNTERS];     /* of the control group, at the end */
	int64_t deadlines[DEADLINES]; /* moments of signals_clock() */
};

static void
verbose(const struct supervisor *l, int level, const char *what, int sig,
    int64_t pid)
{
	char text[128];
	char name[SIGNAL_NAME];
	struct strbuf line = STRBUF(text);

	if (l->opt->verbosity < level)
		return;
	strbuf_add(&line, what);
	if (sig > 0) {
		strbuf_add(&line, " ");
		strbuf_add(&line, signal_name(sig, name));
	}
	strbuf_add(&line, sig > 0 && pid > 0 ? " to process " : "");
	if (pid > 0)
		strbuf_number(&line, pid);
	say(text);
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

/* ---- signals that came -------------------------------------------------- */

/* To the child while it runs, then to all that is left of it. */
static void
send_signal(const struct supervisor *l, int sig, const siginfo_t *info)
{
	const pid_t pid = l->child.pid;

	verbose(l, 1,
	    l->stage == RUNNING ? "forward" : "forward to what is left", sig,
	    l->stage == RUNNING ? pid : 0);
	if (l->stage != RUNNING ||
	    (l->role == SANDBOX_INIT && l->child.own_session &&
		sandbox_has_pidns() && (sig == SIGSTOP || sig == SIGCONT)))
		reaper_signal(&l->rest, sig);
	else if (!signal_forward(l->opt->all ? -1 : l->opt->group ? -pid : pid,
	    sig, info) && errno == EPERM)
		verbose(l, 1, "not permitted:", sig, pid);
}

static void
arm_deadline(struct supervisor *l, enum deadlines what, int64_t ms)
{
	if (l->deadlines[what] == NEVER)
		l->deadlines[what] = signals_clock() + ms;
}

static void
begin_grace(struct supervisor *l)
{
	l->stage = TERMINATING;
	reaper_signal(&l->rest, SIGTERM);
	reaper_signal(&l->rest, SIGCONT);
	arm_deadline(l, NEXT_STAGE, l->opt->grace);
}

static void
kill_stragglers(struct supervisor *l)
{
	l->stage = KILLING;
	reaper_signal(&l->rest, SIGKILL);
	l->deadlines[NEXT_STAGE] = NEVER;
	arm_deadline(l, NEXT_STAGE, UNKILLABLE_MS);
}

/* The child has ended, or --pause. */
static void
child_exited(struct supervisor *l)
{
	l->ended = signals_clock();
	l->stage = LINGERING;
	l->more_dead = true;
	if (!l->opt->wait)
		l->deadlines[TIMEOUT] = l->deadlines[CPU_TIME] =
		    l->deadlines[KILL] = NEVER;
}

/* Whether a child of our own group has got it from the terminal as we have. */
static bool
tty_reached_child(const struct supervisor *l, const siginfo_t *info)
{
	return l->stage == RUNNING && !l->child.own_group &&
	    !l->child.own_session && signal_of_terminal(info);
}

/* Close standard input and output, so that whoever waits for their end does not
 * wait for us; but not the terminal whose modes the launcher restores. */
static void
close_input_and_output(void)
{
	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++)
		if (fd != sandbox_outer_terminal())
			close(fd);
}

/* Read messages from init. In init: notice that the launcher is gone. */
static void
read_messages(struct supervisor *l)
{
	struct message n;
	bool over = false;

	while (channel_read(&n, false, &over))
		switch (n.kind) {
		case MSG_BLOCKED:
			sandbox_blocked(&n, l->child.pid);
			break;
		case MSG_SETUP_DONE:
			l->setup_done = true;
			sandbox_setup_done(&n);
			break;
		case MSG_STARTED:
			sandbox_started(l->child.pid, sandbox_message_pid(&n));
			break;
		case MSG_PTY:
			l->relay = sandbox_start_relay(n.fd, l->child.pid);
			close_input_and_output();
			break;
		case MSG_ERROR:
			report_note(n.text, n.code);
			if (n.code > 0)
				l->reason = "setup-error";
			break;
		case MSG_ENDED:
			l->has_ended = l->counts_known = true;
			l->wait_status = n.code;
			l->orphans = n.orphans;
			l->killed = n.killed;
			if (n.text[0])
				l->reason = "exec-error";
			arm_deadline(l, NEXT_STAGE, REPORT_MS);
		}
	if (over && l->role == SANDBOX_INIT) {
		cgroup_kill_others();
		_exit(128 + SIGKILL);
	}
}

/* Whether init is not yet at its command: it waits for --block-fd, or for some
 * file system, and sees no signal. What it has told meanwhile is heard first.
 */
static bool
still_starting(struct supervisor *l)
{
	if (l->role != LAUNCHER || l->stage != RUNNING)
		return false;
	read_messages(l);
	return !l->setup_done;
}

static void
abort_start(struct supervisor *l, int sig)
{
	l->wait_status = sig;
	l->has_ended = true;
	kill(l->child.pid, SIGKILL);
	arm_deadline(l, NEXT_STAGE, REPORT_MS);
}

/* Whether it is the SIGCONT that ended our own stop, and the child goes on as
 * well: a shell continues the whole group. Once more, it could undo a ^Z that
 * came since. */
static bool
is_own_sigcont(struct supervisor *l, int sig)
{
	const bool first = sig == SIGCONT && l->continued;

	if (first)
		l->continued = false;
	return first && !l->child.stopped;
}

/* What follows when the child has been asked to stop. */
static void
arm_kill_deadline(struct supervisor *l, const siginfo_t *info)
{
	l->stop_forwarded = true;
	/* A stopped process does not see that it is to end. */
	if (l->child.stopped)
		send_signal(l, SIGCONT, NULL);
	/* After ^C comes ^Z by a person who wants it. */
	if (!signal_of_terminal(info))
		l->stop_requested = true;
	if (l->opt->stop_timeout != UNSET)
		arm_deadline(l, KILL, l->opt->stop_timeout);
}

static void
forward(struct supervisor *l, int came, const siginfo_t *info)
{
	int sig = l->opt->signals.rewrite[came];
	bool stops = signal_asks_to_stop(came) || signal_asks_to_stop(sig);

	l->deadlines[came] = NEVER;
	if (sig == 0) {
		verbose(l, 1, "drop", came, 0);
	} else if (l->stage == RUNNING && l->opt->pause) {
		if (sig == SIGTERM || sig == SIGINT)
			child_exited(l);
	} else if (l->stage == LINGERING && stops && l->opt->grace != UNSET) {
		begin_grace(l);
	} else if (stops && still_starting(l)) {
		abort_start(l, sig);
	} else {
		if (!tty_reached_child(l, info))
			send_signal(l, sig, info);
		if (stops)
			arm_kill_deadline(l, info);
	}
}

static void
handle_signal(struct supervisor *l, const siginfo_t *info)
{
	int sig = info->si_signo;

	if (l->role == DEVICE_INIT) {
		boot_signal(info, signals_clock());
		return;
	}
	if (sig == SIGCHLD || is_own_sigcont(l, sig))
		return;
	/* Our own write to a stderr that nobody reads; pipe(7). */
	if (sig == SIGPIPE && info->si_pid == getpid())
		return;
	if (channel_is_signal(info)) {
		read_messages(l);
		return;
	}
	/* We are of the launcher's process group, and it freezes us. */
	if (l->freezes && sig == SIGTSTP && signal_of_terminal(info))
		return;
	/* Process 1 inside cannot be stopped, and so not tell us to stop. */
	if (l->role == LAUNCHER && sig == SIGTSTP && signal_of_terminal(info) &&
	    (sandbox_has_pidns() || sandbox_has_rootfs(&l->opt->sandbox))) {
		cgroup_freeze(true);
		l->continued = signal_stop_self(SIGTSTP, false);
		cgroup_freeze(false);
		return;
	}
	if (l->opt->signals.delay[sig] > 0 && l->deadlines[sig] == NEVER &&
	    !tty_reached_child(l, info))
		arm_deadline(l, sig, l->opt->signals.delay[sig]);
	else
		forward(l, sig, info);
}

/* ---- times that are over ------------------------------------------------ */

static int64_t
next_deadline(const struct supervisor *l)
{
	int64_t first = NEVER;

	for (int i = 0; i < DEADLINES; i++)
		if (l->deadlines[i] < first)
			first = l->deadlines[i];
	return first;
}

/* A limit of time is reached. */
static void
request_stop(struct supervisor *l)
{
	int64_t left = l->opt->stop_timeout;

	if (l->opt->pause) {
		child_exited(l);
		return;
	}
	if (still_starting(l)) {
		abort_start(l, SIGKILL);
		return;
	}
	send_signal(l, l->opt->stop_signal, NULL);
	send_signal(l, SIGCONT, NULL);
	arm_deadline(l, KILL, left == UNSET ? TIMEOUT_STOP_MS : left);
}

/* Stop when the processor time is used up; else look again when that could
 * first be so. */
static void
check_cpu_time(struct supervisor *l)
{
	const int64_t left = l->opt->sandbox.cpu_time - cgroup_cpu_ms();
	const int64_t next = left / cgroup_processors();

	if (left <= 0) {
		l->cpu_spent = true;
		request_stop(l);
	} else {
		arm_deadline(
		    l, CPU_TIME, next > CPU_CHECK_MS ? next : CPU_CHECK_MS);
	}
}

/* Init may not end: a process of its namespace can be held by a debugger or by
 * the kernel, and pid_namespaces(7) makes init wait for it. */
static void
kill_child(struct supervisor *l)
{
	send_signal(l, SIGKILL, NULL);
	if (l->role == LAUNCHER)
		arm_deadline(l, NEXT_STAGE, REPORT_MS);
}

/* Report without waiting for init any longer. */
static void
abandon_init(struct supervisor *l)
{
	if (!l->has_ended)
		l->wait_status = SIGKILL;
	child_exited(l);
	l->stage = DONE;
}

static void
deadline_expired(struct supervisor *l, int what)
{
	l->deadlines[what] = NEVER;
	if (what == TIMEOUT) {
		l->timed_out = true;
		request_stop(l);
	} else if (what == CPU_TIME)
		check_cpu_time(l);
	else if (what == KILL && l->stage == RUNNING)
		kill_child(l);
	else if (l->role == DEVICE_INIT)
		return;                 /* it is looked at after each turn */
	else if (what == NEXT_STAGE && l->stage == RUNNING)
		abandon_init(l);
	else if (what == NEXT_STAGE && l->stage == KILLING)
		l->stage = DONE;
	else if (what >= SIGNAL_COUNT)
		kill_stragglers(l);
	else
		forward(l, what, NULL);
}

static void
run_deadlines(struct supervisor *l)
{
	int64_t now;

	if (next_deadline(l) == NEVER)
		return;
	now = signals_clock();
	for (int i = 0; i < DEADLINES; i++)
		if (l->deadlines[i] <= now)
			deadline_expired(l, i);
}

/* ---- processes that changed --------------------------------------------- */

/* The child was stopped. If it is because it has not got the terminal, it gets
 * it. Else whoever reads the terminal has to see us stopped as well, so that a
 * shell takes over; a session leader has nobody who could continue the child,
 * so it goes on at once, as an orphaned group would; credentials(7). */
static void
follow_stop(struct supervisor *l, int sig)
{
	const bool by_terminal = sig != SIGSTOP;
	const bool leader = getsid(0) == getpid();
	const bool wants_it = sig == SIGTTIN || sig == SIGTTOU;

	l->child.stopped = true;
	if (l->stop_requested) {
		/* It was stopped when it was told, or is now and would not see.
		 */
		l->stop_requested = false;
		send_signal(l, SIGCONT, NULL);
	} else if (l->child.own_session) {
		/* Nobody who could take over sees it. */
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
child_changed(struct supervisor *l, int wait_status)
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
	if (l->role == LAUNCHER)
		read_messages(l);
	l->child.pid = 0;               /* it may come to be another's */
	if (!l->has_ended)
		l->wait_status = wait_status;
	child_exited(l);
}

static void
count_orphan(struct supervisor *l, pid_t pid, int wait_status)
{
	if (WIFSTOPPED(wait_status) || WIFCONTINUED(wait_status))
		return;
	if (pid == l->relay || pid == l->publisher) {
		const bool terminal = pid == l->relay;

		*(terminal ? &l->relay : &l->publisher) = -1;
		if (wait_status != 0 && terminal)
			sandbox_restore_terminal();
		if (wait_status != 0 && l->stage != DONE)
			warnx("no relay any more for", terminal ?
			    "the terminal" : "the ports", NULL, NULL);
		return;
	}
	l->orphans++;
	if (l->stage == KILLING && exit_code(wait_status) == 128 + SIGKILL)
		l->killed++;
	verbose(l, l->opt->warn_orphans ? 0 : 2, l->opt->reaped, 0, pid);
}

/* After a batch: whether anything is left to wait for. */
static void
next_stage(struct supervisor *l, bool nobody_left)
{
	l->nobody_left = nobody_left;
	if (l->stage == RUNNING || l->stage == DONE)
		return;
	if (nobody_left || (!l->opt->wait && l->opt->grace == UNSET))
		l->stage = DONE;
	else if (l->stage == LINGERING && !l->opt->wait)
		begin_grace(l);
	else if (l->stage == KILLING && !l->more_dead)
		reaper_signal(&l->rest, SIGKILL);       /* born meanwhile */
}

static void
reap_children(struct supervisor *l)
{
	/* The relay of its terminal needs an init that is not reaped yet. */
	if (l->role == LAUNCHER)
		read_messages(l);
	for (int i = 0; i < REAP_BATCH; i++) {
		int wait_status;
		pid_t pid = reaper_next(&wait_status);

		l->more_dead = pid > 0;
		if (pid > 0 && l->role == DEVICE_INIT)
			boot_died(pid, wait_status, signals_clock());
		else if (pid > 0 && pid == l->child.pid)
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

/* ---- the pages we hold --------------------------------------------------- */

/* The pages of our own program that belong to a segment of that kind, elf(5):
 * the last one where whole is false only if all of it does. Bytes, or 0. */
static size_t
program_segment(unsigned int type, unsigned int flags, bool whole, void **from)
{
	const uintptr_t base = (uintptr_t)&__ehdr_start;
	const uintptr_t bias = __ehdr_start.e_type == ET_DYN ? base : 0;
	const uintptr_t page = getpagesize();
	const ElfW(Phdr) *p = (const void *)(base + __ehdr_start.e_phoff);

	for (int i = 0; i < __ehdr_start.e_phnum; i++)
		if (p[i].p_type == type && (p[i].p_flags & flags) == flags) {
			uintptr_t start_child = (bias + p[i].p_vaddr) & -page;

			*from = (void *)start_child;
			return ((bias + p[i].p_vaddr + p[i].p_memsz +
			    (whole ? page - 1 : 0)) & -page) - start_child;
		}
	return 0;
}

/* Make what was relocated at the start read-only (RELRO): a dynamic linker
 * would do it, and musl's start code of a static-pie does not. */
static void
protect_relocations(void)
{
	void *from;
	const size_t size = program_segment(PT_GNU_RELRO, 0, false, &from);

	if (size > 0 && mprotect(from, size, PROT_READ) < 0)
		die("cannot protect", "relocations");
}

/* What only the start has run need not stay in memory: the kernel brings back
 * what is wanted, madvise(2). The Makefile has the rest linked before it: what
 * is let go of and wanted comes back with 15 pages around it. */
static void
drop_program(void)
{
	const uintptr_t page = getpagesize();
	uintptr_t later = ((uintptr_t)dropin_find + page - 1) & -page;
	void *from;
	const size_t size = program_segment(PT_LOAD, PF_X, true, &from);
	const uintptr_t end = (uintptr_t)from + size;

	if (size > 0 && later < end)
		madvise((void *)later, end - later, MADV_DONTNEED);
}

/* The same for what it had on the stack below us; the call itself takes some of
 * that. */
static __attribute__((noinline)) void
drop_stack(void)
{
	const uintptr_t page = getpagesize();
	const uintptr_t end = ((uintptr_t)__builtin_frame_address(0) -
	    CALL_BYTES) & -page;

	madvise((void *)(end - STACK_BYTES), STACK_BYTES, MADV_DONTNEED);
}

/* ---- a device ----------------------------------------------------------- */

/* As the kernel starts process 1: nothing is held. */
static const struct inherited nothing;

/* Start a line of the inittab. Why it could not be executed its child says. */
static void
start_line(const struct boot_start *s)
{
	const struct pre_exec pre_exec = { .call = boot_child, .with = s->entry,
	    .fork = s->asks ? _Fork : NULL, .file = s->program.file,
	    .no_status_pipe = true };
	struct child c = { .own_session = true, .terminal = -1 };
	struct exec_error why;

	if (!child_start(&c, s->program.argv, &nothing, &pre_exec, &why)) {
		warn("cannot start", s->program.file);
		c.pid = 0;
	}
	boot_started(s, c.pid, signals_clock());
}

/* What it takes on the stack is dropped with that. */
static __attribute__((noinline)) void
start_lines(void)
{
	struct boot_start s;

	while (boot_next(&s, signals_clock()))
		start_line(&s);
}

/* Let another program be process 1; back where it cannot be. */
static void
exec_as_init(const char *file, char **command, bool renewed)
{
	struct inherited held;
	struct exec_error why;

	/* What is held now is what the next of us is to find. */
	if (renewed && options_variable())
		variables_set(options_variable());
	if (renewed)
		execve(command[0], command, environ);
	why = renewed ? (struct exec_error){ errno, 0, NULL, NULL } :
	    child_become(file, command, &nothing);
	/* It may have let go of all signals: none would come to us. */
	signals_hold(&held);
	child_explain(file ? file : command[0], &why);
	if (renewed && options_variable())
		variables_unset(options_variable());
	boot_exec_failed();
}

/* After each turn: what is to be started, and when the next turn is due. */
static void
boot_step(struct supervisor *l)
{
	char **next;
	bool renewed;

	boot_turn(l->nobody_left, signals_clock());
	start_lines();
	next = boot_next_exec(&renewed);
	if (next)
		exec_as_init(NULL, next, renewed);
	/* What that left undone is due at once. */
	l->deadlines[NEXT_STAGE] = boot_deadline(signals_clock());
	if (boot_over()) {
		l->stage = DONE;
		l->more_dead = true;    /* nothing is waited for any more */
	}
	if (boot_idle()) {
		drop_program();
		drop_stack();
	}
}

/* ---- the whole ---------------------------------------------------------- */

/* Turn until the command, and what we are to wait for besides, has ended.
 * Nothing in here opens, allocates or gives up. Deaths are taken in batches,
 * after every signal, so that neither of the two can hold up the other. */
static void
supervise(struct supervisor *l)
{
	l->more_dead = true;            /* children from before our exec */
	while (l->stage != DONE) {
		siginfo_t info;

		if (l->role == DEVICE_INIT)
			boot_step(l);
		if (signals_next(&info, l->more_dead ? 0 : next_deadline(l)) >
		    0)
			handle_signal(l, &info);
		/* Before what fell due: who ended in time did. */
		reap_children(l);
		run_deadlines(l);
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

/* Each option acts in one process: what the launcher does is not init's, and
 * the other way round. */
static void
split_options(struct options *o, enum role role)
{
	if (role == SANDBOX_INIT) {
		o->timeout = o->stop_timeout = o->report_fd = UNSET;
		o->report = NULL;
		for (int i = 0; i < 256; i++)
			o->exit_codes[i] = i;
		/* Without a group to freeze. */
		if (sandbox_has_rootfs(&o->sandbox) && !cgroup_path())
			o->signals.rewrite[SIGTSTP] = SIGSTOP;
		return;
	}
	o->group = o->all = o->wait = o->pause = o->ends_group = false;
	o->grace = UNSET;
	if (sandbox_has_rootfs(&o->sandbox))
		o->dies_of_signal = false;
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		o->signals.rewrite[i] = i;
		o->signals.delay[i] = 0;
	}
}

/* Above 2, all but what we need to the end, and what s says the command does.
 */
static void
close_all_but(const struct supervisor *l, const struct sandbox *s)
{
	int kept[REPORT_FDS + SANDBOX_FDS + 2] = { l->child.terminal,
	    l->rest.proc };
	unsigned int from = 3;

	report_fds(kept + 2);
	sandbox_fds(kept + 2 + REPORT_FDS, l->role == SANDBOX_INIT);
	while (from > 0) {
		unsigned int next =
		    s ? sandbox_next_kept_fd(s, from) : UINT_MAX;

		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (kept[i] >= (int)from && (unsigned)kept[i] < next)
				next = kept[i];
		close_between(from, next == UINT_MAX ? next : next - 1);
		from = next + 1;
	}
}

/* Where the command could change our program go on as a sealed copy, with all
 * that we were started with. */
static void
seal_program(const struct options *opt, char **argv)
{
	const struct args_file *file;
	char **e = environ;

	if (!sealed_needed(&opt->sandbox) || sealed_is_copy())
		return;
	for (int i = 0; (file = options_args(i)); i++)
		sealed_provide(file->fd, file->text, file->size);

	/* It was taken out, so there is room for it. */
	if (options_variable()) {
		while (*e)
			e++;
		e[0] = options_variable();
		e[1] = NULL;
	}
	sealed_become(argv);
}

/* Whether init has said why it ended, when the launcher finds nobody to talk
 * to. */
static bool
init_said(void)
{
	struct message n;
	bool over = false;

	while (channel_fd() >= 0 && channel_read(&n, false, &over))
		if (n.kind == MSG_ERROR && n.code > 0) {
			log_set_suppress(NULL);
			report_note(n.text, n.code);
			report_failure("setup-error", n.code);
			return true;
		}
	return false;
}

/* Into the sandbox, if there is to be one: two of us go on from here. */
static void
enter_sandbox(struct supervisor *l, struct options *opt)
{
	pid_t init;
	bool apart;

	opt->sandbox.measured = opt->report || opt->report_fd != UNSET ||
	    opt->verbosity > 0;
	if (!opt->sandbox.requested)
		return;
	apart = sandbox_check(&opt->sandbox);
	sandbox_detach(&opt->sandbox);
	if (!apart) {
		/* What -d goes on in is not the process that did. */
		reaper_adopt();
		sandbox_without_init(&opt->sandbox);
		return;
	}
	log_set_suppress(init_said);
	init = sandbox_start_init(&opt->sandbox);
	log_set_suppress(NULL);
	l->role = init > 0 ? LAUNCHER : SANDBOX_INIT;
	l->child.pid = init;
	l->publisher = init > 0 ? sandbox_port_relay() : -1;
	split_options(opt, l->role);
	l->freezes = l->role == SANDBOX_INIT &&
	    sandbox_has_rootfs(&opt->sandbox) && cgroup_path();
	if (l->role == LAUNCHER)
		return;
	report_disown();
	reaper_adopt();
	/* The kernel follows a hostile root's links to /proc/self/fd when it
	 * looks for the command: nothing of the host may be open by then. */
	if (sandbox_has_rootfs(&opt->sandbox)) {
		close_all_but(l, &opt->sandbox);
		signals_default();
	}
}

/* All that can fail, before anything is started. */
static void
prepare_child(struct supervisor *l, const struct options *opt)
{
	const bool first = l->role == SANDBOX_INIT && sandbox_has_pidns();

	l->opt = opt;
	for (int i = 0; i < DEADLINES; i++)
		l->deadlines[i] = NEVER;
	l->rest.namespace = first;
	if (opt->all && !first && !reaper_owns_namespace())
		diex("cannot use", "--all", "not process 1 of a PID "
		    "namespace of its own, with a /proc", NULL);
	if ((opt->grace != UNSET || opt->wait) && !first)
		reaper_find(&l->rest);
	if (l->role == LAUNCHER)
		return;
	l->child.own_session = opt->sandbox.requested &&
	    sandbox_own_session(&opt->sandbox);
	l->child.own_group = opt->group || (!l->child.own_session &&
	    getsid(0) == getpid());
	if (l->child.own_group && !l->child.own_session && !opt->pause)
		child_find_terminal(&l->child);
}

/* The exec of the command failed: say why, and end. */
static _Noreturn void
not_executed(const struct supervisor *l, const struct exec_error *why)
{
	const struct options *opt = l->opt;
	int code;

	child_take_terminal(&l->child);
	if (why->what) {
		errno = why->error;
		die(why->what, why->on);
	}
	code = child_explain(opt->command[0], why);
	if (opt->exec_code)
		code = opt->exec_code;
	if (l->role == SANDBOX_INIT)
		channel_send(&(struct message){ .kind = MSG_ENDED,
		    .code = code << 8,
		    .fd = -1,
		    .text = "exec-error" });
	if (l->role == STANDALONE && opt->sandbox.requested)
		sandbox_cleanup();
	report_failure("exec-error", code);
	_exit(code);
}

static const char *
before_exec(const void *with, const char **on)
{
	return sandbox_pre_exec(with, on);
}

/* The command runs: whoever waits for that is told. */
static void
command_started(struct supervisor *l)
{
	const struct sandbox *s = &l->opt->sandbox;
	const pid_t pid = l->child.pid > 0 ? l->child.pid : getpid();

	if (l->child.pid > 0)
		verbose(l, 1, "started process ", 0, l->child.pid);
	if (!s->requested)
		return;
	if (l->role == SANDBOX_INIT)
		channel_send(&(struct message){ .kind = MSG_STARTED, .fd = -1,
		    .pid = sandbox_has_pidns() ? pid : 0,
		    .common = sandbox_has_pidns() ? 0 : pid });
	else
		sandbox_started(0, l->child.pid);
	if (l->role == STANDALONE && l->child.own_session)
		l->relay = sandbox_start_relay(-1, l->child.pid);
	sandbox_drop_child_fds(s);
	/* The paths of the host are nobody's business in there. */
	if (l->role == SANDBOX_INIT && sandbox_has_rootfs(s))
		for (char **word = l->argv + 1; l->argv[0] && *word; word++)
			memset(*word, '\0', strlen(*word));
}

static void
start_child(struct supervisor *l, const struct inherited *inherited)
{
	const struct options *opt = l->opt;
	const struct sandbox *s = opt->sandbox.requested ? &opt->sandbox : NULL;
	const struct pre_exec pre_exec = { .call = before_exec,
		.with = s,
		.fork = s && l->role == STANDALONE &&
			sandbox_can_clone_into_cgroup() ?
		    sandbox_clone_into_cgroup :
		    NULL };
	struct exec_error why;

	l->begun = signals_clock();
	if (opt->timeout != UNSET)
		arm_deadline(l, TIMEOUT, opt->timeout);
	if (l->role != SANDBOX_INIT && opt->sandbox.cpu_time >= 0)
		arm_deadline(l, CPU_TIME, CPU_CHECK_MS);
	if (l->role == LAUNCHER)
		return;
	if (s)
		sandbox_prepare_command(s);
	if (opt->pause ||
	    child_start(&l->child, opt->command,
		s && sandbox_has_rootfs(s) ? &nothing : inherited,
		s ? &pre_exec : NULL, &why))
		command_started(l);
	else if (why.error > 0)
		not_executed(l, &why);
	else
		die("cannot start", opt->command[0]);
}

/* As process 1 of a container, and in the place of another init, pith keeps its
 * standard files: cron jobs, hooks and probes write to /proc/1/fd/1. */
static bool
keeps_standard_files(const struct supervisor *l)
{
	return l->role == STANDALONE && (getpid() == 1 || l->opt->is_dropin);
}

/* Let go of what only the child needs: whoever waits for the end of its files,
 * or wants to unmount its directory, must not wait for us. stderr stays. */
static void
release_startup_state(const struct supervisor *l)
{
	if (chdir("/") < 0)
		warn("cannot change to", "/");
	/* The relay of a terminal inherits them when init has made the pty. */
	if (keeps_standard_files(l))
		fds_release(STDOUT_FILENO);
	else if (l->role != LAUNCHER || !sandbox_has_terminal())
		close_input_and_output();
	close_all_but(l, NULL);
	drop_program();
	drop_stack();
}

/* Reap until *pid has ended, the time until is reached, or a signal asks to
 * stop. True if *pid has ended. */
static bool
await_end(struct supervisor *l, const pid_t *pid, int64_t until)
{
	siginfo_t info;
	int wait_status;
	pid_t dead;

	while (*pid > 0 && signals_clock() < until) {
		while ((dead = reaper_next(&wait_status)) > 0)
			if (WIFSTOPPED(wait_status) ||
			    WIFCONTINUED(wait_status))
				continue;
			else if (dead == l->child.pid)
				l->child.pid = 0;
			else
				count_orphan(l, dead, wait_status);
		if (*pid > 0 && signals_next(&info, until) > 0 &&
		    signal_asks_to_stop(info.si_signo))
			break;
	}
	return *pid <= 0;
}

/* Wait ms for the relay to send its pending data, then kill the relay: its
 * reader may be gone. */
static void
end_relay(struct supervisor *l, pid_t *relay, int64_t ms)
{
	if (*relay <= 0)
		return;
	kill(*relay, SIGCONT);          /* somebody may have stopped it */
	if (await_end(l, relay, signals_clock() + ms))
		return;
	kill(*relay, SIGKILL);
	await_end(l, relay, signals_clock() + UNKILLABLE_MS);
	if (relay == &l->relay)
		sandbox_restore_terminal();
}

/* End what belongs to the sandbox. */
static void
end_sandbox(struct supervisor *l)
{
	const bool in_haste = l->timed_out || l->cpu_spent || l->stop_forwarded;

	end_relay(l, &l->relay, in_haste ? RELAY_HURRIED_MS : RELAY_MS);
	end_relay(l, &l->publisher, in_haste ? RELAY_HURRIED_MS : PORTS_MS);
	if (l->role == LAUNCHER && l->child.pid > 0 &&
	    !await_end(l, &l->child.pid, signals_clock() + INIT_MS))
		warnx("cannot end init", NULL, "a process inside is held by "
		    "a debugger or by the kernel", "end the debugger");
	sandbox_cleanup();
}

/* Tell the launcher how the command ended. If sending fails, the launcher was
 * killed. SIGCHLD is read before the channel's signal, so we learn of it only
 * here. */
static void
report_end_to_launcher(const struct supervisor *l)
{
	if (!channel_send(&(struct message){ .kind = MSG_ENDED, .fd = -1,
	    .code = l->wait_status, .orphans = l->orphans,
	    .killed = l->killed }))
		cgroup_kill_others();
}

/* Read what the command used, while its control group is there. */
static void
collect_usage(struct supervisor *l)
{
	/* So that the numbers are the last. */
	if (l->opt->sandbox.requested)
		sandbox_kill();
	if (l->opt->sandbox.cpu_time >= 0 &&
	    cgroup_cpu_ms() >= l->opt->sandbox.cpu_time)
		l->cpu_spent = true;
	if (l->opt->sandbox.measured)
		sandbox_stats(l->counters);
}

static const char *
reason(const struct supervisor *l)
{
	const int64_t *n = l->counters;

	return l->timed_out ? "timeout" : l->cpu_spent ? "cpu-time" :
	    l->reason ? l->reason :
	    l->wait_status != 0 && n[OOM_KILLS] > 0 ? "oom" :
	    l->wait_status != 0 && n[PIDS_REFUSED] > 0 &&
	    l->opt->sandbox.limits[PIDS_LIMIT] ? "pids-limit" :
	    WIFSIGNALED(l->wait_status) ? "signaled" : "exited";
}

/* The numbers of what ran inside died with an init that was killed. */
static bool
is_uncounted(const struct supervisor *l)
{
	return l->role == LAUNCHER && !l->counts_known;
}

/* What was reaped, or where there is a control group what was in it. */
static void
get_usage(const struct supervisor *l, struct rusage *usage)
{
	const int64_t user = l->counters[USER_MS];
	const int64_t system = l->counters[SYSTEM_MS];

	getrusage(RUSAGE_CHILDREN, usage);
	/* These are init's own figures: it has not waited for the others. */
	if (is_uncounted(l)) {
		usage->ru_utime.tv_sec = usage->ru_stime.tv_sec = UNKNOWN;
		usage->ru_maxrss = UNKNOWN;
	}
	if (user < 0 || system < 0)
		return;
	usage->ru_utime = (struct timeval){ user / 1000, user % 1000 * 1000 };
	usage->ru_stime = (struct timeval){ system / 1000,
	    system % 1000 * 1000 };
}

/* Write the report before the rest is ended: a terminal that nobody reads must
 * not hold it up. Returns the exit code that says the same. */
static int
finish(struct supervisor *l)
{
	const struct options *opt = l->opt;
	const bool signaled = WIFSIGNALED(l->wait_status);
	const int code = exit_code(l->wait_status);
	struct rusage usage;
	struct verdict v;

	if (l->role == SANDBOX_INIT) {
		report_end_to_launcher(l);
		return code;
	}
	collect_usage(l);
	v = (struct verdict){
		.reason = reason(l),
		.exit_code = l->timed_out || l->cpu_spent ? EXIT_TIMEOUT :
		    l->reason ? code : opt->exit_codes[code],
		.signal = signaled ? WTERMSIG(l->wait_status) : UNKNOWN,
		.wall_ms = l->ended - l->begun,
		.usage = &usage,
		.counters = l->counters,
		.cgroup = cgroup_path(),
		.orphans_reaped = is_uncounted(l) ? UNKNOWN : l->orphans,
		.stragglers_killed = is_uncounted(l) ? UNKNOWN : l->killed,
	};
	if (opt->sandbox.measured)
		get_usage(l, &usage);
	report_write(&v);
	if (opt->sandbox.requested)
		end_sandbox(l);
	if (opt->verbosity > 0)
		report_say(&v, opt->command ? opt->command[0] : "pause");
	/* A shell that runs us in a loop has to see that ^C ended it. */
	if (signaled && v.exit_code == code && opt->dies_of_signal &&
	    getpid() != 1)
		signal_die(WTERMSIG(l->wait_status));
	return v.exit_code;
}

/* Whether we boot one because of our name, and *words is what is to be parsed
 * then; and never leave it without init. */
static bool
detect_device_boot(char **argv, char ***words)
{
	if (getpid() != 1 || !argv[0])
		return false;
	log_set_cleanup(boot_rescue);
	if (!boot_is_init(argv))
		return false;
	*words = boot_words(argv);
	return true;
}

/* The last deed of an initramfs whose init is a script. */
static _Noreturn void
switch_root(const struct options *opt)
{
	char **command = boot_switch(&opt->boot, opt->command);

	if (command)
		exec_as_init(NULL, command, false);
	boot_rescue();
	_exit(command ? 126 : 125);
}

/* The third use: what a machine boots, by /etc/inittab or one program. What it
 * takes on the stack is not to be the others'. */
static __attribute__((noinline)) int
boot(struct supervisor *l, const struct options *opt)
{
	struct program again;

	l->role = DEVICE_INIT;
	l->opt = opt;
	for (int i = 0; i < DEADLINES; i++)
		l->deadlines[i] = NEVER;
	signals_default();              /* or children ignore what we do */
	fds_release(STDERR_FILENO);
	boot_begin(&opt->boot, opt->command, opt->stop_timeout, opt->grace,
	    signals_clock());
	supervise(l);
	while (boot_end(&again, &l->wait_status))
		exec_as_init(again.file, again.argv, false);
	return exit_code(l->wait_status);
}

int
main(int argc, char **argv)
{
	const pid_t parent = getppid();
	struct inherited inherited;
	struct options opt;
	struct supervisor supervisor = { .role = STANDALONE,
		.argv = argv,
		.child.terminal = -1,
		.rest.proc = -1,
		.relay = -1,
		.publisher = -1 };
	char **words = argv;
	bool boots;

	signals_hold(&inherited);       /* first: process 1 loses the others */
	boots = detect_device_boot(argv, &words); /* or a failure is a panic */
	fds_occupy();
	protect_relocations();
	report_early(&opt.report, &opt.report_fd);
	options_parse(&opt, dropin_find(argc > 0 ? argv[0] : ""), words, boots);
	if (opt.doctor) {
		startup_end_by_signal(true, "the output");
		return doctor_run(opt.doctor == 2);
	}
	if (opt.boot.status || opt.boot.reexec)
		return boot_ask(&opt.boot);
	if (opt.boot.requested)
		return boot(&supervisor, &opt);
	if (opt.boot.switch_root)
		switch_root(&opt);
	seal_program(&opt, argv);
	report_open(opt.report, opt.report_fd);
	follow_parent(opt.parent_death_signal, parent);
	reaper_adopt();
	enter_sandbox(&supervisor, &opt);
	prepare_child(&supervisor, &opt);
	start_child(&supervisor, &inherited);
	release_startup_state(&supervisor);
	supervise(&supervisor);
	return finish(&supervisor);
}
