#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "stdfiles.h"

/* A terminal that was given away, with its owner, group and mode before. */
static int terminal = -1;
static struct stat before;

/* Permission of others to open a pipe as the descriptor is open. Nobody new
 * finds the pipe by it: the way is /proc/PID/fd, ptrace(2) access mode. */
static mode_t
direction_of(int fd)
{
	const int how = fcntl(fd, F_GETFL) & O_ACCMODE;

	return (how != O_WRONLY ? S_IROTH : 0) |
	    (how != O_RDONLY ? S_IWOTH : 0);
}

/* Both ends may be among them: the mode is that of the pipe. */
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
			    direction_of(fd));
	}
}

void
stdfiles_give_terminals(uid_t uid)
{
	struct stat st;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && terminal < 0; fd++) {
		if (geteuid() != 0 || fstat(fd, &st) < 0 ||
		    !S_ISCHR(st.st_mode) || st.st_uid != 0 || !isatty(fd))
			continue;
		terminal = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		before = st;
		if (terminal >= 0)
			(void)!fchown(terminal, uid, -1);
	}
}

/* The owner first: until then the command can change the mode again. */
void
stdfiles_take_back(void)
{
	if (terminal >= 0 &&
	    fchown(terminal, before.st_uid, before.st_gid) == 0)
		(void)!fchmod(terminal, before.st_mode & 07777);
}

int
stdfiles_fd(void)
{
	return terminal;
}
