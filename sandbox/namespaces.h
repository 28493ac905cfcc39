/* Namespaces of a sandbox: choice, creation and settings. namespaces(7) */
#ifndef PITH_SANDBOX_NAMESPACES_H
#define PITH_SANDBOX_NAMESPACES_H

#include <sys/types.h>

#include "sandbox.h"

/* Return the CLONE_NEW* of the sandbox's namespaces. Dies if --unshare
 * contradicts another option. */
int namespaces_wanted(const struct sandbox *s);

/* Enter the network namespace of --network ns:PATH, if given. Call before init
 * is started. Dies on failure. setns(2) */
void namespaces_enter(const struct sandbox *s);

/* Fork into new namespaces flags (CLONE_NEW*). CLONE_NEWTIME is ignored, see
 * namespaces_set(). If group is not NULL and *group is the descriptor of a v2
 * control group, create the child in it; if that is not possible, set *group to
 * -1 and fork without it. Returns like fork(2). clone(2), CLONE_INTO_CGROUP,
 * Linux 5.7 */
pid_t namespaces_fork(int flags, int *group);

/* In init, with the ids of the sandbox: enter a time namespace with its clocks
 * set, raise lo, set host name and kernel parameters. flags are the CLONE_NEW*
 * of the sandbox. Dies on failure. time_namespaces(7), netdevice(7),
 * sethostname(2) */
void namespaces_set(const struct sandbox *s, int flags);

/* Remedy for a user namespace that a sysctl forbids to ordinary users; NULL if
 * none does. */
const char *namespaces_sysctl_remedy(void);

/* Remedy for errno of a call that should have made namespaces, NULL if none is
 * known. Leaves errno as it is. has_userns: a user namespace was among them. */
const char *namespaces_remedy(bool has_userns);

#endif
