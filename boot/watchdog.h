/* Hardware watchdog, which resets the machine unless it is fed. See
 * Documentation/watchdog/watchdog-api.rst of the kernel. */
#ifndef PITH_BOOT_WATCHDOG_H
#define PITH_BOOT_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

struct watchdog {
	char device[64];        /* "": no watchdog */
	int seconds;            /* timeout of the device */
	int fd;                 /* -1: not open */
};

/* Set the device and timeout: DEVICE[:SECONDS], 30 seconds by default. Dies if
 * the value is bad. */
void watchdog_use(struct watchdog *w, const char *device);

/* Open the device and start its timer. Returns true if it is open or no device
 * is set; false with errno if it cannot be opened yet. */
bool watchdog_open(struct watchdog *w);

/* Feed the watchdog if it is open and well is true. Returns the time of the
 * next call in milliseconds, or BOOT_NEVER if it is not open. */
int64_t watchdog_feed(const struct watchdog *w, int64_t now, bool well);

/* Leave the watchdog for the last time. If armed, feed it with a timeout of 60
 * seconds: it stays active during a reboot. Otherwise stop it, so that a
 * machine that is off or halted is not reset. */
void watchdog_leave(struct watchdog *w, bool armed);

#endif
