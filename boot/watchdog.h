/* Hardware watchdog, which resets the machine unless it is fed. See
 * Documentation/watchdog/watchdog-api.rst of the kernel. */
#ifndef PITH_BOOT_WATCHDOG_H
#define PITH_BOOT_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

/* Value of --watchdog. */
struct watchdog_option {
	const char *text;       /* as it was given; NULL: no watchdog */
	char device[64];
	int seconds;            /* wanted timeout */
};

struct watchdog {
	const struct watchdog_option *opt;
	int seconds;            /* timeout of the device, while it is open */
	int fd;                 /* -1: not open */
};

/* Open the device and start its timer. Returns true if it is open or there is
 * none; false with errno if it cannot be opened yet. */
bool watchdog_open(struct watchdog *w);

/* Feed the watchdog if it is open and well is true. Returns the time of the
 * next call in milliseconds, or BOOT_NEVER if it is not open. */
int64_t watchdog_feed(const struct watchdog *w, int64_t now, bool well);

/* Leave the watchdog for the last time. If armed, feed it with a timeout of 60
 * seconds: it stays active during a reboot. Otherwise stop it, so that a
 * machine that is off or halted is not reset. */
void watchdog_leave(struct watchdog *w, bool armed);

#endif
