#include <fcntl.h>
#include <linux/watchdog.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/values.h"
#include "boot.h"
#include "watchdog.h"

enum { DEFAULT_SECONDS = 30, REBOOT_SECONDS = 60 };

void
watchdog_use(struct watchdog *w, const char *name)
{
	const char *colon = strrchr(name, ':');
	const char *digits = colon ? colon + 1 : "";
	uint64_t n = DEFAULT_SECONDS;
	struct strbuf path = STRBUF(w->device);

	if (colon && (!text_number(&digits, 3600, &n) || *digits || n == 0)) {
		diex("bad value", name, "--watchdog takes DEVICE[:SECONDS]",
		    NULL);
	}
	strbuf_add(&path, name);
	if (colon && (size_t)(colon - name) < path.used)
		w->device[colon - name] = '\0';
	w->seconds = n;
}

/* Set the timeout, and use the one that the device reports: it may round the
 * value or support only its own. */
static void
set_timeout(struct watchdog *w, int wanted)
{
	int n = wanted;

	if (ioctl(w->fd, WDIOC_SETTIMEOUT, &n) == 0 ||
	    ioctl(w->fd, WDIOC_GETTIMEOUT, &n) == 0)
		w->seconds = n > 0 ? n : wanted;
}

bool
watchdog_open(struct watchdog *w)
{
	if (!w->device[0] || w->fd >= 0)
		return true;
	w->fd = open(w->device, O_WRONLY | O_CLOEXEC);
	if (w->fd < 0)
		return false;
	set_timeout(w, w->seconds);
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
