/* Services of a device: the lines that are restarted when they exit. Times are
 * milliseconds of signals_clock(). */
#ifndef PITH_BOOT_SERVICES_H
#define PITH_BOOT_SERVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "inittab.h"

/* Return whether an entry is a service: respawn or askfirst. */
static inline bool services_include(const struct entry *e)
{
	return e->action == RESPAWN || e->action == ASKFIRST;
}

/* Return the service to start now, or NULL. Adds a shell if there is no other
 * way to go on. */
struct entry *services_next(struct inittab *t, int64_t now);

/* Return the time of the next start, or BOOT_NEVER. */
int64_t services_next_start(const struct inittab *t);

/* After an exit, set the time of the next start. A service that ran long enough
 * restarts at once; the delay doubles with each short life in a row. */
void services_schedule(struct entry *e, int64_t now);

/* Return whether no critical service keeps failing. If one does, the watchdog
 * is not fed and resets the machine. */
bool services_healthy(const struct inittab *t);

/* Continue in t, which was just read, with the processes of the same lines of
 * another table, and end the services of lines that are gone. */
void services_take_over(struct inittab *t, const struct inittab *old_table);

#endif
