#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli/log.h"
#include "boot.h"
#include "console.h"
#include "early.h"
#include "inittab.h"
#include "reexec.h"
#include "rescue.h"
#include "root.h"
#include "services.h"
#include "shutdown.h"
#include "status.h"
#include "watchdog.h"

#define INITTAB "/etc/inittab"

/* Shutdown signals of systemd(1): SIGRTMIN+3 to SIGRTMIN+5 of glibc, whose
 * SIGRTMIN is 34. That of musl is 35. */
enum { SIGNAL_HALT = 37, SIGNAL_POWEROFF = 38, SIGNAL_REBOOT = 39 };

enum {
	RETRY_MS = 1000,                /* after fork(2) has failed */
	STOP_MS = 60 * 1000,            /* for all shutdown lines */
	GRACE_MS = 3000,                /* from SIGTERM to SIGKILL */
	UNKILLABLE_MS = 2000,           /* for processes that survive SIGKILL */
	PUBLISH_DELAY_MS = 20,          /* of the status after sysinit lines */
	FEED_MS = 1000
};

char **
boot_switch(const struct boot *b, char **command)
{
	if (getpid() != 1)
		diex("cannot use", "--switch-root", "not process 1",
		    "exec it from the init of an initramfs");
	command = root_command(command);
	return root_switch(b->switch_root, command[0]) ? command : NULL;
}

/* ---- set-up ------------------------------------------------------------- */

/* Read the inittab, or make the lines of an appliance, of single-user mode or
 * of a machine that cannot boot. */
static void
read_first_table(struct device *d)
{
	struct inittab *t = d->table;

	/* Without the file inittab_read() uses its built-in lines. */
	if (!inittab_read(t, d->app || d->single || d->has_failed ? NULL :
	    INITTAB) && errno != ENOENT)
		warn("cannot read", INITTAB);
	if (d->single || d->has_failed)
		inittab_add_console(t, d->single ? RESPAWN : ASKFIRST,
		    "-/bin/sh", NULL);
	else if (d->app)
		inittab_add_console(t, d->opt->on_exit == ON_EXIT_RESPAWN ?
		    RESPAWN : ONCE, d->app[0], d->app);
}

/* Set the members that do not begin as 0. */
static void
set_first_state(struct device *d, const struct boot *b, char **command)
{
	d->opt = b;
	d->command = command;
	d->app = b->switch_root ? NULL : command;
	d->machine = early_first_namespace();
	d->table = d->tables;
	d->lines.action = SYSINIT;
	d->keys = (struct queue){ .action = CTRLALTDEL, .next = INT_MAX };
	d->phase_deadline = BOOT_NEVER;
	d->watchdog.opt = &b->watchdog;
	d->state_fd = d->watchdog.fd = -1;
	d->changed = true;
}

void
boot_begin(struct device *d, const struct boot *b, char **command,
    int64_t stop_ms, int64_t grace_ms, int64_t now)
{
	rescue_begin(d);
	set_first_state(d, b, command);
	d->stop_ms = stop_ms < 0 ? STOP_MS : stop_ms;
	d->grace_ms = grace_ms < 0 ? GRACE_MS : grace_ms;
	early_begin();
	d->console = console_open(d->machine);
	setsid();
	(void)!chdir("/");
	watchdog_open(&d->watchdog);
	read_first_table(d);
	early_mount(d->table);
	if (reexec_restore(d, now))
		d->phase = BOOTED;
}

/* ---- the next program to start ------------------------------------------ */

/* Return the next line of a queue; NULL if none is left or one still runs. */
static struct entry *
next_in_queue(const struct inittab *t, struct queue *q, int64_t now)
{
	if (q->pid != 0 || q->retry_at > now)
		return NULL;
	while (q->next < t->count && t->entries[q->next].action != q->action)
		q->next++;
	return q->next < t->count ? &t->entries[q->next] : NULL;
}

static bool
queue_is_done(const struct inittab *t, const struct queue *q)
{
	return q->pid == 0 && q->next >= t->count;
}

static void
start_queue(struct queue *q, int action)
{
	*q = (struct queue){ .action = action };
}

static void
leave_initramfs(struct device *d)
{
	char **init = root_command(d->command);

	if (root_switch(d->opt->switch_root, init[0]))
		d->next_exec = init;
}

static void
next_phase(struct device *d, int64_t now)
{
	switch (d->phase) {
	case IN_SYSINIT:
		early_complete(d->machine);
		watchdog_open(&d->watchdog);
		d->feed_deadline = now;
		d->publish_after = now + PUBLISH_DELAY_MS;
		d->phase = IN_WAIT;
		start_queue(&d->lines, WAIT);
		break;
	case IN_WAIT:
		if (d->opt->switch_root)
			leave_initramfs(d);
		d->phase = IN_ONCE;
		start_queue(&d->lines, ONCE);
		break;
	case IN_ONCE:
		d->phase = BOOTED;
		if (!watchdog_open(&d->watchdog))
			warn("cannot open", d->opt->watchdog.text);
		d->feed_deadline = now;
		break;
	case IN_SHUTDOWN:
		kill(-1, SIGTERM);
		kill(-1, SIGCONT);
		d->phase = TERM_SENT;
		d->due_now = true;
		d->phase_deadline = now + d->grace_ms;
		break;
	case TERM_SENT:
		kill(-1, SIGKILL);
		d->phase = KILL_SENT;
		d->due_now = true;
		d->phase_deadline = now + UNKILLABLE_MS;
		break;
	case BOOTED:
	case KILL_SENT:
	case FINISHED:
		d->phase = FINISHED;
	}
}

/* Return the entry to start now, or NULL. Advances the phase once all lines of
 * the current one are done. */
static struct entry *
next_boot_entry(struct device *d, int64_t now)
{
	struct entry *e = d->phase < TERM_SENT ?
	    next_in_queue(d->table, &d->keys, now) : NULL;

	while (!e && !d->next_exec && d->phase != BOOTED &&
	    d->phase <= IN_SHUTDOWN) {
		e = next_in_queue(d->table, &d->lines, now);
		if (e || !queue_is_done(d->table, &d->lines))
			return e;
		next_phase(d, now);
	}
	return e || d->phase != BOOTED || d->paused ? e :
	    services_next(d->table, now);
}

bool
boot_next(struct device *d, struct boot_start *s, int64_t now)
{
	struct entry *e = next_boot_entry(d, now);

	if (!e)
		return false;
	s->entry = e;
	s->console = d->console;
	s->asks = e->action == ASKFIRST;
	if (e->words) {
		s->program.file = e->command;
		s->program.argv = e->words;
	} else {
		inittab_words(&s->program, e->command);
	}
	return true;
}

const char *
boot_child(const void *with, const char **on)
{
	const struct boot_start *s = with;
	const struct entry *e = s->entry;
	const char *failed = console_enter(s->console, e, on);

	if (!failed && s->asks)
		console_ask();
	/* A terminal that does not exist is reported once, not at every
	 * restart. */
	return failed && e->ended ? "" : failed;
}

/* ---- starts and exits --------------------------------------------------- */

static void
begin_shutdown(struct device *d, enum verb verb, int64_t now)
{
	if (d->phase >= IN_SHUTDOWN)
		return;
	d->verb = verb;
	say(shutdown_name(verb));
	d->phase = IN_SHUTDOWN;
	d->phase_deadline = now + d->stop_ms;
	start_queue(&d->lines, SHUTDOWN);
}

/* Begin the shutdown after the exit of an appliance's program. */
static void
shut_down_after_app(struct device *d, int64_t now)
{
	static const unsigned char verbs[] = {
		[ON_EXIT_REBOOT] = REBOOT, [ON_EXIT_POWEROFF] = POWEROFF,
		[ON_EXIT_HALT] = HALT,
	};

	if (d->opt->on_exit == ON_EXIT_SHELL)
		return;                 /* can_continue() adds the shell */
	begin_shutdown(d, d->opt->on_exit ? verbs[d->opt->on_exit] :
	    d->machine ? REBOOT : EXIT, now);
}

static void
entry_exited(struct device *d, struct entry *e, int wait_status, int64_t now)
{
	e->pid = 0;
	e->ended = true;
	e->wait_status = wait_status;
	d->changed = true;
	if (services_include(e)) {
		e->restarts++;
		services_schedule(e, now);
	} else if (e->words) {
		d->app_status = wait_status;
		shut_down_after_app(d, now);
	}
}

void
boot_started(struct device *d, const struct boot_start *s, pid_t pid,
    int64_t now)
{
	struct entry *e = s->entry;
	struct queue *q = services_include(e) ? NULL :
	    e->action == CTRLALTDEL ? &d->keys : &d->lines;

	d->changed = true;
	e->started = now;
	e->pid = pid;
	if (pid == 0) {
		/* fork(2) has failed: try the same line again. */
		e->next_start = now + RETRY_MS;
		if (q)
			q->retry_at = e->next_start;
		return;
	}
	if (q)
		q->next++;
	if (q && e->action != ONCE)
		q->pid = pid;
}

void
boot_died(struct device *d, pid_t pid, int wait_status, int64_t now)
{
	if (WIFSTOPPED(wait_status) || WIFCONTINUED(wait_status))
		return;
	if (d->lines.pid == pid)
		d->lines.pid = 0;
	if (d->keys.pid == pid)
		d->keys.pid = 0;
	for (int i = 0; i < d->table->count; i++)
		if (d->table->entries[i].pid == pid)
			entry_exited(d, &d->table->entries[i], wait_status,
			    now);
}

/* ---- signals ------------------------------------------------------------ */

/* Return the index in t of the first line of the queue that has not run yet. */
static int
next_of_queue(const struct inittab *t, const struct inittab *old_table,
    const struct queue *q)
{
	for (int i = q->next; i < old_table->count; i++) {
		const struct entry *old = &old_table->entries[i];
		const struct entry *e = old->action != q->action ? NULL :
		    inittab_find(t, old);

		if (e)
			return e - t->entries;
	}
	return INT_MAX;
}

/* Read the inittab again. Services of removed lines are sent SIGTERM. Other
 * lines keep their processes, and a pending restart happens at once. If the
 * file is missing or unreadable, keep everything: a missing file is more likely
 * a mistake than a wish to end every service. */
static void
reread_inittab(struct device *d)
{
	const struct inittab *old = d->table;
	struct inittab *t = old == d->tables ? d->tables + 1 : d->tables;

	d->reread_requested = false;
	if (d->app || d->single)
		return;
	if (!inittab_read(t, INITTAB)) {
		warn("cannot read", INITTAB);
		return;
	}
	services_take_over(t, old);
	d->keys.next = next_of_queue(t, old, &d->keys);
	d->table = t;
	d->changed = true;
}

static const struct entry *
restart_line(const struct inittab *t)
{
	for (int i = 0; i < t->count; i++)
		if (t->entries[i].action == RESTART)
			return &t->entries[i];
	return NULL;
}

void
boot_signal(struct device *d, const siginfo_t *info, int64_t now)
{
	static const struct { unsigned char sig, verb; } shutdowns[] = {
		{ .sig = SIGUSR1, .verb = HALT },
		{ .sig = SIGUSR2, .verb = POWEROFF },
		{ .sig = SIGTERM, .verb = REBOOT },
		{ .sig = SIGPWR, .verb = POWEROFF },
		{ .sig = SIGNAL_HALT, .verb = HALT },
		{ .sig = SIGNAL_POWEROFF, .verb = POWEROFF },
		{ .sig = SIGNAL_REBOOT, .verb = REBOOT },
	};
	const int sig = info->si_signo;

	for (size_t i = 0; i < sizeof(shutdowns) / sizeof(shutdowns[0]); i++)
		if (shutdowns[i].sig == sig)
			begin_shutdown(d, shutdowns[i].verb, now);
	if (sig == SIGQUIT && restart_line(d->table))
		begin_shutdown(d, RESTART_INIT, now);
	else if (sig == SIGINT && queue_is_done(d->table, &d->keys))
		start_queue(&d->keys, CTRLALTDEL);
	else if (sig == SIGHUP)
		d->reread_requested = true;
	else if (sig == SIGTSTP)
		d->paused = true;
	else if (sig == SIGCONT)
		d->paused = false;
	else if (sig == SIGNAL_REEXEC)
		d->reexec_requested = true;
}

/* ---- deadlines ---------------------------------------------------------- */

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Return the time at which a failed start is tried again, or BOOT_NEVER. */
static int64_t
next_retry(const struct queue *q, int64_t now)
{
	return q->pid == 0 && q->retry_at > now ? q->retry_at : BOOT_NEVER;
}

static int64_t
next_boot_deadline(struct device *d, int64_t now)
{
	int64_t deadline = d->due_now ? now :
	    earlier(d->phase_deadline, d->feed_deadline);

	d->due_now = false;
	if (d->phase < TERM_SENT) {
		deadline = earlier(deadline, next_retry(&d->lines, now));
		deadline = earlier(deadline, next_retry(&d->keys, now));
	}
	if (d->phase == BOOTED && !d->paused)
		deadline = earlier(deadline, services_next_start(d->table));
	return deadline;
}

void
boot_turn(struct device *d, bool nobody_left, int64_t now)
{
	if (d->feed_deadline <= now)
		d->feed_deadline = watchdog_feed(&d->watchdog, now,
		    d->phase != BOOTED || services_healthy(d->table));
	if (d->reread_requested && d->phase == BOOTED)
		reread_inittab(d);
	if ((d->phase == TERM_SENT || d->phase == KILL_SENT) && nobody_left)
		d->phase = FINISHED;
	else if (d->phase_deadline <= now) {
		d->phase_deadline = BOOT_NEVER;
		if (d->phase == IN_SHUTDOWN)
			d->lines.pid = 0;       /* its time is up */
		next_phase(d, now);
	}
}

int64_t
boot_deadline(struct device *d, int64_t now)
{
	const int64_t deadline = next_boot_deadline(d, now);

	if (!d->changed || d->phase < IN_WAIT)
		return deadline;
	/* Let the programs just started run first: we may share one processor
	 * with them. */
	if (now < d->publish_after)
		return earlier(deadline, d->publish_after);
	d->changed = false;
	status_publish(d->table);
	return deadline;
}

/* ---- exec of another init ----------------------------------------------- */

char **
boot_next_exec(struct device *d, bool *renewed)
{
	*renewed = false;
	if (d->next_exec)
		return d->next_exec;
	if (!d->reexec_requested || d->phase != BOOTED)
		return NULL;
	d->reexec_requested = false;
	if (!status_answers_as_pith(d->argv[0]))
		return NULL;
	if (!reexec_save(d)) {
		warn("cannot save", "the state of the services");
		return NULL;
	}
	*renewed = true;
	return d->argv;
}

void
boot_exec_failed(struct device *d)
{
	d->next_exec = NULL;
	d->due_now = true;
	if (d->phase == FINISHED)
		d->verb = REBOOT;       /* the "restart" line has failed */
	reexec_discard(d);
}

/* ---- the end of the shutdown -------------------------------------------- */

bool
boot_over(const struct device *d)
{
	return d->phase == FINISHED;
}

/* Shut down the machine. A failure of reboot(2) leaves nothing to do but to
 * feed the watchdog. */
static _Noreturn void
end_machine(struct device *d)
{
	shutdown_machine(d->verb, &d->watchdog);
	warn("cannot shut down", "the machine");
	for (;;) {
		watchdog_feed(&d->watchdog, 0, true);
		poll(NULL, 0, FEED_MS);
	}
}

bool
boot_end(struct device *d, struct program *again, int *wait_status)
{
	const struct entry *restart =
	    d->verb == RESTART_INIT ? restart_line(d->table) : NULL;
	const char *on;

	if (restart && !console_enter(d->console, restart, &on)) {
		sync();
		if (d->machine)
			reboot(RB_ENABLE_CAD);
		inittab_words(again, restart->command);
		return true;
	}
	if (d->verb == RESTART_INIT)
		d->verb = REBOOT;
	*wait_status = d->app_status;
	if (d->machine)
		end_machine(d);
	if (d->verb != EXIT)
		shutdown_namespace(d->verb);
	return false;
}
