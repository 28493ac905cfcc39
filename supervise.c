#include <errno.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/log.h"
#include "supervise.h"

enum {
	TIMEOUT_STOP_MS = 2000, /* --timeout without --stop-timeout */
	REAP_BATCH = 64 /* children reaped between two signals */
};

void
supervise_init(struct supervisor *s, const struct role *role,
    const struct supervision *opt)
{
	*s = (struct supervisor){ .role = role, .opt = opt,
	    .child.terminal = -1, .rest.proc = -1 };
	for (int i = 0; i < DEADLINES; i++)
		s->deadlines[i] = NEVER;
}

void
supervise_log(const struct supervisor *s, int level, const char *what, int sig,
    int64_t pid)
{
	char text[128];
	char name[SIGNAL_NAME];
	struct strbuf line = STRBUF(text);

	if (s->opt->verbosity < level)
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

/* ---- forwarding signals ------------------------------------------------- */

void
supervise_arm(struct supervisor *s, enum deadline which, int64_t ms)
{
	if (s->deadlines[which] == NEVER)
		s->deadlines[which] = signals_clock() + ms;
}

void
supervise_send(struct supervisor *s, int sig, const siginfo_t *info)
{
	const pid_t pid = s->child.pid;
	const bool running = s->stage == RUNNING;

	supervise_log(s, 1, running ? "forward" : "forward to what is left",
	    sig, running ? pid : 0);
	if (!running ||
	    (s->stop_whole_tree && (sig == SIGSTOP || sig == SIGCONT)))
		reaper_signal(&s->rest, sig);
	else if (!signal_forward(s->opt->all ? -1 : s->opt->group ? -pid : pid,
	    sig, info) && errno == EPERM)
		supervise_log(s, 1, "not permitted:", sig, pid);
}

static void
terminate_rest(struct supervisor *s)
{
	s->stage = TERMINATING;
	reaper_signal(&s->rest, SIGTERM);
	reaper_signal(&s->rest, SIGCONT);
	supervise_arm(s, NEXT_STAGE, s->opt->grace);
}

static void
kill_rest(struct supervisor *s)
{
	s->stage = KILLING;
	reaper_signal(&s->rest, SIGKILL);
	s->deadlines[NEXT_STAGE] = NEVER;
	supervise_arm(s, NEXT_STAGE, UNKILLABLE_MS);
}

void
supervise_child_ended(struct supervisor *s)
{
	s->ended = signals_clock();
	s->stage = LINGERING;
	s->more_dead = true;
	if (!s->opt->wait)
		s->deadlines[TIMEOUT] = s->deadlines[KILL] =
		    s->deadlines[ROLE_DEADLINE] = NEVER;
}

/* True if the terminal sent the signal to the child's process group as well,
 * because the group is ours. */
static bool
tty_reached_child(const struct supervisor *s, const siginfo_t *info)
{
	return s->stage == RUNNING && !s->child.own_group &&
	    !s->child.own_session && signal_of_terminal(info);
}

/* True if the signal is the SIGCONT that ended our own stop. A shell continues
 * the whole group, so the child goes on as well. Forwarding the signal to the
 * child could undo a later ^Z. */
static bool
is_own_sigcont(struct supervisor *s, int sig)
{
	const bool pending = sig == SIGCONT && s->sigcont_pending;

	if (pending)
		s->sigcont_pending = false;
	return pending && !s->child.stopped;
}

/* Continue a stopped child and arm KILL after a request to end. */
static void
stop_was_requested(struct supervisor *s, const siginfo_t *info)
{
	s->stop_requested = true;
	/* A stopped process does not see the request. */
	if (s->child.stopped)
		supervise_send(s, SIGCONT, NULL);
	/* Do not undo a ^Z that follows a ^C: the user wants that stop. */
	if (!signal_of_terminal(info))
		s->continue_next_stop = true;
	if (s->opt->stop_timeout >= 0)
		supervise_arm(s, KILL, s->opt->stop_timeout);
}

static bool
role_aborts_start(struct supervisor *s, int sig)
{
	return s->role->abort_start && s->role->abort_start(s, sig);
}

/* Forward a signal, or do what its rule says. info is NULL after a delay. */
static void
obey_signal(struct supervisor *s, int received, const siginfo_t *info)
{
	const int sig = s->opt->signals.rewrite[received];
	const bool stops = signal_asks_to_stop(received) ||
	    signal_asks_to_stop(sig);

	s->deadlines[received] = NEVER;
	if (sig == 0) {
		supervise_log(s, 1, "drop", received, 0);
	} else if (s->stage == RUNNING && s->opt->pause) {
		if (sig == SIGTERM || sig == SIGINT)
			supervise_child_ended(s);
	} else if (s->stage == LINGERING && stops && s->opt->grace >= 0) {
		terminate_rest(s);
	} else if (!stops || !role_aborts_start(s, sig)) {
		if (!tty_reached_child(s, info))
			supervise_send(s, sig, info);
		if (stops)
			stop_was_requested(s, info);
	}
}

static void
handle_signal(struct supervisor *s, const siginfo_t *info)
{
	const int sig = info->si_signo;

	if (sig == SIGCHLD || is_own_sigcont(s, sig))
		return;
	/* Ignore the SIGPIPE of our own write to a stderr without a reader,
	 * pipe(7). */
	if (sig == SIGPIPE && info->si_pid == getpid())
		return;
	if (s->role->on_signal && s->role->on_signal(s, info))
		return;
	if (s->opt->signals.delay[sig] > 0 && s->deadlines[sig] == NEVER &&
	    !tty_reached_child(s, info))
		s->deadlines[sig] = signals_clock() +
		    s->opt->signals.delay[sig];
	else
		obey_signal(s, sig, info);
}

/* ---- deadlines ---------------------------------------------------------- */

static int64_t
next_deadline(const struct supervisor *s)
{
	int64_t first = NEVER;

	for (int i = 0; i < DEADLINES; i++)
		if (s->deadlines[i] < first)
			first = s->deadlines[i];
	return first;
}

void
supervise_stop(struct supervisor *s)
{
	const int64_t left = s->opt->stop_timeout;

	if (s->opt->pause) {
		supervise_child_ended(s);
		return;
	}
	if (role_aborts_start(s, SIGKILL))
		return;
	supervise_send(s, s->opt->stop_signal, NULL);
	supervise_send(s, SIGCONT, NULL);
	supervise_arm(s, KILL, left < 0 ? TIMEOUT_STOP_MS : left);
}

static void
deadline_expired(struct supervisor *s, enum deadline which)
{
	s->deadlines[which] = NEVER;
	if (s->role->on_deadline && s->role->on_deadline(s, which))
		return;
	if (which == TIMEOUT) {
		s->timed_out = true;
		supervise_stop(s);
	} else if (which == KILL && s->stage == RUNNING) {
		supervise_send(s, SIGKILL, NULL);
	} else if (which == NEXT_STAGE && s->stage == KILLING) {
		s->stage = DONE;
	} else if (which >= TIMEOUT) {
		kill_rest(s);
	} else {
		obey_signal(s, which, NULL);
	}
}

static void
run_deadlines(struct supervisor *s)
{
	int64_t now;

	if (next_deadline(s) == NEVER)
		return;
	now = signals_clock();
	for (int i = 0; i < DEADLINES; i++)
		if (s->deadlines[i] <= now)
			deadline_expired(s, i);
}

/* ---- children ----------------------------------------------------------- */

/* The child has a process group of its own and has stopped. Hand it the
 * terminal if it wants to read or write there. Otherwise stop as well, so that
 * a shell can take over, and continue the child when we are continued. */
static void
follow_stop_of_group(struct supervisor *s, int sig)
{
	const bool by_terminal = sig != SIGSTOP;
	const bool wants_terminal = sig == SIGTTIN || sig == SIGTTOU;
	const bool leader = getsid(0) == getpid();

	/* No shell watches the session of a leader: continue the child at
	 * once, as the kernel does with an orphaned group, credentials(7). */
	if ((wants_terminal && child_give_terminal(&s->child, leader)) ||
	    (by_terminal && leader)) {
		kill(-s->child.pid, SIGCONT);
	} else if (by_terminal) {
		child_take_terminal(&s->child);
		s->sigcont_pending = signal_stop_self(sig, true);
		/* Process 1 did not stop, so the child stays stopped until we
		 * receive SIGCONT. */
		if (getpid() != 1) {
			kill(-s->child.pid, SIGCONT);
			s->child.stopped = false;
		}
	} else if (getpid() != 1 && !leader) {
		s->sigcont_pending = signal_stop_self(SIGTSTP, false);
	}
}

static void
follow_stop(struct supervisor *s, int sig)
{
	s->child.stopped = true;
	if (s->continue_next_stop) {
		s->continue_next_stop = false;
		supervise_send(s, SIGCONT, NULL);
	} else if (s->child.own_session) {
		/* No shell watches this session. */
	} else if (s->child.own_group) {
		follow_stop_of_group(s, sig);
	} else if (sig != SIGSTOP && getpid() != 1) {
		/* SIGSTOP is sent by another program, which will continue the
		 * child itself. */
		s->sigcont_pending = signal_stop_self(sig, false);
	}
}

static void
child_changed(struct supervisor *s, int wait_status)
{
	if (WIFSTOPPED(wait_status)) {
		follow_stop(s, WSTOPSIG(wait_status));
		return;
	}
	s->child.stopped = false;
	if (WIFCONTINUED(wait_status))
		return;
	child_take_terminal(&s->child);
	if (s->opt->ends_group)
		kill(-s->child.pid, SIGTERM);
	s->child.pid = 0;               /* the kernel may reuse the pid */
	if (!s->status_known)
		s->wait_status = wait_status;
	supervise_child_ended(s);
}

static void
orphan_changed(struct supervisor *s, pid_t pid, int wait_status)
{
	if (WIFSTOPPED(wait_status) || WIFCONTINUED(wait_status))
		return;
	s->orphans++;
	if (s->stage == KILLING &&
	    status_exit_code(wait_status) == 128 + SIGKILL)
		s->killed++;
	supervise_log(
	    s, s->opt->warn_orphans ? 0 : 2, s->opt->orphan_text, 0, pid);
}

static void
child_event(struct supervisor *s, pid_t pid, int wait_status)
{
	if (s->role->on_child_change &&
	    s->role->on_child_change(s, pid, wait_status))
		return;
	if (pid == s->child.pid)
		child_changed(s, wait_status);
	else
		orphan_changed(s, pid, wait_status);
}

/* Enter the next stage when a batch was reaped. */
static void
next_stage(struct supervisor *s)
{
	if (s->stage == RUNNING || s->stage == DONE)
		return;
	if (s->no_children || (!s->opt->wait && s->opt->grace < 0))
		s->stage = DONE;
	else if (s->stage == LINGERING && !s->opt->wait)
		terminate_rest(s);
	else if (s->stage == KILLING && !s->more_dead)
		reaper_signal(&s->rest, SIGKILL);       /* forked since */
}

static void
reap_children(struct supervisor *s)
{
	int wait_status;
	pid_t pid = 0;

	if (s->role->before_reaping)
		s->role->before_reaping(s);
	s->more_dead = true;
	for (int i = 0; s->more_dead && i < REAP_BATCH; i++) {
		pid = reaper_next(&wait_status);
		s->more_dead = pid > 0;
		if (pid > 0)
			child_event(s, pid, wait_status);
	}
	s->no_children = pid < 0;
	next_stage(s);
}

bool
supervise_wait(struct supervisor *s, const pid_t *pid, int64_t until)
{
	siginfo_t info;
	int wait_status;
	pid_t dead;

	while (*pid > 0 && signals_clock() < until) {
		while ((dead = reaper_next(&wait_status)) > 0) {
			const bool ended = !WIFSTOPPED(wait_status) &&
			    !WIFCONTINUED(wait_status);

			if (ended && dead == s->child.pid)
				s->child.pid = 0;
			else if (ended)
				child_event(s, dead, wait_status);
		}
		if (*pid > 0 && signals_next(&info, until) > 0 &&
		    signal_asks_to_stop(info.si_signo))
			break;
	}
	return *pid <= 0;
}

/* ---- the loop ----------------------------------------------------------- */

/* Run the step of the role. Returns the moment at which signals_next() must
 * return. */
static int64_t
next_wakeup(struct supervisor *s)
{
	const int64_t first = next_deadline(s);
	const int64_t role = s->role->step ? s->role->step(s) : NEVER;

	if (s->more_dead)
		return 0;
	return role < first ? role : first;
}

/* Children are reaped in batches, one after every signal: a flood of signals
 * cannot delay reaping, nor the reverse. */
void
supervise(struct supervisor *s)
{
	s->more_dead = true;            /* children from before our exec */
	while (s->stage != DONE) {
		siginfo_t info;
		const int64_t until = next_wakeup(s);

		if (s->stage == DONE)
			break;
		if (signals_next(&info, until) > 0)
			handle_signal(s, &info);
		/* Reap first: a child that exited in time has not timed out. */
		reap_children(s);
		run_deadlines(s);
	}
}
