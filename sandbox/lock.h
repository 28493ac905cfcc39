/* Mounts that the command can neither change nor take off, although it may
 * mount: those of a mount namespace that another user namespace owns are locked
 * in a copy of it, mount_namespaces(7). So the root is built in an outer user
 * namespace, and the command lives in an inner one, to which all its other
 * namespaces belong but those of processes and of time. */
#ifndef PITH_SANDBOX_LOCK_H
#define PITH_SANDBOX_LOCK_H

#include <stdbool.h>

#include "sandbox.h"

/* True where the command keeps CAP_SYS_ADMIN and no filter of ours is sure to
 * deny mount(2) and the like. After privileges_prepare() and
 * seccomp_prepare(). */
bool lock_may_mount(const struct sandbox *s);

/* The namespaces that lock_prepare() makes, of flags (CLONE_NEW*). */
int lock_namespaces(int flags);

/* In init, as root of the outer user namespace: make the inner one, with the
 * same ids, and join the namespaces that belong to it; dies. */
void lock_prepare(const struct sandbox *s, int flags);

/* In init, when all is mounted: enter the inner user namespace and a copy of
 * our mount namespace; dies. */
void lock_enter(void);

#endif
