/* Locked mounts: a command that may mount can neither change nor unmount ours.
 * Mounts are locked in a copy of a mount namespace that is made by another user
 * namespace, mount_namespaces(7). So init builds the root in an outer user
 * namespace, and the command runs in an inner one. The inner one also owns all
 * other namespaces but those of processes (PID) and time. */
#ifndef PITH_SANDBOX_LOCK_H
#define PITH_SANDBOX_LOCK_H

#include <stdbool.h>

#include "sandbox.h"

/* True if the command keeps CAP_SYS_ADMIN and our filter may allow mount(2) and
 * related calls. Call after privileges_prepare() and seccomp_prepare(). */
bool lock_may_mount(const struct sandbox *s);

/* Return those of flags (CLONE_NEW*) that lock_prepare() makes. */
int lock_namespaces(int flags);

/* In init, as root of the outer user namespace: make the inner user namespace
 * with the same ids, and enter the other namespaces that it owns. flags are the
 * CLONE_NEW* of the sandbox. Dies on failure. */
void lock_prepare(const struct sandbox *s, int flags);

/* In init, after all mounts have been made: enter the inner user namespace and
 * a copy of our mount namespace. Dies on failure. */
void lock_enter(void);

#endif
