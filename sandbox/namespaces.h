/* Namespaces: which, made at once, and what is set in them. namespaces(7) */
#ifndef PITH_SANDBOX_NAMESPACES_H
#define PITH_SANDBOX_NAMESPACES_H

#include <sys/types.h>

#include "sandbox.h"

/* The table, in the order of /proc/PID/ns. */
enum { NAMESPACES = 8 };
struct namespace { char name[8]; int flag; };
extern const struct namespace namespaces[NAMESPACES];

/* The CLONE_NEW* that a sandbox wants; bad names of --unshare are refused. */
int namespaces_wanted(const struct sandbox *s);

/* Before init is made: enter --network ns:PATH; dies. setns(2) */
void namespaces_enter(const struct sandbox *s);

/* fork(2) into new namespaces, and into a control group of v2 where group is a
 * descriptor of one, which becomes -1 where that could not be: 0 in the child;
 * -1 with errno. clone(2) */
pid_t namespaces_fork(int flags, int *group);

/* In init, with the ids of the sandbox: clocks, lo up, host name, kernel
 * parameters; dies. time_namespaces(7), netdevice(7), sethostname(2) */
void namespaces_set(const struct sandbox *s, int flags);

#endif
