#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli/log.h"
#include "root.h"

/* Deeper trees than this keep their memory. */
enum { DEPTH = 64 };

/* What getdents64(2) fills its buffer with. */
struct dirent64 {
	uint64_t ino;
	int64_t off;
	unsigned short length;
	unsigned char type;
	char name[];
};

static const char moved[][6] = { "/dev", "/proc", "/sys", "/run" };

char **
root_command(char **command)
{
	static char init[] = "/sbin/init";
	static char *usual[] = { NULL, init, NULL };    /* see child_start() */

	return command ? command : usual + 1;
}

/* Remove what is below a directory, which is closed, on its file system. */
static void
remove_below(int dir, dev_t device, int depth)
{
	_Alignas(struct dirent64) char buffer[512];
	long n;

	while ((n = syscall(SYS_getdents64, dir, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < n;) {
			struct dirent64 *e = (void *)(buffer + at);
			struct stat st;
			int below;

			at += e->length;
			if (strcmp(e->name, ".") == 0 ||
			    strcmp(e->name, "..") == 0 ||
			    unlinkat(dir, e->name, 0) == 0 || depth == DEPTH)
				continue;
			below = openat(dir, e->name, O_RDONLY | O_DIRECTORY |
			    O_NOFOLLOW | O_CLOEXEC);
			if (below >= 0 && fstat(below, &st) == 0 &&
			    st.st_dev == device)
				remove_below(below, device, depth + 1);
			else if (below >= 0)
				close(below);
			unlinkat(dir, e->name, AT_REMOVEDIR);
		}
	close(dir);
}

/* In a child, which alone sees that root. */
static bool
can_execute(const char *dir, const char *init)
{
	int wait_status = -1;
	const pid_t pid = _Fork();

	if (pid == 0)
		_exit(chroot(dir) < 0 || chdir("/") < 0 ||
		    access(init, X_OK) < 0 ? errno : 0);
	if (pid < 0 || waitpid(pid, &wait_status, 0) < 0)
		return false;
	errno = WEXITSTATUS(wait_status);
	return wait_status == 0;
}

/* What is wrong with a change from here to there, or NULL. */
static const char *
objection(const struct stat *old, const struct stat *new,
    const struct statfs *fs)
{
	if (fs->f_type != RAMFS_MAGIC && fs->f_type != TMPFS_MAGIC)
		return "this root is not in memory: it would be erased";
	if (!S_ISDIR(new->st_mode))
		return "it is no directory";
	if (old->st_dev == new->st_dev)
		return "it is of this file system: nothing is mounted there";
	return NULL;
}

static bool
is_possible(const char *dir, const char *init, dev_t *device)
{
	struct stat old, new;
	struct statfs fs;
	const char *why;

	if (stat("/", &old) < 0 || statfs("/", &fs) < 0 ||
	    stat(dir, &new) < 0) {
		warn("cannot switch root to", dir);
		return false;
	}
	why = objection(&old, &new, &fs);
	if (why) {
		warnx("cannot switch root to", dir, why, NULL);
		return false;
	}
	if (!can_execute(dir, init)) {
		warn("cannot execute in the new root", init);
		return false;
	}
	*device = old.st_dev;
	return true;
}

/* Mounts that programs have open go along, to the working directory; where
 * there is no place for one it stays behind, and must not be walked through. */
static void
move_mounts(void)
{
	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++)
		if (mount(moved[i], moved[i] + 1, NULL, MS_MOVE, NULL) < 0)
			umount2(moved[i], MNT_DETACH);
}

bool
root_switch(const char *dir, const char *init)
{
	dev_t device;
	int old;

	if (!is_possible(dir, init, &device))
		return false;
	old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* It can fail, and all is to be where it was then. Our root is still
	 * the old one. */
	if (chdir(dir) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0) {
		warn("cannot switch root to", dir);
		(void)!chdir("/");
		if (old >= 0)
			close(old);
		return false;
	}
	move_mounts();
	if (chroot(".") < 0 || chdir("/") < 0) {
		warn("cannot switch root to", dir);
		return false;
	}
	if (old >= 0)
		remove_below(old, device, 0);
	return true;
}
