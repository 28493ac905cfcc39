#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "../cli/memory.h"
#include "channel.h"
#include "mounts.h"
#include "volumes.h"

struct bind {
	struct bind_value value;
	bool absent;            /* no source, and BIND_TRY allows that */
	bool device;            /* source is a device: bind it without id map */
	int source;             /* O_PATH, or what --file reads; or -1 */
	int mount;              /* detached, from the launcher; or -1 */
};

/* All binds, in the order of the command line. */
static struct binds {
	struct memory memory;   /* of table */
	struct bind *table;
	int count;
} bindings;

static void
open_source(struct bind *b)
{
	struct stat st;

	if (b->value.kind == FILE_AT) {
		b->source = b->value.fd;
		if (fcntl(b->source, F_GETFD) < 0)
			diex("--file: not an open file", b->value.from, NULL,
			    "write it as FD:DST");
		return;
	}
	b->source = open(b->value.from, O_PATH | O_CLOEXEC);
	b->absent = b->source < 0 && (b->value.flags & BIND_TRY);
	if (b->absent)
		return;
	if (b->source < 0 || fstat(b->source, &st) < 0)
		die(b->value.kind == DEVICE ? "cannot open the device" :
		    "cannot open the volume", b->value.from);
	b->device = S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode);
	if (b->value.kind == DEVICE && !b->device)
		diex("not a device", b->value.from, NULL, "use --volume");
}

static struct bind *
add_bind(struct binds *v, const struct bind_value *value)
{
	const struct bind b = { .value = *value, .source = -1, .mount = -1 };

	v->table = memory_append(&v->memory, &v->count, &b, sizeof(b));
	return &v->table[v->count - 1];
}

/* Skip slashes and "." components. */
static const char *
skip_slashes(const char *path)
{
	while (*path == '/' || (*path == '.' && (!path[1] || path[1] == '/')))
		path++;
	return path;
}

/* True if both texts are the same path. Links are not followed. */
static bool
is_same_path(const char *a, const char *b)
{
	while (*a && *b && *a == *b) {
		const bool slash = *a == '/';

		a = slash ? skip_slashes(a) : a + 1;
		b = slash ? skip_slashes(b) : b + 1;
	}
	return !*skip_slashes(a) && !*skip_slashes(b);
}

void
volumes_add_file(int fd, const char *path, const char *remedy)
{
	const struct bind_value value = { .kind = FILE_AT, .mode = -1,
	    .to = path };
	struct binds *v = &bindings;

	for (int i = 0; i < v->count; i++)
		if (is_same_path(v->table[i].value.to, path))
			diex("cannot put a file at", path, "another option "
			    "puts one there", remedy);
	add_bind(v, &value)->source = fd;
}

void
volumes_prepare(const struct sandbox *s)
{
	for (int i = 0; i < s->bind_count; i++) {
		struct bind *b = add_bind(&bindings, &s->binds[i]);

		if (b->value.from && b->value.kind != SYMLINK)
			open_source(b);
	}
}

/* MOUNT_ATTR_* of the mount. The owner and mode of a device node belong to the
 * host, so the mount of a device is read-only. The device stays writable. */
static uint64_t
bind_attributes(const struct bind *b)
{
	const int kind = b->value.kind, flags = b->value.flags;

	return MOUNT_ATTR_NOSUID |
	    (kind == DEVICE || flags & BIND_DEV ? 0 : MOUNT_ATTR_NODEV) |
	    (flags & BIND_RO || b->device ? MOUNT_ATTR_RDONLY : 0) |
	    (flags & BIND_NOEXEC || kind == DEVICE ||
	    (kind == TMPFS && !(flags & BIND_EXEC)) ? MOUNT_ATTR_NOEXEC : 0);
}

static bool
is_bind(const struct bind *b)
{
	return !b->absent && (b->value.kind == VOLUME ||
	    b->value.kind == DEVICE);
}

static int
send_bind(const struct bind *b, int number, int userns)
{
	struct message n = { .kind = MSG_MOUNT, .code = number };
	uint64_t a = bind_attributes(b);

	n.fd = mounts_clone(b->source, NULL, true);
	if (n.fd < 0)
		return -1;
	/* A read-only mount needs no id map. */
	if ((b->device || !mounts_set_attributes(n.fd, a, userns)) &&
	    !(a & MOUNT_ATTR_RDONLY && mounts_set_attributes(n.fd, a, -1)))
		die_with("cannot map the owners of", b->value.from,
		    "its file system does not support id maps: "
		    "make it :ro, or use --userns host");
	if (!channel_send(&n))
		return -1;
	close(n.fd);
	return close(b->source);
}

void
volumes_send(int userns)
{
	for (int i = 0; i < bindings.count; i++) {
		const struct bind *b = &bindings.table[i];

		if (is_bind(b) && send_bind(b, i, userns) < 0)
			die("cannot bind", b->value.from);
	}
}

void
volumes_receive(int number, int mount)
{
	struct bind *b = &bindings.table[number];

	b->mount = mount;
	close(b->source);
}

static int
new_bind(const struct bind *b)
{
	int mount = mounts_clone(b->source, b->value.from, true);

	return mount >= 0 && mounts_set_attributes(mount, bind_attributes(b),
	    -1) ? mount : -1;
}

static int
new_tmpfs(const struct bind *b)
{
	const int mode = b->value.mode < 0 ? 01777 : b->value.mode;
	char text[64];
	struct strbuf options = STRBUF(text);

	strbuf_add(&options, "mode=");
	for (int shift = 9; shift >= 0; shift -= 3)
		strbuf_number(&options, mode >> shift & 7);
	if (b->value.size) {
		strbuf_add(&options, ",size=");
		strbuf_add(&options, b->value.size);
	}
	return mounts_new("tmpfs", text, bind_attributes(b));
}

static bool
copy_file(int from, int to)
{
	char buffer[4096];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) != 0)
		if ((n < 0 && errno != EINTR) ||
		    (n > 0 && write(to, buffer, n) != n))
			return false;
	return true;
}

/* Make the file on a new tmpfs, as the root may be read-only or permanent.
 * Before Linux 6.15 only attached mounts can be cloned. So attach the tmpfs to
 * /proc of the old root; rootfs_enter() detaches it together with that. */
static int
new_file(const struct bind *b)
{
	int place = open("/proc", O_PATH | O_CLOEXEC);
	int fs, fd, mount = -1;

	fs = mounts_new("tmpfs", "", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (fs < 0 || place < 0 || !mounts_attach(fs, place))
		return -1;
	close(place);
	fd = openat(fs, "f", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && copy_file(b->source, fd) &&
	    syscall(SYS_fchmod, fd, b->value.mode < 0 ? 0644 :
	    b->value.mode) == 0) {
		int path = openat(fs, "f", O_PATH | O_CLOEXEC);

		close(fd);
		mount = mounts_clone(path, NULL, false);
		close(path);
		if (mount >= 0 &&
		    !mounts_set_attributes(mount, bind_attributes(b), -1))
			mount = -1;
	}
	close(fs);
	return mount;
}

bool
volumes_have_nodes(void)
{
	for (int i = 0; i < bindings.count; i++)
		if (bindings.table[i].value.flags & BIND_DEV)
			return true;
	return false;
}

bool
volumes_device(int *next, struct stat *st)
{
	while (*next < bindings.count) {
		const struct bind *b = &bindings.table[(*next)++];

		if (b->value.kind == DEVICE && fstat(b->source, st) == 0)
			return true;
	}
	return false;
}

static bool
is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Make the symbolic link. An existing link with the same target is fine. */
static bool
make_symlink(int root, const struct bind *b)
{
	const char *name;
	char old[4096];
	int parent = mounts_open_parent(root, b->value.to, &name);
	ssize_t n;

	if (parent < 0)
		return false;
	if (symlinkat(b->value.from, parent, name) < 0) {
		n = errno == EEXIST ? readlinkat(parent, name, old,
		    sizeof(old)) : -1;
		if (n != (ssize_t)strlen(b->value.from) ||
		    memcmp(old, b->value.from, n) != 0) {
			errno = n < 0 && errno == EINVAL ? EEXIST : errno;
			return false;
		}
	}
	return close(parent) == 0;
}

static bool
build_bind(int root, const struct bind *b)
{
	const int kind = b->value.kind;
	int mount = b->mount, place;

	if (b->absent)
		return true;
	if (kind == SYMLINK)
		return make_symlink(root, b);
	if (mount < 0 && kind != DIR_AT)
		mount = kind == TMPFS ? new_tmpfs(b) : kind == FILE_AT ?
		    new_file(b) : new_bind(b);
	if (mount < 0 && kind != DIR_AT)
		return false;
	place = mounts_open_in_root(root, b->value.to, kind == DIR_AT ||
	    is_directory(mount));
	if (place < 0 || (kind != DIR_AT && !mounts_attach(mount, place)))
		return false;
	if (kind != DIR_AT)
		close(mount);
	return close(place) == 0;
}

/* Cover the directory with an empty tmpfs, unless it is the one of *device. */
static void
hide_directory(int root, const char *path, int mode, dev_t *device)
{
	const struct bind hidden = { .value = { .kind = TMPFS,
	    .flags = BIND_EXEC, .mode = mode } };
	const int place = mounts_find(root, path);
	struct stat st;
	int mount;

	if (place < 0 && errno == ENOENT)
		return;
	if (place < 0 || fstat(place, &st) < 0)
		die("cannot hide", path);
	/* /var/run is usually a link to /run, which is covered already. */
	if (st.st_dev != *device) {
		mount = new_tmpfs(&hidden);
		if (mount < 0 || !mounts_attach(mount, place) ||
		    fstat(mount, &st) < 0)
			die("cannot hide", path);
		*device = st.st_dev;
		close(mount);
	}
	close(place);
}

static void
hide_sockets(int root)
{
	dev_t run = 0, tmp = 0;

	hide_directory(root, "/run", 0755, &run);
	hide_directory(root, "/var/run", 0755, &run);
	hide_directory(root, "/tmp", 01777, &tmp);
}

void
volumes_build(int root, bool this_host)
{
	static const char failures[][26] = {
		[VOLUME] = "cannot bind the volume at",
		[TMPFS] = "cannot mount a tmpfs at",
		[DIR_AT] = "cannot make the directory",
		[SYMLINK] = "cannot make the link",
		[FILE_AT] = "cannot put a file at",
		[DEVICE] = "cannot bind the device at",
	};

	if (this_host)
		hide_sockets(root);
	for (int i = 0; i < bindings.count; i++) {
		const struct bind *b = &bindings.table[i];

		if (build_bind(root, b))
			continue;
		if (errno == EROFS)
			diex(failures[b->value.kind], b->value.to,
			    "the root is read-only and this path is missing",
			    "create it in the root, or use --ephemeral");
		die_with(failures[b->value.kind], b->value.to,
		    errno == EINVAL || errno == ENOTDIR ? "mount a directory "
		    "on a directory, and a file on a file" : NULL);
	}
}
