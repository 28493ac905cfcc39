/* Switch from an initramfs to another root, switch_root(8). */
#ifndef PITH_BOOT_ROOT_H
#define PITH_BOOT_ROOT_H

#include <stdbool.h>

/* Return the command to execute in the new root: command, or /sbin/init if it
 * is NULL. */
char **root_command(char **command);

/* Make dir the root, move the mounts of /dev, /proc, /sys and /run to it, and
 * remove the files of the initramfs to free memory. The current root must be a
 * ramfs or tmpfs, and dir another file system where init can be executed.
 * Returns false after a message on failure; then nothing has changed, unless
 * the final chroot(2) has failed. */
bool root_switch(const char *dir, const char *init);

#endif
