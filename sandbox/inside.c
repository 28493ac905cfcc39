#include <unistd.h>

#include "cgroup.h"
#include "channel.h"
#include "inside.h"
#include "launch.h"

/* End everything if the launcher is gone. Discard messages: the launcher sends
 * none after the setup. */
static bool
inside_signal(struct supervisor *s, const siginfo_t *info)
{
	struct message m;
	bool closed = false;

	(void)s;
	if (!channel_is_signal(info))
		return false;
	while (channel_read(&m, false, &closed))
		;
	if (closed) {
		cgroup_kill_others();
		_exit(128 + SIGKILL);
	}
	return true;
}

/* Ignore ^Z: init is of the launcher's process group, and the launcher freezes
 * the sandbox. */
static bool
frozen_inside_signal(struct supervisor *s, const siginfo_t *info)
{
	return inside_signal(s, info) ||
	    (info->si_signo == SIGTSTP && signal_of_terminal(info));
}

const struct role inside_role = { .on_signal = inside_signal };
const struct role frozen_inside_role = { .on_signal = frozen_inside_signal };

void
inside_report_start(const struct supervisor *s)
{
	const pid_t pid = s->child.pid > 0 ? s->child.pid : getpid();
	const bool has_pidns = sandbox_has_pidns();

	channel_send(&(struct message){ .kind = MSG_STARTED, .fd = -1,
	    .pid = has_pidns ? pid : 0, .common = has_pidns ? 0 : pid });
}

void
inside_report_exec_error(int code)
{
	channel_send(&(struct message){ .kind = MSG_ENDED, .fd = -1,
	    .code = code << 8, .text = "exec-error" });
}

/* SIGCHLD is read before the signal of the channel, so a send that fails is the
 * first sign that the launcher was killed. */
void
inside_report_end(const struct supervisor *s)
{
	if (!channel_send(&(struct message){ .kind = MSG_ENDED, .fd = -1,
	    .code = s->wait_status, .orphans = s->orphans,
	    .killed = s->killed }))
		cgroup_kill_others();
}
