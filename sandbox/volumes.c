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
#include "../cli/values.h"
#include "channel.h"
#include "mounts.h"
#include "volumes.h"

enum {
	BIND_RO = 1,
	BIND_EXEC = 2,
	BIND_NOEXEC = 4,
	BIND_DEV = 8,
	BIND_TRY = 16
};

struct bind {
	unsigned char kind, flags;
	bool absent;            /* no source, and BIND_TRY allows that */
	bool device;            /* source is a device: bind it without id map */
	int source;             /* O_PATH, or what --file reads; or -1 */
	int mount;              /* detached, from the launcher; or -1 */
	const char *from, *to;  /* to: absolute path inside */
	char *size, *mode;      /* of a tmpfs or file; NULL: the default */
};

/* All binds, in the order of the command line. */
static struct binds {
	struct memory memory;   /* of table */
	struct bind *table;
	int count;
} bindings;

static const char ESCAPE_REMEDY[] = "write \\: for a colon in a path";

/* Cut off the field up to the next colon. A backslash quotes the next
 * character. Returns NULL if no field is left. */
static char *
cut_field(char **text)
{
	char *field = *text, *to = field, *from = field;

	if (!field)
		return NULL;
	for (; *from && *from != ':'; *to++ = *from++)
		if (*from == '\\' && from[1])
			from++;
	*text = *from ? from + 1 : NULL;
	*to = '\0';
	return field;
}

static bool
parse_bind_flag(struct bind *b, char *word)
{
	static const struct {
		char name[8];
		unsigned char kinds, flags;
	} known[] = {
		{ .name = "ro", .flags = BIND_RO,
		    .kinds = 1 << VOLUME | 1 << FILE_AT },
		{ .name = "rw", .kinds = 1 << VOLUME },
		{ .name = "exec", .flags = BIND_EXEC,
		    .kinds = 1 << VOLUME | 1 << TMPFS },
		{ .name = "noexec", .flags = BIND_NOEXEC,
		    .kinds = 1 << VOLUME | 1 << TMPFS },
		{ .name = "dev", .flags = BIND_DEV, .kinds = 1 << VOLUME },
		{ .name = "try", .flags = BIND_TRY,
		    .kinds = 1 << VOLUME | 1 << DEVICE },
	};

	if (b->kind == TMPFS && strncmp(word, "size=", 5) == 0) {
		b->size = word + 5;
		return !strchr(b->size, ',');
	}
	if ((b->kind == TMPFS || b->kind == FILE_AT) &&
	    strncmp(word, "mode=", 5) == 0) {
		b->mode = word + 5;
		return b->mode[0] && strlen(b->mode) <= 4 &&
		    !b->mode[strspn(b->mode, "01234567")];
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((known[i].kinds & 1 << b->kind) &&
		    strcmp(word, known[i].name) == 0) {
			b->flags |= known[i].flags;
			return true;
		}
	return false;
}

static void
parse_bind_flags(struct bind *b, char *text)
{
	for (char *next; text; text = next) {
		next = strchr(text, ',');
		if (next)
			*next++ = '\0';
		if (!parse_bind_flag(b, text))
			diex("bad setting", text, NULL, ESCAPE_REMEDY);
	}
}

static void
open_source(struct bind *b)
{
	struct stat st;

	if (b->kind == FILE_AT) {
		const char *digits = b->from;
		uint64_t fd;

		if (text_number(&digits, INT_MAX, &fd) && !*digits)
			b->source = fd;
		if (fcntl(b->source, F_GETFD) < 0)
			diex("--file: not an open file", b->from, NULL,
			    "write it as FD:DST");
		return;
	}
	b->source = open(b->from, O_PATH | O_CLOEXEC);
	b->absent = b->source < 0 && (b->flags & BIND_TRY);
	if (b->absent)
		return;
	if (b->source < 0 || fstat(b->source, &st) < 0)
		die(b->kind == DEVICE ? "cannot open the device" :
		    "cannot open the volume", b->from);
	if (b->kind == DEVICE && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		diex("not a device", b->from, NULL, "use --volume");
	b->device = S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode);
}

static void
parse_bind(struct bind *b, char *text)
{
	char *rest = text;

	if (b->kind != TMPFS && b->kind != DIR_AT)
		b->from = cut_field(&rest);
	b->to = b->kind == DEVICE && !rest ? b->from : cut_field(&rest);
	if (!b->to || !*b->to || b->to[0] != '/' ||
	    (b->from && !*b->from))
		diex("bad value", text, "it takes an absolute path inside",
		    "see pith(8)");
	if (rest)
		parse_bind_flags(b, rest);
	if (b->from && b->kind != SYMLINK)
		open_source(b);
}

static struct bind *
add_bind(struct binds *v, unsigned int kind)
{
	memory_reserve(&v->memory, (v->count + 1) * sizeof(*v->table));
	v->table = v->memory.block;
	v->table[v->count] = (struct bind){ .kind = kind, .source = -1,
	    .mount = -1 };
	return &v->table[v->count++];
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
	struct binds *v = &bindings;
	struct bind *b;

	for (int i = 0; i < v->count; i++)
		if (is_same_path(v->table[i].to, path))
			diex("cannot put a file at", path, "another option "
			    "puts one there", remedy);
	b = add_bind(v, FILE_AT);
	b->source = fd;
	b->to = path;
}

void
volumes_prepare(const struct sandbox *s)
{
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind <= DEVICE)
			parse_bind(add_bind(&bindings, s->words[i].kind),
			    s->words[i].value);
}

/* MOUNT_ATTR_* of the mount. The owner and mode of a device node belong to the
 * host, so the mount of a device is read-only. The device stays writable. */
static uint64_t
bind_attributes(const struct bind *b)
{
	return MOUNT_ATTR_NOSUID |
	    (b->kind == DEVICE || b->flags & BIND_DEV ? 0 : MOUNT_ATTR_NODEV) |
	    (b->flags & BIND_RO || b->device ? MOUNT_ATTR_RDONLY : 0) |
	    (b->flags & BIND_NOEXEC || b->kind == DEVICE ||
	    (b->kind == TMPFS && !(b->flags & BIND_EXEC)) ?
	    MOUNT_ATTR_NOEXEC : 0);
}

static bool
is_bind(const struct bind *b)
{
	return !b->absent && (b->kind == VOLUME || b->kind == DEVICE);
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
		die_with("cannot map the owners of", b->from,
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
			die("cannot bind", b->from);
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
	int mount = mounts_clone(b->source, b->from, true);

	return mount >= 0 && mounts_set_attributes(mount, bind_attributes(b),
	    -1) ? mount : -1;
}

static int
new_tmpfs(const struct bind *b)
{
	char text[64];
	struct strbuf options = STRBUF(text);

	strbuf_add(&options, "mode=");
	strbuf_add(&options, b->mode ? b->mode : "1777");
	if (b->size) {
		strbuf_add(&options, ",size=");
		strbuf_add(&options, b->size);
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
	int mode = 0, fs, fd, mount = -1;

	for (const char *m = b->mode ? b->mode : "644"; *m; m++)
		mode = mode * 8 + *m - '0';
	fs = mounts_new("tmpfs", "", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (fs < 0 || place < 0 || !mounts_attach(fs, place))
		return -1;
	close(place);
	fd = openat(fs, "f", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && copy_file(b->source, fd) &&
	    syscall(SYS_fchmod, fd, mode) == 0) {
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
		if (bindings.table[i].flags & BIND_DEV)
			return true;
	return false;
}

bool
volumes_device(int *next, struct stat *st)
{
	while (*next < bindings.count) {
		const struct bind *b = &bindings.table[(*next)++];

		if (b->kind == DEVICE && fstat(b->source, st) == 0)
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
	int parent = mounts_open_parent(root, b->to, &name);
	ssize_t n;

	if (parent < 0)
		return false;
	if (symlinkat(b->from, parent, name) < 0) {
		n = errno == EEXIST ? readlinkat(parent, name, old,
		    sizeof(old)) : -1;
		if (n != (ssize_t)strlen(b->from) ||
		    memcmp(old, b->from, n) != 0) {
			errno = n < 0 && errno == EINVAL ? EEXIST : errno;
			return false;
		}
	}
	return close(parent) == 0;
}

static bool
build_bind(int root, const struct bind *b)
{
	int mount = b->mount, place;

	if (b->absent)
		return true;
	if (b->kind == SYMLINK)
		return make_symlink(root, b);
	if (mount < 0 && b->kind != DIR_AT)
		mount = b->kind == TMPFS ? new_tmpfs(b) : b->kind == FILE_AT ?
		    new_file(b) : new_bind(b);
	if (mount < 0 && b->kind != DIR_AT)
		return false;
	place = mounts_open_in_root(root, b->to, b->kind == DIR_AT ||
	    is_directory(mount));
	if (place < 0 || (b->kind != DIR_AT && !mounts_attach(mount, place)))
		return false;
	if (b->kind != DIR_AT)
		close(mount);
	return close(place) == 0;
}

/* Cover the directory with an empty tmpfs, unless it is the one of *device. */
static void
hide_directory(int root, const char *path, const char *mode, dev_t *device)
{
	struct bind hidden = { .kind = TMPFS, .flags = BIND_EXEC,
	    .mode = (char *)mode };
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

	hide_directory(root, "/run", "0755", &run);
	hide_directory(root, "/var/run", "0755", &run);
	hide_directory(root, "/tmp", "1777", &tmp);
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
			diex(failures[b->kind], b->to,
			    "the root is read-only and this path is missing",
			    "create it in the root, or use --ephemeral");
		die_with(failures[b->kind], b->to,
		    errno == EINVAL || errno == ENOTDIR ? "mount a directory "
		    "on a directory, and a file on a file" : NULL);
	}
}
