#include <errno.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/options.h"
#include "../exec_error.h"
#include "run.h"
#include "variables.h"

extern char **environ;

/* Start a line of the inittab. Its child prints the error of a failed exec. */
static void
start_line(struct device *d, const struct boot_start *line)
{
	const struct pre_exec pre_exec = { .call = boot_child,
	    .with = line, .fork = line->asks ? _Fork : NULL,
	    .file = line->program.file, .no_status_pipe = true };
	struct child c = { .own_session = true, .terminal = -1 };
	struct exec_error why;

	if (!child_start(
		&c, line->program.argv, &signals_none, &pre_exec, &why)) {
		warn("cannot start", line->program.file);
		c.pid = 0;
	}
	boot_started(d, line, c.pid, signals_clock());
}

void
device_exec(const char *file, char **command)
{
	/* exec_command() may leave command[0] invalid. */
	const char *name = file ? file : command[0];
	const struct exec_error failed = exec_command(file, command,
	    &signals_none);
	struct inherited restored;

	signals_hold(&restored);
	exec_explain(name, &failed);
}

/* Execute ourselves again. All signals stay held, so that the new init sees
 * those that arrive meanwhile. */
static void
exec_again(char **command)
{
	struct exec_error failed;

	if (options_variable())
		variables_set(options_variable());
	execve(command[0], command, environ);
	failed = (struct exec_error){ .error = errno };
	exec_explain(command[0], &failed);
	if (options_variable())
		variables_unset(options_variable());
}

static bool
device_signal(struct supervisor *s, const siginfo_t *info)
{
	boot_signal(s->state, info, signals_clock());
	return true;
}

static bool
device_exit(struct supervisor *s, pid_t pid, int wait_status)
{
	boot_died(s->state, pid, wait_status, signals_clock());
	return true;
}

/* Start what is due, or another init. */
static int64_t
device_step(struct supervisor *s)
{
	struct device *d = s->state;
	struct boot_start line;
	char **next;
	bool renewed;

	boot_turn(d, s->no_children, signals_clock());
	while (boot_next(d, &line, signals_clock()))
		start_line(d, &line);
	next = boot_next_exec(d, &renewed);
	if (next) {
		if (renewed)
			exec_again(next);
		else
			device_exec(NULL, next);
		boot_exec_failed(d);
	}
	if (boot_over(d))
		s->stage = DONE;
	return boot_deadline(d, signals_clock());
}

const struct role device_role = {
	.on_signal = device_signal,
	.on_child_change = device_exit,
	.step = device_step,
};
