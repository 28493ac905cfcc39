/* Commands that the tests run under pith. Static, so that it needs no library.
 *
 *	probe signals [LAST]  print "ready", then "signal N code C value V" for
 *	                      each signal; exit after signal LAST (15)
 *	probe state           print mask, ignored signals, ids, fds, terminal
 *	probe stubborn        ignore all signals, print "ready", wait forever
 *	probe polite MS       print "ready"; on TERM print "cleaning", work for
 *	                      MS, print "cleaned", exit with 0
 *	probe exit N          exit with code N
 *	probe die SIG         die of signal SIG
 *	probe orphans N MS    leave N orphans that live for MS milliseconds
 *	probe stay            exit with 77 after 3 seconds
 *	probe zombies N       make N zombies, print "made", and on SIGUSR2
 *	                      orphan them all; then continue as "signals"
 *	probe with WORD ... -- COMMAND
 *	                      run COMMAND with ignore=SIG, block=SIG, close=FD,
 *	                      leader=1 (session), alarm=SECONDS, root=1 (all
 *	                      ids 0), child=MS (fork a child before the
 *	                      exec), nameless=1 (no argv[0]), twice=1
 *	                      (duplicate the last environment variable)
 *	probe queue PID SIG VALUE
 *	                      sigqueue(3)
 *
 * Commands that use up limited resources, and others:
 *
 *	probe take MIB [MS]   use MIB of memory, print "taken", keep it for MS
 *	probe burn MS [N]     use MS of CPU time in each of N processes (0:
 *	                      forever); print "used MS", the total
 *	probe fill N          fork N children, print "made N"; exit with 1 if
 *	                      fewer
 *	probe bomb [MIB]      ignore all signals, use MIB of memory and fork
 *	                      forever; the children do the same
 *	probe beat FILE       append a line to FILE every 10 ms
 *	probe after US SIG COMMAND ...
 *	                      run COMMAND, send it SIG after US microseconds;
 *	                      print "sent PID" when it has stopped or exited,
 *	                      and exit with its code
 *	probe job COMMAND ... run COMMAND as the foreground job of a terminal,
 *	                      which is its stdin; print "job PID". Input "z"
 *	                      types ^Z and prints "stopped"; "fg" continues the
 *	                      job and prints "continued". At end of file, wait
 *	                      for the job and exit with its code
 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
hold_all(void)
{
	const uint64_t all = UINT64_MAX;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
}

static void
nap(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static int
next_signal(siginfo_t *info)
{
	sigset_t all;

	memset(&all, 0xff, sizeof(all));
	return sigwaitinfo(&all, info);
}

static int
signals(int last)
{
	hold_all();
	puts("ready");
	for (;;) {
		siginfo_t info;
		int sig = next_signal(&info);

		printf("signal %d code %d value %d\n", sig, info.si_code,
		    info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
		/* Stop on a broken pipe: each SIGPIPE would cause another. */
		if (sig == last || ferror(stdout))
			return 0;
	}
}

/* Orphan n zombies, and report the signals that are forwarded meanwhile. */
static int
zombies(long n)
{
	siginfo_t info;
	int made[2];
	char byte;
	pid_t middle;

	if (pipe(made) < 0)
		return 99;
	hold_all();
	middle = fork();
	if (middle == 0) {
		for (long i = 0; i < n; i++)
			if (fork() == 0)
				_exit(0);
		(void)!write(made[1], "", 1);
		for (;;)
			pause();
	}
	if (read(made[0], &byte, 1) != 1)
		return 99;
	puts("made");
	while (next_signal(&info) != SIGUSR2)
		;
	kill(middle, SIGKILL);
	return signals(SIGTERM);
}

static int
state(void)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");

	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "Sig", 3) == 0 ||
		    strncmp(line, "Shd", 3) == 0)
			fputs(line, stdout);
	if (status)
		fclose(status);
	printf("pid %d\nppid %d\npgid %d\nsid %d\nforeground %d\n", getpid(),
	    getppid(), getpgrp(), getsid(0), tcgetpgrp(0));
	printf("cwd %s\n", getcwd(line, sizeof(line)) ? line : "?");
	printf("fds");
	for (int fd = 0; fd < 1024; fd++) {
		char path[32];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, line, sizeof(line));
		if (n > 0)
			printf(" %d", fd);
	}
	printf("\nlisten_pid %s\n",
	    getenv("LISTEN_PID") ? getenv("LISTEN_PID") : "none");
	return 0;
}

static _Noreturn void
stubborn(void)
{
	for (int sig = 1; sig < 65; sig++)
		signal(sig, SIG_IGN);
	puts("ready");
	for (;;)
		pause();
}

static int
polite(long ms)
{
	siginfo_t info;

	hold_all();
	puts("ready");
	while (next_signal(&info) != SIGTERM)
		;
	puts("cleaning");
	nap(ms);
	puts("cleaned");
	return 0;
}

/* Fork twice: the process in between exits, so that its children are
 * orphans. */
static int
orphans(long n, long ms)
{
	pid_t middle = fork();

	if (middle == 0) {
		for (long i = 0; i < n; i++)
			if (fork() == 0) {
				nap(ms);
				_exit(0);
			}
		_exit(0);
	}
	waitpid(middle, NULL, 0);
	return 0;
}

static int nameless;

static void
twice(void)
{
	static char *extended[1024];
	size_t n = 0;

	for (; environ[n] && n < 1022; n++)
		extended[n] = environ[n];
	extended[n] = environ[n - 1];
	environ = extended;
}

static void
arrange(const char *word)
{
	const char *equals = strchr(word, '=');
	int n = equals ? atoi(equals + 1) : 0;

	if (strncmp(word, "ignore=", 7) == 0) {
		signal(n, SIG_IGN);
	} else if (strncmp(word, "block=", 6) == 0) {
		uint64_t set = UINT64_C(1) << (n - 1);

		syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
	} else if (strncmp(word, "close=", 6) == 0) {
		close(n);
	} else if (strncmp(word, "leader=", 7) == 0) {
		setsid();
	} else if (strncmp(word, "alarm=", 6) == 0) {
		alarm(n);
	} else if (strncmp(word, "root=", 5) == 0) {
		if (setresuid(0, 0, 0) < 0)
			perror(word);
	} else if (strncmp(word, "twice=", 6) == 0) {
		twice();
	} else if (strncmp(word, "nameless=", 9) == 0) {
		nameless = n;
	} else if (strncmp(word, "child=", 6) == 0) {
		if (fork() == 0) {
			nap(n);
			_exit(9);
		}
	} else {
		fprintf(stderr, "probe: unknown word %s\n", word);
		exit(99);
	}
}

static int
with(char **words)
{
	while (*words && strcmp(*words, "--") != 0)
		arrange(*words++);
	execvp(words[1], nameless ? (char *[]){ NULL } : words + 1);
	perror(words[1]);
	return 99;
}

/* ---- use of limited resources -------------------------------------------- */

static int
take(long mib, long ms)
{
	const size_t n = (size_t)mib << 20;
	volatile char *at = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return 99;
	for (size_t i = 0; i < n; i += 4096)
		at[i] = 1;
	puts("taken");
	nap(ms);
	return 0;
}

static long
used_ms(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	    (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static int
burn(long ms, long n)
{
	while (--n > 0)
		if (fork() == 0)
			break;
	while (ms == 0 || used_ms(RUSAGE_SELF) < ms)
		;
	if (n > 0)
		_exit(0);
	while (wait(NULL) > 0)
		;
	printf("used %ld\n", used_ms(RUSAGE_SELF) + used_ms(RUSAGE_CHILDREN));
	return 0;
}

static int
fill(long n)
{
	long made = 0;

	while (made < n) {
		pid_t child = fork();

		if (child < 0)
			break;
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		made++;
	}
	printf("made %ld\n", made);
	return made < n;
}

static _Noreturn void
bomb(long mib)
{
	pid_t child = 0;

	for (int sig = 1; sig < 65; sig++)
		signal(sig, SIG_IGN);
	for (;;) {
		if (child == 0 && mib > 0)
			memset(malloc(mib << 20), 1, mib << 20);
		child = fork();
		if (child < 0)
			nap(1);
	}
}

static int
beat(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0666);

	while (write(fd, "\n", 1) == 1)
		nap(10);
	return 99;
}

static int
end_of(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		return 99;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
after(long us, int sig, char **command)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };
	siginfo_t info;
	pid_t child = fork();

	if (child == 0) {
		execvp(command[0], command);
		_exit(99);
	}
	nanosleep(&t, NULL);
	kill(child, sig);
	waitid(P_PID, child, &info, WEXITED | WSTOPPED | WNOWAIT);
	printf("sent %d\n", child);
	return end_of(child);
}

/* Act as a shell with one job. */
static int
job(char **command)
{
	char line[16];
	int master, terminal;
	pid_t child;

	signal(SIGTTOU, SIG_IGN);
	if (openpty(&master, &terminal, NULL, NULL, NULL) < 0 ||
	    (getsid(0) != getpid() && setsid() < 0) ||
	    ioctl(terminal, TIOCSCTTY, 0) < 0)
		return 99;
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		tcsetpgrp(terminal, getpid());
		signal(SIGTTOU, SIG_DFL);
		dup2(terminal, STDIN_FILENO);
		close(terminal);
		close(master);
		execvp(command[0], command);
		_exit(99);
	}
	printf("job %d\n", child);
	while (fgets(line, sizeof(line), stdin)) {
		if (line[0] == 'z') {
			(void)!write(master, "\032", 1);
			waitpid(child, NULL, WUNTRACED);
			puts("stopped");
		} else {
			tcsetpgrp(terminal, child);
			kill(-child, SIGCONT);
			puts("continued");
		}
	}
	return end_of(child);
}

/* Run a command of this section and exit. Return if what names none. */
static void
run_resource_command(const char *what, long n, int argc, char **argv)
{
	const long m = argc > 3 ? atol(argv[3]) : 0;

	if (strcmp(what, "take") == 0)
		exit(take(n, m));
	if (strcmp(what, "burn") == 0)
		exit(burn(n, m));
	if (strcmp(what, "fill") == 0)
		exit(fill(n));
	if (strcmp(what, "bomb") == 0)
		bomb(n);
	if (strcmp(what, "beat") == 0)
		exit(beat(argv[2]));
	if (strcmp(what, "after") == 0)
		exit(after(n, m, argv + 4));
	if (strcmp(what, "job") == 0)
		exit(job(argv + 2));
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	run_resource_command(what, n, argc, argv);
	if (strcmp(what, "signals") == 0)
		return signals(n ? n : SIGTERM);
	if (strcmp(what, "state") == 0)
		return state();
	if (strcmp(what, "zombies") == 0)
		return zombies(n);
	if (strcmp(what, "stay") == 0) {
		nap(3000);
		return 77;
	}
	if (strcmp(what, "stubborn") == 0)
		stubborn();
	if (strcmp(what, "polite") == 0)
		return polite(n);
	if (strcmp(what, "exit") == 0)
		return n;
	if (strcmp(what, "die") == 0)
		return kill(getpid(), n) + pause();
	if (strcmp(what, "orphans") == 0)
		return orphans(n, argc > 3 ? atol(argv[3]) : 0);
	if (strcmp(what, "with") == 0)
		return with(argv + 2);
	if (strcmp(what, "queue") == 0)
		return sigqueue(n, atoi(argv[3]),
		    (union sigval){ .sival_int = atoi(argv[4]) }) < 0;
	fprintf(stderr, "probe: unknown command %s\n", what);
	return 99;
}
