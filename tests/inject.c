/* Let one system call of one process in a tree fail, or list the calls of all.
 * strace(1) injects a fault into every process at its nth call; inject does so
 * in a single process, and the others run at full speed. Uses
 * seccomp_unotify(2), Linux 5.9, which works on every architecture.
 *
 *	inject [-u UID] -l FILE COMMAND ...
 *		write to FILE a line "ROLE CALL COUNT" per call and process
 *	inject [-u UID] ROLE CALL N ERROR COMMAND ...
 *		let the Nth CALL of process ROLE fail with ERROR
 *
 * ROLE 1 is COMMAND itself after its exec. ROLE 1.2 is its second child (among
 * the existing ones) until that child's exec. inject waits for all descendants
 * and exits with COMMAND's code, or with 99: processes still ran after 5
 * seconds and were killed; 98: the fault was not reached; 97: inject does not
 * work here.
 *
 * calls.h has a line { "NAME", NUMBER }, for each call in the system's headers.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HANGS = 99, MISSED = 98, BROKEN = 97 };
enum { LIMIT_S = 5, PROCESSES = 64, CALLS = 512 };

static const struct { const char *name; int value; } calls[] = {
#include "calls.h"
}, errors[] = {
	{ "EPERM", EPERM }, { "ENOENT", ENOENT }, { "EINTR", EINTR },
	{ "EIO", EIO },
	{ "EAGAIN", EAGAIN }, { "ENOMEM", ENOMEM }, { "EACCES", EACCES },
	{ "EBUSY", EBUSY }, { "EINVAL", EINVAL }, { "EMFILE", EMFILE },
	{ "ENOSPC", ENOSPC }, { "ENOSYS", ENOSYS }, { "E2BIG", E2BIG },
	{ "ENOEXEC", ENOEXEC }, { "EROFS", EROFS }, { "EUSERS", EUSERS },
};

struct process {
	pid_t pid;
	char role[64];
	int begun, over;
	int count[CALLS];
};

static struct process processes[PROCESSES];
static int process_count;
static const char *role, *list;
static int nr = -1, nth, error, hit;

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(BROKEN);
}

static int
read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
	return 1;
}

static pid_t
parent_of(pid_t pid)
{
	char text[512], *end;

	if (!read_proc(pid, "stat", text, sizeof(text)))
		return 0;
	end = strrchr(text, ')');
	return end ? atoi(end + 4) : 0;
}

static int
children_of(pid_t pid, pid_t children[PROCESSES])
{
	char name[32], text[1024], *word;
	int n = 0;

	snprintf(name, sizeof(name), "task/%d/children", pid);
	if (!read_proc(pid, name, text, sizeof(text)))
		return 0;
	for (word = strtok(text, " "); word && n < PROCESSES;
	    word = strtok(NULL, " "))
		children[n++] = atoi(word);
	return n;
}

/* Find or make the record of a process; NULL if it is no descendant of the
 * command. */
static struct process *
find_process(pid_t pid)
{
	pid_t siblings[PROCESSES];
	struct process *parent, *p;
	int n, place = 0;

	for (int i = 0; i < process_count; i++)
		if (processes[i].pid == pid)
			return &processes[i];
	if (pid <= 1 || process_count == PROCESSES)
		return NULL;
	parent = find_process(parent_of(pid));
	if (!parent)
		return NULL;
	n = children_of(parent->pid, siblings);
	while (place < n && siblings[place] != pid)
		place++;
	p = &processes[process_count++];
	p->pid = pid;
	p->begun = 1;
	p->over = parent->over;
	snprintf(p->role, sizeof(p->role), "%.50s.%d", parent->role,
	    place + 1);
	return p;
}

/* Return the error to inject into a call, or 0. */
static int
error_for(const struct seccomp_notif *n)
{
	struct process *p = find_process(n->pid);

	if (!p || p->over || n->data.nr < 0 || n->data.nr >= CALLS)
		return 0;
	if (!p->begun) {
		p->begun = n->data.nr == __NR_execve;
		return 0;
	}
	if (++p->count[n->data.nr] == nth && n->data.nr == nr &&
	    strcmp(p->role, role) == 0) {
		hit = 1;
		return error;
	}
	if (n->data.nr == __NR_execve)
		p->over = 1;
	return 0;
}

static void
answer(int listener)
{
	union { struct seccomp_notif n; char room[1024]; } call;
	union { struct seccomp_notif_resp r; char room[1024]; } reply;

	memset(&call, 0, sizeof(call));
	memset(&reply, 0, sizeof(reply));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call.n) < 0)
		return;
	reply.r.id = call.n.id;
	reply.r.error = -error_for(&call.n);
	if (reply.r.error == 0)
		reply.r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply.r);
}

/* Install the filter: it reports all calls with -l, and otherwise only the
 * chosen call and execve(2). */
static int
install_filter(void)
{
	struct sock_filter all[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_execve, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, list ? SECCOMP_RET_USER_NOTIF :
		    SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	const struct sock_fprog program = { sizeof(all) / sizeof(all[0]), all };

	if (geteuid() != 0)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void
become(uid_t uid)
{
	if (uid != 0 && (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) <
	    0 || setresuid(uid, uid, uid) < 0))
		die("setresuid");
}

static void
kill_descendants(pid_t pid)
{
	pid_t children[PROCESSES];
	int n = children_of(pid, children);

	for (int i = 0; i < n; i++) {
		kill_descendants(children[i]);
		kill(children[i], SIGKILL);
	}
}

static void
on_sigchld(int sig)
{
	(void)sig;
}

/* Answer calls until no process with the filter is left. False on timeout. */
static int
answer_calls(int listener, pid_t command, int *status)
{
	struct timespec turn = { 1, 0 }, began, now;
	sigset_t none;
	int in_time = 1, one;
	pid_t pid;

	sigemptyset(&none);
	clock_gettime(CLOCK_MONOTONIC, &began);
	for (;;) {
		struct pollfd p = { listener, POLLIN, 0 };

		while ((pid = waitpid(-1, &one, WNOHANG)) > 0)
			if (pid == command)
				*status = one;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - began.tv_sec > LIMIT_S) {
			in_time = 0;
			kill_descendants(getpid());
		}
		if (ppoll(&p, 1, &turn, &none) <= 0)
			continue;
		if (p.revents & POLLIN)
			answer(listener);
		else
			break;
	}
	while ((pid = waitpid(-1, &one, 0)) > 0)
		if (pid == command)
			*status = one;
	return in_time;
}

static int
value_of(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].value;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].value;
	fprintf(stderr, "inject: unknown call or error %s\n", name);
	exit(BROKEN);
}

static void
write_list(void)
{
	FILE *f = fopen(list, "we");

	if (!f)
		die(list);
	for (int i = 0; i < process_count; i++)
		for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++) {
			const int n = calls[c].value < CALLS ?
			    processes[i].count[calls[c].value] : 0;

			if (n > 0)
				fprintf(f, "%s %s %d\n", processes[i].role,
				    calls[c].name, n);
		}
	fclose(f);
}

/* Parse the arguments. Returns the argv of the command. */
static char **
parse(int argc, char **argv, uid_t *uid)
{
	argv++;
	if (argc > 3 && strcmp(*argv, "-u") == 0) {
		*uid = atoi(argv[1]);
		argv += 2;
	}
	if (argc > 3 && strcmp(*argv, "-l") == 0) {
		list = argv[1];
		return argv + 2;
	}
	if (argc < 6)
		exit(BROKEN);
	role = argv[0];
	nr = value_of(argv[1]);
	nth = atoi(argv[2]);
	error = value_of(argv[3]);
	return argv + 4;
}

static pid_t
start(char **argv, uid_t uid, volatile int *listener)
{
	sigset_t child, before;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	/* Share the descriptor table, so that we get the listener. */
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		die("clone");
	if (pid > 0)
		return pid;
	sigprocmask(SIG_SETMASK, &before, NULL);
	*listener = install_filter();
	if (*listener < 0)
		die("seccomp");
	become(uid);
	execv(*argv, argv);
	die(*argv);
}

int
main(int argc, char **argv)
{
	volatile int *listener = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct sigaction act = { .sa_handler = on_sigchld };
	struct process *first = &processes[process_count++];
	uid_t uid = 0;
	int status = 0;

	argv = parse(argc, argv, &uid);
	if (listener == MAP_FAILED)
		die("mmap");
	sigaction(SIGCHLD, &act, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	first->pid = start(argv, uid, listener);
	strcpy(first->role, "1");
	while (*listener == 0)
		sched_yield();
	if (*listener < 0)
		return BROKEN;
	if (!answer_calls(*listener, first->pid, &status))
		return HANGS;
	if (list)
		write_list();
	else if (!hit)
		return MISSED;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status);
}
