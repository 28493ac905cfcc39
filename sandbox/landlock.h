/* Rules of landlock(7) for files, directories and TCP ports. */
#ifndef PITH_SANDBOX_LANDLOCK_H
#define PITH_SANDBOX_LANDLOCK_H

#include "sandbox.h"

/* Restrict the calling thread, and all that it starts, to the rules. Needs
 * no_new_privs or CAP_SYS_ADMIN. Writes no memory except *unsupported, so it
 * can be called after vfork(2).
 *
 * Paths are those that the thread sees. With --rootfs, --layer or --chroot the
 * root is hostile, and a path with a symbolic link fails with ELOOP; otherwise
 * links are followed. A rule for a path denies all other paths, and one for a
 * port all other TCP ports. Any rule denies abstract sockets and signals beyond
 * the sandbox, if the kernel can (6.12).
 *
 * Returns NULL on success and without rules, else the word that failed, with
 * errno: ENOSYS or EOPNOTSUPP if the kernel has no Landlock, EOPNOTSUPP for
 * ports before Linux 6.7, else that of openat2(2), landlock_add_rule(2) or
 * landlock_restrict_self(2). *unsupported is false if a path is to blame and
 * not the kernel: a root must not be able to have the rules left out. */
const char *landlock_apply(const struct sandbox *s, bool *unsupported);

#endif
