/* The terminals of a device. */
#ifndef PITH_BOOT_CONSOLE_H
#define PITH_BOOT_CONSOLE_H

#include <stdbool.h>

#include "inittab.h"

/* Open the console as descriptors 0 to 2 and set TERM in the environment to
 * match it. The console is CONSOLE= or console= in the environment, else
 * /dev/console of a machine. If there is none or it cannot be opened, keep
 * inherited descriptors and open /dev/null for those that are closed. Returns
 * the path that children reopen; "": they inherit 0 to 2. */
const char *console_open(bool machine);

/* In a child: create a session and open the terminal of the entry, or that
 * console, as 0 to 2. Returns NULL; on failure the verb of the error, with its
 * object in *on and errno. */
const char *console_enter(const char *console, const struct entry *e,
    const char **on);

/* In a child: print a question and wait for Enter. Unblocks all signals. */
void console_ask(void);

#endif
