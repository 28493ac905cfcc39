#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/memory.h"
#include "../cli/startup.h"
#include "../cli/values.h"
#include "users.h"

/* Fields of a line: GID and HOME in passwd(5), MEMBERS in group(5). */
enum { NAME, ID = 2, GID, MEMBERS = 3, HOME = 5, FIELDS = 7 };

struct field { const char *at; size_t size; };

enum { FILE_MOST = 16 << 20 };      /* bytes of a file; the rest is ignored */

enum database { PASSWD, GROUP };
static const char paths[][12] = {
	[PASSWD] = "/etc/passwd", [GROUP] = "/etc/group"
};

static struct users {
	struct memory texts[2];         /* files, by enum database */
	/* Twice the maximum: remove duplicates when the array is full. */
	gid_t groups[2 * GROUPS_MOST];
} users;

/* ---- files -------------------------------------------------------------- */

/* Open a file of a hostile root. A magic link of /proc could lead out of the
 * root, and a FIFO or a device could block us; reject them. Without openat2(2)
 * (before Linux 5.6, or denied by an old seccomp filter) reject symbolic links
 * too. -1 if there is no such file; dies otherwise. */
static int
open_account_file(const char *path)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS,
	};
	struct stat st;
	int fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open(path, how.flags | O_NOFOLLOW);
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		die("cannot read", path);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
		diex("cannot read", path, "not a regular file", NULL);
	return fd;
}

/* Read a file as text. A missing file is empty. */
static const char *
read_account_file(struct users *u, enum database which)
{
	struct memory *file = &u->texts[which];
	const char *path = paths[which];
	int fd = open_account_file(path);
	size_t n = 0;
	char *text;

	memory_reserve(file, 1);
	if (fd >= 0) {
		n = startup_read(file, 0, fd, FILE_MOST, path);
		close(fd);
	}
	text = file->block;
	/* Truncate a file that is too long after its last complete line: the
	 * next one may end within a number. */
	if (n > FILE_MOST)
		for (n = FILE_MOST; n > 0 && text[n - 1] != '\n';)
			n--;
	text[n] = '\0';
	return text;
}

/* Split the next line that is not a comment into fields; missing fields are
 * empty. False after the last line. */
static bool
next_entry(const char **text, struct field field[FIELDS])
{
	const char *t = *text;
	bool there;

	while (*t == '#') {
		t += strcspn(t, "\n");
		t += *t == '\n';
	}
	there = *t;
	for (int i = 0; i < FIELDS; i++) {
		field[i].at = t;
		field[i].size = strcspn(t, ":\n");
		t += field[i].size;
		t += *t == ':';
	}
	t += strcspn(t, "\n");
	*text = t + (*t != '\0');
	return there;
}

static bool
has_name(const char *name, size_t size, const struct account *w)
{
	return size == w->size && memcmp(name, w->name, size) == 0;
}

/* Return the id in a field of an entry. Dies if it is not a valid id. */
static uint32_t
entry_id(const struct field *p, const struct account *w)
{
	uint32_t id;

	if (!value_id(p->at, p->size, &id))
		diex("bad id in /etc of the root for", w->name, NULL, NULL);
	return id;
}

/* Find the first entry with that name or number. False if there is none with
 * the number; dies if there is none with the name. */
static bool
find_entry(struct users *u, enum database which, const struct account *w,
    struct field field[FIELDS])
{
	const char *text = read_account_file(u, which);
	uint32_t id;

	while (next_entry(&text, field))
		if (w->is_number ?
		    value_id(field[ID].at, field[ID].size, &id) && id == w->id :
		    has_name(field[NAME].at, field[NAME].size, w))
			return true;
	if (!w->is_number)
		diex(which == PASSWD ? "no such user" : "no such group",
		    w->name, "not in /etc of the root", NULL);
	return false;
}

/* ---- looking up --------------------------------------------------------- */

/* Sort the groups and remove duplicates; Shell sort. Dies if more than
 * GROUPS_MOST remain. */
static void
sort_groups(struct identity *id)
{
	gid_t *g = id->groups;
	const int count = id->group_count;
	int kept = 0;

	for (int gap = count / 2; gap > 0; gap /= 2)
		for (int i = gap; i < count; i++) {
			const gid_t moved = g[i];
			int to = i;

			for (; to >= gap && g[to - gap] > moved; to -= gap)
				g[to] = g[to - gap];
			g[to] = moved;
		}
	for (int i = 0; i < count; i++)
		if (kept == 0 || g[kept - 1] != g[i])
			g[kept++] = g[i];
	if (kept > GROUPS_MOST)
		diex("more than 65536 groups", NULL, NULL, NULL);
	id->group_count = kept;
}

static void
add_group(struct identity *id, gid_t gid)
{
	if (id->group_count == 2 * GROUPS_MOST)
		sort_groups(id);
	id->groups[id->group_count++] = gid;
}

/* Return the gid of a number or name; dies if there is no such group. */
static gid_t
find_group(struct users *u, const struct account *w)
{
	struct field field[FIELDS];

	if (w->is_number)
		return w->id;
	find_entry(u, GROUP, w, field);
	return entry_id(&field[ID], w);
}

/* Add the groups that list a user as a member. */
static void
add_memberships(struct users *u, struct identity *id,
    const struct account *member)
{
	const char *text = read_account_file(u, GROUP);
	struct field field[FIELDS];

	while (next_entry(&text, field)) {
		const char *m = field[MEMBERS].at;
		const char *end = m + field[MEMBERS].size;

		for (size_t n; m < end; m += n + 1) {
			n = strcspn(m, ",:\n");
			if (has_name(m, n, member))
				add_group(id, entry_id(&field[ID], member));
		}
	}
}

/* Look a user up, and set home, uid, gid and groups. */
static void
find_user(struct users *u, struct identity *id, const struct account *user,
    bool has_group)
{
	struct field field[FIELDS];
	struct account member = { "", 0, false, 0 };

	if (!find_entry(u, PASSWD, user, field))
		return;
	if (field[HOME].at[0] == '/' && field[HOME].size < HOME_MAX) {
		memcpy(id->home, field[HOME].at, field[HOME].size);
		id->home[field[HOME].size] = '\0';
	}
	if (!id->uid_given)
		return;
	id->uid = entry_id(&field[ID], user);
	if (has_group)
		return;
	id->gid = entry_id(&field[GID], user);
	member.name = field[NAME].at;
	member.size = field[NAME].size;
	if (member.size > 0)
		add_memberships(u, id, &member);
}

void
users_find(struct identity *id, const struct sandbox *s)
{
	*id = (struct identity){ .uid = getuid(), .gid = getgid(),
	    .home = "/", .groups = users.groups };
	struct account user = { "", 0, true, id->uid };

	if (s->user) {
		user = s->user_account;
		id->uid_given = true;
		id->uid = user.id;
		id->gid = s->has_group ? find_group(&users, &s->group_account) :
		    0;
	}
	/* Our own entry is needed for the home only, and only with a root. */
	if (s->user || sandbox_has_rootfs(s))
		find_user(&users, id, &user, s->has_group);
	id->groups_given = s->group_count > 0;
	for (int i = 0; i < s->group_count; i++)
		add_group(id, find_group(&users, &s->groups[i]));
	sort_groups(id);
}
