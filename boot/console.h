/* The terminals of a device. */
#ifndef PITH_BOOT_CONSOLE_H
#define PITH_BOOT_CONSOLE_H

#include <stdbool.h>

#include "inittab.h"

/* Have open descriptors 0 to 2: the console of the machine, or that of CONSOLE=
 * or console= in the environment; else what we were started with; else
 * /dev/null. TERM is set in the environment by what it is. */
void console_open(bool machine);

/* In a child: a session of its own, and the terminal of its entry as 0 to 2.
 * NULL, or what could not be done, and on what; with errno. */
const char *console_enter(const struct entry *e, const char **on);

/* In a child: wait until somebody presses Enter. */
void console_ask(void);

#endif
