/* Who the command is to be: --user and --group-add, looked up in the root. */
#ifndef PITH_SANDBOX_USERS_H
#define PITH_SANDBOX_USERS_H

#include <sys/types.h>

#include "sandbox.h"

enum { GROUPS_MOST = 65536, HOME_MAX = 256 }; /* the kernel's NGROUPS_MAX */

struct identity {
	uid_t uid;
	gid_t gid;
	gid_t *groups;                  /* supplementary ones, each once */
	int group_count;
	bool uid_given;                 /* --user, and with it gid */
	bool groups_given;              /* --group-add */
	char home[HOME_MAX];
};

/* Take --user apart for users_find(), and refuse what can be seen to be wrong
 * before anything is started: an empty part of --user or --group-add, a number
 * beyond 4294967294. */
void users_check(const struct sandbox *s);

/* Find out who the command is to be, by /etc/passwd and /etc/group of the root
 * that we are in; both are taken to be hostile. As docker has it: a user
 * without a group gets the group of its entry and those that list it, or group
 * 0 where it is a number without an entry; a user with a group gets that one
 * alone. Without --user these are the ids that we have. home is that of the
 * first entry with the uid or name, "/" where there is none or it is no
 * absolute path of up to 255 bytes. Who cannot be found, and an entry whose
 * id is not a number from 0 to 4294967294, ends in refuse(); so do more
 * than 65536 groups, which the kernel refuses, and a file that cannot be read.
 * passwd(5), group(5) */
void users_find(struct identity *id, const struct sandbox *s);

#endif
