#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../cli/log.h"
#include "mounts.h"
#include "proc.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

#define NO_SUID_DEV (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define NOTHING_RUNS (NO_SUID_DEV | MOUNT_ATTR_NOEXEC)
/* A read-only mount keeps the owner and mode of a device node, which belong to
 * the host. The device itself stays writable. */
#define DEVICE_FILE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY)

/* ---- detached mounts ---------------------------------------------------- */

static bool
set_fs_options(int fs, const char *options)
{
	char text[128];
	struct strbuf copy = STRBUF(text);
	char *next = text;

	strbuf_add(&copy, options);
	for (char *key = next; *key; key = next) {
		char *value = strchrnul(key, '=');
		bool has = *value;

		next = strchrnul(key, ',');
		if (value > next)
			has = false;
		if (*next)
			*next++ = '\0';
		if (has)
			*value++ = '\0';
		if (syscall(SYS_fsconfig, fs, has ? FSCONFIG_SET_STRING :
		    FSCONFIG_SET_FLAG, key, has ? value : NULL, 0) < 0)
			return false;
	}
	return syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0)
	    == 0;
}

int
mounts_new(const char *type, const char *options, unsigned int attributes)
{
	int fs = syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	int mount = -1, error;

	if (fs >= 0 && set_fs_options(fs, options))
		mount = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
	error = errno;
	if (fs >= 0)
		close(fs);
	errno = error;
	return mount;
}

/* Open a file of the launcher's mount namespace in ours, as open_tree(2) only
 * clones mounts of the caller's mount namespace. path may be relative to a
 * directory that we have left, or a link to a descriptor, so use the kernel's
 * path of the descriptor. */
static int
reopen_checked(const char *path, int fd)
{
	char real[PATH_MAX] = "", link[32];
	struct strbuf l = STRBUF(link);
	struct stat now, then;
	int again;

	strbuf_add(&l, "/proc/self/fd/");
	strbuf_number(&l, fd);
	if (readlink(link, real, sizeof(real) - 1) > 0 && real[0] == '/')
		path = real;
	again = open(path, O_PATH | O_CLOEXEC);
	if (again < 0 || fstat(again, &now) < 0 || fstat(fd, &then) < 0)
		return -1;
	if (now.st_dev == then.st_dev && now.st_ino == then.st_ino)
		return again;
	close(again);
	errno = ESTALE;
	return -1;
}

int
mounts_clone(int fd, const char *path, bool recursive)
{
	int from = path ? reopen_checked(path, fd) : fd;
	int mount = from < 0 ? -1 : syscall(SYS_open_tree, from, "",
	    AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
	    (recursive ? AT_RECURSIVE : 0));
	int error = errno;

	if (path && from >= 0)
		close(from);
	errno = error;
	return mount;
}

bool
mounts_set_attributes(int mount, uint64_t attributes, int userns)
{
	/* Leave the host's peer group, or mounts on ours would propagate to the
	 * host. */
	struct mount_attr a = { .attr_set = attributes,
	    .propagation = MS_PRIVATE };

	if (userns >= 0) {
		a.attr_set |= MOUNT_ATTR_IDMAP;
		a.userns_fd = userns;
	}
	return syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH |
	    AT_RECURSIVE, &a, sizeof(a)) == 0;
}

bool
mounts_map(int mount, int userns)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP,
	    .userns_fd = userns };

	return syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &a,
	    sizeof(a)) == 0;
}

bool
mounts_set_readonly(int mount)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_RDONLY };

	return syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &a,
	    sizeof(a)) == 0;
}

bool
mounts_attach(int mount, int place)
{
	return syscall(SYS_move_mount, mount, "", place, "",
	    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;
}

/* ---- paths in a hostile root -------------------------------------------- */

/* Open an O_PATH descriptor. Retry on EAGAIN, which openat2(2) returns if a
 * rename on the path happens at the same time. */
static int
openat2_in_root(int root, const char *path, int flags, int resolve)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags,
	    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve };
	int fd, tries = 0;

	do
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && ++tries < 128);
	return fd;
}

int
mounts_find(int root, const char *path)
{
	return openat2_in_root(root, path, 0, 0);
}

int
mounts_open_parent(int root, const char *path, const char **name)
{
	char text[PATH_MAX];
	const char *end = path + strlen(path);
	size_t n;

	while (end > path && end[-1] == '/')
		end--;
	*name = end;
	while (*name > path && (*name)[-1] != '/')
		--*name;
	n = *name - path;
	errno = n >= sizeof(text) ? ENAMETOOLONG : EINVAL;
	/* Reject names that are no directory entry of their own. */
	if (n >= sizeof(text) || end == *name || strncmp(*name, ".", end -
	    *name) == 0 || strncmp(*name, "..", end - *name) == 0)
		return -1;
	memcpy(text, path, n);
	text[n] = '\0';
	return n ? mounts_open_in_root(root, text, true) :
	    fcntl(root, F_DUPFD_CLOEXEC, 3);
}

/* Longest chain of links. A link has up to 127 components, and each of them
 * takes 5 KiB of stack. */
enum { MAX_LINKS = 8 };

/* Open the target of a dangling link, such as /etc/resolv.conf, and make it.
 * The root chooses the text of the link. Accept 255 bytes only, as each
 * component is one level of recursion. */
static __attribute__((noinline)) int
open_behind_link(int root, const char *path, const char *name, int parent,
    const char *part, bool directory)
{
	static int depth;
	char text[PATH_MAX], link[256];
	struct strbuf l = STRBUF(text);
	const ssize_t size = readlinkat(parent, part, link, sizeof(link));
	int fd;

	errno = ELOOP;
	if (size <= 0 || size == sizeof(link) || depth == MAX_LINKS)
		return -1;
	link[size] = '\0';
	strbuf_add(&l, link[0] == '/' ? "" : path);
	if (link[0] != '/')
		text[l.used = name - path] = '\0';
	strbuf_add(&l, link);
	depth++;
	fd = mounts_open_in_root(root, text, directory);
	depth--;
	return fd;
}

/* Recurse to the parent, and make the last component below its descriptor. */
int
mounts_open_in_root(int root, const char *path, bool directory)
{
	char part[NAME_MAX + 1];
	const char *name;
	int fd = openat2_in_root(root, path, 0, 0), parent, made;
	size_t n;

	if (fd >= 0 || errno != ENOENT)
		return fd;
	parent = mounts_open_parent(root, path, &name);
	if (parent < 0)
		return -1;
	n = strcspn(name, "/");
	if (n < sizeof(part)) {
		memcpy(part, name, n);
		part[n] = '\0';
		made = directory ? mkdirat(parent, part, 0755) :
		    mknodat(parent, part, S_IFREG | 0644, 0);
		if (made == 0 || errno == EEXIST)
			fd = openat2_in_root(parent, part, 0,
			    RESOLVE_NO_SYMLINKS);
		if (fd < 0 && errno == ELOOP)
			fd = open_behind_link(root, path, name, parent, part,
			    directory);
	} else {
		errno = ENAMETOOLONG;
	}
	made = errno;
	close(parent);
	errno = made;
	return fd;
}

/* Open or make the directory for /proc, /sys or /dev. Links are not followed.
 */
static int
open_mount_directory(int root, const char *name)
{
	int fd = openat2_in_root(root, name, O_DIRECTORY, RESOLVE_NO_SYMLINKS);

	if (fd < 0 && errno == ENOENT && mkdirat(root, name, 0755) == 0)
		fd = openat2_in_root(root, name, O_DIRECTORY,
		    RESOLVE_NO_SYMLINKS);
	if (fd < 0 && errno == EROFS)
		diex("cannot make a directory for", name,
		    "the root is read-only",
		    "create it in the root, or use --ephemeral");
	if (fd < 0)
		die("cannot open the directory for", name);
	return fd;
}

static void
attach_or_die(int mount, int place, const char *what)
{
	if (mount < 0 || place < 0 || !mounts_attach(mount, place))
		die("cannot mount", what);
	close(place);
}

/* ---- /proc and /sys ----------------------------------------------------- */

/* Files of /proc and /sys that expose the machine. The lists are those of
 * container engines, with newer files added. */
static const char hidden_proc[][14] = {
	"acpi", "asound", "interrupts", "kcore", "keys", "latency_stats",
	"sched_debug", "scsi", "timer_list", "timer_stats",
	/* Kernel addresses, readable by all users under some sysctls. */
	"kallsyms", "modules",
};

/* Files that root of the machine may read, but not root of a user namespace. */
static const char hidden_from_root[][13] = {
	"kmsg", "kpagecount", "kpageflags", "kpagecgroup", "vmallocinfo",
	"slabinfo", "pagetypeinfo",
};

static const char hidden_sys[][25] = {
	"firmware", "devices/virtual/powercap", "kernel/debug",
	"kernel/tracing", "kernel/security",
};

static const char readonly_proc[][14] = {
	"sys", "sysrq-trigger", "irq", "bus", "fs",
};

/* Descriptors for later steps in init; 0: none. Other mounts may have been
 * attached at the paths of /proc and /sys by then. */
static struct system_mounts {
	int proc, sys;          /* mounts that mounts_mask() covers */
	int received_dev;       /* /dev from the launcher */
	int null;               /* node "null" of received_dev */
	bool is_host_sys;       /* sys is a clone of the host's /sys */
} system_mounts;

/* Handle the failure of a new /proc or /sys. The kernel refuses it with EPERM
 * if our own has files hidden by mounts, mount_too_revealing() of its
 * fs/namespace.c. */
static void
mount_failed(const char *what, const char *remedy, bool best_effort)
{
	if (best_effort)
		degrade("cannot mount", what);
	else if (errno == EPERM)
		diex("cannot mount", what, "part of our own is hidden from us, "
		    "as in a container", remedy);
	else
		die("cannot mount", what);
}

static const char PROC_REMEDY[] = "use --proc none";

/* The old root's /proc may be partly read-only, and sysctls are written to
 * /proc. */
void
mounts_hidden_proc(void)
{
	int mount = mounts_new("proc", "", NOTHING_RUNS);

	if (mount >= 0)
		proc_use(mount);
}

/* With --pid host, clone the host's /proc: only the owner of a PID namespace
 * may mount a new one. */
static int
new_proc(const struct sandbox *s)
{
	int mount;

	if (!s->host_pid)
		return mounts_new("proc", s->proc == PROC_MINIMAL ?
		    "subset=pid" : "", NOTHING_RUNS);
	mount = mounts_clone(proc_fd(), "/proc", true);
	return mount >= 0 && mounts_set_attributes(mount, NOTHING_RUNS, -1) ?
	    mount : -1;
}

static void
mount_proc(struct system_mounts *m, int root, const struct sandbox *s)
{
	int mount = new_proc(s);

	if (mount < 0) {
		mount_failed("/proc", PROC_REMEDY, s->best_effort);
		return;
	}
	attach_or_die(mount, open_mount_directory(root, "proc"), "/proc");
	if (s->proc <= PROC_MASKED) {
		m->proc = fcntl(mount, F_DUPFD_CLOEXEC, 3);
		if (m->proc < 0)
			die("cannot duplicate", "/proc");
	}
	if (s->proc != PROC_MINIMAL) {
		proc_use(mount);
	} else {
		close(mount);
		mounts_hidden_proc();
	}
}

static void
mount_sys(struct system_mounts *m, int root, bool host_network,
    bool best_effort)
{
	int mount = -1, host;

	/* The kernel allows a new sysfs only in an own network namespace. */
	if (!host_network) {
		mount = mounts_new("sysfs", "", NOTHING_RUNS |
		    MOUNT_ATTR_RDONLY);
	} else if ((host = open("/sys", O_PATH | O_CLOEXEC)) >= 0) {
		mount = mounts_clone(host, NULL, true);
		m->is_host_sys = true;
		close(host);
		if (mount >= 0 && !mounts_set_attributes(mount, NOTHING_RUNS |
		    MOUNT_ATTR_RDONLY, -1))
			mount = -1;
	}
	if (mount < 0) {
		mount_failed("/sys", "use --sys none", best_effort);
		return;
	}
	attach_or_die(mount, open_mount_directory(root, "sys"), "/sys");
	m->sys = mount;
}

/* Open a device node of the host. The one of the root could be any file. */
static int
open_host_node(const char *path, dev_t device)
{
	struct stat st;
	int node = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (node < 0 || fstat(node, &st) < 0)
		die("cannot open", path);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != device)
		diex("cannot use", path, "it is not the device of that name",
		    NULL);
	return node;
}

/* Mounts that cover files (null) and directories (empty). The first file gets
 * the mount itself, later ones get clones: before Linux 6.15 only an attached
 * mount can be cloned. */
struct cover { int mount; bool attached; };
struct covers { struct cover null, empty; };

static void
hide_file(struct covers *c, int mount_point, const char *path)
{
	struct stat st;
	int place = openat2_in_root(mount_point, path, 0, RESOLVE_NO_SYMLINKS);
	struct cover *with;
	int mount;

	if (place < 0 && errno == ENOENT)
		return;
	if (place < 0 || fstat(place, &st) < 0)
		die("cannot hide", path);
	with = S_ISDIR(st.st_mode) ? &c->empty : &c->null;
	mount = with->attached ? mounts_clone(with->mount, NULL, false) :
	    with->mount;
	attach_or_die(mount, place, path);
	if (with->attached)
		close(mount);
	with->attached = true;
}

static void
protect_file(int proc_mount, const char *path)
{
	int place = openat2_in_root(proc_mount, path, 0, RESOLVE_NO_SYMLINKS);
	int mount;

	if (place < 0 && errno == ENOENT)
		return;
	mount = place < 0 ? -1 : mounts_clone(place, NULL, true);
	if (mount >= 0 &&
	    !mounts_set_attributes(mount, NOTHING_RUNS | MOUNT_ATTR_RDONLY, -1))
		die("cannot protect", path);
	attach_or_die(mount, place, path);
	close(mount);
}

static void
mask_proc(struct covers *c, int mount, bool userns)
{
	for (size_t i = 0; i < COUNT_OF(hidden_proc); i++)
		hide_file(c, mount, hidden_proc[i]);
	for (size_t i = 0; i < COUNT_OF(hidden_from_root) && !userns; i++)
		hide_file(c, mount, hidden_from_root[i]);
	for (size_t i = 0; i < COUNT_OF(readonly_proc); i++)
		protect_file(mount, readonly_proc[i]);
}

static void
mask_sys(struct covers *c, int mount, bool is_host_sys)
{
	for (size_t i = 0; i < COUNT_OF(hidden_sys); i++)
		hide_file(c, mount, hidden_sys[i]);
	/* The host's groups are mounted there. */
	if (is_host_sys)
		hide_file(c, mount, "fs/cgroup");
}

void
mounts_mask(bool userns)
{
	const struct system_mounts *m = &system_mounts;
	struct covers c = { { -1, false }, { -1, false } };
	int null;

	if (!m->proc && !m->sys)
		return;
	null = m->null > 0 ? m->null :
	    open_host_node("/dev/null", makedev(1, 3));
	c.null.mount = mounts_clone(null, NULL, false);
	c.empty.mount = mounts_new("tmpfs", "nr_inodes=2", NOTHING_RUNS |
	    MOUNT_ATTR_RDONLY);
	if (c.null.mount < 0 || c.empty.mount < 0 ||
	    !mounts_set_attributes(c.null.mount, DEVICE_FILE, -1))
		die("cannot hide", "/proc");
	if (m->proc)
		mask_proc(&c, m->proc, userns);
	if (m->sys)
		mask_sys(&c, m->sys, m->is_host_sys);
	close(null);
	close(c.null.mount);
	close(c.empty.mount);
}

/* ---- /dev --------------------------------------------------------------- */

static const struct { char name[8]; unsigned char major, minor; } nodes[] = {
	{ .name = "null", .major = 1, .minor = 3 },
	{ .name = "zero", .major = 1, .minor = 5 },
	{ .name = "full", .major = 1, .minor = 7 },
	{ .name = "random", .major = 1, .minor = 8 },
	{ .name = "urandom", .major = 1, .minor = 9 },
	{ .name = "tty", .major = 5, .minor = 0 },
};

static const struct { char name[7], target[16]; } symlinks[] = {
	{ .name = "fd", .target = "/proc/self/fd" },
	{ .name = "stdin", .target = "/proc/self/fd/0" },
	{ .name = "stdout", .target = "/proc/self/fd/1" },
	{ .name = "stderr", .target = "/proc/self/fd/2" },
	{ .name = "ptmx", .target = "pts/ptmx" },
};

int
mounts_make_dev(const uint32_t owner[2])
{
	char text[96];
	struct strbuf options = STRBUF(text);
	const mode_t mask = umask(0);
	int dev;
	bool made;

	strbuf_add(&options, "mode=755,size=65536,uid=");
	strbuf_number(&options, owner[0]);
	strbuf_add(&options, ",gid=");
	strbuf_number(&options, owner[1]);
	dev = mounts_new("tmpfs", text, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	made = dev >= 0;
	for (size_t i = 0; i < COUNT_OF(nodes) && made; i++)
		made = mknodat(dev, nodes[i].name, S_IFCHR | 0666,
		    makedev(nodes[i].major, nodes[i].minor)) == 0;
	umask(mask);
	if (made)
		return dev;
	if (dev < 0 || errno != EPERM)
		die("cannot make", "/dev");
	/* In a container without CAP_MKNOD: let init bind the host's nodes. */
	close(dev);
	return -1;
}

void
mounts_receive_dev(int dev)
{
	system_mounts.received_dev = dev;
}

/* Make a mount point in the new /dev, which no other process can change yet. */
static int
make_mount_point(int dev, const char *name, bool directory)
{
	if ((directory ? mkdirat(dev, name, 0755) :
	    mknodat(dev, name, S_IFREG | 0644, 0)) < 0)
		die("cannot make a mount point for", name);
	return openat(dev, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static void
bind_node(int dev, size_t i)
{
	char path[16];
	struct strbuf l = STRBUF(path);
	int host, mount;

	strbuf_add(&l, "/dev/");
	strbuf_add(&l, nodes[i].name);
	host = open_host_node(path, makedev(nodes[i].major, nodes[i].minor));
	mount = mounts_clone(host, NULL, false);
	if (mount >= 0 && !mounts_set_attributes(mount, DEVICE_FILE, -1))
		die("cannot mount", path);
	attach_or_die(mount, make_mount_point(dev, nodes[i].name, false),
	    path);
	close(mount);
	close(host);
}

static void
mount_in_dev(int dev, const char *name, int mount)
{
	attach_or_die(mount, make_mount_point(dev, name, true), name);
	close(mount);
}

/* Mount a new devpts. Terminals get group 5 (tty), if that group is mapped in
 * the sandbox. kernel.pty.max limits the terminals of the whole machine, so
 * limit those of the sandbox. */
static int
new_pts(int max)
{
	const unsigned int attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	char text[80];
	struct strbuf options = STRBUF(text);
	size_t used;
	int mount;

	strbuf_add(&options, "newinstance,ptmxmode=0666,mode=0620,max=");
	strbuf_number(&options, max ? max : 256);
	used = options.used;
	strbuf_add(&options, ",gid=5");
	mount = mounts_new("devpts", text, attributes);
	if (mount >= 0)
		return mount;
	text[used] = '\0';
	return mounts_new("devpts", text, attributes);
}

static void
mount_dev(struct system_mounts *m, int root, const struct sandbox *s)
{
	const bool has_nodes = m->received_dev > 0;
	char text[64];
	struct strbuf shm = STRBUF(text);
	int dev = has_nodes ? m->received_dev :
	    mounts_new("tmpfs", "mode=755,size=65536", NOTHING_RUNS);

	attach_or_die(dev, open_mount_directory(root, "dev"), "/dev");
	if (has_nodes)
		m->null = openat(dev, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	for (size_t i = 0; i < COUNT_OF(nodes) && !has_nodes; i++)
		bind_node(dev, i);
	for (size_t i = 0; i < COUNT_OF(symlinks); i++)
		if (symlinkat(symlinks[i].target, dev, symlinks[i].name) < 0)
			die("cannot link", symlinks[i].name);
	mount_in_dev(dev, "pts", new_pts(s->pty_max));
	strbuf_add(&shm, "mode=1777,size=");
	strbuf_number(&shm, s->shm_size ? s->shm_size : 64 << 20);
	mount_in_dev(dev, "shm", mounts_new("tmpfs", text, NO_SUID_DEV));
	if (!s->host_ipc)
		mount_in_dev(dev, "mqueue", mounts_new("mqueue", "",
		    NOTHING_RUNS));
	close(dev);
}

void
mounts_system(int root, const struct sandbox *s, bool host_network)
{
	struct system_mounts *m = &system_mounts;

	if (s->proc != PROC_NONE)
		mount_proc(m, root, s);
	else
		mounts_hidden_proc();
	if (s->sys != SYS_NONE)
		mount_sys(m, root, host_network, s->best_effort);
	mount_dev(m, root, s);
}

void
mounts_proc(void)
{
	int mount = mounts_new("proc", "", NOTHING_RUNS);

	if (mount < 0)
		mount_failed("/proc", PROC_REMEDY, false);
	attach_or_die(mount, open("/proc", O_PATH | O_CLOEXEC), "/proc");
	proc_use(mount);
}
