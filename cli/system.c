#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system.h"

/* Close a descriptor and keep errno. */
static void
close_quietly(int fd)
{
	const int error = errno;

	close(fd);
	errno = error;
}

bool
file_read(int dir, const char *path, char *text, size_t size)
{
	const int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	text[0] = '\0';
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close_quietly(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}

ssize_t
file_read_whole(const char *path, char *text, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
	    O_NOCTTY);
	size_t used = 0;
	ssize_t n = 0;

	text[0] = '\0';
	if (fd < 0)
		return -1;
	while (used < size - 1 &&
	    (n = read(fd, text + used, size - 1 - used)) > 0)
		used += n;
	close_quietly(fd);
	text[n < 0 ? 0 : used] = '\0';
	return n < 0 ? -1 : (ssize_t)used;
}

/* The call alone: faccessat(3) of libc emulates flags by a process. */
bool
file_permits(int dir, const char *path, int mode)
{
	return syscall(SYS_faccessat, dir, path, mode) == 0;
}

bool
file_write(int dir, const char *path, const char *text)
{
	const int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, text, strlen(text));
	close_quietly(fd);
	return n >= 0;
}

const struct dirent *
dir_next(struct dir_list *l)
{
	for (;;) {
		const struct dirent *entry = (void *)(l->buffer + l->at);

		if (l->at >= l->size) {
			l->at = 0;
			l->size = syscall(SYS_getdents64, l->fd, l->buffer,
			    sizeof(l->buffer));
			if (l->size <= 0)
				return NULL;
			continue;
		}
		l->at += entry->d_reclen;
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			return entry;
	}
}

/* Bringing up lo waits for a grace period of the kernel, so skip it if lo is
 * up. */
bool
bring_up_loopback(void)
{
	struct ifreq lo = { .ifr_name = "lo" };
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up;

	if (fd < 0)
		return false;
	up = ioctl(fd, SIOCGIFFLAGS, &lo) == 0;
	if (up && !(lo.ifr_flags & IFF_UP)) {
		lo.ifr_flags |= IFF_UP;
		up = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
	}
	close_quietly(fd);
	return up;
}
