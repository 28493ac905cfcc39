/* For device_bench.sh. As process 1, started by the kernel: note the time and
 * become the init that argv[1] names. As a line of its inittab: print how long
 * that took until now and what memory process 1 has, tell the log of the
 * kernel, and have the machine powered off.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static int
memory(void)
{
	char line[128];
	int kilobytes = -1;
	FILE *rollup;

	mount("proc", "/proc", "proc", 0, NULL);
	rollup = fopen("/proc/1/smaps_rollup", "r");
	while (rollup && fgets(line, sizeof(line), rollup))
		if (sscanf(line, "Rss: %d", &kilobytes) == 1)
			break;
	return kilobytes;
}

int
main(int argc, char **argv)
{
	char text[32];
	const char *begun = getenv("BEGUN");
	const long long then = begun ? atoll(begun) : 0, at = now();
	int fd;

	if (getpid() == 1 && argc > 1) {
		snprintf(text, sizeof(text), "%lld", at);
		setenv("BEGUN", text, 1);
		execv(argv[1], (char *[]){ "/init", NULL });
		return 1;
	}
	/* It has started us, and is to come to rest. */
	usleep(300000);
	printf("\nstamp %lld %d\n", at - then, memory());
	fflush(stdout);
	mkdir("/dev", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	fd = open("/dev/kmsg", O_WRONLY);
	if (fd >= 0)
		dprintf(fd, "<0>asked");
	kill(1, SIGUSR2);
	return 0;
}
