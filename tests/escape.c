/* Attacks of a hostile command, and programs that show their effect on the
 * host. Static, so that it needs no library.
 *
 * Attacks: print "held: WHY" or "ESCAPED: HOW", exit with 0 or 1.
 *	escape climb FILE       reach FILE of the host: by chroot(2) and "..",
 *	                        umount2(2), the namespaces and directories of
 *	                        process 1
 *	escape files FILE       reach FILE by an open descriptor other than 0-2
 *	escape init             inspect process 1, and take its descriptors
 *	escape kill             kill or stop process 1 and all others
 *	escape push             push a line into the input of our terminal
 *	escape userns           make a user namespace, in every way
 *	escape remount PATH     make PATH writable, or uncover the mount below
 *	escape mount            mount a file system, or bind a directory
 *	escape write PATH       write to an existing file
 *	escape node PATH MAJOR MINOR    make a character device, and open it
 *	escape open PATH        open a device
 *	escape proc A B         find a writable sys in the proc at A or B
 *	escape groups           drop a group that denies access
 *	escape abstract NAME    reach a listener in the abstract namespace
 *	escape hear             receive from another sandbox, see "say"
 *
 * Other commands, inside:
 *	escape say              send to every channel that "hear" checks, print
 *	                        "said", wait
 *	escape stay             ignore all signals, adopt orphans, print
 *	                        "ready", wait
 *	escape ids              "real effective saved" uid, then those gids
 *	escape files            print the open descriptors, one a line
 *
 * On the host:
 *	escape swap A B         print "ready", exchange the two names until
 *	                        SIGTERM
 *	escape holding COMMAND  run it with descriptors of the host: 9 and 200
 *	                        are the directory /, 10 a socket, 11 this file
 *	escape terminal COMMAND run it on a new terminal, print its output, then
 *	                        whether unread input is left
 *	escape listen NAME      listen in the abstract namespace; print "ready",
 *	                        wait
 *	escape keyed COMMAND    run it with the key that "hear" seeks in the
 *	                        session keyring
 *	escape odd COMMAND      run it with signals blocked and ignored, and a
 *	                        pending alarm
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Call numbers missing in the libc of 2022; the same on all architectures. */
enum { CLONE3 = 435, PIDFD_OPEN = 434, PIDFD_GETFD = 438 };

static _Noreturn void
escaped(const char *how, ...)
{
	va_list rest;

	va_start(rest, how);
	printf("ESCAPED: ");
	vprintf(how, rest);
	puts("");
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

/* ---- files of the host -------------------------------------------------- */

/* True if file, an absolute path of the host, exists below dir or above dir by
 * many "..". */
static bool
reaches(int dir, const char *file)
{
	char path[4096] = "";

	for (int i = 0; i < 64; i++)
		strcat(path, "../");
	strcat(path, file + 1);
	return faccessat(dir, path, F_OK, 0) == 0 ||
	    faccessat(dir, file + 1, F_OK, 0) == 0;
}

static _Noreturn void
climb(const char *file)
{
	static const char *const ways[] = { "/proc/1/root", "/proc/1/cwd",
	    "/proc/self/root", "/proc/self/cwd", "/..", "/proc/..", "/dev/.." };
	int root = open("/", O_PATH), ns;

	if (access(file, F_OK) == 0 || reaches(root, file))
		escaped("it is there");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int fd = open(ways[i], O_PATH);

		if (fd >= 0 && reaches(fd, file))
			escaped("by %s", ways[i]);
	}
	ns = open("/proc/1/ns/mnt", O_RDONLY);
	if (ns >= 0 && setns(ns, CLONE_NEWNS) == 0 && access(file, F_OK) == 0)
		escaped("by the mount namespace of process 1");
	/* A second chroot(2) leaves a plain chroot(2) by "..". */
	if (mkdir("/tmp/jail", 0755) < 0 && errno != EEXIST &&
	    errno != EROFS)
		broken("/tmp/jail");
	if (chroot(access("/tmp/jail", F_OK) < 0 ? "/tmp" : "/tmp/jail") == 0) {
		for (int i = 0; i < 64; i++)
			if (chdir("..") < 0)
				break;
		if (chroot(".") == 0 && access(file, F_OK) == 0)
			escaped("by chroot(2)");
		if (fchdir(root) == 0 && reaches(root, file))
			escaped("by a directory above");
	}
	/* Uncover the mount below the root. */
	for (int i = 0; i < 8; i++) {
		if (umount2("/", MNT_DETACH) < 0)
			break;
		if (access(file, F_OK) == 0 || reaches(AT_FDCWD, file))
			escaped("by umount2(2)");
	}
	if (syscall(SYS_pivot_root, ".", ".") == 0 && reaches(AT_FDCWD, file))
		escaped("by pivot_root(2)");
	held("it is out of reach");
}

static _Noreturn void
files(const char *file)
{
	const char *how = NULL;
	int open_ones = 0, last = 0;

	for (int fd = 0; fd < 1024; fd++) {
		char path[32];

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		if (!file)
			printf("%d\n", fd);
		if (fd < 3 || !file)
			continue;
		open_ones++;
		last = fd;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (reaches(fd, file) || (chdir(path) == 0 &&
		    reaches(AT_FDCWD, file)))
			how = "a directory";
	}
	if (!file)
		exit(0);
	if (how)
		escaped("by %s, descriptor %d", how, last);
	if (open_ones > 0)
		escaped("descriptor %d is open", last);
	held("no other file is open");
}

/* True for a file of /proc or /sys. Checks the file system type, because the
 * path may contain a link. */
static bool
is_parameter(int fd)
{
	enum { OF_PROC = 0x9fa0, OF_SYSFS = 0x62656572 };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		broken("statfs");
	return fs.f_type == OF_PROC || fs.f_type == OF_SYSFS;
}

static _Noreturn void
write_to(const char *path)
{
	struct stat before;
	char byte = 0;
	int fd = open(path, O_RDWR);
	ssize_t n;

	if (fd < 0)
		held(strerror(errno));
	if (fstat(fd, &before) < 0)
		broken(path);
	/* Write back the value of a kernel parameter, to change nothing. */
	n = S_ISREG(before.st_mode) ? read(fd, &byte, 1) : 0;
	if (is_parameter(fd)) {
		char text[256];

		lseek(fd, 0, SEEK_SET);
		n = read(fd, text, sizeof(text));
		lseek(fd, 0, SEEK_SET);
		if (n >= 0 && write(fd, text, n) < 0)
			held(strerror(errno));
	} else if (n < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    write(fd, "X", 1) < 0) {
		held(strerror(errno));
	}
	escaped("%s was written", path);
}

/* Find /proc at one of two paths that another process exchanges. */
static _Noreturn void
find_proc(const char *a, const char *b)
{
	for (int i = 0; i < 100000; i++) {
		int dir = open(i % 2 ? a : b, O_PATH | O_DIRECTORY), sys;
		struct statvfs fs;

		if (dir < 0 || faccessat(dir, "self", F_OK, 0) < 0) {
			close(dir);
			continue;
		}
		sys = openat(dir, "sys", O_PATH | O_DIRECTORY);
		if (sys < 0 || fstatvfs(sys, &fs) < 0)
			broken("sys");
		if (!(fs.f_flag & ST_RDONLY))
			escaped("sys is not read-only");
		held("sys is read-only");
	}
	held("there is none");
}

static _Noreturn void
open_device(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0)
		escaped("%s was opened", path);
	held(strerror(errno));
}

static _Noreturn void
node(const char *path, int major, int minor)
{
	if (mknod(path, S_IFCHR | 0666, makedev(major, minor)) < 0)
		held(strerror(errno));
	open_device(path);
}

/* ---- process 1 ---------------------------------------------------------- */

static void
look_into_init(void)
{
	static const char *const parts[] = { "exe", "root", "cwd", "mem",
	    "environ", "maps", "auxv", "ns/mnt", "ns/user", "ns/pid", "fd/0",
	    "fd/1", "fd/2", "fd/3", "fd/4", "fd/5", "task/1/mem" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char path[64], byte;
		int fd;

		snprintf(path, sizeof(path), "/proc/1/%s", parts[i]);
		fd = open(path, O_RDONLY | O_NONBLOCK);
		if (fd < 0)
			continue;
		/* Some files can be opened, but reading returns nothing. */
		if (strncmp(parts[i], "mem", 3) == 0 ||
		    strcmp(parts[i], "environ") == 0 ||
		    strcmp(parts[i], "auxv") == 0 ||
		    strcmp(parts[i], "maps") == 0)
			if (pread(fd, &byte, 1, 0) == 0 ||
			    (errno != EIO && errno != 0))
				continue;
		escaped("%s was opened", path);
	}
}

static _Noreturn void
look_at_init(void)
{
	char byte;
	struct iovec own = { &byte, 1 }, its = { (void *)0x1000, 1 };
	int pidfd;

	if (getpid() == 1)
		held("process 1 is the command itself");
	look_into_init();
	if (open("/proc/1/exe", O_WRONLY) >= 0 ||
	    open("/proc/1/mem", O_WRONLY) >= 0)
		escaped("process 1 can be written");
	if (process_vm_readv(1, &own, 1, &its, 1, 0) >= 0 || errno == EFAULT)
		escaped("by process_vm_readv(2)");
	if (ptrace(PTRACE_SEIZE, 1, NULL, NULL) >= 0)
		escaped("by ptrace(2)");
	pidfd = syscall(PIDFD_OPEN, 1, 0);
	for (int fd = 0; pidfd >= 0 && fd < 256; fd++)
		if (syscall(PIDFD_GETFD, pidfd, fd, 0) >= 0 || errno == EBADF)
			escaped("by pidfd_getfd(2)");
	held("process 1 cannot be looked into");
}

static _Noreturn void
kill_all(void)
{
	siginfo_t lie = { .si_signo = 64, .si_code = SI_QUEUE };
	struct timespec t = { 0, 100000000 };

	if (getpid() == 1)
		held("process 1 is the command itself");
	/* Process 1 forwards signals to us. */
	for (int sig = 1; sig <= 64; sig++)
		signal(sig, SIG_IGN);
	kill(1, SIGKILL);
	kill(1, SIGSTOP);
	kill(1, SIGSEGV);
	kill(1, SIGABRT);
	if (getppid() == 1)             /* otherwise -1 reaches the host */
		kill(-1, SIGKILL);
	kill(getppid(), SIGKILL);
	kill(getppid(), SIGSTOP);
	/* Forge the signal by which the kernel reports a message of the
	 * launcher. */
	lie.si_code = 1;
	syscall(SYS_rt_sigqueueinfo, 1, 64, &lie);
	lie.si_code = SI_QUEUE;
	syscall(SYS_rt_sigqueueinfo, 1, 40, &lie);
	nanosleep(&t, NULL);
	if (kill(1, 0) < 0 && errno == ESRCH)
		escaped("process 1 is gone");
	held("process 1 lives");
}

/* ---- namespaces and mounts ---------------------------------------------- */

static int
end_of(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void
writes_sysctl(void)
{
	int fd = open("/proc/sys/user/max_user_namespaces", O_WRONLY);

	if (fd >= 0 && write(fd, "1000\n", 5) == 5)
		puts("(the limit was raised)");
}

static _Noreturn void
user_namespace(void)
{
	uint64_t args[11] = { CLONE_NEWUSER };
	long pid;

	writes_sysctl();
	args[4] = SIGCHLD;
	pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) < 0 &&
		    unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) < 0);
	if (end_of(pid) == 0)
		escaped("by unshare(2)");
	pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		escaped("by clone(2)");
	pid = syscall(CLONE3, args, sizeof(args));
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		escaped("by clone3(2)");
	held(strerror(errno));
}

static void
try_remount(const char *path)
{
	char file[4096];
	int fd, tries = 0;

	mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
	mount(NULL, path, NULL, MS_REMOUNT, NULL);
	for (int i = 0; i < 2; i++) {
		/* Make a file in a directory, or open the file itself. */
		snprintf(file, sizeof(file), "%s/escape", path);
		fd = open(file, O_WRONLY | O_CREAT, 0644);
		if (fd < 0 && errno == ENOTDIR)
			fd = open(path, O_WRONLY);
		if (fd >= 0)
			escaped("%s is writable", i ? "what it covers" : path);
		while (umount2(path, MNT_DETACH) == 0 && ++tries < 8)
			;
	}
	if (tries > 0)
		escaped("it was unmounted");
	/* Bind the parent directory, without the mounts on it. */
	snprintf(file, sizeof(file), "%s/..", path);
	if (mount(file, "/tmp", NULL, MS_BIND, NULL) == 0)
		escaped("what it covers was bound");
}

/* Try directly, and as root of new namespaces. */
static _Noreturn void
remount(const char *path)
{
	try_remount(path);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
		try_remount(path);
	held(strerror(errno));
}

static _Noreturn void
mount_anything(void)
{
	static const char *const types[] = { "proc", "sysfs", "tmpfs", "devpts",
	    "cgroup2", "overlay", "mqueue", "debugfs", "devtmpfs", "ext4" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (mount("none", "/tmp", types[i], 0, NULL) == 0)
			escaped("%s was mounted", types[i]);
	if (mount("/", "/tmp", NULL, MS_BIND, NULL) == 0)
		escaped("a piece of the tree was mounted");
	if (unshare(CLONE_NEWNS) == 0)
		escaped("a mount namespace was made");
	held(strerror(errno));
}

static _Noreturn void
groups(void)
{
	gid_t some[64];
	int before = getgroups(64, some);

	if (setgroups(0, NULL) == 0 && before > 0)
		escaped("%d groups are gone", before);
	held(strerror(errno));
}

/* ---- the terminal ------------------------------------------------------- */

static _Noreturn void
push(void)
{
	/* The kernel uses only the low 32 bits of the number. */
	static const unsigned long calls[] = { TIOCSTI, 1UL << 32 | TIOCSTI,
	    0xffffffffUL << 32 | TIOCSTI };
	char byte = 'X', paste[2] = { 3, 'X' };
	int pushed = 0, tty;

	tty = open("/dev/tty", O_RDWR | O_NOCTTY);
	for (int fd = 0; fd < 3 + (tty >= 0); fd++) {
		int on = fd == 3 ? tty : fd;

		for (int i = 0; i < 3; i++)
			pushed += syscall(SYS_ioctl, on, calls[i], &byte) == 0;
		pushed += syscall(SYS_ioctl, on, TIOCLINUX, paste) == 0;
	}
	if (pushed > 0)
		escaped("%d bytes went into the input", pushed);
	held(strerror(errno));
}

static int
new_terminal(char name[64])
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int number, zero = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &zero) < 0 ||
	    ioctl(master, TIOCGPTN, &number) < 0)
		broken("/dev/ptmx");
	snprintf(name, 64, "/dev/pts/%d", number);
	return master;
}

static _Noreturn void
run_on(const char *name, char **command)
{
	struct termios t;
	int slave;

	setsid();
	slave = open(name, O_RDWR);
	if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0 ||
	    tcgetattr(slave, &t) < 0)
		broken(name);
	t.c_lflag &= ~(ICANON | ECHO);  /* so that FIONREAD counts input */
	tcsetattr(slave, TCSANOW, &t);
	for (int fd = 0; fd < 3; fd++)
		dup2(slave, fd);
	if (slave > 2)
		close(slave);
	execvp(command[0], command);
	broken(command[0]);
}

static _Noreturn void
terminal(char **command)
{
	char name[64], text[4096];
	int master = new_terminal(name), slave, left = 0;
	struct pollfd p = { master, POLLIN, 0 };
	bool over = false;
	pid_t pid;

	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	pid = fork();
	if (pid == 0)
		run_on(name, command);
	for (;;) {
		ssize_t n = poll(&p, 1, over ? 0 : 20) > 0 ?
		    read(master, text, sizeof(text)) : 0;

		if (n > 0)
			fwrite(text, 1, n, stdout);
		else if (over)
			break;
		over = over || waitpid(pid, NULL, WNOHANG) == pid;
	}
	ioctl(slave, FIONREAD, &left);
	if (left > 0)
		escaped("%d bytes are left in the input", left);
	held("the input is empty");
}

/* ---- sandboxes side by side --------------------------------------------- */

static socklen_t
abstract(struct sockaddr_un *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "%s", name);
	return offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
}

static int
listener(const char *name)
{
	struct sockaddr_un a;
	socklen_t n = abstract(&a, name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return fd >= 0 && bind(fd, (void *)&a, n) == 0 && listen(fd, 8) == 0 ?
	    fd : -1;
}

static bool
connects(const char *name)
{
	struct sockaddr_un a;
	socklen_t n = abstract(&a, name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return connect(fd, (void *)&a, n) == 0;
}

/* Make or find a key in a keyring of the user or of the session. */
static long
key(int in, bool make)
{
	static const char name[] = "pith-escape";

	return make ? syscall(SYS_add_key, "user", name, "x", 1, in) :
	    syscall(SYS_keyctl, 10 /* KEYCTL_SEARCH */, in, "user", name, 0);
}

enum { SESSION = -3, USER = -4, USER_SESSION = -5 };
static const int keyrings[] = { SESSION, USER, USER_SESSION };
static const char CHANNEL[] = "/pith-escape";
enum { SHM_KEY = 0x70697468 };

static _Noreturn void
stay(const char *word)
{
	for (int sig = 1; sig <= 64; sig++)
		if (sig != SIGCHLD)     /* ignored: no child becomes a zombie */
			signal(sig, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	puts(word);
	fflush(stdout);
	for (;;)
		pause();
}

static void
say_all(void)
{
	char path[64];
	struct mq_attr a = { .mq_maxmsg = 1, .mq_msgsize = 8 };

	snprintf(path, sizeof(path), "/dev/shm%s", CHANNEL);
	close(open(path, O_CREAT | O_RDWR, 0666));
	shmget(SHM_KEY, 4096, IPC_CREAT | 0666);
	mq_open(CHANNEL, O_CREAT | O_RDWR, 0666, &a);
	listener(CHANNEL + 1);
	for (int i = 0; i < 3; i++)
		key(keyrings[i], true);
	sethostname(CHANNEL + 1, strlen(CHANNEL) - 1);
}

static _Noreturn void
hear(void)
{
	char path[64], name[64] = "";

	snprintf(path, sizeof(path), "/dev/shm%s", CHANNEL);
	if (access(path, F_OK) == 0)
		escaped("by /dev/shm");
	if (shmget(SHM_KEY, 0, 0) >= 0)
		escaped("by shared memory");
	if (mq_open(CHANNEL, O_RDONLY) >= 0)
		escaped("by a message queue");
	if (connects(CHANNEL + 1))
		escaped("by an abstract socket");
	for (int i = 0; i < 3; i++)
		if (key(keyrings[i], false) >= 0)
			escaped("by keyring %d", keyrings[i]);
	gethostname(name, sizeof(name));
	if (strcmp(name, CHANNEL + 1) == 0)
		escaped("by the host name");
	held("nothing is heard");
}

/* ---- on the host -------------------------------------------------------- */

static void
end(int sig)
{
	_exit(sig != SIGTERM);
}

static _Noreturn void
swap(const char *a, const char *b)
{
	signal(SIGTERM, end);
	puts("ready");
	fflush(stdout);
	for (;;)
		if (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b,
		    2 /* RENAME_EXCHANGE */) < 0 && errno != ENOENT)
			broken("renameat2");
}

static _Noreturn void
holding(char **command)
{
	int pair[2], root = open("/", O_RDONLY | O_DIRECTORY);

	if (root < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
	    dup2(root, 200) < 0 || dup2(pair[0], 10) < 0 ||
	    dup2(open("/proc/self/exe", O_RDONLY), 11) < 0 ||
	    dup2(root, 9) < 0)
		broken("files");
	for (int fd = 3; fd < 9; fd++)
		close(fd);
	execvp(command[0], command);
	broken(command[0]);
}

static _Noreturn void
keyed(char **command)
{
	syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL);
	if (key(SESSION, true) < 0)
		broken("add_key");
	execvp(command[0], command);
	broken(command[0]);
}

static _Noreturn void
odd(char **command)
{
	uint64_t all = -1;
	struct itimerval soon = { .it_value = { 30, 0 } };

	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
	setitimer(ITIMER_REAL, &soon, NULL);
	execvp(command[0], command);
	broken(command[0]);
}

static void
print_ids(void)
{
	uid_t r, e, s;

	getresuid(&r, &e, &s);
	printf("%u %u %u", r, e, s);
	getresgid(&r, &e, &s);
	printf(" %u %u %u\n", r, e, s);
}

static void
reach(const char *name)
{
	if (connects(name))
		escaped("a connection was made");
	held(strerror(errno));
}

static void
listen_at(const char *name)
{
	if (listener(name) < 0)
		broken(name);
	stay("ready");
}

static void
say(void)
{
	say_all();
	stay("said");
}

static void
be_there(void)
{
	stay("ready");
}

static void
list_files(void)
{
	files(NULL);
}

static void
make_node(const char *path, const char *major, const char *minor)
{
	node(path, atoi(major), atoi(minor));
}

/* Commands and the number of their arguments; -1: a command line. */
static const struct {
	char name[12];
	int words;
	void (*none)(void);
	void (*one)(const char *);
	void (*two)(const char *, const char *);
	void (*three)(const char *, const char *, const char *);
	void (*run)(char **);
} deeds[] = {
	{ "init", 0, .none = look_at_init }, { "kill", 0, .none = kill_all },
	{ "push", 0, .none = push }, { "userns", 0, .none = user_namespace },
	{ "mount", 0, .none = mount_anything },
	{ "groups", 0, .none = groups }, { "hear", 0, .none = hear },
	{ "say", 0, .none = say }, { "stay", 0, .none = be_there },
	{ "ids", 0, .none = print_ids }, { "files", 0, .none = list_files },
	{ "files", 1, .one = files }, { "climb", 1, .one = climb },
	{ "remount", 1, .one = remount }, { "write", 1, .one = write_to },
	{ "open", 1, .one = open_device },
	{ "abstract", 1, .one = reach }, { "listen", 1, .one = listen_at },
	{ "proc", 2, .two = find_proc }, { "swap", 2, .two = swap },
	{ "node", 3, .three = make_node },
	{ "holding", -1, .run = holding }, { "terminal", -1, .run = terminal },
	{ "keyed", -1, .run = keyed }, { "odd", -1, .run = odd },
};

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		const int words = deeds[i].words;

		if (strcmp(what, deeds[i].name) != 0 ||
		    (words < 0 ? argc < 3 : argc - 2 != words))
			continue;
		if (words < 0)
			deeds[i].run(argv + 2);
		else if (words == 0)
			deeds[i].none();
		else if (words == 1)
			deeds[i].one(argv[2]);
		else if (words == 2)
			deeds[i].two(argv[2], argv[3]);
		else
			deeds[i].three(argv[2], argv[3], argv[4]);
		return 0;
	}
	fprintf(stderr, "escape: what?\n");
	return 99;
}
