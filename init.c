#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "architecture.h"
#include "boot/boot.h"
#include "boot/reexec.h"
#include "boot/rescue.h"
#include "boot/run.h"
#include "cli/dropin.h"
#include "cli/log.h"
#include "cli/memory.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/startup.h"
#include "exec_error.h"
#include "fds.h"
#include "sandbox/cgroup.h"
#include "sandbox/doctor.h"
#include "sandbox/inside.h"
#include "sandbox/launch.h"
#include "sandbox/monitor.h"
#include "sandbox/sealed.h"
#include "supervise.h"

extern char **environ;

/* Role of a plain command: all defaults. */
static const struct role command_role;

/* ---- steps that the uses share ------------------------------------------ */

/* RELRO: make relocated data read-only. A dynamic linker would do it; the start
 * code of musl's static PIE does not. elf(5), mprotect(2) */
static void
protect_relocations(void)
{
	const uintptr_t base = (uintptr_t)&__ehdr_start;
	const uintptr_t bias = __ehdr_start.e_type == ET_DYN ? base : 0;
	const uintptr_t page = getpagesize();
	const ElfW(Phdr) *p = (const void *)(base + __ehdr_start.e_phoff);

	for (int i = 0; i < __ehdr_start.e_phnum; i++) {
		const uintptr_t start = (bias + p[i].p_vaddr) & -page;
		/* Round down: the rest of the last page is writable data. */
		const uintptr_t end = (bias + p[i].p_vaddr + p[i].p_memsz) &
		    -page;

		if (p[i].p_type == PT_GNU_RELRO && end > start &&
		    mprotect((void *)start, end - start, PROT_READ) < 0)
			die("cannot protect", "relocations");
	}
}

/* Apply --parent-death-signal. The parent may have exited before prctl(2). */
static void
set_parent_death_signal(int sig, pid_t parent)
{
	if (sig == 0)
		return;
	if (prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0) < 0)
		die("cannot set", "--parent-death-signal");
	if (getppid() != parent)
		kill(getpid(), sig);
}

/* Prepare to signal descendants and to hand over the terminal. */
static void
prepare_child(struct supervisor *s, const struct options *opt, bool own_session)
{
	const struct supervision *run = &opt->run;
	const int keepers = FDS_OUTSIDE | FDS_INIT;

	if (run->all && !s->rest.namespace && !reaper_owns_namespace())
		diex("cannot use", "--all", "not process 1 of a PID "
		    "namespace of its own, with a /proc", NULL);
	if ((run->grace >= 0 || run->wait) && !s->rest.namespace)
		reaper_prepare(&s->rest);
	s->child.own_session = own_session;
	s->child.own_group = run->group || (!own_session &&
	    getsid(0) == getpid());
	if (s->child.own_group && !own_session && !run->pause)
		child_find_terminal(&s->child);
	fds_keep(&s->child.terminal, 1, keepers);
	fds_keep(&s->rest.proc, 1, keepers);
}

/* Start the clock of --timeout. */
static void
start_timeout(struct supervisor *s)
{
	s->begun = signals_clock();
	if (s->opt->timeout >= 0)
		supervise_arm(s, TIMEOUT, s->opt->timeout);
}

/* Start the command, except with --pause. Returns 0, or after an error message
 * the exit code of a command that could not be executed; dies if a step before
 * the exec failed. */
static int
start_command(struct supervisor *s, const struct options *opt,
    const struct inherited *inherited, const struct pre_exec *pre_exec)
{
	struct exec_error why;
	int code;

	if (opt->run.pause)
		return 0;
	if (child_start(&s->child, opt->command, inherited, pre_exec, &why)) {
		supervise_log(s, 1, "started process ", 0, s->child.pid);
		return 0;
	}
	if (why.error == 0)
		die("cannot start", opt->command[0]);
	child_take_terminal(&s->child);
	if (why.what) {
		errno = why.error;
		die(why.what, why.on);
	}
	code = exec_explain(opt->command[0], &why);
	return opt->exec_code ? opt->exec_code : code;
}

/* Leave the working directory, so that it can be unmounted. Close descriptors
 * of the start, so that pipes reach end-of-file. Standard error stays open. */
static void
release_startup_state(bool is_inside)
{
	if (chdir("/") < 0)
		warn("cannot change to", "/");
	if (is_inside)
		sandbox_close_files(false);
	else
		fds_close_others(FDS_OUTSIDE, STDERR_FILENO + 1);
}

/* Close standard input and output as well, except the descriptor kept. As
 * process 1 of a container, and in the place of another init, keep both: cron
 * jobs, hooks and probes write to /proc/1/fd/1. */
static void
release_standard_files(const struct options *opt, int kept)
{
	if (getpid() == 1 || opt->is_dropin)
		fds_release(STDOUT_FILENO);
	else
		fds_close_input_and_output(kept);
}

/* Complete the verdict from the state of the loop, and write the report. An
 * exit_code of UNKNOWN is replaced by that of the command. */
static void
write_verdict(const struct supervisor *s, const struct options *opt,
    struct verdict *v)
{
	const bool signaled = WIFSIGNALED(s->wait_status);

	if (s->timed_out) {
		v->reason = "timeout";
		v->exit_code = EXIT_TIMEOUT;
	}
	if (!v->reason)
		v->reason = signaled ? "signaled" : "exited";
	if (v->exit_code == UNKNOWN)
		v->exit_code =
		    opt->exit_codes[status_exit_code(s->wait_status)];
	v->signal = signaled ? WTERMSIG(s->wait_status) : UNKNOWN;
	v->wall_ms = s->ended - s->begun;
	report_write(v);
}

/* Print the line of -v and return the exit code. If a signal killed the
 * command, die of it: a shell loop then stops on ^C. */
static int
finish(const struct supervisor *s, const struct options *opt,
    const struct verdict *v)
{
	if (opt->run.verbosity > 0)
		report_say(v, opt->command ? opt->command[0] : "pause");
	if (v->signal != UNKNOWN && opt->dies_of_signal && getpid() != 1 &&
	    v->exit_code == status_exit_code(s->wait_status))
		signal_die(v->signal);
	return v->exit_code;
}

/* ---- a command ---------------------------------------------------------- */

/* Run a command as the init of a container, or below another process. */
static int
run_command(const struct options *opt, const struct inherited *inherited)
{
	struct supervisor s;
	struct verdict v = NO_VERDICT;
	struct rusage usage;
	int code;

	supervise_init(&s, &command_role, &opt->run);
	prepare_child(&s, opt, false);
	start_timeout(&s);
	code = start_command(&s, opt, inherited, NULL);
	if (code > 0) {
		report_failure("exec-error", code);
		return code;
	}
	release_startup_state(false);
	release_standard_files(opt, -1);
	supervise(&s);
	getrusage(RUSAGE_CHILDREN, &usage);
	v.usage = &usage;
	v.orphans_reaped = s.orphans;
	v.stragglers_killed = s.killed;
	write_verdict(&s, opt, &v);
	return finish(&s, opt, &v);
}

/* ---- a sandbox ---------------------------------------------------------- */

/* Execute a sealed copy of pith if the command could change our program file,
 * with the same arguments, --args-fd files and PITH_OPTIONS. */
static void
seal_program(const struct options *opt, char **argv)
{
	const struct args_file *file;
	char **e = environ;

	if (!sealed_needed(&opt->sandbox) || sealed_is_copy())
		return;
	for (int i = 0; (file = options_args(opt, i)); i++)
		sealed_provide(file->fd, file->text, file->size);

	/* The parser took PITH_OPTIONS out, so there is room for it. */
	if (options_variable()) {
		while (*e)
			e++;
		e[0] = options_variable();
		e[1] = NULL;
	}
	sealed_become(argv);
}

/* Keep only the options that act in the launcher. Signals are rewritten and
 * delayed by init. */
static void
keep_launcher_options(struct options *opt)
{
	struct supervision *run = &opt->run;

	run->group = run->all = run->wait = run->pause = false;
	run->ends_group = false;
	run->grace = UNSET;
	if (sandbox_has_rootfs(&opt->sandbox))
		opt->dies_of_signal = false;
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		run->signals.rewrite[i] = i;
		run->signals.delay[i] = 0;
	}
}

/* Keep only the options that act in init. */
static void
keep_inside_options(struct options *opt)
{
	struct supervision *run = &opt->run;

	run->timeout = run->stop_timeout = opt->report_fd = UNSET;
	opt->report = NULL;
	for (int i = 0; i < 256; i++)
		opt->exit_codes[i] = i;
	/* Without a control group the launcher cannot freeze the sandbox: stop
	 * the command instead. */
	if (sandbox_has_rootfs(&opt->sandbox) && !cgroup_path())
		run->signals.rewrite[SIGTSTP] = SIGSTOP;
}

/* Hide the paths of the host from the command, which may read the arguments of
 * process 1. */
static void
wipe_arguments(char **argv)
{
	for (char **word = argv + 1; argv[0] && *word; word++)
		memset(*word, '\0', strlen(*word));
}

/* Supervise from outside, report, and remove the sandbox. */
static int
supervise_sandbox(struct supervisor *s, const struct options *opt)
{
	struct verdict v = NO_VERDICT;

	supervise(s);
	monitor_measure(s, &v);
	write_verdict(s, opt, &v);
	monitor_cleanup(s);
	return finish(s, opt, &v);
}

/* Watch over the init of a sandbox from outside. */
static int
run_launcher(struct options *opt, pid_t init)
{
	struct monitor monitor;
	struct supervisor s;

	monitor_init(&monitor, &opt->sandbox, true);
	supervise_init(&s, &launcher_role, &opt->run);
	keep_launcher_options(opt);
	s.state = &monitor;
	s.child.pid = init;
	start_timeout(&s);
	monitor_begin(&s);
	release_startup_state(false);
	/* With a terminal keep 0 and 1 for the relay, which starts after
	 * MSG_PTY. */
	if (!sandbox_has_terminal())
		fds_close_input_and_output(-1);
	return supervise_sandbox(&s, opt);
}

/* Run as the init inside a sandbox. */
static int
run_inside(struct options *opt, char **argv, const struct inherited *inherited)
{
	const struct sandbox *box = &opt->sandbox;
	const bool has_rootfs = sandbox_has_rootfs(box);
	struct supervisor s;
	const struct pre_exec pre_exec = { .call = sandbox_pre_exec,
	    .with = box };
	int code;

	supervise_init(&s, has_rootfs && cgroup_path() ? &frozen_inside_role :
	    &inside_role, &opt->run);
	report_disown();
	reaper_adopt();
	keep_inside_options(opt);
	/* The kernel follows links of a hostile root to /proc/self/fd when it
	 * looks for the command: nothing of the host may be open by then. */
	if (has_rootfs) {
		sandbox_close_files(true);
		signals_default();
	}
	s.rest.namespace = sandbox_has_pidns();
	prepare_child(&s, opt, sandbox_own_session(box));
	s.stop_whole_tree = s.child.own_session && sandbox_has_pidns();
	start_timeout(&s);
	sandbox_prepare_command(box);
	code = start_command(&s, opt, has_rootfs ? &signals_none : inherited,
	    &pre_exec);
	if (code > 0) {
		inside_report_exec_error(code);
		return code;
	}
	inside_report_start(&s);
	sandbox_drop_child_fds(box);
	if (has_rootfs)
		wipe_arguments(argv);
	release_startup_state(true);
	fds_close_input_and_output(-1);
	supervise(&s);
	inside_report_end(&s);
	return status_exit_code(s.wait_status);
}

/* Run a command that has options of a sandbox and needs no init of its own. */
static int
run_direct(const struct options *opt, const struct inherited *inherited)
{
	const struct sandbox *box = &opt->sandbox;
	struct monitor monitor;
	struct supervisor s;
	const struct pre_exec pre_exec = { .call = sandbox_pre_exec,
	    .with = box, .fork = sandbox_can_clone_into_cgroup() ?
	    sandbox_clone_into_cgroup : NULL };
	int code;

	monitor_init(&monitor, box, false);
	supervise_init(&s, &direct_role, &opt->run);
	s.state = &monitor;
	prepare_child(&s, opt, sandbox_own_session(box));
	start_timeout(&s);
	monitor_begin(&s);
	sandbox_prepare_command(box);
	code = start_command(&s, opt, inherited, &pre_exec);
	if (code > 0) {
		sandbox_cleanup();
		report_failure("exec-error", code);
		return code;
	}
	sandbox_started(0, s.child.pid);
	if (s.child.own_session)
		monitor.terminal_relay = sandbox_start_relay(-1, s.child.pid);
	sandbox_drop_child_fds(box);
	release_startup_state(false);
	release_standard_files(opt, sandbox_outer_terminal());
	return supervise_sandbox(&s, opt);
}

/* Run a command with options of a sandbox. If an init is needed, launcher and
 * init both continue here. */
static int
run_sandbox(struct options *opt, char **argv,
    const struct inherited *inherited)
{
	struct sandbox *box = &opt->sandbox;
	bool needs_init;
	pid_t init;

	box->measured = opt->report || opt->report_fd != UNSET ||
	    opt->run.verbosity > 0;
	needs_init = sandbox_check(box);
	sandbox_detach(box);
	if (!needs_init) {
		/* --detach has forked, and a child does not inherit the
		 * subreaper attribute, prctl(2). */
		reaper_adopt();
		sandbox_without_init(box);
		return run_direct(opt, inherited);
	}
	log_set_suppress(monitor_init_reported_error);
	init = sandbox_start_init(box);
	log_set_suppress(NULL);
	return init > 0 ? run_launcher(opt, init) :
	    run_inside(opt, argv, inherited);
}

/* ---- a device ----------------------------------------------------------- */

/* Return true if pith was called as the init of a device; *words is then what
 * to parse. From here on a fatal error executes pith again (boot_rescue): the
 * kernel panics if process 1 exits. */
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

/* Boot a device by /etc/inittab, or for one program. */
static int
run_device(const struct options *opt)
{
	/* Too large for the stack, whose pages stay dirty, and for the data of
	 * the other uses. */
	struct state {
		struct device device;
		struct program again;
	} *state;
	struct memory memory = { NULL, 0 };
	struct supervisor s;

	memory_reserve(&memory, sizeof(*state));
	state = memory.block;
	supervise_init(&s, &device_role, &opt->run);
	s.state = &state->device;
	signals_default();              /* children inherit what is ignored */
	fds_release(STDERR_FILENO);
	boot_begin(&state->device, &opt->boot, opt->command,
	    opt->run.stop_timeout, opt->run.grace, signals_clock());
	supervise(&s);
	while (boot_end(&state->device, &state->again, &s.wait_status)) {
		device_exec(state->again.file, state->again.argv);
		boot_exec_failed(&state->device);
	}
	return status_exit_code(s.wait_status);
}

/* Leave an initramfs whose init is a script; this is its last command. */
static _Noreturn void
switch_root(const struct options *opt)
{
	char **command = boot_switch(&opt->boot, opt->command);

	if (command)
		device_exec(NULL, command);
	boot_rescue();
	_exit(command ? 126 : 125);
}

/* ---- main --------------------------------------------------------------- */

int
main(int argc, char **argv)
{
	const pid_t parent = getppid();
	struct inherited inherited;
	struct options opt;
	char **words = argv;
	bool boots;

	/* Hold signals first: process 1 loses those that it does not handle. */
	signals_hold(&inherited);
	/* Detect a device boot before anything can fail. */
	boots = detect_device_boot(argv, &words);
	/* Occupy descriptors 0 to 2 before anything is opened. */
	fds_occupy();
	protect_relocations();
	/* Write errors of the options to the report, once --report is read. */
	report_early(&opt.report, &opt.report_fd);
	options_parse(&opt, dropin_find(argc > 0 ? argv[0] : ""), words, boots);

	/* Answer questions about this machine. */
	if (opt.doctor) {
		startup_end_by_signal(true, "the output");
		return doctor_run(opt.doctor == 2);
	}
	if (opt.boot.status || opt.boot.reexec)
		return boot_ask(&opt.boot);

	if (opt.boot.requested)
		return run_device(&opt);
	if (opt.boot.switch_root)
		switch_root(&opt);

	/* Protect our program file before the command can reach it. */
	seal_program(&opt, argv);
	report_open(opt.report, opt.report_fd);
	set_parent_death_signal(opt.parent_death_signal, parent);
	reaper_adopt();
	return opt.sandbox.requested ? run_sandbox(&opt, argv, &inherited) :
	    run_command(&opt, &inherited);
}
