/* The hardware watchdog: it resets the machine unless it is fed. */
#ifndef PITH_BOOT_WATCHDOG_H
#define PITH_BOOT_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

/* What to watch by: DEVICE[:SECONDS], 30 seconds where the device lets us. */
void watchdog_use(const char *device);

/* Open it where that is to be done and is not yet; it runs from then on. True
 * where there is no need to try again. */
bool watchdog_open(void);

/* Feed it, where there is one and all is well. Returns when to do it again, or
 * BOOT_NEVER. */
int64_t watchdog_feed(int64_t now, bool well);

/* For the last time: it stays armed over the reset, or is told to stop, so that
 * a machine that is to be off does not start again. */
void watchdog_leave(bool armed);

#endif
