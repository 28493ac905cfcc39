#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock.h"

/* Constants of landlock(7) in Linux 6.12, because kernel headers may be older
 * than the kernel. The call numbers are the same on all architectures. */
enum { CREATE_RULESET = 444, ADD_RULE, RESTRICT_SELF };
enum { RULE_PATH = 1, RULE_PORT };
enum { BIND = 1, CONNECT = 2, ALL_PORTS = 3 };
enum { ABSTRACT_SOCKETS = 1, ALL_SCOPES = 3, SCOPES_SINCE = 6 };
enum { TRUNCATE = 1 << 14, IOCTL_DEV = 1 << 15, ALL_PATHS = 0xffff };
enum {
	READ_RIGHTS = LANDLOCK_ACCESS_FS_EXECUTE |
	    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	FILE_RIGHTS = LANDLOCK_ACCESS_FS_EXECUTE |
	    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
	    TRUNCATE | IOCTL_DEV
};

/* struct landlock_ruleset_attr: rights that the rules handle. */
struct ruleset {
	uint64_t paths, ports, scopes;
};

/* struct landlock_net_port_attr. */
struct port_rule {
	uint64_t access, port;
};

/* Rights that the kernel supports, by the version of its Landlock ABI minus 1.
 * For later versions use the last entry. */
static const struct { uint16_t paths; uint8_t ports, scopes; } known[] = {
	{ 0x1fff, 0, 0 },                       /* 1: 5.13 */
	{ 0x3fff, 0, 0 },                       /* 2: REFER, 5.19 */
	{ 0x7fff, 0, 0 },                       /* 3: TRUNCATE, 6.2 */
	{ 0x7fff, ALL_PORTS, 0 },               /* 4: 6.7 */
	{ 0xffff, ALL_PORTS, 0 },               /* 5: IOCTL_DEV, 6.10 */
	{ 0xffff, ALL_PORTS, ALL_SCOPES },      /* 6: 6.12 */
};

enum { VERSIONS = sizeof(known) / sizeof(known[0]) };

static const uint16_t rights[] = {
	[LANDLOCK_READ] = READ_RIGHTS, [LANDLOCK_WRITE] = ALL_PATHS,
	[LANDLOCK_BIND] = BIND, [LANDLOCK_CONNECT] = CONNECT,
};

struct landlock {
	struct ruleset handled;
	int version;            /* ABI of the kernel */
	int fd;                 /* of the ruleset */
	bool hostile;           /* reject symbolic links in paths */
};

static bool
is_path_rule(const struct landlock_rule *r)
{
	return r->right <= LANDLOCK_WRITE;
}

/* Add the rights that a rule handles. */
static bool
add_handled(struct landlock *l, const struct landlock_rule *r)
{
	const int last = (l->version < VERSIONS ? l->version : VERSIONS) - 1;

	l->handled.scopes = known[last].scopes;
	if (is_path_rule(r))
		l->handled.paths = known[last].paths;
	else
		l->handled.ports = known[last].ports;
	errno = EOPNOTSUPP;
	return is_path_rule(r) || known[last].ports;
}

/* Close without losing errno. */
static void
close_landlock_fd(int fd)
{
	const int error = errno;

	close(fd);
	errno = error;
}

/* Open the path of a rule. In a hostile root, a symbolic link could choose
 * which file the rule allows. openat2(2) is older than Landlock. */
static int
open_rule_path(const char *path, bool hostile)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC,
	    .resolve = hostile ? RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS :
	    0 };

	return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static bool
add_landlock_rule(const struct landlock *l, const struct landlock_rule *r)
{
	const struct port_rule port = { rights[r->right], r->port };
	struct landlock_path_beneath_attr path;
	struct stat st;
	bool added;

	if (!is_path_rule(r))
		return syscall(ADD_RULE, l->fd, RULE_PORT, &port, 0) == 0;
	path.parent_fd = open_rule_path(r->path, l->hostile);
	if (path.parent_fd < 0)
		return false;
	path.allowed_access = rights[r->right] & l->handled.paths;
	if (fstat(path.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		path.allowed_access &= FILE_RIGHTS;
	added = syscall(ADD_RULE, l->fd, RULE_PATH, &path, 0) == 0;
	close_landlock_fd(path.parent_fd);
	return added;
}

/* True if a sandbox shares a network namespace with others. It could reach
 * their abstract sockets, whose names belong to the network namespace, unix(7)
 * (CVE-2020-15257). */
static bool
shares_network(const struct sandbox *s)
{
	return sandbox_has_rootfs(s) && s->network.type != NETWORK_UNSET &&
	    s->network.type != NETWORK_NONE;
}

const char *
landlock_apply(const struct sandbox *s, bool *unsupported)
{
	const struct landlock_rule *r = s->rules, *end = r + s->rule_count;
	const char *first = r < end ? r->text : NULL, *failed = NULL;
	struct landlock l = { { 0, 0, 0 }, 0, -1,
		sandbox_has_rootfs(s) || s->chroot };

	*unsupported = true;
	if (!first && !shares_network(s))
		return NULL;
	l.version = syscall(CREATE_RULESET, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (!first && l.version < SCOPES_SINCE)
		return NULL;
	if (l.version < 1)
		return first;
	if (!first) {
		first = "abstract sockets";
		l.handled.scopes = ABSTRACT_SOCKETS;
	}
	for (; r < end; r++)
		if (!add_handled(&l, r))
			return r->text;
	/* Older kernels have a shorter struct, and accept ours if the rest is
	 * zero. */
	l.fd = syscall(CREATE_RULESET, &l.handled, sizeof(l.handled), 0);
	if (l.fd < 0)
		return first;
	for (r = s->rules; r < end && !failed; r++)
		failed = add_landlock_rule(&l, r) ? NULL : r->text;
	*unsupported = !failed;
	if (!failed && syscall(RESTRICT_SELF, l.fd, 0) < 0)
		failed = first;
	close_landlock_fd(l.fd);
	return failed;
}
