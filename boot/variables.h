/* The variables of what a device's init starts, environ(7). */
#ifndef PITH_BOOT_VARIABLES_H
#define PITH_BOOT_VARIABLES_H

/* Make room in environ, with what the kernel gave us and HOME, PATH, SHELL and
 * USER as busybox's init has them. */
void variables_begin(void);

/* Set "NAME=VALUE", which must stay; passed over where there is no room. */
void variables_set(const char *variable);

/* Take "NAME=" away. */
void variables_unset(const char *variable);

#endif
