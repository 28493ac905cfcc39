#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/system.h"
#include "../cli/values.h"
#include "reexec.h"
#include "status.h"
#include "variables.h"

#define STATE "PITH_BOOT_STATE="

enum {
	STATUS_POLLS = 10,              /* waits for the status */
	STATUS_POLL_MS = 20
};

/* Wait until the running init has published its status. The first lines of the
 * inittab may ask for the status before that: see publish_after. Returns false
 * if there is none. */
static bool
await_status(void)
{
	for (int i = 0; access(STATUS_FILE, F_OK) < 0; i++) {
		if (i == STATUS_POLLS)
			return false;
		poll(NULL, 0, STATUS_POLL_MS);
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

void
reexec_discard(struct device *d)
{
	if (d->state_fd < 0)
		return;
	close(d->state_fd);
	d->state_fd = -1;
	variables_unset(STATE);
}

bool
reexec_save(struct device *d)
{
	struct strbuf variable = STRBUF(d->state_variable);

	d->state_fd = memfd_create("pith-boot", 0);
	if (d->state_fd < 0)
		return false;
	status_write(d->state_fd, d->table);
	strbuf_add(&variable, STATE);
	strbuf_number(&variable, d->state_fd);
	if (variables_set(d->state_variable))
		return true;
	reexec_discard(d);
	errno = E2BIG;
	return false;
}

bool
reexec_restore(struct device *d, int64_t now)
{
	const char *number = getenv("PITH_BOOT_STATE");
	const int fd = number ? value_number(number, INT32_MAX) : -1;

	variables_unset(STATE);
	if (fd < 0 || !status_read(fd, d->table, now))
		return false;
	close(fd);
	return true;
}
