/* floor_sandbox [-m BYTES] ROOTFS COMMAND...: baseline of
 * tests/bench_sandbox.c, static and small. It makes only the system calls that
 * `pith [--memory BYTES] --rootfs ROOTFS COMMAND...` needs as root with cgroup
 * v2, in the same order and with the same filter. It has no other options, does
 * not defend itself against a hostile root, and forwards no signals. Exits with
 * the exit code of the command, or 125. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sandbox/seccomp.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define NO_SUID_DEV (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define NOTHING_RUNS (NO_SUID_DEV | MOUNT_ATTR_NOEXEC)

enum { FIRST_ID = 0x70000000 };

/* ids 0 to 65535 inside */
static const char MAP[] = "0 1879048192 65536\n";

static long
must(long result, const char *what)
{
	const char *why = strerror(errno);

	if (result >= 0)
		return result;
	(void)!write(STDERR_FILENO, what, strlen(what));
	(void)!write(STDERR_FILENO, ": ", 2);
	(void)!write(STDERR_FILENO, why, strlen(why));
	(void)!write(STDERR_FILENO, "\n", 1);
	_exit(125);
}

/* ---- mounts ------------------------------------------------------------- */

/* Make a mount with up to four options: key, value, key, value ... */
static int
new_mount(const char *type, const char *const option[8],
    unsigned int attributes)
{
	int fs = must(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), type);
	int mount;

	for (int i = 0; option && i < 8 && option[i]; i += 2)
		must(syscall(SYS_fsconfig, fs, option[i + 1] ?
		    FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option[i],
		    option[i + 1], 0), option[i]);
	must(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0),
	    type);
	mount = must(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes),
	    type);
	close(fs);
	return mount;
}

static int
clone_mount(int dir, const char *path, int flags)
{
	return syscall(SYS_open_tree, dir, path, AT_EMPTY_PATH |
	    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
}

static void
set_mount(int mount, uint64_t attributes, int userns)
{
	struct mount_attr a = { .attr_set = attributes };

	if (userns >= 0) {
		a.attr_set |= MOUNT_ATTR_IDMAP;
		a.userns_fd = userns;
	}
	must(syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | AT_RECURSIVE,
	    &a, sizeof(a)), "mount_setattr");
}

static void
attach(int mount, int dir, const char *path)
{
	must(syscall(SYS_move_mount, mount, "", dir, path,
	    MOVE_MOUNT_F_EMPTY_PATH), path);
}

static void
attach_and_close(int mount, int dir, const char *path)
{
	attach(mount, dir, path);
	close(mount);
}

/* ---- the launcher ------------------------------------------------------- */

static void
write_file(int dir, const char *path, const char *text)
{
	int fd = must(openat(dir, path, O_WRONLY | O_CLOEXEC), path);

	must(write(fd, text, strlen(text)), path);
	close(fd);
}

static void
add_number(char *text, unsigned int n)
{
	char digits[12];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = '0' + n % 10;
	while ((n /= 10) > 0);
	strcat(text, digits + at);
}

static int
proc_of(pid_t pid)
{
	char path[32] = "/proc/";

	add_number(path, pid);
	return must(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), path);
}

/* ---- the control group --------------------------------------------------- */

static const char *memory;      /* the limit, or NULL */
static const char CONTROL[] = "cgroup.subtree_control";
static const char ON[] = "+memory";
static int parent, group;
static char name[24] = "floor-";

static int
open_dir(int dir, const char *path)
{
	return openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Open our own v2 group. */
static int
open_own_group(void)
{
	static char text[4096];
	int fd = must(open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC), "/proc");
	int v2 = open_dir(AT_FDCWD, "/sys/fs/cgroup/unified");
	char *own;
	int found;

	must(read(fd, text, sizeof(text) - 1), "/proc/self/cgroup");
	close(fd);
	own = strstr(text, "0::/");
	must(own ? 0 : -1, "cgroup v2");
	own[strcspn(own, "\n")] = '\0';
	if (v2 < 0)
		v2 = must(open_dir(AT_FDCWD, "/sys/fs/cgroup"), "cgroup v2");
	found = must(open_dir(v2, own[4] ? own + 4 : "."), own);
	close(v2);
	return found;
}

/* Open the parent of the new group: our group, or with a memory limit the
 * nearest ancestor that can enable the controller. A group with processes
 * cannot. */
static void
find_parent(void)
{
	parent = open_own_group();
	while (memory) {
		int fd = must(openat(parent, CONTROL, O_WRONLY | O_CLOEXEC),
		    CONTROL);
		int above = -1;

		if (write(fd, ON, strlen(ON)) < 0)
			above = must(open_dir(parent, ".."), "..");
		close(fd);
		if (above < 0)
			return;
		close(parent);
		parent = above;
	}
}

static void
limit_memory(int dir)
{
	write_file(dir, "memory.max", memory);
	write_file(dir, "memory.swap.max", "0");
}

/* Make a group and lock it, so that other processes do not remove it as stale.
 * With a limit, make the inner group (directory "pay"). Returns the command's
 * group. */
static int
make_group(void)
{
	char entries[2048];
	int pay;

	find_parent();
	while (must(syscall(SYS_getdents64, parent, entries, sizeof(entries)),
	    "getdents64") > 0)
		;
	add_number(name, getpid());
	must(mkdirat(parent, name, 0755), name);
	group = must(open_dir(parent, name), name);
	must(flock(group, LOCK_EX | LOCK_NB), name);
	if (!memory)
		return group;
	limit_memory(group);
	write_file(group, CONTROL, ON);
	must(mkdirat(group, "pay", 0755), "pay");
	pay = must(open_dir(group, "pay"), "pay");
	limit_memory(pay);
	return pay;
}

static void
remove_group(void)
{
	if (memory)
		must(unlinkat(group, "pay", AT_REMOVEDIR), "pay");
	must(unlinkat(parent, name, AT_REMOVEDIR), name);
}

/* ---- the root ------------------------------------------------------------ */

/* Make the root as a detached mount: an overlay over an idmapped clone, on a
 * tmpfs in a private mount namespace. */
static int
make_root(int rootfs, int userns)
{
	static const char *const options[8] = { "mode", "755" };
	int lower = must(clone_mount(rootfs, "", AT_RECURSIVE), "open_tree");
	int stage;

	set_mount(lower, NO_SUID_DEV | MOUNT_ATTR_RDONLY, userns);
	must(unshare(CLONE_NEWNS), "unshare");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
	stage = new_mount("tmpfs", options, NO_SUID_DEV);
	attach(stage, AT_FDCWD, "/");
	must(fchdir(stage), "stage");
	close(stage);
	must(mkdir("0", 0755), "0");
	must(mkdir("u", 0755), "u");
	must(mkdir("w", 0755), "w");
	must(mkdir("m", 0755), "m");
	must(chown("u", FIRST_ID, FIRST_ID), "u");
	attach_and_close(lower, AT_FDCWD, "0");
	must(mount("overlay", "m", "overlay", MS_NOSUID | MS_NODEV,
	    "lowerdir=0,upperdir=u,workdir=w"), "overlay");
	return must(clone_mount(AT_FDCWD, "m", 0), "m");
}

static void
send_fd(int socket, int fd)
{
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } a;
	char byte = 'g';
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &a,
	    .msg_controllen = sizeof(a) };

	memset(&a, 0, sizeof(a));
	a.align.cmsg_level = SOL_SOCKET;
	a.align.cmsg_type = SCM_RIGHTS;
	a.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&a.align), &fd, sizeof(fd));
	must(sendmsg(socket, &m, MSG_NOSIGNAL), "sendmsg");
}

static int
receive_fd(int socket)
{
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } a;
	char byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &a,
	    .msg_controllen = sizeof(a) };
	int fd;

	if (must(recvmsg(socket, &m, MSG_CMSG_CLOEXEC), "recvmsg") == 0)
		_exit(125);
	memcpy(&fd, CMSG_DATA(&a.align), sizeof(fd));
	return fd;
}

static int
launch(pid_t init, int rootfs, int socket)
{
	int proc = proc_of(init), userns, status;

	write_file(proc, "uid_map", MAP);
	write_file(proc, "gid_map", MAP);
	/* Let the OOM killer choose the sandbox first. */
	if (memory)
		write_file(proc, "oom_score_adj", "100");
	userns = must(openat(proc, "ns/user", O_RDONLY | O_CLOEXEC), "ns/user");
	send_fd(socket, make_root(rootfs, userns));
	close(userns);
	close(proc);
	must(waitpid(init, &status, 0), "waitpid");
	remove_group();
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}

/* ---- init: the tree ----------------------------------------------------- */

static const char nodes[][8] = {
	"null", "zero", "full", "random", "urandom", "tty"
};

static const struct { char name[8], target[16]; } links[] = {
	{ "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	{ "ptmx", "pts/ptmx" },
};

/* Copy of the list in sandbox/mounts.c for root of a user namespace. */
static const char hidden[][32] = {
	"proc/acpi", "proc/asound", "proc/interrupts", "proc/kcore",
	"proc/keys", "proc/latency_stats", "proc/sched_debug", "proc/scsi",
	"proc/timer_list", "proc/timer_stats", "sys/firmware",
	"sys/devices/virtual/powercap", "sys/kernel/debug",
	"sys/kernel/tracing", "sys/kernel/security",
};

static const char unwritable[][20] = {
	"proc/sys", "proc/sysrq-trigger", "proc/irq", "proc/bus", "proc/fs",
};

static void
make_dev(int root)
{
	static const char *const tmpfs[8] = { "mode", "755", "size", "65536" };
	static const char *const pts[8] = { "newinstance", NULL, "ptmxmode",
	    "0666", "mode", "0620", "gid", "5" };
	static const char *const shm[8] = { "mode", "1777", "size", "64m" };
	int dev = new_mount("tmpfs", tmpfs, MOUNT_ATTR_NOSUID |
	    MOUNT_ATTR_NOEXEC);
	char path[16];

	attach(dev, root, "dev");
	for (size_t i = 0; i < LENGTH(nodes); i++) {
		strcpy(path, "/dev/");
		strcat(path, nodes[i]);
		must(mknodat(dev, nodes[i], S_IFREG | 0644, 0), nodes[i]);
		attach_and_close(must(clone_mount(AT_FDCWD, path, 0), path),
		    dev, nodes[i]);
	}
	for (size_t i = 0; i < LENGTH(links); i++)
		must(symlinkat(links[i].target, dev, links[i].name),
		    links[i].name);
	must(mkdirat(dev, "pts", 0755), "pts");
	must(mkdirat(dev, "shm", 0755), "shm");
	must(mkdirat(dev, "mqueue", 0755), "mqueue");
	attach_and_close(new_mount("devpts", pts, MOUNT_ATTR_NOSUID |
	    MOUNT_ATTR_NOEXEC), dev, "pts");
	attach_and_close(new_mount("tmpfs", shm, NO_SUID_DEV), dev, "shm");
	attach_and_close(new_mount("mqueue", NULL, NOTHING_RUNS), dev,
	    "mqueue");
	close(dev);
}

/* Cover all hidden directories with the same empty one. */
static void
hide(int root)
{
	static const char *const tmpfs[8] = { "nr_inodes", "2" };
	int null = must(open("/dev/null", O_PATH | O_CLOEXEC), "/dev/null");
	int empty = new_mount("tmpfs", tmpfs, NOTHING_RUNS |
	    MOUNT_ATTR_RDONLY);
	bool attached = false;
	struct stat st;

	for (size_t i = 0; i < LENGTH(hidden); i++) {
		if (fstatat(root, hidden[i], &st, 0) < 0)
			continue;
		if (!S_ISDIR(st.st_mode)) {
			attach_and_close(must(clone_mount(null, "", 0),
			    "/dev/null"), root, hidden[i]);
		} else if (!attached) {
			attach(empty, root, hidden[i]);
			attached = true;
		} else {
			attach_and_close(must(clone_mount(empty, "", 0),
			    hidden[i]), root, hidden[i]);
		}
	}
	close(empty);
	close(null);
}

static void
protect(int root)
{
	for (size_t i = 0; i < LENGTH(unwritable); i++) {
		int mount = clone_mount(root, unwritable[i], AT_RECURSIVE);

		if (mount < 0 && errno == ENOENT)
			continue;
		set_mount(must(mount, unwritable[i]), NOTHING_RUNS |
		    MOUNT_ATTR_RDONLY, -1);
		attach_and_close(mount, root, unwritable[i]);
	}
}

static void
raise_loopback(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");

	must(ioctl(fd, SIOCSIFFLAGS, &r), "lo");
	close(fd);
}

static void
enter(int root)
{
	const int proc = new_mount("proc", NULL, NOTHING_RUNS);

	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
	attach(root, AT_FDCWD, "/");
	attach(proc, root, "proc");
	attach_and_close(new_mount("sysfs", NULL, NOTHING_RUNS |
	    MOUNT_ATTR_RDONLY), root, "sys");
	make_dev(root);
	raise_loopback();
	must(sethostname("floor", 5), "sethostname");
	write_file(proc, "sys/user/max_user_namespaces", "0");
	write_file(proc, "sys/net/ipv4/ip_unprivileged_port_start", "0");
	close(proc);
	hide(root);
	protect(root);
	must(fchdir(root), "root");
	close(root);
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount");
	must(chdir("/"), "/");
}

/* ---- the command -------------------------------------------------------- */

static void
give_up_privileges(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
	    0 };
	struct __user_cap_data_struct none[2] = { 0 };

	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		must(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0), "bounding set");
	must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0),
	    "ambient set");
	must(syscall(SYS_capset, &head, none), "capset");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	must(seccomp_apply(0, &(const char *){ NULL }) ? 0 : -1, "seccomp");
}

static _Noreturn void
init(int socket, char **command)
{
	static char *const environment[] = {
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	    "HOME=/root", "HOSTNAME=floor", NULL };
	int root = receive_fd(socket), status;
	pid_t child, ended;

	must(syscall(SYS_setgroups, 0, NULL), "setgroups");
	must(syscall(SYS_setresgid, 0, 0, 0), "setresgid");
	must(syscall(SYS_setresuid, 0, 0, 0), "setresuid");
	must(unshare(CLONE_NEWCGROUP), "unshare");
	must(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "PDEATHSIG");
	enter(root);
	must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "dumpable");
	child = vfork();
	if (child == 0) {
		setsid();
		give_up_privileges();
		syscall(SYS_close_range, 3, ~0U, 0);
		execve(command[0], command, environment);
		_exit(127);
	}
	must(child, "vfork");
	do
		ended = waitpid(-1, &status, 0);
	while (ended != child);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int
main(int argc, char **argv)
{
	struct clone_args a = { .flags = CLONE_NEWUSER | CLONE_NEWNS |
	    CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
	    CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	int ends[2], rootfs;
	pid_t pid;

	if (argc > 2 && strcmp(argv[1], "-m") == 0) {
		memory = argv[2];
		argc -= 2;
		argv += 2;
	}
	if (argc < 3)
		return 125;
	seccomp_prepare(&(struct sandbox){ .rootfs = argv[1] }, true);
	rootfs = must(open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC), argv[1]);
	a.cgroup = make_group();
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends),
	    "socketpair");
	pid = must(syscall(SYS_clone3, &a, sizeof(a)), "clone3");
	close(ends[pid != 0]);
	if (pid == 0)
		init(ends[1], argv + 2);
	return launch(pid, rootfs, ends[0]);
}
