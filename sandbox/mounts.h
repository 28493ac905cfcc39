/* Detached mounts, the places where they are attached, and /proc, /sys and /dev
 * of a sandbox: fsopen(2), open_tree(2), mount_setattr(2), move_mount(2),
 * openat2(2). Linux 5.12 */
#ifndef PITH_SANDBOX_MOUNTS_H
#define PITH_SANDBOX_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox.h"

/* Make a new file system of type, with options "key=value,flag" and attributes
 * MOUNT_ATTR_*. Returns a detached mount (close-on-exec), or -1 with errno. */
int mounts_new(const char *type, const char *options, unsigned int attributes);

/* Clone the mount of an O_PATH descriptor, starting at its file or directory;
 * if recursive, with all mounts below it. Returns a detached mount, or -1 with
 * errno. The kernel only clones mounts of our own mount namespace. For a
 * descriptor of another one pass its path, else NULL. The path is opened again,
 * and fails with ESTALE if it now leads to another file. */
int mounts_clone(int fd, const char *path, bool recursive);

/* Set MOUNT_ATTR_* on a detached mount and all mounts below it, and make them
 * private. If userns is not -1, also map their owners to that user namespace.
 * Returns false with errno. */
bool mounts_set_attributes(int mount, uint64_t attributes, int userns);

/* Map the owners of a detached mount, but not of the mounts below it, to the
 * user namespace of descriptor userns. Returns false with errno. */
bool mounts_map(int mount, int userns);

/* Make an attached mount read-only, but not the mounts below it. Returns false
 * with errno. */
bool mounts_set_readonly(int mount);

/* Attach a detached mount at the O_PATH descriptor place. Returns false with
 * errno. */
bool mounts_attach(int mount, int place);

/* Open a path in a hostile root. Links are resolved inside the root. Missing
 * components are made, also those that a link leads to: directories, and as the
 * last one a directory or an empty file. Returns an O_PATH descriptor, or -1
 * with errno. openat2(2) RESOLVE_IN_ROOT */
int mounts_open_in_root(int root, const char *path, bool directory);

/* Open a path in a hostile root like mounts_open_in_root(), but make nothing.
 */
int mounts_find(int root, const char *path);

/* Open the parent directory of a path, making missing components as above. Sets
 * *name to the last component within path. Returns an O_PATH descriptor, or -1
 * with errno, which is EINVAL if the last component is empty, "." or "..". */
int mounts_open_parent(int root, const char *path, const char **name);

/* In a launcher that is root of the machine: make a /dev with new device nodes,
 * so that no other process can lock or watch them. owner is the outer uid and
 * gid of the root inside. Returns a detached mount, or -1 if we may not make
 * device nodes. Dies on other failures. */
int mounts_make_dev(const uint32_t owner[2]);

/* In init: keep a mount from mounts_make_dev(). Takes over the descriptor. */
void mounts_receive_dev(int dev);

/* In init: use a new /proc that is not attached, if the kernel allows one. */
void mounts_hidden_proc(void);

/* In init: mount /proc, /sys and /dev below root as the options want them. Call
 * mounts_mask() later. With host_network, /sys is a clone of the host's. Dies
 * on failure. */
void mounts_system(int root, const struct sandbox *s, bool host_network);

/* In init: hide or write-protect files of /proc and /sys. Call it after kernel
 * parameters have been set. userns is true if root inside has no access to the
 * files of the host's root. Dies on failure. */
void mounts_mask(bool userns);

/* In init, with --unshare pid,mnt and no root: mount a new /proc over the old
 * one. Dies on failure. */
void mounts_proc(void);

#endif
