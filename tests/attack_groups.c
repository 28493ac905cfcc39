/* Hostile command that makes control groups in its own group, or forks forever:
 *	attack_groups deep|wide DIR COUNT [stay]
 *	attack_groups churn
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Start a process in a group that ignores signals. */
static void
stay(int group)
{
	const int procs = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	const pid_t pid = fork();

	if (pid == 0) {
		signal(SIGTERM, SIG_IGN);
		if (write(procs, "0", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(procs);
}

static int
groups(int deep, const char *path, int wanted, int stays)
{
	int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[16];
	int n;

	if (dir < 0)
		return 1;
	for (n = 0; n < wanted; n++) {
		int group;

		snprintf(name, sizeof(name), "g%d", n);
		if (mkdirat(dir, name, 0755) < 0)
			break;
		group = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (stays)
			stay(group);
		close(deep ? dir : group);
		dir = deep ? group : dir;
	}
	printf("made %d\n", n);
	return 0;
}

/* Fork children that exit too soon to be signalled or moved. */
static int
churn(void)
{
	for (;;) {
		if (fork() == 0)
			_exit(0);
		while (waitpid(-1, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "churn") == 0)
		return churn();
	if (argc < 4)
		return 2;
	return groups(strcmp(argv[1], "deep") == 0, argv[2], atoi(argv[3]),
	    argc > 4);
}
