/* /init of the virtual machine that machine.sh starts. Set up the Debian system
 * in the initramfs, run the script /suites in it, and power the machine off
 * with the script's exit code. The kernel parameter CGROUPS, an environment
 * variable here and in /suites, selects how control groups are mounted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Port of QEMU's isa-debug-exit: QEMU exits with twice the written value, plus
 * one. Only x86 has the port; elsewhere machine.sh reads the console.
 */
#define EXIT_PORT 0x501

static const struct mounting {
	const char *source, *target, *type;
	unsigned long flags;
	const char *data;
} MOUNTS[] = {
	{ "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "" },
	{ "sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "" },
	{ "devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=755" },
	{ "devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
	    "gid=5,mode=620,ptmxmode=666" },
	{ "tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777" },
	{ "mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV, "" },
	{ "tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755" },
	/* For temporary files: a tmpfs cannot be idmapped before Linux 6.3. */
	{ "/dev/vda", "/disk", "ext4", 0, "" },
};

/* Control groups as systemd mounts them in the layouts that it calls unified,
 * hybrid and legacy.
 */
#define GROUPS "/sys/fs/cgroup"
#define GROUP_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const struct mounting V2 = { "cgroup2", GROUPS, "cgroup2",
	GROUP_FLAGS, "nsdelegate,memory_recursiveprot" };
static const struct mounting V1 = { "tmpfs", GROUPS, "tmpfs", GROUP_FLAGS,
	"mode=755" };
static const struct mounting V2_IN_V1 = { "cgroup2", GROUPS "/unified",
	"cgroup2", GROUP_FLAGS, "nsdelegate" };
static const struct mounting V1_WITHOUT_CONTROLLERS = { "cgroup",
	GROUPS "/systemd", "cgroup", GROUP_FLAGS, "none,name=systemd,xattr" };

static const char *const V1_CONTROLLERS[] = { "cpuset", "cpu,cpuacct", "blkio",
	"memory", "devices", "freezer", "net_cls,net_prio", "perf_event",
	"hugetlb", "pids", "rdma", "misc" };

static _Noreturn void
end(int code)
{
	/* Limit the code: QEMU exits with 0 when the machine panics. */
	if (code > 127)
		code = 127;
#ifdef __x86_64__
	tcdrain(STDOUT_FILENO);
	if (ioperm(EXIT_PORT, 1, 1) == 0)
		outb(code, EXIT_PORT);
#else
	printf("machine: code %d\n", code);
	tcdrain(STDOUT_FILENO);
#endif
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void
check(int result, const char *what, const char *which)
{
	if (result >= 0)
		return;
	printf("machine: cannot %s %s: %s\n", what, which, strerror(errno));
	end(99);
}

/* ---- console and modules ------------------------------------------------- */

/* Set the console to raw mode, for machine.sh. */
static void
console(void)
{
	struct termios t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (tcgetattr(STDOUT_FILENO, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(STDOUT_FILENO, TCSANOW, &t);
	}
}

/* Load modules in the order of their names, which is that of dependencies. */
static void
load_modules(void)
{
	struct dirent **modules;
	int n = scandir("/modules", &modules, NULL, alphasort);

	check(chdir("/modules"), "change to", "/modules");
	for (int i = 0; i < n; i++) {
		const char *name = modules[i]->d_name;
		int fd = open(name, O_RDONLY);

		if (name[0] != '.')
			check(syscall(SYS_finit_module, fd, "", 0), "load",
			    name);
		close(fd);
	}
}

/* ---- the root ------------------------------------------------------------ */

static void
copy_file(int from, int to, const char *name, const struct stat *s)
{
	int in = openat(from, name, O_RDONLY);
	int out = openat(to, name, O_WRONLY | O_CREAT, 0600);
	ssize_t n;

	check(in, "read", name);
	check(out, "write", name);
	while ((n = sendfile(out, in, NULL, INT_MAX)) > 0)
		;
	check(n, "copy", name);
	check(fchmod(out, s->st_mode & 07777), "chmod", name);
	close(in);
	close(out);
}

static void
copy_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	check(n, "read", name);
	target[n] = '\0';
	check(symlinkat(target, to, name), "link", name);
}

/* Move a tree. Remove each file after the copy, so that memory holds at most
 * one file twice. */
static void
move_tree(int from, int to, dev_t device)
{
	DIR *dir = fdopendir(from);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		const char *name = e->d_name;
		struct stat s;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		check(fstatat(from, name, &s, AT_SYMLINK_NOFOLLOW), "stat",
		    name);
		if (s.st_dev != device)
			continue;
		if (S_ISDIR(s.st_mode)) {
			check(mkdirat(to, name, 0700), "make", name);
			move_tree(openat(from, name, O_RDONLY),
			    openat(to, name, O_RDONLY), device);
			check(fchmodat(to, name, s.st_mode & 07777, 0),
			    "chmod", name);
		} else if (S_ISLNK(s.st_mode)) {
			copy_link(from, to, name);
		} else if (S_ISREG(s.st_mode)) {
			copy_file(from, to, name, &s);
		}
		unlinkat(from, name, S_ISDIR(s.st_mode) ? AT_REMOVEDIR : 0);
	}
	closedir(dir);
	close(to);
}

/* Move the root to a tmpfs: pivot_root(2) cannot leave the initramfs. */
static void
move_root(void)
{
	struct stat s;

	check(chdir("/"), "change to", "/");
	check(stat("/", &s), "stat", "/");
	check(mkdir("/new", 0755), "make", "/new");
	check(mount("tmpfs", "/new", "tmpfs", 0, "mode=755,size=90%"),
	    "mount", "/new");
	move_tree(open("/", O_RDONLY), open("/new", O_RDONLY), s.st_dev);
	check(chdir("/new"), "change to", "/new");
	check(mount(".", "/", NULL, MS_MOVE, NULL), "move", "/new");
	check(chroot("."), "chroot to", "/new");
	/* Share all mounts, as systemd does: a test that does not make its
	 * mounts private is noticed. */
	check(mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL), "share", "/");
}

/* ---- the system ---------------------------------------------------------- */

static void
mount_at(const struct mounting *m)
{
	mkdir(m->target, 0755);
	check(mount(m->source, m->target, m->type, m->flags, m->data), "mount",
	    m->target);
}

static void
mount_all(void)
{
	umask(0);
	for (size_t i = 0; i < sizeof(MOUNTS) / sizeof(MOUNTS[0]); i++)
		mount_at(&MOUNTS[i]);
	check(chmod("/disk", 01777), "chmod", "/disk");
	symlink("/proc/self/fd", "/dev/fd");
	symlink("fd/0", "/dev/stdin");
	symlink("fd/1", "/dev/stdout");
	symlink("fd/2", "/dev/stderr");
	umask(022);
}

/* ---- control groups ------------------------------------------------------ */

static void
enable_controllers(void)
{
	int fd = open(GROUPS "/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
	FILE *all = fopen(GROUPS "/cgroup.controllers", "r");
	char name[64] = "+";

	while (all && fscanf(all, "%62s", name + 1) == 1)
		check(write(fd, name, strlen(name)), "enable", name);
	close(fd);
	if (all)
		fclose(all);
}

/* Mount a v1 hierarchy with the names of its controllers, and link each
 * name. */
static void
mount_controllers(const char *names)
{
	char all[64], *rest = all;

	snprintf(all, sizeof(all), "%s", names);
	mkdir(names, 0755);
	if (mount("cgroup", names, "cgroup", GROUP_FLAGS, names) < 0) {
		/* The kernel lacks the controller, or no longer has it in
		 * v1. */
		rmdir(names);
		return;
	}
	for (char *name; strchr(names, ',') && (name = strsep(&rest, ","));)
		check(symlink(names, name), "link", name);
}

static void
mount_groups(const char *layout)
{
	if (!layout || strcmp(layout, "v2") == 0) {
		mount_at(&V2);
		enable_controllers();
		return;
	}
	mount_at(&V1);
	if (strcmp(layout, "hybrid") == 0)
		mount_at(&V2_IN_V1);
	mount_at(&V1_WITHOUT_CONTROLLERS);
	check(chdir(GROUPS), "change to", GROUPS);
	for (size_t i = 0; i < sizeof(V1_CONTROLLERS) / sizeof(char *); i++)
		mount_controllers(V1_CONTROLLERS[i]);
	check(chdir("/"), "change to", "/");
	check(mount(NULL, GROUPS, NULL, MS_REMOUNT | MS_RDONLY | GROUP_FLAGS,
	    V1.data), "seal", GROUPS);
}

/* ---- the network --------------------------------------------------------- */

static void
raise_loopback(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	check(ioctl(fd, SIOCSIFFLAGS, &lo), "raise", "lo");
	close(fd);
}

/* ---- the suites ---------------------------------------------------------- */

static int
run(const char *script)
{
	pid_t child = fork(), ended;
	int status = 0;

	check(child, "start", script);
	if (child == 0) {
		setsid();
		execl("/bin/sh", "sh", script, NULL);
		check(-1, "execute", "/bin/sh");
	}
	do
		ended = wait(&status);
	while (ended != child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int
main(void)
{
	console();
	load_modules();
	move_root();
	mount_all();
	mount_groups(getenv("CGROUPS"));
	raise_loopback();
	check(sethostname("machine", 7), "name", "the machine");
	end(run("/suites"));
}
