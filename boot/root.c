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
#include "../cli/system.h"
#include "root.h"

/* Recursion limit. Files in deeper directories are not removed. */
enum { MAX_DEPTH = 64 };

/* Mounts to move to the new root. */
static const char moved[][6] = { "/dev", "/proc", "/sys", "/run" };

char **
root_command(char **command)
{
	static char init[] = "/sbin/init";
	static char *usual[] = { NULL, init, NULL };    /* see child_start() */

	return command ? command : usual + 1;
}

/* Remove everything below a directory on its own file system. Closes dir. */
static void
remove_below(int dir, dev_t device, int depth)
{
	struct dir_list list = { .fd = dir };
	const struct dirent *entry;

	while ((entry = dir_next(&list))) {
		const char *name = entry->d_name;
		struct stat st;
		int below;

		if (unlinkat(dir, name, 0) == 0 || depth == MAX_DEPTH)
			continue;
		below = openat(dir, name, O_RDONLY | O_DIRECTORY |
		    O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0 && fstat(below, &st) == 0 &&
		    st.st_dev == device)
			remove_below(below, device, depth + 1);
		else if (below >= 0)
			close(below);
		unlinkat(dir, name, AT_REMOVEDIR);
	}
	close(dir);
}

/* Return whether init can be executed in the new root; false with errno. A
 * child checks it with chroot(2), which leaves our root unchanged. */
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

/* Return the reason why the root cannot be switched, or NULL. */
static const char *
switch_objection(const struct stat *old, const struct stat *new,
    const struct statfs *fs)
{
	if (fs->f_type != RAMFS_MAGIC && fs->f_type != TMPFS_MAGIC)
		return "the current root is no ramfs or tmpfs; "
		    "switch from an initramfs";
	if (!S_ISDIR(new->st_mode))
		return "it is not a directory";
	if (old->st_dev == new->st_dev)
		return "it is on the current root; "
		    "mount the new root there first";
	return NULL;
}

static bool
can_switch_root(const char *dir, const char *init, dev_t *device)
{
	struct stat old, new;
	struct statfs fs;
	const char *why;

	if (stat("/", &old) < 0 || statfs("/", &fs) < 0 ||
	    stat(dir, &new) < 0) {
		warn("cannot switch root to", dir);
		return false;
	}
	why = switch_objection(&old, &new, &fs);
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

/* Move mounts to the working directory, so that files that programs have open
 * stay valid. If the new root has no directory for a mount, detach it:
 * remove_below() must not remove its files. */
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

	if (!can_switch_root(dir, init, &device))
		return false;
	old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Nothing has moved yet if this fails. MS_MOVE does not change our
	 * root directory: it is still the old one. */
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
