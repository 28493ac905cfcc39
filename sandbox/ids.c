#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../architecture.h"
#include "../cli/log.h"
#include "../cli/values.h"
#include "../fds.h"
#include "ids.h"
#include "proc.h"

/* Each sandbox of root gets a range of 65536 ids, at FIRST_RANGE or above. That
 * is above the ids of useradd(8) and /etc/subuid. The last range ends below
 * 2^32 - 1, an invalid id. MAX_TRIES: socket names, see bind_range_name(). */
enum { RANGE = 65536, RANGES = 0x8000, MAX_TRIES = 256 };
static const uint32_t FIRST_RANGE = 0x70000000;

/* The kernel allows 340 extents in a map, user_namespaces(7). */
enum { EXTENTS = 340, MAP_TEXT = EXTENTS * 36, USERS = 0, GROUPS = 1 };

struct map {
	int count;
	struct extent extents[EXTENTS];
};

/* Ids of the user namespace, chosen by ids_prepare(). */
static struct ids {
	int range_lock;         /* lock or socket of our range; 0: none */
	bool as_root;           /* ids_root(): we may write any map */
	bool one_id;            /* one user and one group are mapped */
	bool keeps_id;          /* --userns keep-id: do not change our ids */
	bool denies_groups;     /* forbid setgroups(2) inside */
	struct map maps[2];     /* USERS, GROUPS */
} chosen;

static const char NOT_HOST_ROOT[] =
    "root inside must not be root outside; use --userns host to allow it";

static void
add_extent(struct map *m, uint32_t inside, uint32_t outside, uint64_t count)
{
	if (count == 0)
		return;
	if (m->count == EXTENTS)
		diex("too many id maps", NULL, NULL, NULL);
	m->extents[m->count++] = (struct extent){ inside, outside, count };
}

bool
ids_admin(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct c[2];

	if (syscall(SYS_capget, &h, c) < 0)
		die("cannot read", "our capabilities");
	return c[0].effective & 1U << CAP_SYS_ADMIN;
}

bool
ids_machine_root(void)
{
	static const char all[] = "4294967295\n";
	char map[64];

	if (geteuid() != 0)
		return false;
	if (!proc_read("self/uid_map", map, sizeof(map)))
		die("cannot read", "/proc/self/uid_map");
	/* Only the initial user namespace maps all ids. */
	return strlen(map) >= sizeof(all) &&
	    strcmp(map + strlen(map) - sizeof(all) + 1, all) == 0;
}

/* Root of a container may lack CAP_SYS_ADMIN. */
bool
ids_root(void)
{
	return ids_machine_root() && ids_admin();
}

void
ids_owner(uint32_t owner[2])
{
	for (int i = USERS; i <= GROUPS; i++) {
		const struct map *m = &chosen.maps[i];

		owner[i] = 0;
		for (int j = 0; j < m->count; j++)
			if (m->extents[j].inside == 0)
				owner[i] = m->extents[j].outside;
	}
}

bool
ids_single(void)
{
	return chosen.one_id;
}

/* ---- ranges ------------------------------------------------------------- */

/* A file that is read line by line. stdio would add 12 KiB to the program. */
struct lines {
	int fd;                 /* -1: at the end of the file */
	size_t at, size;        /* next line, and end, of text */
	char text[4096 + 1];
};

/* A missing file has no lines. Die if the file exists and cannot be opened. */
static struct lines
open_id_file(const char *file)
{
	struct lines l = { .fd = open(file, O_RDONLY | O_CLOEXEC) };

	if (l.fd < 0 && errno != ENOENT && errno != ENOTDIR)
		die("cannot read", file);
	return l;
}

/* Move the rest of the text to the front, and append to it from the file. */
static void
read_id_file(struct lines *l, const char *file)
{
	ssize_t n;

	l->size -= l->at;
	memmove(l->text, l->text + l->at, l->size);
	l->at = 0;
	do
		n = read(l->fd, l->text + l->size, sizeof(l->text) - 1 -
		    l->size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		die("cannot read", file);
	if (n == 0) {
		close(l->fd);
		l->fd = -1;
	}
	l->size += n;
}

/* Return the next line, without newline, or NULL at the end. It is valid until
 * the next call. A line longer than text is returned in pieces. */
static char *
next_id_line(struct lines *l, const char *file)
{
	char *line, *end;

	while (!(end = memchr(l->text + l->at, '\n', l->size - l->at)) &&
	    l->fd >= 0 && l->size - l->at < sizeof(l->text) - 1)
		read_id_file(l, file);
	if (l->at == l->size)
		return NULL;
	if (!end)
		end = l->text + l->size;
	line = l->text + l->at;
	*end = '\0';
	l->at = end - l->text + (end < l->text + l->size);
	return line;
}

/* Cut a line at its first colon. Return the rest, "" if there is no colon. */
static const char *
cut_line_at_colon(char *line)
{
	char *colon = strchrnul(line, ':');
	const bool has_more = *colon;

	*colon = '\0';
	return colon + has_more;
}

/* Call look() for each line NAME:FIRST:COUNT of /etc/subuid or /etc/subgid,
 * until it returns true. Return whether it did. */
static bool
find_sub_ids(const char *file, bool (*look)(void *, const char *name,
    const struct extent *), void *with)
{
	struct lines l = open_id_file(file);
	bool found = false;
	char *name;

	while (!found && (name = next_id_line(&l, file))) {
		const char *rest = cut_line_at_colon(name);
		struct extent e = { 0, 0, 0 };

		found = text_id(&rest, ':', &e.outside) &&
		    text_id(&rest, '\0', &e.count) && look(with, name, &e);
	}
	close(l.fd);
	return found;
}

/* Number of a range to try; next: number of the first range after an overlap.
 */
struct candidate { uint32_t range; uint64_t next; };

static bool
overlaps_range(void *with, const char *name, const struct extent *e)
{
	struct candidate *c = with;
	const uint64_t first = FIRST_RANGE + (uint64_t)c->range * RANGE;
	const uint64_t end = (uint64_t)e->outside + e->count;

	(void)name;
	c->next = (end - FIRST_RANGE + RANGE - 1) / RANGE;
	return e->outside < first + RANGE && first < end;
}

/* Open the lock file, whose byte N stands for range N. Return -1 if another
 * user could open or replace it, and so lock ranges. */
static int
open_range_locks(void)
{
	int dir = open("/run", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = -1;
	struct stat st;

	if (dir >= 0 && fstat(dir, &st) == 0 && st.st_uid == 0 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		fd = openat(dir, "pith-ids", O_RDWR | O_CREAT | O_NOFOLLOW |
		    O_NONBLOCK | O_CLOEXEC, 0600);
	close(dir);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == 0 && (st.st_mode & 0077) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Claim the range with an abstract name of unix(7), as a fallback. Other users
 * can take such names, and launchers in another network namespace do not see
 * them. */
static int
bind_range_name(uint32_t range)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct strbuf name = { a.sun_path + 1, sizeof(a.sun_path) - 1, 0 };
	int fd = syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strbuf_add(&name, "pith-ids-");
	strbuf_number(&name, FIRST_RANGE + range * RANGE);
	if (fd < 0 || bind(fd, (void *)&a, offsetof(struct sockaddr_un,
	    sun_path) + 1 + name.used) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Claim the range. Lock and socket last until all copies of the descriptor are
 * closed: fcntl(2), open file description locks. Return the descriptor, or -1
 * if another sandbox has the range. */
static int
claim_range(int locks, uint32_t range)
{
	struct flock byte = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
	    .l_start = range, .l_len = 1 };

	if (locks < 0)
		return bind_range_name(range);
	if (fcntl(locks, F_OFD_SETLK, &byte) == 0)
		return locks;
	if (errno != EAGAIN && errno != EACCES)
		die("cannot lock", "/run/pith-ids");
	return -1;
}

/* Start at a random range, as launchers may not see each other's claims. */
static uint32_t
random_range(void)
{
	uint32_t n;

	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		n = getpid();
	return n % RANGES;
}

/* Map a range of ids that neither another sandbox nor a user has. */
static void
map_own_range(struct ids *ids)
{
	const uint32_t from = random_range();
	const int locks = open_range_locks();
	int left = locks < 0 ? MAX_TRIES : RANGES;

	for (uint32_t i = 0; i < RANGES && left > 0; i++) {
		struct candidate c = { .range = (from + i) % RANGES };
		const uint32_t first = FIRST_RANGE + c.range * RANGE;

		if (find_sub_ids("/etc/subuid", overlaps_range, &c) ||
		    find_sub_ids("/etc/subgid", overlaps_range, &c)) {
			/* Continue after the overlap; the loop adds 1. */
			i += c.next > RANGES ? RANGES - 1 - c.range :
			    c.next - 1 - c.range;
			continue;
		}
		left--;
		ids->range_lock = claim_range(locks, c.range);
		fds_keep(&ids->range_lock, 1, FDS_OUTSIDE);
		if (ids->range_lock < 0)
			continue;
		add_extent(&ids->maps[USERS], 0, first, RANGE);
		add_extent(&ids->maps[GROUPS], 0, first, RANGE);
		return;
	}
	diex("no range of ids is free", NULL, NULL, locks < 0 ?
	    "make /run a directory that root alone can write to" : NULL);
}

/* Find the user's name in /etc/passwd, NAME:PASSWORD:UID:...; "" if missing. */
static void
find_user_name(uid_t uid, char name[64])
{
	struct lines l = open_id_file("/etc/passwd");
	char *found;
	uint32_t id;

	name[0] = '\0';
	while (!name[0] && (found = next_id_line(&l, "/etc/passwd"))) {
		const char *rest = strchr(cut_line_at_colon(found), ':');

		if (rest && (rest++, text_id(&rest, ':', &id)) && id == uid &&
		    strlen(found) < 64)
			memcpy(name, found, strlen(found) + 1);
	}
	close(l.fd);
}

struct search { char name[64]; uint32_t id; struct extent found; };

static bool
is_our_entry(void *with, const char *name, const struct extent *e)
{
	struct search *s = with;
	const char *digits = name;
	uint32_t id;

	if (strcmp(name, s->name) != 0 && !(text_id(&digits, '\0', &id) &&
	    id == s->id))
		return false;
	s->found = *e;
	return true;
}

/* Map inside to our own id, and the ids of our entry in /etc/subuid or
 * /etc/subgid to all other ids from 0 on. Return false without an entry. */
static bool
map_sub_ids(struct ids *ids, int which, uint32_t own, uint32_t inside)
{
	struct search s = { .id = getuid() };
	struct map *m = &ids->maps[which];
	uint64_t below;

	find_user_name(s.id, s.name);
	if (!find_sub_ids(which == USERS ? "/etc/subuid" : "/etc/subgid",
	    is_our_entry, &s))
		return false;
	if (ids->as_root) {
		add_extent(m, 0, s.found.outside, s.found.count);
		return true;
	}
	below = inside < s.found.count ? inside : s.found.count;
	add_extent(m, 0, s.found.outside, below);
	add_extent(m, inside, own, 1);
	add_extent(m, inside + 1, s.found.outside + below,
	    s.found.count - below);
	return true;
}

/* ---- choice of maps ----------------------------------------------------- */

static void
map_option_ids(struct ids *ids, const struct sandbox *s)
{
	for (int i = 0; i < s->id_map_count; i++) {
		const struct id_map *map = &s->id_maps[i];
		const struct extent *e = &map->extent;

		if (ids->as_root && e->outside == 0)
			diex("cannot map", map->text, NOT_HOST_ROOT, NULL);
		add_extent(&ids->maps[map->of_groups], e->inside, e->outside,
		    e->count);
	}
	for (int i = USERS; i <= GROUPS; i++)
		if (ids->maps[i].count == 0)
			ids->maps[i] = ids->maps[!i];
}

static void
map_single(struct ids *ids, const struct sandbox *s, bool keep)
{
	const uint32_t outside[2] = { geteuid(), getegid() };
	/* Those of --user UID[:GID], else 0, as the id of a name. */
	const bool is_uid = s->user_account.is_number;
	const uint32_t inside[2] = { s->user_account.id,
	    is_uid ? s->group_account.id : 0 };

	ids->one_id = true;
	for (int i = USERS; i <= GROUPS; i++)
		add_extent(&ids->maps[i], keep ? outside[i] : inside[i],
		    outside[i], 1);
}

/* True if the command may call setgroups(2). It could drop a group of ours that
 * denies us access to a file (CVE-2014-8989). So allow it only if an option
 * asks for other groups. --user NAME takes groups from the sandbox's
 * /etc/group. */
static bool
wants_groups(const struct sandbox *s)
{
	return s->group_count > 0 ||
	    (s->cap_add.names & UINT64_C(1) << CAP_SETGID) ||
	    (s->user && !s->has_group && !s->user_account.is_number);
}

/* --userns subid or keep-id: map our ids of /etc/subuid and /etc/subgid. With
 * keep-id, map only our own id if there are none. */
static void
map_users_ids(struct ids *ids, const struct sandbox *s)
{
	const bool keep = s->userns == USERNS_KEEP_ID;

	if (keep && ids->as_root)
		diex("--userns keep-id is for ordinary users", NULL,
		    NOT_HOST_ROOT, NULL);
	ids->keeps_id = keep;
	if (map_sub_ids(ids, USERS, geteuid(), keep ? geteuid() : 0) &&
	    map_sub_ids(ids, GROUPS, getegid(), keep ? getegid() : 0))
		return;
	if (!keep)
		diex("no ids for this user in", "/etc/subuid", NULL,
		    "run usermod --add-subuids 100000-165535 "
		    "--add-subgids 100000-165535 USER");
	ids->maps[USERS].count = ids->maps[GROUPS].count = 0;
	map_single(ids, s, true);
}

void
ids_prepare(const struct sandbox *s)
{
	struct ids *ids = &chosen;
	const struct map *users = &ids->maps[USERS];

	ids->as_root = ids_root();
	ids->denies_groups = !wants_groups(s) && getgroups(0, NULL) != 0;
	map_option_ids(ids, s);
	if (users->count > 0)
		ids->one_id = !ids->as_root && users->count == 1 &&
		    users->extents[0].count == 1;
	else if (s->userns == USERNS_SUBID || s->userns == USERNS_KEEP_ID)
		map_users_ids(ids, s);
	else if (ids->as_root)
		map_own_range(ids);
	else
		map_single(ids, s, false);
}

/* ---- writing of maps ---------------------------------------------------- */

/* Lines "INSIDE OUTSIDE COUNT" of a map, proc_pid_uid_map(5), newuidmap(1). */
static void
map_text(const struct map *m, char text[MAP_TEXT])
{
	struct strbuf l = { text, MAP_TEXT, 0 };

	text[0] = '\0';
	for (int i = 0; i < m->count; i++) {
		const struct extent *e = &m->extents[i];

		strbuf_number(&l, e->inside);
		strbuf_add(&l, " ");
		strbuf_number(&l, e->outside);
		strbuf_add(&l, " ");
		strbuf_number(&l, e->count);
		strbuf_add(&l, "\n");
	}
}

/* Write a map to the uid_map or gid_map of the process, proc_pid_uid_map(5).
 * Return false with errno. */
static bool
write_map_file(pid_t pid, int which, const struct map *m)
{
	char path[PROC_PATH], text[MAP_TEXT];

	map_text(m, text);
	return proc_write(proc_of(path, pid, which == USERS ? "uid_map" :
	    "gid_map"), text);
}

static void
write_map(const struct ids *ids, pid_t pid, int which)
{
	char path[PROC_PATH];

	/* The kernel only lets an unprivileged user map groups if setgroups(2)
	 * is denied: it could drop a group that denies access to a file. */
	if (ids->one_id && which == GROUPS)
		proc_write(proc_of(path, pid, "setgroups"), "deny");
	if (!write_map_file(pid, which, &ids->maps[which]))
		die_with("cannot map", which == USERS ? "user ids" :
		    "group ids", errno == EPERM && geteuid() == 0 ?
		    "run as an ordinary user, or as root with CAP_SETFCAP" :
		    NULL);
}

static void
run_newidmap(const struct ids *ids, pid_t pid, int which)
{
	const char *const program = which == USERS ? "/usr/bin/newuidmap" :
	    "/usr/bin/newgidmap";
	char *argv[3 * EXTENTS + 3], *environment[] = { NULL };
	char map[MAP_TEXT], digits[12], path[PROC_PATH];
	struct strbuf l = STRBUF(digits);
	char *text = map;
	int n = 0, status;
	pid_t child;

	/* newgidmap(1) does not change setgroups. */
	if (which == GROUPS && ids->denies_groups &&
	    !proc_write(proc_of(path, pid, "setgroups"), "deny"))
		die("cannot deny", "setgroups");
	strbuf_number(&l, pid);
	map_text(&ids->maps[which], map);
	argv[n++] = (char *)program;
	argv[n++] = digits;
	while (*text) {
		argv[n++] = text;
		text += strcspn(text, " \n");
		*text++ = '\0';
	}
	argv[n] = NULL;
	child = _Fork();
	if (child == 0) {
		/* Suppress its messages: we report the error ourselves. */
		syscall(SYS_dup3, open("/dev/null", O_WRONLY | O_CLOEXEC),
		    STDERR_FILENO, 0);
		execve(program, argv, environment);
		_exit(127);
	}
	if (child < 0)
		die("cannot start", program);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		diex("cannot map ids by", program, status == 127 << 8
		    ? "it is not installed" : "it failed",
		    "install Debian's uidmap, and check /etc/subuid and "
		    "/etc/subgid");
}

void
ids_map(pid_t pid)
{
	for (int which = USERS; which <= GROUPS; which++)
		if (chosen.as_root || chosen.one_id)
			write_map(&chosen, pid, which);
		else
			run_newidmap(&chosen, pid, which);
}

bool
ids_repeat(pid_t pid)
{
	for (int which = USERS; which <= GROUPS; which++) {
		struct map *m = &chosen.maps[which];

		for (int i = 0; i < m->count; i++)
			m->extents[i].outside = m->extents[i].inside;
		if (!write_map_file(pid, which, m))
			return false;
	}
	return true;
}

/* Use the system calls: the functions of libc would signal all threads, and we
 * have only one. */
void
ids_become(void)
{
	const struct ids *ids = &chosen;
	const struct map *m = ids->maps;
	const uint32_t uid = ids->one_id ? m[USERS].extents[0].inside : 0;
	const uint32_t gid = ids->one_id ? m[GROUPS].extents[0].inside : 0;

	if (ids->keeps_id)
		return;
	if ((ids->as_root && syscall(SETGROUPS, 0, NULL) < 0) ||
	    syscall(SETRESGID, gid, gid, gid) < 0 ||
	    syscall(SETRESUID, uid, uid, uid) < 0)
		die("cannot become root of", "the user namespace");
}
