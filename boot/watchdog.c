#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "boot.h"
#include "watchdog.h"

enum { REBOOT_SECONDS = 60 };

/* Set the timeout, and use the one that the device reports: it may round the
 * value or support only its own. */
static void
set_timeout(struct watchdog *w, int wanted)
{
	int n = wanted;

	if (ioctl(w->fd, WDIOC_SETTIMEOUT, &n) == 0 ||
	    ioctl(w->fd, WDIOC_GETTIMEOUT, &n) == 0)
		n = n > 0 ? n : wanted;
	w->seconds = n;
}

bool
watchdog_open(struct watchdog *w)
{
	if (!w->opt->text || w->fd >= 0)
		return true;
	w->fd = open(w->opt->device, O_WRONLY | O_CLOEXEC);
	if (w->fd < 0)
		return false;
	set_timeout(w, w->opt->seconds);
	return true;
}

int64_t
watchdog_feed(const struct watchdog *w, int64_t now, bool well)
{
	if (w->fd < 0)
		return BOOT_NEVER;
	if (well)
		(void)!write(w->fd, "", 1);
	return now + w->seconds * (int64_t)1000 / 2;
}

void
watchdog_leave(struct watchdog *w, bool armed)
{
	if (w->fd < 0)
		return;
	if (armed) {
		set_timeout(w, REBOOT_SECONDS);
		watchdog_feed(w, 0, true);
	} else {
		/* Magic close: "V" before close(2) stops the timer. */
		(void)!write(w->fd, "V", 1);
		close(w->fd);
		w->fd = -1;
	}
}
