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
#include "rootfs.h"
#include "tether.h"

enum { LAYERS = 500 };          /* overlayfs takes as many */

/* The lower directories, the lowest first; O_PATH. One may be an image. */
static struct lower {
	const char *path;
	int fd;
	int mount;
	bool image;
} lowers[LAYERS];
static int lower_count;

/* Where --upper is, and the name of overlayfs's directory beside it. */
static char upper[PATH_MAX];            /* cut in two: its parent ... */
static const char *upper_name;          /* ... and its name in there */
static int work_lock = -1;
static int upper_parent = -1, upper_mount = -1;
static bool upper_made, work_made;
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

static void
open_lower(const char *path)
{
	struct lower *l = &lowers[lower_count++];
	struct statfs fs;
	struct stat st;

	if (lower_count > LAYERS)
		refuse("too many layers", path, NULL, NULL);
	l->path = path;
	l->fd = open(path, O_PATH | O_CLOEXEC);
	if (l->fd < 0 || fstat(l->fd, &st) < 0 || fstatfs(l->fd, &fs) < 0)
		die("cannot open the root", path);
	l->image = S_ISREG(st.st_mode);
	if (l->image ? !image_is(path) : !S_ISDIR(st.st_mode))
		refuse("cannot use as a root", path, "it is neither a "
		    "directory nor a squashfs or erofs image", NULL);
	if (!l->image && access(path, X_OK) < 0)
		die("cannot use as a root", path);
	if (fs.f_flags & ST_NOEXEC)
		refuse("cannot use as a root", path, "its file system is "
		    "mounted noexec", "put it elsewhere, or mount(8) it exec");
}

/* It has the same name at every start, which then removes as well what a
 * launcher that was killed has left; and whoever lives has it locked. */
static void
make_work(const char *path)
{
	work_made = mkdirat(upper_parent, work, 0700) == 0;
	if (!work_made && errno != EEXIST)
		die("cannot make a work directory beside", path);
	work_lock = openat(upper_parent, work, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);
	if (work_lock < 0)
		die("cannot open the work directory beside", path);
	if (flock(work_lock, LOCK_EX | LOCK_NB) < 0)
		refuse("cannot use as the upper directory", path,
		    "another sandbox does", NULL);
	work_made = true;
}

static void
open_upper(const char *path)
{
	char link[32];
	struct line l = LINE(link);
	struct line name = LINE(work);
	struct stat st;
	ssize_t n;
	char *slash;
	int fd;

	upper_given = path;
	upper_made = mkdir(path, 0755) == 0;
	if (!upper_made && errno != EEXIST)
		die("cannot make the upper directory", path);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	line_add(&l, "/proc/self/fd/");
	line_number(&l, fd);
	n = readlink(link, upper, sizeof(upper) - 1);
	if (fd < 0 || n < 0 || fstat(fd, &st) < 0)
		die("cannot open the upper directory", path);
	slash = strrchr(upper, '/');
	if (!slash[1])
		refuse("cannot use as the upper directory", path, NULL, NULL);
	upper_name = slash + 1;
	*slash = '\0';
	upper_parent = open(slash == upper ? "/" : upper, O_PATH | O_DIRECTORY |
	    O_CLOEXEC);
	if (upper_parent < 0)
		die("cannot open the directory of", path);
	close(fd);
	line_add(&name, ".pith-work.");
	line_number(&name, st.st_ino);
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
		refuse("--upper needs a --layer or a --rootfs", NULL, NULL,
		    NULL);
	if (s->root_mode == WRITABLE && (s->layered || s->upper))
		refuse("--writable is for a plain --rootfs", NULL, NULL,
		    "--upper keeps what is written on top of layers");
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

/* By a launcher with the owners of userns, else by init. */
static int
clone_of(int fd, const char *path, bool whole, int userns, uint64_t attributes)
{
	int mount = mounts_clone(fd, userns < 0 ? path : NULL, whole);

	if (mount < 0 && errno == EINVAL)
		refuse("cannot use as a root", path, "mounts that we may not "
		    "take apart lie below it", "--read-only");
	if (mount < 0)
		die("cannot clone the mount of", path);
	if (mounts_set(mount, attributes, userns))
		return mount;
	/* Who may only read can do without owners. */
	if (userns < 0 || !(attributes & MOUNT_ATTR_RDONLY) ||
	    !mounts_set(mount, attributes, -1))
		die_with("cannot map the owners of", path,
		    "its file system is too simple; --read-only or "
		    "--userns host do without");
	return mount;
}

static int
lower_mount(const struct lower *l, bool whole, int userns, uint64_t attributes)
{
	int mount;

	if (!l->image)
		return clone_of(l->fd, l->path, whole, userns, attributes);
	mount = image_mount(l->path);
	if (!mounts_set(mount, attributes, userns) &&
	    !mounts_set(mount, attributes, -1))
		die("cannot use the image", l->path);
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
clone_all(int userns)
{
	for (int i = 0; i < lower_count; i++)
		lowers[i].mount = lower_mount(&lowers[i], false, userns,
		    ROOT_ATTRIBUTES | MOUNT_ATTR_RDONLY);
	if (upper_parent >= 0)
		upper_mount = clone_of(upper_parent, upper[0] ? upper : "/",
		    false, userns, ROOT_ATTRIBUTES);
}

/* Upper and work directory have to be of one mount: of what holds them both. */
static void
attach_upper(struct line *options)
{
	int fd;

	attach_at(upper_mount, "p");
	fd = openat(upper_mount, upper_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		die("cannot open", upper_name);
	/* By its descriptor, as its name may hold anything: proc(5). */
	line_add(options, ",upperdir=/proc/self/fd/");
	line_number(options, fd);
	line_add(options, ",workdir=p/");
	line_add(options, work);
}

/* A tmpfs over the root of our mount namespace, and us in it: paths from / go
 * on as before. The host sees nothing of it. */
static void
enter_stage(const struct sandbox *s)
{
	char text[48];
	struct line options = LINE(text);
	int stage, place = open("/", O_PATH | O_CLOEXEC);

	line_add(&options, "mode=755");
	if (s->root_size > 0) {
		line_add(&options, ",size=");
		line_number(&options, s->root_size);
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
	struct line options = LINE(text);

	enter_stage(s);
	line_add(&options, userns ? "userxattr," : "");
	line_add(&options, "lowerdir=");
	for (int i = lower_count - 1; i >= 0; i--) {
		char name[16];
		struct line number = LINE(name);

		line_number(&number, i);
		attach_at(lowers[i].mount, name);
		line_add(&options, name);
		line_add(&options, i > 0 ? ":" : "");
	}
	if (s->upper) {
		attach_upper(&options);
	} else {
		if (mkdir("u", 0755) < 0 || mkdir("w", 0755) < 0)
			die("cannot make", "the upper directory");
		copy_owner(lowers[lower_count - 1].mount, "u");
		line_add(&options, ",upperdir=u,workdir=w,volatile");
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
act_as(uint32_t uid, uint32_t gid)
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
rootfs_send(const struct sandbox *s, int userns, const uint32_t owner[2])
{
	struct news n = { .kind = MOUNT, .code = -1, .fd = -1 };

	if (lower_count == 0)
		return;
	if (wants_overlay(s)) {
		int overlay;

		clone_all(userns);
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL,
		    MS_REC | MS_PRIVATE, NULL) < 0)
			die("cannot make", "a mount namespace");
		if (s->upper)
			act_as(owner[0], owner[1]);
		mount_overlay(s, false);
		if (s->upper)
			act_as(0, 0);
		overlay = open("m", O_PATH | O_CLOEXEC);
		n.fd = mounts_clone(overlay, NULL, false);
		close(overlay);
	} else {
		n.fd = lower_mount(&lowers[0], false, userns, ROOT_ATTRIBUTES |
		    (s->root_mode == READ_ONLY ? MOUNT_ATTR_RDONLY : 0));
	}
	if (n.fd < 0 || !tether_send(&n))
		die("cannot pass on", "the root");
	close(n.fd);
}

void
rootfs_take(int mount)
{
	received = mount;
}

int
rootfs_attach(const struct sandbox *s, bool userns)
{
	int root = received, place;

	if (wants_overlay(s) && root < 0) {
		clone_all(-1);
		mount_overlay(s, userns);
		root = open("m", O_PATH | O_CLOEXEC);
		if (root < 0)
			die("cannot open", "the root");
		return root;
	}
	if (root < 0 && lower_count == 0)
		root = mounts_new("tmpfs", "mode=755", ROOT_ATTRIBUTES);
	else if (root < 0)
		root = lower_mount(&lowers[0], true, -1, ROOT_ATTRIBUTES |
		    (s->root_mode == READ_ONLY ? MOUNT_ATTR_RDONLY : 0));
	place = open("/", O_PATH | O_CLOEXEC);
	if (root < 0 || place < 0 || !mounts_attach(root, place))
		die("cannot attach", "the root");
	close(place);
	return root;
}

/* As much of struct statx as is wanted: linux/stat.h has it whole, and newer
 * libcs have it as well. STATX_MNT_ID, Linux 5.8 */
struct place {
	uint32_t mask, before[35];
	uint64_t mount, after[13];
};
enum { MOUNT_ID = 0x1000 };

static uint64_t
mount_id(const char *path)
{
	struct place p;

	if (syscall(SYS_statx, AT_FDCWD, path, 0, MOUNT_ID, &p) < 0 ||
	    !(p.mask & MOUNT_ID))
		die("cannot look at", path);
	return p.mount;
}

/* The new root is mounted over the old one, which ends up over the new one and
 * is taken off there: no directory has to be lent for it, pivot_root(2). It may
 * be of several mounts. As long as one is left ".." leads onto it. */
void
rootfs_enter(const struct sandbox *s, int root)
{
	if (s->root_mode == READ_ONLY && (wants_overlay(s) ||
	    lower_count == 0) && !mounts_freeze(root))
		die("cannot make read-only", "the root");
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    chdir("/") < 0)
		die("cannot enter", "the root");
	do
		if (umount2("/..", MNT_DETACH) < 0)
			die("cannot leave", "the old root");
	while (mount_id("/..") != mount_id("/"));
	close(root);
}

void
rootfs_fds(int fds[ROOTFS_FDS])
{
	fds[0] = upper_parent;
	fds[1] = work_lock;
}

/* Overlayfs keeps a whiteout in there, to link to. */
static void
empty(const char *path)
{
	_Alignas(8) char buffer[1024];
	long n;
	int dir;

	syscall(SYS_fchmodat, upper_parent, path, 0700);
	dir = openat(upper_parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	while ((n = syscall(SYS_getdents64, dir, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < n;) {
			/* The length of an entry, and its name, getdents64(2).
			 */
			unsigned short length;

			memcpy(&length, buffer + at + 16, sizeof(length));
			unlinkat(dir, buffer + at + 19, 0);
			at += length;
		}
	close(dir);
}

void
rootfs_clean(bool started)
{
	char path[sizeof(work) + 8];
	struct line l = LINE(path);

	syscall(SETFSUID, geteuid());   /* act_as() may have been in between */
	if (upper_parent >= 0 && work_made) {
		line_add(&l, work);
		line_add(&l, "/work");
		empty(path);
		unlinkat(upper_parent, path, AT_REMOVEDIR);
		unlinkat(upper_parent, work, AT_REMOVEDIR);
	}
	/* Not opened: we are where we were started. */
	if (upper_made && !started && upper_parent < 0)
		unlinkat(AT_FDCWD, upper_given, AT_REMOVEDIR);
	else if (upper_made && !started)
		unlinkat(upper_parent, upper_name, AT_REMOVEDIR);
}
