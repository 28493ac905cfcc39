/* Who is who: the user and group ids of a user namespace. user_namespaces(7) */
#ifndef PITH_SANDBOX_IDS_H
#define PITH_SANDBOX_IDS_H

#include <sys/types.h>

#include "sandbox.h"

/* Decide on the maps of a new user namespace; bad options are refused. */
void ids_prepare(const struct sandbox *s);

/* In the launcher: write the maps of a process that has just been made in a new
 * user namespace; dies. newuidmap(1) */
void ids_map(pid_t pid);

/* In init: map each id of ours to itself for a process in a new user namespace
 * below ours. False with errno. */
bool ids_repeat(pid_t pid);

/* In init, when they are written: become root in there, or whom the only id of
 * the map is, or stay who we are (keep-id); supplementary groups of root's are
 * dropped. Dies. */
void ids_become(void);

/* True with CAP_SYS_ADMIN in our user namespace. Dies where that cannot be
 * read. */
bool ids_admin(void);

/* True for user 0 of the whole machine. */
bool ids_machine_root(void);

/* True for root of the whole machine with CAP_SYS_ADMIN, who may map any id and
 * mount. A root without it goes the way of an ordinary user. */
bool ids_root(void);

/* Uid and gid of the root inside, as they are outside; 0 is not mapped. */
void ids_owner(uint32_t owner[2]);

/* Whether there is but one user and one group inside. */
bool ids_single(void);

/* What the launcher has to keep open for as long as the ids are in use, or -1.
 */
int ids_fd(void);

#endif
