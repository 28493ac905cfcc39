/* Environment of the programs that a device's init starts, environ(7). */
#ifndef PITH_BOOT_VARIABLES_H
#define PITH_BOOT_VARIABLES_H

#include <stdbool.h>

/* Move environ to a larger array with the kernel's variables. Set HOME, PATH,
 * SHELL and USER as busybox's init does. */
void variables_begin(void);

/* Set "NAME=VALUE". The text is not copied and must stay valid. Returns false
 * if the array is full. */
bool variables_set(const char *variable);

/* Unset a variable, given as "NAME=". */
void variables_unset(const char *variable);

#endif
