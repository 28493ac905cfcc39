/* From an initramfs to the root that it has found, switch_root(8). */
#ifndef PITH_BOOT_ROOT_H
#define PITH_BOOT_ROOT_H

#include <stdbool.h>

/* The command behind it: what was given, or /sbin/init. */
char **root_command(char **command);

/* Make dir the root, with /dev, /proc, /sys and /run as they are, and remove
 * what is left of the initramfs, which takes memory. Only from a ramfs or
 * tmpfs, to another file system on which init can be executed. False with a
 * complaint where that is not so; then nothing has changed. */
bool root_switch(const char *dir, const char *init);

#endif
