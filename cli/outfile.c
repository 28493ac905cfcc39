#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../signals.h"
#include "../fds.h"
#include "log.h"
#include "outfile.h"

/* Number of random letters in a temporary name. */
enum { RANDOM_LETTERS = 12 };

/* Longest wait for a full pipe, socket or terminal. */
enum { WRITE_TIMEOUT_MS = 1000 };

/* How to write to a descriptor without blocking on its reader. */
struct sink {
	int fd;                 /* a new description, if possible */
	size_t most;            /* bytes that one write(2) may have */
	bool is_socket;
};

/* A write(2) to a terminal or a pipe blocks until all is written. O_NONBLOCK on
 * the inherited description would affect the shell, too, so open the file anew.
 * If that fails, rely on poll(2): a writable pipe takes PIPE_BUF bytes and a
 * writable terminal at least one. */
static struct sink
open_sink(int fd)
{
	struct sink s = { .fd = fd, .most = SSIZE_MAX };
	char path[32];
	struct strbuf l = STRBUF(path);
	struct stat st;
	int own;

	if (fstat(fd, &st) < 0)
		return s;
	s.is_socket = S_ISSOCK(st.st_mode);
	if (!S_ISFIFO(st.st_mode) && !isatty(fd))
		return s;
	strbuf_add(&l, "/proc/self/fd/");
	strbuf_number(&l, fd);
	own = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (own >= 0)
		s.fd = own;
	else
		s.most = S_ISFIFO(st.st_mode) ? PIPE_BUF : 1;
	return s;
}

static ssize_t
write_once(const struct sink *s, const char *text, size_t n)
{
	if (s->is_socket)
		return send(s->fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(s->fd, text, n < s->most ? n : s->most);
}

bool
write_all(int fd, const char *text, size_t n)
{
	const int64_t until = signals_clock() + WRITE_TIMEOUT_MS;
	const struct sink s = open_sink(fd);
	struct pollfd p = { .fd = s.fd, .events = POLLOUT };
	int error = 0;

	while (n > 0 && error == 0) {
		const int64_t left = until - signals_clock();
		const bool writable = poll(&p, 1, left > 0 ? left : 0) > 0;
		const ssize_t written = writable ?
		    write_once(&s, text, n) : -1;

		if (written >= 0) {
			text += written;
			n -= written;
		} else if (left <= 0) {
			error = ETIMEDOUT;
		} else if (writable && errno != EINTR && errno != EAGAIN) {
			error = errno;
		}
	}
	if (s.fd != fd)
		close(s.fd);
	errno = error;
	return error == 0;
}

int
fd_above(int fd)
{
	int above, error;

	if (fd < 0)
		return -1;
	above = fcntl(fd, F_DUPFD_CLOEXEC, 128);
	if (above < 0)          /* beyond RLIMIT_NOFILE */
		above = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	error = errno;
	close(fd);
	errno = error;
	return above;
}

static bool
make_temporary_name(char name[20])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	char *random = name + sizeof(".pith-") - 1;

	memcpy(name, ".pith-", sizeof(".pith-"));
	if (getrandom(random, RANDOM_LETTERS, 0) != RANDOM_LETTERS)
		return false;
	for (int i = 0; i < RANDOM_LETTERS; i++)
		random[i] = letters[random[i] & 31];
	random[RANDOM_LETTERS] = '\0';
	return true;
}

/* Link the unnamed file to a name, linkat(2). Before Linux 6.10, AT_EMPTY_PATH
 * needs CAP_DAC_READ_SEARCH; /proc/self/fd needs a mounted /proc. */
static bool
link_as(const struct outfile *o, const char *name)
{
	char path[32];
	struct strbuf l = STRBUF(path);

	if (linkat(o->fd, "", o->dir, name, AT_EMPTY_PATH) == 0)
		return true;
	if (errno == EEXIST)
		return false;
	strbuf_add(&l, "/proc/self/fd/");
	strbuf_number(&l, o->fd);
	return linkat(AT_FDCWD, path, o->dir, name, AT_SYMLINK_FOLLOW) == 0;
}

/* Open the unnamed file: no temporary name exists while the command runs. Test
 * linkat(2) with the name ".", which must fail with EEXIST. Any other error
 * means that linkat(2) does not work here. */
static void
open_unnamed(struct outfile *o)
{
	o->fd = fd_above(openat(o->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC,
	    0644));
	if (o->fd < 0 || (!link_as(o, ".") && errno == EEXIST))
		return;
	close(o->fd);
	o->fd = -1;
}

/* Create the file with its temporary name. */
static int
create_temporary(const struct outfile *o)
{
	return openat(o->dir, o->temporary, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0644);
}

/* True if a file can be created: access(2) does not check /proc, quotas or the
 * rules of a file server. */
static bool
can_create(const struct outfile *o)
{
	const int fd = create_temporary(o);

	if (fd >= 0) {
		close(fd);
		unlinkat(o->dir, o->temporary, 0);
	}
	return fd >= 0;
}

void
outfile_open(struct outfile *o, const char *path, const char *what,
    const char *remedy)
{
	char dir[PATH_MAX];
	struct strbuf l = STRBUF(dir);
	const char *slash = strrchr(path, '/');
	struct stat st;

	fds_keep(&o->dir, 1, FDS_OUTSIDE);
	fds_keep(&o->fd, 1, FDS_OUTSIDE);
	fds_keep(&o->start, 1, FDS_OUTSIDE);
	o->name = slash ? slash + 1 : path;
	o->path = path + strspn(path, "/");
	errno = ENAMETOOLONG;
	if (strlen(path) >= sizeof(dir))
		die(what, path);
	strbuf_add(&l, slash ? path : ".");
	if (slash)
		dir[slash == path ? 1 : slash - path] = '\0';
	o->dir = fd_above(open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
	o->start = fd_above(open(path[0] == '/' ? "/" : ".", O_PATH |
	    O_CLOEXEC));
	if (o->dir < 0 || o->start < 0 || !make_temporary_name(o->temporary))
		die(what, path);
	/* Renaming over a device or a link would replace it. */
	if (fstatat(o->dir, o->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT || !o->name[0])
			die(what, path);
	} else if (!S_ISREG(st.st_mode)) {
		diex(what, path, "not a regular file", remedy);
	}
	open_unnamed(o);
	if (o->fd < 0 && !can_create(o))
		die(what, path);
}

/* True if the name refers to our file. False with errno: ESTALE if it refers to
 * another file. */
static bool
is_our_file(const struct outfile *o, int dir, const char *name)
{
	struct stat open, named;

	if (fstat(o->fd, &open) < 0 ||
	    fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	errno = ESTALE;
	return open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/* Rename the temporary file to its final name. rename(2) takes names: a user
 * who may write to the directory can replace our file first. So check the file
 * before the rename; outfile_write() checks it afterwards. */
static bool
rename_checked(const struct outfile *o)
{
	bool done = is_our_file(o, o->dir, o->temporary) && renameat(o->dir,
	    o->temporary, o->dir, o->name) == 0;
	int error = errno;

	if (!done)
		unlinkat(o->dir, o->temporary, 0);
	errno = error;
	return done;
}

static bool
write_and_link(struct outfile *o, const char *text, size_t n)
{
	if (o->fd >= 0) {
		if (!write_all(o->fd, text, n))
			return false;
		if (link_as(o, o->name))
			return true;
		if (errno != EEXIST || !link_as(o, o->temporary))
			return false;
		return rename_checked(o);
	}
	o->fd = create_temporary(o);
	if (o->fd < 0)
		return false;
	if (write_all(o->fd, text, n))
		return rename_checked(o);
	unlinkat(o->dir, o->temporary, 0);
	return false;
}

void
outfile_write(struct outfile *o, const char *text, size_t n)
{
	if (o->dir < 0)
		return;
	/* Anybody who may write to a parent directory can replace the
	 * directory, too: check the whole path. */
	if (write_and_link(o, text, n) && is_our_file(o, o->start, o->path))
		errno = 0;
	if (errno == ESTALE)
		warnx("cannot write", o->name,
		    "another file was put in its place", NULL);
	else if (errno)
		warn("cannot write", o->name);
	close(o->fd);
	close(o->dir);
	close(o->start);
	o->fd = o->dir = o->start = -1;
}
