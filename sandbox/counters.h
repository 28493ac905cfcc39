/* Resource usage of the command and its descendants, from the counters of its
 * control group. */
#ifndef PITH_SANDBOX_COUNTERS_H
#define PITH_SANDBOX_COUNTERS_H

#include <stdint.h>

/* Units: bytes, milliseconds (_MS), or plain numbers. */
enum counter {
	MEMORY_PEAK, PIDS_PEAK, OOM_KILLS, THROTTLED_MS, IO_READ, IO_WRITTEN,
	NET_RX, NET_TX, USER_MS, SYSTEM_MS, PIDS_REFUSED, COUNTERS
};

/* Read all counters; -1 for those that the kernel does not provide. */
void counters_read(int64_t n[COUNTERS]);

#endif
