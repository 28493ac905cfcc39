/* The root of a sandbox: a directory, layers, an image or an empty tmpfs. */
#ifndef PITH_SANDBOX_ROOTFS_H
#define PITH_SANDBOX_ROOTFS_H

#include "sandbox.h"

/* Open the directories and images of --rootfs and --layer. Makes nothing. Dies
 * if one of them cannot be a root or if the options contradict each other. */
void rootfs_prepare(const struct sandbox *s);

/* True if the root, or a layer of it, is the tree of this host. */
bool rootfs_is_host(void);

/* Open or make the directory of --upper and its work directory. Call after all
 * other checks, as this writes to the host. A new directory has mode 0700, or
 * 0755 if a directory above it excludes other users. Dies on failure. */
void rootfs_upper(const struct sandbox *s);

/* In a launcher that is root: make the mount of the root, with owners mapped to
 * the user namespace of descriptor userns, and send it to init. For an overlay
 * the launcher moves to a new mount namespace. owner is the outer uid and gid
 * of root inside. Does nothing for an empty root (--rootfs none without
 * --layer). Dies on failure. */
void root_pass(const struct sandbox *s, int userns, const uint32_t owner[2]);

/* In init: keep the mount that root_pass() sent. Takes over the descriptor. */
void root_receive(int mount);

/* In init: attach the root on top of our own. Absolute paths still lead to the
 * old root. Returns an O_PATH or mount descriptor of the new root; dies on
 * failure. With userns, overlayfs uses user.* attributes (option userxattr). */
int rootfs_attach(const struct sandbox *s, bool userns);

/* In init: make root the root directory, detach the old root and check that it
 * is gone. Closes root. Dies on failure. pivot_root(2) */
void rootfs_enter(const struct sandbox *s, int root);

/* In the launcher, at the end or on a failed start: remove the work directory.
 * If the command was not started, also remove an --upper that we made. Warns
 * if the work directory cannot be removed. */
void rootfs_clean(bool started);

#endif
