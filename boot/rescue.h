/* Arguments that the kernel passes to the init of a device, and the restart
 * without options after a failure. */
#ifndef PITH_BOOT_RESCUE_H
#define PITH_BOOT_RESCUE_H

#include <stdbool.h>

#include "boot.h"

/* Return whether we, process 1, are the init of a machine: called init or
 * linuxrc without arguments; or called so, or with --boot, in the first PID
 * namespace or with container=lxc in the environment. Only there the kernel or
 * lxc adds arguments; elsewhere they are a command. */
bool boot_is_init(char **argv);

/* Skip the words of the kernel command line that stand before our options.
 * Returns the argument vector to parse; its first element takes the place of
 * argv[0]. */
char **boot_words(char **argv);

/* Hook of log_set_cleanup(): reexecute ourselves without options, because the
 * kernel panics when the init of a machine exits. Returns only if we are not
 * the init of a machine. */
void boot_rescue(void);

/* Set the members of *d and the environment of its programs, as far as our
 * arguments and earlier failures decide them. Dies if boot_is_init() was not
 * called. */
void rescue_begin(struct device *d);

#endif
