/* What a command and all that it started have used, as its control group has
 * counted. */
#ifndef PITH_SANDBOX_COUNTERS_H
#define PITH_SANDBOX_COUNTERS_H

#include <stdint.h>

/* Bytes, numbers and milliseconds; the first eight in the order of the verdict.
 */
enum counter {
	MEMORY_PEAK, PIDS_PEAK, OOM_KILLS, THROTTLED_MS, IO_READ, IO_WRITTEN,
	NET_RX, NET_TX, USER_MS, SYSTEM_MS, PIDS_REFUSED, COUNTERS
};

/* Read them; -1 for those that nobody has counted. */
void counters_read(int64_t n[COUNTERS]);

#endif
