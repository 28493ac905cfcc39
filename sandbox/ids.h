/* User and group ids of a user namespace, and their maps. user_namespaces(7) */
#ifndef PITH_SANDBOX_IDS_H
#define PITH_SANDBOX_IDS_H

#include <sys/types.h>

#include "sandbox.h"

/* Choose the id maps of a new user namespace, and reserve a range of ids if one
 * is needed. Dies if an option is wrong, or if no ids are available. */
void ids_prepare(const struct sandbox *s);

/* In the launcher: write the id maps of process pid, the first one of a new
 * user namespace. Dies on failure. newuidmap(1) */
void ids_map(pid_t pid);

/* In init: map all ids of our user namespace to themselves for process pid, the
 * first one of a nested user namespace. Returns false with errno. */
bool ids_repeat(pid_t pid);

/* In init, after ids_map(): become root of the user namespace, or the only
 * mapped user. With keep-id, change nothing. If the launcher is root, drop all
 * supplementary groups. Dies on failure. */
void ids_become(void);

/* True if we have CAP_SYS_ADMIN in our user namespace. Dies if the capabilities
 * cannot be read. */
bool ids_admin(void);

/* True if our effective user is root of the machine: uid 0 in a user namespace
 * that maps all ids. Dies if /proc/self/uid_map cannot be read. */
bool ids_machine_root(void);

/* True if we are root of the machine with CAP_SYS_ADMIN, which may map any id
 * and mount. Root without that capability is treated as an ordinary user. */
bool ids_root(void);

/* Set owner to the outer uid and gid of root inside; 0 if it is not mapped. */
void ids_owner(uint32_t owner[2]);

/* True if only one user and one group are mapped. */
bool ids_single(void);

#endif
