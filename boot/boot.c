#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli/log.h"
#include "boot.h"
#include "console.h"
#include "early.h"
#include "inittab.h"
#include "root.h"
#include "shutdown.h"
#include "status.h"
#include "variables.h"
#include "watchdog.h"

#define INITTAB "/etc/inittab"
#define STATE "PITH_BOOT_STATE="
#define RESCUE "PITH_BOOT_RESCUE="

enum {
	FIRST_DELAY_MS = 1000,          /* between two starts of one line */
	MOST_DELAY_MS = 60 * 1000,
	SHORT_LIFE_MS = 10 * 1000,
	MANY_SHORT_LIVES = 5,                 /* short lives; more is a loop */
	RETRY_MS = 1000,                /* where there was no process */
	STOP_MS = 60 * 1000,            /* for shutdown lines */
	GRACE_MS = 3000,                /* from SIGTERM to SIGKILL */
	UNKILLABLE_MS = 2000,           /* for what outlives that */
	ALONE_MS = 20,                  /* for the first lines after sysinit */
	LOOKS = 10,                     /* for what is told after that */
	LOOK_MS = 1000
};

/* The stages of its life. Lines of one action run one after the other, but for
 * ONCE; RUNS is the long one; in TERMED all has got SIGTERM, in KILLED SIGKILL.
 */
enum phase {
	IN_SYSINIT, IN_WAIT, IN_ONCE, RUNS, IN_SHUTDOWN, TERM_SENT, KILLED, OVER
};

/* Lines of one action that run in turn. */
struct queue {
	int action;
	int next;               /* entry to be looked at */
	pid_t pid;              /* that is waited for, or 0 */
	int64_t due;            /* to try again, where there was no process */
};

static const struct boot *opt;
static char **arguments;                /* our own, the kernel's words too */
static char **app;                      /* of an appliance, or NULL */
static char **next_init;                /* behind another root */
static int64_t stop_ms, grace_ms;
static bool machine;                    /* of which we are the first process */

static struct inittab tables[2];        /* SIGHUP needs both for a moment */
static struct inittab *table = tables;

static enum phase phase;
static struct queue lines = { SYSINIT, 0, 0, 0 };
static struct queue keys = { CTRLALTDEL, INT_MAX, 0, 0 };
static enum verb verb;                  /* what follows the end */
static int exit_status;                 /* of an appliance */
static bool paused;                     /* by SIGTSTP, as busybox's */
static bool changed = true;             /* what status has to tell */
static int64_t publish_after;               /* then, and not before */
static bool due_now;                      /* what is due now: the next turn */
static bool reread;                     /* SIGHUP: the inittab is */
static bool renews;                     /* --reexec has been asked for */
static int state = -1;                  /* for the init that takes over */
static char **become;
static int64_t phase_due = BOOT_NEVER, feed_due = BOOT_NEVER;

/* ---- how we were called ------------------------------------------------- */

static bool
is_named_so(const char *name)
{
	const char *slash = strrchr(name, '/');

	name = slash ? slash + 1 : name;
	return strcmp(name, "init") == 0 || strcmp(name, "linuxrc") == 0;
}

bool
boot_is_init(char **argv)
{
	const char *container = getenv("container");
	bool requested = false;

	arguments = argv;
	for (char **word = argv + 1; *word && !requested; word++)
		requested = strcmp(*word, "--boot") == 0;
	return (requested || is_named_so(argv[0])) &&
	    ((container && strcmp(container, "lxc") == 0) ||
	    early_first_namespace());
}

/* Words that ask for a shell and nothing else. */
static bool
is_single(const char *word)
{
	static const char words[][8] = { "S", "s", "single", "1", "-s", "-b" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static char *single;                    /* the word that says so, or NULL */
static const char *runlevel;

char **
boot_words(char **argv)
{
	while (argv[0] && argv[1] && strncmp(argv[1], "--", 2) != 0) {
		argv++;
		if (is_single(argv[0]))
			single = argv[0];
		if (!runlevel)
			runlevel = argv[0];
	}
	return argv;
}

/* How often we have started anew: without options, then for a shell alone. */
static int rescued;

static void
find_rescue(void)
{
	const char *is = getenv("PITH_BOOT_RESCUE");

	if (is)
		rescued = strcmp(is, "1") == 0 ? 1 : 2;
}

void
boot_rescue(void)
{
	static char boots[] = "--boot";
	char *argv[] = { arguments[0], single ? single : boots, boots, NULL };

	if (getpid() != 1 || !early_first_namespace())
		return;
	variables_begin();
	if (rescued == 0)
		find_rescue();
	if (rescued == 0)
		variables_set(RESCUE "1");
	else if (rescued == 1)
		variables_set(RESCUE "2");
	else
		for (;;)
			pause();
	early_mount(NULL);              /* /proc may not be there yet */
	execve("/proc/self/exe", argv, environ);
	execve(argv[0], argv, environ);         /* without a /proc */
	for (;;)
		pause();
}

/* Whether the init that runs tells of itself, which the first line may ask it
 * before it does: see told_from. */
static bool
is_told(void)
{
	for (int i = 0; access(STATUS_FILE, F_OK) < 0; i++) {
		if (i == LOOKS)
			return false;
		poll(NULL, 0, ALONE_MS);
	}
	return true;
}

int
boot_ask(const struct boot *b)
{
	const bool told = is_told();
	char file[256] = "";
	int fd;

	if (b->status)
		return status_show();
	/* To others it means something else. */
	if (!told)
		diex("cannot use", "--reexec", "process 1 has no "
		    STATUS_FILE, "is pith the init of this machine?");
	/* It would complain on the console alone. */
	fd = open("/proc/1/cmdline", O_RDONLY | O_CLOEXEC);
	if (read(fd, file, sizeof(file) - 1) > 0 && chdir("/") == 0 &&
	    !status_answers_as_pith(file))
		return 125;
	if (kill(1, SIGNAL_REEXEC) < 0)
		die("cannot signal", "process 1");
	return 0;
}

char **
boot_switch(const struct boot *b, char **command)
{
	if (getpid() != 1)
		diex("cannot use", "--switch-root", "not process 1",
		    "exec it from the init of an initramfs");
	command = root_command(command);
	return root_switch(b->switch_root, command[0]) ? command : NULL;
}

/* ---- the beginning ------------------------------------------------------ */

static void
add(int action, const char *tty, const char *command, char **words)
{
	const struct entry e = { .tty = tty, .command = command,
	    .words = words, .action = action };

	inittab_add(table, &e);
}

static void
add_shell(void)
{
	add(ASKFIRST, "", "-/bin/sh", NULL);
}

/* The init before us has left to us what runs. */
static void
take_over(int64_t now)
{
	const char *is = getenv("PITH_BOOT_STATE");
	uint64_t fd;

	variables_unset(STATE);
	if (!is || !text_number(&is, INT32_MAX, &fd) ||
	    !status_read(fd, table, now))
		return;
	close(fd);
	phase = RUNS;
}

static void
greet(void)
{
	static char level[64];
	struct strbuf l = STRBUF(level);

	variables_begin();
	if (!runlevel)
		return;
	strbuf_add(&l, "RUNLEVEL=");
	strbuf_add(&l, runlevel);
	variables_set(level);
}

/* Whether a line of sysinit mounts something there, which would fail and say so
 * where it is mounted. */
static bool
is_of_lines(const char *at)
{
	for (int i = 0; i < table->count; i++)
		if (table->entries[i].action == SYSINIT &&
		    inittab_mounts(table->entries[i].command, at))
			return true;
	return false;
}

void
boot_begin(const struct boot *b, char **command, int64_t stop, int64_t grace,
    int64_t now)
{
	if (!arguments)                 /* or boot_is_init() would know them */
		diex("cannot use", "--boot", "not process 1", NULL);
	opt = b;
	next_init = root_command(command);
	app = b->switch_root ? NULL : command;
	stop_ms = stop < 0 ? STOP_MS : stop;
	grace_ms = grace < 0 ? GRACE_MS : grace;
	machine = early_first_namespace();
	if (b->watchdog)
		watchdog_use(b->watchdog);
	greet();
	find_rescue();
	variables_unset(RESCUE);
	early_begin();
	console_open(machine);
	setsid();
	(void)!chdir("/");
	watchdog_open();
	feed_due = 0;
	/* Machines without the file boot by the lines that are built in. */
	if (!inittab_read(table, app || single || rescued > 1 ? NULL :
	    INITTAB) && errno != ENOENT)
		warn("cannot read", INITTAB);
	if (single)
		add(RESPAWN, "", "-/bin/sh", NULL);
	else if (rescued > 1)
		add_shell();
	else if (app && b->on_exit == ON_EXIT_RESPAWN)
		add(RESPAWN, "", app[0], app);
	else if (app)
		add(ONCE, "", app[0], app);
	early_mount(is_of_lines);
	take_over(now);
}

/* ---- what is to be started ---------------------------------------------- */

static bool
is_service(const struct entry *e)
{
	return e->action == RESPAWN || e->action == ASKFIRST;
}

static bool
is_idle(const struct entry *e)
{
	return is_service(e) && e->pid == 0;
}

/* The next line of a queue, or NULL: none is left, or one is waited for. */
static struct entry *
from_queue(struct queue *q, int64_t now)
{
	if (q->pid != 0 || q->due > now)
		return NULL;
	while (q->next < table->count &&
	    table->entries[q->next].action != q->action)
		q->next++;
	return q->next < table->count ? &table->entries[q->next] : NULL;
}

static bool
is_done(const struct queue *q)
{
	return q->pid == 0 && q->next >= table->count;
}

static void
begin_queue(struct queue *q, int action)
{
	*q = (struct queue){ action, 0, 0, 0 };
}

/* Behind another root there is another init. */
static void
leave_initramfs(void)
{
	if (root_switch(opt->switch_root, next_init[0]))
		become = next_init;
}

static void
next_phase(int64_t now)
{
	switch (phase) {
	case IN_SYSINIT:
		early_complete(machine);
		watchdog_open();
		feed_due = now;
		publish_after = now + ALONE_MS;
		phase = IN_WAIT;
		begin_queue(&lines, WAIT);
		break;
	case IN_WAIT:
		if (opt->switch_root)
			leave_initramfs();
		phase = IN_ONCE;
		begin_queue(&lines, ONCE);
		break;
	case IN_ONCE:
		phase = RUNS;
		if (!watchdog_open())
			warn("cannot open", opt->watchdog);
		feed_due = now;
		break;
	case IN_SHUTDOWN:
		kill(-1, SIGTERM);
		kill(-1, SIGCONT);
		phase = TERM_SENT;
		due_now = true;
		phase_due = now + grace_ms;
		break;
	case TERM_SENT:
		kill(-1, SIGKILL);
		phase = KILLED;
		due_now = true;
		phase_due = now + UNKILLABLE_MS;
		break;
	case RUNS:
	case KILLED:
	case OVER:
		phase = OVER;
	}
}

/* What can still be started on its own, or runs. Where there is nothing of that
 * kind somebody has to be let in. */
static bool
can_continue(void)
{
	for (int i = 0; i < table->count; i++) {
		const struct entry *e = &table->entries[i];
		const bool fails = e->ended && WIFEXITED(e->wait_status) &&
		    WEXITSTATUS(e->wait_status) >= 126 &&
		    e->short_lives >= MANY_SHORT_LIVES;

		if (e->pid > 0 || (is_service(e) && !fails))
			return true;
	}
	return false;
}

static struct entry *
service_due(int64_t now)
{
	if (paused)
		return NULL;
	for (int i = 0; i < table->count; i++)
		if (is_idle(&table->entries[i]) && table->entries[i].due <= now)
			return &table->entries[i];
	return NULL;
}

/* All that is to run but not to be waited for has been started. */
static struct entry *
what_now(int64_t now)
{
	struct entry *e = phase < TERM_SENT ? from_queue(&keys, now) : NULL;

	while (!e && !become && phase != RUNS && phase <= IN_SHUTDOWN) {
		e = from_queue(&lines, now);
		if (e || !is_done(&lines))
			return e;
		next_phase(now);
	}
	if (!e && phase == RUNS) {
		e = service_due(now);
		if (!e && !can_continue()) {
			add_shell();
			e = service_due(now);
		}
	}
	return e;
}

bool
boot_next(struct boot_start *s, int64_t now)
{
	struct entry *e = what_now(now);

	if (!e)
		return false;
	s->entry = e;
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
	const struct entry *e = with;
	const char *what = console_enter(e, on);

	if (!what && e->action == ASKFIRST)
		console_ask();
	/* Each time, where there are no such terminals, would be too much. */
	return what && e->ended ? "" : what;
}

/* ---- what became of it -------------------------------------------------- */

/* When it is to run again: at once, where it has lived; else twice as late each
 * time. */
static void
schedule_restart(struct entry *e, int64_t now)
{
	int64_t delay = FIRST_DELAY_MS;

	if (now - e->started >= SHORT_LIFE_MS)
		e->short_lives = 0;
	else if (e->short_lives < UINT8_MAX)
		e->short_lives++;
	for (int i = 2; i < e->short_lives && delay < MOST_DELAY_MS; i++)
		delay *= 2;
	if (delay > MOST_DELAY_MS)
		delay = MOST_DELAY_MS;
	/* The first time the time that it lived counts. */
	e->due = e->short_lives < 2 ? e->started + delay : now + delay;
	if (e->short_lives == MANY_SHORT_LIVES)
		warnx("ends again and again", e->command, NULL,
		    "it is started more and more seldom");
}

static struct queue *
queue_of(const struct entry *e)
{
	return is_service(e) || e->action == ONCE ? NULL :
	    e->action == CTRLALTDEL ? &keys : &lines;
}

static void
end(enum verb v, int64_t now)
{
	if (phase >= IN_SHUTDOWN)
		return;
	verb = v;
	say(shutdown_name(v));
	phase = IN_SHUTDOWN;
	phase_due = now + stop_ms;
	begin_queue(&lines, SHUTDOWN);
}

/* The program of an appliance has ended for good. */
static void
end_app(int64_t now)
{
	static const unsigned char verbs[] = {
		[ON_EXIT_REBOOT] = REBOOT, [ON_EXIT_POWEROFF] = POWEROFF,
		[ON_EXIT_HALT] = HALT,
	};

	if (opt->on_exit == ON_EXIT_SHELL)
		return;                         /* nothing is left to run */
	end(opt->on_exit ? verbs[opt->on_exit] : machine ? REBOOT : EXIT, now);
}

static void
ended(struct entry *e, int wait_status, int64_t now)
{
	e->pid = 0;
	e->ended = true;
	e->wait_status = wait_status;
	changed = true;
	if (is_service(e)) {
		e->restarts++;
		schedule_restart(e, now);
	} else if (e->words) {
		exit_status = wait_status;
		end_app(now);
	}
}

void
boot_started(const struct boot_start *s, pid_t pid, int64_t now)
{
	struct entry *e = s->entry;
	struct queue *q = queue_of(e);

	changed = true;
	e->started = now;
	e->pid = pid;
	if (pid == 0) {
		/* No process to be had. A line of a queue comes again. */
		e->due = now + RETRY_MS;
		if (q || e->action == ONCE)
			(q ? q : &lines)->due = e->due;
		return;
	}
	if (q)
		q->pid = pid;
	if (q || e->action == ONCE)
		(q ? q : &lines)->next++;
}

void
boot_died(pid_t pid, int wait_status, int64_t now)
{
	if (WIFSTOPPED(wait_status) || WIFCONTINUED(wait_status))
		return;
	if (lines.pid == pid)
		lines.pid = 0;
	if (keys.pid == pid)
		keys.pid = 0;
	for (int i = 0; i < table->count; i++)
		if (table->entries[i].pid == pid)
			ended(&table->entries[i], wait_status, now);
}

/* ---- signals ------------------------------------------------------------ */

/* Lines that are gone leave their processes with SIGTERM; those that stay keep
 * theirs, and are tried at once. If the file is missing or unreadable, keep
 * everything: a missing file is more likely a mistake than a wish to end every
 * service. */
static void
read_again(void)
{
	const struct inittab *before = table;
	struct inittab *now = table == tables ? tables + 1 : tables;
	const int next_key = keys.next;

	reread = false;
	if (app || single)
		return;
	if (!inittab_read(now, INITTAB)) {
		warn("cannot read", INITTAB);
		return;
	}
	keys.next = INT_MAX;
	table = now;
	for (int i = 0; i < before->count; i++) {
		const struct entry *old = &before->entries[i];
		struct entry *e = inittab_find(table, old);

		if (e) {
			const struct entry line = *e;

			*e = *old;
			e->tty = line.tty;
			e->command = line.command;
			e->action = line.action;
			e->critical = line.critical;
			e->short_lives = 0;
			e->due = 0;
			/* The first of those that are still to run. */
			if (i >= next_key && old->action == CTRLALTDEL &&
			    keys.next == INT_MAX)
				keys.next = e - table->entries;
		} else if (old->pid > 0 && is_service(old)) {
			kill(old->pid, SIGTERM);
		}
	}
	changed = true;
}

static const struct entry *
restart_line(void)
{
	for (int i = 0; i < table->count; i++)
		if (table->entries[i].action == RESTART)
			return &table->entries[i];
	return NULL;
}

void
boot_signal(const siginfo_t *info, int64_t now)
{
	static const struct { unsigned char sig, verb; } ends[] = {
		{ SIGUSR1, HALT }, { SIGUSR2, POWEROFF }, { SIGTERM, REBOOT },
		{ SIGPWR, POWEROFF }, { 37, HALT }, { 38, POWEROFF },
		{ 39, REBOOT },
	};
	const int sig = info->si_signo;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends[i].sig == sig)
			end(ends[i].verb, now);
	if (sig == SIGQUIT && restart_line())
		end(RESTART_INIT, now);
	else if (sig == SIGINT && is_done(&keys))
		begin_queue(&keys, CTRLALTDEL);
	else if (sig == SIGHUP)
		reread = true;
	else if (sig == SIGTSTP)
		paused = true;
	else if (sig == SIGCONT)
		paused = false;
	else if (sig == SIGNAL_REEXEC)
		renews = true;
}

/* ---- times -------------------------------------------------------------- */

/* The machine is as it should be: else its watchdog is to bite. */
static bool
is_well(void)
{
	for (int i = 0; i < table->count; i++) {
		const struct entry *e = &table->entries[i];

		if (e->critical && is_service(e) &&
		    e->short_lives >= MANY_SHORT_LIVES)
			return false;
	}
	return true;
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
next_due(int64_t now)
{
	int64_t due = due_now ? now : sooner(phase_due, feed_due);

	due_now = false;
	if (phase < TERM_SENT && lines.pid == 0 && lines.due > now)
		due = sooner(due, lines.due);
	if (phase < TERM_SENT && keys.pid == 0 && keys.due > now)
		due = sooner(due, keys.due);
	if (phase == RUNS && !paused)
		for (int i = 0; i < table->count; i++)
			if (is_idle(&table->entries[i]))
				due = sooner(due, table->entries[i].due);
	return due;
}

void
boot_turn(bool nobody_left, int64_t now)
{
	if (feed_due <= now)
		feed_due = watchdog_feed(now, phase != RUNS || is_well());
	if (reread && phase == RUNS)
		read_again();
	if ((phase == TERM_SENT || phase == KILLED) && nobody_left)
		phase = OVER;
	else if (phase_due <= now) {
		phase_due = BOOT_NEVER;
		if (phase == IN_SHUTDOWN)
			lines.pid = 0;          /* it has had its time */
		next_phase(now);
	}
}

int64_t
boot_deadline(int64_t now)
{
	if (!changed || phase < IN_WAIT)
		return next_due(now);
	/* What has just been started goes first: it may have to share the one
	 * processor with us. */
	if (now < publish_after)
		return sooner(next_due(now), publish_after);
	changed = false;
	status_publish(table);
	return next_due(now);
}

bool
boot_idle(void)
{
	return phase == RUNS && !changed;
}

/* ---- another in our place ----------------------------------------------- */

/* What runs, for the next init, in a file without a name that an exec leaves
 * open. */
static bool
write_state(void)
{
	static char variable[40];
	struct strbuf l = STRBUF(variable);

	state = memfd_create("pith-boot", 0);
	if (state < 0)
		return false;
	status_write(state, table);
	strbuf_add(&l, STATE);
	strbuf_number(&l, state);
	variables_set(variable);
	if (getenv("PITH_BOOT_STATE"))
		return true;
	close(state);
	state = -1;
	errno = E2BIG;
	return false;
}

char **
boot_next_exec(bool *renewed)
{
	*renewed = false;
	if (become)
		return become;
	if (!renews || phase != RUNS)
		return NULL;
	renews = false;
	if (!status_answers_as_pith(arguments[0]))
		return NULL;
	if (!write_state()) {
		warn("cannot keep", "what runs");
		return NULL;
	}
	*renewed = true;
	return arguments;
}

void
boot_exec_failed(void)
{
	become = NULL;
	due_now = true;
	if (phase == OVER)
		verb = REBOOT;          /* instead of the line "restart" */
	if (state < 0)
		return;
	close(state);
	state = -1;
	variables_unset(STATE);
}

/* ---- the end ------------------------------------------------------------ */

bool
boot_over(void)
{
	return phase == OVER;
}

bool
boot_end(struct program *again, int *wait_status)
{
	const struct entry *restart =
	    verb == RESTART_INIT ? restart_line() : NULL;
	const char *on;

	if (verb == RESTART_INIT && (!restart || console_enter(restart, &on)))
		verb = REBOOT;
	if (verb == RESTART_INIT) {
		sync();
		if (machine)
			reboot(RB_ENABLE_CAD);
		inittab_words(again, restart->command);
		return true;
	}
	*wait_status = exit_status;
	if (!machine && verb != EXIT)
		shutdown_namespace(verb);
	if (!machine)
		return false;
	shutdown_machine(verb);
	warn("cannot end", "the machine");
	for (;;) {
		watchdog_feed(0, true);
		poll(NULL, 0, LOOK_MS);
	}
}
