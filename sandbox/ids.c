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
#include "ids.h"
#include "proc.h"

/* Root's sandboxes get 65536 ids each from here on: above what useradd(8) and
 * /etc/subuid give away, below the sign bit of the last one. */
enum { RANGE = 65536, RANGES = 0x8000, NAMES = 256 };
static const uint32_t FIRST_RANGE = 0x70000000;

/* One of the kernel's 340 lines, user_namespaces(7). */
struct extent { uint32_t inside, outside, count; };
enum { EXTENTS = 340, USERS = 0, GROUPS = 1 };

static struct map {
	struct extent extents[EXTENTS];
	int count;
} maps[2];

static int claimed = -1;        /* what keeps our range from others */
static bool direct;             /* else by newuidmap(1), or a single id */
static bool single;
static bool kept;               /* --userns keep-id: we are who we were */
static bool denies_groups;      /* setgroups(2) inside */

static const char SAY_HOST[] =
    "root inside must not be root outside; --userns host says so openly";

static void
add(int which, uint32_t inside, uint32_t outside, uint64_t count)
{
	struct map *m = &maps[which];

	if (count == 0)
		return;
	if (m->count == EXTENTS)
		diex("too many id maps", NULL, NULL, NULL);
	m->extents[m->count++] = (struct extent){ inside, outside, count };
}

/* A number of up to 2^32 - 1 and what follows it, which has to be stop; false
 * where it is something else. */
static bool
number(const char **text, char stop, uint32_t *n)
{
	uint64_t value;

	if (!text_number(text, UINT32_MAX, &value) || **text != stop)
		return false;
	*n = value;
	*text += stop != '\0';
	return true;
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
	/* Only that of the first namespace has all ids. */
	return strlen(map) >= sizeof(all) &&
	    strcmp(map + strlen(map) - sizeof(all) + 1, all) == 0;
}

/* Root of a container may lack what makes namespaces and mounts. */
bool
ids_root(void)
{
	return ids_machine_root() && ids_admin();
}

void
ids_owner(uint32_t owner[2])
{
	for (int i = USERS; i <= GROUPS; i++) {
		owner[i] = 0;
		for (int j = 0; j < maps[i].count; j++)
			if (maps[i].extents[j].inside == 0)
				owner[i] = maps[i].extents[j].outside;
	}
}

bool
ids_single(void)
{
	return single;
}

int
ids_fd(void)
{
	return claimed;
}

/* ---- ranges ------------------------------------------------------------- */

/* A file that is read by lines, without libc's ways to, which are large. */
struct lines {
	int fd;                 /* -1: there is no more to read */
	size_t at, size;        /* of text */
	char text[4096 + 1];
};

/* A file that is not there has no lines. One that cannot be read could have
 * any: die. */
static struct lines
open_lines(const char *file)
{
	struct lines l = { .fd = open(file, O_RDONLY | O_CLOEXEC) };

	if (l.fd < 0 && errno != ENOENT && errno != ENOTDIR)
		die("cannot read", file);
	return l;
}

/* Move what is left to the front, and read on behind it. */
static void
read_more(struct lines *l, const char *file)
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

/* Cut off the next line, which stays until the next call. Of a line longer than
 * text the pieces are lines. NULL after the last. */
static char *
next_line(struct lines *l, const char *file)
{
	char *line, *end;

	while (!(end = memchr(l->text + l->at, '\n', l->size - l->at)) &&
	    l->fd >= 0 && l->size - l->at < sizeof(l->text) - 1)
		read_more(l, file);
	if (l->at == l->size)
		return NULL;
	if (!end)
		end = l->text + l->size;
	line = l->text + l->at;
	*end = '\0';
	l->at = end - l->text + (end < l->text + l->size);
	return line;
}

/* Cut a line at its first colon; returns what follows, "" without a colon. */
static const char *
cut_name(char *line)
{
	char *colon = strchrnul(line, ':');
	const bool has_more = *colon;

	*colon = '\0';
	return colon + has_more;
}

/* Look at each line NAME:FIRST:COUNT of /etc/subuid or /etc/subgid. */
static bool
sub_ids(const char *file, bool (*look)(void *, const char *name,
    const struct extent *), void *with)
{
	struct lines l = open_lines(file);
	bool found = false;
	char *name;

	while (!found && (name = next_line(&l, file))) {
		const char *rest = cut_name(name);
		struct extent e = { 0, 0, 0 };

		found = number(&rest, ':', &e.outside) &&
		    number(&rest, '\0', &e.count) && look(with, name, &e);
	}
	close(l.fd);
	return found;
}

/* A range of ours, by its number; next: first range after the overlap. */
struct candidate { uint32_t range; uint64_t next; };

static bool
overlaps(void *with, const char *name, const struct extent *e)
{
	struct candidate *c = with;
	const uint64_t first = FIRST_RANGE + (uint64_t)c->range * RANGE;
	const uint64_t end = (uint64_t)e->outside + e->count;

	(void)name;
	c->next = (end - FIRST_RANGE + RANGE - 1) / RANGE;
	return e->outside < first + RANGE && first < end;
}

/* The file whose bytes stand for ranges, or -1. Root alone may open or replace
 * the file, so that nobody else can lock ranges. */
static int
open_locks(void)
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

/* A name in the abstract namespace of unix(7). Others can take it, and
 * launchers of another network namespace do not see it. */
static int
bind_name(uint32_t range)
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

/* Both claims last until the descriptor is closed everywhere: fcntl(2), open
 * file description locks. */
static bool
claim(int locks, uint32_t range)
{
	struct flock byte = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
	    .l_start = range, .l_len = 1 };

	if (locks < 0)
		claimed = bind_name(range);
	else if (fcntl(locks, F_OFD_SETLK, &byte) == 0)
		claimed = locks;
	else if (errno != EAGAIN && errno != EACCES)
		die("cannot lock", "/run/pith-ids");
	return claimed >= 0;
}

/* Where launchers cannot see each other's claims, chance keeps them apart. */
static uint32_t
random_range(void)
{
	uint32_t n;

	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		n = getpid();
	return n % RANGES;
}

/* A range that no other sandbox has, and no user. */
static void
map_own_range(void)
{
	const uint32_t from = random_range();
	const int locks = open_locks();
	int left = locks < 0 ? NAMES : RANGES;

	for (uint32_t i = 0; i < RANGES && left > 0; i++) {
		struct candidate c = { .range = (from + i) % RANGES };
		const uint32_t first = FIRST_RANGE + c.range * RANGE;

		if (sub_ids("/etc/subuid", overlaps, &c) ||
		    sub_ids("/etc/subgid", overlaps, &c)) {
			/* The loop goes on with the one behind. */
			i += c.next > RANGES ? RANGES - 1 - c.range :
			    c.next - 1 - c.range;
			continue;
		}
		left--;
		if (!claim(locks, c.range))
			continue;
		add(USERS, 0, first, RANGE);
		add(GROUPS, 0, first, RANGE);
		return;
	}
	diex("no range of ids is free", NULL, NULL, locks < 0 ?
	    "make /run a directory that root alone can write to" : NULL);
}

/* The name of a user of this machine, of a line NAME:PASSWORD:UID:... */
static void
user_name(uid_t uid, char name[64])
{
	struct lines l = open_lines("/etc/passwd");
	char *found;
	uint32_t id;

	name[0] = '\0';
	while (!name[0] && (found = next_line(&l, "/etc/passwd"))) {
		const char *rest = strchr(cut_name(found), ':');

		if (rest && (rest++, number(&rest, ':', &id)) && id == uid &&
		    strlen(found) < 64)
			memcpy(name, found, strlen(found) + 1);
	}
	close(l.fd);
}

struct search { char name[64]; uint32_t id; struct extent found; };

static bool
is_ours(void *with, const char *name, const struct extent *e)
{
	struct search *s = with;
	const char *digits = name;
	uint32_t id;

	if (strcmp(name, s->name) != 0 && !(number(&digits, '\0', &id) &&
	    id == s->id))
		return false;
	s->found = *e;
	return true;
}

/* Our own id as inside, and those that /etc/subuid gives us around it. */
static bool
map_sub_ids(int which, uint32_t own, uint32_t inside)
{
	struct search s = { .id = getuid() };
	uint64_t below;

	user_name(s.id, s.name);
	if (!sub_ids(which == USERS ? "/etc/subuid" : "/etc/subgid", is_ours,
	    &s))
		return false;
	if (direct) {
		add(which, 0, s.found.outside, s.found.count);
		return true;
	}
	below = inside < s.found.count ? inside : s.found.count;
	add(which, 0, s.found.outside, below);
	add(which, inside, own, 1);
	add(which, inside + 1, s.found.outside + below, s.found.count - below);
	return true;
}

/* ---- the plan ----------------------------------------------------------- */

static void
map_words(const struct sandbox *s)
{
	for (int i = 0; i < s->word_count; i++) {
		const char *text = s->words[i].value;
		struct extent e;

		if (s->words[i].kind != UIDMAP && s->words[i].kind != GIDMAP)
			continue;
		if (!number(&text, ':', &e.inside) ||
		    !number(&text, ':', &e.outside) ||
		    !number(&text, '\0', &e.count) || e.count == 0 ||
		    (uint64_t)e.inside + e.count > UINT32_MAX ||
		    (uint64_t)e.outside + e.count > UINT32_MAX)
			diex("bad value", s->words[i].value, "an id map is "
			    "INSIDE:OUTSIDE:COUNT", NULL);
		if (direct && e.outside == 0)
			diex("cannot map", s->words[i].value, SAY_HOST, NULL);
		add(s->words[i].kind == GIDMAP, e.inside, e.outside, e.count);
	}
	for (int i = USERS; i <= GROUPS; i++)
		if (maps[i].count == 0)
			maps[i] = maps[!i];
}

/* The numeric parts of --user, which the only ids inside then are. */
static void
only_ids(const char *user, uint32_t ids[2])
{
	uint64_t n;

	ids[USERS] = ids[GROUPS] = 0;
	if (!user || !text_number(&user, UINT32_MAX, &n) ||
	    (*user && *user != ':'))
		return;
	ids[USERS] = n;
	if (*user++)
		number(&user, '\0', &ids[GROUPS]);
}

static void
map_single(const struct sandbox *s, bool keep)
{
	const uint32_t outside[2] = { geteuid(), getegid() };
	uint32_t inside[2];

	single = true;
	only_ids(s->user, inside);
	for (int i = USERS; i <= GROUPS; i++)
		add(i, keep ? outside[i] : inside[i], outside[i], 1);
}

/* The command may drop our groups only where the command line lets it have
 * others, as one of ours may be there to forbid a file (CVE-2014-8989). --user
 * NAME takes groups from the sandbox's /etc/group. */
static bool
wants_groups(const struct sandbox *s)
{
	const struct word *w = s->words;

	for (int i = 0; i < s->word_count; i++)
		if (w[i].kind == GROUP_ADD || (w[i].kind == CAP_ADD &&
		    (strcasecmp(w[i].value, "SETGID") == 0 ||
		    strcasecmp(w[i].value, "CAP_SETGID") == 0)))
			return true;
	return s->user && !strchr(s->user, ':') &&
	    s->user[strspn(s->user, "0123456789")];
}

void
ids_prepare(const struct sandbox *s)
{
	const bool keep = s->userns == USERNS_KEEP_ID;
	const bool sub = s->userns == USERNS_SUBID;

	direct = ids_root();
	denies_groups = !wants_groups(s) && getgroups(0, NULL) != 0;
	map_words(s);
	if (maps[USERS].count > 0)
		single = !direct && maps[USERS].count == 1 &&
		    maps[USERS].extents[0].count == 1;
	else if (keep && direct)
		diex("--userns keep-id is for ordinary users", NULL, SAY_HOST,
		    NULL);
	else if (sub || keep) {
		kept = keep;
		if (map_sub_ids(USERS, geteuid(), keep ? geteuid() : 0) &&
		    map_sub_ids(GROUPS, getegid(), keep ? getegid() : 0))
			return;
		if (sub)
			diex("no ids for this user in", "/etc/subuid", NULL,
			    "usermod --add-subuids 100000-165535 "
			    "--add-subgids 100000-165535 USER");
		maps[USERS].count = maps[GROUPS].count = 0;
		map_single(s, true);
	} else if (direct)
		map_own_range();
	else
		map_single(s, false);
}

/* ---- carrying it out ---------------------------------------------------- */

/* The lines of a map, as the kernel and newuidmap(1) want them. */
static struct strbuf
map_text(int which)
{
	static char text[EXTENTS * 36];
	struct strbuf l = STRBUF(text);

	for (int i = 0; i < maps[which].count; i++) {
		const struct extent *e = &maps[which].extents[i];

		strbuf_number(&l, e->inside);
		strbuf_add(&l, " ");
		strbuf_number(&l, e->outside);
		strbuf_add(&l, " ");
		strbuf_number(&l, e->count);
		strbuf_add(&l, "\n");
	}
	return l;
}

static void
write_direct(pid_t pid, int which)
{
	char path[PROC_PATH];

	/* Who may set groups could drop one that forbids him a file. */
	if (single && which == GROUPS)
		proc_write(proc_of(path, pid, "setgroups"), "deny");
	if (!proc_write(proc_of(path, pid, which == USERS ? "uid_map" :
	    "gid_map"), map_text(which).text))
		die_with("cannot map", which == USERS ? "user ids" :
		    "group ids", errno == EPERM && geteuid() == 0 ?
		    "root without CAP_SETFCAP may not, other users may" : NULL);
}

static void
write_by_program(pid_t pid, int which)
{
	static char *argv[3 * EXTENTS + 3];
	static const char programs[][22] = { "/usr/bin/newuidmap",
	    "/usr/bin/newgidmap" };
	static char *environment[] = { NULL };
	static char digits[12];
	struct strbuf l = STRBUF(digits);
	char *text = map_text(which).text;
	char path[PROC_PATH];
	int n = 0, status;
	pid_t child;

	/* newgidmap(1) leaves that as it is. */
	if (which == GROUPS && denies_groups && !proc_write(proc_of(path, pid,
	    "setgroups"), "deny"))
		die("cannot deny", "setgroups");
	strbuf_number(&l, pid);
	argv[n++] = (char *)programs[which];
	argv[n++] = digits;
	while (*text) {
		argv[n++] = text;
		text += strcspn(text, " \n");
		*text++ = '\0';
	}
	argv[n] = NULL;
	child = vfork();
	if (child == 0) {
		/* What it says of itself is no line of ours. */
		syscall(SYS_dup3, open("/dev/null", O_WRONLY | O_CLOEXEC),
		    STDERR_FILENO, 0);
		execve(programs[which], argv, environment);
		_exit(127);
	}
	if (child < 0)
		die("cannot start", programs[which]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		diex("cannot map ids by", programs[which], status == 127 << 8
		    ? "it is not there" : "it said no",
		    "install Debian's uidmap, look at /etc/subuid and "
		    "/etc/subgid");
}

void
ids_map(pid_t pid)
{
	for (int which = USERS; which <= GROUPS; which++)
		if (direct || single)
			write_direct(pid, which);
		else
			write_by_program(pid, which);
}

bool
ids_repeat(pid_t pid)
{
	char path[PROC_PATH];

	for (int which = USERS; which <= GROUPS; which++) {
		struct map *m = &maps[which];

		for (int i = 0; i < m->count; i++)
			m->extents[i].outside = m->extents[i].inside;
		if (!proc_write(proc_of(path, pid, which == USERS ? "uid_map" :
		    "gid_map"), map_text(which).text))
			return false;
	}
	return true;
}

/* Raw: libc's would ask all threads, and we have one. */
void
ids_become(void)
{
	const uint32_t uid = single ? maps[USERS].extents[0].inside : 0;
	const uint32_t gid = single ? maps[GROUPS].extents[0].inside : 0;

	if (kept)
		return;
	if ((direct && syscall(SETGROUPS, 0, NULL) < 0) ||
	    syscall(SETRESGID, gid, gid, gid) < 0 ||
	    syscall(SETRESUID, uid, uid, uid) < 0)
		die("cannot become root of", "the user namespace");
}
