/* The init of a device: start what boot/boot.c decides. */
#ifndef PITH_BOOT_RUN_H
#define PITH_BOOT_RUN_H

#include "../supervise.h"
#include "boot.h"

/* Role of a device's init; it supervises the lines of the inittab and no single
 * child. */
extern const struct role device_role;

/* Execute another program as process 1, without held signals. file is
 * command[0] where it is NULL. Returns only on failure, after an error message
 * and with all signals held. */
void device_exec(const char *file, char **command);

#endif
