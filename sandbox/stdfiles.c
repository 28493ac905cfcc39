#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stdfiles.h"

/* A terminal that has been or will be given away, and its owner. */
static int terminal = -1;
static uid_t owner;
static gid_t group;

static bool
is_our_terminal(int fd, struct stat *st)
{
	return fstat(fd, st) == 0 && S_ISCHR(st->st_mode) &&
	    st->st_uid == geteuid() && isatty(fd);
}

void
stdfiles_prepare(bool passes_terminal)
{
	struct stat st;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && terminal < 0; fd++)
		if (passes_terminal && geteuid() == 0 &&
		    is_our_terminal(fd, &st)) {
			terminal = fcntl(fd, F_DUPFD_CLOEXEC, 3);
			owner = st.st_uid;
			group = st.st_gid;
		}
}

void
stdfiles_give(uid_t uid, gid_t gid)
{
	struct stat st;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if ((terminal >= 0 && is_our_terminal(fd, &st)) ||
		    (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
		    st.st_uid == geteuid()))
			(void)!fchown(fd, uid, gid);
}

void
stdfiles_take_back(void)
{
	if (terminal >= 0)
		(void)!fchown(terminal, owner, group);
}

int
stdfiles_fd(void)
{
	return terminal;
}
