#include <sys/wait.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../fds.h"
#include "cgroup.h"
#include "channel.h"
#include "launch.h"
#include "monitor.h"

enum {
	REPORT_MS = 1000,               /* from the end to its report */
	INIT_MS = 10 * 1000,            /* for init, after the report */
	RELAY_MS = 1000,                /* for output that is still to come */
	RELAY_HURRIED_MS = 200,         /* the same after a limit or SIGTERM */
	PORTS_MS = 1500,                /* the relay of ports ends after 1000 */
	CPU_CHECK_MS = 10               /* between two looks at --cpu-time */
};

void
monitor_init(struct monitor *m, const struct sandbox *box, bool has_init)
{
	*m = (struct monitor){ .box = box, .has_init = has_init,
	    .terminal_relay = -1,
	    .port_relay = has_init ? sandbox_port_relay() : -1 };
}

/* ---- messages of init --------------------------------------------------- */

static void
init_reported_end(struct supervisor *s, const struct message *msg)
{
	struct monitor *m = s->state;

	s->status_known = m->counts_known = true;
	s->wait_status = msg->code;
	s->orphans = msg->orphans;
	s->killed = msg->killed;
	if (msg->text[0])
		m->reason = "exec-error";
	supervise_arm(s, ABANDON_INIT, REPORT_MS);
}

static void
handle_message(struct supervisor *s, const struct message *msg)
{
	struct monitor *m = s->state;

	switch (msg->kind) {
	case MSG_BLOCKED:
		sandbox_blocked(msg, s->child.pid);
		break;
	case MSG_SETUP_DONE:
		m->setup_done = true;
		sandbox_setup_done(msg);
		break;
	case MSG_STARTED:
		sandbox_started(s->child.pid, sandbox_message_pid(msg));
		break;
	case MSG_PTY:
		m->terminal_relay =
		    sandbox_start_relay(msg->fd, s->child.pid);
		fds_close_input_and_output(sandbox_outer_terminal());
		break;
	case MSG_ERROR:
		report_note(msg->text, msg->code);
		if (msg->code > 0)
			m->reason = "setup-error";
		break;
	case MSG_ENDED:
		init_reported_end(s, msg);
	}
}

static void
read_messages(struct supervisor *s)
{
	struct message msg;
	bool closed = false;

	while (channel_read(&msg, false, &closed))
		handle_message(s, &msg);
}

bool
monitor_init_reported_error(void)
{
	struct message msg;
	bool closed = false;

	while (channel_fd() >= 0 && channel_read(&msg, false, &closed))
		if (msg.kind == MSG_ERROR && msg.code > 0) {
			log_set_suppress(NULL);
			report_note(msg.text, msg.code);
			report_failure("setup-error", msg.code);
			return true;
		}
	return false;
}

/* ---- the roles ---------------------------------------------------------- */

/* Process 1 of a PID namespace cannot be stopped, and so not report a stop: on
 * ^Z freeze the sandbox and stop ourselves. */
static void
suspend(struct supervisor *s)
{
	cgroup_freeze(true);
	s->sigcont_pending = signal_stop_self(SIGTSTP, false);
	cgroup_freeze(false);
}

static bool
launcher_signal(struct supervisor *s, const siginfo_t *info)
{
	const struct monitor *m = s->state;

	if (channel_is_signal(info)) {
		read_messages(s);
		return true;
	}
	if (info->si_signo == SIGTSTP && signal_of_terminal(info) &&
	    (sandbox_has_pidns() || sandbox_has_rootfs(m->box))) {
		suspend(s);
		return true;
	}
	return false;
}

/* End init, which sees no signal while it waits for --block-fd or for a file
 * system. Read its messages first: the setup may be complete. */
static bool
launcher_abort_start(struct supervisor *s, int sig)
{
	const struct monitor *m = s->state;

	if (s->stage != RUNNING)
		return false;
	read_messages(s);
	if (m->setup_done)
		return false;
	s->wait_status = sig;
	s->status_known = true;
	kill(s->child.pid, SIGKILL);
	supervise_arm(s, ABANDON_INIT, REPORT_MS);
	return true;
}

/* Stop the command when its processor time is used up; otherwise look again
 * when all processors together could first have used it. */
static void
check_cpu_time(struct supervisor *s)
{
	struct monitor *m = s->state;
	const int64_t left = m->box->cpu_time - cgroup_cpu_ms();
	const int64_t next = left / cgroup_processors();

	if (left <= 0) {
		m->cpu_time_used = true;
		supervise_stop(s);
	} else {
		supervise_arm(s, ROLE_DEADLINE,
		    next > CPU_CHECK_MS ? next : CPU_CHECK_MS);
	}
}

static bool
monitor_deadline(struct supervisor *s, enum deadline which)
{
	if (which != ROLE_DEADLINE)
		return false;
	check_cpu_time(s);
	return true;
}

/* Stop waiting for init: a debugger or the kernel may hold a process of its
 * namespace, and init waits for that process, pid_namespaces(7). */
static void
abandon_init(struct supervisor *s)
{
	if (!s->status_known)
		s->wait_status = SIGKILL;
	supervise_child_ended(s);
	s->stage = DONE;
}

static bool
launcher_deadline(struct supervisor *s, enum deadline which)
{
	if (s->stage == RUNNING && which == KILL) {
		supervise_send(s, SIGKILL, NULL);
		supervise_arm(s, ABANDON_INIT, REPORT_MS);
		return true;
	}
	if (which == ABANDON_INIT) {
		if (s->stage == RUNNING)
			abandon_init(s);
		return true;
	}
	return monitor_deadline(s, which);
}

/* Record the exit of a relay. Returns false for other children. */
static bool
monitor_exit(struct supervisor *s, pid_t pid, int wait_status)
{
	struct monitor *m = s->state;
	const bool is_terminal = pid == m->terminal_relay;

	if (!is_terminal && pid != m->port_relay)
		return false;
	if (WIFSTOPPED(wait_status) || WIFCONTINUED(wait_status))
		return true;
	*(is_terminal ? &m->terminal_relay : &m->port_relay) = -1;
	if (wait_status != 0 && is_terminal)
		sandbox_restore_terminal();
	if (wait_status != 0 && s->stage != DONE)
		warnx("no relay any more for", is_terminal ? "the terminal" :
		    "the ports", NULL, NULL);
	return true;
}

/* Read what init reported before it is reaped as the child. */
static bool
launcher_exit(struct supervisor *s, pid_t pid, int wait_status)
{
	if (pid == s->child.pid)
		read_messages(s);
	return monitor_exit(s, pid, wait_status);
}

const struct role launcher_role = {
	.on_signal = launcher_signal,
	/* The relay of the terminal needs an init that is not reaped yet. */
	.before_reaping = read_messages,
	.on_child_change = launcher_exit,
	.on_deadline = launcher_deadline,
	.abort_start = launcher_abort_start,
};

const struct role direct_role = {
	.on_child_change = monitor_exit,
	.on_deadline = monitor_deadline,
};

/* ---- the beginning and the end ------------------------------------------ */

void
monitor_begin(struct supervisor *s)
{
	const struct monitor *m = s->state;

	if (m->box->cpu_time >= 0)
		supervise_arm(s, ROLE_DEADLINE, CPU_CHECK_MS);
}

/* Reason that the wait status does not show, or NULL. */
static const char *
reason_of(const struct supervisor *s)
{
	const struct monitor *m = s->state;
	const int64_t *n = m->counters;

	if (m->cpu_time_used)
		return "cpu-time";
	if (m->reason || s->wait_status == 0)
		return m->reason;
	if (n[OOM_KILLS] > 0)
		return "oom";
	return n[PIDS_REFUSED] > 0 && m->box->limits[PIDS_LIMIT].text ?
	    "pids-limit" : NULL;
}

/* Usage of what was reaped; of the control group where there is one. */
static void
measure_usage(struct monitor *m, bool known)
{
	const int64_t user = m->counters[USER_MS];
	const int64_t system = m->counters[SYSTEM_MS];
	struct rusage *u = &m->usage;

	getrusage(RUSAGE_CHILDREN, u);
	/* An init that was killed has not waited for its children: these
	 * figures are its own. */
	if (!known)
		u->ru_utime.tv_sec = u->ru_stime.tv_sec = u->ru_maxrss =
		    UNKNOWN;
	if (user < 0 || system < 0)
		return;
	u->ru_utime = (struct timeval){ user / 1000, user % 1000 * 1000 };
	u->ru_stime = (struct timeval){ system / 1000, system % 1000 * 1000 };
}

void
monitor_measure(struct supervisor *s, struct verdict *v)
{
	struct monitor *m = s->state;
	const bool known = !m->has_init || m->counts_known;

	/* The counters are final when nothing runs any more. */
	sandbox_kill();
	if (m->box->cpu_time >= 0 && cgroup_cpu_ms() >= m->box->cpu_time)
		m->cpu_time_used = true;
	if (m->box->measured) {
		sandbox_stats(m->counters);
		measure_usage(m, known);
	}
	v->reason = reason_of(s);
	if (m->cpu_time_used)
		v->exit_code = EXIT_TIMEOUT;
	else if (m->reason)
		v->exit_code = status_exit_code(s->wait_status);
	v->usage = &m->usage;
	v->counters = m->counters;
	v->cgroup = cgroup_path();
	v->orphans_reaped = known ? s->orphans : UNKNOWN;
	v->stragglers_killed = known ? s->killed : UNKNOWN;
}

/* Wait ms for a relay to send its pending data, then kill it: its reader may be
 * gone. */
static void
end_relay(struct supervisor *s, const pid_t *relay, int64_t ms)
{
	const struct monitor *m = s->state;

	if (*relay <= 0)
		return;
	kill(*relay, SIGCONT);          /* it may have been stopped */
	if (supervise_wait(s, relay, signals_clock() + ms))
		return;
	kill(*relay, SIGKILL);
	supervise_wait(s, relay, signals_clock() + UNKILLABLE_MS);
	if (relay == &m->terminal_relay)
		sandbox_restore_terminal();
}

void
monitor_cleanup(struct supervisor *s)
{
	struct monitor *m = s->state;
	const bool hurry = s->timed_out || m->cpu_time_used ||
	    s->stop_requested;

	end_relay(s, &m->terminal_relay, hurry ? RELAY_HURRIED_MS : RELAY_MS);
	end_relay(s, &m->port_relay, hurry ? RELAY_HURRIED_MS : PORTS_MS);
	if (m->has_init && s->child.pid > 0 &&
	    !supervise_wait(s, &s->child.pid, signals_clock() + INIT_MS))
		warnx("cannot end init", NULL, "a process inside is held by a "
		    "debugger or by the kernel", "end the debugger");
	sandbox_cleanup();
}
