/* The process outside of a sandbox: the launcher of its init, or pith itself
 * where a command needs no init of its own. */
#ifndef PITH_SANDBOX_MONITOR_H
#define PITH_SANDBOX_MONITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "../cli/report.h"
#include "../supervise.h"
#include "counters.h"
#include "sandbox.h"

/* State of these roles. */
struct monitor {
	const struct sandbox *box;
	bool has_init;          /* this is the launcher of an init */
	bool setup_done;        /* init has built the sandbox */
	bool counts_known;      /* init has reported its orphans */
	bool cpu_time_used;     /* --cpu-time is used up */
	pid_t terminal_relay, port_relay;       /* processes, or -1 */
	const char *reason;     /* of an end that init reported, or NULL */
	struct rusage usage;
	int64_t counters[COUNTERS];
};

/* Roles whose state is a struct monitor. The child of the launcher is init. */
extern const struct role launcher_role, direct_role;

/* Initialise the state of a role. */
void monitor_init(struct monitor *m, const struct sandbox *box, bool has_init);

/* Return true if init has reported the error that ended it, so that the
 * launcher need not report the closed channel. Passed to log_set_suppress(). */
bool monitor_init_reported_error(void);

/* Arm the first check of --cpu-time. */
void monitor_begin(struct supervisor *s);

/* Kill what the command has left, then describe its end in the verdict: usage,
 * counters, orphans. reason stays NULL and exit_code UNKNOWN if the wait status
 * shows them. */
void monitor_measure(struct supervisor *s, struct verdict *v);

/* Wait for the relays, which may have output to pass on, and for init; then
 * remove what the sandbox made on the host. */
void monitor_cleanup(struct supervisor *s);

#endif
