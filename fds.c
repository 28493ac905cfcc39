#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/log.h"
#include "fds.h"

/* Descriptors that stay open. All families add theirs. */
static struct kept {
	const int *fds;
	int count;
	unsigned int processes;
} kept[96];

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
fds_close_input_and_output(int except)
{
	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++)
		if (fd != except)
			close(fd);
}

/* close_range(2), Linux 5.9; before that up to 65535, one by one. */
static void
close_from_to(unsigned int from, unsigned int to)
{
	if (from > to || syscall(SYS_close_range, from, to, 0) == 0)
		return;
	for (unsigned int fd = from; fd <= to && fd < 65536; fd++)
		close(fd);
}

void
fds_keep(const int *fds, int count, unsigned int processes)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (!kept[i].fds || kept[i].fds == fds) {
			kept[i] = (struct kept){ fds, count, processes };
			return;
		}
	diex("too many descriptors", NULL, NULL, NULL);
}

/* Return the lowest descriptor from a number on that these processes keep;
 * UINT_MAX if there is none. */
static unsigned int
next_kept(unsigned int processes, unsigned int from)
{
	unsigned int next = UINT_MAX;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		for (int n = 0; n < kept[i].count; n++) {
			const unsigned int fd = kept[i].fds[n];

			if ((kept[i].processes & processes) && fd >= from &&
			    fd <= INT_MAX && fd < next)
				next = fd;
		}
	return next;
}

void
fds_close_others(unsigned int processes, unsigned int first)
{
	while (first <= INT_MAX) {
		const unsigned int next = next_kept(processes, first);

		close_from_to(first, next == UINT_MAX ? next : next - 1);
		if (next == UINT_MAX)
			return;
		first = next + 1;
	}
}
