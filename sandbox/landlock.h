/* Rules of landlock(7): what of the tree and of TCP the command may use. */
#ifndef PITH_SANDBOX_LANDLOCK_H
#define PITH_SANDBOX_LANDLOCK_H

#include "sandbox.h"

/* Look at the words of --landlock: ro:PATH, rw:PATH, bind:PORT, connect:PORT.
 * What is none of them ends in refuse(). Opens nothing. */
void landlock_prepare(const struct sandbox *s);

/* Let the calling thread, and all that it starts, have no more than the rules
 * say; paths are as it sees them. With --rootfs, --layer or --chroot, a path
 * with a symbolic link fails (ELOOP), as that root is hostile. Otherwise links
 * are followed. One rule for a path takes away all other paths, one for a port
 * all other TCP ports; any rule takes away abstract sockets and signals beyond
 * the sandbox where the kernel can (6.12). Needs no_new_privs or CAP_SYS_ADMIN.
 * Changes nothing in our memory, so it may be called after vfork(2). NULL where
 * all is well or nothing was asked; else the word that cannot be had, with
 * errno: ENOSYS or EOPNOTSUPP where the kernel has no Landlock, EOPNOTSUPP for
 * ports before 6.7, else that of openat2(2), landlock_add_rule(2),
 * landlock_restrict_self(2). unsupported is false where a path is to blame and
 * not the kernel: a root must not be able to have the rules left out. */
const char *landlock_apply(const struct sandbox *s, bool *unsupported);

#endif
