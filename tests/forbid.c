/* Run a command without some system calls, as on an old kernel.
 *
 *	forbid [first] [EPERM] [CALL ...] -- COMMAND
 *
 * Each CALL, a name or a number, fails with ENOSYS in COMMAND and its
 * descendants. After "EPERM", calls fail with EPERM. "subreaper" is an option
 * of prctl(2), which fails with EINVAL. With "first", COMMAND is process 1 of a
 * PID namespace with its own /proc. This program is static and makes few calls,
 * so that strace(1) can inject faults into COMMAND without breaking forbid.
 */
#include <errno.h>
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "architecture.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/* Calls. If option is not 0, only calls with this first argument fail. */
static const struct {
	const char *name;
	unsigned int number, option;
} calls[] = {
	{ "clone3", SYS_clone3, 0 },
	{ "close_range", SYS_close_range, 0 },
	{ "fsopen", SYS_fsopen, 0 },
	{ "getrandom", SYS_getrandom, 0 },
	{ "linkat", SYS_linkat, 0 },
	{ "openat2", SYS_openat2, 0 },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, 0 },
	{ "rt_sigqueueinfo", SYS_rt_sigqueueinfo, 0 },
	{ "subreaper", SYS_prctl, PR_SET_CHILD_SUBREAPER },
#ifdef SYS_vfork
	{ "vfork", SYS_vfork, 0 },
#endif
};

static int error = ENOSYS;

static _Noreturn void
fail(const char *what)
{
	perror(what);
	exit(99);
}

/* Install one filter per call; the kernel runs all of them, seccomp(2). Of the
 * argument, the filter compares only the low 32 bits. */
static void
install(unsigned int number, unsigned int option)
{
	const unsigned int low = offsetof(struct seccomp_data, args) +
	    (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low),
		BPF_JUMP(BPF_JMP | (option ? BPF_JEQ : BPF_JGE) | BPF_K,
		    option, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
		    SECCOMP_RET_ERRNO | (option ? EINVAL : error)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { COUNT_OF(filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		fail("seccomp");
}

static void
forbid(const char *name)
{
	char *end;
	const unsigned long number = strtoul(name, &end, 10);

	if (strcmp(name, "EPERM") == 0) {
		error = EPERM;
		return;
	}
	if (end > name && !*end) {
		install(number, 0);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		if (strcmp(name, calls[i].name) == 0) {
			install(calls[i].number, calls[i].option);
			return;
		}
	fprintf(stderr, "forbid: unknown call %s\n", name);
	exit(99);
}

/* Return in process 1 of a new PID namespace. The calling process waits for it
 * and exits with its code. Use clone(2) and waitid(2), which pith does not
 * use. */
static void
become_first(void)
{
	pid_t pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD,
	    NULL, NULL, NULL, NULL);
	siginfo_t info;

	if (pid < 0)
		fail("clone");
	if (pid > 0) {
		while (waitid(P_PID, pid, &info, WEXITED) < 0)
			if (errno != EINTR)
				fail("waitid");
		_exit(info.si_code == CLD_EXITED ? info.si_status :
		    128 + info.si_status);
	}
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0)
		fail("mount");
}

int
main(int argc, char **argv)
{
	char **word = argv + 1;

	if (argc > 1 && strcmp(*word, "first") == 0) {
		become_first();
		word++;
	}
	while (*word && strcmp(*word, "--") != 0)
		forbid(*word++);
	if (!*word || !word[1]) {
		fprintf(stderr, "forbid: no command\n");
		return 99;
	}
	execvp(word[1], word + 1);
	fail(word[1]);
}
