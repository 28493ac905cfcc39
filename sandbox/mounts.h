/* Mounts that belong to nobody until they are attached, and where: fsopen(2),
 * open_tree(2), mount_setattr(2), move_mount(2), openat2(2). Linux 5.12 */
#ifndef PITH_SANDBOX_MOUNTS_H
#define PITH_SANDBOX_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox.h"

/* A new file system: type, "key=value,flag" options, MOUNT_ATTR_*. Returns a
 * detached mount (close-on-exec), or -1 with errno. */
int mounts_new(const char *type, const char *options, unsigned int attributes);

/* The same object once more, with all that is mounted below it where whole is
 * true: a detached mount of what an O_PATH descriptor is, or -1 with errno. The
 * kernel clones mounts of our own mount namespace only: for a descriptor from
 * outside give the path, which is walked again and has to lead to the same
 * (ESTALE); else NULL. */
int mounts_clone(int fd, const char *path, bool whole);

/* Set MOUNT_ATTR_* on a detached mount and all below it, make it private, and
 * show its owners as a user namespace maps them (userns, or -1). False with
 * errno. */
bool mounts_set_attributes(int mount, uint64_t attributes, int userns);

/* Show the owners of a detached mount as a user namespace maps them, and of
 * none below it. False with errno. */
bool mounts_map(int mount, int userns);

/* Make one that is attached read-only, and none below it. False with errno. */
bool mounts_set_readonly(int mount);

/* Attach a mount where an O_PATH descriptor is. False with errno. */
bool mounts_attach(int mount, int place);

/* Where a path of a hostile root leads to, every link of it taken inside the
 * root; what is missing is made, also behind a link: directories, and at the
 * end a directory or an empty file. O_PATH, or -1 with errno. openat2(2)
 * RESOLVE_IN_ROOT */
int mounts_open_in_root(int root, const char *path, bool directory);

/* The same, but nothing is made. */
int mounts_find(int root, const char *path);

/* The directory of a path's last part, made where it is missing, as above; the
 * part itself in name. */
int mounts_open_parent(int root, const char *path, const char **name);

/* In a launcher that is root of the machine: a /dev with nodes of its own, for
 * nobody else to lock or to watch, that belongs to the owner; detached. -1
 * where nodes cannot be made. In init: take it. */
int mounts_make_dev(const uint32_t owner[2]);
void mounts_take_dev(int dev);

/* In init: use a /proc of our own that nobody sees, where one can be had. */
void mounts_hidden_proc(void);

/* In init: /proc, /sys and /dev as the options want them, below root. Kernel
 * parameters can be set between the first call and the second; die. */
void mounts_system(int root, const struct sandbox *s, bool host_network);
void mounts_mask(bool userns);

/* A fresh /proc and nothing else, of --unshare pid,mnt; dies. */
void mounts_proc(void);

#endif
