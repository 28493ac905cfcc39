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
#include "../cli/memory.h"
#include "../fds.h"
#include "channel.h"
#include "image.h"
#include "mounts.h"
#include "proc.h"
#include "rootfs.h"

enum { LAYERS = 500 };          /* limit of overlayfs */

/* A lower layer: a directory or an image. */
struct lower {
	const char *path;
	int fd;                 /* O_PATH; of an image: open for reading */
	int mount;              /* detached, from clone_layers() on */
	const char *image;      /* its type; NULL: a directory */
};

/* --upper, and the work directory of overlayfs beside it. Both are opened once
 * and used by descriptor: other users, or the command through a volume, may
 * rename these directories or replace them. */
struct upper {
	const char *option;     /* the value of --upper */
	const char *dir;        /* its parent, "/" or "." */
	const char *name;       /* its name in the parent */
	int parent;             /* O_PATH; descriptors are -1 if not open */
	int mount;              /* detached mount of the parent */
	int fd, work_fd;
	bool made, work_locked;
	char work_name[48];     /* of the work directory */
};

static struct root {
	struct memory memory;   /* of lowers */
	struct lower *lowers;   /* the lowest first */
	int lower_count;
	bool is_host;           /* a lower layer is the host's / */
	int received;           /* mount from root_pass(), or -1 */
	struct upper upper;
} rootfs = { .received = -1,
    .upper = { .parent = -1, .mount = -1, .fd = -1, .work_fd = -1 } };

/* Directories in the scratch tmpfs of an overlay. */
#define SCRATCH_UPPERDEV "p"            /* mount that holds --upper */
#define SCRATCH_UPPER "u"               /* upper directory without --upper */
#define SCRATCH_WORK "w"                /* its work directory */
#define SCRATCH_MERGED "m"              /* the overlay */

static const uint64_t ROOT_ATTRIBUTES = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

static bool
is_rootfs_word(const char *value, const char *word)
{
	return value && strcmp(value, word) == 0;
}

/* ---- checks ------------------------------------------------------------- */

/* Reopen the image for reading, through its descriptor: the file at its path
 * may have been replaced. */
static void
reopen_image(struct lower *l)
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

static struct lower *
add_lower(struct root *r, const char *path)
{
	const struct lower l = { .path = path };

	if (r->lower_count == LAYERS)
		diex("too many layers", path, NULL, NULL);
	r->lowers = memory_append(&r->memory, &r->lower_count, &l, sizeof(l));
	return &r->lowers[r->lower_count - 1];
}

static void
open_lower(struct root *r, const char *path)
{
	struct lower *l = add_lower(r, path);
	struct statfs fs;
	struct stat st, top;

	l->fd = open(path, O_PATH | O_CLOEXEC);
	if (l->fd < 0 || fstat(l->fd, &st) < 0 || fstatfs(l->fd, &fs) < 0)
		die("cannot open the root", path);
	if (S_ISREG(st.st_mode))
		reopen_image(l);
	if (!l->image && !S_ISDIR(st.st_mode))
		diex("cannot use as a root", path, "it is neither a "
		    "directory nor a squashfs or erofs image", NULL);
	if (!l->image && !file_permits(l->fd, ".", X_OK))
		die("cannot use as a root", path);
	if (stat("/", &top) < 0)
		die("cannot stat", "/");
	if (top.st_dev == st.st_dev && top.st_ino == st.st_ino)
		r->is_host = true;
	if (fs.f_flags & ST_NOEXEC)
		diex("cannot use as a root", path, "its file system is "
		    "mounted noexec", "put it elsewhere, or mount(8) it exec");
}

/* struct statx up to the mount id. linux/stat.h would redefine the struct of
 * newer libcs. STATX_MNT_ID, Linux 5.8 */
struct mount_statx {
	uint32_t mask, before[35];
	uint64_t mount, after[13];
};
enum { STATX_MOUNT_ID = 0x1000 };

static uint64_t
mount_id(int dir, const char *path, const char *what)
{
	struct mount_statx p;

	if (syscall(SYS_statx, dir, path, AT_EMPTY_PATH, STATX_MOUNT_ID,
	    &p) < 0 || !(p.mask & STATX_MOUNT_ID))
		die("cannot stat", what);
	return p.mount;
}

/* True if name in the directory is the file of descriptor fd. The name "" means
 * the directory itself. If it is another file, errno is ESTALE. */
static bool
is_opened_file(int dir, const char *name, int fd)
{
	struct stat named, held;

	if (fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0
	    || fstat(fd, &held) < 0)
		return false;
	errno = ESTALE;
	return named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

/* Make or take over the work directory, and lock it. Its name is the same at
 * each start, so a start also removes what a killed launcher left. A running
 * launcher holds the lock. Other users know the name, so an existing directory
 * has to belong to us, with mode 0700. */
static void
make_work_directory(struct upper *u, const char *path)
{
	int tries = 0;
	struct stat st;
	bool made;

	do {
		close(u->work_fd);
		made = mkdirat(u->parent, u->work_name, 0700) == 0;
		if (!made && errno != EEXIST)
			die("cannot make a work directory beside", path);
		u->work_fd = openat(u->parent, u->work_name, O_RDONLY |
		    O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (u->work_fd < 0 && errno == ENOENT)
			continue;
		if (u->work_fd < 0 || fstat(u->work_fd, &st) < 0)
			die_with("cannot open the work directory beside", path,
			    "remove .pith-work.* there");
		if (st.st_uid != geteuid() || (st.st_mode & 077))
			diex("cannot use the work directory beside", path,
			    "it has another owner, or other users can enter it",
			    "remove .pith-work.* there");
		if (flock(u->work_fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno == EWOULDBLOCK)
				diex("cannot use as the upper directory",
				    path, "another sandbox uses it", NULL);
			u->work_locked = made;
			die("cannot lock the work directory beside", path);
		}
		/* Before we locked it, another launcher may have removed it. */
		u->work_locked = is_opened_file(u->parent, u->work_name,
		    u->work_fd);
	} while (!u->work_locked && ++tries < 64);
	if (!u->work_locked)
		diex("cannot lock the work directory beside", path,
		    "another process keeps replacing it", NULL);
}

/* Split the path into parent and name, in a copy of it. Remove trailing slashes
 * first, as with them a link would be followed. */
static void
split_upper_path(struct upper *u, const char *path)
{
	struct memory copy = { NULL, 0 };
	size_t size = strlen(path);
	char *text, *slash;

	while (size > 1 && path[size - 1] == '/')
		size--;
	errno = ENAMETOOLONG;
	if (size >= PATH_MAX)
		die("cannot open the upper directory", path);
	memory_reserve(&copy, size + 1);
	text = memcpy(copy.block, path, size);
	slash = strrchr(text, '/');
	u->dir = !slash ? "." : slash == text ? "/" : text;
	u->name = slash ? slash + 1 : text;
	if (slash)
		*slash = '\0';
	if (!*u->name || strcmp(u->name, ".") == 0 ||
	    strcmp(u->name, "..") == 0)
		diex("cannot use as the upper directory", path,
		    "it ends in /, . or ..",
		    "give the directory by its name");
}

/* Mode of a new upper directory. Setuid files in it have our ids outside, so no
 * other user may reach them. But the mode also applies to / inside, and 0700
 * locks out the sandbox's other users. So use 0755 if a directory above already
 * excludes other users. */
static mode_t
upper_mode(const struct upper *u)
{
	int dir = openat(u->parent, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool closed = false, top = false;
	struct stat st;

	while (!closed && !top && fstat(dir, &st) == 0) {
		int up = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		closed = st.st_uid == geteuid() && !(st.st_mode & 011);
		top = up < 0 || is_opened_file(up, "", dir);
		close(dir);
		dir = up;
	}
	close(dir);
	return closed ? 0755 : 0700;
}

static void
open_upper(struct upper *u, const char *path)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct strbuf name = STRBUF(u->work_name);
	struct stat st;

	u->option = path;
	split_upper_path(u, path);
	u->parent = open(u->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (u->parent < 0)
		die("cannot open the directory of", path);
	u->made = mkdirat(u->parent, u->name, upper_mode(u)) == 0;
	if (!u->made && errno != EEXIST)
		die("cannot make the upper directory", path);
	u->fd = openat(u->parent, u->name, flags);
	if (u->fd < 0 || fstat(u->fd, &st) < 0)
		die_with("cannot open the upper directory", path, errno ==
		    ENOTDIR ? "name a directory, not a link to one" : NULL);
	/* Another user may have replaced the directory after mkdirat(). */
	if (u->made && st.st_uid != geteuid())
		diex("cannot use as the upper directory", path,
		    "another user has replaced it", NULL);
	if (mount_id(u->fd, "", path) != mount_id(u->parent, "", path))
		diex("cannot use as the upper directory", path,
		    "it is a mount point", "name a directory in it");
	strbuf_add(&name, ".pith-work.");
	strbuf_number(&name, st.st_ino);
	make_work_directory(u, path);
}

void
rootfs_prepare(const struct sandbox *s)
{
	if (s->rootfs && !is_rootfs_word(s->rootfs, "none"))
		open_lower(&rootfs, s->rootfs);
	for (int i = 0; i < s->layer_count; i++)
		open_lower(&rootfs, s->layers[i]);
	if (s->upper && rootfs.lower_count == 0)
		diex("--upper needs a --layer or a --rootfs", NULL, NULL,
		    NULL);
	if (s->root_mode == WRITABLE && (s->layer_count > 0 || s->upper))
		diex("--writable is for a plain --rootfs", NULL, NULL,
		    "--upper keeps what is written on top of layers");
}

bool
rootfs_is_host(void)
{
	return rootfs.is_host;
}

void
rootfs_upper(const struct sandbox *s)
{
	struct upper *u = &rootfs.upper;

	if (!s->upper)
		return;
	open_upper(u, s->upper);
	fds_keep(&u->parent, 1, FDS_OUTSIDE);
	fds_keep(&u->fd, 1, FDS_OUTSIDE);
	fds_keep(&u->work_fd, 1, FDS_OUTSIDE);
}

/* ---- mounts ------------------------------------------------------------- */

/* Attach a mount at a directory of the scratch tmpfs. The options of overlayfs
 * only name such directories, never a path of the command line, which could
 * hold commas and colons. */
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

/* Use the mount without an id map: its files then belong to the overflow ids
 * inside. That is enough for a read-only root. In a writable one every write
 * would fail with EACCES, so die, or degrade with --best-effort. errno is the
 * error of mount_setattr(2). */
static void
use_unmapped(const struct sandbox *s, int mount, const char *path,
    uint64_t attributes)
{
	const int error = errno;

	if (!mounts_set_attributes(mount, attributes, -1))
		die("cannot use as a root", path);
	errno = error;
	if (s->root_mode != READ_ONLY && s->best_effort)
		degrade("cannot map the owners of", path);
	else if (s->root_mode != READ_ONLY)
		die_with("cannot map the owners of", path, "its file system "
		    "does not support id maps: use --read-only or "
		    "--userns host");
}

/* Clone a directory as a detached mount; if whole, with all mounts below it. In
 * a launcher that is root, map the owners to userns. In init, userns is -1. */
static int
clone_mount_of(const struct sandbox *s, int fd, const char *path, bool whole,
    int userns, uint64_t attributes)
{
	int mount = mounts_clone(fd, userns < 0 ? path : NULL, whole);

	if (mount < 0 && errno == EINVAL)
		diex("cannot use as a root", path, "it has locked mounts "
		    "below it", "add --read-only");
	if (mount < 0)
		die("cannot clone the mount of", path);
	if (mounts_set_attributes(mount, attributes, userns))
		return mount;
	if (userns < 0)
		die("cannot use as a root", path);
	/* mount_setattr(2) maps all mounts of the tree or none, and fails for
	 * /proc. Then map the mount of the root only. */
	if (!whole || !mounts_set_attributes(mount, attributes, -1) ||
	    !mounts_map(mount, userns))
		use_unmapped(s, mount, path, attributes);
	return mount;
}

static int
mount_lower(const struct sandbox *s, const struct lower *l, bool whole,
    int userns, uint64_t attributes)
{
	int mount;

	if (!l->image)
		return clone_mount_of(s, l->fd, l->path, whole, userns,
		    attributes);
	mount = image_mount(l->fd, l->image, l->path);
	if (!mounts_set_attributes(mount, attributes, userns))
		use_unmapped(s, mount, l->path, attributes);
	return mount;
}

/* Copy owner and mode of a lower layer to the upper directory, as the root of
 * an overlay has those of its upper directory. */
static void
copy_owner(int lower, const char *to)
{
	struct stat st;

	if (fstat(lower, &st) < 0 || chmod(to, st.st_mode & 07777) < 0)
		die("cannot read", "the root");
	(void)!chown(to, st.st_uid, st.st_gid); /* fails for unmapped ids */
}

/* Clone all layers and the parent of --upper. Call before mount_scratch() and
 * before a change of mount namespace: a descriptor of another mount namespace
 * cannot be cloned, and relative paths would start elsewhere. */
static void
clone_layers(struct root *r, const struct sandbox *s, int userns)
{
	struct upper *u = &r->upper;

	for (int i = 0; i < r->lower_count; i++)
		r->lowers[i].mount = mount_lower(s, &r->lowers[i], false,
		    userns, ROOT_ATTRIBUTES | MOUNT_ATTR_RDONLY);
	if (u->parent >= 0)
		u->mount = clone_mount_of(s, u->parent, u->dir, false,
		    userns, ROOT_ATTRIBUTES);
}

/* Add an option with a directory below the mount, as /proc/self/fd/N: its
 * name may hold commas. Die if the name now leads to another directory than
 * descriptor opened. */
static void
add_upper_option(struct strbuf *options, const char *key, int mount,
    const char *name, int opened)
{
	const int fd = openat(mount, name, O_PATH | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || !is_opened_file(fd, "", opened))
		die("cannot reopen", name);
	strbuf_add(options, key);
	strbuf_add(options, "/proc/self/fd/");
	strbuf_number(options, fd);
}

/* Add --upper and the work directory. overlayfs needs both on one mount, so
 * attach their parent. */
static void
attach_upper(const struct upper *u, struct strbuf *options)
{
	attach_at(u->mount, SCRATCH_UPPERDEV);
	add_upper_option(options, ",upperdir=", u->mount, u->name, u->fd);
	add_upper_option(options, ",workdir=", u->mount, u->work_name,
	    u->work_fd);
}

/* Mount the scratch tmpfs over the root of our mount namespace and change to
 * it. Absolute paths still lead to the old root. The host does not see the
 * tmpfs. */
static void
mount_scratch(const struct sandbox *s)
{
	char text[48];
	struct strbuf options = STRBUF(text);
	int scratch, place = open("/", O_PATH | O_CLOEXEC);

	strbuf_add(&options, "mode=755");
	if (s->root_size > 0) {
		strbuf_add(&options, ",size=");
		strbuf_number(&options, s->root_size);
	}
	scratch = mounts_new("tmpfs", text, ROOT_ATTRIBUTES);
	if (scratch < 0 || place < 0 || !mounts_attach(scratch, place) ||
	    fchdir(scratch) < 0)
		die("cannot mount", "a tmpfs for the root");
	close(place);
	close(scratch);
}

/* Mount the overlay on SCRATCH_MERGED and stay in the scratch tmpfs. */
static void
mount_root_overlay(const struct root *r, const struct sandbox *s, bool userns)
{
	char text[4096];
	struct strbuf options = STRBUF(text);

	mount_scratch(s);
	strbuf_add(&options, userns ? "userxattr," : "");
	strbuf_add(&options, "lowerdir=");
	for (int i = r->lower_count - 1; i >= 0; i--) {
		char name[16];
		struct strbuf number = STRBUF(name);

		strbuf_number(&number, i);
		attach_at(r->lowers[i].mount, name);
		strbuf_add(&options, name);
		strbuf_add(&options, i > 0 ? ":" : "");
	}
	if (s->upper) {
		attach_upper(&r->upper, &options);
	} else {
		if (mkdir(SCRATCH_UPPER, 0755) < 0 ||
		    mkdir(SCRATCH_WORK, 0755) < 0)
			die("cannot make", "the upper directory");
		copy_owner(r->lowers[r->lower_count - 1].mount, SCRATCH_UPPER);
		strbuf_add(&options, ",upperdir=" SCRATCH_UPPER
		    ",workdir=" SCRATCH_WORK ",volatile");
	}
	if (mkdir(SCRATCH_MERGED, 0755) < 0 || mount("overlay", SCRATCH_MERGED,
	    "overlay", MS_NOSUID | MS_NODEV, text) < 0)
		die_with("cannot mount an overlay on", r->lowers[0].path,
		    errno == ELOOP ? "move the layer that lies in another" :
		    errno == ENODEV ? "load overlayfs: modprobe overlay" :
		    NULL);
}

static bool
wants_overlay(const struct root *r, const struct sandbox *s)
{
	return r->lower_count > 1 || s->upper || (r->lower_count == 1 &&
	    s->root_mode == EPHEMERAL);
}

/* Become the sandbox's root for file access, or root again. overlayfs acts with
 * the mounter's credentials, and on an id-mapped mount only mapped ids can make
 * files. setfsuid(2) drops some effective capabilities; restore them. */
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
		die("cannot restore", "our capabilities");
}

void
root_pass(const struct sandbox *s, int userns, const uint32_t owner[2])
{
	struct message n = { .kind = MSG_MOUNT, .code = -1, .fd = -1 };
	struct root *r = &rootfs;

	if (r->lower_count == 0)
		return;
	if (wants_overlay(r, s)) {
		int overlay;

		clone_layers(r, s, userns);
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL,
		    MS_REC | MS_PRIVATE, NULL) < 0)
			die("cannot make", "a mount namespace");
		if (s->upper)
			set_fs_ids(owner[0], owner[1]);
		mount_root_overlay(r, s, false);
		if (s->upper)
			set_fs_ids(0, 0);
		overlay = open(SCRATCH_MERGED, O_PATH | O_CLOEXEC);
		n.fd = mounts_clone(overlay, NULL, false);
		close(overlay);
	} else {
		/* With all mounts below it. The kernel allows an ordinary user
		 * no other clone, as a clone without them would reveal the
		 * files under those mounts. Do the same for root. */
		n.fd = mount_lower(s, &r->lowers[0], true, userns,
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
	rootfs.received = mount;
}

int
rootfs_attach(const struct sandbox *s, bool userns)
{
	struct root *r = &rootfs;
	int root = r->received, place;

	if (wants_overlay(r, s) && root < 0) {
		clone_layers(r, s, -1);
		mount_root_overlay(r, s, userns);
		root = open(SCRATCH_MERGED, O_PATH | O_CLOEXEC);
		if (root < 0)
			die("cannot open", "the root");
		return root;
	}
	if (root < 0 && r->lower_count == 0)
		root = mounts_new("tmpfs", "mode=755", ROOT_ATTRIBUTES);
	else if (root < 0)
		root = mount_lower(s, &r->lowers[0], true, -1,
		    ROOT_ATTRIBUTES | (s->root_mode == READ_ONLY ?
		    MOUNT_ATTR_RDONLY : 0));
	place = open("/", O_PATH | O_CLOEXEC);
	if (root < 0 || place < 0 || !mounts_attach(root, place))
		die("cannot attach", "the root");
	close(place);
	return root;
}

/* pivot_root(".", ".") stacks the old root on the new one, so it needs no
 * directory in the new root, pivot_root(2). Detach the old root there. It may
 * consist of several mounts: repeat until ".." of / is / itself. */
void
rootfs_enter(const struct sandbox *s, int root)
{
	if (s->root_mode == READ_ONLY && (wants_overlay(&rootfs, s) ||
	    rootfs.lower_count == 0) && !mounts_set_readonly(root))
		die("cannot make read-only", "the root");
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    chdir("/") < 0)
		die("cannot enter", "the root");
	do
		if (umount2("/..", MNT_DETACH) < 0)
			die("cannot detach", "the old root");
	while (mount_id(AT_FDCWD, "/..", "/..") !=
	    mount_id(AT_FDCWD, "/", "/"));
	close(root);
}

/* Open the directory "work" that overlayfs made in the work directory. It has
 * mode 0, so that an ordinary user has to change the mode first. Return -1 with
 * errno. */
static int
open_overlay_work(const struct upper *u)
{
	const int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int place = openat(u->work_fd, "work", O_PATH | flags), dir = -1;
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

/* Remove all entries of the directory, and close it. overlayfs keeps a whiteout
 * in "work" to make hard links of. */
static bool
remove_entries(int dir)
{
	struct dir_list list = { .fd = dir };
	const struct dirent *entry;

	while ((entry = dir_next(&list)))
		if (unlinkat(dir, entry->d_name, 0) < 0)
			unlinkat(dir, entry->d_name, AT_REMOVEDIR);
	close(dir);
	return list.size == 0;
}

/* Remove the work directory, unless another directory has its name by now. */
static bool
remove_work_directory(const struct upper *u)
{
	const int dir = open_overlay_work(u);

	if (dir < 0 ? errno != ENOENT : !remove_entries(dir) ||
	    unlinkat(u->work_fd, "work", AT_REMOVEDIR) < 0)
		return false;
	return is_opened_file(u->parent, u->work_name, u->work_fd) &&
	    unlinkat(u->parent, u->work_name, AT_REMOVEDIR) == 0;
}

void
rootfs_clean(bool started)
{
	const struct upper *u = &rootfs.upper;

	/* die() may have been called between the two set_fs_ids(). */
	syscall(SETFSUID, geteuid());
	if (u->work_locked && !remove_work_directory(u) && started)
		warn("cannot remove the work directory beside", u->option);
	if (u->made && !started && (u->fd < 0 ||
	    is_opened_file(u->parent, u->name, u->fd)))
		unlinkat(u->parent, u->name, AT_REMOVEDIR);
}
