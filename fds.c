#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/log.h"
#include "fds.h"

/* An O_PATH descriptor answers EBADF to read(2) and write(2), as a closed one
 * does. It is not a directory, so openat(2) cannot use it. An eventfd needs no
 * file system, for a root without a /dev. */
static int
open_placeholder(void)
{
	const int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? fd : syscall(SYS_eventfd2, 0, EFD_CLOEXEC |
	    EFD_NONBLOCK);
}

void
fds_occupy(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open_placeholder() != fd)
			die("cannot occupy", "a closed standard file");
}

/* A close-on-exec descriptor is a placeholder: inherited ones lack the flag. */
void
fds_release(int last)
{
	for (int fd = STDIN_FILENO; fd <= last; fd++)
		if (fcntl(fd, F_GETFD) == FD_CLOEXEC)
			close(fd);
}

void
fds_close_input_and_output(int kept)
{
	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++)
		if (fd != kept)
			close(fd);
}

void
fds_close_range(unsigned int from, unsigned int to)
{
	if (from > to || syscall(SYS_close_range, from, to, 0) == 0)
		return;
	for (unsigned int fd = from; fd <= to && fd < 65536; fd++)
		close(fd);
}
