/* Commands for a sandbox with sockets of --listen, and their peers on the host.
 *
 * Attacks, inside: print "held: WHY" or "ESCAPED: HOW", exit with 0 or 1.
 *	attack_listen aim PORT  connect each inherited socket to 127.0.0.1 and
 *	                        ::1, where a service of the host answers
 *	attack_listen take PORT take a socket of any visible process with
 *	                        pidfd_getfd(2), and connect it there
 *
 * Other commands, inside:
 *	attack_listen answer    print LISTEN_FDS, then send "passed" to a client
 *	                        of each socket in turn
 *	attack_listen pour N    send N bytes to the client of descriptor 3
 *
 * On the host:
 *	attack_listen serve PORT        answer on 127.0.0.1 and ::1, by TCP and
 *	                                UDP; print "ready", wait forever
 *	attack_listen ask ADDRESS PORT tcp|udp  print the answer
 *	attack_listen drink PORT        connect, print "connected", wait for end
 *	                                of file on stdin, print the number of
 *	                                received bytes
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* Call numbers missing in the libc of 2022; the same on all architectures. */
enum { PIDFD_OPEN = 434, PIDFD_GETFD = 438 };

enum { FIRST = 3, FILES = 70, PIDS = 70000, PATIENCE = 20 /* seconds */ };

static const char CANARY[] = "canary";

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static _Noreturn void
escaped(const char *how, int fd)
{
	printf("ESCAPED: %s %d\n", how, fd);
	exit(1);
}

static _Noreturn void
held(const char *why)
{
	printf("held: %s\n", why);
	exit(0);
}

static _Noreturn void
broken(const char *what)
{
	perror(what);
	exit(99);
}

static socklen_t
address(const char *text, const char *port, union address *a)
{
	memset(a, 0, sizeof(*a));
	a->v4.sin_port = htons(atoi(port));
	if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1) {
		a->any.sa_family = AF_INET6;
		return sizeof(a->v6);
	}
	if (inet_pton(AF_INET, text, &a->v4.sin_addr) != 1)
		broken(text);
	a->any.sa_family = AF_INET;
	return sizeof(a->v4);
}

static void
limit_wait(int fd)
{
	const struct timeval t = { PATIENCE, 0 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* ---- attacks ------------------------------------------------------------ */

static bool
answers_at(int fd, const char *text, const char *port)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	union address a;
	const socklen_t size = address(text, port, &a);
	char answer[sizeof(CANARY)] = "";

	/* Stop listening, and then disconnect the socket. */
	shutdown(fd, SHUT_RDWR);
	(void)!connect(fd, &none, sizeof(none));
	limit_wait(fd);
	fcntl(fd, F_SETFL, 0);
	if (connect(fd, &a.any, size) < 0 || send(fd, "?", 1, MSG_NOSIGNAL) < 0)
		return false;
	return recv(fd, answer, sizeof(answer) - 1, 0) > 0 &&
	    strcmp(answer, CANARY) == 0;
}

static void
aim_one(int fd, const char *port)
{
	static const char *const ways[] = { "127.0.0.1", "::1",
	    "::ffff:127.0.0.1" };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (answers_at(fd, ways[i], port))
			escaped("the host answers by socket", fd);
}

static bool
is_socket(int fd)
{
	int type;
	socklen_t size = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

static _Noreturn void
aim(const char *port)
{
	int count = 0;

	for (int fd = 0; fd < FILES; fd++)
		if (is_socket(fd)) {
			aim_one(fd, port);
			count++;
		}
	if (count == 0)
		broken("no socket");
	held("nobody answers");
}

static _Noreturn void
take(const char *port)
{
	int seen = 0;

	for (pid_t pid = 1; pid < PIDS; pid++) {
		const int process = syscall(PIDFD_OPEN, pid, 0);

		if (process < 0)
			continue;
		seen += pid != getpid();
		for (int fd = 0; fd < FILES && pid != getpid(); fd++) {
			int taken = syscall(PIDFD_GETFD, process, fd, 0);

			if (taken >= 0 && is_socket(taken))
				aim_one(taken, port);
			if (taken >= 0)
				close(taken);
		}
		close(process);
	}
	if (seen == 0)
		broken("no process");
	held("no process gives a socket");
}

/* ---- a friendly command ------------------------------------------------- */

static bool
is_datagram(int fd)
{
	int type = 0;
	socklen_t size = sizeof(type);

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
	return type == SOCK_DGRAM;
}

/* Reply with a datagram, or on a connection, which is closed then. */
static void
reply(int fd, const char *word)
{
	union address from;
	socklen_t size = sizeof(from);
	char byte;
	int client;

	if (is_datagram(fd)) {
		if (recvfrom(fd, &byte, 1, 0, &from.any, &size) >= 0)
			sendto(fd, word, strlen(word), 0, &from.any, size);
		return;
	}
	client = accept(fd, NULL, NULL);
	if (client < 0)
		broken("accept");
	(void)!read(client, &byte, 1);
	send(client, word, strlen(word), MSG_NOSIGNAL);
	close(client);
}

static void
answer(void)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");

	if (!count || !pid || atoi(pid) != getpid())
		broken("LISTEN_FDS and LISTEN_PID");
	puts(count);
	for (int i = 0; i < atoi(count); i++)
		reply(FIRST + i, "passed");
}

static void
pour(const char *count)
{
	static const char zeroes[4096];
	const int client = accept(FIRST, NULL, NULL);
	long left = atol(count);

	while (left > 0) {
		ssize_t n = write(client, zeroes, left < 4096 ? left : 4096);

		if (n < 0)
			broken("write");
		left -= n;
	}
}

/* ---- on the host -------------------------------------------------------- */

static int
connected(const char *text, const char *port, int type)
{
	union address a;
	const socklen_t size = address(text, port, &a);
	const int fd = socket(a.any.sa_family, type, 0);

	limit_wait(fd);
	if (connect(fd, &a.any, size) < 0)
		broken("connect");
	return fd;
}

static _Noreturn void
serve(const char *port)
{
	static const char *const at[] = { "127.0.0.1", "::1" };
	struct pollfd p[4];
	const int on = 1;

	for (int i = 0; i < 4; i++) {
		union address a;
		const socklen_t size = address(at[i / 2], port, &a);
		const int fd = socket(a.any.sa_family, i % 2 ? SOCK_DGRAM :
		    SOCK_STREAM, 0);

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		p[i] = (struct pollfd){ fd, POLLIN, 0 };
		/* IPv6 may be missing. */
		if (bind(fd, &a.any, size) < 0 ||
		    (i % 2 == 0 && listen(fd, 64) < 0)) {
			if (i < 2)
				broken("bind");
			p[i].fd = -1;
		}
	}
	puts("ready");
	for (;;) {
		poll(p, 4, -1);
		for (int i = 0; i < 4; i++)
			if (p[i].revents)
				reply(p[i].fd, CANARY);
	}
}

static void
ask(const char *text, const char *port, const char *how)
{
	char word[16] = "";
	const int fd = connected(text, port, strcmp(how, "udp") == 0 ?
	    SOCK_DGRAM : SOCK_STREAM);

	if (send(fd, "?", 1, MSG_NOSIGNAL) < 0 ||
	    recv(fd, word, sizeof(word) - 1, 0) < 0)
		broken("recv");
	puts(word);
}

static void
drink(const char *port)
{
	static char bytes[65536];
	const int fd = connected("127.0.0.1", port, SOCK_STREAM);
	long all = 0;
	ssize_t n;

	puts("connected");
	while (read(0, bytes, sizeof(bytes)) > 0)
		;
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		all += n;
	printf("%ld\n", all);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(what, "aim") == 0 && argc == 3)
		aim(argv[2]);
	else if (strcmp(what, "take") == 0 && argc == 3)
		take(argv[2]);
	else if (strcmp(what, "answer") == 0 && argc == 2)
		answer();
	else if (strcmp(what, "pour") == 0 && argc == 3)
		pour(argv[2]);
	else if (strcmp(what, "serve") == 0 && argc == 3)
		serve(argv[2]);
	else if (strcmp(what, "ask") == 0 && argc == 5)
		ask(argv[2], argv[3], argv[4]);
	else if (strcmp(what, "drink") == 0 && argc == 3)
		drink(argv[2]);
	else
		broken("attack_listen: what?");
	return 0;
}
