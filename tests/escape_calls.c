/* Make the system calls that the filter of a sandbox denies, by every entry
 * into the kernel: native, and on x86-64 also i386 (int 0x80) and x32. Static,
 * so that it needs no library.
 *
 *	escape_calls [FD]         "NAME ABI RESULT" for each call: EPERM,
 *	                          ENOSYS, done, signal N, or another errno
 *	escape_calls expect [FD]  print only unexpected results; exit with 1 if
 *	                          there are any
 *
 * FD (0) is the terminal into which the byte 'X' is pushed. Arguments that the
 * table does not name are -1, which is no valid pointer, flag or descriptor. So
 * the calls are harmless even without a filter. Each call is made by a new
 * child process. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "architecture.h"

enum abi { NATIVE, I386, X32, ABIS };
enum how { BAD, FLAGS, FAMILY, TERMINAL, BY_POINTER };

static const char *const abis[ABIS] = { "native", "i386", "x32" };

static const struct attempt {
	const char *name;
	int native, i386, x32;          /* x32 0: same as native */
	enum how how;
	uint64_t value;
	int expected;                   /* 0: EPERM */
} attempts[] = {
	{ "init_module", SYS_init_module, 128, 0, BAD, 0, 0 },
	{ "finit_module", SYS_finit_module, 350, 0, BAD, 0, 0 },
	{ "delete_module", SYS_delete_module, 129, 0, BAD, 0, 0 },
	{ "kexec_load", SYS_kexec_load, 283, 528, BAD, 0, 0 },
	{ "kexec_file_load", KEXEC_FILE_LOAD, NO_CALL, 0, BAD, 0, 0 },
	{ "reboot", SYS_reboot, 88, 0, BAD, 0, 0 },
	{ "bpf", SYS_bpf, 357, 0, BAD, 0, 0 },
	{ "perf_event_open", SYS_perf_event_open, 336, 0, BAD, 0, 0 },
	{ "userfaultfd", SYS_userfaultfd, 374, 0, BAD, 0, 0 },
	{ "io_uring_setup", 425, 425, 0, BAD, 0, 0 },
	{ "io_uring_enter", 426, 426, 0, BAD, 0, 0 },
	{ "io_uring_register", 427, 427, 0, BAD, 0, 0 },
	{ "uselib", NO_CALL, 86, 0, BAD, 0, 0 },
	{ "keyctl", SYS_keyctl, 288, 0, BAD, 0, 0 },
	{ "add_key", SYS_add_key, 286, 0, BAD, 0, 0 },
	{ "request_key", SYS_request_key, 287, 0, BAD, 0, 0 },
	{ "syslog", SYS_syslog, 103, 0, BAD, 0, 0 },
	{ "open_by_handle_at", SYS_open_by_handle_at, 342, 0, BAD, 0, 0 },
	{ "name_to_handle_at", SYS_name_to_handle_at, 341, 0, BAD, 0, 0 },
	{ "settimeofday", SETTIMEOFDAY, 79, 0, BAD, 0, 0 },
	{ "stime", NO_CALL, 25, 0, BAD, 0, 0 },
	{ "clock_settime", CLOCK_SETTIME, 264, 0, BAD, 0, 0 },
	{ "clock_settime64", 404, 404, 0, BAD, 0, 0 },
	{ "adjtimex", SYS_adjtimex, 124, 0, BAD, 0, 0 },
	{ "clock_adjtime", SYS_clock_adjtime, 343, 0, BAD, 0, 0 },
	{ "clock_adjtime64", 405, 405, 0, BAD, 0, 0 },
	{ "swapon", SYS_swapon, 87, 0, BAD, 0, 0 },
	{ "swapoff", SYS_swapoff, 115, 0, BAD, 0, 0 },
	{ "acct", SYS_acct, 51, 0, BAD, 0, 0 },
	{ "quotactl", SYS_quotactl, 131, 0, BAD, 0, 0 },
	{ "quotactl_fd", 443, 443, 0, BAD, 0, 0 },
	{ "iopl", IOPL, 110, 0, BAD, 0, 0 },
	{ "ioperm", IOPERM, 101, 0, BAD, 0, 0 },
	{ "setns", SYS_setns, 346, 0, BAD, 0, 0 },
	{ "mount", SYS_mount, 21, 0, BAD, 0, 0 },
	{ "umount2", SYS_umount2, 52, 0, BAD, 0, 0 },
	{ "umount", NO_CALL, 22, 0, BAD, 0, 0 },
	{ "pivot_root", SYS_pivot_root, 217, 0, BAD, 0, 0 },
	{ "open_tree", 428, 428, 0, BAD, 0, 0 },
	{ "move_mount", 429, 429, 0, BAD, 0, 0 },
	{ "fsopen", 430, 430, 0, BAD, 0, 0 },
	{ "fsconfig", 431, 431, 0, BAD, 0, 0 },
	{ "fsmount", 432, 432, 0, BAD, 0, 0 },
	{ "fspick", 433, 433, 0, BAD, 0, 0 },
	{ "mount_setattr", 442, 442, 0, BAD, 0, 0 },
	{ "open_tree_attr", 467, 467, 0, BAD, 0, 0 },
	{ "modify_ldt", MODIFY_LDT, 123, 0, BAD, 0, 0 },
	{ "fanotify_init", SYS_fanotify_init, 338, 0, BAD, 0, 0 },
	{ "memfd_secret", 447, 447, 0, BAD, 0, ENOSYS },
	{ "lookup_dcookie", SYS_lookup_dcookie, 253, 0, BAD, 0, ENOSYS },
	{ "sysfs", SYSFS, 135, 0, BAD, 0, ENOSYS },
	{ "_sysctl", OLD_SYSCTL, 149, 0, BAD, 0, ENOSYS },
	{ "bdflush", BDFLUSH, 134, 0, BAD, 0, ENOSYS },
	{ "pciconfig_iobase", PCICONFIG_IOBASE, NO_CALL, 0, BAD, 0, 0 },
	{ "pciconfig_read", PCICONFIG_READ, NO_CALL, 0, BAD, 0, 0 },
	{ "pciconfig_write", PCICONFIG_WRITE, NO_CALL, 0, BAD, 0, 0 },
	/* READ_IMPLIES_EXEC, and with bits that no call has. */
	{ "personality", SYS_personality, 136, 0, FLAGS, 0x0400000, 0 },
	{ "personality-high", SYS_personality, NO_CALL, 0, FLAGS,
	    UINT64_C(1) << 32 | 0x0400000, 0 },
	/* The first call that is not listed, and possible future ones. */
	{ "listns", 470, 470, 0, BAD, 0, ENOSYS },
	{ "new", 500, 500, 0, BAD, 0, ENOSYS },
	{ "x32-as-native", 520, 520, 0, BAD, 0, ENOSYS },
	{ "clone3", 435, 435, 0, BAD, 0, ENOSYS },
	{ "clone3-user", 435, 435, 0, BY_POINTER, 0, ENOSYS },

	{ "unshare-user", SYS_unshare, 310, 0, FLAGS, CLONE_NEWUSER, 0 },
	{ "unshare-mnt", SYS_unshare, 310, 0, FLAGS, CLONE_NEWNS, 0 },
	{ "unshare-pid", SYS_unshare, 310, 0, FLAGS, CLONE_NEWPID, 0 },
	{ "unshare-net", SYS_unshare, 310, 0, FLAGS, CLONE_NEWNET, 0 },
	{ "unshare-ipc", SYS_unshare, 310, 0, FLAGS, CLONE_NEWIPC, 0 },
	{ "unshare-uts", SYS_unshare, 310, 0, FLAGS, CLONE_NEWUTS, 0 },
	{ "unshare-cgroup", SYS_unshare, 310, 0, FLAGS, CLONE_NEWCGROUP, 0 },
	{ "unshare-time", SYS_unshare, 310, 0, FLAGS, 0x80, 0 },
	{ "unshare-user-net", SYS_unshare, 310, 0, FLAGS,
	    CLONE_NEWUSER | CLONE_NEWNET, 0 },
	{ "clone-user", SYS_clone, 120, 0, FLAGS, CLONE_NEWUSER | SIGCHLD, 0 },
	{ "clone-mnt", SYS_clone, 120, 0, FLAGS, CLONE_NEWNS | SIGCHLD, 0 },
	{ "clone-pid", SYS_clone, 120, 0, FLAGS, CLONE_NEWPID | SIGCHLD, 0 },
	{ "clone-net", SYS_clone, 120, 0, FLAGS, CLONE_NEWNET | SIGCHLD, 0 },
	{ "clone-ipc", SYS_clone, 120, 0, FLAGS, CLONE_NEWIPC | SIGCHLD, 0 },
	{ "clone-uts", SYS_clone, 120, 0, FLAGS, CLONE_NEWUTS | SIGCHLD, 0 },
	{ "clone-cgroup", SYS_clone, 120, 0, FLAGS,
	    CLONE_NEWCGROUP | SIGCHLD, 0 },

	{ "socket-vsock", SYS_socket, 359, 0, FAMILY, 40, 0 },
	{ "socket-vsock-high", SYS_socket, NO_CALL, 0, FAMILY,
	    UINT64_C(1) << 32 | 40, 0 },
	{ "socket-alg", SYS_socket, 359, 0, FAMILY, 38, 0 },
	{ "socketcall", NO_CALL, 102, 0, BAD, 0, 0 },
	{ "ioctl-sti", SYS_ioctl, 54, 514, TERMINAL, 0x5412, 0 },
	{ "ioctl-sti-high", SYS_ioctl, NO_CALL, 514, TERMINAL,
	    UINT64_C(1) << 32 | 0x5412, 0 },
	{ "ioctl-sti-all", SYS_ioctl, NO_CALL, 514, TERMINAL,
	    UINT64_C(0xffffffff) << 32 | 0x5412, 0 },
	{ "ioctl-setd", SYS_ioctl, 54, 514, TERMINAL, 0x5423, 0 },
	{ "ioctl-linux", SYS_ioctl, 54, 514, TERMINAL, 0x541c, 0 },
	{ "ioctl-linux-high", SYS_ioctl, NO_CALL, 514, TERMINAL,
	    UINT64_C(1) << 32 | 0x541c, 0 },
};

enum { ATTEMPTS = sizeof(attempts) / sizeof(attempts[0]) };

/* Below 4 GiB, so that i386 calls can address it. */
static struct shared {
	char pushed;
	uint64_t clone_args[11];
} *shared;

/* The result of a call as the kernel returns it: -errno on failure. */
static long
enter(enum abi abi, int nr, const long a[5])
{
	long result;

	if (abi == I386) {
#if defined(__x86_64__)
		__asm__ volatile("int $0x80" : "=a"(result)
		    : "a"(nr), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]),
		      "D"(a[4])
		    : "memory", "r8", "r9", "r10", "r11");
		return (int)result;
#endif
	}
	result = syscall(abi == X32 ? nr | 0x40000000 : nr, a[0], a[1], a[2],
	    a[3], a[4]);
	return result == -1 ? -errno : result;
}

static _Noreturn void
make_call(const struct attempt *t, enum abi abi, int nr, int terminal)
{
	long a[5] = { -1, -1, -1, -1, -1 }, result;

	switch (t->how) {
	case BAD:
		break;
	case FLAGS:
		memset(a, 0, sizeof(a));
		a[0] = t->value;
		break;
	case FAMILY:
		a[0] = t->value;
		a[1] = 1;               /* SOCK_STREAM */
		a[2] = 0;
		break;
	case TERMINAL:
		a[0] = terminal;
		a[1] = t->value;
		a[2] = (long)&shared->pushed;
		break;
	case BY_POINTER:
		a[0] = (long)shared->clone_args;
		a[1] = sizeof(shared->clone_args);
		break;
	}
	result = enter(abi, nr, a);
	_exit(result < 0 ? -result : 0);
}

/* Describe the result of a call from the child's wait status. */
static int
end_of_call(const struct attempt *t, enum abi abi, int nr, int terminal)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		make_call(t, abi, nr, terminal);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Without i386 calls in the kernel, int 0x80 itself raises a fault. */
static bool
has(enum abi abi)
{
	static const struct attempt getpid_ = { "getpid", 0, 0, 0, BAD, 0, 0 };

	return abi == NATIVE || (I386_ARCH &&
	    (abi == X32 || end_of_call(&getpid_, I386, 20, 0) == 0));
}

static void
print(const struct attempt *t, enum abi abi, int status)
{
	int error = WEXITSTATUS(status);

	printf("%s %s ", t->name, abis[abi]);
	if (!WIFEXITED(status))
		printf("signal %d\n", WTERMSIG(status));
	else if (error == EPERM || error == ENOSYS)
		puts(error == EPERM ? "EPERM" : "ENOSYS");
	else if (error == 0)
		puts("done");
	else
		printf("%d\n", error);
}

int
main(int argc, char **argv)
{
	bool expect = argc > 1 && strcmp(argv[1], "expect") == 0;
	int terminal = argc > 1 + expect ? atoi(argv[1 + expect]) : 0, bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = mmap((void *)0x10000000, sizeof(*shared),
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("escape_calls: mmap");
		return 99;
	}
	shared->pushed = 'X';
	shared->clone_args[0] = CLONE_NEWUSER;
	shared->clone_args[4] = SIGCHLD;
	for (enum abi abi = NATIVE; abi < ABIS; abi++) {
		if (!has(abi))
			continue;
		for (int i = 0; i < ATTEMPTS; i++) {
			const struct attempt *t = &attempts[i];
			int nr = abi == I386 ? t->i386 :
			    abi == X32 && t->x32 ? t->x32 : t->native;
			int wanted = abi == X32 ? ENOSYS :
			    t->expected ? t->expected : EPERM;
			int status;

			if (nr == NO_CALL)
				continue;
			status = end_of_call(t, abi, nr, terminal);
			if (expect && status == wanted << 8)
				continue;
			print(t, abi, status);
			bad++;
		}
	}
	return expect && bad > 0;
}
