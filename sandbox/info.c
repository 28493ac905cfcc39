#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cli/log.h"
#include "info.h"
#include "namespaces.h"
#include "proc.h"

/* A file that is to be written, if dir is not -1; fd: one that is open. */
static struct output { int dir; const char *name; int fd; }
    info = { -1, NULL, -1 }, pidfile = { -1, NULL, -1 };

/* The inode numbers of namespaces, as ls -li /proc/PID/ns has them, 0 where
 * they are not to be had. */
static ino_t inodes[NAMESPACES];

static const struct sandbox *sandbox;

/* See that a file can be written, and leave it alone until there is something
 * to write: a start that is refused changes nothing. */
static void
find_place(struct output *o, const char *path)
{
	char dir[PATH_MAX];
	struct line l = LINE(dir);
	const char *slash = strrchr(path, '/');
	struct stat st;

	o->name = slash ? slash + 1 : path;
	line_add(&l, slash ? path : ".");
	if (slash)
		dir[slash == path ? 1 : slash - path] = '\0';
	o->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (o->dir < 0 || (fstatat(o->dir, o->name, &st, AT_SYMLINK_NOFOLLOW) <
	    0 ? errno != ENOENT ||
	    syscall(SYS_faccessat, o->dir, ".", W_OK) < 0 :
	    syscall(SYS_faccessat, o->dir, o->name, W_OK) < 0))
		die("cannot write", path);
	if (syscall(SYS_faccessat, o->dir, o->name, F_OK) == 0 &&
	    !S_ISREG(st.st_mode))
		refuse("cannot write", path, "not a regular file", NULL);
}

static bool
is_wanted(void)
{
	return info.dir >= 0 || info.fd >= 0;
}

void
info_prepare(const struct sandbox *s)
{
	sandbox = s;
	if (s->info)
		find_place(&info, s->info);
	if (s->info_fd >= 0)
		info.fd = fcntl(s->info_fd, F_DUPFD_CLOEXEC, 3);
	if (s->pidfile)
		find_place(&pidfile, s->pidfile);
	if (is_wanted()) {
		proc_open();
		info_look(0);
	}
}

void
info_look(pid_t pid)
{
	for (int i = 0; i < NAMESPACES && is_wanted(); i++) {
		char path[PROC_PATH];
		struct line l = LINE(path);
		struct stat st;

		if (pid > 0)
			line_number(&l, pid);
		line_add(&l, pid > 0 ? "/ns/" : "self/ns/");
		line_add(&l, namespaces[i].name);
		if (fstatat(proc_fd(), path, &st, 0) == 0)
			inodes[i] = st.st_ino;
	}
}

ino_t
info_inode(int flag)
{
	int i = 0;

	while (namespaces[i].flag != flag)
		i++;
	return inodes[i];
}

void
info_late(int flag, ino_t inode)
{
	for (int i = 0; i < NAMESPACES; i++)
		if (namespaces[i].flag == flag && inode)
			inodes[i] = inode;
}

static void
add_key(struct line *l, const char *key, int64_t number, bool next)
{
	line_add(l, next ? ",\"" : "\"");
	line_add(l, key);
	line_add(l, "\":");
	if (number > 0)
		line_number(l, number);
	else
		line_add(l, "null");
}

static void
write_out(struct output *o, const char *text, size_t n)
{
	if (o->dir >= 0)
		o->fd = openat(o->dir, o->name, O_WRONLY | O_CREAT | O_TRUNC |
		    O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if ((o->dir >= 0 || o->fd >= 0) && write(o->fd, text, n) != (ssize_t)n)
		warn("cannot write", o->name);
	close(o->fd);
	close(o->dir);
	o->fd = o->dir = -1;
}

void
info_write(pid_t init, pid_t child, const char *group)
{
	char text[4096];
	struct line l = LINE(text);

	line_number(&l, getpid());
	line_add(&l, "\n");
	write_out(&pidfile, text, l.used);
	if (!is_wanted())
		return;
	l.used = 0;
	line_add(&l, "{");
	add_key(&l, "launcher", getpid(), false);
	add_key(&l, "init", init, true);
	add_key(&l, "child", child, true);
	line_add(&l, ",\"cgroup\":");
	line_json(&l, group);
	line_add(&l, ",\"namespaces\":");
	for (int i = 0; i < NAMESPACES; i++) {
		line_add(&l, i > 0 ? "" : "{");
		add_key(&l, namespaces[i].name, inodes[i], i > 0);
	}
	line_add(&l, "},\"addresses\":[");
	for (int i = 0, n = 0; i < sandbox->word_count; i++)
		if (sandbox->words[i].kind == IP) {
			line_add(&l, n++ > 0 ? "," : "");
			line_json(&l, sandbox->words[i].value);
		}
	line_add(&l, "]}\n");
	write_out(&info, text, l.used);
}

void
info_fds(int fds[INFO_FDS])
{
	fds[0] = info.dir;
	fds[1] = info.fd;
	fds[2] = pidfile.dir;
}
