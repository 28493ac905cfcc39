/* Attacks in the comparison with other sandboxes, for tests/security.sh. Print
 * "held: WHY" or "ESCAPED: HOW", and exit with 0 or 1.
 *	attack_peers tty            find a terminal of the host on 0 to 2
 *	attack_peers connect PATH   connect to a socket of the host by its path
 * On the host:
 *	attack_peers listen PATH    make that socket, print "ready", wait
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static _Noreturn void
escaped(const char *how)
{
	printf("ESCAPED: %s\n", how);
	exit(1);
}

static _Noreturn void
held(const char *why)
{
	printf("held: %s\n", why);
	exit(0);
}

/* Our own terminal belongs to the devpts that is mounted here. On a terminal of
 * the host we could change settings and read later input. */
static _Noreturn void
tty(void)
{
	struct stat st, own = { 0 };
	struct termios t;

	stat("/dev/pts", &own);
	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) == 0 && st.st_dev != own.st_dev &&
		    tcgetattr(fd, &t) == 0 && tcsetattr(fd, TCSANOW, &t) == 0)
			escaped("a terminal of the host can be set");
	held("no terminal of the host");
}

static int
address(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	snprintf(a->sun_path, sizeof(a->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static _Noreturn void
reach(const char *path)
{
	struct sockaddr_un a;
	int fd = address(&a, path);

	if (connect(fd, (void *)&a, sizeof(a)) == 0)
		escaped("a socket of the host answers");
	held(strerror(errno));
}

static void
listen_at(const char *path)
{
	struct sockaddr_un a;
	int fd = address(&a, path);

	if (bind(fd, (void *)&a, sizeof(a)) < 0 || listen(fd, 8) < 0) {
		perror(path);
		exit(99);
	}
	chmod(path, 0666);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "tty") == 0)
		tty();
	if (argc > 2 && strcmp(what, "connect") == 0)
		reach(argv[2]);
	if (argc > 2 && strcmp(what, "listen") == 0)
		listen_at(argv[2]);
	fprintf(stderr, "attack_peers: what?\n");
	return 99;
}
