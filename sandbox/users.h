/* User and groups of the command: --user and --group-add, looked up in the root
 * file system. passwd(5), group(5). */
#ifndef PITH_SANDBOX_USERS_H
#define PITH_SANDBOX_USERS_H

#include <sys/types.h>

#include "sandbox.h"

enum {
	GROUPS_MOST = 65536,            /* NGROUPS_MAX of the kernel */
	HOME_MAX = 256                  /* bytes, with the final 0 */
};

struct identity {
	uid_t uid;
	gid_t gid;
	gid_t *groups;                  /* supplementary, sorted, unique */
	int group_count;
	bool uid_given;                 /* --user, which sets gid too */
	bool groups_given;              /* --group-add */
	char home[HOME_MAX];
};

/* Find user, groups and home of the command in /etc/passwd and /etc/group of
 * the current root. Both files are hostile.
 *
 * The rules are those of docker. A user without a group gets the group of its
 * entry and those that list it, or group 0 if it is a number without an entry.
 * A user with a group gets that group alone. Without --user, keep our own ids.
 *
 * home is that of the first entry with the uid or name. It is "/" without an
 * entry, or if the entry has no absolute path of at most 255 bytes.
 *
 * Dies if a name is not found, if the id of a used entry is not a number from 0
 * to 4294967294, if there are more than 65536 groups, which the kernel refuses,
 * or if a file cannot be read. */
void users_find(struct identity *id, const struct sandbox *s);

#endif
