/* Final steps of a shutdown, after all processes have ended. */
#ifndef PITH_BOOT_SHUTDOWN_H
#define PITH_BOOT_SHUTDOWN_H

#include "watchdog.h"

/* Final action of a shutdown. RESTART_INIT executes the "restart" line of the
 * inittab. EXIT, outside of the first PID namespace, exits. */
enum verb { HALT, POWEROFF, REBOOT, RESTART_INIT, EXIT };

/* Return the message that announces a shutdown. */
const char *shutdown_name(enum verb verb);

/* Shut down the machine: sync, unmount all file systems, newest first, remount
 * those in use read-only, release swap files and loop devices, and call
 * reboot(2). A child unmounts, so that a file system that hangs does not block
 * the shutdown. Meanwhile, for at most a minute, the watchdog is fed. Returns
 * only if reboot(2) fails, with errno. */
void shutdown_machine(enum verb verb, struct watchdog *w);

/* Call reboot(2) without unmounting. Outside of the first PID namespace it
 * kills process 1 by SIGHUP for a reboot and by SIGINT otherwise, so the parent
 * knows the verb; pid_namespaces(7). Returns only on failure, with errno. */
void shutdown_namespace(enum verb verb);

#endif
