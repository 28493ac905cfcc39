/* What the tests run under pith: static, so that it needs no file beside it.
 *
 *	probe signals [LAST]  print "ready", then "signal N code C value V" for
 *	                      each that comes; ends after signal LAST (15)
 *	probe state           print mask, ignored signals, ids, fds, terminal
 *	probe stubborn        ignore what can be ignored, print "ready", stay
 *	probe polite MS       print "ready"; on TERM print "cleaning", work for
 *	                      MS, print "cleaned", end with 0
 *	probe exit N          end so
 *	probe die SIG         end so
 *	probe orphans N MS    leave N orphans that live MS milliseconds
 *	probe stay            end with 77 after 3 seconds, by the latest
 *	probe zombies N       make N zombies, print "made", then be "signals";
 *	                      at SIGUSR2 their parent ends: all are orphaned
 *	probe with WORD ... -- COMMAND
 *	                      run COMMAND with ignore=SIG, block=SIG, close=FD,
 *	                      leader=1 (session), alarm=SECONDS, root=1 (all
 *	                      ids 0), child=MS (one that is there before the
 *	                      exec), nameless=1 (not even argv[0]), twice=1
 *	                      (the last variable of the environment again)
 *	probe queue PID SIG VALUE
 *	                      sigqueue(3)
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
hold_all(void)
{
	unsigned long all = -1UL;

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
		/* Else each SIGPIPE would beget the next. */
		if (sig == last || ferror(stdout))
			return 0;
	}
}

/* signals() in between, so that the test sees what is forwarded meanwhile. */
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

/* Two generations: the middle one ends, so that the young are orphans. */
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
	static char *twofold[1024];
	size_t n = 0;

	for (; environ[n] && n < 1022; n++)
		twofold[n] = environ[n];
	twofold[n] = environ[n - 1];
	environ = twofold;
}

static void
arrange(const char *word)
{
	const char *equals = strchr(word, '=');
	int n = equals ? atoi(equals + 1) : 0;

	if (strncmp(word, "ignore=", 7) == 0) {
		signal(n, SIG_IGN);
	} else if (strncmp(word, "block=", 6) == 0) {
		unsigned long set = 1UL << (n - 1);

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
		fprintf(stderr, "probe: what is %s?\n", word);
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

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
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
	fprintf(stderr, "probe: what is %s?\n", what);
	return 99;
}
