#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "stdfiles.h"

/* Terminal that was given away, or -1, and its old owner, group and mode. */
static int given_terminal = -1;
static struct stat old_status;

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
			(void)!fchmod(fd, (st.st_mode & 07777) |
			    open_permission(fd));
	}
}

void
stdfiles_give_terminals(uid_t uid)
{
	struct stat st;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && given_terminal < 0;
	    fd++) {
		if (geteuid() != 0 || fstat(fd, &st) < 0 ||
		    !S_ISCHR(st.st_mode) || st.st_uid != 0 || !isatty(fd))
			continue;
		given_terminal = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		old_status = st;
		if (given_terminal >= 0)
			(void)!fchown(given_terminal, uid, -1);
	}
}

/* Restore the owner first, as the command could change the mode until then. */
void
stdfiles_take_back(void)
{
	if (given_terminal >= 0 &&
	    fchown(given_terminal, old_status.st_uid, old_status.st_gid) == 0)
		(void)!fchmod(given_terminal, old_status.st_mode & 07777);
}

int
stdfiles_fd(void)
{
	return given_terminal;
}
