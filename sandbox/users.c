#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/memory.h"
#include "users.h"

/* The parts of a line, from 0; GID and HOME are of passwd, MEMBERS of group. */
enum { NAME, ID = 2, GID, MEMBERS = 3, HOME = 5, PARTS = 7 };

struct part { const char *at; size_t size; };

/* No more of a file is looked at. */
enum { FILE_STEP = 16 * 1024, FILE_MOST = 16 << 20 };

static const char PASSWD[] = "/etc/passwd", GROUP[] = "/etc/group";
static struct memory users, groups;

/* Room for as many groups again as there may be, until they are sorted. */
static gid_t found_groups[2 * GROUPS_MOST];

/* A part of an option: a number, or a name of size bytes. */
struct wanted {
	const char *name;
	size_t size;
	bool is_number;
	uint32_t id;
};

/* What --user asks for, cut by users_check(). */
static struct wanted user, group;
static bool has_group;

/* ---- numbers and names -------------------------------------------------- */

/* Nothing but digits; -1, which would be "do not change" to setresuid(2), is no
 * id. */
static bool
number(const char *digits, size_t size, uint32_t *id)
{
	const char *end = digits;
	uint64_t n;

	if (!text_number(&end, UINT32_MAX - 1, &n) || end != digits + size)
		return false;
	*id = n;
	return true;
}

static struct wanted
want(const char *option, const char *part, size_t size)
{
	struct wanted w = { part, size, false, 0 };

	w.is_number = number(part, size, &w.id);
	if (!w.is_number && strspn(part, "0123456789") >= size)
		diex("bad value", option, "an id is a number from 0 to "
		    "4294967294, or a name", NULL);
	return w;
}

void
users_check(const struct sandbox *s)
{
	const char *u = s->user;
	const size_t n = u ? strcspn(u, ":") : 0;

	has_group = u && u[n];
	if (u)
		user = want(u, u, n);
	if (has_group)
		group = want(u, u + n + 1, strlen(u + n + 1));
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == GROUP_ADD)
			want(s->words[i].value, s->words[i].value,
			    strlen(s->words[i].value));
}

/* ---- files -------------------------------------------------------------- */

/* Nothing of the root may lead out of it or make us wait: no link of /proc, no
 * fifo, no device. Before Linux 5.6, or where an old filter forbids what it
 * does not know, the file may be no link at all. openat2(2) */
static int
open_file(const char *path)
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

/* A file that is not there has no lines. */
static const char *
read_file(const char *path)
{
	struct memory *file = path == PASSWD ? &users : &groups;
	int fd = open_file(path);
	ssize_t got = 0;
	size_t n = 0;
	char *text;

	do {
		n += got;
		memory_reserve(file, n + FILE_STEP);
		text = file->block;
		got = fd < 0 ? 0 : read(fd, text + n, file->size - 1 - n);
	} while (got > 0 && n + got <= FILE_MOST);
	if (got < 0)
		die("cannot read", path);
	if (fd >= 0)
		close(fd);
	/* Not the half of a line, which may be the half of a number. */
	if (got > 0)
		while (n > 0 && text[n - 1] != '\n')
			n--;
	text[n] = '\0';
	return text;
}

/* Cut the next line that is no comment in parts, which are empty where it has
 * no more; false after the last. */
static bool
next_entry(const char **text, struct part part[PARTS])
{
	const char *t = *text;
	bool there;

	while (*t == '#') {
		t += strcspn(t, "\n");
		t += *t == '\n';
	}
	there = *t;
	for (int i = 0; i < PARTS; i++) {
		part[i].at = t;
		part[i].size = strcspn(t, ":\n");
		t += part[i].size;
		t += *t == ':';
	}
	t += strcspn(t, "\n");
	*text = t + (*t != '\0');
	return there;
}

static bool
is_name(const char *name, size_t size, const struct wanted *w)
{
	return size == w->size && memcmp(name, w->name, size) == 0;
}

/* An id of an entry that was found, which has to be one. */
static uint32_t
id_of(const struct part *p, const struct wanted *w)
{
	uint32_t id;

	if (!number(p->at, p->size, &id))
		diex("bad id in /etc of the root for", w->name, NULL, NULL);
	return id;
}

/* Find the first entry of that name or number. */
static bool
find(const char *path, const struct wanted *w, struct part part[PARTS])
{
	const char *text = read_file(path);
	uint32_t id;

	while (next_entry(&text, part))
		if (w->is_number ? number(part[ID].at, part[ID].size, &id) &&
		    id == w->id : is_name(part[NAME].at, part[NAME].size, w))
			return true;
	if (!w->is_number)
		diex(path == PASSWD ? "no such user" : "no such group",
		    w->name, "not in /etc of the root", NULL);
	return false;
}

/* ---- who ---------------------------------------------------------------- */

/* Sort the groups, as the kernel does, and keep each once. Shell's sort. */
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

static gid_t
group_id(const struct wanted *w)
{
	struct part part[PARTS];

	if (w->is_number)
		return w->id;
	find(GROUP, w, part);
	return id_of(&part[ID], w);
}

/* The groups that list a user. */
static void
add_memberships(struct identity *id, const struct wanted *member)
{
	const char *text = read_file(GROUP);
	struct part part[PARTS];

	while (next_entry(&text, part)) {
		const char *m = part[MEMBERS].at;
		const char *end = m + part[MEMBERS].size;

		for (size_t n; m < end; m += n + 1) {
			n = strcspn(m, ",:\n");
			if (is_name(m, n, member))
				add_group(id, id_of(&part[ID], member));
		}
	}
}

static void
find_user(struct identity *id)
{
	struct part part[PARTS];
	struct wanted member = { "", 0, false, 0 };

	if (!find(PASSWD, &user, part))
		return;
	if (part[HOME].at[0] == '/' && part[HOME].size < HOME_MAX) {
		memcpy(id->home, part[HOME].at, part[HOME].size);
		id->home[part[HOME].size] = '\0';
	}
	if (!id->uid_given)
		return;
	id->uid = id_of(&part[ID], &user);
	if (has_group)
		return;
	id->gid = id_of(&part[GID], &user);
	member.name = part[NAME].at;
	member.size = part[NAME].size;
	if (member.size > 0)
		add_memberships(id, &member);
}

void
users_find(struct identity *id, const struct sandbox *s)
{
	*id = (struct identity){ .uid = getuid(), .gid = getgid(),
	    .home = "/", .groups = found_groups };
	if (s->user) {
		id->uid_given = true;
		id->uid = user.id;
		id->gid = has_group ? group_id(&group) : 0;
	} else {
		user = (struct wanted){ "", 0, true, id->uid };
	}
	/* Of our own entry it is only the home, which only the preset sets. */
	if (s->user || sandbox_has_rootfs(s))
		find_user(id);
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == GROUP_ADD) {
			const char *word = s->words[i].value;
			struct wanted w = want(word, word, strlen(word));

			id->groups_given = true;
			add_group(id, group_id(&w));
		}
	sort_groups(id);
}
