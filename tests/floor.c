/* Baseline for tests/bench.c, and the commands that it runs; static and small.
 *
 *	floor -- COMMAND ...    the smallest init: block, vfork, exec, forward
 *	floor answer            write r to stdout, then a for each SIGUSR1
 *	floor orphans N         make N orphans, exit when all have been reaped
 *	floor zombies N         make N zombies, write r; SIGUSR2 orphans them
 *	                        all at once; on SIGUSR1 write b if some are
 *	                        left, d if none is
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static unsigned long
set_mask(unsigned long mask)
{
	unsigned long old;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &old, sizeof(mask));
	return old;
}

static int
next_signal(void)
{
	sigset_t all;

	memset(&all, 0xff, sizeof(all));
	return sigwaitinfo(&all, NULL);
}

static int
init(char **command)
{
	unsigned long inherited = set_mask(-1UL);
	pid_t child = vfork();

	if (child == 0) {
		set_mask(inherited);
		execve(command[0], command, environ);
		_exit(127);
	}
	for (;;) {
		int sig = next_signal();
		int wait_status;
		pid_t pid;

		if (sig != SIGCHLD)
			kill(child, sig);
		else
			while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
				if (pid == child)
					return WEXITSTATUS(wait_status);
	}
}

static void
put(char c)
{
	(void)!write(STDOUT_FILENO, &c, 1);
}

static pid_t
make_zombie(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		abort();
	return pid;
}

/* Make n zombies. Returns the youngest. */
static pid_t
make_zombies(long n)
{
	pid_t last = 0;

	while (n-- > 0)
		last = make_zombie();
	return last;
}

/* Make orphans in groups: the exit of each parent orphans its children. Then
 * wait with kill(-1, 0), which also finds zombies, but not process 1 and the
 * caller; kill(2). */
static int
orphans(long n)
{
	const struct timespec moment = { 0, 100000 };
	enum { BROOD = 50 };

	for (; n > 0; n -= BROOD) {
		pid_t parent = fork();

		if (parent == 0) {
			make_zombies(BROOD);
			_exit(0);
		}
		if (parent < 0)
			return 1;
		waitpid(parent, NULL, 0);
	}
	while (kill(-1, 0) == 0 || errno != ESRCH)
		nanosleep(&moment, NULL);
	return 0;
}

static int
answer(void)
{
	int sig;

	set_mask(-1UL);
	put('r');
	while ((sig = next_signal()) != SIGTERM)
		if (sig == SIGUSR1)
			put('a');
	return 0;
}

/* Inits reap in the order of creation, so that the youngest is the last. */
static int
zombies(long n)
{
	pid_t youngest, parent;
	int told[2];
	int sig;

	set_mask(-1UL);
	if (pipe(told) < 0)
		return 1;
	parent = fork();
	if (parent == 0) {
		youngest = make_zombies(n);
		(void)!write(told[1], &youngest, sizeof(youngest));
		for (;;)
			pause();
	}
	if (read(told[0], &youngest, sizeof(youngest)) != sizeof(youngest))
		return 1;
	put('r');
	while ((sig = next_signal()) != SIGTERM)
		if (sig == SIGUSR2)
			kill(parent, SIGKILL);
		else if (sig == SIGUSR1)
			put(kill(youngest, 0) < 0 ? 'd' : 'b');
	return 0;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 0;

	if (strcmp(what, "--") == 0 && argc > 2)
		return init(argv + 2);
	if (strcmp(what, "answer") == 0)
		return answer();
	if (strcmp(what, "orphans") == 0)
		return orphans(n);
	if (strcmp(what, "zombies") == 0)
		return zombies(n);
	return 99;
}
