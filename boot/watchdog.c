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

static char device[64];         /* "": no watchdog */
static int seconds;             /* timeout of the device */
static int fd = -1;

void
watchdog_use(const char *name)
{
	const char *colon = strrchr(name, ':');
	const char *digits = colon ? colon + 1 : "";
	uint64_t n = DEFAULT_SECONDS;
	struct strbuf path = STRBUF(device);

	if (colon && (!text_number(&digits, 3600, &n) || *digits || n == 0)) {
		diex("bad value", name, "--watchdog takes DEVICE[:SECONDS]",
		    NULL);
	}
	strbuf_add(&path, name);
	if (colon && (size_t)(colon - name) < path.used)
		device[colon - name] = '\0';
	seconds = n;
}

/* Set the timeout, and use the one that the device reports: it may round the
 * value or support only its own. */
static void
set_timeout(int wanted)
{
	int n = wanted;

	if (ioctl(fd, WDIOC_SETTIMEOUT, &n) == 0 ||
	    ioctl(fd, WDIOC_GETTIMEOUT, &n) == 0)
		seconds = n > 0 ? n : wanted;
}

bool
watchdog_open(void)
{
	if (!device[0] || fd >= 0)
		return true;
	fd = open(device, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	set_timeout(seconds);
	return true;
}

int64_t
watchdog_feed(int64_t now, bool well)
{
	if (fd < 0)
		return BOOT_NEVER;
	if (well)
		(void)!write(fd, "", 1);
	return now + seconds * (int64_t)1000 / 2;
}

void
watchdog_leave(bool armed)
{
	if (fd < 0)
		return;
	if (armed) {
		set_timeout(REBOOT_SECONDS);
		watchdog_feed(0, true);
	} else {
		/* Magic close: "V" before close(2) stops the timer. */
		(void)!write(fd, "V", 1);
		close(fd);
		fd = -1;
	}
}
