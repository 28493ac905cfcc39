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
#include "../cli/system.h"
#include "../cli/values.h"
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

/* Shutdown signals of systemd(1): SIGRTMIN+3 to SIGRTMIN+5 of glibc, whose
 * SIGRTMIN is 34. That of musl is 35. */
enum { SIGNAL_HALT = 37, SIGNAL_POWEROFF = 38, SIGNAL_REBOOT = 39 };

enum {
	FIRST_DELAY_MS = 1000,          /* between two starts of one line */
	MAX_DELAY_MS = 60 * 1000,
	SHORT_LIFE_MS = 10 * 1000,
	MANY_SHORT_LIVES = 5,           /* in a row: the service is failing */
	RETRY_MS = 1000,                /* after fork(2) has failed */
	STOP_MS = 60 * 1000,            /* for all shutdown lines */
	GRACE_MS = 3000,                /* from SIGTERM to SIGKILL */
	UNKILLABLE_MS = 2000,           /* for processes that survive SIGKILL */
	PUBLISH_DELAY_MS = 20,          /* of the status after sysinit lines */
	STATUS_POLLS = 10,              /* waits of a client for that status */
	FEED_MS = 1000
};

/* Phases of a boot. The lines of one action run one after the other, those of
 * ONCE in parallel. In TERM_SENT and KILL_SENT all processes have been sent
 * that signal. */
enum phase {
	IN_SYSINIT, IN_WAIT, IN_ONCE, RUNNING, IN_SHUTDOWN, TERM_SENT,
	KILL_SENT, FINISHED
};

/* Sequence of the lines with one action. */
struct queue {
	int action;
	int next;               /* index of the next entry to examine */
	pid_t pid;              /* process that the queue waits for, or 0 */
	int64_t retry_at;       /* after a failed fork(2) */
};

static const struct boot *opt;
static char **arguments;                /* our argv, with kernel words */
static char **app;                      /* command of an appliance, or NULL */
static char **next_init;                /* command to run in another root */
static int64_t stop_ms, grace_ms;
static bool machine;                    /* we are in the first PID namespace */

static struct inittab tables[2];        /* SIGHUP compares old and new */
static struct inittab *table = tables;

static enum phase phase;
static struct queue lines = { SYSINIT, 0, 0, 0 };        /* of the phase */
static struct queue keys = { CTRLALTDEL, INT_MAX, 0, 0 };       /* idle */
static enum verb verb;                  /* final action of the shutdown */
static int app_status;                  /* wait status of the appliance */
static bool paused;                     /* by SIGTSTP, as busybox's init */
static bool changed = true;             /* the published status is outdated */
static int64_t publish_after;           /* do not publish the status before */
static bool due_now;                    /* run boot_turn() again at once */
static bool reread_requested;           /* SIGHUP: read the inittab again */
static bool reexec_requested;
static int state_fd = -1;               /* status for the reexecuted init */
static char **next_exec;                /* command to execute in our place */
static int64_t phase_deadline = BOOT_NEVER, feed_deadline = BOOT_NEVER;

/* ---- the arguments of init ---------------------------------------------- */

static bool
is_named_init(const char *name)
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
	return (requested || is_named_init(argv[0])) &&
	    ((container && strcmp(container, "lxc") == 0) ||
	    early_first_namespace());
}

/* True for the words of the kernel command line that request single-user mode.
 */
static bool
is_single(const char *word)
{
	static const char words[][8] = { "S", "s", "single", "1", "-s", "-b" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static char *single;                    /* word for single-user mode or NULL */
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

/* Number of reexecutions by boot_rescue(). The first one drops all options, the
 * second one starts only a shell. After that, boot_rescue() just waits. */
static int rescued;

static void
read_rescue_count(void)
{
	const char *count = getenv("PITH_BOOT_RESCUE");

	if (count)
		rescued = strcmp(count, "1") == 0 ? 1 : 2;
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
		read_rescue_count();
	if (rescued == 0)
		variables_set(RESCUE "1");
	else if (rescued == 1)
		variables_set(RESCUE "2");
	else
		for (;;)
			pause();
	early_mount(NULL);              /* /proc may not be mounted yet */
	execve("/proc/self/exe", argv, environ);
	execve(argv[0], argv, environ);         /* if mounting /proc failed */
	for (;;)
		pause();
}

/* Wait until the running init has published its status. The first lines of the
 * inittab may ask for the status before that: see publish_after. Returns false
 * if there is none. */
static bool
await_status(void)
{
	for (int i = 0; access(STATUS_FILE, F_OK) < 0; i++) {
		if (i == STATUS_POLLS)
			return false;
		poll(NULL, 0, PUBLISH_DELAY_MS);
	}
	return true;
}

int
boot_ask(const struct boot *b)
{
	const bool published = await_status();
	char file[256];

	if (b->status)
		return status_show();
	/* Another init may give SIGNAL_REEXEC another meaning. */
	if (!published)
		diex("cannot use", "--reexec", "process 1 has no "
		    STATUS_FILE, "check that pith is the init of this machine");
	/* Check the program file here too: init reports errors only on the
	 * console. */
	if (file_read_whole("/proc/1/cmdline", file, sizeof(file)) > 0 &&
	    chdir("/") == 0 && !status_answers_as_pith(file))
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

/* ---- set-up ------------------------------------------------------------- */

static void
add_entry(int action, const char *tty, const char *command, char **words)
{
	const struct entry e = { .tty = tty, .command = command,
	    .words = words, .action = action };

	inittab_add(table, &e);
}

static void
add_shell(void)
{
	add_entry(ASKFIRST, "", "-/bin/sh", NULL);
}

/* After --reexec, take over the processes of the init before us. */
static void
restore_state(int64_t now)
{
	const char *number = getenv("PITH_BOOT_STATE");
	uint64_t fd;

	variables_unset(STATE);
	if (!number || !text_number(&number, INT32_MAX, &fd) ||
	    !status_read(fd, table, now))
		return;
	close(fd);
	phase = RUNNING;
}

static void
set_boot_variables(void)
{
	static char text[64];
	struct strbuf variable = STRBUF(text);

	variables_begin();
	if (!runlevel)
		return;
	strbuf_add(&variable, "RUNLEVEL=");
	strbuf_add(&variable, runlevel);
	variables_set(text);
}

/* Return whether a sysinit line mounts a file system there. Its mount(8) would
 * fail with an error if we had mounted one before. */
static bool
is_mounted_by_inittab(const char *at)
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
	if (!arguments)                 /* boot_is_init() was not called */
		diex("cannot use", "--boot", "not process 1", NULL);
	opt = b;
	next_init = root_command(command);
	app = b->switch_root ? NULL : command;
	stop_ms = stop < 0 ? STOP_MS : stop;
	grace_ms = grace < 0 ? GRACE_MS : grace;
	machine = early_first_namespace();
	if (b->watchdog)
		watchdog_use(b->watchdog);
	set_boot_variables();
	read_rescue_count();
	variables_unset(RESCUE);
	early_begin();
	console_open(machine);
	setsid();
	(void)!chdir("/");
	watchdog_open();
	feed_deadline = 0;
	/* Without the file inittab_read() uses its built-in lines. */
	if (!inittab_read(table, app || single || rescued > 1 ? NULL :
	    INITTAB) && errno != ENOENT)
		warn("cannot read", INITTAB);
	if (single)
		add_entry(RESPAWN, "", "-/bin/sh", NULL);
	else if (rescued > 1)
		add_shell();
	else if (app && b->on_exit == ON_EXIT_RESPAWN)
		add_entry(RESPAWN, "", app[0], app);
	else if (app)
		add_entry(ONCE, "", app[0], app);
	early_mount(is_mounted_by_inittab);
	restore_state(now);
}

/* ---- the next program to start ------------------------------------------ */

static bool
is_service(const struct entry *e)
{
	return e->action == RESPAWN || e->action == ASKFIRST;
}

static bool
is_idle_service(const struct entry *e)
{
	return is_service(e) && e->pid == 0;
}

/* Return the next line of a queue; NULL if none is left or one still runs. */
static struct entry *
next_in_queue(struct queue *q, int64_t now)
{
	if (q->pid != 0 || q->retry_at > now)
		return NULL;
	while (q->next < table->count &&
	    table->entries[q->next].action != q->action)
		q->next++;
	return q->next < table->count ? &table->entries[q->next] : NULL;
}

static bool
queue_is_done(const struct queue *q)
{
	return q->pid == 0 && q->next >= table->count;
}

static void
start_queue(struct queue *q, int action)
{
	*q = (struct queue){ action, 0, 0, 0 };
}

static void
leave_initramfs(void)
{
	if (root_switch(opt->switch_root, next_init[0]))
		next_exec = next_init;
}

static void
next_phase(int64_t now)
{
	switch (phase) {
	case IN_SYSINIT:
		early_complete(machine);
		watchdog_open();
		feed_deadline = now;
		publish_after = now + PUBLISH_DELAY_MS;
		phase = IN_WAIT;
		start_queue(&lines, WAIT);
		break;
	case IN_WAIT:
		if (opt->switch_root)
			leave_initramfs();
		phase = IN_ONCE;
		start_queue(&lines, ONCE);
		break;
	case IN_ONCE:
		phase = RUNNING;
		if (!watchdog_open())
			warn("cannot open", opt->watchdog);
		feed_deadline = now;
		break;
	case IN_SHUTDOWN:
		kill(-1, SIGTERM);
		kill(-1, SIGCONT);
		phase = TERM_SENT;
		due_now = true;
		phase_deadline = now + grace_ms;
		break;
	case TERM_SENT:
		kill(-1, SIGKILL);
		phase = KILL_SENT;
		due_now = true;
		phase_deadline = now + UNKILLABLE_MS;
		break;
	case RUNNING:
	case KILL_SENT:
	case FINISHED:
		phase = FINISHED;
	}
}

/* Return whether an entry runs or can be restarted. Without one the machine
 * would be unreachable: the caller starts a shell. */
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
due_service(int64_t now)
{
	if (paused)
		return NULL;
	for (int i = 0; i < table->count; i++)
		if (is_idle_service(&table->entries[i]) &&
		    table->entries[i].next_start <= now)
			return &table->entries[i];
	return NULL;
}

/* Return the entry to start now, or NULL. Advances the phase once all lines of
 * the current one are done. */
static struct entry *
next_boot_entry(int64_t now)
{
	struct entry *e = phase < TERM_SENT ? next_in_queue(&keys, now) : NULL;

	while (!e && !next_exec && phase != RUNNING && phase <= IN_SHUTDOWN) {
		e = next_in_queue(&lines, now);
		if (e || !queue_is_done(&lines))
			return e;
		next_phase(now);
	}
	if (!e && phase == RUNNING) {
		e = due_service(now);
		if (!e && !can_continue()) {
			add_shell();
			e = due_service(now);
		}
	}
	return e;
}

bool
boot_next(struct boot_start *s, int64_t now)
{
	struct entry *e = next_boot_entry(now);

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
	const char *failed = console_enter(e, on);

	if (!failed && e->action == ASKFIRST)
		console_ask();
	/* A terminal that does not exist is reported once, not at every
	 * restart. */
	return failed && e->ended ? "" : failed;
}

/* ---- starts and exits --------------------------------------------------- */

/* Set the time of the next start. A service that ran long enough restarts at
 * once; the delay doubles with each short life in a row. */
static void
schedule_restart(struct entry *e, int64_t now)
{
	int64_t delay = FIRST_DELAY_MS;

	if (now - e->started >= SHORT_LIFE_MS)
		e->short_lives = 0;
	else if (e->short_lives < UINT8_MAX)
		e->short_lives++;
	for (int i = 2; i < e->short_lives && delay < MAX_DELAY_MS; i++)
		delay *= 2;
	if (delay > MAX_DELAY_MS)
		delay = MAX_DELAY_MS;
	/* The first delay is counted from the last start, later ones from the
	 * exit. */
	e->next_start = e->short_lives < 2 ? e->started + delay : now + delay;
	if (e->short_lives == MANY_SHORT_LIVES)
		warnx("cannot keep running", e->command,
		    "it ends again and again",
		    "pith restarts it less and less often");
}

static struct queue *
queue_of(const struct entry *e)
{
	return is_service(e) || e->action == ONCE ? NULL :
	    e->action == CTRLALTDEL ? &keys : &lines;
}

static void
begin_shutdown(enum verb v, int64_t now)
{
	if (phase >= IN_SHUTDOWN)
		return;
	verb = v;
	say(shutdown_name(v));
	phase = IN_SHUTDOWN;
	phase_deadline = now + stop_ms;
	start_queue(&lines, SHUTDOWN);
}

/* Begin the shutdown after the exit of an appliance's program. */
static void
shut_down_after_app(int64_t now)
{
	static const unsigned char verbs[] = {
		[ON_EXIT_REBOOT] = REBOOT, [ON_EXIT_POWEROFF] = POWEROFF,
		[ON_EXIT_HALT] = HALT,
	};

	if (opt->on_exit == ON_EXIT_SHELL)
		return;                 /* can_continue() adds the shell */
	begin_shutdown(opt->on_exit ? verbs[opt->on_exit] :
	    machine ? REBOOT : EXIT, now);
}

static void
entry_exited(struct entry *e, int wait_status, int64_t now)
{
	e->pid = 0;
	e->ended = true;
	e->wait_status = wait_status;
	changed = true;
	if (is_service(e)) {
		e->restarts++;
		schedule_restart(e, now);
	} else if (e->words) {
		app_status = wait_status;
		shut_down_after_app(now);
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
		/* fork(2) has failed: try the same line again. */
		e->next_start = now + RETRY_MS;
		if (q || e->action == ONCE)
			(q ? q : &lines)->retry_at = e->next_start;
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
			entry_exited(&table->entries[i], wait_status, now);
}

/* ---- signals ------------------------------------------------------------ */

/* Read the inittab again. Services of removed lines are sent SIGTERM. Other
 * lines keep their processes, and a pending restart happens at once. If the
 * file is missing or unreadable, keep everything: a missing file is more likely
 * a mistake than a wish to end every service. */
static void
reread_inittab(void)
{
	const struct inittab *old_table = table;
	struct inittab *new_table = table == tables ? tables + 1 : tables;
	const int next_key = keys.next;

	reread_requested = false;
	if (app || single)
		return;
	if (!inittab_read(new_table, INITTAB)) {
		warn("cannot read", INITTAB);
		return;
	}
	keys.next = INT_MAX;
	table = new_table;
	for (int i = 0; i < old_table->count; i++) {
		const struct entry *old = &old_table->entries[i];
		struct entry *e = inittab_find(table, old);

		if (e) {
			const struct entry line = *e;

			*e = *old;
			e->tty = line.tty;
			e->command = line.command;
			e->action = line.action;
			e->critical = line.critical;
			e->short_lives = 0;
			e->next_start = 0;
			/* Continue with the first line that has not run. */
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
			begin_shutdown(shutdowns[i].verb, now);
	if (sig == SIGQUIT && restart_line())
		begin_shutdown(RESTART_INIT, now);
	else if (sig == SIGINT && queue_is_done(&keys))
		start_queue(&keys, CTRLALTDEL);
	else if (sig == SIGHUP)
		reread_requested = true;
	else if (sig == SIGTSTP)
		paused = true;
	else if (sig == SIGCONT)
		paused = false;
	else if (sig == SIGNAL_REEXEC)
		reexec_requested = true;
}

/* ---- deadlines ---------------------------------------------------------- */

/* Return whether no critical service keeps failing. If one does, the watchdog
 * is not fed and resets the machine. */
static bool
is_healthy(void)
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
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
next_boot_deadline(int64_t now)
{
	int64_t deadline = due_now ? now :
	    earlier(phase_deadline, feed_deadline);

	due_now = false;
	if (phase < TERM_SENT && lines.pid == 0 && lines.retry_at > now)
		deadline = earlier(deadline, lines.retry_at);
	if (phase < TERM_SENT && keys.pid == 0 && keys.retry_at > now)
		deadline = earlier(deadline, keys.retry_at);
	if (phase == RUNNING && !paused)
		for (int i = 0; i < table->count; i++)
			if (is_idle_service(&table->entries[i]))
				deadline = earlier(deadline,
				    table->entries[i].next_start);
	return deadline;
}

void
boot_turn(bool nobody_left, int64_t now)
{
	if (feed_deadline <= now)
		feed_deadline = watchdog_feed(now,
		    phase != RUNNING || is_healthy());
	if (reread_requested && phase == RUNNING)
		reread_inittab();
	if ((phase == TERM_SENT || phase == KILL_SENT) && nobody_left)
		phase = FINISHED;
	else if (phase_deadline <= now) {
		phase_deadline = BOOT_NEVER;
		if (phase == IN_SHUTDOWN)
			lines.pid = 0;          /* its time is up */
		next_phase(now);
	}
}

int64_t
boot_deadline(int64_t now)
{
	if (!changed || phase < IN_WAIT)
		return next_boot_deadline(now);
	/* Let the programs just started run first: we may share one processor
	 * with them. */
	if (now < publish_after)
		return earlier(next_boot_deadline(now), publish_after);
	changed = false;
	status_publish(table);
	return next_boot_deadline(now);
}

bool
boot_idle(void)
{
	return phase == RUNNING && !changed;
}

/* ---- exec of another init ----------------------------------------------- */

/* Write the status of all entries to an unnamed file that stays open across the
 * exec, and pass its descriptor to the next init in a variable. */
static bool
save_state(void)
{
	static char text[40];
	struct strbuf variable = STRBUF(text);

	state_fd = memfd_create("pith-boot", 0);
	if (state_fd < 0)
		return false;
	status_write(state_fd, table);
	strbuf_add(&variable, STATE);
	strbuf_number(&variable, state_fd);
	variables_set(text);
	if (getenv("PITH_BOOT_STATE"))
		return true;
	close(state_fd);
	state_fd = -1;
	errno = E2BIG;
	return false;
}

char **
boot_next_exec(bool *renewed)
{
	*renewed = false;
	if (next_exec)
		return next_exec;
	if (!reexec_requested || phase != RUNNING)
		return NULL;
	reexec_requested = false;
	if (!status_answers_as_pith(arguments[0]))
		return NULL;
	if (!save_state()) {
		warn("cannot save", "the state of the services");
		return NULL;
	}
	*renewed = true;
	return arguments;
}

void
boot_exec_failed(void)
{
	next_exec = NULL;
	due_now = true;
	if (phase == FINISHED)
		verb = REBOOT;          /* the "restart" line has failed */
	if (state_fd < 0)
		return;
	close(state_fd);
	state_fd = -1;
	variables_unset(STATE);
}

/* ---- the end of the shutdown -------------------------------------------- */

bool
boot_over(void)
{
	return phase == FINISHED;
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
	*wait_status = app_status;
	if (!machine && verb != EXIT)
		shutdown_namespace(verb);
	if (!machine)
		return false;
	shutdown_machine(verb);
	warn("cannot shut down", "the machine");
	for (;;) {
		watchdog_feed(0, true);
		poll(NULL, 0, FEED_MS);
	}
}
