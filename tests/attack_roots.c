/* Attacks of a command, or of a local user, on paths that pith uses.
 *
 *	swap NAME TARGET	whenever NAME is an empty directory, replace it
 *				by a link to TARGET, until killed
 *	exchange A B		exchange two files until killed; print "ready"
 *	connect PATH		connect to a socket; print its text or the error
 *	serve PATH		listen on a socket; print "ready"; send "host"
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int
swap(const char *name, const char *target)
{
	for (;;)
		if (rmdir(name) == 0) {
			if (symlink(target, name) < 0)
				return 1;
			puts("swapped");
			fflush(stdout);
			usleep(20000);
			unlink(name);
		}
}

static int
exchange(const char *a, const char *b)
{
	puts("ready");
	fflush(stdout);
	while (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b,
	    RENAME_EXCHANGE) == 0)
		;
	return 1;
}

static int
unix_socket(const char *path, struct sockaddr_un *a)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	strncpy(a->sun_path, path, sizeof(a->sun_path) - 1);
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
try_connect(const char *path)
{
	struct sockaddr_un a;
	int fd = unix_socket(path, &a);
	char text[16] = "";

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		printf("held: %s\n", strerror(errno));
		return 0;
	}
	if (read(fd, text, sizeof(text) - 1) < 0)
		return 1;
	printf("ESCAPED: %s\n", text);
	return 0;
}

static int
serve(const char *path)
{
	struct sockaddr_un a;
	int fd = unix_socket(path, &a), client;

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 9) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		if (write(client, "host", 4) < 0)
			return 1;
		close(client);
	}
	return 1;
}

int
main(int n, char **words)
{
	if (n == 4 && strcmp(words[1], "swap") == 0)
		return swap(words[2], words[3]);
	if (n == 4 && strcmp(words[1], "exchange") == 0)
		return exchange(words[2], words[3]);
	if (n == 3 && strcmp(words[1], "connect") == 0)
		return try_connect(words[2]);
	if (n == 3 && strcmp(words[1], "serve") == 0)
		return serve(words[2]);
	return 2;
}
