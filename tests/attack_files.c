/* Tests of the standard descriptors of a sandbox, outside and inside.
 *
 * Outside:
 *  attack_files on KINDS DIR COMMAND ...
 *      Run COMMAND as the leader of a new session on a new terminal. KINDS
 *      are three letters for its descriptors 0, 1 and 2:
 *          t terminal  p pipe    f file in DIR
 *          s socket  d DIR itself  n /dev/null
 *          c closed  o O_PATH of a file in DIR
 *      Print the output of the terminal, the pipes and the sockets, then a
 *      line "code N" with the exit code.
 *  attack_files stalled SECONDS COMMAND ...
 *      The same on a terminal whose output is not read and to which another
 *      process writes. Print "over" if COMMAND exits within that time, then
 *      "raw" or "cooked" for the modes of the terminal.
 *  attack_files typed KEYS COMMAND ...
 *      The same on a terminal: type KEYS after the output "ready", and print
 *      the output that follows, "left N" for the bytes of unread input, and
 *      "raw" or "cooked".
 *  attack_files pending
 *      Print "raw N" or "cooked N" for the terminal that is standard input.
 *
 * Inside:
 *  attack_files look FILE CANARY
 *      Write to FILE a line with the type of each descriptor from 0 to 2, and
 *      "ESCAPED ..." for each way to CANARY, a file of the host, or to the
 *      host's terminal.
 *  attack_files flood
 *      Write to standard output forever.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void
fail(const char *what)
{
	fprintf(stderr, "attack_files: %s: %s\n", what, strerror(errno));
	exit(99);
}

/* ---- inside -------------------------------------------------------------- */

static const char *
kind_of(int fd, const struct stat *st)
{
	struct stat pts;

	if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3))
		return "null";
	if (isatty(fd))
		return stat("/dev/pts", &pts) == 0 && pts.st_dev == st->st_dev ?
		    "pty" : "ESCAPED to the host's terminal";
	return S_ISFIFO(st->st_mode) ? "pipe" : S_ISREG(st->st_mode) ? "file" :
	    S_ISSOCK(st->st_mode) ? "socket" : S_ISDIR(st->st_mode) ?
	    "directory" : "other";
}

/* Try paths from a descriptor, in case it is a directory of the host. */
static void
climb(FILE *out, int fd, const char *canary)
{
	static const char *const ways[] = { "", "/..",
	    "/../../../../../../.." };
	char path[4096];

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d%s%s", fd,
		    ways[i], canary);
		if (access(path, F_OK) == 0)
			fprintf(out, "ESCAPED by %s\n", path);
	}
}

static void
look(char **words)
{
	FILE *out;
	int fd = open(words[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int above = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	close(fd);
	out = fdopen(above, "w");
	if (!out)
		exit(98);
	for (fd = 0; fd <= 2; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0)
			fprintf(out, "%d closed\n", fd);
		else
			fprintf(out, "%d %s\n", fd, kind_of(fd, &st));
		climb(out, fd, words[1]);
	}
	fclose(out);
	(void)!write(1, "seen 1\n", 7);
	(void)!write(2, "seen 2\n", 7);
	exit(0);
}

static void
flood(void)
{
	static char text[4096];

	memset(text, 'x', sizeof(text));
	while (write(1, text, sizeof(text)) > 0)
		;
	exit(3);
}

/* ---- outside ------------------------------------------------------------- */

static int master = -1, slave = -1;
static pid_t child;
static int sources[4], source_count;    /* our ends of its descriptors */

static void
open_terminal(void)
{
	struct termios modes;
	const int unlocked = 0;
	char name[64];

	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0 ||
	    ptsname_r(master, name, sizeof(name)) != 0)
		fail("no pty");
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &modes) < 0)
		fail(name);
	modes.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(slave, TCSANOW, &modes);
}

/* Make a descriptor of the command. If it has another end, that is a source. */
static int
make_file(char kind, int fd, const char *dir)
{
	char path[4096];
	int ends[2];

	snprintf(path, sizeof(path), "%s/file%d", dir, fd);
	switch (kind) {
	case 't':
		return slave;
	case 'f':
		return open(path, fd == 0 ? O_RDONLY : O_WRONLY | O_CREAT |
		    O_TRUNC, 0666);
	case 'd':
		return open(dir, O_RDONLY | O_DIRECTORY);
	case 'n':
		return open("/dev/null", O_RDWR);
	case 'o':
		return open(path, O_PATH);
	case 'p':
		if (pipe(ends) < 0)
			fail("no pipe");
		fcntl(ends[fd == 0], F_SETFD, FD_CLOEXEC);
		if (fd > 0)
			sources[source_count++] = ends[0];
		return ends[fd > 0];
	case 's':
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
			fail("no socket");
		fcntl(ends[0], F_SETFD, FD_CLOEXEC);
		sources[source_count++] = ends[0];
		return ends[1];
	}
	return -1;
}

static void
start(const char *kinds, const char *dir, char **command)
{
	sigset_t none;
	int files[3];

	open_terminal();
	for (int fd = 0; fd < 3; fd++)
		files[fd] = make_file(kinds[fd], fd, dir);
	child = fork();
	if (child == 0) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		for (int fd = 0; fd < 3; fd++)
			files[fd] = files[fd] < 0 ? -1 :
			    fcntl(files[fd], F_DUPFD_CLOEXEC, 20);
		for (int fd = 0; fd < 3; fd++)
			if (files[fd] >= 0)
				dup2(files[fd], fd);
			else
				close(fd);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp(command[0], command);
		_exit(99);
	}
	for (int fd = 0; fd < 3; fd++)
		if (files[fd] > 2 && files[fd] != slave)
			close(files[fd]);
	close(slave);
}

/* Copy output until all sources are at their end. Type keys after "ready". */
static void
copy(const char *keys)
{
	static char text[65536];
	size_t used = 0;

	sources[source_count++] = master;
	while (source_count > 0) {
		struct pollfd p[4];
		ssize_t n;

		for (int i = 0; i < source_count; i++)
			p[i] = (struct pollfd){ sources[i], POLLIN, 0 };
		if (poll(p, source_count, 30000) <= 0)
			fail("nothing comes any more");
		for (int i = source_count - 1; i >= 0; i--) {
			if (!p[i].revents)
				continue;
			n = read(sources[i], text + used,
			    sizeof(text) - used - 1);
			if (n <= 0) {
				sources[i] = sources[--source_count];
				continue;
			}
			(void)!write(1, text + used, n);
			used += n;
			text[used] = '\0';
			if (keys && strstr(text, "ready")) {
				(void)!write(master, keys, strlen(keys));
				keys = NULL;
			}
			if (used > sizeof(text) / 2)
				used = 0;
		}
	}
}

static void
run_on(const char *kinds, const char *dir, char **command)
{
	int wait_status;

	signal(SIGPIPE, SIG_IGN);
	start(kinds, dir, command);
	copy(NULL);
	if (waitpid(child, &wait_status, 0) != child)
		fail("it has no end");
	printf("\ncode %d\n", WIFSIGNALED(wait_status) ? 128 +
	    WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
}

/* True if the child exits within so many seconds. */
static bool
ends_within(int seconds)
{
	struct timespec begun, now, nap = { 0, 10000000 };

	clock_gettime(CLOCK_MONOTONIC, &begun);
	do {
		if (waitpid(child, NULL, WNOHANG) == child)
			return true;
		nanosleep(&nap, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - begun.tv_sec < seconds);
	return false;
}

static const char *
modes_of(int fd)
{
	struct termios modes;

	return tcgetattr(fd, &modes) < 0 ? "no terminal" :
	    modes.c_lflag & ICANON ? "cooked" : "raw";
}

static void
pending(void)
{
	int bytes = 0;

	ioctl(0, FIONREAD, &bytes);
	printf("%s %d\n", modes_of(0), bytes);
}

static void
stalled(int seconds, char **command)
{
	bool over;
	pid_t writer;

	/* Keep the slave open: the last close would reset its modes. */
	start("ttt", ".", command);
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	writer = fork();
	if (writer == 0) {
		dup2(slave, STDOUT_FILENO);
		flood();
	}
	over = ends_within(seconds);
	printf("%s\n%s\n", over ? "over" : "still there", modes_of(master));
	if (!over)
		kill(child, SIGKILL);
	kill(writer, SIGKILL);
}

static void
typed(const char *keys, char **command)
{
	int left = 0, held;

	start("ttt", ".", command);
	held = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fork() == 0) {
		close(held);
		copy(keys);
		_exit(0);
	}
	if (!ends_within(30))
		fail("it has no end");
	ioctl(held, FIONREAD, &left);
	printf("\nleft %d %s\n", left, modes_of(held));
	close(held);
	close(master);
	wait(NULL);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IONBF, 0);
	if (strcmp(what, "look") == 0 && argc == 4)
		look(argv + 2);
	else if (strcmp(what, "flood") == 0)
		flood();
	else if (strcmp(what, "pending") == 0)
		pending();
	else if (strcmp(what, "on") == 0 && argc > 4)
		run_on(argv[2], argv[3], argv + 4);
	else if (strcmp(what, "stalled") == 0 && argc > 3)
		stalled(atoi(argv[2]), argv + 3);
	else if (strcmp(what, "typed") == 0 && argc > 3)
		typed(argv[2], argv + 3);
	else
		return 99;
	return 0;
}
