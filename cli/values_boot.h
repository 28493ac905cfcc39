/* Values of options of boot/ that have several parts. */
#ifndef PITH_VALUES_BOOT_H
#define PITH_VALUES_BOOT_H

#include <stdbool.h>

#include "../boot/boot.h"

/* Parse DEVICE[:SECONDS], 30 seconds by default. False if text is anything
 * else; *w is unchanged then. */
bool value_watchdog(const char *text, struct watchdog_option *w);

#endif
