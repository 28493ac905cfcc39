#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "landlock.h"

/* As landlock(7) of 6.12 has them: the headers may be older than the kernel,
 * and the other way round. The numbers are those of all architectures. */
enum { CREATE_RULESET = 444, ADD_RULE, RESTRICT_SELF };
enum { RULE_PATH = 1, RULE_PORT };
enum { BIND = 1, CONNECT = 2, ALL_PORTS = 3 };
enum { ABSTRACT_SOCKETS = 1, ALL_SCOPES = 3, SCOPES_SINCE = 6 };
enum { TRUNCATE = 1 << 14, IOCTL_DEV = 1 << 15, ALL_PATHS = 0xffff };
enum {
	READ = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
	    LANDLOCK_ACCESS_FS_READ_DIR,
	OF_FILES = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
	    LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE | IOCTL_DEV
};

struct ruleset {
	uint64_t paths, ports, scopes;
};

struct port_rule {
	uint64_t access, port;
};

/* What the kernel knows, by the version of its Landlock; a later one knows more
 * and handles no more for us. */
static const struct { uint16_t paths; uint8_t ports, scopes; } known[] = {
	{ 0x1fff, 0, 0 },                       /* 1: 5.13 */
	{ 0x3fff, 0, 0 },                       /* 2: REFER, 5.19 */
	{ 0x7fff, 0, 0 },                       /* 3: TRUNCATE, 6.2 */
	{ 0x7fff, ALL_PORTS, 0 },               /* 4: 6.7 */
	{ 0xffff, ALL_PORTS, 0 },               /* 5: IOCTL_DEV, 6.10 */
	{ 0xffff, ALL_PORTS, ALL_SCOPES },      /* 6: 6.12 */
};

enum { VERSIONS = sizeof(known) / sizeof(known[0]) };

static const struct rule {
	char name[9];
	uint8_t type;
	uint16_t access;
} rules[] = {
	{ "ro:", RULE_PATH, READ }, { "rw:", RULE_PATH, ALL_PATHS },
	{ "bind:", RULE_PORT, BIND }, { "connect:", RULE_PORT, CONNECT },
};

enum { RULES = sizeof(rules) / sizeof(rules[0]) };

/* -1 where it is none. */
static int
port_of(const char *digits)
{
	int port = 0;

	if (!*digits)
		return -1;
	for (; *digits >= '0' && *digits <= '9' && port <= 65535; digits++)
		port = port * 10 + *digits - '0';
	return *digits || port > 65535 ? -1 : port;
}

/* What the rules take away, and where they are put. */
struct work {
	struct ruleset handled;
	int version, fd;
	bool hostile;           /* links are, on the way to a path */
};

/* Take a step for each word of ours, with its rule and what stands after the
 * colon. Returns the word that has no rule or whose step failed, or NULL. */
static const char *
each(const struct sandbox *s, struct work *w,
    bool (*step)(struct work *, const struct rule *, const char *))
{
	for (int i = 0; i < s->word_count; i++) {
		const char *value = s->words[i].value, *of = value;
		const struct rule *found = NULL;

		if (s->words[i].kind != LANDLOCK)
			continue;
		for (int r = 0; r < RULES && !found; r++) {
			const size_t n = strlen(rules[r].name);

			if (strncmp(value, rules[r].name, n) == 0) {
				found = &rules[r];
				of = value + n;
			}
		}
		if (!found || !step(w, found, of))
			return value;
	}
	return NULL;
}

static bool
is_right(struct work *w, const struct rule *r, const char *of)
{
	(void)w;
	return *of && (r->type == RULE_PATH || port_of(of) >= 0);
}

void
landlock_prepare(const struct sandbox *s)
{
	const char *wrong = each(s, NULL, is_right);

	if (wrong)
		diex("bad value", wrong, "--landlock takes ro:PATH, rw:PATH, "
		    "bind:PORT or connect:PORT", NULL);
}

static bool
is_none(struct work *w, const struct rule *r, const char *of)
{
	(void)w, (void)r, (void)of;
	return false;
}

static bool
handle(struct work *w, const struct rule *r, const char *of)
{
	const int last = (w->version < VERSIONS ? w->version : VERSIONS) - 1;

	(void)of;
	w->handled.scopes = known[last].scopes;
	if (r->type == RULE_PATH)
		w->handled.paths = known[last].paths;
	else
		w->handled.ports = known[last].ports;
	errno = EOPNOTSUPP;
	return r->type == RULE_PATH || known[last].ports;
}

/* Close without losing errno. */
static void
close_quietly(int fd)
{
	const int error = errno;

	close(fd);
	errno = error;
}

/* A link of a hostile root would choose what the rule is for. openat2(2) is
 * older than Landlock. */
static int
open_beneath(const char *path, bool hostile)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC,
	    .resolve = hostile ? RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS :
	    0 };

	return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static bool
add(struct work *w, const struct rule *r, const char *of)
{
	struct port_rule port = { r->access, port_of(of) };
	struct landlock_path_beneath_attr path;
	struct stat st;
	bool added;

	if (r->type == RULE_PORT)
		return syscall(ADD_RULE, w->fd, RULE_PORT, &port, 0) == 0;
	path.parent_fd = open_beneath(of, w->hostile);
	if (path.parent_fd < 0)
		return false;
	path.allowed_access = r->access & w->handled.paths;
	if (fstat(path.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		path.allowed_access &= OF_FILES;
	added = syscall(ADD_RULE, w->fd, RULE_PATH, &path, 0) == 0;
	close_quietly(path.parent_fd);
	return added;
}

/* The names of abstract sockets are the network namespace's, unix(7): who has
 * another's would reach its services (CVE-2020-15257). */
static bool
shares_sockets(const struct sandbox *s)
{
	return sandbox_has_rootfs(s) && s->network &&
	    strcmp(s->network, "none") != 0;
}

const char *
landlock_apply(const struct sandbox *s, bool *unsupported)
{
	const char *first = each(s, NULL, is_none), *failed;
	struct work w = { { 0, 0, 0 }, 0, -1,
		sandbox_has_rootfs(s) || s->chroot };

	*unsupported = true;
	if (!first && !shares_sockets(s))
		return NULL;
	w.version = syscall(CREATE_RULESET, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (!first && w.version < SCOPES_SINCE)
		return NULL;
	if (w.version < 1)
		return first;
	if (!first) {
		first = "abstract sockets";
		w.handled.scopes = ABSTRACT_SOCKETS;
	}
	failed = each(s, &w, handle);
	if (failed)
		return failed;
	/* A kernel that knows less of the struct wants zeros in the rest. */
	w.fd = syscall(CREATE_RULESET, &w.handled, sizeof(w.handled), 0);
	if (w.fd < 0)
		return first;
	failed = each(s, &w, add);
	*unsupported = !failed;
	if (!failed && syscall(RESTRICT_SELF, w.fd, 0) < 0)
		failed = first;
	close_quietly(w.fd);
	return failed;
}
