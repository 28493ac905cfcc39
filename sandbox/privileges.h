/* Privileges of the command: resource limits, umask, ids, capabilities,
 * no_new_privs. */
#ifndef PITH_SANDBOX_PRIVILEGES_H
#define PITH_SANDBOX_PRIVILEGES_H

#include "sandbox.h"
#include "users.h"

/* Supplementary groups without --user and --group-add. KEEP_GROUPS: a group can
 * exist to deny access, CVE-2014-8989. CLEAR_GROUPS: with a root the groups are
 * those of the host's root user, so drop them. */
enum groups { KEEP_GROUPS, CLEAR_GROUPS };

/* Raise our own hard limits to those of --ulimit as far as permitted: in its
 * own user namespace no process can raise them, setrlimit(2). Choose the
 * capabilities of --cap-add and --cap-drop.
 *
 * As in docker, the order of the capability words does not matter: --cap-drop
 * removes what it names, except capabilities that --cap-add names one by one.
 * With a root the command starts from no capabilities, otherwise from ours. */
void privileges_prepare(const struct sandbox *s, bool has_rootfs);

/* Join a new, empty session keyring, so that the command does not possess the
 * keys of its caller. Call it in the child, also after vfork(2), before any
 * seccomp filter. True also if the kernel has no keys, or if a filter around
 * pith denies keyctl(2). False with errno. keyctl_join_session_keyring(3) */
bool privileges_leave_keyring(void);

/* True if the command keeps CAP_SYS_ADMIN. Call privileges_prepare() first. */
bool privileges_admin(void);

/* Apply all privileges. Call it in the child right before its filters and its
 * exec, also after vfork(2): it writes no memory except *on.
 *
 * - --ulimit. With a root RLIMIT_NICE and RLIMIT_RTPRIO are set to 0, unless
 *   --ulimit names them.
 * - --umask.
 * - groups and ids of id.
 * - Capabilities: bounding, permitted and effective set are the requested ones,
 *   and the inheritable set is empty. For a user other than root they are those
 *   of --cap-add, which become inheritable and ambient too. Without a root and
 *   without --cap-add and --cap-drop, capabilities are left to the kernel.
 * - no_new_privs with a root or for filters, unless --new-privs.
 *
 * Returns NULL, or a text that says what failed, with errno. *on, which the
 * caller sets to NULL, is then the value that requested it, if any. prlimit(2),
 * setgroups(2), setresuid(2), capabilities(7). */
const char *privileges_apply(const struct sandbox *s,
    const struct identity *id, bool has_rootfs, enum groups groups,
    const char **on);

#endif
