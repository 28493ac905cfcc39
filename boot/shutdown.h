/* The end of a machine. */
#ifndef PITH_BOOT_SHUTDOWN_H
#define PITH_BOOT_SHUTDOWN_H

/* What follows the end of all processes: AGAIN is what the line "restart" has,
 * EXIT an exit, outside of the first PID namespace. */
enum verb { HALT, POWEROFF, REBOOT, RESTART_INIT, EXIT };

/* What is said when it begins. */
const char *shutdown_name(enum verb verb);

/* Write back and unmount what there is, newest first, and where that is still
 * in use make it read-only; swap files and loop devices as well. Then
 * reboot(2). A child does it, so that a file system that never answers cannot
 * hold us up: meanwhile and for a minute at most the watchdog is fed. Comes
 * back only where the kernel refuses. */
void shutdown_machine(enum verb verb);

/* reboot(2) alone: outside of the first PID namespace it ends process 1, by a
 * signal that its parent knows the verb from, pid_namespaces(7). Comes back
 * where it may not. */
void shutdown_namespace(enum verb verb);

#endif
