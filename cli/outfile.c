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
#include "log.h"
#include "outfile.h"

/* Random letters of a temporary name. */
enum { RANDOM = 12 };

/* Milliseconds for which a full pipe, socket or terminal is waited for. */
enum { PATIENCE_MS = 1000 };

/* How a file takes bytes without waiting for its reader. */
struct sink {
	int fd;                 /* a description of our own, if it can be had */
	size_t most;            /* bytes that a writable file takes at once */
	bool is_socket;
};

/* A write(2) to a terminal or a pipe waits until all is written. O_NONBLOCK on
 * the description that we inherited would change it for the shell, too, so open
 * the file once more. If that fails, poll(2) tells that a pipe takes PIPE_BUF
 * bytes and a terminal at least one. */
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
write_some(const struct sink *s, const char *text, size_t n)
{
	if (s->is_socket)
		return send(s->fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(s->fd, text, n < s->most ? n : s->most);
}

bool
write_all(int fd, const char *text, size_t n)
{
	const int64_t until = signals_clock() + PATIENCE_MS;
	const struct sink s = open_sink(fd);
	struct pollfd p = { .fd = s.fd, .events = POLLOUT };
	int error = 0;

	while (n > 0 && error == 0) {
		const int64_t left = until - signals_clock();
		const bool writable = poll(&p, 1, left > 0 ? left : 0) > 0;
		const ssize_t written = writable ?
		    write_some(&s, text, n) : -1;

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
	if (above < 0)          /* RLIMIT_NOFILE may be as low as that */
		above = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	error = errno;
	close(fd);
	errno = error;
	return above;
}

static bool
name_temporary(char name[20])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	char *random = name + sizeof(".pith-") - 1;

	memcpy(name, ".pith-", sizeof(".pith-"));
	if (getrandom(random, RANDOM, 0) != RANDOM)
		return false;
	for (int i = 0; i < RANDOM; i++)
		random[i] = letters[random[i] & 31];
	random[RANDOM] = '\0';
	return true;
}

/* Give the unnamed file a name. AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH before
 * Linux 6.10; linking by /proc/self/fd needs a mounted /proc; linkat(2). */
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

/* No temporary name exists while the command runs. Linking to "." must fail
 * with EEXIST; any other error means that linking does not work here. */
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

/* Create the file under its temporary name. */
static int
create(const struct outfile *o)
{
	return openat(o->dir, o->temporary, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0644);
}

/* Try it: access(2) knows nothing of /proc, quotas or a server's rules. */
static bool
may_create(const struct outfile *o)
{
	const int fd = create(o);

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
	if (o->dir < 0 || o->start < 0 || !name_temporary(o->temporary))
		die(what, path);
	/* A rename would replace a device or a link. */
	if (fstatat(o->dir, o->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT || !o->name[0])
			die(what, path);
	} else if (!S_ISREG(st.st_mode)) {
		diex(what, path, "not a regular file", remedy);
	}
	open_unnamed(o);
	if (o->fd < 0 && !may_create(o))
		die(what, path);
}

static bool
is_at(const struct outfile *o, int dir, const char *name)
{
	struct stat open, named;

	if (fstat(o->fd, &open) < 0 ||
	    fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	errno = ESTALE;
	return open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/* Rename goes by name: whoever may write to the directory can put another file
 * in the place of ours before it. So look before and after. */
static bool
rename_checked(const struct outfile *o)
{
	bool done = is_at(o, o->dir, o->temporary) && renameat(o->dir,
	    o->temporary, o->dir, o->name) == 0;
	int error = errno;

	if (!done)
		unlinkat(o->dir, o->temporary, 0);
	errno = error;
	return done;
}

static bool
put_in_place(struct outfile *o, const char *text, size_t n)
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
	o->fd = create(o);
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
	/* Whoever may write above the directory can put another one in its
	 * place, too. */
	if (put_in_place(o, text, n) && is_at(o, o->start, o->path))
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
