#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fds.h"
#include "stdfiles.h"

/* The calls alone: those of libc also handle descriptors of O_PATH. */
static bool
set_owner(int fd, uid_t uid, gid_t gid)
{
	return syscall(SYS_fchownat, fd, "", uid, gid, AT_EMPTY_PATH) == 0;
}

/* Terminal that was given away, and its old owner, group and mode. */
static struct given {
	int fd;                 /* 0: none */
	struct stat old;
} terminal_given;

/* Mode bits that let other users open a pipe in the direction of the
 * descriptor. They reach the pipe only through /proc/PID/fd, which needs ptrace
 * access to a process that has it open, ptrace(2). */
static mode_t
open_permission(int fd)
{
	const int access_mode = fcntl(fd, F_GETFL) & O_ACCMODE;

	return (access_mode != O_WRONLY ? S_IROTH : 0) |
	    (access_mode != O_RDONLY ? S_IWOTH : 0);
}

/* Add to the mode instead of setting it: both ends of one pipe may be among the
 * three descriptors, and share its mode. */
void
stdfiles_open_pipes(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		struct statfs fs;
		struct stat st;

		if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
		    st.st_uid == geteuid() && fstatfs(fd, &fs) == 0 &&
		    fs.f_type == PIPEFS_MAGIC)
			(void)syscall(SYS_fchmod, fd, (st.st_mode & 07777) |
			    open_permission(fd));
	}
}

void
stdfiles_give_terminals(uid_t uid)
{
	struct given *g = &terminal_given;

	fds_keep(&g->fd, 1, FDS_OUTSIDE);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && g->fd <= 0; fd++) {
		if (geteuid() != 0 || fstat(fd, &g->old) < 0 ||
		    !S_ISCHR(g->old.st_mode) || g->old.st_uid != 0 ||
		    !isatty(fd))
			continue;
		g->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (g->fd >= 0)
			set_owner(g->fd, uid, -1);
	}
}

/* Restore the owner first, as the command could change the mode until then. */
void
stdfiles_take_back(void)
{
	const struct given *g = &terminal_given;

	if (g->fd > 0 && set_owner(g->fd, g->old.st_uid, g->old.st_gid))
		(void)syscall(SYS_fchmod, g->fd, g->old.st_mode & 07777);
}

