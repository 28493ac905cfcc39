#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../architecture.h"
#include "../cli/log.h"
#include "image.h"
#include "mounts.h"
#include "proc.h"
#include "rootfs.h"
#include "channel.h"

enum { LAYERS = 500 };          /* overlayfs takes as many */

/* The lower directories, the lowest first; O_PATH. One may be an image, which
 * is open for reading. */
static struct lower {
	const char *path;
	int fd;
	int mount;
	const char *image;      /* its type; NULL: a directory */
} lowers[LAYERS];
static int lower_count;
static bool is_host;            /* one of them is the host's / */

/* Where --upper is, and overlayfs's work directory beside it. Both are opened
 * once and used by descriptor: other users, and the command by a volume, may
 * rename what stands at their names. */
static char upper[PATH_MAX];            /* cut in two: its parent ... */
static const char *upper_dir;           /* ... which may be "/" or "." ... */
static const char *upper_name;          /* ... and its name in there */
static int upper_parent = -1, upper_mount = -1;
static int upper_fd = -1, work_fd = -1;
static bool upper_made, work_locked;
static const char *upper_given;
static char work[48];

static int received = -1;

static const uint64_t ROOT_ATTRIBUTES = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

static bool
is(const char *rootfs, const char *word)
{
	return rootfs && strcmp(rootfs, word) == 0;
}

/* ---- before anything is done -------------------------------------------- */

/* The same file, and not what has its name by now. */
static void
open_image(struct lower *l)
{
	char link[PROC_PATH];
	struct strbuf name = STRBUF(link);
	int image;

	strbuf_add(&name, "self/fd/");
	strbuf_number(&name, l->fd);
	image = openat(proc_fd(), link, O_RDONLY | O_CLOEXEC);
	if (image < 0)
		die("cannot open the root", l->path);
	close(l->fd);
	l->fd = image;
	l->image = image_type(image);
}

static void
open_lower(const char *path)
{
	struct lower *l = &lowers[lower_count++];
	struct statfs fs;
	struct stat st, top;

	if (lower_count > LAYERS)
		diex("too many layers", path, NULL, NULL);
	l->path = path;
	l->fd = open(path, O_PATH | O_CLOEXEC);
	if (l->fd < 0 || fstat(l->fd, &st) < 0 || fstatfs(l->fd, &fs) < 0)
		die("cannot open the root", path);
	if (S_ISREG(st.st_mode))
		open_image(l);
	if (!l->image && !S_ISDIR(st.st_mode))
		diex("cannot use as a root", path, "it is neither a "
		    "directory nor a squashfs or erofs image", NULL);
	if (!l->image && faccessat(l->fd, ".", X_OK, 0) < 0)
		die("cannot use as a root", path);
	if (stat("/", &top) < 0)
		die("cannot look at", "/");
	if (top.st_dev == st.st_dev && top.st_ino == st.st_ino)
		is_host = true;
	if (fs.f_flags & ST_NOEXEC)
		diex("cannot use as a root", path, "its file system is "
		    "mounted noexec", "put it elsewhere, or mount(8) it exec");
}

/* As much of struct statx as is wanted: linux/stat.h has it whole, and newer
 * libcs have it as well. STATX_MNT_ID, Linux 5.8 */
struct place {
	uint32_t mask, before[35];
	uint64_t mount, after[13];
};
enum { MOUNT_ID = 0x1000 };

static uint64_t
mount_id(int dir, const char *path)
{
	struct place p;

	if (syscall(SYS_statx, dir, path, AT_EMPTY_PATH, MOUNT_ID, &p) < 0 ||
	    !(p.mask & MOUNT_ID))
		die("cannot look at", *path ? path : upper_given);
	return p.mount;
}

/* True where a name in a directory is what a descriptor was opened as; "" is
 * the directory itself. */
static bool
is_same(int dir, const char *name, int fd)
{
	struct stat named, held;

	if (fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0
	    || fstat(fd, &held) < 0)
		return false;
	errno = ESTALE;
	return named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

/* The work directory has the same name at every start, which then removes as
 * well what a launcher that was killed has left; a running one has it locked.
 * The name is public: what is there already has to be ours alone. */
static void
make_work(const char *path)
{
	int tries = 0;
	struct stat st;
	bool made;

	do {
		close(work_fd);
		made = mkdirat(upper_parent, work, 0700) == 0;
		if (!made && errno != EEXIST)
			die("cannot make a work directory beside", path);
		work_fd = openat(upper_parent, work, O_RDONLY | O_DIRECTORY |
		    O_NOFOLLOW | O_CLOEXEC);
		if (work_fd < 0 && errno == ENOENT)
			continue;
		if (work_fd < 0 || fstat(work_fd, &st) < 0)
			die_with("cannot open the work directory beside", path,
			    "remove .pith-work.* there");
		if (st.st_uid != geteuid() || (st.st_mode & 077))
			diex("cannot use the work directory beside", path,
			    "it is not ours alone",
			    "remove .pith-work.* there");
		if (flock(work_fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno == EWOULDBLOCK)
				diex("cannot use as the upper directory",
				    path, "another sandbox does", NULL);
			work_locked = made;
			die("cannot lock the work directory beside", path);
		}
		/* Until it was locked, the end of another sandbox could have
		 * removed it. */
		work_locked = is_same(upper_parent, work, work_fd);
	} while (!work_locked && ++tries < 64);
	if (!work_locked)
		diex("cannot lock the work directory beside", path,
		    "another process keeps replacing it", NULL);
}

/* Cut a path at its last slash, but for those at its end, with which a link
 * would be followed. */
static void
cut_upper(const char *path)
{
	size_t size = strlen(path);
	char *slash;

	while (size > 1 && path[size - 1] == '/')
		size--;
	errno = ENAMETOOLONG;
	if (size >= sizeof(upper))
		die("cannot open the upper directory", path);
	memcpy(upper, path, size);
	upper[size] = '\0';
	slash = strrchr(upper, '/');
	upper_dir = !slash ? "." : slash == upper ? "/" : upper;
	upper_name = slash ? slash + 1 : upper;
	if (slash)
		*slash = '\0';
	if (!*upper_name || strcmp(upper_name, ".") == 0 ||
	    strcmp(upper_name, "..") == 0)
		diex("cannot use as the upper directory", path,
		    "it ends in /, . or ..",
		    "give the directory by its name");
}

/* Setuid files in there are ours outside: nobody else may get to them. The mode
 * also applies to / inside, so 0700 locks out the sandbox's other users. If a
 * parent directory already excludes others, use 0755. */
static mode_t
upper_mode(void)
{
	int dir = openat(upper_parent, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool closed = false, top = false;
	struct stat st;

	while (!closed && !top && fstat(dir, &st) == 0) {
		int up = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		closed = st.st_uid == geteuid() && !(st.st_mode & 011);
		top = up < 0 || is_same(up, "", dir);
		close(dir);
		dir = up;
	}
	close(dir);
	return closed ? 0755 : 0700;
}

static void
open_upper(const char *path)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct strbuf name = STRBUF(work);
	struct stat st;

	upper_given = path;
	cut_upper(path);
	upper_parent = open(upper_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (upper_parent < 0)
		die("cannot open the directory of", path);
	upper_made = mkdirat(upper_parent, upper_name, upper_mode()) == 0;
	if (!upper_made && errno != EEXIST)
		die("cannot make the upper directory", path);
	upper_fd = openat(upper_parent, upper_name, flags);
	if (upper_fd < 0 || fstat(upper_fd, &st) < 0)
		die_with("cannot open the upper directory", path, errno ==
		    ENOTDIR ? "name a directory, and no link to one" : NULL);
	/* Another user may have put one of his there since. */
	if (upper_made && st.st_uid != geteuid())
		diex("cannot use as the upper directory", path,
		    "another user has replaced it", NULL);
	if (mount_id(upper_fd, "") != mount_id(upper_parent, ""))
		diex("cannot use as the upper directory", path,
		    "it is a mount point", "name a directory in it");
	strbuf_add(&name, ".pith-work.");
	strbuf_number(&name, st.st_ino);
	make_work(path);
}

void
rootfs_prepare(const struct sandbox *s)
{
	if (s->rootfs && !is(s->rootfs, "none"))
		open_lower(s->rootfs);
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind == LAYER)
			open_lower(s->words[i].value);
	if (s->upper && lower_count == 0)
		diex("--upper needs a --layer or a --rootfs", NULL, NULL,
		    NULL);
	if (s->root_mode == WRITABLE && (s->layered || s->upper))
		diex("--writable is for a plain --rootfs", NULL, NULL,
		    "--upper keeps what is written on top of layers");
}

bool
rootfs_is_host(void)
{
	return is_host;
}

void
rootfs_upper(const struct sandbox *s)
{
	if (s->upper)
		open_upper(s->upper);
}

/* ---- making it ---------------------------------------------------------- */

/* The directories below are named by their mounts: no path of the command line
 * ever stands among overlayfs's options. */
static void
attach_at(int mount, const char *name)
{
	int place;

	if (mkdir(name, 0755) < 0 && errno != EEXIST)
		die("cannot make", name);
	place = open(name, O_PATH | O_CLOEXEC);
	if (place < 0 || !mounts_attach(mount, place))
		die("cannot attach", name);
	close(place);
}

/* The kernel maps the owners of all mounts or of none: where those of one below
 * cannot be mapped, as of /proc, none are, and files belong to nobody inside. A
 * root that nobody can write to does without owners. Any other would fail with
 * EACCES everywhere. */
static void
do_without_owners(const struct sandbox *s, int mount, const char *path,
    uint64_t attributes)
{
	const int error = errno;

	if (!mounts_set_attributes(mount, attributes, -1))
		die("cannot use as a root", path);
	errno = error;
	if (s->root_mode != READ_ONLY && s->best_effort)
		degrade("cannot map the owners of", path);
	else if (s->root_mode != READ_ONLY)
		die_with("cannot map the owners of", path, "its file system is "
		    "too simple; --read-only or --userns host do without");
}

/* By a launcher with the owners of userns, else by init. */
static int
clone_of(const struct sandbox *s, int fd, const char *path, bool whole,
    int userns, uint64_t attributes)
{
	int mount = mounts_clone(fd, userns < 0 ? path : NULL, whole);

	if (mount < 0 && errno == EINVAL)
		diex("cannot use as a root", path, "mounts that we may not "
		    "take apart lie below it", "--read-only");
	if (mount < 0)
		die("cannot clone the mount of", path);
	if (mounts_set_attributes(mount, attributes, userns))
		return mount;
	if (userns < 0)
		die("cannot use as a root", path);
	/* Those of the root itself alone may be mapped. */
	if (!whole || !mounts_set_attributes(mount, attributes, -1) ||
	    !mounts_map(mount, userns))
		do_without_owners(s, mount, path, attributes);
	return mount;
}

static int
lower_mount(const struct sandbox *s, const struct lower *l, bool whole,
    int userns, uint64_t attributes)
{
	int mount;

	if (!l->image)
		return clone_of(s, l->fd, l->path, whole, userns, attributes);
	mount = image_mount(l->fd, l->image, l->path);
	if (!mounts_set_attributes(mount, attributes, userns))
		do_without_owners(s, mount, l->path, attributes);
	return mount;
}

/* The root directory of an overlay has the owner and the mode of its upper. */
static void
copy_owner(int lower, const char *to)
{
	struct stat st;

	if (fstat(lower, &st) < 0 || chmod(to, st.st_mode & 07777) < 0)
		die("cannot read", "the root");
	(void)!chown(to, st.st_uid, st.st_gid); /* as far as mapped */
}

/* All that is to be attached. Before the stage: there the descriptors would be
 * of another mount namespace, and paths begin elsewhere. */
static void
clone_all(const struct sandbox *s, int userns)
{
	for (int i = 0; i < lower_count; i++)
		lowers[i].mount = lower_mount(s, &lowers[i], false, userns,
		    ROOT_ATTRIBUTES | MOUNT_ATTR_RDONLY);
	if (upper_parent >= 0)
		upper_mount = clone_of(s, upper_parent, upper_dir, false,
		    userns, ROOT_ATTRIBUTES);
}

/* By its descriptor, as its name may hold anything, and lead to something else
 * by now: proc(5). */
static void
add_directory(
    struct strbuf *options, const char *key, const char *name, int held)
{
	const int fd = openat(upper_mount, name, O_PATH | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || !is_same(fd, "", held))
		die("cannot open again", name);
	strbuf_add(options, key);
	strbuf_add(options, "/proc/self/fd/");
	strbuf_number(options, fd);
}

/* Upper and work directory have to be of one mount: of what holds them both. */
static void
attach_upper(struct strbuf *options)
{
	attach_at(upper_mount, "p");
	add_directory(options, ",upperdir=", upper_name, upper_fd);
	add_directory(options, ",workdir=", work, work_fd);
}

/* A tmpfs over the root of our mount namespace, and us in it: paths from / go
 * on as before. The host sees nothing of it. */
static void
mount_scratch(const struct sandbox *s)
{
	char text[48];
	struct strbuf options = STRBUF(text);
	int stage, place = open("/", O_PATH | O_CLOEXEC);

	strbuf_add(&options, "mode=755");
	if (s->root_size > 0) {
		strbuf_add(&options, ",size=");
		strbuf_number(&options, s->root_size);
	}
	stage = mounts_new("tmpfs", text, ROOT_ATTRIBUTES);
	if (stage < 0 || place < 0 || !mounts_attach(stage, place) ||
	    fchdir(stage) < 0)
		die("cannot mount", "a tmpfs for the root");
	close(place);
	close(stage);
}

/* The overlay, as "m" below the directory that we are in from now on. */
static void
mount_overlay(const struct sandbox *s, bool userns)
{
	char text[4096];
	struct strbuf options = STRBUF(text);

	mount_scratch(s);
	strbuf_add(&options, userns ? "userxattr," : "");
	strbuf_add(&options, "lowerdir=");
	for (int i = lower_count - 1; i >= 0; i--) {
		char name[16];
		struct strbuf number = STRBUF(name);

		strbuf_number(&number, i);
		attach_at(lowers[i].mount, name);
		strbuf_add(&options, name);
		strbuf_add(&options, i > 0 ? ":" : "");
	}
	if (s->upper) {
		attach_upper(&options);
	} else {
		if (mkdir("u", 0755) < 0 || mkdir("w", 0755) < 0)
			die("cannot make", "the upper directory");
		copy_owner(lowers[lower_count - 1].mount, "u");
		strbuf_add(&options, ",upperdir=u,workdir=w,volatile");
	}
	if (mkdir("m", 0755) < 0 || mount("overlay", "m", "overlay",
	    MS_NOSUID | MS_NODEV, text) < 0)
		die_with("cannot mount an overlay on", lowers[0].path,
		    errno == ELOOP ?
		    "no layer may lie in another" : errno == ENODEV ?
		    "the kernel has no overlayfs; modprobe overlay" : NULL);
}

static bool
wants_overlay(const struct sandbox *s)
{
	return lower_count > 1 || s->upper || (lower_count == 1 &&
	    s->root_mode == EPHEMERAL);
}

/* Overlayfs does what it does as who has mounted it, and on mounts with mapped
 * owners nobody else than one of them can make a file: it has to be root of the
 * sandbox, with all rights of ours. setfsuid(2) takes some of them. */
static void
set_fs_ids(uint32_t uid, uint32_t gid)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct c[2];

	syscall(SETFSGID, gid);
	syscall(SETFSUID, uid);
	if (syscall(SYS_capget, &h, c) < 0)
		die("cannot read", "our capabilities");
	c[0].effective = c[0].permitted;
	c[1].effective = c[1].permitted;
	if (syscall(SYS_capset, &h, c) < 0)
		die("cannot keep", "our capabilities");
}

void
root_pass(const struct sandbox *s, int userns, const uint32_t owner[2])
{
	struct message n = { .kind = MSG_MOUNT, .code = -1, .fd = -1 };

	if (lower_count == 0)
		return;
	if (wants_overlay(s)) {
		int overlay;

		clone_all(s, userns);
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL,
		    MS_REC | MS_PRIVATE, NULL) < 0)
			die("cannot make", "a mount namespace");
		if (s->upper)
			set_fs_ids(owner[0], owner[1]);
		mount_overlay(s, false);
		if (s->upper)
			set_fs_ids(0, 0);
		overlay = open("m", O_PATH | O_CLOEXEC);
		n.fd = mounts_clone(overlay, NULL, false);
		close(overlay);
	} else {
		/* With all that is mounted below, as for an ordinary user, to
		 * whom the kernel gives no other clone: what lies under those
		 * mounts is hidden from everyone outside as well. */
		n.fd = lower_mount(s, &lowers[0], true, userns,
		    ROOT_ATTRIBUTES | (s->root_mode == READ_ONLY ?
		    MOUNT_ATTR_RDONLY : 0));
	}
	if (n.fd < 0 || !channel_send(&n))
		die("cannot pass on", "the root");
	close(n.fd);
}

void
root_receive(int mount)
{
	received = mount;
}

int
rootfs_attach(const struct sandbox *s, bool userns)
{
	int root = received, place;

	if (wants_overlay(s) && root < 0) {
		clone_all(s, -1);
		mount_overlay(s, userns);
		root = open("m", O_PATH | O_CLOEXEC);
		if (root < 0)
			die("cannot open", "the root");
		return root;
	}
	if (root < 0 && lower_count == 0)
		root = mounts_new("tmpfs", "mode=755", ROOT_ATTRIBUTES);
	else if (root < 0)
		root = lower_mount(s, &lowers[0], true, -1,
		    ROOT_ATTRIBUTES | (s->root_mode == READ_ONLY ?
		    MOUNT_ATTR_RDONLY : 0));
	place = open("/", O_PATH | O_CLOEXEC);
	if (root < 0 || place < 0 || !mounts_attach(root, place))
		die("cannot attach", "the root");
	close(place);
	return root;
}

/* The new root is mounted over the old one, which ends up over the new one and
 * is taken off there: no directory has to be lent for it, pivot_root(2). It may
 * be of several mounts. As long as one is left ".." leads onto it. */
void
rootfs_enter(const struct sandbox *s, int root)
{
	if (s->root_mode == READ_ONLY && (wants_overlay(s) ||
	    lower_count == 0) && !mounts_set_readonly(root))
		die("cannot make read-only", "the root");
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    chdir("/") < 0)
		die("cannot enter", "the root");
	do
		if (umount2("/..", MNT_DETACH) < 0)
			die("cannot leave", "the old root");
	while (mount_id(AT_FDCWD, "/..") != mount_id(AT_FDCWD, "/"));
	close(root);
}

void
rootfs_fds(int fds[ROOTFS_FDS])
{
	fds[0] = upper_parent;
	fds[1] = upper_fd;
	fds[2] = work_fd;
}

/* Overlayfs gives its directory mode 0, which keeps an ordinary user out. */
static int
open_inner(void)
{
	const int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int place = openat(work_fd, "work", O_PATH | flags), dir = -1;
	char link[32];
	struct strbuf l = STRBUF(link);
	struct stat st;

	if (place < 0 || fstat(place, &st) < 0)
		return -1;
	strbuf_add(&l, "/proc/self/fd/");
	strbuf_number(&l, place);
	errno = EPERM;
	if (st.st_uid == geteuid() && !(st.st_mode & 077) &&
	    syscall(SYS_fchmodat, AT_FDCWD, link, 0700) == 0)
		dir = openat(place, ".", O_RDONLY | flags);
	close(place);
	return dir;
}

/* Overlayfs keeps a whiteout in there, to link to. */
static bool
empty(int dir)
{
	_Alignas(8) char buffer[1024];
	long n;

	while ((n = syscall(SYS_getdents64, dir, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < n;) {
			/* The length of an entry, and its name, getdents64(2).
			 */
			unsigned short length;

			memcpy(&length, buffer + at + 16, sizeof(length));
			if (unlinkat(dir, buffer + at + 19, 0) < 0)
				unlinkat(dir, buffer + at + 19, AT_REMOVEDIR);
			at += length;
		}
	close(dir);
	return n == 0;
}

/* Where another directory has taken the name, that one stays. */
static bool
remove_work(void)
{
	const int dir = open_inner();

	if (dir < 0 ? errno != ENOENT : !empty(dir) ||
	    unlinkat(work_fd, "work", AT_REMOVEDIR) < 0)
		return false;
	return is_same(upper_parent, work, work_fd) &&
	    unlinkat(upper_parent, work, AT_REMOVEDIR) == 0;
}

void
rootfs_clean(bool started)
{
	syscall(SETFSUID, geteuid());   /* act_as() may have been in between */
	if (work_locked && !remove_work() && started)
		warn("cannot remove the work directory beside", upper_given);
	if (upper_made && !started && (upper_fd < 0 ||
	    is_same(upper_parent, upper_name, upper_fd)))
		unlinkat(upper_parent, upper_name, AT_REMOVEDIR);
}
