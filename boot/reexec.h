/* Execution of our program file by request (--reexec); services go on. */
#ifndef PITH_BOOT_REEXEC_H
#define PITH_BOOT_REEXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "boot.h"

/* Ask the running init to reexecute its program file. systemd(1) uses the same
 * signal, SIGRTMIN+25 of glibc. */
enum { SIGNAL_REEXEC = 59 };

/* Print the status of the running init (--status), or send it a request
 * (--reexec). Returns the exit code; dies on failure. */
int boot_ask(const struct boot *b);

/* Write the status of all entries to an unnamed file that stays open across the
 * exec, and pass its descriptor to the next init in a variable. Returns false
 * with errno on failure. */
bool reexec_save(struct device *d);

/* Undo reexec_save() after a failed exec. */
void reexec_discard(struct device *d);

/* Take over the processes of the init before us. Returns false if there was
 * none. */
bool reexec_restore(struct device *d, int64_t now);

#endif
