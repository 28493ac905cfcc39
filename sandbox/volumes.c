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
#include "mounts.h"
#include "channel.h"
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
	bool absent;            /* and may be */
	bool device;            /* has no owner to map, nor one to change */
	int source;             /* O_PATH, or what --file reads; or -1 */
	int mount;              /* that the launcher made, or -1 */
	const char *from, *to;
	char *size, *mode;
};

static struct memory step_memory;
static struct bind *binds;
static int step_count;

static const char SAY_ESCAPE[] = "a \\ before a : makes it part of a path";

/* Cut at the next colon; \ takes the next character as it is. NULL at the end.
 */
static char *
cut(char **text)
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
take_setting(struct bind *s, char *word)
{
	static const struct {
		char name[8];
		unsigned char kinds, flags;
	} known[] = {
		{ "ro", 1 << VOLUME | 1 << FILE_AT, BIND_RO },
		{ "rw", 1 << VOLUME, 0 },
		{ "exec", 1 << VOLUME | 1 << TMPFS, BIND_EXEC },
		{ "noexec", 1 << VOLUME | 1 << TMPFS, BIND_NOEXEC },
		{ "dev", 1 << VOLUME, BIND_DEV },
		{ "try", 1 << VOLUME | 1 << DEVICE, BIND_TRY },
	};

	if (s->kind == TMPFS && strncmp(word, "size=", 5) == 0) {
		s->size = word + 5;
		return !strchr(s->size, ',');
	}
	if ((s->kind == TMPFS || s->kind == FILE_AT) &&
	    strncmp(word, "mode=", 5) == 0) {
		s->mode = word + 5;
		return s->mode[0] && strlen(s->mode) <= 4 &&
		    !s->mode[strspn(s->mode, "01234567")];
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((known[i].kinds & 1 << s->kind) &&
		    strcmp(word, known[i].name) == 0) {
			s->flags |= known[i].flags;
			return true;
		}
	return false;
}

static void
take_settings(struct bind *s, char *text)
{
	for (char *next; text; text = next) {
		next = strchr(text, ',');
		if (next)
			*next++ = '\0';
		if (!take_setting(s, text))
			diex("bad setting", text, NULL, SAY_ESCAPE);
	}
}

static void
open_source(struct bind *s)
{
	struct stat st;

	if (s->kind == FILE_AT) {
		const char *digits = s->from;
		uint64_t fd;

		if (text_number(&digits, INT_MAX, &fd) && !*digits)
			s->source = fd;
		if (fcntl(s->source, F_GETFD) < 0)
			diex("--file: not an open file", s->from, NULL,
			    "it takes FD:DST");
		return;
	}
	s->source = open(s->from, O_PATH | O_CLOEXEC);
	s->absent = s->source < 0 && (s->flags & BIND_TRY);
	if (s->absent)
		return;
	if (s->source < 0 || fstat(s->source, &st) < 0)
		die(s->kind == DEVICE ? "cannot open the device" :
		    "cannot open the volume", s->from);
	if (s->kind == DEVICE && !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		diex("not a device", s->from, NULL, "--volume binds it");
	s->device = S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode);
}

static void
prepare(struct bind *s, char *text)
{
	char *rest = text;

	if (s->kind != TMPFS && s->kind != DIR_AT)
		s->from = cut(&rest);
	s->to = s->kind == DEVICE && !rest ? s->from : cut(&rest);
	if (!s->to || !*s->to || s->to[0] != '/' ||
	    (s->from && !*s->from))
		diex("bad value", text, "it takes an absolute path inside",
		    "see pith(8)");
	if (rest)
		take_settings(s, rest);
	if (s->from && s->kind != SYMLINK)
		open_source(s);
}

static struct bind *
add_step(unsigned int kind)
{
	memory_reserve(&step_memory, (step_count + 1) * sizeof(*binds));
	binds = step_memory.block;
	binds[step_count] = (struct bind){ .kind = kind, .source = -1,
	    .mount = -1 };
	return &binds[step_count++];
}

/* Skip slashes, and "." between them. */
static const char *
skip_slashes(const char *path)
{
	while (*path == '/' || (*path == '.' && (!path[1] || path[1] == '/')))
		path++;
	return path;
}

/* True if both name the same place, without links. */
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
	struct bind *s;

	for (int i = 0; i < step_count; i++)
		if (is_same_path(binds[i].to, path))
			diex("cannot put a file at", path, "another option "
			    "puts one there", remedy);
	s = add_step(FILE_AT);
	s->source = fd;
	s->to = path;
}

void
volumes_prepare(const struct sandbox *s)
{
	for (int i = 0; i < s->word_count; i++)
		if (s->words[i].kind <= DEVICE)
			prepare(add_step(s->words[i].kind),
			    s->words[i].value);
}

static uint64_t
attributes(const struct bind *s)
{
	return MOUNT_ATTR_NOSUID |
	    (s->kind == DEVICE || s->flags & BIND_DEV ? 0 : MOUNT_ATTR_NODEV) |
	    (s->flags & BIND_RO || s->device ? MOUNT_ATTR_RDONLY : 0) |
	    (s->flags & BIND_NOEXEC || s->kind == DEVICE ||
	    (s->kind == TMPFS && !(s->flags & BIND_EXEC)) ?
	    MOUNT_ATTR_NOEXEC : 0);
}

static bool
is_bind(const struct bind *s)
{
	return !s->absent && (s->kind == VOLUME || s->kind == DEVICE);
}

static int
send(int number, int userns)
{
	struct bind *s = &binds[number];
	struct message n = { .kind = MSG_MOUNT, .code = number };
	uint64_t a = attributes(s);

	n.fd = mounts_clone(s->source, NULL, true);
	if (n.fd < 0)
		return -1;
	/* Who may only read does without owners. */
	if ((s->device || !mounts_set_attributes(n.fd, a, userns)) &&
	    !(a & MOUNT_ATTR_RDONLY && mounts_set_attributes(n.fd, a, -1)))
		die_with("cannot map the owners of", s->from,
		    "its file system is too simple; make it :ro, or "
		    "--userns host");
	if (!channel_send(&n))
		return -1;
	close(n.fd);
	return close(s->source);
}

void
volumes_send(int userns)
{
	for (int i = 0; i < step_count; i++)
		if (is_bind(&binds[i]) && send(i, userns) < 0)
			die("cannot bind", binds[i].from);
}

void
volumes_take(int number, int mount)
{
	binds[number].mount = mount;
	close(binds[number].source);
}

static int
bind(const struct bind *s)
{
	int mount = mounts_clone(s->source, s->from, true);

	return mount >= 0 && mounts_set_attributes(mount, attributes(s), -1) ?
	    mount :
	    -1;
}

static int
new_tmpfs(const struct bind *s)
{
	char text[64];
	struct strbuf options = STRBUF(text);

	strbuf_add(&options, "mode=");
	strbuf_add(&options, s->mode ? s->mode : "1777");
	if (s->size) {
		strbuf_add(&options, ",size=");
		strbuf_add(&options, s->size);
	}
	return mounts_new("tmpfs", text, attributes(s));
}

static bool
copy(int from, int to)
{
	char buffer[4096];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) != 0)
		if ((n < 0 && errno != EINTR) ||
		    (n > 0 && write(to, buffer, n) != n))
			return false;
	return true;
}

/* On a file system of its own, so that nothing is written into a root that is
 * read-only, or stays. That one is attached where the old root has its /proc,
 * and goes with it: before Linux 6.15 only what is attached can be cloned. */
static int
new_file(const struct bind *s)
{
	int place = open("/proc", O_PATH | O_CLOEXEC);
	int mode = 0, fs, fd, mount = -1;

	for (const char *m = s->mode ? s->mode : "644"; *m; m++)
		mode = mode * 8 + *m - '0';
	fs = mounts_new("tmpfs", "", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (fs < 0 || place < 0 || !mounts_attach(fs, place))
		return -1;
	close(place);
	fd = openat(fs, "f", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && copy(s->source, fd) &&
	    syscall(SYS_fchmod, fd, mode) == 0) {
		int path = openat(fs, "f", O_PATH | O_CLOEXEC);

		close(fd);
		mount = mounts_clone(path, NULL, false);
		close(path);
		if (mount >= 0 &&
		    !mounts_set_attributes(mount, attributes(s), -1))
			mount = -1;
	}
	close(fs);
	return mount;
}

bool
volumes_have_nodes(void)
{
	for (int i = 0; i < step_count; i++)
		if (binds[i].flags & BIND_DEV)
			return true;
	return false;
}

bool
volumes_device(int *next, struct stat *st)
{
	while (*next < step_count) {
		const struct bind *s = &binds[(*next)++];

		if (s->kind == DEVICE && fstat(s->source, st) == 0)
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

static bool
link_in(int root, const struct bind *s)
{
	const char *name;
	char old[4096];
	int parent = mounts_open_parent(root, s->to, &name);
	ssize_t n;

	if (parent < 0)
		return false;
	if (symlinkat(s->from, parent, name) < 0) {
		n = errno == EEXIST ? readlinkat(parent, name, old,
		    sizeof(old)) : -1;
		if (n != (ssize_t)strlen(s->from) ||
		    memcmp(old, s->from, n) != 0) {
			errno = n < 0 && errno == EINVAL ? EEXIST : errno;
			return false;
		}
	}
	return close(parent) == 0;
}

static bool
build(int root, struct bind *s)
{
	int mount = s->mount, place;

	if (s->absent)
		return true;
	if (s->kind == SYMLINK)
		return link_in(root, s);
	if (mount < 0 && s->kind != DIR_AT)
		mount = s->kind == TMPFS ? new_tmpfs(s) : s->kind == FILE_AT ?
		    new_file(s) : bind(s);
	if (mount < 0 && s->kind != DIR_AT)
		return false;
	place = mounts_open_in_root(root, s->to, s->kind == DIR_AT ||
	    is_directory(mount));
	if (place < 0 || (s->kind != DIR_AT && !mounts_attach(mount, place)))
		return false;
	if (s->kind != DIR_AT)
		close(mount);
	return close(place) == 0;
}

static void
empty_place(int root, const char *path, const char *mode, dev_t *device)
{
	struct bind s = { .kind = TMPFS, .flags = BIND_EXEC,
	    .mode = (char *)mode };
	const int place = mounts_find(root, path);
	struct stat st;
	int mount;

	if (place < 0 && errno == ENOENT)
		return;
	if (place < 0 || fstat(place, &st) < 0)
		die("cannot hide", path);
	/* /var/run usually leads to /run, which is empty then. */
	if (st.st_dev != *device) {
		mount = new_tmpfs(&s);
		if (mount < 0 || !mounts_attach(mount, place) ||
		    fstat(mount, &st) < 0)
			die("cannot hide", path);
		*device = st.st_dev;
		close(mount);
	}
	close(place);
}

static void
empty_places(int root)
{
	dev_t run = 0, tmp = 0;

	empty_place(root, "/run", "0755", &run);
	empty_place(root, "/var/run", "0755", &run);
	empty_place(root, "/tmp", "1777", &tmp);
}

void
volumes_build(int root, bool this_host)
{
	static const char what[][26] = {
		[VOLUME] = "cannot bind the volume at",
		[TMPFS] = "cannot mount a tmpfs at",
		[DIR_AT] = "cannot make the directory",
		[SYMLINK] = "cannot make the link",
		[FILE_AT] = "cannot put a file at",
		[DEVICE] = "cannot bind the device at",
	};

	if (this_host)
		empty_places(root);
	for (int i = 0; i < step_count; i++) {
		if (build(root, &binds[i]))
			continue;
		if (errno == EROFS)
			diex(what[binds[i].kind], binds[i].to,
			    "the root is read-only and has no such place",
			    "make it there, or --ephemeral");
		die_with(what[binds[i].kind], binds[i].to,
		    errno == EINVAL || errno == ENOTDIR ? "a directory goes "
		    "on a directory, a file on a file" : NULL);
	}
}
