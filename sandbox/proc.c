#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../cli/log.h"
#include "proc.h"

static int proc = -1;

void
proc_open(void)
{
	struct statfs fs;

	if (proc >= 0)
		return;
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || fstatfs(proc, &fs) < 0)
		die("cannot use", "/proc");
	if (fs.f_type != PROC_SUPER_MAGIC)
		diex("cannot use", "/proc", "it is not a proc file system",
		    "mount -t proc proc /proc");
}

void
proc_use(int dir)
{
	close(proc);
	proc = dir;
}

int
proc_fd(void)
{
	return proc;
}

bool
proc_write(const char *path, const char *text)
{
	return file_write(proc, path, text);
}

bool
proc_read(const char *path, char *text, size_t size)
{
	return file_read(proc, path, text, size);
}

bool
proc_begins(const char *path, char first)
{
	char text[4];

	return proc_read(path, text, sizeof(text)) && text[0] == first;
}

const char *
proc_of(char path[PROC_PATH], pid_t pid, const char *name)
{
	struct strbuf l = { path, PROC_PATH, 0 };

	strbuf_number(&l, pid);
	strbuf_add(&l, "/");
	strbuf_add(&l, name);
	return path;
}

/* Only anonymous inodes have no file type, so other files cost one system call.
 */
bool
proc_is_ring(int fd)
{
	static const char ring[] = "anon_inode:[io_uring]";
	char path[48], target[sizeof(ring)];
	struct strbuf l = STRBUF(path);
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0 || (st.st_mode & S_IFMT))
		return false;
	strbuf_add(&l, "/proc/self/fd/");
	strbuf_number(&l, fd);
	n = readlink(path, target, sizeof(target));
	return n < 0 || (n == sizeof(ring) - 1 && memcmp(target, ring, n) == 0);
}
