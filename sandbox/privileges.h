/* What the command may do: limits, ids, capabilities, no_new_privs. */
#ifndef PITH_SANDBOX_PRIVILEGES_H
#define PITH_SANDBOX_PRIVILEGES_H

#include "sandbox.h"
#include "users.h"

/* What becomes of the supplementary groups where neither --user nor --group-add
 * asks for any: KEEP them, as one of them may be there to forbid something
 * (CVE-2014-8989), or with the preset SET them to none, where they are those of
 * the machine's root. */
enum groups { KEEP, SET };

/* Look at the words of --ulimit, --cap-add and --cap-drop; what is none ends in
 * refuse(), as does one limit with two values, and the same name or set both
 * added and dropped. Our own hard limits are raised to those that are asked
 * for, as far as we may: in a user namespace of its own nobody can. As in
 * docker the order of the words does not matter: what --cap-drop names is taken
 * away, but for what --cap-add names besides. With the preset there is no
 * capability to begin with, without it those that we have. */
void privileges_prepare(const struct sandbox *s, bool has_rootfs);

/* In the child, before any filter: join a new and empty session keyring, so
 * that the command does not possess the keys of its caller. True also where
 * there are no keys, or a filter around pith denies keyctl(2) to all; false
 * with errno. After vfork(2) too. keyctl_join_session_keyring(3) */
bool privileges_leave_keyring(void);

/* True if the command keeps CAP_SYS_ADMIN. After privileges_prepare(). */
bool privileges_admin(void);

/* In the child, right before its filters and its exec: --ulimit, with the
 * preset no more priority by RLIMIT_NICE and RLIMIT_RTPRIO, --umask, the
 * groups and ids of id, and the capabilities: bounding, permitted and effective
 * set are those that are wanted, the inheritable set is empty. For a user other
 * than root they are those of --cap-add, which then are inheritable and ambient
 * as well. Without the preset and without words capabilities are left to the
 * kernel. Then, unless --new-privs, no_new_privs with the preset or for
 * filters. Changes nothing in our memory but *on, so it may be called after
 * vfork(2). NULL; else what could not be
 * done, with errno and in *on, which is NULL before, the word that asked for
 * it: prlimit(2), setgroups(2), setresuid(2), capabilities(7). */
const char *privileges_take(const struct sandbox *s,
    const struct identity *id, bool has_rootfs, enum groups groups,
    const char **on);

#endif
