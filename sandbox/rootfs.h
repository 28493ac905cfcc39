/* The root: a directory, layers, an image or nothing, and how it is entered. */
#ifndef PITH_SANDBOX_ROOTFS_H
#define PITH_SANDBOX_ROOTFS_H

#include "sandbox.h"

/* Open what the options name, before anything is done; what cannot be a root is
 * refused. */
void rootfs_prepare(const struct sandbox *s);

/* True if the root, or a layer of it, is the tree of this host. */
bool rootfs_is_host(void);

/* Open --upper, or make it, when all else has been checked; dies. A new one has
 * mode 0700 unless a directory above keeps other users out. */
void rootfs_upper(const struct sandbox *s);

/* In a launcher that is root: make the mount with owners as the user namespace
 * maps them, in a mount namespace that the launcher moves to, and pass it on to
 * init; dies. owner are uid and gid of the root inside as they are out here. */
void root_pass(const struct sandbox *s, int userns, const uint32_t owner[2]);

/* In init: the mount that came. */
void root_receive(int mount);

/* In init: attach the root over our own, where paths do not see it yet. Returns
 * a descriptor of it; dies. In a user namespace overlayfs keeps its notes in
 * other attributes, userxattr. */
int rootfs_attach(const struct sandbox *s, bool userns);

/* In init: make it the root, let go of the old one, and make sure of that.
 * Nothing of the old tree can be reached any more; dies. pivot_root(2) */
void rootfs_enter(const struct sandbox *s, int root);

/* What the launcher needs to the end for that; or -1. */
enum { ROOTFS_FDS = 3 };
void rootfs_fds(int fds[ROOTFS_FDS]);

/* In the launcher at the end, when the command was started or not: remove what
 * overlayfs needed beside --upper.  */
void rootfs_clean(bool started);

#endif
