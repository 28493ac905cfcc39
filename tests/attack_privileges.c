/* Attacks on mounts, devices, groups and priorities of a sandbox. Static, so
 * that it needs no library.
 *
 * Attacks: print "held: WHY" or "ESCAPED: HOW", exit with 0 or 1.
 *	attack remount PATH FILE
 *		try to make the mount at PATH writable, or to reach what it
 *		covers, until FILE below it opens for writing; also in new
 *		namespaces
 *	attack node PATH FILE
 *		the same for nodev, until the device FILE opens
 *	attack try FILE         detect locks of another process on FILE
 *	attack groups FILE      drop all groups in every way, then read FILE
 *
 * Other commands:
 *	attack lock FILE        lock FILE in two ways, print "locked", wait
 *	attack watch FILE COMMAND
 *		run COMMAND and print "events N", the events of FILE meanwhile
 *	attack ptys             print how many pseudoterminals can be opened
 *	attack important HOW COMMAND
 *		run COMMAND with a high priority of one kind (fifo, nice, io,
 *		oom), or with low priorities (low)
 *	attack priorities PID   print "policy nice io-class oom rtprio-limit
 *		nice-limit" of process PID
 *	attack rules GROUP      print the number of device programs of a group
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Call numbers missing in the libc of 2022; the same on all architectures. */
enum { OPEN_TREE = 428, MOVE_MOUNT, FSOPEN, FSCONFIG, FSMOUNT, FSPICK,
	MOUNT_SETATTR = 442 };
enum { IO_PROCESS = 1, IO_SHIFT = 13 };

/* Copy of linux/sched/types.h, because newer libcs define the struct, too. */
struct scheduling {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static _Noreturn void
escaped(const char *how, const char *on)
{
	printf("ESCAPED: %s %s\n", how, on);
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

/* ---- mounts -------------------------------------------------------------- */

static int open_flags = O_WRONLY;

static void
look(const char *how, const char *file)
{
	if (open(file, open_flags | O_NONBLOCK | O_NOCTTY) >= 0)
		escaped(how, file);
}

/* Open FILE below a detached copy of the mount. */
static void
try_copy(const char *path, const char *file, struct mount_attr *a)
{
	const char *below = file + strlen(path);
	int tree = syscall(OPEN_TREE, AT_FDCWD, path, 1 /* CLONE */);
	int fd;

	if (tree < 0)
		return;
	syscall(MOUNT_SETATTR, tree, "", AT_EMPTY_PATH, a, sizeof(*a));
	below += *below == '/';
	fd = openat(tree, below, open_flags | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		escaped("a copy of the mount has", file);
	mkdir("/tmp/copy", 0755);
	syscall(MOVE_MOUNT, tree, "", AT_FDCWD, "/tmp/copy", 4);
	close(tree);
}

static void
try_mounts(const char *path, const char *file)
{
	struct mount_attr a = { .attr_clr = MOUNT_ATTR_RDONLY |
	    MOUNT_ATTR_NODEV };
	int fs;

	look("before any attempt:", file);
	mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
	look("by a remount:", file);
	mount(NULL, path, NULL, MS_REMOUNT, NULL);
	fs = syscall(FSPICK, AT_FDCWD, path, 0);
	syscall(FSCONFIG, fs, 0 /* FLAG */, "rw", NULL, 0);
	syscall(FSCONFIG, fs, 7 /* RECONFIGURE */, NULL, NULL, 0);
	look("by the super block:", file);
	syscall(MOUNT_SETATTR, AT_FDCWD, path, 0, &a, sizeof(a));
	syscall(MOUNT_SETATTR, AT_FDCWD, path, AT_RECURSIVE, &a, sizeof(a));
	look("by mount_setattr(2):", file);
	try_copy(path, file, &a);
	if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) == 0)
		mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
	look("by a bind mount:", file);
	/* The bind mount is ours; the mount below it is not. */
	for (int i = 0; i < 8; i++)
		umount2(path, MNT_DETACH);
	look("under the mount:", file);
}

static _Noreturn void
remount(const char *path, const char *file)
{
	static const char *const spaces[] = { "/proc/1/ns/user",
	    "/proc/1/ns/mnt" };

	try_mounts(path, file);
	for (int i = 0; i < 2; i++)
		setns(open(spaces[i], O_RDONLY), 0);
	try_mounts(path, file);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
		try_mounts(path, file);
	held("it is as it was");
}

/* ---- locks and events ---------------------------------------------------- */

static struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

static int
open_any(const char *file)
{
	int fd = open(file, O_RDWR | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		broken(file);
	return fd;
}

static _Noreturn void
lock(const char *file)
{
	int fd = open_any(file);

	if (flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    fcntl(fd, F_OFD_SETLK, &whole) < 0)
		broken(file);
	puts("locked");
	for (;;)
		pause();
}

static _Noreturn void
try_locks(const char *file)
{
	int fd = open_any(file);

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		escaped("by flock(2):", file);
	if (fcntl(fd, F_OFD_GETLK, &whole) < 0 || whole.l_type != F_UNLCK)
		escaped("by fcntl(2):", file);
	held("no lock is seen");
}

static void
run(char **command)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		execvp(command[0], command);
		broken(command[0]);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		exit(98);
}

static void
watch(const char *file, char **command)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), events = 0;
	char buffer[4096];
	ssize_t n;

	if (inotify_add_watch(fd, file, IN_ALL_EVENTS) < 0)
		broken(file);
	run(command);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		events += n / sizeof(struct inotify_event);
	printf("events %d\n", events);
}

/* ---- other commands ------------------------------------------------------ */

static void
ptys(void)
{
	int n = 0;

	while (n < 2000 && open("/dev/ptmx", O_RDWR | O_NOCTTY) >= 0)
		n++;
	printf("%d\n", n);
}

static void
drop_groups(const char *file)
{
	setgroups(0, NULL);
	if (setresgid(5, 5, 5) == 0)
		setgroups(0, NULL);
	setresuid(6, 6, 6);
	if (open(file, O_RDONLY) >= 0)
		escaped("can read", file);
	held(strerror(errno));
}

static void
write_oom(const char *score)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (fd < 0 || write(fd, score, strlen(score)) < 0)
		broken("oom_score_adj");
	close(fd);
}

static void
important(const char *how, char **command)
{
	const struct rlimit high = { 30, 30 };
	struct scheduling s = { .size = sizeof(s) };

	setrlimit(RLIMIT_RTPRIO, &high);
	setrlimit(RLIMIT_NICE, &high);
	if (strcmp(how, "fifo") == 0) {
		s.policy = SCHED_FIFO;
		s.priority = 3;
	} else if (strcmp(how, "nice") == 0) {
		s.nice = -7;
	} else if (strcmp(how, "io") == 0) {
		if (syscall(SYS_ioprio_set, IO_PROCESS, 0, 1 << IO_SHIFT | 3) <
		    0)
			broken("ioprio_set");
	} else if (strcmp(how, "oom") == 0) {
		write_oom("-300");
	} else if (strcmp(how, "low") == 0) {
		s.policy = SCHED_BATCH;
		s.nice = 9;
		if (syscall(SYS_ioprio_set, IO_PROCESS, 0, 3 << IO_SHIFT) < 0)
			broken("ioprio_set");
		write_oom("300");
	}
	if (syscall(SYS_sched_setattr, 0, &s, 0) < 0)
		broken("sched_setattr");
	execvp(command[0], command);
	broken(command[0]);
}

static void
priorities(const char *pid)
{
	const pid_t p = atoi(pid);
	struct scheduling s = { .size = 0 };
	struct rlimit rt = { 99, 99 }, nice = { 99, 99 };
	char path[64], oom[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/oom_score_adj", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, oom, sizeof(oom) - 1) < 0 ||
	    syscall(SYS_sched_getattr, p, &s, sizeof(s), 0) < 0)
		broken(pid);
	oom[strcspn(oom, "\n")] = '\0';
	getrlimit(RLIMIT_RTPRIO, &rt);
	getrlimit(RLIMIT_NICE, &nice);
	printf("%u %d %ld %s %d %d\n", s.policy, s.nice,
	    syscall(SYS_ioprio_get, IO_PROCESS, p) >> IO_SHIFT, oom,
	    (int)rt.rlim_max, (int)nice.rlim_max);
}

static void
rules(const char *group)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.query.target_fd = open(group, O_RDONLY | O_DIRECTORY);
	a.query.attach_type = BPF_CGROUP_DEVICE;
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &a, sizeof(a)) < 0)
		broken(group);
	printf("%u\n", a.query.prog_cnt);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(what, "remount") == 0 && argc == 4) {
		remount(argv[2], argv[3]);
	} else if (strcmp(what, "node") == 0 && argc == 4) {
		open_flags = O_RDONLY;
		remount(argv[2], argv[3]);
	} else if (strcmp(what, "lock") == 0 && argc == 3) {
		lock(argv[2]);
	} else if (strcmp(what, "try") == 0 && argc == 3) {
		try_locks(argv[2]);
	} else if (strcmp(what, "watch") == 0 && argc > 3) {
		watch(argv[2], argv + 3);
	} else if (strcmp(what, "ptys") == 0) {
		ptys();
	} else if (strcmp(what, "groups") == 0 && argc == 3) {
		drop_groups(argv[2]);
	} else if (strcmp(what, "important") == 0 && argc > 3) {
		important(argv[2], argv + 3);
	} else if (strcmp(what, "priorities") == 0 && argc == 3) {
		priorities(argv[2]);
	} else if (strcmp(what, "rules") == 0 && argc == 3) {
		rules(argv[2]);
	} else {
		fprintf(stderr, "attack: what?\n");
		return 99;
	}
	return 0;
}
